/*
 * src/lineage/statement.c
 *		contract.statement_lineage: lineage of a statement that is not run.
 *
 * A statement is analysed and rewritten, which takes the locks that EXPLAIN would,
 * and nothing else.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "commands/prepare.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lineage/extract.h"
#include "nodes/nodeFuncs.h"
#include "parser/analyze.h"
#include "parser/parse_relation.h"
#include "parser/parser.h"
#include "rewrite/rewriteHandler.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_statement_lineage);

/* Into what a query's rows go, if it does not say so itself. */
typedef struct Into
{
	const char *operation;		/* NULL: nowhere */
	const RangeVar *relation;
	const List *columns;		/* String, or NIL */
} Into;

static void explain_statement(ReturnSetInfo *result, const char *source, Node *statement);

/* put_edge adds an edge to the result, as seen from one hop. */
static void
put_edge(ReturnSetInfo *result, const PgcLineage *lineage, const PgcEdge *edge, const char *hop)
{
	const PgcLineageNode *source = &lineage->nodes[edge->source];
	const PgcLineageNode *target = &lineage->nodes[edge->target];
	const char *texts[] = {
		source->schema, source->name, source->columns[edge->source_column - 1],
		target->schema, target->name, edge->target_column > 0 ? target->columns[edge->target_column - 1] : NULL,
		PGC_IS_DIRECT(edge->subtype) ? "direct" : "indirect", pgc_subtype_name(edge->subtype), hop
	};
	Datum		values[lengthof(texts) + 1];
	bool		nulls[lengthof(texts) + 1] = {false};

	for (int i = 0; i < lengthof(texts); i++)
	{
		nulls[i] = texts[i] == NULL;
		values[i] = nulls[i] ? (Datum) 0 : CStringGetTextDatum(texts[i]);
	}
	values[lengthof(texts)] = BoolGetDatum(edge->masking);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* put_lineage adds the edges of a lineage to the result. */
static void
put_lineage(ReturnSetInfo *result, const PgcLineage *lineage)
{
	for (int i = 0; lineage != NULL && i < lineage->nedges; i++)
	{
		if (lineage->edges[i].hops & PGC_IMMEDIATE)
			put_edge(result, lineage, &lineage->edges[i], "immediate");
		if (lineage->edges[i].hops & PGC_BASE)
			put_edge(result, lineage, &lineage->edges[i], "base");
	}
}

/* name_output gives the columns of a SELECT the names that they will have in what is made of it. */
static void
name_output(PgcLineage *lineage, const Into *into)
{
	for (int i = 0; lineage != NULL && into->relation != NULL && i < lineage->nnodes; i++)
	{
		PgcLineageNode *node = &lineage->nodes[i];
		const ListCell *cell;

		if (node->place != PGC_OUTPUT)
			continue;
		node->place = PGC_RELATION;
		node->schema = get_namespace_name(RangeVarGetCreationNamespace(into->relation));
		node->name = into->relation->relname;
		foreach(cell, into->columns)
			node->columns[foreach_current_index(cell)] = strVal(lfirst(cell));
	}
}

/* explain_query adds the edges of an analysed query, which is rewritten and changed. */
static void
explain_query(ReturnSetInfo *result, Query *query, const Into *into)
{
	const PgcExtraction how = {.operation = into->operation,.has_output = true};
	ListCell   *cell;

	AcquireRewriteLocks(query, true, false);
	foreach(cell, QueryRewrite(query))
	{
		PgcLineage *lineage = pgc_extract_query(lfirst(cell), &how);

		name_output(lineage, into);
		put_lineage(result, lineage);
	}
}

/* analyze analyses a statement that is a part of another. */
static Query *
analyze(const char *source, Node *statement)
{
	RawStmt    *raw = makeNode(RawStmt);
	Oid		   *types = NULL;
	int			count = 0;

	raw->stmt = copyObject(statement);
	return parse_analyze_varparams(raw, source, &types, &count, NULL);
}

/* explain_view: CREATE VIEW. */
static void
explain_view(ReturnSetInfo *result, const char *source, const ViewStmt *statement)
{
	Into		into = {"view", statement->view, statement->aliases};

	explain_query(result, analyze(source, statement->query), &into);
}

/* explain_utility adds the edges of a command that has a query inside. */
static void
explain_utility(ReturnSetInfo *result, const char *source, Node *statement)
{
	Into		into = {0};

	switch (nodeTag(statement))
	{
		case T_CreateTableAsStmt:
			{
				const CreateTableAsStmt *create = (CreateTableAsStmt *) statement;

				into = (Into) {"CREATE TABLE AS", create->into->rel, create->into->colNames};
				if (castNode(Query, create->query)->commandType != CMD_UTILITY)
					explain_query(result, copyObject(castNode(Query, create->query)), &into);
				break;
			}
		case T_DeclareCursorStmt:
			explain_query(result, copyObject(castNode(Query, ((DeclareCursorStmt *) statement)->query)), &into);
			break;
		case T_ExplainStmt:
			{
				Query	   *query = castNode(Query, ((ExplainStmt *) statement)->query);

				if (query->commandType == CMD_UTILITY)
					explain_utility(result, source, query->utilityStmt);
				else
					explain_query(result, copyObject(query), &into);
				break;
			}
		case T_ViewStmt:
			explain_view(result, source, (ViewStmt *) statement);
			break;
		case T_PrepareStmt:
			explain_statement(result, source, ((PrepareStmt *) statement)->query);
			break;
		case T_RefreshMatViewStmt:
			put_lineage(result, pgc_extract_view(RangeVarGetRelid(((RefreshMatViewStmt *) statement)->relation, AccessShareLock, false)));
			break;
		default:
			break;
	}
}

/* explain_statement adds the edges of a statement as parsed. */
static void
explain_statement(ReturnSetInfo *result, const char *source, Node *statement)
{
	Query	   *query = analyze(source, statement);
	const Into	nowhere = {0};

	if (query->commandType == CMD_UTILITY)
		explain_utility(result, source, query->utilityStmt);
	else
		explain_query(result, query, &nowhere);
}

/* show_position makes the position of an error one in the statement, not in the statement that calls us. */
static void
show_position(void *arg)
{
	int			position = geterrposition();

	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery((const char *) arg);
	}
}

/*
 * pgc_statement_lineage (SQL: contract.statement_lineage) returns the edges of
 * statements that are not run: each as if the ones before had not run either.
 */
Datum
pgc_statement_lineage(PG_FUNCTION_ARGS)
{
	char	   *source = text_to_cstring(PG_GETARG_TEXT_PP(0));
	ErrorContextCallback callback = {.callback = show_position,.arg = source,.previous = error_context_stack};
	ListCell   *cell;

	InitMaterializedSRF(fcinfo, 0);
	error_context_stack = &callback;
	foreach(cell, raw_parser(source, RAW_PARSE_DEFAULT))
		explain_statement((ReturnSetInfo *) fcinfo->resultinfo, source, lfirst_node(RawStmt, cell)->stmt);
	error_context_stack = callback.previous;
	return (Datum) 0;
}
