/*
 * src/lineage/routine/arguments.c
 *		Arguments that queries pass to functions in PL/pgSQL.
 *
 * What a query of a function passes is found when it is needed (variables.c).  A query of the client's is gone by then, so the
 * planner hook takes from it where the arguments come from, and the plan bears a number for it, as in known.c.  The number is a hash of what
 * was found, so that the same statement over and over takes no more room.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_proc.h"
#include "commands/proclang.h"
#include "common/hashfn.h"
#include "lineage/lineage.h"
#include "lineage/routine/routine.h"
#include "lineage/track/track.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/plannodes.h"
#include "tcop/pquery.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/portal.h"
#include "utils/syscache.h"

/* The cache that there is not, of the items that bear a number; not that of known.c. */
#define NO_CACHE (-20261122)

/* How many are kept. */
#define MAX_KEPT 1000

/* What a query of the client's passes to a function. */
typedef struct Passed
{
	uint32		number;			/* hash key, and hash of the rest */
	Oid			funcid;
	List	   *arguments;		/* PgcArgument * */
} Passed;

static HTAB *kept = NULL;
static MemoryContext context = NULL;

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
	Search		search = {.funcid = funcid,.query = query};

	if (!OidIsValid(funcid))
		search.language = get_language_oid("plpgsql", true);
	(void) find_calls((Node *) query, &search);
	return search.calls;
}

/* argument_of returns an argument, or a field of one; found or made. */
static PgcArgument *
argument_of(Passed *passed, const PgcArgument *wanted)
{
	PgcArgument *argument;
	ListCell   *cell;

	foreach(cell, passed->arguments)
	{
		argument = lfirst(cell);
		if (argument->number == wanted->number && (argument->field == NULL) == (wanted->field == NULL) &&
			(wanted->field == NULL || strcmp(argument->field, wanted->field) == 0))
			return argument;
	}
	argument = palloc0(sizeof(PgcArgument));
	*argument = *wanted;
	passed->arguments = lappend(passed->arguments, argument);
	return argument;
}

/* add_passed adds what a call passes to what a list of Passed says of the function. */
static List *
add_passed(List *list, const PgcCall *call)
{
	PgcOutputs *outputs = pgc_origins_of(call->query, NULL, NULL);
	Passed	   *passed = NULL;
	ListCell   *cell;
	bool		grew = false;

	foreach(cell, list)
	{
		if (((Passed *) lfirst(cell))->funcid == call->funcid)
			passed = lfirst(cell);
	}
	if (passed == NULL)
	{
		passed = palloc0(sizeof(Passed));
		passed->funcid = call->funcid;
		list = lappend(list, passed);
	}
	foreach(cell, call->arguments)
	{
		PgcArgument *argument = argument_of(passed, lfirst(cell));

		argument->origins = pgc_origins_add(argument->origins, outputs->origins[foreach_current_index(cell)],
											PGC_IDENTITY, &grew);
	}
	return list;
}

/* text_of returns all that is passed as text, to be hashed and compared. */
static char *
text_of(const Passed *passed)
{
	StringInfoData result;
	ListCell   *cell;
	ListCell   *origin;

	initStringInfo(&result);
	appendStringInfo(&result, "%u", passed->funcid);
	foreach(cell, passed->arguments)
	{
		PgcArgument *argument = lfirst(cell);

		appendStringInfo(&result, "\n%d %s", argument->number, argument->field ? argument->field : "");
		foreach(origin, argument->origins)
		{
			PgcOrigin  *from = lfirst(origin);

			appendStringInfo(&result, "\n%u %d %d %d", from->relid, from->column, from->subtype, from->masking);
		}
	}
	return result.data;
}

