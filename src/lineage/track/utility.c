/*
 * src/lineage/track/utility.c
 *		Utility commands that have lineage of their own: CREATE TABLE AS, SELECT INTO,
 *		materialized views, COPY.
 *
 * Such a command has a query, but the planner is not told where its rows go, and not
 * even called where the plan is kept.  So the command's lineage is taken from the query in its parse tree before it runs, and its
 * target looked up by name afterwards.  The first execution below the command is its own: that says whether it
 * did anything (IF NOT EXISTS), and how many rows.  COPY analyses its query itself: there the first query
 * that is planned is the one.
 *
 * What runs while the command runs sees it as current; a command within a command (in a
 * function) stands before the outer one.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "commands/defrem.h"
#include "commands/prepare.h"
#include "lineage/track/track.h"
#include "tcop/utility.h"
#include "utils/backend_status.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"

typedef struct Command
{
	struct Command *outer;
	const Node *statement;		/* what EXPLAIN explains instead of EXPLAIN */
	PgcSource	source;
	ParamListInfo params;
	MemoryContext context;		/* lives as long as the command runs */
	bool		explains;		/* it is EXPLAIN, of whatever */
	bool		silent;			/* nothing within it counts: REFRESH works
								 * with statements */
	bool		awaits_plan;
	bool		awaits_execution;
	bool		executes;		/* a prepared statement */
	bool		has_run;
	const QueryDesc *query;		/* of its own execution; NULL: none, or over */
	uint64		rows;
	PgcLineage *lineage;		/* or NULL */
} Command;

static Command *current = NULL;
static ProcessUtility_hook_type previous_utility = NULL;

/* pgc_utility_is_silent: do statements that run now not count? */
bool
pgc_utility_is_silent(void)
{
	return current != NULL && current->silent;
}

/* pgc_utility_explains: is the query that is analysed now one that EXPLAIN shows? */
bool
pgc_utility_explains(void)
{
	return current != NULL && current->explains && !current->has_run;
}

/* pgc_utility_awaits_plan: is the query that is planned from a text that of the command? */
bool
pgc_utility_awaits_plan(const char *text)
{
	return current != NULL && current->awaits_plan && text == current->source.text;
}

/*
 * pgc_utility_awaits_execution: is the execution that of the command?  Not one of a function that planning
 * calls: that has another text.  So has a prepared statement.
 */
bool
pgc_utility_awaits_execution(const QueryDesc *query)
{
	return current != NULL && current->awaits_execution &&
		(query->sourceText == current->source.text ||current->executes);
}

/* operation_of returns what CREATE TABLE AS is called as written. */
static const char *
operation_of(const CreateTableAsStmt *statement)
{
	if (statement->is_select_into)
		return "SELECT INTO";
	return statement->objtype == OBJECT_MATVIEW ? "CREATE MATERIALIZED VIEW" : "CREATE TABLE AS";
}

/* find_into returns the relation that a command makes; InvalidOid: it is not there. */
static Oid
find_into(const IntoClause *into)
{
	return get_relname_relid(into->rel->relname, RangeVarGetCreationNamespace(into->rel));
}

/* prepared_query returns the query of a prepared statement as it is now, or NULL. */
static const Query *
prepared_query(const ExecuteStmt *execute)
{
	const PreparedStatement *prepared = FetchPreparedStatement(execute->name, false);

	if (prepared == NULL)
		return NULL;
	(void) CachedPlanGetTargetList(prepared->plansource, NULL); /* analyses it anew if
																 * it must be */
	return list_length(prepared->plansource->query_list) == 1 ? linitial(prepared->plansource->query_list) : NULL;
}

/* output_of returns the node that stands for a query's result. */
static PgcLineageNode *
output_of(PgcLineage *lineage)
{
	for (int i = 0; i < lineage->nnodes; i++)
	{
		if (lineage->nodes[i].place == PGC_OUTPUT)
			return &lineage->nodes[i];
	}
	return NULL;
}

