/*
 * src/lineage/track/flush.c
 *		The task of the worker that records lineage, and keeps what is recorded
 *		in order.
 *
 * The queue is told of what was recorded when that has committed, in the commit itself: so each execution is
 * counted once, whoever is ended when.  (A crash empties the queue anyway.)
 */
#include "postgres.h"

#include "catalog/contract.h"
#include "engine/rights.h"
#include "lineage/lineage.h"
#include "lineage/track/queue.h"
#include "miscadmin.h"

/* A step records so many new statements, and counts the executions of so many known ones, before it commits. */
#define NEW_STATEMENTS 100
#define KNOWN_STATEMENTS 5000

/* Somebody else works on lineage: look again then. */
#define AGAIN_MS 1000

static const PgcTaken *taken = NULL;	/* what this transaction records, in
										 * its memory */

/* pgc_flush_end tells the queue, at the end of a transaction, what it has recorded.  Cannot fail. */
void
pgc_flush_end(bool committed)
{
	if (taken != NULL && committed)
		pgc_queue_settle(taken);
	taken = NULL;
}

/* fill gives a statement the counters of its copy. */
static void
fill(PgcStatement *statement, const PgcQueued *queued)
{
	statement->application = queued->application[0] != '\0' ? queued->application : NULL;
	statement->first = queued->first;
	statement->last = queued->last;
	statement->executions = queued->executions;
	statement->rows = queued->rows;
}

/* try_store records a new statement; one that cannot be stored is refused, and the log says why. */
static void
try_store(PgcQueued *queued)
{
	PgcAttempt	attempt;

	pgc_attempt_begin(&attempt);
	PG_TRY();
	{
		PgcStatement *statement = pgc_statement_deserialize(queued->bytes);
		int64		id;

		fill(statement, queued);
		id = pgc_lineage_store(statement);
		queued->statement_id = id != 0 ? id : PGC_REFUSED;
		pgc_attempt_commit(&attempt);
	}
	PG_CATCH();
	{
		const ErrorData *error = pgc_attempt_fail_data(&attempt);

		queued->statement_id = PGC_REFUSED;
		ereport(LOG,
				(errcode(error->sqlerrcode),
				 errmsg("lineage of a statement could not be recorded: %s", error->message)));
	}
	PG_END_TRY();
}

/* order_queued sorts copies by their statements. */
static int
order_queued(const void *left, const void *right)
{
	int64		a = ((const PgcQueued *) left)->statement_id;
	int64		b = ((const PgcQueued *) right)->statement_id;

	return (a > b) - (a < b);
}

/* record_new records statements that our tables do not have; returns how many. */
static int
record_new(Oid history)
{
	PgcTaken   *batch = pgc_queue_take(history, false, NEW_STATEMENTS);

	for (int i = 0; i < batch->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		try_store(&batch->queued[i]);
	}
	taken = batch;
	return batch->count;
}

/* count_known counts executions of statements that they have. */
static void
count_known(Oid history)
{
	PgcTaken   *batch = pgc_queue_take(history, true, KNOWN_STATEMENTS);

	qsort(batch->queued, batch->count, sizeof(PgcQueued), order_queued);
	for (int i = 0; i < batch->count; i++)
	{
		PgcQueued  *queued = &batch->queued[i];
		PgcStatement statement = {0};

		CHECK_FOR_INTERRUPTS();
		fill(&statement, queued);
		if (!pgc_lineage_count(queued->statement_id, &statement))
			queued->statement_id = 0;
	}
	taken = batch;
}

/* tidy compares lineage with the catalogs from time to time, and removes what has been historic for long; returns whether there is more. */
static bool
tidy(TimestampTz now)
{
	static bool more = false;

	if (!more && !pgc_lineage_reconcile_if_due(now))
		return false;
	more = pgc_history_max_age > 0 &&
		pgc_lineage_prune(now - pgc_history_max_age * USECS_PER_MINUTE);
	return more;
}

/* lock takes the lock of lineage, waiting for it for a moment; false: it was not to be had. */
static bool
lock(void)
{
	PgcAttempt	attempt;
	volatile bool locked = false;

	pgc_attempt_begin(&attempt);
	PG_TRY();
	{
		pgc_lineage_lock();
		pgc_attempt_commit(&attempt);
		locked = true;
	}
	PG_CATCH();
	{
		ErrorData  *error = pgc_attempt_fail_any(&attempt);

		if (error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE)
			ReThrowError(error);
	}
	PG_END_TRY();
	return locked;
}

/*
 * pgc_lineage_step records new statements as long as there are any, then counts executions of the known ones: those once a
 * round, since statements that run all the time have always something to count.
 */
bool
pgc_lineage_step(PgcStep *step)
{
	Oid			history = pgc_history_identity();

	if (!lock())
	{
		step->next = TimestampTzPlusMilliseconds(step->now, AGAIN_MS);
		return false;
	}
	pgc_lineage_catch_up();
	if (pgc_queue_exists())
	{
		pgc_queue_forget(MyDatabaseId, history);
		if (record_new(history) > 0)
			return true;
		count_known(history);
		pgc_queue_make_room();
	}
	return tidy(step->now);
}
