/*
 * src/catalog/prune.c
 *		History is capped by age and by rows: batches of deletes, which the
 *		worker and SQL function prune share; SQL function retain.
 *
 * A batch finds its rows by an index, in the order of time, from where the last
 * one ended, and passes over rows that somebody else holds.  So it waits for
 * nobody, and nobody for it: writers and audits only insert.
 *
 * The last audit of a dataset stays, since the scorecard shows it, and so do runs as
 * long as there are violations of theirs.  What runs had counted that go is added to
 * contract.total, in the same statement: counters do not fall, nor does the number
 * of what was written since the last audit.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/annotate.h"
#include "catalog/contract.h"
#include "catalog/pg_type.h"
#include "catalog/total.h"
#include "compat.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_prune);
PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_retain);

/* Rows of a batch, about. */
#define BATCH 1000

/* The run of the last audit of dataset $1. */
#define LAST_AUDIT \
	"SELECT run_id FROM contract.run WHERE dataset_id = $1 AND source = 'audit' AND operation IS NULL" \
	" ORDER BY at DESC, run_id DESC LIMIT 1"

/* at and id of the newest row of dataset $1 that is beyond the $2 newest. */
#define BEYOND(rows, at, id) \
	"SELECT " at ", " id "::bigint FROM " rows " AND dataset_id = $1 ORDER BY 1 DESC, 2 DESC OFFSET $2 LIMIT 1"

/*
 * A batch of at most limit rows of dataset $1 from $2 on, up to and including row
 * $4 of time $3, without those of run $6.
 */
#define VICTIMS(rows, at, id, first, limit) \
	"(ARRAY(SELECT ctid FROM " rows " AND dataset_id = $1 AND " at " >= $2 AND " at " <= $3" \
	" AND (" at " < $3 OR " id " <= $4) ORDER BY " first " LIMIT " limit " FOR UPDATE SKIP LOCKED))"

/* Deletes a batch; returns how many rows, the last one's time and id, and whether there may be more. */
#define REMOVE(table, condition, at, id, first) \
	"WITH gone AS (DELETE FROM contract." table " WHERE ctid = ANY " \
	VICTIMS("contract." table " WHERE " condition, at, id, first, "$5") " RETURNING " at " AS at, " id "::bigint AS id)" \
	" SELECT count(*), max(at)::timestamptz, max(id), count(*) = $5 FROM gone"

/* Not as NOT EXISTS, of which the planner may make a hash of all violations, for each batch. */
#define NO_VIOLATION "(SELECT v.run_id FROM contract.violation v WHERE v.run_id = n.run_id LIMIT 1) IS NULL"

/* A run takes its results along: a batch has fewer runs the more rules there are. */
#define RUNS "greatest(1, $5 / (1 + (SELECT count(*) FROM contract.rule WHERE dataset_id = $1)))"

static const struct
{
	const char *word;			/* of contract.retain */
	const char *spared;			/* the run that stays, or NULL */
	const char *beyond;
	const char *remove;
}			histories[] = {

	[PGC_VIOLATIONS] = {
		"violations", LAST_AUDIT,
		BEYOND("contract.violation WHERE true", "at", "id"),
		REMOVE("violation", "run_id <> $6", "at", "id", "at")
	},
	[PGC_RESULTS] = {
		"results", LAST_AUDIT,
		BEYOND("contract.run JOIN contract.result USING (run_id) WHERE true", "at", "run_id"),
		"WITH runs AS (DELETE FROM contract.run WHERE ctid = ANY "
		VICTIMS("contract.run n WHERE run_id <> $6 AND " NO_VIOLATION, "at", "run_id", "at", RUNS) " RETURNING *),"
		" results AS (DELETE FROM contract.result WHERE run_id = ANY (ARRAY(SELECT run_id FROM runs))"
		" RETURNING run_id, action, failed),"
		" failures AS (SELECT run_id, min(action) AS action, sum(failed) AS failed FROM results GROUP BY run_id),"
		" news AS (" COUNTS("run_id > " COUNTED)
		" UNION ALL SELECT n.dataset_id, 'open', $6::text, sum(f.failed) FROM runs n JOIN failures f USING (run_id)"
		" WHERE n.source = 'write' AND f.action NOT IN ('quarantine', 'reject')"
		" AND n.at > COALESCE((SELECT at FROM contract.run WHERE run_id = $6), '-infinity') GROUP BY n.dataset_id), "
		ADD_NEWS("(counter <> 'open' OR detail = $6::text)")
		" SELECT count(*) + (SELECT count(*) FROM results), max(at), max(run_id), count(*) = " RUNS " FROM runs"
	},
	[PGC_METRICS] = {
		"metrics", "SELECT run_id FROM contract.metric WHERE dataset_id = $1 ORDER BY at DESC LIMIT 1",
		BEYOND("contract.metric WHERE true", "at", "run_id"),
		REMOVE("metric", "run_id <> $6", "at", "run_id", "at")
	},
	[PGC_HELD] = {
		"quarantine", NULL,
		BEYOND("contract.quarantine WHERE true", "at", "id"),
		/* its one index is on id */
		REMOVE("quarantine", "id > $7", "at", "id", "id")
	},
	[PGC_INCIDENTS] = {
		"incidents", NULL,
		BEYOND("contract.incident WHERE status = 'closed'", "closed_at", "incident_id"),
		REMOVE("incident", "status = 'closed'", "closed_at", "incident_id", "closed_at")
	},
	[PGC_SLA] = {
		"sla", NULL,
		BEYOND("contract.sla_day WHERE true", "day::timestamptz", "0"),
		REMOVE("sla_day", "true", "day", "0", "day")
	},
};