/* take_into takes the lineage of CREATE TABLE AS and its like; its target has its name, no OID yet. */
static void
take_into(Command *command, const CreateTableAsStmt *statement)
{
	const Query *query = castNode(Query, statement->query);
	PgcExtraction how = {.operation = operation_of(statement),.has_output = true};
	PgcLineageNode *output;

	if (statement->if_not_exists && OidIsValid(find_into(statement->into)))
		return;
	if (query->commandType != CMD_UTILITY)
		(void) pgc_routine_origins(command->source.text, command->params, &how);
	else if (IsA(query->utilityStmt, ExecuteStmt))
	{
		command->executes = true;
		query = prepared_query((ExecuteStmt *) query->utilityStmt);
	}
	else
		return;
	command->lineage = query ? pgc_extract_query(query, &how) : NULL;
	if (command->lineage == NULL)
		return;
	if ((output = output_of(command->lineage)) != NULL)
	{
		Oid			schema = RangeVarGetCreationNamespace(statement->into->rel);

		output->place = PGC_RELATION;
		output->schema = get_namespace_name(schema);
		output->name = statement->into->rel->relname;
		output->temporary = isTempNamespace(schema);
	}
}

/* take_refresh takes the lineage of REFRESH, which is the view's. */
static void
take_refresh(Command *command, const RefreshMatViewStmt *statement)
{
	Oid			relid = RangeVarGetRelid(statement->relation, NoLock, true);

	if (OidIsValid(relid) && !statement->skipData)
		command->lineage = pgc_extract_view(relid);
	if (command->lineage != NULL)
		command->lineage->operation = "REFRESH MATERIALIZED VIEW";
}

/* take takes the lineage of a command before it runs. */
static void
take(void *arg)
{
	Command    *command = arg;

	if (IsA(command->statement, CreateTableAsStmt))
		take_into(command, (CreateTableAsStmt *) command->statement);
	else if (IsA(command->statement, RefreshMatViewStmt))
		take_refresh(command, (RefreshMatViewStmt *) command->statement);
	else if (IsA(command->statement, CopyStmt))
		command->lineage = pgc_copy_lineage((CopyStmt *) command->statement);
	if (command->lineage != NULL)
	{
		MemoryContext scratch = MemoryContextSwitchTo(command->context);

		command->lineage = pgc_lineage_copy(command->lineage);
		MemoryContextSwitchTo(scratch);
	}
}

/* A query that COPY has planned. */
typedef struct Planned
{
	Command    *command;
	const Query *query;
} Planned;

/* take_planned takes its lineage; its target is the file. */
static void
take_planned(void *arg)
{
	const Planned *planned = arg;
	Command    *command = planned->command;
	const PgcExtraction how = {.operation = "COPY TO",.has_output = true};
	PgcLineage *lineage = pgc_extract_query(planned->query, &how);
	PgcLineageNode *output = lineage ? output_of(lineage) : NULL;
	MemoryContext scratch;

	if (output == NULL)
		return;
	pgc_copy_set_file(output, (CopyStmt *) command->statement);
	scratch = MemoryContextSwitchTo(command->context);
	command->lineage = pgc_lineage_copy(lineage);
	MemoryContextSwitchTo(scratch);
}

/* pgc_utility_planned tells the command of its query, before it is planned. */
void
pgc_utility_planned(const Query *query)
{
	Planned		planned = {current, query};

	current->awaits_plan = false;
	if (query->commandType != CMD_SELECT)
		return;
	current->awaits_execution = true;
	(void) pgc_lineage_try(take_planned, &planned);
}

/* A statement that is about to be known. */
typedef struct Entering
{
	Command    *command;
	PgcKnown   *known;			/* out: or NULL */
} Entering;

/* enter makes a command's lineage known, if it is of interest. */
static void
enter(void *arg)
{
	Entering   *entering = arg;
	PgcLineage *lineage = entering->command->lineage;

	if (pgc_interest_left(lineage))
		entering->known = pgc_known_enter(lineage, &entering->command->source);
}

