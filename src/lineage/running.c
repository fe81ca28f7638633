/*
 * src/lineage/running.c
 *		Which function's variables the parameters of a query are, and what is known of them from before.
 *
 * What is found out about a function's variables is kept with the function, as long as PL/pgSQL keeps that compiled and nothing changes on
 * which it depends.  Arguments, and what the function runs as text, differ from call to call: with them it is kept until the call is over.
 */
#include "postgres.h"

#include "lineage/lineage.h"
#include "lineage/routine.h"
#include "lineage/track.h"
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
	uint64		changes;		/* what it was when this was made */
	bool		busy;			/* half done, if an error came then */
	bool		ends;			/* with the call */
	PgcVariables *variables;
	List	   *values;			/* Value * */
	const List *arguments;		/* now; PLpgSQL_expr * of USING; NIL: the
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
	HASHCTL		control = {.keysize = sizeof(PLpgSQL_function *), .entrysize = sizeof(Kept)};
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

/* forget takes a function out of the table, when its variables are gone. */
static void
forget(void *arg)
{
	End		   *end = arg;
	Kept	   *kept = hash_search(functions, &end->function, HASH_FIND, NULL);

	if (kept && kept->serial == end->serial)
		hash_search(functions, &end->function, HASH_REMOVE, NULL);
}

/* end_call drops the variables of a function whose call is over. */
static void
end_call(void *arg)
{
	End		   *end = arg;
	Kept	   *kept = hash_search(functions, &end->function, HASH_FIND, NULL);

	if (kept && kept->serial == end->serial)
		MemoryContextDelete(kept->variables->context);
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

/* make_kept makes what is kept of a function, in a context that ends with it. */
static Kept *
make_kept(PLpgSQL_execstate *estate, ErrorContextCallback *frame)
{
	MemoryContext context = AllocSetContextCreate(estate->func->fn_cxt, "pg_contract variables of a function", ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	PgcVariables *variables = pgc_variables_make(estate, frame);
	Kept	   *kept;

	MemoryContextSwitchTo(caller);
	kept = hash_search(functions, &estate->func, HASH_ENTER, NULL);
	kept->serial = ++last_serial;
	kept->changes = changes;
	kept->busy = false;
	kept->ends = false;
	kept->variables = variables;
	kept->values = NIL;
	at_end(context, forget, kept);
	return kept;
}

/* kept_of returns what is kept of a function that runs; found or made. */
static Kept *
kept_of(PLpgSQL_execstate *estate, ErrorContextCallback *frame)
{
	Kept	   *kept;

	if (functions == NULL)
		set_up();
	kept = hash_search(functions, &estate->func, HASH_FIND, NULL);
	/* A function that calls itself has arguments of its own each time. */
	if (kept && (!is_usable(kept) || (kept->ends && kept->variables->estate != estate)))
	{
		MemoryContextDelete(kept->variables->context);
		kept = NULL;
	}
	if (kept == NULL)
		kept = make_kept(estate, frame);
	kept->variables->estate = estate;
	kept->variables->frame = frame;
	return kept;
}

/* finish ends a look at the variables. */
static void
finish(Kept *kept)
{
	if (kept->variables->of_call && !kept->ends)
	{
		at_end(kept->variables->estate->datum_context, end_call, kept);
		kept->ends = true;
	}
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
	bool		grew;

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

/* is_of: does a function contain the source text that is being planned? */
static bool
is_of(const PgcCode *code, const char *source)
{
	ListCell   *cell;
	ListCell   *plan;

	foreach(cell, code->expressions)
	{
		PLpgSQL_expr *expr = lfirst(cell);

		if (expr->plan == NULL)
			continue;
		foreach(plan, SPI_plan_get_plan_sources(expr->plan))
		{
			/* The same string, not an equal one: then it is this expression. */
			if (((CachedPlanSource *) lfirst(plan))->query_string == source)
				return true;
		}
	}
	return false;
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

/* A query that a function runs as text. */
typedef struct Observation
{
	Kept	   *kept;
	const Query *query;
	int			target;
} Observation;

/* observe takes what the columns of a query come from as what its target may come from, for the rest of the call. */
static void
observe(void *arg)
{
	Observation *observation = arg;
	Kept	   *kept = observation->kept;
	PgcOutputs *outputs = pgc_origins_of(observation->query, argument_origins, kept);

	kept->busy = true;
	if (pgc_variables_assign(kept->variables, observation->target, outputs))
		kept->values = NIL;
	kept->variables->of_call = true;
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
	Observation observation = {.query = query};

	if (target == NULL || (query->commandType != CMD_SELECT && query->returningList == NIL))
		return;
	observation.kept = kept_of(estate, frame);
	observation.target = target->dno;
	if (!observation.kept->variables->code->acts || is_of(observation.kept->variables->code, source))
		return;
	observation.kept->arguments = using_of(estate->err_stmt);
	(void) pgc_lineage_try(observe, &observation);
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
	const List *arguments = NIL;
	Kept	   *kept;

	if (estate == NULL || estate->func->action == NULL)
		return false;
	if (params && params->paramFetch == NULL && frame != error_context_stack && frame == error_context_stack->previous &&
		params->numParams == list_length(using_of(estate->err_stmt)))
		arguments = using_of(estate->err_stmt);
	kept = kept_of(estate, frame);
	if (arguments == NIL && !is_of(kept->variables->code, source))
		return false;
	kept->arguments = arguments;
	how->origins = arguments ? argument_origins : variable_origins;
	how->arg = kept;
	return true;
}
