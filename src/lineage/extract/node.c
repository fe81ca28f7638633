/*
 * src/lineage/extract/node.c
 *		The nodes of a lineage: what has columns, and their names.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "lineage/extract/extract.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

/* pgc_relation_width is the number of a relation's columns, dropped ones too. */
int
pgc_relation_width(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	int			width;

	if (!HeapTupleIsValid(tuple))
		return 0;
	width = ((Form_pg_class) GETSTRUCT(tuple))->relnatts;
	ReleaseSysCache(tuple);
	return width;
}

/*
 * pgc_lineage_set_relation makes a node a relation, and takes the names of its
 * columns from there.
 */
void
pgc_lineage_set_relation(PgcLineage *lineage, int node, Oid relid)
{
	PgcLineageNode *place = &lineage->nodes[node];
	int			ncolumns = Max(pgc_relation_width(relid), place->ncolumns);
	char	  **columns = palloc0((ncolumns + 1) * sizeof(char *));

	place->place = PGC_RELATION;
	place->oid = relid;
	place->temporary = get_rel_persistence(relid) == RELPERSISTENCE_TEMP;
	place->schema = get_namespace_name(get_rel_namespace(relid));
	place->name = get_rel_name(relid);
	for (int i = 0; i < place->ncolumns; i++)
	{
		if (place->columns[i] != NULL)
			columns[i] = get_attname(relid, i + 1, true);
	}
	place->ncolumns = ncolumns;
	place->columns = columns;
}

/* set_routine names a node after a function. */
static void
set_routine(PgcLineageNode *node, Oid funcid)
{
	char	   *name = format_procedure_qualified(funcid);

	node->schema = get_namespace_name(get_func_namespace(funcid));
	node->name = name + strlen(quote_identifier(node->schema)) + 1;
}

/* pgc_lineage_add_node returns the number of a node: of a relation and a routine always the same. */
int
pgc_lineage_add_node(PgcLineage *lineage, PgcPlace place, Oid oid)
{
	int			number = lineage->nnodes;

	for (int i = 0; i < number && OidIsValid(oid); i++)
	{
		if (lineage->nodes[i].place == place && lineage->nodes[i].oid == oid)
			return i;
	}
	if (number == PG_INT16_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a statement has more than %d relations with lineage", PG_INT16_MAX)));
	/* Room for a power of two. */
	if (number == 0)
		lineage->nodes = palloc(sizeof(PgcLineageNode));
	else if ((number & (number - 1)) == 0)
		lineage->nodes = repalloc(lineage->nodes, 2 * number * sizeof(PgcLineageNode));
	lineage->nnodes++;
	memset(&lineage->nodes[number], 0, sizeof(PgcLineageNode));
	lineage->nodes[number].place = place;
	lineage->nodes[number].oid = oid;
	if (place == PGC_RELATION && OidIsValid(oid))
		pgc_lineage_set_relation(lineage, number, oid);
	else if (place == PGC_ROUTINE)
		set_routine(&lineage->nodes[number], oid);
	return number;
}

/* pgc_lineage_set_column gives a node the name of one of its columns, because an edge has it. */
void
pgc_lineage_set_column(PgcLineage *lineage, int node, AttrNumber column)
{
	PgcLineageNode *place = &lineage->nodes[node];

	if (place->place == PGC_RELATION && column <= place->ncolumns && place->columns[column - 1] == NULL)
		place->columns[column - 1] = get_attname(place->oid, column, true);
}
