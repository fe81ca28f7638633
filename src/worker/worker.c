/*
 * src/worker/worker.c
 *		A worker: does one duty of one database, and exits.
 *
 * It may be ended at any time: what it does is in our tables, step by step, each in a
 * transaction.  It never runs a user's query with its own rights (it is a
 * superuser): the tasks do, and see to it.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_extension.h"
#include "commands/extension.h"
#include "compat.h"
#include "enforce/rejects.h"
#include "lineage/lineage.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/lmgr.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"
#include "worker/shared.h"

/* So that memory stays what it is at the beginning, and no task waits long for another. */
#define STEPS_A_TASK	100		/* before the next task has its turn */
#define STEPS_A_WORKER	1000
#define WORKER_MS		(2 * 60 * 1000)

/* How this worker ends (next DT_NOBEGIN: there is more to do); is_known: it came to its end by itself. */
static PgcOutcome outcome = {.next = DT_NOEND};
static bool is_known = false;

/* detach is called when the worker exits, after its transaction was aborted. */
static void
detach(int code, Datum arg)
{
	pgc_shared_detach(is_known ? &outcome : NULL);
}

/* set gives a setting the value that the tasks rely on, whatever the database says. */
static void
set(const char *name, const char *value)
{
	SetConfigOption(name, value, PGC_SUSET, PGC_S_OVERRIDE);
}

/* set_all makes the worker independent of settings of the database and of the role. */
static void
set_all(void)
{
	set("application_name", "pg_contract");
	set("role", "none");
	set("search_path", "pg_catalog, pg_temp");
	set("default_transaction_isolation", "read committed");
	set("default_transaction_read_only", "off");
	set("default_transaction_deferrable", "off");
	set("session_replication_role", "origin");
	set("row_security", "on");
	set("lock_timeout", "10s");
	set("statement_timeout", "0");
	set("idle_in_transaction_session_timeout", "0");
	pgc_compat_no_transaction_timeout();
}

/*
 * lock_extension keeps the extension from being dropped until the end of the
 * transaction; false: it is not there.  One that was dropped and made anew meanwhile is.
 */
static bool
lock_extension(void)
{
	Oid			extension = InvalidOid;
	Oid			locked;

	do
	{
		locked = extension;
		extension = get_extension_oid("pg_contract", true);
		if (!OidIsValid(extension))
			return false;
		if (extension != locked)
			LockDatabaseObject(ExtensionRelationId, extension, 0, AccessShareLock);
	} while (extension != locked);
	return pgc_catalog_exists();
}

/* do_step does one step of a task in a transaction; returns whether there is more to do now. */
static bool
do_step(PgcDuty duty, const PgcTask *task)
{
	PgcStep		step = {.next = DT_NOEND};
	bool		more = false;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	pgc_worker_doing(task->name);
	if (lock_extension())
	{
		outcome.presence = PGC_PRESENCE_YES;
		more = pgc_round_step(duty, task, &step);
	}
	else
	{
		outcome.presence = PGC_PRESENCE_NO;
		pgc_rejects_forget_database(MyDatabaseId);
		pgc_queue_forget(MyDatabaseId, InvalidOid);
	}
	CommitTransactionCommand();
	if (!more)
		outcome.next = Min(outcome.next, step.next);
	return more;
}

/* note_error remembers the first error, in the words for contract.workers. */
static void
note_error(const char *task)
{
	MemoryContext context = MemoryContextSwitchTo(TopMemoryContext);
	ErrorData  *error = CopyErrorData();

	if (!outcome.failed)
	{
		char	   *message = psprintf("%s: %s", task, error->message ? error->message : "");

		strlcpy(outcome.error, message, pg_mbcliplen(message, strlen(message), PGC_ERROR_SIZE - 1) + 1);
		pfree(message);
	}
	outcome.failed = true;
	FreeErrorData(error);
	MemoryContextSwitchTo(context);
}

/* in_task says in messages to the log which task they come from. */
static void
in_task(void *arg)
{
	errcontext("task \"%s\" of pg_contract", (const char *) arg);
}

/* try_step is do_step where an error ends the task, not the worker. */
static bool
try_step(PgcDuty duty, const PgcTask *task)
{
	ErrorContextCallback callback = {error_context_stack, in_task, unconstify(char *, task->name)};
	volatile bool more = false;

	PG_TRY();
	{
		error_context_stack = &callback;
		more = do_step(duty, task);
	}
	PG_CATCH();
	{
		HOLD_INTERRUPTS();
		error_context_stack = callback.previous;
		disable_all_timeouts(false);
		QueryCancelPending = false;
		note_error(task->name);
		EmitErrorReport();
		AbortOutOfAnyTransaction();
		FlushErrorState();
		MemoryContextSwitchTo(TopMemoryContext);
		RESUME_INTERRUPTS();
	}
	PG_END_TRY();
	error_context_stack = callback.previous;
	pgstat_report_activity(STATE_IDLE, NULL);
	pgstat_report_stat(false);
	return more;
}

/* must_stop returns whether the worker shall do no further step: there is no extension, or there shall be no workers. */
static bool
must_stop(void)
{
	CHECK_FOR_INTERRUPTS();
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
	if (pgc_max_workers == 0)
		outcome.next = DT_NOBEGIN;
	return outcome.presence == PGC_PRESENCE_NO || pgc_max_workers == 0;
}

/*
 * do_task does steps of a task, and counts them; returns whether there are more for
 * which this worker has no time.
 */
static bool
do_task(PgcDuty duty, const PgcTask *task, TimestampTz until, int *nsteps)
{
	for (int i = 0; i < STEPS_A_TASK; i++)
	{
		if (must_stop() || !try_step(duty, task))
			return false;
		if (++*nsteps >= STEPS_A_WORKER || GetCurrentTimestamp() >= until)
			break;
	}
	return true;
}

/* do_duty does all tasks until there is no more to do, or for long enough. */
static void
do_duty(PgcDuty duty)
{
	TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), WORKER_MS);
	int			ntasks;
	const PgcTask *tasks = pgc_round_tasks(duty, &ntasks);
	uint32		to_do = (1 << ntasks) - 1;	/* bits of those that have more */
	int			nsteps = 0;

	while (to_do != 0 && nsteps < STEPS_A_WORKER && GetCurrentTimestamp() < until)
	{
		for (int i = 0; i < ntasks; i++)
		{
			if ((to_do & (1 << i)) != 0 && !do_task(duty, &tasks[i], until, &nsteps))
				to_do &= ~(1 << i);
		}
	}
	if (to_do != 0)
		outcome.next = DT_NOBEGIN;
}

/* pgc_worker_main is a worker. */
void
pgc_worker_main(Datum arg)
{
	PgcTicket	ticket;

	memcpy(&ticket, MyBgworkerEntry->bgw_extra, sizeof(ticket));
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	before_shmem_exit(detach, 0);
	if (!pgc_shared_attach(&ticket))
		proc_exit(0);
	BackgroundWorkerInitializeConnectionByOid(ticket.database, InvalidOid, 0);
	set_all();
	do_duty(ticket.duty);
	is_known = true;
	proc_exit(0);
}
