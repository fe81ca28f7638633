/*
 * src/lineage/routine/running.c
 *		Which function's variables the parameters of a query are, and what is known of them from before.
 *
 * What is found out about a function's variables is kept with the function, as long as PL/pgSQL keeps that compiled and nothing changes on
 * which it depends.  Arguments, and what the function runs as text, differ from call to call: with them it is kept until the call is over.
 *
 * A plan that PostgreSQL keeps for good bears the lineage of the call in which it was made.  So when the next call comes from elsewhere, such plans
 * are made again.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "lineage/lineage.h"
#include "lineage/routine/routine.h"
#include "lineage/track/track.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/syscache.h"

/* What is kept of a function. */
typedef struct Kept
{
	PLpgSQL_function *function; /* hash key */
	uint64		serial;			/* no two have the same */
	MemoryContext context;		/* ends with the function */
	PgcVariables *variables;	/* in a context below it; or NULL */
	uint64		changes;		/* what it was when those were made */
	bool		busy;			/* half done, if an error came then */
	bool		ends;			/* with the call */
	List	   *values;			/* Value *; with the variables */
	List	   *plans;			/* PLpgSQL_expr * with a plan that is kept and
								 * true of some calls only */
	uint64		caller;			/* of those calls; 0: of none but one */
	const PLpgSQL_expr *planning;	/* now, if the plan will be kept */
	const List *arguments;		/* now: PLpgSQL_expr * of USING; NIL: the
								 * parameters are variables */
} Kept;

/* What an argument of USING, or a field of one, comes from. */
typedef struct Value
{
	const PLpgSQL_expr *expr;
	AttrNumber	field;
	List	   *origins;
} Value;

/* For the end of a function or of a call of it. */
typedef struct End
{
	MemoryContextCallback callback;
	PLpgSQL_function *function;
	uint64		serial;
} End;

static HTAB *functions = NULL;
static uint64 last_serial = 0;
static uint64 changes = 0;		/* invalidations so far */
static int	nvarying = 0;		/* functions with plans that are true of some
								 * calls only */

/* note_relation and note_other count invalidations. */
static void
note_relation(Datum arg, Oid relid)
{
	changes++;
}

static void
note_other(Datum arg, int cache, uint32 value)
{
	changes++;
}

