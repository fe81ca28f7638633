/*
 * src/lineage/extract/statement.c
 *		contract.statement_lineage: lineage of a statement that is not run.
 *
 * A statement is analysed and rewritten, which takes the locks that EXPLAIN would,
 * and nothing else.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "commands/prepare.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lineage/extract/extract.h"
#include "lineage/track/track.h"
#include "miscadmin.h"
#include "parser/analyze.h"
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
	const RangeVar *relation;	/* NULL: to the client */
	const List *columns;		/* their names (String), or NIL: as in the
								 * query */
	const CopyStmt *copy;		/* or into its file */
} Into;

static void explain_statement(ReturnSetInfo *result, const char *source, Node *statement);
static void explain_utility(ReturnSetInfo *result, const char *source, Node *statement);

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
	Datum		values[lengthof(texts) + 2];
	bool		nulls[lengthof(texts) + 2] = {false};

	for (int i = 0; i < lengthof(texts); i++)
	{
		nulls[i] = texts[i] == NULL;
		values[i] = nulls[i] ? (Datum) 0 : CStringGetTextDatum(texts[i]);
	}
	values[lengthof(texts)] = BoolGetDatum(edge->masking);
	values[lengthof(texts) + 1] = BoolGetDatum(edge->nullable);
	nulls[lengthof(texts) + 1] = !PGC_IS_DIRECT(edge->subtype);
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

/* name_output puts what is made of a SELECT in the place of its columns. */
static void
name_output(PgcLineageNode *node, const Into *into)
{
	const ListCell *cell;

	if (into->copy != NULL)
		pgc_copy_set_file(node, into->copy);
	if (into->relation == NULL)
		return;
	node->place = PGC_RELATION;
	node->schema = get_namespace_name(RangeVarGetCreationNamespace(into->relation));
	node->name = into->relation->relname;
	foreach(cell, into->columns)
	{
		if (foreach_current_index(cell) < node->ncolumns)
			node->columns[foreach_current_index(cell)] = strVal(lfirst(cell));
	}
}

/* explain_query adds the edges of an analysed query, which is copied and rewritten. */
static void
explain_query(ReturnSetInfo *result, const Query *query, const Into *into)
{
	const PgcExtraction how = {.has_output = true};
	Query	   *copy = copyObject(unconstify(Query *, query));
	ListCell   *cell;

	AcquireRewriteLocks(copy, true, false);
	foreach(cell, QueryRewrite(copy))
	{
		PgcLineage *lineage = pgc_extract_query(lfirst(cell), &how);

		for (int i = 0; lineage != NULL && i < lineage->nnodes; i++)
		{
			if (lineage->nodes[i].place == PGC_OUTPUT)
				name_output(&lineage->nodes[i], into);
		}
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

/* explain_prepared adds the edges of a prepared statement, as it is now: its own query may be older. */
static void
explain_prepared(ReturnSetInfo *result, const ExecuteStmt *statement, const Into *into)
{
	const CachedPlanSource *prepared = FetchPreparedStatement(statement->name, true)->plansource;
	ErrorContextCallback callback = {error_context_stack, show_position, unconstify(char *, prepared->query_string)};
	const Query *query;

	if (prepared->raw_parse_tree == NULL)
		return;
	error_context_stack = &callback;
	query = parse_analyze_fixedparams(copyObject(prepared->raw_parse_tree), prepared->query_string,
									  prepared->param_types, prepared->num_params, NULL);
	if (query->commandType != CMD_UTILITY)
		explain_query(result, query, into);
	error_context_stack = callback.previous;
}

/* explain_inner adds the edges of an analysed query that is a part of a command. */
static void
explain_inner(ReturnSetInfo *result, const char *source, Node *node, const Into *into)
{
	Query	   *query = castNode(Query, node);

	if (query->commandType != CMD_UTILITY)
		explain_query(result, query, into);
	else if (IsA(query->utilityStmt, ExecuteStmt))
		explain_prepared(result, (ExecuteStmt *) query->utilityStmt, into);
	else
		explain_utility(result, source, query->utilityStmt);
}

/* explain_copy: COPY, from or to a file or program of the server. */
static void
explain_copy(ReturnSetInfo *result, const char *source, const CopyStmt *statement)
{
	const Into	into = {.copy = statement};

	if (statement->filename == NULL)
		return;
	if (statement->relation != NULL)
		put_lineage(result, pgc_copy_lineage(statement));
	else
		explain_query(result, analyze(source, statement->query), &into);
}

/* explain_refresh: REFRESH MATERIALIZED VIEW. */
static void
explain_refresh(ReturnSetInfo *result, const RefreshMatViewStmt *statement)
{
	put_lineage(result, pgc_extract_view(RangeVarGetRelid(statement->relation, AccessShareLock, false)));
}

/* explain_utility adds the edges of a command that has a query inside. */
static void
explain_utility(ReturnSetInfo *result, const char *source, Node *statement)
{
	Into		into = {0};

	check_stack_depth();
	switch (nodeTag(statement))
	{
		case T_CreateTableAsStmt:
			into.relation = ((CreateTableAsStmt *) statement)->into->rel;
			into.columns = ((CreateTableAsStmt *) statement)->into->colNames;
			explain_inner(result, source, ((CreateTableAsStmt *) statement)->query, &into);
			break;
		case T_ViewStmt:
			into.relation = ((ViewStmt *) statement)->view;
			into.columns = ((ViewStmt *) statement)->aliases;
			explain_query(result, analyze(source, ((ViewStmt *) statement)->query), &into);
			break;
		case T_DeclareCursorStmt:
			explain_inner(result, source, ((DeclareCursorStmt *) statement)->query, &into);
			break;
		case T_ExplainStmt:
			explain_inner(result, source, ((ExplainStmt *) statement)->query, &into);
			break;
		case T_PrepareStmt:
			explain_statement(result, source, ((PrepareStmt *) statement)->query);
			break;
		case T_ExecuteStmt:
			explain_prepared(result, (ExecuteStmt *) statement, &into);
			break;
		case T_CopyStmt:
			explain_copy(result, source, (CopyStmt *) statement);
			break;
		case T_RefreshMatViewStmt:
			explain_refresh(result, (RefreshMatViewStmt *) statement);
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

/*
 * pgc_statement_lineage (SQL: contract.statement_lineage) returns the edges of
 * statements that are not run: each as if the ones before had not run either.
 */
Datum
pgc_statement_lineage(PG_FUNCTION_ARGS)
{
	char	   *source = text_to_cstring(PG_GETARG_TEXT_PP(0));
	ErrorContextCallback callback = {error_context_stack, show_position, source};
	ListCell   *cell;

	InitMaterializedSRF(fcinfo, 0);
	error_context_stack = &callback;
	foreach(cell, raw_parser(source, RAW_PARSE_DEFAULT))
		explain_statement((ReturnSetInfo *) fcinfo->resultinfo, source, lfirst_node(RawStmt, cell)->stmt);
	error_context_stack = callback.previous;
	return (Datum) 0;
}
