/*
 * src/worker/launcher.c
 *		The process that starts workers where something is due.
 *
 * It is connected to no database, so it is in nobody's way.  It goes by state: each
 * naptime it looks which databases there are, and what is due it finds in shared memory,
 * where workers say when there will be something to do again.  A nudge
 * (pgc_worker_due) only makes it look earlier.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "enforce/rejects.h"
#include "lineage/lineage.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "worker/shared.h"

#define RESTART_S			10	/* after the launcher ended by accident */
#define COMPLAIN_EVERY_MS	(5 * 60 * 1000)

/* A worker that was started and has not been seen to end. */
typedef struct Started
{
	BackgroundWorkerHandle *handle; /* NULL: none in this slot */
	PgcTicket	ticket;
} Started;

static Started started[PGC_WORKER_SLOTS];

StaticAssertDecl(sizeof(PgcTicket) <= BGW_EXTRALEN, "a worker gets its ticket with it");

/* describe fills how the server is to start one of our processes, of some type, by its main function. */
static void
describe(BackgroundWorker *worker, const char *type, const char *function, int restart_time)
{
	memset(worker, 0, sizeof(*worker));
	worker->bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker->bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker->bgw_restart_time = restart_time;
	strlcpy(worker->bgw_library_name, "pg_contract", sizeof(worker->bgw_library_name));
	strlcpy(worker->bgw_function_name, function, sizeof(worker->bgw_function_name));
	strlcpy(worker->bgw_name, type, sizeof(worker->bgw_name));
	strlcpy(worker->bgw_type, type, sizeof(worker->bgw_type));
}

/* pgc_launcher_register has the server start the launcher, unless it is a standby. */
void
pgc_launcher_register(void)
{
	BackgroundWorker worker;

	describe(&worker, "pg_contract launcher", "pgc_launcher_main", RESTART_S);
	RegisterBackgroundWorker(&worker);
}

/*
 * list_databases returns the OIDs of the databases that can be worked in, and in
 * all those of any.
 */
static List *
list_databases(List **all)
{
	MemoryContext caller = CurrentMemoryContext;
	List	   *result = NIL;
	Relation	relation;
	TableScanDesc scan;
	HeapTuple	tuple;

	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	relation = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(relation, 0, NULL);
	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		Form_pg_database database = (Form_pg_database) GETSTRUCT(tuple);
		MemoryContext transaction = MemoryContextSwitchTo(caller);

		*all = lappend_oid(*all, database->oid);
		if (!database->datistemplate && database->datallowconn &&
			database->datconnlimit != DATCONNLIMIT_INVALID_DB)
			result = lappend_oid(result, database->oid);
		MemoryContextSwitchTo(transaction);
	}
	table_endscan(scan);
	table_close(relation, AccessShareLock);
	CommitTransactionCommand();
	MemoryContextSwitchTo(caller);
	return result;
}

/* is_time returns whether something that is done every so often is due, and notes that it is done. */
static bool
is_time(TimestampTz *last, TimestampTz now, int every)
{
	if (*last != 0 && now < TimestampTzPlusMilliseconds(*last, every) && now >= *last)
		return false;
	*last = now;
	return true;
}

/*
 * look_at_rejects has refused rows recorded that waited before the databases were
 * listed, and forgets those of databases that are gone.
 */
static void
look_at_rejects(const List *waiting, const List *list, const List *all)
{
	ListCell   *lc;

	foreach(lc, waiting)
	{
		Oid			database = lfirst_oid(lc);

		if (list_member_oid(list, database))
			pgc_worker_due(database, PGC_TENDING);
		else if (!list_member_oid(all, database))
			pgc_rejects_forget_database(database);
	}
}

/* forget_lineage forgets what is queued for databases that were gone when they were listed. */
static void
forget_lineage(const List *queued, const List *all)
{
	ListCell   *lc;

	foreach(lc, queued)
	{
		if (!list_member_oid(all, lfirst_oid(lc)))
			pgc_queue_forget(lfirst_oid(lc), InvalidOid);
	}
}

