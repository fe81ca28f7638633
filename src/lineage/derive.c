/*
 * src/lineage/derive.c
 *		Lineage of definitions, out of the catalogs, and of what depends on them.
 *
 * Each definition is derived in a subtransaction: one that cannot be is left as it
 * was, and said.  Reading it keeps no lock (extract.c, body.c).
 *
 * Must never stop DDL, nor wait long: see PATIENCE.
 */
#include "postgres.h"

#include "catalog/contract.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "engine/rights.h"
#include "fmgr.h"
#include "lineage/lineage.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

/*
 * So many ms are waited for other transactions, altogether and each time: less than the
 * server waits before it looks for deadlocks.
 */
#define PATIENCE 1000
#define PATIENCE_EACH 250

/* So many definitions that could not be derived are named. */
#define SHOWN 10

/*
 * The worker derives all definitions once a day: what they see through functions may have changed, temporary views go
 * without a word.  Earlier if somebody was in the way.
 */
#define PERIOD USECS_PER_DAY
#define AGAIN (5 * USECS_PER_MINUTE)

PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_refresh_lineage);

/* Definitions to derive, and what became of them. */
typedef struct Round
{
	List	   *queue;			/* of PgcDefinition */
	int			ntouched;		/* so many of them come first that a command
								 * has made or altered */
	bool		follows;		/* what depends on a changed one is derived,
								 * too */
	int			patience;		/* ms that are left */
	bool		was_busy;		/* somebody else was in the way */
	int			nfailed;
	StringInfoData failed;		/* the first of them, and why */
} Round;

/* extract returns the lineage of a definition, or NULL. */
static PgcLineage *
extract(const PgcDefinition *definition)
{
	if (definition->classid != RelationRelationId)
		return pgc_extract_function(definition->objid);
	switch (get_rel_relkind(definition->objid))
	{
		case RELKIND_VIEW:
		case RELKIND_MATVIEW:
			return pgc_extract_view(definition->objid);
		default:
			return pgc_extract_generated(definition->objid);
	}
}

/* derive brings what is stored of a definition up to date; true if that changed. */
static bool
derive(PgcDefinition definition, bool touched)
{
	PgcLineage *lineage;

	if (definition.digest != 0 && pgc_definition_equals(&definition, extract(&definition)))
		return false;
	pgc_definition_lock(&definition);
	lineage = extract(&definition);
	if (pgc_definition_equals(&definition, lineage))
		return false;
	pgc_definition_store(&definition, lineage);
	if (touched && lineage != NULL)
		pgc_policy_report_nulls(lineage);
	return true;
}

/* note_failure notes that a definition could not be derived. */
static void
note_failure(Round *round, const PgcDefinition *definition, const ErrorData *error)
{
	const ObjectAddress address = {.classId = definition->classid,.objectId = definition->objid};
	char	   *name = getObjectDescription(&address, true);

	if (name == NULL)
		return;					/* dropped meanwhile */
	if (error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE)
	{
		round->patience -= PATIENCE_EACH;
		round->was_busy = true;
	}
	if (round->nfailed++ < SHOWN)
		appendStringInfo(&round->failed, "%s%s: %s.", round->failed.len > 0 ? "\n" : "", name, error->message);
}

/* try_derive derives a definition; true if what is stored changed. */
static bool
try_derive(Round *round, const PgcDefinition *definition, bool touched)
{
	volatile bool changed = false;
	PgcAttempt	attempt;

	pgc_attempt_begin(&attempt);
	PG_TRY();
	{
		changed = derive(*definition, touched);
		pgc_attempt_commit(&attempt);
	}
	PG_CATCH();
	{
		note_failure(round, definition, pgc_attempt_fail_data(&attempt));
	}
	PG_END_TRY();
	return changed;
}

