/*
 * src/lineage/track/track.c
 *		Statements as they run.
 *
 * The planner sees the last whole query of a statement that writes: there its lineage is taken, and the
 * plan marked with it, since a plan may be kept and run when there is no query any more.  The executor tells that a marked plan ran, and how
 * many rows it wrote.  What has no query of its own that writes (CREATE TABLE AS, COPY, ...) is in utility.c.
 *
 * Whatever is not to be tracked costs a few tests: a plain SELECT one of its query's kind, an execution one of
 * the plan's invalidation items.
 */
#include "postgres.h"

#include "catalog/contract.h"
#include "compat.h"
#include "executor/executor.h"
#include "lineage/track/track.h"
#include "nodes/nodeFuncs.h"
#include "nodes/plannodes.h"
#include "optimizer/planner.h"
#include "parser/analyze.h"

static post_parse_analyze_hook_type previous_analyze = NULL;
static planner_hook_type previous_planner = NULL;
static ExecutorStart_hook_type previous_start = NULL;
static ExecutorFinish_hook_type previous_finish = NULL;

/* pgc_track_is_on: is lineage taken, in this session and database? */
bool
pgc_track_is_on(void)
{
	return pgc_track_lineage != PGC_TRACK_OFF && !pgc_catalog_is_running &&
		(pgc_lineage_sync || pgc_pii_policy != PGC_PII_OFF || pgc_queue_exists()) &&
		pgc_interest_is_here();
}

/* writes: does the query change tables? */
static inline bool
writes(const Query *query)
{
	return query->commandType == CMD_SELECT ? query->hasModifyingCTE : query->commandType != CMD_UTILITY;
}

/* needs_id: shall a query have an id that the server does not give it? */
static bool
needs_id(const Query *query)
{
	if (query->queryId != 0 || !pgc_compat_query_id_missing() || !pgc_track_is_on() || pgc_utility_explains())
		return false;
	if (query->commandType == CMD_UTILITY)
		return IsA(query->utilityStmt, CreateTableAsStmt) || IsA(query->utilityStmt, CopyStmt) ||
			IsA(query->utilityStmt, RefreshMatViewStmt);
	return writes(query) && (pgc_track_lineage == PGC_TRACK_ALL || pgc_interest_possible(query));
}

/* after_analysis gives a query of interest its id where the server gives none; it is the one that pg_stat_statements would see. */
static void
after_analysis(ParseState *state, Query *query, JumbleState *jumble)
{
	if (previous_analyze)
		previous_analyze(state, query, jumble);
	if ((query->commandType != CMD_SELECT || query->hasModifyingCTE) && needs_id(query))
		pgc_compat_give_query_id(query, state->p_sourcetext);
}

/* A query whose lineage is taken. */
typedef struct Taking
{
	const Query *query;
	const char *text;			/* the planner's own pointer */
	ParamListInfo params;
	bool		found;			/* it was known already; */
	bool		parameters;		/* but has parameters */
	bool		taken;			/* out: with lineage that is true of it
								 * wherever it stands */
	PgcKnown   *known;			/* NULL if there is nothing of interest */
} Taking;

/* operation_of returns what a query does that is a SELECT but for its WITH; NULL: the query says it itself. */
static const char *
operation_of(const Query *query)
{
	ListCell   *cell;

	foreach(cell, query->commandType == CMD_SELECT ? query->cteList : NIL)
	{
		switch (castNode(Query, lfirst_node(CommonTableExpr, cell)->ctequery)->commandType)
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
				break;
		}
	}
	return NULL;
}

/* has_parameters: does this part of a query have a parameter that is given from outside? */
static bool
has_parameters(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Param))
		return ((Param *) node)->paramkind == PARAM_EXTERN;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, has_parameters, context, 0);
	return expression_tree_walker(node, has_parameters, context);
}

