/*
 * src/worker/round.c
 *		What a worker does, in which order; and SQL procedure tend, which does
 *		it in the foreground.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "lineage/lineage.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "watch/watch.h"
#include "worker/worker.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_tend);

/* What is found out early is known to the tasks after it. */
static const PgcTask tending[] = {
	{"refused rows", pgc_drain_step},
	{"lineage", pgc_lineage_step, true},
	{"definitions", pgc_derive_step, true},
	{"last writes", pgc_last_write_step, true},
	{"freshness", pgc_freshness_step, true},
	{"incidents", pgc_incident_step, true},
	{"retention", pgc_retention_step},
};

static const PgcTask auditing[] = {
	{"audits", pgc_schedule_step, true},
};

/* pgc_round_tasks returns the tasks of a duty. */
const PgcTask *
pgc_round_tasks(PgcDuty duty, int *ntasks)
{
	*ntasks = duty == PGC_TENDING ? lengthof(tending) : lengthof(auditing);
	return duty == PGC_TENDING ? tending : auditing;
}

/*
 * pgc_round_step does one step of a task, in a transaction; returns whether
 * there is more to do now.  Waits while somebody else does a step of this duty.
 */
bool
pgc_round_step(PgcDuty duty, const PgcTask *task, PgcStep *step)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "pg_contract step",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	bool		more;

	pgc_catalog_keeps_plans = task->keeps_plans;
	LockDatabaseObject(pgc_history_identity(), duty, 0, ExclusiveLock);
	PushActiveSnapshot(GetTransactionSnapshot());
	step->now = GetCurrentTimestamp();
	step->next = DT_NOEND;
	more = task->step(step);
	PopActiveSnapshot();
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return more;
}

/* tend does the tasks of a duty until none has more to do now. */
static void
tend(PgcDuty duty)
{
	int			ntasks;
	const PgcTask *tasks = pgc_round_tasks(duty, &ntasks);

	for (int i = 0; i < ntasks; i++)
	{
		PgcStep		step;
		bool		more;

		do
		{
			more = pgc_round_step(duty, &tasks[i], &step);
			SPI_commit();
		} while (more);
	}
}

/* pgc_tend is CALL contract.tend(). */
Datum
pgc_tend(PG_FUNCTION_ARGS)
{
	const CallContext *call = (const CallContext *) fcinfo->context;

	if (call == NULL || !IsA(call, CallContext) || call->atomic)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
				 errmsg("contract.tend() cannot run inside a transaction block"),
				 errhint("It commits what it has done step by step: call it on its own.")));
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	tend(PGC_AUDITING);
	tend(PGC_TENDING);
	SPI_finish();
	PG_RETURN_VOID();
}
