/*
 * src/pg_contract.c
 *		Entry point of the library: settings, hooks, transaction callbacks.
 *
 * Must never raise an error while loading, and costs a pointer test where
 * there is nothing to do.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/contract.h"
#include "ddl/ddl.h"
#include "document/document.h"
#include "enforce/enforce.h"
#include "enforce/rejects.h"
#include "engine/cron.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "lineage/lineage.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/guc.h"
#include "watch/watch.h"
#include "worker/worker.h"

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

static ExecutorStart_hook_type previous_executor_start = NULL;
static shmem_request_hook_type previous_shmem_request = NULL;
static shmem_startup_hook_type previous_shmem_startup = NULL;

/* at_transaction passes the end of a transaction on to the rooms. */
static void
at_transaction(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			pgc_ddl_pre_commit();
			pgc_recording_flush();
			pgc_track_pre_commit();
			break;
		case XACT_EVENT_ABORT:
			pgc_program_aborts++;
			/* FALLTHROUGH */
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PREPARE:
			pgc_recording_end();
			pgc_trigger_end();
			pgc_ddl_end();
			pgc_cache_at_transaction_end();
			pgc_catalog_keeps_plans = false;
			pgc_track_end(event);
			pgc_flush_end(event == XACT_EVENT_COMMIT);
			pgc_worker_wake(event == XACT_EVENT_COMMIT);
			pgc_release_end();
			break;
		default:
			break;
	}
}

/* at_subtransaction passes the end of a subtransaction on. */
static void
at_subtransaction(SubXactEvent event, SubTransactionId subid, SubTransactionId parent, void *arg)
{
	pgc_track_subtransaction(event, subid, parent);
	switch (event)
	{
		case SUBXACT_EVENT_PRE_COMMIT_SUB:
			pgc_recording_pre_commit_sub(subid);
			break;
		case SUBXACT_EVENT_COMMIT_SUB:
			pgc_recording_commit_sub(subid, parent);
			break;
		case SUBXACT_EVENT_ABORT_SUB:
			pgc_program_aborts++;
			pgc_recording_abort_sub(subid);
			pgc_trigger_abort_sub(subid);
			break;
		default:
			break;
	}
}

/* executor_start lets a query that reads our history see what is buffered. */
static void
executor_start(QueryDesc *query, int eflags)
{
	pgc_recording_before_read(query);
	if (previous_executor_start)
		previous_executor_start(query, eflags);
	else
		standard_ExecutorStart(query, eflags);
}

/* shmem_request asks for the shared memory of the rooms. */
static void
shmem_request(void)
{
	if (previous_shmem_request)
		previous_shmem_request();
	pgc_worker_shared_request();
	pgc_rejects_request();
	pgc_queue_request();
}

/* shmem_startup has the rooms lay it out. */
static void
shmem_startup(void)
{
	if (previous_shmem_startup)
		previous_shmem_startup();
	pgc_worker_shared_startup();
	pgc_rejects_startup();
	pgc_queue_startup();
}

/* has_rejects has refused rows of this database recorded soon. */
static void
has_rejects(void)
{
	pgc_worker_due(MyDatabaseId, PGC_TENDING);
}

/* preload prepares what runs in the background, while the server starts. */
static void
preload(void)
{
	previous_shmem_request = shmem_request_hook;
	shmem_request_hook = shmem_request;
	previous_shmem_startup = shmem_startup_hook;
	shmem_startup_hook = shmem_startup;
	pgc_rejects_crowded = has_rejects;
	pgc_release_init();
	pgc_launcher_register();
}

/* define_worker_settings defines the settings of what runs in the background. */
static void
define_worker_settings(void)
{
	DefineCustomIntVariable("pg_contract.naptime",
							"Time between two looks for work in the background.",
							NULL,
							&pgc_naptime, 10000, 10, INT_MAX,
							PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("pg_contract.max_workers",
							"How many databases are worked on at the same time.",
							"0 switches the workers off.",
							&pgc_max_workers, 3, 0, 32,
							PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("pg_contract.timezone",
							   "Time zone of schedules and deadlines that name none.",
							   NULL,
							   &pgc_default_zone, "UTC",
							   PGC_SIGHUP, 0, pgc_check_zone, NULL, NULL);
	DefineCustomIntVariable("pg_contract.audit_timeout",
							"How long a scheduled audit may take whose schedule does not say it.",
							"0 means any time.",
							&pgc_audit_timeout, 3600 * 1000, 0, INT_MAX,
							PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("pg_contract.history_max_age",
							"How long violations, results, metrics and closed incidents are kept.",
							"0 means for ever.",
							&pgc_history_max_age, 90 * 24 * 60, 0, INT_MAX,
							PGC_SIGHUP, GUC_UNIT_MIN, NULL, NULL, NULL);
	DefineCustomIntVariable("pg_contract.history_max_rows",
							"How many violations, results and metrics of a dataset are kept.",
							"0 means any number.",
							&pgc_history_max_rows, 100000, 0, INT_MAX,
							PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("pg_contract.incident_quiet",
							"How long a dataset must pass that failed on and off before its incident is closed.",
							NULL,
							&pgc_incident_quiet, 15 * 60, 0, INT_MAX,
							PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
	if (process_shared_preload_libraries_in_progress)
		DefineCustomIntVariable("pg_contract.reject_queue_size",
								"Size of the queue of refused rows, on their way to the worker that records them.",
								"0 switches it off; else it has at least 64 kB.",
								&pgc_reject_queue_size, 2048, 0, 65536,
								PGC_POSTMASTER, GUC_UNIT_KB, NULL, NULL, NULL);
}

/* _PG_init is called when the library is loaded. */
void
_PG_init(void)
{
	DefineCustomIntVariable("pg_contract.violation_samples",
							"Failing rows that are kept for each statement and rule.",
							"Exact counts are kept in any case.",
							&pgc_violation_samples, 100, 0, 100000,
							PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("pg_contract.document_max_size",
							"Size of the largest document that is read.",
							NULL,
							&pgc_document_max_size, 1024, 1, 65536,
							PGC_USERSET, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable("pg_contract.document_max_depth",
							"How deep lists and maps of a document may be nested.",
							NULL,
							&pgc_document_max_depth, 64, 1, 1000,
							PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("pg_contract.document_max_nodes",
							"How many values a document may have.",
							"What an alias repeats counts each time.",
							&pgc_document_max_nodes, 100000, 1, 10000000,
							PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomEnumVariable("pg_contract.ddl_guard",
							 "What happens to DDL that breaks a contract.",
							 "Judged at commit: refuse raises an error, warn lets it pass with a warning.",
							 &pgc_ddl_guard, PGC_GUARD_REFUSE, pgc_guard_options,
							 PGC_SUSET, 0, NULL, NULL, NULL);
	define_worker_settings();
	pgc_lineage_define_settings();
	MarkGUCPrefixReserved("pg_contract");

	previous_executor_start = ExecutorStart_hook;
	ExecutorStart_hook = executor_start;
	pgc_routine_init();
	pgc_lineage_added = pgc_personal_stored;
	pgc_lineage_renumbered = pgc_queue_unlearn;
	pgc_track_init();
	RegisterXactCallback(at_transaction, NULL);
	RegisterSubXactCallback(at_subtransaction, NULL);
	if (process_shared_preload_libraries_in_progress && !IsBinaryUpgrade)
		preload();
}