/* take fills in what is known of a query; if its parameters are variables that is so only where it stands. */
static void
take(void *arg)
{
	Taking	   *taking = arg;
	const Query *query = taking->query;
	PgcExtraction how = {NULL};
	bool		variables;
	PgcSource	source = {taking->text, query->stmt_location, query->stmt_len, (uint64) query->queryId};
	PgcLineage *lineage;

	how.operation = operation_of(query);
	variables = taking->parameters && pgc_routine_origins(taking->text, taking->params, &how);
	if (taking->found && !variables)
		return;
	taking->known = NULL;
	lineage = pgc_extract_query(query, &how);
	if (lineage != NULL && pgc_interest_left(lineage))
		taking->known = pgc_known_enter(lineage, &source);
	taking->taken = !variables;
}

/* known_of returns what is known of a query that writes, taking its lineage if nothing is; or NULL. */
static PgcKnown *
known_of(const Query *query, const char *text, ParamListInfo params)
{
	Taking		taking = {.query = query};

	taking.params = params;
	taking.found = pgc_known_recall(query, &taking.known, &taking.parameters);
	taking.text = text;

	if (taking.found && !taking.parameters)
		return taking.known;
	if (!taking.found)
	{
		if (pgc_track_lineage == PGC_TRACK_CONTRACTS && !pgc_interest_possible(query))
			return NULL;
		taking.parameters = has_parameters(unconstify(Node *, (const Node *) query), NULL);
	}
	if (!pgc_lineage_try(take, &taking))
		return NULL;
	if (taking.taken)
		pgc_known_remember(query, taking.known, taking.parameters);
	return taking.known;
}

/* plan is the planner, with lineage. */
static PlannedStmt *
plan(Query *query, const char *text, int options, ParamListInfo params)
{
	PgcKnown   *known = NULL;
	PlannedStmt *result;

	if (pgc_utility_awaits_plan(text))
		pgc_utility_planned(query);
	if (writes(query) && pgc_track_is_on() && !pgc_utility_is_silent())
		known = known_of(query, text, params);
	result = previous_planner ? previous_planner(query, text, options, params)
		: standard_planner(query, text, options, params);
	if (known != NULL)
		pgc_known_mark(result, known);
	return result;
}

/* is_effective: does an execution count?  Not EXPLAIN, foreign keys' own statements, and what REFRESH does inside. */
static bool
is_effective(int flags)
{
	return (flags & (EXEC_FLAG_EXPLAIN_ONLY | EXEC_FLAG_SKIP_TRIGGERS)) == 0 &&
		!pgc_utility_is_silent() && pgc_track_is_on();
}

/* A statement that is about to run or has run, seen through temporary tables. */
typedef struct Seen
{
	PgcKnown   *known;
	bool		wrote;
	PgcKnown   *result;			/* out: or NULL */
} Seen;

/* see_through resolves temporary tables, and keeps what was written into them. */
static void
see_through(void *arg)
{
	Seen	   *seen = arg;
	PgcLineage *lineage = pgc_temporary_resolve(pgc_lineage_copy(seen->known->lineage));
	const PgcSource source = {.query_id = seen->known->query_id,.text = seen->known->text,.location = -1};

	if (seen->wrote)
		pgc_temporary_wrote(lineage);
	lineage = pgc_temporary_left(lineage);
	if (lineage != NULL && pgc_interest_left(lineage))
		seen->result = pgc_known_enter(lineage, &source);
}

/* resolved returns a statement as it is without temporary tables, or NULL. */
static PgcKnown *
resolved(PgcKnown *known, bool wrote)
{
	Seen		seen = {.known = known,.wrote = wrote};
	uint64		changes;

	if (!known->temporary)
		return known;
	if (known->resolved_at == pgc_temporary_changes)
		return known->resolved;
	changes = pgc_temporary_changes;
	if (!pgc_lineage_try(see_through, &seen))
		return NULL;
	if (wrote && changes == pgc_temporary_changes)
	{
		/* the same again would neither change anything */
		known->resolved = seen.result;
		known->resolved_at = changes;
	}
	return seen.result;
}