/* limit_waiting sets lock_timeout for the next definition, unless the user waits even less. */
static void
limit_waiting(const Round *round)
{
	int			limit = round->patience > 0 ? PATIENCE_EACH : 1;
	char		value[12];

	if (LockTimeout > 0 && LockTimeout <= limit)
		return;
	snprintf(value, sizeof(value), "%d", limit);
	(void) set_config_option("lock_timeout", value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

/* is_queued: is a definition in the queue? */
static bool
is_queued(const Round *round, const PgcDefinition *definition)
{
	ListCell   *cell;

	foreach(cell, round->queue)
	{
		const PgcDefinition *other = lfirst(cell);

		if (other->classid == definition->classid && other->objid == definition->objid)
			return true;
	}
	return false;
}

/* is_left: is a definition still one?  Else what is stored of it is forgotten. */
static bool
is_left(const PgcDefinition *definition)
{
	if (!definition->exists && definition->digest != 0)
		pgc_definition_forget(definition->classid, definition->objid);
	return definition->exists;
}

/* enqueue puts definitions at the end of the queue that are not in it. */
static void
enqueue(Round *round, const List *definitions)
{
	ListCell   *cell;

	foreach(cell, definitions)
	{
		if (is_left(lfirst(cell)) && !is_queued(round, lfirst(cell)))
			round->queue = lappend(round->queue, lfirst(cell));
	}
}

/* warn_of_failures says what could not be derived. */
static void
warn_of_failures(Round *round)
{
	if (round->nfailed == 0)
		return;
	if (round->nfailed > SHOWN)
		appendStringInfo(&round->failed, "\nAnd %d more.", round->nfailed - SHOWN);
	ereport(WARNING,
			(errmsg_plural("the lineage of %d definition could not be derived",
						   "the lineage of %d definitions could not be derived", round->nfailed, round->nfailed),
			 errdetail_internal("%s", round->failed.data),
			 errhint("Once the cause is gone: SELECT contract.refresh_lineage().")));
}

/* run derives all that is in the queue, which may grow meanwhile. */
static void
run(Round *round)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext each = AllocSetContextCreate(caller, "pg_contract lineage of a definition", ALLOCSET_DEFAULT_SIZES);
	int			nestlevel = NewGUCNestLevel();

	round->patience = PATIENCE;
	initStringInfo(&round->failed);
	for (int i = 0; i < list_length(round->queue); i++)
	{
		const PgcDefinition *definition = list_nth(round->queue, i);
		bool		changed;

		CHECK_FOR_INTERRUPTS();
		limit_waiting(round);
		MemoryContextSwitchTo(each);
		changed = try_derive(round, definition, i < round->ntouched);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(each);
		if (changed && round->follows)
			enqueue(round, pgc_definition_dependents(definition->classid, definition->objid));
	}
	AtEOXact_GUC(false, nestlevel);
	MemoryContextDelete(each);
	warn_of_failures(round);
}

/*
 * pgc_derive_touched, in an event trigger, derives what the command has made or altered, and
 * what depends on it as far as that changes it.  with_dependents: what depends on it may
 * have changed even if it has no lineage of its own, or the same.
 */
void
pgc_derive_touched(bool with_dependents)
{
	Round		round = {.queue = NIL,.follows = true};
	List	   *touched = pgc_definition_touched();
	ListCell   *cell;

	enqueue(&round, touched);
	round.ntouched = list_length(round.queue);
	foreach(cell, with_dependents ? touched : NIL)
	{
		const PgcDefinition *definition = lfirst(cell);

		enqueue(&round, pgc_definition_dependents(definition->classid, definition->objid));
	}
	run(&round);
	if (round.was_busy)
		pgc_definition_hurry(GetCurrentTimestamp());
}

/* refresh derives all definitions; returns how many are up to date then. */
static int
refresh(void)
{
	Round		round = {.queue = NIL};
	ListCell   *cell;

	pgc_definition_put_off(GetCurrentTimestamp() + PERIOD);
	foreach(cell, pgc_definition_list())
	{
		if (is_left(lfirst(cell)))
			round.queue = lappend(round.queue, lfirst(cell));
	}
	run(&round);
	if (round.was_busy)
		pgc_definition_hurry(GetCurrentTimestamp() + AGAIN);
	return list_length(round.queue) - round.nfailed;
}

/* pgc_derive_step is a task of the worker: all definitions, if that is due. */
bool
pgc_derive_step(PgcStep *step)
{
	TimestampTz due = pgc_definition_due();

	if (pgc_definition_moved_in() || due <= step->now || due > step->now + PERIOD)
	{
		(void) refresh();
		due = pgc_definition_due();
	}
	step->next = due;
	return false;
}

/* pgc_refresh_lineage is contract.refresh_lineage(): returns how many definitions are up to date then. */
Datum
pgc_refresh_lineage(PG_FUNCTION_ARGS)
{
	bool		keeps_plans = pgc_catalog_keeps_plans;
	int			derived;

	PreventCommandIfReadOnly("contract.refresh_lineage()");
	pgc_catalog_keeps_plans = true;
	(void) pgc_definition_moved_in();
	derived = refresh();
	pgc_catalog_keeps_plans = keeps_plans;
	PG_RETURN_INT64(derived);
}