/* take_cut is a PgcRowFunction for a time and an id: moves the cut up to there. */
static void
take_cut(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	PgcPruning *pruning = arg;
	bool		isnull;
	TimestampTz at = DatumGetTimestampTz(SPI_getbinval(tuple, descriptor, 1, &isnull));

	if (at >= pruning->cut)
	{
		pruning->cut = at;
		pruning->cut_id = DatumGetInt64(SPI_getbinval(tuple, descriptor, 2, &isnull));
	}
}

/* take_batch is a PgcRowFunction for what a batch says of itself. */
static void
take_batch(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	PgcPruning *pruning = arg;
	bool		isnull;
	Datum		last = SPI_getbinval(tuple, descriptor, 2, &isnull);

	if (!isnull)
	{
		pruning->position = pruning->history == PGC_HELD ? DT_NOBEGIN : DatumGetTimestampTz(last);
		pruning->position_id = DatumGetInt64(SPI_getbinval(tuple, descriptor, 3, &isnull));
	}
	pruning->deleted += DatumGetInt64(SPI_getbinval(tuple, descriptor, 1, &isnull));
	pruning->more = DatumGetBool(SPI_getbinval(tuple, descriptor, 4, &isnull));
}

/*
 * pgc_pruning_begin fills what is to go of a dataset's history: what is older
 * than oldest (DT_NOBEGIN: nothing for its age), and what is beyond the newest
 * max_rows (negative: any number).
 */
void
pgc_pruning_begin(PgcPruning *pruning, PgcHistory history, int32 dataset_id,
				  TimestampTz oldest, int64 max_rows)
{
	const Oid	types[] = {INT4OID, INT8OID};
	Datum		values[2];

	memset(pruning, 0, sizeof(*pruning));
	pruning->history = history;
	pruning->dataset_id = dataset_id;
	pruning->cut = oldest;
	pruning->cut_id = -1;
	pruning->position = DT_NOBEGIN;
	values[0] = Int32GetDatum(dataset_id);
	values[1] = Int64GetDatum(max_rows);
	if (histories[history].spared != NULL)
		pgc_catalog_query(histories[history].spared, 1, types, values, NULL, pgc_take_int64, &pruning->spared);
	if (max_rows >= 0)
		pgc_catalog_query(histories[history].beyond, 2, types, values, NULL, take_cut, pruning);
	pruning->more = !TIMESTAMP_IS_NOBEGIN(pruning->cut);
}

/* pgc_pruning_batch deletes a batch; there may be more then. */
void
pgc_pruning_batch(PgcPruning *pruning)
{
	const Oid	types[] = {INT4OID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID, INT8OID, INT8OID, INT8OID};
	Datum		values[7];

	if (pruning->history == PGC_RESULTS)
		pgc_total_hold();
	values[0] = Int32GetDatum(pruning->dataset_id);
	values[1] = TimestampTzGetDatum(pruning->position);
	values[2] = TimestampTzGetDatum(pruning->cut);
	values[3] = Int64GetDatum(pruning->cut_id);
	values[4] = Int64GetDatum(BATCH);
	values[5] = Int64GetDatum(pruning->spared);
	values[6] = Int64GetDatum(pruning->position_id);
	pgc_catalog_query(histories[pruning->history].remove, 7, types, values, NULL, take_batch, pruning);
}

/* prune_all deletes all that is to go; returns the rows. */
static uint64
prune_all(PgcPruning *pruning)
{
	while (pruning->more)
	{
		CHECK_FOR_INTERRUPTS();
		pgc_pruning_batch(pruning);
		CommandCounterIncrement();
	}
	return pruning->deleted;
}

/* may_prune: does the user own the dataset's relation, or the extension? */
static bool
may_prune(int32 dataset_id)
{
	Oid			relid = pgc_contract_relation(dataset_id);

	if (has_privs_of_role(GetUserId(), pgc_catalog_owner()))
		return true;
	return OidIsValid(relid) && pgc_compat_owns_relation(relid, GetUserId());
}

/*
 * prune_dataset prunes one dataset and returns the rows deleted.  Samples of the last
 * audit are like others here: who marks personal data wants to be rid of them.
 */
