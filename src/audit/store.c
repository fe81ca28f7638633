/*
 * src/audit/store.c
 *		Writes what an audit found into the history.
 */
#include "postgres.h"

#include "audit/finding.h"
#include "miscadmin.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"
#include "utils/guc.h"

/* store_run writes the row of contract.run. */
static void
store_run(const PgcCheck *check, int64 run_id)
{
	PgcBatch   *batch = pgc_batch_make(PGC_RUN);
	PgcRunRow	row = {.id = run_id};

	row.dataset_id = check->contract->dataset_id;
	row.source = "audit";
	row.operation = check->audit != NULL && check->audit->mode == PGC_MODE_SAMPLE ? "sample" : check->operation;
	row.executor = check->executor;
	row.at = check->started;
	row.elapsed = check->elapsed;
	row.role = GetUserNameFromId(GetUserId(), false);
	row.application = application_name;
	row.query_id = pgstat_get_my_query_id();
	row.considered = check->audit ? check->audit->rows : -1;
	row.failed = check->audit ? check->audit->failed : -1;
	pgc_batch_add_run(batch, &row);
	pgc_batch_insert(batch);
}

/* store_results writes the rows of contract.result. */
static void
store_results(const PgcCheck *check, int64 run_id)
{
	PgcBatch   *batch = pgc_batch_make(PGC_RESULT);

	for (int i = 0; i < check->contract->nrules; i++)
	{
		const PgcFinding *finding = &check->findings[i];
		PgcResultRow row = {.run_id = run_id};

		row.rule = finding->rule->spec.name;
		row.kind = finding->rule->spec.kind;
		row.columns = finding->columns;
		row.action = finding->rule->spec.action;
		row.status = finding->status;
		row.considered = finding->considered;
		row.failed = finding->failed;
		row.observed = finding->observed;
		row.expected = finding->expected;
		row.message = finding->message;
		pgc_batch_add_result(batch, &row);
	}
	pgc_batch_insert(batch);
}

/* store_violations writes the samples of all rules. */
static void
store_violations(const PgcCheck *check, int64 run_id)
{
	PgcBatch   *batch = pgc_batch_make(PGC_VIOLATION);

	for (int i = 0; i < check->contract->nrules; i++)
	{
		const PgcFinding *finding = &check->findings[i];
		char	   *message = pgc_evidence_message(check->contract, check->audit->program, i, NULL);
		ListCell   *cell;

		foreach(cell, check->audit->tallies[i].samples)
		{
			const PgcSample *sample = lfirst(cell);
			PgcViolationRow row = {.run_id = run_id};

			row.dataset_id = check->contract->dataset_id;
			row.rule = finding->rule->spec.name;
			row.kind = finding->rule->spec.kind;
			row.columns = finding->columns;
			row.at = check->started;
			row.action = PGC_AUDIT;
			row.key = sample->key;
			row.row = sample->row;
			row.value = sample->value;
			row.message = message;
			pgc_batch_add_violation(batch, &row);
		}
	}
	pgc_batch_insert(batch);
}

/* pgc_store_check writes run, results, violations and profile, and returns the run's id. */
int64
pgc_store_check(const PgcCheck *check)
{
	int64		run_id = pgc_history_next_id(PGC_RUN);

	store_run(check, run_id);
	store_results(check, run_id);
	if (check->audit != NULL)
	{
		store_violations(check, run_id);
		pgc_profile_store(check->audit, run_id, check->started);
	}
	return run_id;
}
