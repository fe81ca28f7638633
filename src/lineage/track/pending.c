/*
 * src/lineage/track/pending.c
 *		What has run in this transaction.
 *
 * A run is a statement, who ran it, in which routine, and in which subtransaction: one entry with counters however often.
 * The runs of a subtransaction are a batch.  When it commits they are added to its parent's, or become
 * its parent's; when it aborts they are dropped.  So what was rolled back leaves no trace.
 *
 * At commit they are recorded: in the transaction itself with pg_contract.lineage_sync, else
 * through shared memory, by a worker.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "lineage/track/track.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

struct PgcRun
{
	PgcKnown   *known;
	PgcRun	   *same;			/* next one of the same statement */
	PgcRun	   *next;			/* of the same batch */
	SubTransactionId subid;
	Oid			role;
	Oid			routine;		/* or InvalidOid */
	TimestampTz first;
	TimestampTz last;
	int64		executions;
	int64		rows;
};

/* The runs of one subtransaction, in a stack like these. */
typedef struct Batch
{
	struct Batch *parent;
	SubTransactionId subid;
	PgcRun	   *runs;
} Batch;

static Batch *top = NULL;
static MemoryContext context = NULL;	/* of all of them */

/* find returns the statement's run in a subtransaction by a role in a routine, or NULL. */
static PgcRun *
find(const PgcKnown *known, SubTransactionId subid, Oid role, Oid routine)
{
	for (PgcRun *run = known->runs; run != NULL; run = run->same)
	{
		if (run->subid == subid && run->role == role && run->routine == routine)
			return run;
	}
	return NULL;
}

/* batch_of returns the batch of the current subtransaction. */
static Batch *
batch_of(SubTransactionId subid)
{
	Batch	   *batch;

	if (top != NULL && top->subid == subid)
		return top;
	if (context == NULL)
		context = AllocSetContextCreate(TopTransactionContext, "pg_contract runs", ALLOCSET_DEFAULT_SIZES);
	batch = MemoryContextAllocZero(context, sizeof(Batch));
	batch->parent = top;
	batch->subid = subid;
	top = batch;
	return batch;
}

/* pgc_pending_add counts an execution that wrote so many rows. */
void
pgc_pending_add(PgcKnown *known, int64 rows)
{
	SubTransactionId subid = GetCurrentSubTransactionId();
	Oid			role = GetUserId();
	Oid			routine = pgc_routine_current();
	TimestampTz now = GetCurrentStatementStartTimestamp();
	PgcRun	   *run = find(known, subid, role, routine);

	if (run == NULL)
	{
		Batch	   *batch = batch_of(subid);

		run = MemoryContextAllocZero(context, sizeof(PgcRun));
		run->known = known;
		run->subid = subid;
		run->role = role;
		run->routine = routine;
		run->first = now;
		run->same = known->runs;
		known->runs = run;
		run->next = batch->runs;
		batch->runs = run;
	}
	run->last = now;
	run->executions++;
	run->rows += rows;
}

/* forget takes a run off its statement's list and frees it. */
static void
forget(PgcRun *run)
{
	PgcRun	  **place = &run->known->runs;

	while (*place != run)
		place = &(*place)->same;
	*place = run->same;
	pfree(run);
}

/* hand_over gives a run to the parent of its subtransaction, or adds it to one that is there; true: it was added. */
static bool
hand_over(PgcRun *run, SubTransactionId parent)
{
	PgcRun	   *other = find(run->known, parent, run->role, run->routine);

	if (other == NULL)
	{
		run->subid = parent;
		return false;
	}
	other->last = run->last;
	other->executions += run->executions;
	other->rows += run->rows;
	forget(run);
	return true;
}

