/*
 * src/lineage/track/copy.c
 *		Lineage of COPY between a table and a file or a program of the server.
 *
 * A file's columns are called like those of the table that it fills or was filled from.  What
 * comes from or goes to the client has no lineage.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "common/hashfn.h"
#include "lineage/extract/extract.h"
#include "lineage/track/track.h"
#include "nodes/value.h"
#include "utils/rel.h"

/* command_of returns the name of the program in a line of the shell, which is changed: settings before it and arguments may be secrets. */
static char *
command_of(char *line)
{
	static const char *const space = " \t\n";
	char	   *word = strtok(line, space);

	while (word != NULL && strchr(word, '=') != NULL)
		word = strtok(NULL, space);
	return word ? word : pstrdup("");
}

/* pgc_copy_set_file makes a node stand for the file or program of a COPY. */
void
pgc_copy_set_file(PgcLineageNode *node, const CopyStmt *statement)
{
	node->place = statement->is_program ? PGC_PROGRAM : PGC_FILE;
	node->oid = InvalidOid;
	node->schema = NULL;
	node->name = pstrdup(statement->filename);
	if (statement->is_program)
		node->name = command_of(node->name);
}

/* columns_of returns the numbers of the columns that COPY of a table moves (List of int), in its order. */
static List *
columns_of(const CopyStmt *statement, TupleDesc descriptor)
{
	List	   *columns = NIL;
	ListCell   *cell;

	foreach(cell, statement->attlist)
	{
		for (int i = 0; i < descriptor->natts; i++)
		{
			if (strcmp(NameStr(TupleDescAttr(descriptor, i)->attname), strVal(lfirst(cell))) == 0)
				columns = lappend_int(columns, i + 1);
		}
	}
	for (int i = 0; statement->attlist == NIL && i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);

		if (!attribute->attisdropped && attribute->attgenerated == '\0')
			columns = lappend_int(columns, i + 1);
	}
	return columns;
}

/* add_edge adds the edge between the file's column so and so (node 0) and the table's (node 1). */
static void
add_edge(PgcLineage *lineage, int file_column, AttrNumber column, bool is_from)
{
	PgcEdge    *edge = &lineage->edges[lineage->nedges++];
	char	   *name;

	pgc_lineage_set_column(lineage, 1, column);
	name = lineage->nodes[1].columns[column - 1];
	lineage->nodes[0].columns[file_column - 1] = name;
	edge->source = is_from ? 0 : 1;
	edge->target = is_from ? 1 : 0;
	edge->source_column = (AttrNumber) (is_from ? file_column : column);
	edge->target_column = (AttrNumber) (is_from ? column : file_column);
	edge->subtype = PGC_IDENTITY;
	edge->hops = PGC_IMMEDIATE | PGC_BASE;
	edge->nullable = true;
	edge->expression = edge->shape = hash_bytes_extended((const unsigned char *) name, (int) strlen(name), 0);
}

/* add_nodes adds the file and the table, without a lock, which COPY takes itself; returns the columns that are moved. */
static List *
add_nodes(PgcLineage *lineage, const CopyStmt *statement, Oid relid)
{
	Relation	relation = RelationIdGetRelation(relid);
	List	   *columns;
	int			file;

	if (!RelationIsValid(relation))
		return NIL;
	columns = columns_of(statement, RelationGetDescr(relation));
	RelationClose(relation);
	file = pgc_lineage_add_node(lineage, PGC_FILE, InvalidOid);
	(void) pgc_lineage_add_node(lineage, PGC_RELATION, relid);
	pgc_copy_set_file(&lineage->nodes[file], statement);
	lineage->nodes[file].ncolumns = list_length(columns);
	lineage->nodes[file].columns = palloc0(list_length(columns) * sizeof(char *));
	return columns;
}

/* pgc_copy_lineage returns the lineage of a COPY of a table; NULL: it has none. */
PgcLineage *
pgc_copy_lineage(const CopyStmt *statement)
{
	PgcLineage *lineage = palloc0(sizeof(PgcLineage));
	Oid			relid = RangeVarGetRelid(statement->relation, NoLock, true);
	List	   *columns;

	if (!OidIsValid(relid))
		return NULL;
	columns = add_nodes(lineage, statement, relid);
	if (columns == NIL)
		return NULL;
	lineage->operation = statement->is_from ? "COPY FROM" : "COPY TO";
	lineage->edges = palloc0(list_length(columns) * sizeof(PgcEdge));
	for (int i = 0; i < list_length(columns); i++)
		add_edge(lineage, i + 1, (AttrNumber) list_nth_int(columns, i), statement->is_from);
	pgc_lineage_sort(lineage);
	return lineage;
}