/* set_up makes the table. */
static void
set_up(void)
{
	HASHCTL		control = {.keysize = sizeof(PLpgSQL_function *),.entrysize = sizeof(Kept)};
	static bool registered = false;

	if (!registered)
	{
		CacheRegisterRelcacheCallback(note_relation, (Datum) 0);
		CacheRegisterSyscacheCallback(PROCOID, note_other, (Datum) 0);
		registered = true;
	}
	control.hcxt = AllocSetContextCreate(TopMemoryContext, "pg_contract variables", ALLOCSET_DEFAULT_SIZES);
	functions = hash_create("pg_contract variables", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* forget takes a function out of the table, when it is gone. */
static void
forget(void *arg)
{
	End		   *end = arg;
	Kept	   *kept = hash_search(functions, &end->function, HASH_FIND, NULL);

	if (kept == NULL || kept->serial != end->serial)
		return;
	nvarying -= kept->plans != NIL;
	hash_search(functions, &end->function, HASH_REMOVE, NULL);
}

/* drop_variables drops the variables of a function. */
static void
drop_variables(Kept *kept)
{
	if (kept->variables)
		MemoryContextDelete(kept->variables->context);
	kept->variables = NULL;
	kept->values = NIL;
}

/* end_call drops the variables of a function whose call is over. */
static void
end_call(void *arg)
{
	End		   *end = arg;
	Kept	   *kept = hash_search(functions, &end->function, HASH_FIND, NULL);

	if (kept && kept->serial == end->serial && kept->ends)
		drop_variables(kept);
}

/* at_end has something done when a context is reset. */
static void
at_end(MemoryContext context, MemoryContextCallbackFunction function, const Kept *kept)
{
	End		   *end = MemoryContextAllocZero(context, sizeof(End));

	end->callback.func = function;
	end->callback.arg = end;
	end->function = kept->function;
	end->serial = kept->serial;
	MemoryContextRegisterResetCallback(context, &end->callback);
}

/* is_usable: is what is kept still true, and all that can be found out? */
static bool
is_usable(const Kept *kept)
{
	ListCell   *cell;

	if (kept->busy || kept->changes != changes)
		return false;
	foreach(cell, kept->variables->failed)
	{
		if (((PLpgSQL_expr *) lfirst(cell))->plan != NULL)
			return false;		/* by now PL/pgSQL has analysed it */
	}
	return true;
}

/* entry_of returns what is kept of a function; found or made. */
static Kept *
entry_of(PLpgSQL_function *function)
{
	Kept	   *kept;
	bool		found;

	if (functions == NULL)
		set_up();
	kept = hash_search(functions, &function, HASH_ENTER, &found);
	if (!found)
	{
		memset(kept, 0, sizeof(Kept));
		kept->function = function;
		kept->serial = ++last_serial;
		kept->context = AllocSetContextCreate(function->fn_cxt, "pg_contract function", ALLOCSET_SMALL_SIZES);
		at_end(kept->context, forget, kept);
	}
	return kept;
}

/* kept_of returns what is kept of a function that runs, with its variables. */
static Kept *
kept_of(PLpgSQL_execstate *estate, ErrorContextCallback *frame)
{
	Kept	   *kept = entry_of(estate->func);

	/* A function that calls itself has arguments of its own each time. */
	if (kept->variables && (!is_usable(kept) || (kept->ends && kept->variables->estate != estate)))
		drop_variables(kept);
	if (kept->variables == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(AllocSetContextCreate(kept->context, "pg_contract variables",
																		   ALLOCSET_SMALL_SIZES));

		kept->changes = changes;
		kept->busy = false;
		kept->ends = false;
		kept->variables = pgc_variables_make(estate, frame);
		MemoryContextSwitchTo(caller);
	}
	kept->variables->estate = estate;
	kept->variables->frame = frame;
	kept->planning = NULL;
	kept->arguments = NIL;
	return kept;
}

/*
 * caller_of returns a hash of who calls the function of a frame: the functions of PL/pgSQL further out, and what the client's query passes.
 * Never 0.
 */
static uint64
caller_of(const PLpgSQL_execstate *estate, ErrorContextCallback *frame)
{
	const PLpgSQL_function *function = estate->func;
	uint64		hash = 1;

	for (frame = frame->previous; (estate = pgc_routine_frame(&frame)) != NULL; frame = frame->previous)
	{
		if (estate->func != function)
			hash = hash_combine64(hash, entry_of(estate->func)->serial);
		function = estate->func;
	}
	hash = hash_combine64(hash, pgc_routine_passed_number(function->fn_oid));
	return hash == 0 ? 1 : hash;
}

/* drop_plans has the plans made again that are not true of the call that runs. */
static void
drop_plans(Kept *kept)
{
	ListCell   *cell;
	ListCell   *plan;

	if (kept->plans == NIL)
		return;
	foreach(cell, kept->plans)
	{
		const PLpgSQL_expr *expr = lfirst(cell);

		foreach(plan, expr->plan ? SPI_plan_get_plan_sources(expr->plan) : NIL)
		{
			CachedPlanSource *source = lfirst(plan);

			if (source->gplan)
				source->gplan->is_valid = false;
		}
	}
	list_free(kept->plans);
	kept->plans = NIL;
	nvarying--;
}

/* pgc_routine_begins is called when a function of PL/pgSQL begins. */
void
pgc_routine_begins(PLpgSQL_execstate *estate)
{
	ErrorContextCallback *frame = error_context_stack;
	Kept	   *kept;

	if (nvarying == 0 || pgc_routine_frame(&frame) != estate)
		return;
	kept = hash_search(functions, &estate->func, HASH_FIND, NULL);
	if (kept && kept->plans != NIL && kept->caller != caller_of(estate, frame))
		drop_plans(kept);
}

/* add_plan notes that the plan in the making is true of this call, and of those that come from the same place. */
static void
add_plan(Kept *kept, bool observed)
{
	MemoryContext caller = MemoryContextSwitchTo(kept->context);

	nvarying += kept->plans == NIL;
	kept->plans = list_append_unique_ptr(kept->plans, unconstify(PLpgSQL_expr *, kept->planning));
	kept->caller = observed ? 0 : caller_of(kept->variables->estate, kept->variables->frame);
	MemoryContextSwitchTo(caller);
}

/* finish ends a look at the variables. */
static void
finish(Kept *kept)
{
	PgcVariables *variables = kept->variables;

	if (variables->of_call && !kept->ends)
	{
		at_end(variables->estate->datum_context, end_call, kept);
		kept->ends = true;
	}
	if (variables->of_call && kept->planning)
		add_plan(kept, variables->observed);
	kept->busy = false;
}

/* variable_origins says where a variable comes from. */
static List *
variable_origins(const Param *param, AttrNumber field, void *arg)
{
	Kept	   *kept = arg;
	List	   *origins;

	kept->busy = true;
	origins = pgc_variables_origins(kept->variables, param, field);
	finish(kept);
	return origins;
}

/* find_value finds out where the value of an argument of USING comes from, and keeps it. */
static Value *
find_value(Kept *kept, PLpgSQL_expr *expr, AttrNumber field)
{
	List	   *origins;
	MemoryContext caller;
	Value	   *value;
	bool		grew = false;

	kept->busy = true;
	origins = pgc_variables_value(kept->variables, expr, field);
	caller = MemoryContextSwitchTo(kept->variables->context);
	value = palloc(sizeof(Value));
	value->expr = expr;
	value->field = field;
	value->origins = pgc_origins_add(NIL, origins, PGC_IDENTITY, &grew);
	kept->values = lappend(kept->values, value);
	MemoryContextSwitchTo(caller);
	finish(kept);
	return value;
}

/* argument_origins says where an argument of USING comes from. */
static List *
argument_origins(const Param *param, AttrNumber field, void *arg)
{
	Kept	   *kept = arg;
	PLpgSQL_expr *expr;
	ListCell   *cell;

	if (param->paramkind != PARAM_EXTERN || param->paramid <= 0 || param->paramid > list_length(kept->arguments))
		return NIL;
	expr = list_nth(kept->arguments, param->paramid - 1);
	foreach(cell, kept->values)
	{
		Value	   *value = lfirst(cell);

		if (value->expr == expr && value->field == field)
			return value->origins;
	}
	return find_value(kept, expr, field)->origins;
}

/* expression_of returns the expression of a function that is being planned, or NULL. */
static const PLpgSQL_expr *
expression_of(const PgcCode *code, const char *source)
{
	ListCell   *cell;
	ListCell   *plan;

	foreach(cell, code->expressions)
	{
		const PLpgSQL_expr *expr = lfirst(cell);

		if (expr->plan == NULL)
			continue;
		foreach(plan, SPI_plan_get_plan_sources(expr->plan))
		{
			/* The same string, not an equal one: then it is this expression. */
			if (((CachedPlanSource *) lfirst(plan))->query_string == source)
				return expr;
		}
	}
	return NULL;
}

/* using_of returns the expressions of USING of a statement that runs text. */
static const List *
using_of(const PLpgSQL_stmt *statement)
{
	if (statement == NULL)
		return NIL;
	switch (statement->cmd_type)
	{
		case PLPGSQL_STMT_DYNEXECUTE:
			return ((const PLpgSQL_stmt_dynexecute *) statement)->params;
		case PLPGSQL_STMT_DYNFORS:
			return ((const PLpgSQL_stmt_dynfors *) statement)->params;
		case PLPGSQL_STMT_OPEN:
			return ((const PLpgSQL_stmt_open *) statement)->params;
		case PLPGSQL_STMT_RETURN_QUERY:
			return ((const PLpgSQL_stmt_return_query *) statement)->params;
		default:
			return NIL;
	}
}

/* target_of returns what a statement that runs text assigns its columns to, or NULL. */
static const PLpgSQL_variable *
target_of(const PLpgSQL_stmt *statement)
{
	if (statement != NULL && statement->cmd_type == PLPGSQL_STMT_DYNEXECUTE)
		return ((const PLpgSQL_stmt_dynexecute *) statement)->target;
	if (statement != NULL && statement->cmd_type == PLPGSQL_STMT_DYNFORS)
		return ((const PLpgSQL_stmt_dynfors *) statement)->var;
	return NULL;
}

/* A query that may be one that a function runs as text. */
typedef struct Observation
{
	PLpgSQL_execstate *estate;
	ErrorContextCallback *frame;
	const Query *query;
	const char *source;
	int			target;			/* what its columns are assigned to */
} Observation;

/* observe takes what the columns of a query come from as what its target may come from, for the rest of the call. */
static void
observe(void *arg)
{
	const Observation *observation = arg;
	Kept	   *kept = kept_of(observation->estate, observation->frame);
	PgcOutputs *outputs;

	if (!kept->variables->code->acts || expression_of(kept->variables->code, observation->source) != NULL)
		return;
	kept->arguments = using_of(observation->estate->err_stmt);
	outputs = pgc_origins_of(observation->query, argument_origins, kept);
	kept->busy = true;
	if (pgc_variables_assign(kept->variables, observation->target, outputs))
	{
		kept->values = NIL;
		drop_plans(kept);
	}
	kept->variables->of_call = true;
	kept->variables->observed = true;
	finish(kept);
}

/*
 * pgc_routine_observe looks at a query that is planned directly for a frame of PL/pgSQL.  If it is text, this is when it can be seen where the
 * values come from that the function gets from it.
 */
void
pgc_routine_observe(PLpgSQL_execstate *estate, ErrorContextCallback *frame, const Query *query, const char *source)
{
	const PLpgSQL_variable *target = target_of(estate->err_stmt);
	Observation observation = {estate, frame, query, source};

	if (target == NULL || (query->commandType != CMD_SELECT && query->returningList == NIL))
		return;
	observation.target = target->dno;
	(void) pgc_lineage_try(observe, &observation);
}

/* stable_origins says where a variable comes from in every call. */
static List *
stable_origins(const Param *param, AttrNumber field, void *arg)
{
	return pgc_variables_origins(arg, param, field);
}

/* ask_stable has parameters looked up without what differs from call to call. */
static void
ask_stable(PgcExtraction *how, PLpgSQL_execstate *estate, ErrorContextCallback *frame)
{
	PgcVariables *variables = pgc_variables_make(estate, frame);

	variables->passed = true;
	how->origins = stable_origins;
	how->arg = variables;
}

/*
 * pgc_routine_origins looks whether a query that is being planned belongs to the innermost function of PL/pgSQL, and then has its parameters
 * looked up there.  source must be the planner's own pointer.  A query that SPI plans directly for a frame of PL/pgSQL, with as many plain
 * parameters as the running statement has after USING, is that statement's text.
 */
bool
pgc_routine_origins(const char *source, ParamListInfo params, PgcExtraction *how)
{
	ErrorContextCallback *frame = error_context_stack;
	PLpgSQL_execstate *estate = pgc_routine_frame(&frame);
	const List *arguments;
	const PLpgSQL_expr *expr;
	Kept	   *kept;

	if (estate == NULL || estate->func->action == NULL)
		return false;
	kept = kept_of(estate, frame);
	how->arg = kept;
	arguments = using_of(estate->err_stmt);
	if (arguments != NIL && params && params->paramFetch == NULL && frame != error_context_stack && frame == error_context_stack->previous &&
		params->numParams == list_length(arguments))
	{
		kept->arguments = arguments;
		how->origins = argument_origins;
		return true;
	}
	expr = expression_of(kept->variables->code, source);
	if (expr == NULL)
		return false;
	how->origins = variable_origins;
	if (params == NULL && !pgc_routine_sees_calls())
		ask_stable(how, estate, frame);
	else if (params == NULL)
		kept->planning = expr;
	return true;
}