/* pgc_pending_commit_sub makes the runs of a subtransaction its parent's; never fails. */
void
pgc_pending_commit_sub(SubTransactionId subid, SubTransactionId parent)
{
	Batch	   *batch = top;
	PgcRun	  **place;

	if (batch == NULL || batch->subid != subid)
		return;
	for (place = &batch->runs; *place != NULL;)
	{
		PgcRun	   *run = *place;
		PgcRun	   *next = run->next;

		if (hand_over(run, parent))
			*place = next;
		else
			place = &run->next;
	}
	if (batch->parent == NULL || batch->parent->subid != parent)
	{
		batch->subid = parent;
		return;
	}
	*place = batch->parent->runs;
	batch->parent->runs = batch->runs;
	top = batch->parent;
	pfree(batch);
}

/* pgc_pending_abort_sub drops the runs of a subtransaction; never fails. */
void
pgc_pending_abort_sub(SubTransactionId subid)
{
	Batch	   *batch = top;

	if (batch == NULL || batch->subid != subid)
		return;
	for (PgcRun *run = batch->runs, *next; run != NULL; run = next)
	{
		next = run->next;
		forget(run);
	}
	top = batch->parent;
	pfree(batch);
}

/* statement_of fills in what there is to record of a run. */
static void
statement_of(const PgcRun *run, PgcStatement *statement)
{
	*statement = (PgcStatement)
	{
		.lineage = run->known->lineage,.query_id = run->known->query_id,.text = run->known->text,
			.routine = run->routine,.role = run->role,.application = application_name,
			.first = run->first,.last = run->last,.executions = run->executions,.rows = run->rows
	};
}

/* statements returns the runs as List of PgcStatement *, the first to run first. */
static List *
statements(void)
{
	List	   *result = NIL;

	for (const PgcRun *run = top->runs; run != NULL; run = run->next)
	{
		PgcStatement *statement = palloc(sizeof(PgcStatement));

		statement_of(run, statement);
		result = lcons(statement, result);
	}
	return result;
}

/* report_nulls looks for nulls where a contract wants none, if this is the first run of a statement that is known of. */
static void
report_nulls(void *arg)
{
	const PgcRun *run = arg;
	PgcStatement statement;

	statement_of(run, &statement);
	if (pgc_lineage_sync || !pgc_queue_knows(&statement))
		pgc_policy_report_nulls(run->known->lineage);
}

/* report reports on statements that run for the first time in this backend. */
static void
report(void)
{
	for (PgcRun *run = top->runs; run != NULL; run = run->next)
	{
		if (run->known->reported)
			continue;
		run->known->reported = true;
		(void) pgc_lineage_try(report_nulls, run);
	}
}

/* store records statements in this transaction. */
static void
store(void *arg)
{
	ListCell   *cell;

	PushActiveSnapshot(GetTransactionSnapshot());
	foreach(cell, (List *) arg)
		pgc_lineage_store(lfirst(cell));
	PopActiveSnapshot();
}

/* enqueue prepares them for the worker. */
static void
enqueue(void *arg)
{
	pgc_queue_prepare(arg);
}

/* pgc_pending_pre_commit records what has run, or prepares it for the worker. */
void
pgc_pending_pre_commit(void)
{
	MemoryContext caller;
	List	   *list;

	if (top == NULL || !pgc_interest_is_here())
		return;
	report();
	caller = MemoryContextSwitchTo(context);
	list = statements();
	MemoryContextSwitchTo(caller);
	if (!pgc_lineage_sync)
	{
		if (pgc_queue_exists())
			(void) pgc_lineage_try(enqueue, list);
	}
	else if (!XactReadOnly && !IsInParallelMode())
		(void) pgc_lineage_try_writing(store, list);
}

/* pgc_pending_end forgets what has run: it is over; never fails. */
void
pgc_pending_end(bool committed)
{
	context = NULL;				/* it goes with the transaction's */
	if (top == NULL)
		return;					/* nothing, or all of it was rolled back
								 * before */
	for (const Batch *batch = top; batch != NULL; batch = batch->parent)
	{
		for (const PgcRun *run = batch->runs; run != NULL; run = run->next)
			run->known->runs = NULL;
	}
	if (committed)
		pgc_queue_publish();
	else
		pgc_queue_discard();
	top = NULL;
}