/* check asks the policy on personal data; raises an error if the command must not run. */
static void
check(Command *command)
{
	Entering	entering = {.command = command};

	if (command->lineage != NULL && pgc_pii_policy != PGC_PII_OFF && pgc_lineage_try(enter, &entering) &&
		entering.known != NULL)
		pgc_track_check(entering.known);
}

/* pgc_utility_starts tells the command that its execution starts. */
void
pgc_utility_starts(const QueryDesc *query)
{
	current->awaits_execution = false;
	current->has_run = true;
	current->query = query;
	if (current->statement != NULL && IsA(current->statement, CopyStmt))
		check(current);
}

/* pgc_utility_finishes tells it that one is over; true: it was its own, and is accounted for with the command. */
bool
pgc_utility_finishes(const QueryDesc *query)
{
	if (current == NULL || current->query != query)
		return false;
	current->query = NULL;
	current->rows = query->estate->es_processed;
	return current->lineage != NULL;
}

/* set_target fills in what CREATE TABLE AS and its like have made. */
static void
set_target(void *arg)
{
	Command    *command = arg;
	const IntoClause *into = ((CreateTableAsStmt *) command->statement)->into;
	Oid			relid = find_into(into);
	MemoryContext scratch = MemoryContextSwitchTo(command->context);

	for (int i = 0; i < command->lineage->nnodes; i++)
	{
		const PgcLineageNode *node = &command->lineage->nodes[i];

		if (node->place == PGC_RELATION && !OidIsValid(node->oid))
			pgc_lineage_set_relation(command->lineage, i, relid);
	}
	if (into->onCommit == ONCOMMIT_DELETE_ROWS)
		pgc_temporary_empties_at_commit(relid);
	MemoryContextSwitchTo(scratch);
}

/* record counts a command that has run. */
static void
record(Command *command)
{
	Entering	entering = {.command = command};

	if (IsA(command->statement, CreateTableAsStmt))
	{
		if (!command->has_run && !((CreateTableAsStmt *) command->statement)->into->skipData)
			return;
		if (!pgc_lineage_try(set_target, command))
			return;
	}
	else if (!command->has_run)
		return;
	if (pgc_lineage_try(enter, &entering) && entering.known != NULL)
		pgc_track_ran(entering.known, (int64) command->rows);
}

/* empty_relations notes that temporary tables are empty. */
static void
empty_relations(void *arg)
{
	ListCell   *cell;

	foreach(cell, ((TruncateStmt *) arg)->relations)
		pgc_temporary_truncated(RangeVarGetRelid(lfirst_node(RangeVar, cell), NoLock, true));
}

/* note_on_commit notes that a temporary table will be empty at commit. */
static void
note_on_commit(void *arg)
{
	const CreateStmt *statement = arg;

	pgc_temporary_empties_at_commit(get_relname_relid(statement->relation->relname,
													  RangeVarGetCreationNamespace(statement->relation)));
}

/* is_executed: is it EXPLAIN with option ANALYZE? */
static bool
is_executed(const ExplainStmt *statement)
{
	bool		analyze = false;
	ListCell   *cell;

	foreach(cell, statement->options)
	{
		DefElem    *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, "analyze") == 0)
			analyze = defGetBoolean(option);
	}
	return analyze;
}

/* explained returns the command that EXPLAIN runs; NULL: it runs none. */
static const Node *
explained(const ExplainStmt *statement)
{
	const Query *query = castNode(Query, statement->query);

	return query->commandType == CMD_UTILITY && is_executed(statement) ? query->utilityStmt : NULL;
}

/* has_lineage: is it a command that this file knows? */
static bool
has_lineage(const Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_CreateTableAsStmt:
		case T_RefreshMatViewStmt:
			return true;
		case T_CopyStmt:
			return ((CopyStmt *) statement)->filename != NULL;
		default:
			return false;
	}
}