/* pgc_track_check does what is to be done before a statement runs; raises an error if it must not. */
void
pgc_track_check(PgcKnown *known)
{
	uint64		state;

	if (pgc_pii_policy == PGC_PII_OFF || (known = resolved(known, false)) == NULL)
		return;
	state = pgc_policy_state();
	if (state != 0 && known->allowed == state)
		return;
	pgc_policy_check(known->lineage);
	known->allowed = pgc_policy_state();
}

/* pgc_track_ran counts an execution of a statement that wrote so many rows. */
void
pgc_track_ran(PgcKnown *known, int64 rows)
{
	known = resolved(known, true);
	if (known != NULL && (pgc_lineage_sync || pgc_queue_exists()))
		pgc_pending_add(known, rows);
}

/* rows_written returns how many rows a statement wrote; of a SELECT those that its WITH wrote. */
static int64
rows_written(const QueryDesc *query)
{
	double		rows = 0;
	ListCell   *cell;

	if (query->operation != CMD_SELECT)
		return (int64) query->estate->es_processed;
	foreach(cell, query->estate->es_subplanstates)
	{
		const PlanState *plan = lfirst(cell);

		if (plan == NULL || !IsA(plan, ModifyTableState))
			continue;
		if (((const ModifyTable *) plan->plan)->returningLists == NIL)
			plan = outerPlanState(plan);	/* it returns none, but reads them */
		if (plan->instrument != NULL)
			rows += plan->instrument->ntuples + plan->instrument->tuplecount;
	}
	return (int64) rows;
}

/* start is ExecutorStart, with the policy on personal data, and with counters where the executor has none. */
static void
start(QueryDesc *query, int flags)
{
	if (pgc_utility_awaits_execution(query) && (flags & EXEC_FLAG_EXPLAIN_ONLY) == 0)
		pgc_utility_starts(query);
	else if (query->plannedstmt->invalItems != NIL && is_effective(flags))
	{
		PgcKnown   *known = pgc_known_find(query->plannedstmt);

		if (known != NULL)
			pgc_track_check(known);
		if (known != NULL && query->operation == CMD_SELECT)
			query->instrument_options |= INSTRUMENT_ROWS;
	}
	if (previous_start)
		previous_start(query, flags);
	else
		standard_ExecutorStart(query, flags);
}

/* finish is ExecutorFinish, which is called once for each execution that was not cut off. */
static void
finish(QueryDesc *query)
{
	if (previous_finish)
		previous_finish(query);
	else
		standard_ExecutorFinish(query);
	if (!pgc_utility_finishes(query) && query->plannedstmt->invalItems != NIL && is_effective(query->estate->es_top_eflags))
	{
		PgcKnown   *known = pgc_known_find(query->plannedstmt);

		if (known != NULL)
			pgc_track_ran(known, rows_written(query));
	}
}

/* pgc_track_init installs the hooks while the library is loaded. */
void
pgc_track_init(void)
{
	previous_analyze = post_parse_analyze_hook;
	post_parse_analyze_hook = after_analysis;
	previous_planner = planner_hook;
	planner_hook = plan;
	previous_start = ExecutorStart_hook;
	ExecutorStart_hook = start;
	previous_finish = ExecutorFinish_hook;
	ExecutorFinish_hook = finish;
	pgc_utility_init();
}

/* pgc_track_pre_commit records what has run, or prepares it for the worker. */
void
pgc_track_pre_commit(void)
{
	pgc_pending_pre_commit();
}

/* pgc_track_end ends a transaction; a prepared one has run as if it were committed. */
void
pgc_track_end(XactEvent event)
{
	pgc_pending_end(event != XACT_EVENT_ABORT);
	pgc_temporary_end(event);
	pgc_known_end();
}

/* pgc_track_subtransaction ends a subtransaction; never fails. */
void
pgc_track_subtransaction(SubXactEvent event, SubTransactionId subid, SubTransactionId parent)
{
	if (event == SUBXACT_EVENT_COMMIT_SUB)
		pgc_pending_commit_sub(subid, parent);
	else if (event == SUBXACT_EVENT_ABORT_SUB)
		pgc_pending_abort_sub(subid);
	else
		return;
	pgc_temporary_subtransaction(event, subid, parent);
}