/* prepare_cache makes the table, or a new one if it is full: plans whose numbers are lost with it are made again. */
static void
prepare_cache(void)
{
	HASHCTL		control = {.keysize = sizeof(uint32),.entrysize = sizeof(Passed)};

	if (kept && hash_get_num_entries(kept) < MAX_KEPT)
		return;
	if (kept)
	{
		kept = NULL;
		MemoryContextDelete(context);
		ResetPlanCache();
	}
	context = AllocSetContextCreate(TopMemoryContext, "pg_contract arguments", ALLOCSET_DEFAULT_SIZES);
	control.hcxt = context;
	kept = hash_create("pg_contract arguments", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* copy_arguments copies arguments into the context in which they are kept. */
static List *
copy_arguments(const List *arguments)
{
	MemoryContext caller = MemoryContextSwitchTo(context);
	List	   *copy = NIL;
	ListCell   *cell;
	bool		grew = false;

	foreach(cell, arguments)
	{
		PgcArgument *argument = palloc0(sizeof(PgcArgument));
		const PgcArgument *from = lfirst(cell);

		argument->number = from->number;
		argument->field = from->field ? pstrdup(from->field) : NULL;
		argument->origins = pgc_origins_add(NIL, from->origins, PGC_IDENTITY, &grew);
		copy = lappend(copy, argument);
	}
	MemoryContextSwitchTo(caller);
	return copy;
}

/* keep keeps what is passed and returns its number; 0: another one has that. */
static uint32
keep(const Passed *passed)
{
	char	   *content = text_of(passed);
	uint32		number = DatumGetUInt32(hash_any((unsigned char *) content, (int) strlen(content)));
	Passed	   *entry;
	List	   *arguments;

	prepare_cache();
	entry = hash_search(kept, &number, HASH_FIND, NULL);
	if (entry != NULL)
		return strcmp(text_of(entry), content) == 0 ? number : 0;
	arguments = copy_arguments(passed->arguments);
	entry = hash_search(kept, &number, HASH_ENTER, NULL);
	entry->funcid = passed->funcid;
	entry->arguments = arguments;
	return number;
}

/* A query that is being looked at, and the numbers for its plan. */
typedef struct Planning
{
	const List *calls;			/* PgcCall * */
	int			count;
	uint32	   *numbers;		/* room for one a call */
} Planning;

/* take_numbers finds out what is passed. */
static void
take_numbers(void *arg)
{
	Planning   *planning = arg;
	List	   *list = NIL;
	ListCell   *cell;

	foreach(cell, planning->calls)
		list = add_passed(list, lfirst(cell));
	foreach(cell, list)
	{
		uint32		number = keep(lfirst(cell));

		if (number != 0)
			planning->numbers[planning->count++] = number;
	}
}

/*
 * pgc_routine_planning looks at a query of the client's that is about to be planned and returns what its plan is to be marked with, or
 * NIL.  Only one that calls a function in PL/pgSQL costs more than a walk.
 */
List *
pgc_routine_planning(const Query *query)
{
	Planning	planning = {0};
	List	   *items = NIL;

	planning.calls = pgc_routine_calls(query, InvalidOid);
	if (planning.calls == NIL)
		return NIL;
	planning.numbers = palloc(list_length(planning.calls) * sizeof(uint32));
	(void) pgc_lineage_try(take_numbers, &planning);
	for (int i = 0; i < planning.count; i++)
	{
		PlanInvalItem *item = makeNode(PlanInvalItem);

		item->cacheId = NO_CACHE;
		item->hashValue = planning.numbers[i];
		items = lappend(items, item);
	}
	return items;
}

/* passed_by returns what a plan passes to a function, or NULL. */
static const Passed *
passed_by(const PlannedStmt *plan, Oid funcid)
{
	ListCell   *cell;

	foreach(cell, plan->invalItems)
	{
		PlanInvalItem *item = lfirst_node(PlanInvalItem, cell);
		Passed	   *passed;

		if (item->cacheId != NO_CACHE)
			continue;
		passed = hash_search(kept, &item->hashValue, HASH_FIND, NULL);
		if (passed && passed->funcid == funcid)
			return passed;
	}
	return NULL;
}

/* passed_now returns what the client's statement that runs passes to a function, or NULL. */
static const Passed *
passed_now(Oid funcid)
{
	const Passed *passed = NULL;
	ListCell   *cell;

	if (kept == NULL || ActivePortal == NULL)
		return NULL;
	foreach(cell, ActivePortal->stmts)
	{
		if (passed == NULL)
			passed = passed_by(lfirst_node(PlannedStmt, cell), funcid);
	}
	return passed;
}

/* pgc_routine_passed returns its arguments: List of PgcArgument *. */
const List *
pgc_routine_passed(Oid funcid)
{
	const Passed *passed = passed_now(funcid);

	return passed ? passed->arguments : NIL;
}

/* pgc_routine_passed_number returns its number; 0: nothing is known of it. */
uint32
pgc_routine_passed_number(Oid funcid)
{
	const Passed *passed = passed_now(funcid);

	return passed ? passed->number : 0;
}
