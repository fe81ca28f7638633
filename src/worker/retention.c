/*
 * src/worker/retention.c
 *		The worker's task that caps what is kept of each dataset, by age and by
 *		rows: contract.retain for a dataset, else the settings.
 *
 * Each dataset is looked at every hour.  A step deletes one batch.  What is left to
 * do of a dataset is kept in this process between steps; whoever has lost
 * it finds it again in the tables.
 */
#include "postgres.h"

#include "catalog/contract.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "worker/worker.h"

int			pgc_history_max_age = 90 * 24 * 60;
int			pgc_history_max_rows = 100000;

/* Between two looks at a dataset. */
#define PERIOD ((int64) 3600 * USECS_PER_SEC)

/* A worker has more to do: so long does it delete before others have their turn. */
#define TURN ((int64) 2 * USECS_PER_SEC)

/* How much is kept of one history. */
typedef struct Keep
{
	TimestampTz oldest;			/* DT_NOBEGIN: any age */
	int64		max_rows;		/* negative: any number */
} Keep;

/* The keeps of a dataset, being read. */
typedef struct Keeps
{
	TimestampTz now;
	Keep		of[PGC_NHISTORIES];
} Keeps;

/* The dataset that is being pruned; valid between steps that went well. */
static struct
{
	bool		valid;
	Oid			identity;		/* of the history: it may be dropped and made
								 * anew */
	int32		dataset_id;
	int			current;		/* history */
	PgcPruning	prunings[PGC_NHISTORIES];
}			work;

/* keep_default fills how much is kept where the dataset's owner said nothing. */
static void
keep_default(Keep *keep, PgcHistory history, TimestampTz now)
{
	static const Interval years = {.month = 3 * MONTHS_PER_YEAR};	/* for reports */
	const Interval age = {.time = pgc_history_max_age * USECS_PER_MINUTE};

	keep->oldest = DT_NOBEGIN;
	keep->max_rows = -1;
	if (history == PGC_SLA)
		keep->oldest = pgc_time_before(now, &years);
	else if (history != PGC_HELD && pgc_history_max_age > 0)
		keep->oldest = pgc_time_before(now, &age);
	if (history <= PGC_METRICS && pgc_history_max_rows > 0)
		keep->max_rows = pgc_history_max_rows;
}

/* take_keep is a PgcRowFunction for history, max_age and max_rows of contract.retention. */
static void
take_keep(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	Keeps	   *keeps = arg;
	bool		isnull;
	Keep	   *keep = &keeps->of[pgc_history_of(TextDatumGetCString(SPI_getbinval(tuple, descriptor, 1, &isnull)))];
	Datum		value = SPI_getbinval(tuple, descriptor, 2, &isnull);

	if (!isnull)
	{
		keep->oldest = pgc_time_before(keeps->now, DatumGetIntervalP(value));
		if (keep->oldest >= keeps->now)
			keep->oldest = DT_NOBEGIN;	/* 0: for ever */
	}
	value = SPI_getbinval(tuple, descriptor, 3, &isnull);
	if (!isnull)
		keep->max_rows = DatumGetInt64(value) > 0 ? DatumGetInt64(value) : -1;
}

/* begin finds what is to go of a dataset. */
static void
begin(int32 dataset_id, TimestampTz now)
{
	const Oid	types[] = {INT4OID};
	const Datum values[] = {Int32GetDatum(dataset_id)};
	Keeps		keeps = {.now = now};

	for (int i = 0; i < PGC_NHISTORIES; i++)
		keep_default(&keeps.of[i], i, now);
	pgc_catalog_query("SELECT history, max_age, max_rows FROM contract.retention WHERE dataset_id = $1",
					  1, types, values, NULL, take_keep, &keeps);
	for (int i = 0; i < PGC_NHISTORIES; i++)
		pgc_pruning_begin(&work.prunings[i], i, dataset_id, keeps.of[i].oldest, keeps.of[i].max_rows);
	work.identity = pgc_history_identity();
	work.dataset_id = dataset_id;
	work.current = 0;
}

