/*
 * src/audit/progress.c
 *		Telling other sessions how far an audit is: view contract.progress.
 *
 * PostgreSQL's own progress reporting carries the numbers in the backend's status
 * entry, under a command that is none of PostgreSQL's: its views pass it over, and
 * the end of a transaction clears it.
 */
#include "postgres.h"

#include "audit/progress.h"
#include "catalog/contract.h"
#include "compat.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/backend_progress.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_audits_in_progress);

/* "audi" */
#define PROGRESS_COMMAND_AUDIT ((ProgressCommandType) 0x61756469)

enum
{
	PARAM_DATASET, PARAM_STARTED, PARAM_PHASE, PARAM_BLOCKS_TOTAL, PARAM_BLOCKS_DONE, PARAM_ROWS
};

static const char *const phases[] = {"preparing", "scanning", "querying", "set rules", "storing"};

/* Blocks done: this process's own, or shared with workers. */
static pg_atomic_uint64 own_done;
static pg_atomic_uint64 *done = NULL;

/* What this process reports, to be said again when PostgreSQL has forgotten it. */
static struct
{
	bool		active;
	int32		dataset_id;
	Oid			relid;
	TimestampTz started;
	PgcPhase	phase;
	uint64		nblocks;
}			report;

/* tell reports all that does not change with each page. */
static void
tell(void)
{
	pgstat_progress_start_command(PROGRESS_COMMAND_AUDIT, report.relid);
	pgstat_progress_update_param(PARAM_DATASET, report.dataset_id);
	pgstat_progress_update_param(PARAM_STARTED, report.started);
	pgstat_progress_update_param(PARAM_PHASE, report.phase);
	pgstat_progress_update_param(PARAM_BLOCKS_TOTAL, (int64) report.nblocks);
}

/* tell_again does so if a subtransaction was rolled back, as where a rule raises an error, since that ends any report. */
static void
tell_again(void)
{
	if (report.active && MyBEEntry != NULL && MyBEEntry->st_progress_command != PROGRESS_COMMAND_AUDIT)
		tell();
}

/* pgc_progress_start begins to report on an audit of a dataset. */
void
pgc_progress_start(int32 dataset_id, Oid relid)
{
	report.active = true;
	report.dataset_id = dataset_id;
	report.relid = relid;
	report.started = GetCurrentTimestamp();
	report.phase = 0;
	report.nblocks = 0;
	tell();
	pg_atomic_init_u64(&own_done, 0);
	done = &own_done;
}

/* pgc_progress_phase reports what the audit is doing. */
void
pgc_progress_phase(PgcPhase phase)
{
	report.phase = phase;
	tell_again();
	pgstat_progress_update_param(PARAM_PHASE, phase);
}

/* pgc_progress_scan reports that so many blocks are about to be read or found unchanged. */
void
pgc_progress_scan(uint64 nblocks)
{
	report.nblocks = nblocks;
	pgc_progress_phase(PGC_PHASE_SCAN);
	pgstat_progress_update_param(PARAM_BLOCKS_TOTAL, (int64) nblocks);
}

/* pgc_progress_share counts blocks in a place that other processes count in, too; NULL: no longer. */
void
pgc_progress_share(pg_atomic_uint64 *shared)
{
	done = shared ? shared : &own_done;
}

/* pgc_progress_pages reports that so many more pages are done, and the rows seen here so far. */
void
pgc_progress_pages(int npages, int64 rows)
{
	tell_again();
	pgstat_progress_update_param(PARAM_BLOCKS_DONE, (int64) pg_atomic_add_fetch_u64(done, npages));
	pgstat_progress_update_param(PARAM_ROWS, rows);
}

/* pgc_progress_end reports nothing any more. */
void
pgc_progress_end(void)
{
	report.active = false;
	pgstat_progress_end_command();
}

/* pgc_audits_in_progress is contract.audits_in_progress(): a row per audit in this database of a dataset that the caller may see. */
Datum
pgc_audits_in_progress(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int			nbackends = pgstat_fetch_stat_numbackends();

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 1; i <= nbackends; i++)
	{
		PgBackendStatus *backend = &pgc_compat_backend_status(i)->backendStatus;
		const int64 *params = backend->st_progress_param;
		Datum		values[7];
		bool		nulls[7] = {false};

		if (backend->st_progress_command != PROGRESS_COMMAND_AUDIT || backend->st_databaseid != MyDatabaseId ||
			!pgc_privilege_is_visible((int32) params[PARAM_DATASET]))
			continue;
		values[0] = Int32GetDatum(backend->st_procpid);
		values[1] = Int32GetDatum((int32) params[PARAM_DATASET]);
		values[2] = TimestampTzGetDatum(params[PARAM_STARTED]);
		values[3] = CStringGetTextDatum(phases[params[PARAM_PHASE]]);
		values[4] = Int64GetDatum(params[PARAM_BLOCKS_TOTAL]);
		values[5] = Int64GetDatum(params[PARAM_BLOCKS_DONE]);
		values[6] = Int64GetDatum(params[PARAM_ROWS]);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