/* concerns: is the command, or what EXPLAIN runs, of any concern here? */
static bool
concerns(const Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_ExplainStmt:
			return true;
		case T_TruncateStmt:
			return pgc_temporary_any();
		case T_CreateStmt:
			return ((CreateStmt *) statement)->oncommit == ONCOMMIT_DELETE_ROWS;
		default:
			return has_lineage(statement);
	}
}

/* query_id_of returns the id of a command, which pg_stat_statements may have taken off it. */
static uint64
query_id_of(const PlannedStmt *plan, ProcessUtilityContext level)
{
	if (plan->queryId != 0 || level != PROCESS_UTILITY_TOPLEVEL)
		return (uint64) plan->queryId;
	return (uint64) pgstat_get_my_query_id();
}

/* begin prepares for a command that is about to run; raises an error if it must not. */
static void
begin(Command *command)
{
	const Node *statement = command->statement;

	if (IsA(statement, ExplainStmt))
	{
		command->explains = command->awaits_execution = true;
		command->statement = explained((ExplainStmt *) statement);
	}
	if (command->statement == NULL || !has_lineage(command->statement) || command->silent)
		return;
	if (IsA(command->statement, CopyStmt) && ((CopyStmt *) command->statement)->query != NULL)
		command->awaits_plan = true;
	else
	{
		command->awaits_execution = !IsA(command->statement, CopyStmt);
		(void) pgc_lineage_try(take, command);
		check(command);
	}
	command->silent = IsA(command->statement, RefreshMatViewStmt);
}

/* end records what a command did that has run. */
static void
end(Command *command, const QueryCompletion *completion)
{
	const Node *statement = command->statement;

	if (statement == NULL)
		return;
	if (IsA(statement, TruncateStmt))
		(void) pgc_lineage_try(empty_relations, unconstify(Node *, statement));
	else if (IsA(statement, CreateStmt))
		(void) pgc_lineage_try(note_on_commit, unconstify(Node *, statement));
	if (command->lineage == NULL)
		return;
	if (IsA(statement, CopyStmt) && !command->has_run)
	{
		command->has_run = true;
		command->rows = completion ? completion->nprocessed : 0;
	}
	record(command);
}

/* run is ProcessUtility without lineage. */
static void
run(PlannedStmt *plan, const char *text, bool read_only, ProcessUtilityContext level,
	ParamListInfo params, QueryEnvironment *environment, DestReceiver *dest, QueryCompletion *completion)
{
	if (previous_utility)
		previous_utility(plan, text, read_only, level, params, environment, dest, completion);
	else
		standard_ProcessUtility(plan, text, read_only, level, params, environment, dest, completion);
}

/* utility is ProcessUtility, with lineage. */
static void
utility(PlannedStmt *plan, const char *text, bool read_only, ProcessUtilityContext level,
		ParamListInfo params, QueryEnvironment *environment, DestReceiver *dest, QueryCompletion *completion)
{
	Command		command = {.statement = plan->utilityStmt,.outer = current};

	if (!concerns(plan->utilityStmt) || !pgc_track_is_on())
	{
		run(plan, text, read_only, level, params, environment, dest, completion);
		return;
	}
	command.source = (PgcSource)
	{
		text	   ,
					plan->stmt_location,
					plan->stmt_len,
					query_id_of(plan, level)
	};
	command.params = params;
	command.context = CurrentMemoryContext;
	command.silent = pgc_utility_is_silent();
	begin(&command);
	current = &command;
	PG_TRY();
	{
		run(plan, text, read_only, level, params, environment, dest, completion);
	}
	PG_FINALLY();
	{
		current = command.outer;
	}
	PG_END_TRY();
	end(&command, completion);
}

/* pgc_utility_init installs the hook. */
void
pgc_utility_init(void)
{
	previous_utility = ProcessUtility_hook;
	ProcessUtility_hook = utility;
}