/* A dataset and when it is due. */
typedef struct Due
{
	int32		dataset_id;
	TimestampTz at;
	char	   *name;
} Due;

/* take_due is a PgcRowFunction. */
static void
take_due(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	Due		   *due = arg;
	bool		isnull;

	due->dataset_id = DatumGetInt32(SPI_getbinval(tuple, descriptor, 1, &isnull));
	due->at = DatumGetTimestampTz(SPI_getbinval(tuple, descriptor, 2, &isnull));
	due->name = TextDatumGetCString(SPI_getbinval(tuple, descriptor, 3, &isnull));
}

/*
 * find_due begins with the dataset that is due; else says when one will be.  One
 * that somebody else changes is passed over: nobody is waited for.
 */
static bool
find_due(PgcStep *step)
{
	const Oid	types[] = {TIMESTAMPTZOID};
	const Datum values[] = {TimestampTzGetDatum(step->now)};
	Due			due = {0};

	pgc_catalog_execute("INSERT INTO contract.retention_state SELECT dataset_id, '-infinity' FROM contract.dataset d"
						" WHERE NOT EXISTS (SELECT FROM contract.retention_state s WHERE s.dataset_id = d.dataset_id)",
						0, NULL, NULL, NULL);
	pgc_catalog_query("SELECT dataset_id, next_look, name FROM contract.dataset JOIN contract.retention_state s USING (dataset_id)"
					  " WHERE next_look <= $1 ORDER BY next_look, dataset_id LIMIT 1 FOR UPDATE OF s SKIP LOCKED",
					  1, types, values, NULL, take_due, &due);
	if (due.dataset_id != 0)
	{
		pgc_worker_doing(psprintf("retention of %s", due.name));
		begin(due.dataset_id, step->now);
		return true;
	}
	pgc_catalog_query("SELECT dataset_id, next_look, name FROM contract.dataset JOIN contract.retention_state USING (dataset_id)"
					  " WHERE next_look > $1 ORDER BY next_look LIMIT 1", 1, types, values, NULL, take_due, &due);
	if (due.dataset_id != 0)
		step->next = due.at;
	return false;
}

/* finish says when the dataset is looked at next; not if somebody else changes that. */
static void
finish(TimestampTz next)
{
	const Oid	types[] = {INT4OID, TIMESTAMPTZOID};
	const Datum values[] = {Int32GetDatum(work.dataset_id), TimestampTzGetDatum(next)};

	pgc_catalog_execute("UPDATE contract.retention_state SET next_look = $2 WHERE ctid = ANY (ARRAY("
						"SELECT ctid FROM contract.retention_state WHERE dataset_id = $1 FOR UPDATE SKIP LOCKED))",
						2, types, values, NULL);
}

/* turn_is_over: has a worker done so much of this that others should have their turn? */
static bool
turn_is_over(TimestampTz now)
{
	static TimestampTz began = 0;

	if (MyBackendType != B_BG_WORKER)
		return false;
	if (began == 0)
		began = now;
	if (now - began < TURN)
		return false;
	began = 0;
	return true;
}

/*
 * pgc_retention_step counts a batch of runs, and deletes a batch of history.  What a
 * dataset has little of is done in the same step.
 */
bool
pgc_retention_step(PgcStep *step)
{
	bool		resumed = work.valid && work.identity == pgc_history_identity();

	if (!resumed && pgc_total_count())
		return true;
	work.valid = false;			/* unless this goes well */
	if (!resumed && !find_due(step))
		return false;
	if (turn_is_over(step->now))
	{
		finish(step->now);		/* behind those that are due already */
		step->next = step->now;
		return false;
	}
	while (work.current < PGC_NHISTORIES && !work.valid)
	{
		PgcPruning *pruning = &work.prunings[work.current];

		if (pruning->more)
			pgc_pruning_batch(pruning);
		if (pruning->more)
			work.valid = true;	/* a full batch: the rest is for later */
		else
			work.current++;
	}
	if (!work.valid)
		finish(step->now + PERIOD);
	return true;
}
