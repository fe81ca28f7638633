/*
 * src/lineage/extract/extract.c
 *		Lineage of queries, views, generated columns and functions.
 *
 * Reads the analysed query and the catalogs, never data, and changes nothing.
 * See extract.h for how the other files take part.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "compat.h"
#include "lineage/extract/extract.h"
#include "nodes/makefuncs.h"
#include "rewrite/rewriteHandler.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

static const PgcExtraction of_definition = {0};

/* extract_begin starts an extraction. */
static PgcExtract *
extract_begin(const PgcExtraction *how, const char *operation)
{
	PgcExtract *extract = palloc0(sizeof(PgcExtract));

	extract->how = how;
	extract->is_definition = how == &of_definition;
	extract->recursion = PGC_NO_RECURSION;
	extract->hops = PGC_IMMEDIATE | PGC_BASE;
	extract->lineage = palloc0(sizeof(PgcLineage));
	extract->lineage->operation = operation;
	return extract;
}

/* extract_end returns the lineage; NULL: there are no edges. */
static PgcLineage *
extract_end(PgcExtract *extract)
{
	if (extract->lineage->nedges == 0 && extract->lineage->unresolved == NULL)
		return NULL;
	pgc_lineage_sort(extract->lineage);
	return extract->lineage;
}

/* operation_of names what a query does. */
static const char *
operation_of(const Query *query)
{
	switch (query->commandType)
	{
		case CMD_INSERT:
			return "INSERT";
		case CMD_UPDATE:
			return "UPDATE";
		case CMD_DELETE:
			return "DELETE";
		case CMD_MERGE:
			return "MERGE";
		default:
			return "SELECT";
	}
}

/* add_output makes a query's columns a target. */
static void
add_output(PgcScope *scope, PgcPlace place, Oid oid)
{
	PgcLineage *lineage = scope->extract->lineage;
	int			target = pgc_lineage_add_node(lineage, place, oid);
	PgcLineageNode *node = &lineage->nodes[target];

	node->ncolumns = scope->noutputs;
	node->columns = palloc0((scope->noutputs + 1) * sizeof(char *));
	for (int i = 0; i < scope->noutputs; i++)
		node->columns[i] = pstrdup(scope->outputs[i]->resname == NULL ? "" : scope->outputs[i]->resname);
	pgc_emit_outputs(scope, target);
}

/*
 * pgc_extract_query returns the lineage of a query, rewritten or not, in the
 * current context; NULL: it has none.
 */
PgcLineage *
pgc_extract_query(const Query *query, const PgcExtraction *how)
{
	PgcExtract *extract = extract_begin(how, how->operation != NULL ? how->operation : operation_of(query));
	PgcScope   *scope = pgc_scope_of(extract, query, NULL);

	pgc_emit_statement(scope);
	if (query->commandType == CMD_SELECT && how->has_output)
		add_output(scope, PGC_OUTPUT, InvalidOid);
	return extract_end(extract);
}

/* pgc_extract_view returns the lineage of a view or a materialized view, as its definition says. */
PgcLineage *
pgc_extract_view(Oid relid)
{
	bool		materialized = get_rel_relkind(relid) == RELKIND_MATVIEW;
	PgcExtract *extract = extract_begin(&of_definition, materialized ? "materialized view" : "view");
	PgcScope   *scope = pgc_scope_view(extract, relid);

	if (scope == NULL)
		return NULL;
	pgc_emit_outputs(scope, pgc_lineage_add_node(extract->lineage, PGC_RELATION, relid));
	return extract_end(extract);
}

/* table_scope is the scope of an expression over a table's columns. */
static PgcScope *
table_scope(PgcExtract *extract, Relation relation)
{
	Query	   *query = makeNode(Query);
	RangeTblEntry *rte = makeNode(RangeTblEntry);

	rte->rtekind = RTE_RELATION;
	rte->relid = RelationGetRelid(relation);
	rte->relkind = relation->rd_rel->relkind;
	query->commandType = CMD_SELECT;
	query->rtable = list_make1(rte);
	return pgc_scope_of(extract, query, NULL);
}

/* pgc_extract_generated returns the lineage of a table's generated columns; NULL: it has none. */
PgcLineage *
pgc_extract_generated(Oid relid)
{
	Relation	relation = relation_open(relid, AccessShareLock);
	PgcExtract *extract = extract_begin(&of_definition, "generated");
	PgcScope   *scope = table_scope(extract, relation);
	int			target = pgc_lineage_add_node(extract->lineage, PGC_RELATION, relid);

	for (AttrNumber i = 1; i <= RelationGetNumberOfAttributes(relation); i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), i - 1);

		if (attribute->attgenerated != '\0' && !attribute->attisdropped)
			pgc_emit_expression(scope, target, i, build_column_default(relation, i));
	}
	relation_close(relation, AccessShareLock);
	return extract_end(extract);
}

/*
 * pgc_extract_function returns the lineage of what a function in language SQL
 * gives and writes; NULL: nothing is known of it.
 */
PgcLineage *
pgc_extract_function(Oid funcid)
{
	PgcExtract *extract = extract_begin(&of_definition, "function");
	List	   *body = pgc_function_body(funcid);
	ListCell   *cell;

	foreach(cell, body)
	{
		PgcScope   *scope = pgc_scope_of(extract, lfirst_node(Query, cell), NULL);

		pgc_emit_statement(scope);
		if (lnext(body, cell) == NULL && scope->noutputs > 0)
			add_output(scope, PGC_ROUTINE, funcid);
	}
	return extract_end(extract);
}
