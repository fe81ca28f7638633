/*
 * src/lineage/arguments.c
 *		Arguments that queries pass to functions in PL/pgSQL.
 *
 * What a query of a function passes is found when it is needed (variables.c).  A query of the client's is gone by then, so the
 * planner hook takes from it where the arguments come from, and keeps that by the query's identifier; without identifiers
 * (compute_query_id = off) it is not known.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/proclang.h"
#include "engine/rights.h"
#include "lineage/lineage.h"
#include "lineage/routine.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "tcop/pquery.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/portal.h"
#include "utils/syscache.h"

#define MAX_QUERIES 1000

/* What a query of the client's passes to a function. */
typedef struct PassedKey
{
	uint64		query_id;
	uint64		funcid;			/* as wide, so that nothing is between them */
} PassedKey;

typedef struct Passed
{
	PassedKey	key;
	List	   *arguments;		/* PgcArgument * */
} Passed;

static HTAB *passed = NULL;
static MemoryContext passed_context = NULL;

/* A search for calls. */
typedef struct Search
{
	Oid			funcid;			/* InvalidOid: of any function in PL/pgSQL */
	Oid			language;
	const Query *query;			/* that we are in */
	List	   *calls;			/* PgcCall * */
} Search;

/* select_nothing returns a query on the same rows as a query, without columns. */
static Query *
select_nothing(const Query *query)
{
	Query	   *select = makeNode(Query);

	*select = *query;
	select->commandType = CMD_SELECT;
	select->resultRelation = 0;
	select->setOperations = NULL;
	select->onConflict = NULL;
	select->returningList = NIL;
	select->mergeActionList = NIL;
	select->targetList = NIL;
	return select;
}

/* add_argument adds a column to the query of a call. */
static void
add_argument(PgcCall *call, int number, char *field, Expr *value)
{
	PgcArgument *argument = palloc0(sizeof(PgcArgument));
	int			column = list_length(call->arguments) + 1;

	argument->number = number;
	argument->field = field;
	call->arguments = lappend(call->arguments, argument);
	call->query->targetList = lappend(call->query->targetList, makeTargetEntry(value, column, "argument", false));
}

/* add_call adds a call of a function. */
static void
add_call(Search *search, const FuncExpr *function)
{
	PgcCall    *call = palloc0(sizeof(PgcCall));
	ListCell   *cell;
	ListCell   *part;

	call->funcid = function->funcid;
	call->query = select_nothing(search->query);
	foreach(cell, function->args)
	{
		Expr	   *value = lfirst(cell);
		int			number = foreach_current_index(cell);
		List	   *fields;

		if (IsA(value, NamedArgExpr))
		{
			number = ((NamedArgExpr *) value)->argnumber;
			value = ((NamedArgExpr *) value)->arg;
		}
		fields = pgc_origins_fields(value);
		if (fields == NIL)
			add_argument(call, number, NULL, value);
		foreach(part, fields)
			add_argument(call, number, lfirst_node(TargetEntry, part)->resname, lfirst_node(TargetEntry, part)->expr);
	}
	search->calls = lappend(search->calls, call);
}

/* is_in_language: is a function written in a language? */
static bool
is_in_language(Oid funcid, Oid language)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));
	bool		result = HeapTupleIsValid(tuple) && ((Form_pg_proc) GETSTRUCT(tuple))->prolang == language;

	if (HeapTupleIsValid(tuple))
		ReleaseSysCache(tuple);
	return result;
}

/* is_searched: is it a function that calls are searched of? */
static bool
is_searched(const Search *search, Oid funcid)
{
	if (OidIsValid(search->funcid))
		return funcid == search->funcid;
	return funcid >= FirstNormalObjectId && is_in_language(funcid, search->language);
}

/* find_calls walks through a tree. */
static bool
find_calls(Node *node, void *arg)
{
	Search	   *search = arg;

	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		const Query *outer = search->query;

		search->query = (Query *) node;
		if (search->query->commandType == CMD_UTILITY && IsA(search->query->utilityStmt, CallStmt))
			(void) find_calls((Node *) ((CallStmt *) search->query->utilityStmt)->funcexpr, arg);
		else
			(void) query_tree_walker((Query *) node, find_calls, arg, 0);
		search->query = outer;
		return false;
	}
	if (IsA(node, FuncExpr) && ((FuncExpr *) node)->args != NIL && is_searched(search, ((FuncExpr *) node)->funcid))
		add_call(search, (FuncExpr *) node);
	return expression_tree_walker(node, find_calls, arg);
}

/*
 * pgc_routine_calls returns the calls of a function in a query, or of all functions in PL/pgSQL (InvalidOid): List of PgcCall *.  A call is a
 * query, made of the one that it is in, whose columns are the arguments, of composite ones the fields.
 */
