/*
 * src/lineage/routine/routine.c
 *		Which routine runs.
 *
 * Nothing is kept for PL/pgSQL: each of its functions that runs has a frame in the server's stack of error contexts, which errors,
 * subtransactions and COMMIT in a procedure leave right by themselves.  To know these frames from others one needs the address of
 * PL/pgSQL's callback.  It writes that into the plugin that is found under the rendezvous variable PLpgSQL_plugin, whoever
 * set it, each time a function starts.  Ours hands on to the one that it found there; beside that it tells running.c of calls.
 *
 * Functions in other languages have no such frame.  The function manager tells of the start and the end of those that may write
 * (fmgr_hook).  As that forbids to inline them, the planner is not told.
 *
 * This never raises an error.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "commands/proclang.h"
#include "lineage/lineage.h"
#include "lineage/routine/routine.h"
#include "optimizer/planner.h"
#include "utils/syscache.h"

static PLpgSQL_plugin plugin;	/* ours */
static PLpgSQL_plugin *previous_plugin;
static PLpgSQL_plugin **plugin_place;
static void (*frame_callback) (void *arg);	/* of frames of PL/pgSQL */

/* Functions that the function manager told of. */
static int	depth;				/* that run */
static Oid	outermost;			/* or InvalidOid: a frame of PL/pgSQL is
								 * further out */
static int	planning;			/* calls of the planner that run */

static planner_hook_type previous_planner;
static needs_fmgr_hook_type previous_needs;
static fmgr_hook_type previous_fmgr;

/* setup is told that a function starts, before begin is; it hands on what PL/pgSQL has put into our plugin. */
static void
setup(PLpgSQL_execstate *estate, PLpgSQL_function *function)
{
	if (previous_plugin == NULL)
		return;
	previous_plugin->error_callback = plugin.error_callback;
	previous_plugin->assign_expr = plugin.assign_expr;
	previous_plugin->assign_value = plugin.assign_value;
	previous_plugin->eval_datum = plugin.eval_datum;
	previous_plugin->cast_value = plugin.cast_value;
	if (previous_plugin->func_setup)
		previous_plugin->func_setup(estate, function);
}

/* begin is told that a function begins. */
static void
begin(PLpgSQL_execstate *estate, PLpgSQL_function *function)
{
	pgc_routine_begins(estate);
	if (previous_plugin && previous_plugin->func_beg)
		previous_plugin->func_beg(estate, function);
}

/* install_plugin puts our plugin before the one that is there. */
static void
install_plugin(void)
{
	plugin_place = (PLpgSQL_plugin **) find_rendezvous_variable("PLpgSQL_plugin");
	previous_plugin = *plugin_place;
	plugin.func_setup = setup;
	plugin.func_beg = begin;
	if (previous_plugin)
	{
		plugin.func_end = previous_plugin->func_end;
		plugin.stmt_beg = previous_plugin->stmt_beg;
		plugin.stmt_end = previous_plugin->stmt_end;
	}
	*plugin_place = &plugin;
}

/* learn_callback takes the address that PL/pgSQL left in the plugin; one that took our place may have gone without putting it back. */
static void
learn_callback(void)
{
	if (*plugin_place == NULL)
		*plugin_place = &plugin;
	if ((*plugin_place)->error_callback != NULL)
		frame_callback = (*plugin_place)->error_callback;
}

/* pgc_routine_sees_calls: are we told when functions begin?  Not if another plugin has taken our place. */
bool
pgc_routine_sees_calls(void)
{
	return *plugin_place == &plugin;
}

/* pgc_routine_frame returns the state of the innermost function of PL/pgSQL under a context, or NULL; *context: its frame. */
PLpgSQL_execstate *
pgc_routine_frame(ErrorContextCallback **context)
{
	learn_callback();
	if (frame_callback == NULL)
		return NULL;
	for (; *context != NULL; *context = (*context)->previous)
	{
		if ((*context)->callback == frame_callback)
			return (PLpgSQL_execstate *) (*context)->arg;
	}
	return NULL;
}

/* pgc_routine_current returns the outermost routine that runs; InvalidOid: none.  A DO block is none. */
Oid
pgc_routine_current(void)
{
	ErrorContextCallback *context = error_context_stack;
	PLpgSQL_execstate *estate;
	Oid			routine = InvalidOid;

	if (OidIsValid(outermost))
		return outermost;
	while ((estate = pgc_routine_frame(&context)) != NULL)
	{
		if (OidIsValid(estate->func->fn_oid))
			routine = estate->func->fn_oid;
		context = context->previous;
	}
	return routine;
}

/*
 * is_told_of says whether the function manager is to tell of a function: one that may write, in a language that has no frames.
 * What C functions do themselves is the server's or an extension's doing, not a routine of the user's.
 */
static bool
is_told_of(Oid funcid)
{
	HeapTuple	tuple;
	Form_pg_proc form;
	bool		result;

	if (funcid < FirstNormalObjectId)
		return false;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));
	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_proc) GETSTRUCT(tuple);
	result = form->provolatile == PROVOLATILE_VOLATILE &&
		form->prolang != INTERNALlanguageId && form->prolang != ClanguageId &&
		form->prolang != get_language_oid("plpgsql", true);
	ReleaseSysCache(tuple);
	return result;
}

/* needs_fmgr answers the function manager, and the planner that wants to inline. */
static bool
needs_fmgr(Oid funcid)
{
	if (previous_needs && previous_needs(funcid))
		return true;
	return planning == 0 && pgc_track_is_on() && is_told_of(funcid);
}

/* at_function keeps the outermost function in mind; each start is followed by an end or an abort. */
static void
at_function(FmgrHookEventType event, FmgrInfo *function, Datum *private)
{
	if (event == FHET_START)
	{
		if (depth == 0 && !OidIsValid(pgc_routine_current()))
			outermost = function->fn_oid;
		depth++;
	}
	else if (--depth == 0)
		outermost = InvalidOid;
	if (previous_fmgr)
		previous_fmgr(event, function, private);
}

/* count_planning is the planner, counted. */
static PlannedStmt *
count_planning(Query *query, const char *source, int options, ParamListInfo params)
{
	PlannedStmt *result;

	planning++;
	PG_TRY();
	{
		result = previous_planner ? previous_planner(query, source, options, params)
			: standard_planner(query, source, options, params);
	}
	PG_FINALLY();
	{
		planning--;
	}
	PG_END_TRY();
	return result;
}

/* plan is the planner, which takes note of what the client's queries pass to functions, and of what functions run as text. */
static PlannedStmt *
plan(Query *query, const char *source, int options, ParamListInfo params)
{
	ErrorContextCallback *frame = error_context_stack;
	List	   *marks = NIL;
	PlannedStmt *result;

	if (planning == 0 && pgc_track_is_on())
	{
		PLpgSQL_execstate *estate = pgc_routine_frame(&frame);

		if (estate == NULL && depth == 0)
			marks = pgc_routine_planning(query);
		else if (estate != NULL && frame == error_context_stack->previous)
			pgc_routine_observe(estate, frame, query, source);
	}
	result = count_planning(query, source, options, params);
	result->invalItems = list_concat(result->invalItems, marks);
	return result;
}

/* pgc_routine_init is called while the library is loaded. */
void
pgc_routine_init(void)
{
	install_plugin();
	previous_planner = planner_hook;
	planner_hook = plan;
	previous_needs = needs_fmgr_hook;
	needs_fmgr_hook = needs_fmgr;
	previous_fmgr = fmgr_hook;
	fmgr_hook = at_function;
}