static uint64
prune_dataset(int32 dataset_id, TimestampTz oldest, int64 keep_violations)
{
	PgcPruning	violations;
	PgcPruning	results;
	PgcPruning	metrics;

	pgc_pruning_begin(&violations, PGC_VIOLATIONS, dataset_id, oldest, keep_violations);
	violations.spared = 0;
	pgc_pruning_begin(&results, PGC_RESULTS, dataset_id, oldest, -1);
	pgc_pruning_begin(&metrics, PGC_METRICS, dataset_id, oldest, -1);
	return prune_all(&violations) + prune_all(&results) + prune_all(&metrics);
}

/* pgc_prune is contract.prune(older_than, keep_violations, dataset). */
Datum
pgc_prune(PG_FUNCTION_ARGS)
{
	int64		keep = PG_ARGISNULL(1) ? -1 : PG_GETARG_INT64(1);
	TimestampTz oldest = DT_NOBEGIN;
	uint64		deleted = 0;
	ListCell   *cell;

	if (!PG_ARGISNULL(1) && keep < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("keep_violations must not be negative")));
	if (!PG_ARGISNULL(0))
		oldest = pgc_time_before(GetCurrentTransactionStartTimestamp(), PG_GETARG_INTERVAL_P(0));
	if (!PG_ARGISNULL(2))
	{
		PgcContract *contract = pgc_dataset_open(pgc_argument_text(fcinfo, 2));

		PG_RETURN_INT64((int64) prune_dataset(contract->dataset_id, oldest, keep));
	}
	foreach(cell, pgc_contract_list())
	{
		int32		dataset_id = ((PgcBound *) lfirst(cell))->dataset_id;

		if (may_prune(dataset_id))
			deleted += prune_dataset(dataset_id, oldest, keep);
	}
	PG_RETURN_INT64((int64) deleted);
}

/* pgc_time_before subtracts an interval from a time; raises if that is out of range. */
TimestampTz
pgc_time_before(TimestampTz time, const Interval *interval)
{
	return DatumGetTimestampTz(DirectFunctionCall2(timestamptz_mi_interval, TimestampTzGetDatum(time),
												   IntervalPGetDatum(interval)));
}

/* pgc_history_of returns the history of that name, as in contract.retention. */
PgcHistory
pgc_history_of(const char *word)
{
	for (int history = 0; history < PGC_NHISTORIES; history++)
	{
		if (strcmp(histories[history].word, word) == 0)
			return (PgcHistory) history;
	}
	elog(ERROR, "unknown history \"%s\"", word);
}

/* check_retention refuses wrong arguments of contract.retain. */
static void
check_retention(FunctionCallInfo fcinfo)
{
	const char *words[PGC_NHISTORIES + 1] = {NULL};
	const char *negative = NULL;

	for (int i = 0; i < PGC_NHISTORIES; i++)
		words[i] = histories[i].word;
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", PG_ARGISNULL(0) ? "relation" : "history")));
	pgc_require_word("history", pgc_argument_text(fcinfo, 1), words);
	if (!PG_ARGISNULL(2) &&
		pgc_time_before(GetCurrentTransactionStartTimestamp(), PG_GETARG_INTERVAL_P(2)) > GetCurrentTransactionStartTimestamp())
		negative = "max_age";
	else if (!PG_ARGISNULL(3) && PG_GETARG_INT64(3) < 0)
		negative = "max_rows";
	if (negative != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be negative", negative),
				 errhint("0 means no limit, null means that of the settings.")));
}

/* pgc_retain is contract.retain(relation, history, max_age, max_rows). */
Datum
pgc_retain(PG_FUNCTION_ARGS)
{
	const Oid	types[] = {INT4OID, TEXTOID, INTERVALOID, INT8OID};
	const PgcContract *contract;
	char		nulls[] = "    ";
	Datum		values[4];

	check_retention(fcinfo);
	PreventCommandIfReadOnly("changing a contract");
	contract = pgc_contract_require(PG_GETARG_OID(0));
	pgc_privilege_require_owner(contract->relid);
	pgc_dataset_lock(contract->relid);
	values[0] = Int32GetDatum(contract->dataset_id);
	values[1] = PG_GETARG_DATUM(1);
	values[2] = pgc_argument_or_null(fcinfo, 2, &nulls[2]);
	values[3] = pgc_argument_or_null(fcinfo, 3, &nulls[3]);
	if (PG_ARGISNULL(2) && PG_ARGISNULL(3))
		pgc_catalog_execute("DELETE FROM contract.retention WHERE dataset_id = $1 AND history = $2",
							2, types, values, NULL);
	else
		pgc_catalog_execute("INSERT INTO contract.retention VALUES ($1, $2, $3, $4)"
							" ON CONFLICT (dataset_id, history) DO UPDATE SET max_age = $3, max_rows = $4",
							4, types, values, nulls);
	pgc_catalog_execute("UPDATE contract.retention_state SET next_look = '-infinity' WHERE dataset_id = $1",
						1, types, values, NULL);
	pgc_nudge(PGC_TENDING);
	PG_RETURN_TEXT_P(cstring_to_text(contract->name));
}