List *
pgc_routine_calls(const Query *query, Oid funcid)
{
	Search		search = {.funcid = funcid};

	if (!OidIsValid(funcid))
		search.language = get_language_oid("plpgsql", true);
	(void) find_calls((Node *) query, &search);
	return search.calls;
}

/* prepare_cache makes the table, or a new one if it is full; plans that were looked into are then made again. */
static void
prepare_cache(void)
{
	HASHCTL		control = {.keysize = sizeof(PassedKey), .entrysize = sizeof(Passed)};

	if (passed && hash_get_num_entries(passed) < MAX_QUERIES)
		return;
	if (passed)
	{
		MemoryContextDelete(passed_context);
		passed = NULL;
		ResetPlanCache();
	}
	passed_context = AllocSetContextCreate(TopMemoryContext, "pg_contract arguments", ALLOCSET_DEFAULT_SIZES);
	control.hcxt = passed_context;
	passed = hash_create("pg_contract arguments", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* entry_of returns what is kept of a query and a function; found or made. */
static Passed *
entry_of(uint64 query_id, Oid funcid)
{
	PassedKey	key = {query_id, funcid};
	Passed	   *entry;
	bool		found;

	prepare_cache();
	entry = hash_search(passed, &key, HASH_ENTER, &found);
	if (!found)
		entry->arguments = NIL;
	return entry;
}

/* forget empties an entry: the query is planned again. */
static void
forget(Passed *entry)
{
	List	   *arguments = entry->arguments;
	ListCell   *cell;

	entry->arguments = NIL;
	foreach(cell, arguments)
	{
		PgcArgument *argument = lfirst(cell);

		list_free_deep(argument->origins);
		if (argument->field)
			pfree(argument->field);
	}
	list_free_deep(arguments);
}

/* argument_of returns an argument of an entry, or a field of one; found or made. */
static PgcArgument *
argument_of(Passed *entry, const PgcArgument *wanted)
{
	PgcArgument *argument;
	ListCell   *cell;

	foreach(cell, entry->arguments)
	{
		argument = lfirst(cell);
		if (argument->number == wanted->number && (argument->field == NULL) == (wanted->field == NULL) &&
			(wanted->field == NULL || strcmp(argument->field, wanted->field) == 0))
			return argument;
	}
	argument = palloc0(sizeof(PgcArgument));
	argument->number = wanted->number;
	argument->field = wanted->field ? pstrdup(wanted->field) : NULL;
	entry->arguments = lappend(entry->arguments, argument);
	return argument;
}

/* remember adds what a call passes. */
static void
remember(uint64 query_id, const PgcCall *call)
{
	PgcOutputs *outputs = pgc_origins_of(call->query, NULL, NULL);
	Passed	   *entry = entry_of(query_id, call->funcid);
	MemoryContext caller = MemoryContextSwitchTo(passed_context);
	ListCell   *cell;
	bool		grew;

	foreach(cell, call->arguments)
	{
		PgcArgument *argument = argument_of(entry, lfirst(cell));

		argument->origins = pgc_origins_add(argument->origins, outputs->origins[foreach_current_index(cell)],
											PGC_IDENTITY, &grew);
	}
	MemoryContextSwitchTo(caller);
}

/*
 * pgc_routine_planned looks at a query of the client's that is about to be planned.  Only one that calls a function in PL/pgSQL costs more than a
 * walk.
 */
void
pgc_routine_planned(const Query *query)
{
	List	   *calls;
	ListCell   *cell;
	PgcAttempt	attempt;

	if (query->queryId == 0 || IsInParallelMode())
		return;
	calls = pgc_routine_calls(query, InvalidOid);
	if (calls == NIL)
		return;
	pgc_attempt_begin(&attempt);
	PG_TRY();
	{
		foreach(cell, calls)
			forget(entry_of(query->queryId, ((PgcCall *) lfirst(cell))->funcid));
		foreach(cell, calls)
			remember(query->queryId, lfirst(cell));
		pgc_attempt_undo(&attempt);
	}
	PG_CATCH();
	{
		ErrorData  *error = pgc_attempt_fail_data(&attempt);

		ereport(LOG, errmsg_internal("lineage: arguments of a function were not understood: %s", error->message));
		FreeErrorData(error);
	}
	PG_END_TRY();
}

/* pgc_routine_passed returns what the client's statement that runs passes to a function: List of PgcArgument *. */
List *
pgc_routine_passed(Oid funcid)
{
	ListCell   *cell;

	if (passed == NULL || ActivePortal == NULL)
		return NIL;
	foreach(cell, ActivePortal->stmts)
	{
		PassedKey	key = {lfirst_node(PlannedStmt, cell)->queryId, funcid};
		Passed	   *entry = hash_search(passed, &key, HASH_FIND, NULL);

		if (entry)
			return entry->arguments;
	}
	return NIL;
}