/* look brings what is known of the databases up to date. */
static void
look(TimestampTz now)
{
	static TimestampTz complained = 0;
	List	   *waiting = pgc_rejects_databases();
	List	   *queued = pgc_queue_databases();
	List	   *all = NIL;
	List	   *list = list_databases(&all);

	look_at_rejects(waiting, list, all);
	forget_lineage(queued, all);
	if (!pgc_shared_reconcile(list) && is_time(&complained, now, COMPLAIN_EVERY_MS))
		ereport(LOG,
				(errmsg("pg_contract works in %d databases at most", PGC_KNOWN_DATABASES),
				 errdetail("Databases beyond that wait until others are dropped.")));
}

/* end_gone gives up workers that are gone, be it without having begun. */
static void
end_gone(void)
{
	for (int i = 0; i < PGC_WORKER_SLOTS; i++)
	{
		pid_t		pid;

		if (started[i].handle == NULL || GetBackgroundWorkerPid(started[i].handle, &pid) != BGWH_STOPPED)
			continue;
		pgc_shared_give_up(&started[i].ticket);
		pfree(started[i].handle);
		started[i].handle = NULL;
	}
}

/* start has the server start a worker; false: there is no room for one. */
static bool
start(const PgcTicket *ticket)
{
	BackgroundWorker worker;
	BackgroundWorkerHandle *handle;
	MemoryContext caller;
	bool		done;

	describe(&worker, "pg_contract worker", "pgc_worker_main", BGW_NEVER_RESTART);
	snprintf(worker.bgw_name, sizeof(worker.bgw_name), "pg_contract worker: %s in database %u",
			 pgc_duty_name(ticket->duty), ticket->database);
	memcpy(worker.bgw_extra, ticket, sizeof(PgcTicket));
	worker.bgw_notify_pid = MyProcPid;

	caller = MemoryContextSwitchTo(TopMemoryContext);
	done = RegisterDynamicBackgroundWorker(&worker, &handle);
	MemoryContextSwitchTo(caller);
	if (!done)
		return false;
	if (started[ticket->slot].handle != NULL)
		pfree(started[ticket->slot].handle);
	started[ticket->slot] = (Started)
	{
		handle, *ticket
	};
	return true;
}

/*
 * start_due starts workers for what is due, as many as there may be; returns when
 * there may be something to start again.
 */
static TimestampTz
start_due(TimestampTz now)
{
	static TimestampTz complained = 0;
	PgcTicket	ticket;
	TimestampTz next;

	while (pgc_shared_claim(now, &ticket, &next))
	{
		if (start(&ticket))
			continue;
		pgc_shared_give_back(&ticket);
		if (is_time(&complained, now, COMPLAIN_EVERY_MS))
			ereport(LOG,
					(errmsg("could not start a worker of pg_contract"),
					 errhint("Consider increasing the configuration parameter \"max_worker_processes\".")));
		return DT_NOEND;
	}
	return next;
}

/* turn does once what there is to do; returns for how long to sleep, in ms. */
static long
turn(void)
{
	static TimestampTz looked = 0;
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz next = DT_NOEND;

	end_gone();
	if (pgc_max_workers > 0)
	{
		if (is_time(&looked, now, pgc_naptime) || pgc_shared_look_again())
			look(now);
		next = start_due(now);
	}
	return TimestampDifferenceMilliseconds(now, Min(next, TimestampTzPlusMilliseconds(now, pgc_naptime)));
}

/* pgc_launcher_main is the launcher. */
void
pgc_launcher_main(Datum arg)
{
	MemoryContext context;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	SetConfigOption("application_name", "pg_contract", PGC_SUSET, PGC_S_OVERRIDE);
	pgc_shared_launch();
	ereport(DEBUG1, (errmsg_internal("launcher of pg_contract started")));
	context = AllocSetContextCreate(TopMemoryContext, "pg_contract launcher", ALLOCSET_DEFAULT_SIZES);

	while (!ShutdownRequestPending)
	{
		long		sleep;

		MemoryContextSwitchTo(context);
		sleep = turn();
		MemoryContextReset(context);
		pgstat_report_activity(STATE_IDLE, NULL);
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, sleep,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
	}

	/*
	 * Not 0, which would be taken for "never again": it may not be the server
	 * that ends.
	 */
	proc_exit(1);
}
