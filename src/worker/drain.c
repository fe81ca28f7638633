/*
 * src/worker/drain.c
 *		Refused rows: from the queue (enforce/rejects.c) into the history.
 *
 * A step records all that waits for this database, and in the same transaction
 * in contract.reject_position how far it has recorded each counter.  The next
 * step begins by telling the queue those positions, which are committed by
 * then: only now it may forget what they stand for.  So it does not matter when
 * anybody is killed.  Before the commit: neither history nor position is there,
 * and the queue still has everything.  After it, before the queue is told: the
 * next step, of whichever worker, tells it before it looks.  The commit is on
 * disk before anybody sees the position (ForceSyncCommit).  No two steps run at
 * once in a database (worker/round.c).
 *
 * Must not need anything of the contract as it is now: rules, columns and the
 * dataset itself may have changed or gone since the row was refused.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "enforce/enforce.h"
#include "enforce/refusal.h"
#include "enforce/rejects.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "worker/worker.h"

/* How far counters are recorded, as the database knows it. */
typedef struct Positions
{
	int			n;
	int			room;
	int64	   *epochs;
	int64	   *recorded;
} Positions;

/* One step's work. */
typedef struct Drain
{
	PgcRejected *waiting;
	List	   *rows;			/* of PgcRefusedRow *: the samples, unpacked */
	List	   *datasets;		/* ids of those that are there */
	PgcBatch   *runs;
	PgcBatch   *results;
	PgcBatch   *violations;
} Drain;

/* add_position adds a row of contract.reject_position. */
static void
add_position(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	Positions  *positions = arg;
	bool		isnull;

	if (positions->n == positions->room)
	{
		positions->room = Max(2 * positions->room, 64);
		positions->epochs = positions->epochs ?
			repalloc(positions->epochs, positions->room * sizeof(int64)) : palloc(positions->room * sizeof(int64));
		positions->recorded = positions->recorded ?
			repalloc(positions->recorded, positions->room * sizeof(int64)) : palloc(positions->room * sizeof(int64));
	}
	positions->epochs[positions->n] = DatumGetInt64(SPI_getbinval(tuple, descriptor, 1, &isnull));
	positions->recorded[positions->n] = DatumGetInt64(SPI_getbinval(tuple, descriptor, 2, &isnull));
	positions->n++;
}

/* settle tells the queue what is recorded for good; returns whether that was news. */
static bool
settle(void)
{
	const Oid	types[] = {INT8OID};
	const Datum values[] = {Int64GetDatum(pgc_rejects_incarnation())};
	Positions	positions = {0};

	pgc_catalog_query("SELECT entry, recorded FROM contract.reject_position WHERE queue = $1",
					  1, types, values, NULL, add_position, &positions);
	return pgc_rejects_mark(MyDatabaseId, positions.epochs, positions.recorded, positions.n);
}

/* same_group: do two counters belong to the same run? */
static bool
same_group(const PgcRejectKey *a, const PgcRejectKey *b)
{
	return a->dataset_id == b->dataset_id && a->role == b->role && a->is_update == b->is_update &&
		strcmp(a->origin, b->origin) == 0;
}

/* was_recorded: is a change that a subscription tries again in the history already? */
static bool
was_recorded(const PgcRejectKey *key)
{
	const Oid	types[] = {INT4OID, TEXTOID};
	const Datum values[] = {Int32GetDatum(key->dataset_id), CStringGetTextDatum(key->origin)};

	return pgc_catalog_query("SELECT 1 FROM contract.run WHERE dataset_id = $1 AND origin = $2 LIMIT 1",
							 2, types, values, NULL, NULL, NULL) > 0;
}

/* news_of returns how many rows of a counter are still to be recorded. */
static int64
news_of(const PgcRejectCounter *counter)
{
	return counter->total - counter->recorded;
}

/* add_run adds the row of contract.run, and returns its id. */
static int64
add_run(Drain *drain, const PgcRejectCounter *rows)
{
	FullTransactionId xid = FullTransactionIdFromU64(rows->xid);
	PgcRunRow	row = {.id = pgc_history_next_id(PGC_RUN)};

	row.dataset_id = rows->key.dataset_id;
	row.source = "write";
	row.operation = rows->key.is_update ? "UPDATE" : "INSERT";
	row.at = rows->at;
	row.role = GetUserNameFromId(rows->key.role, true);
	row.application = rows->application;
	row.xid = &xid;
	row.query_id = rows->query_id;
	row.considered = -1;
	row.failed = news_of(rows);
	row.origin = rows->key.origin[0] != '\0' ? rows->key.origin : NULL;
	pgc_batch_add_run(drain->runs, &row);
	return row.id;
}

/* add_result adds the row of contract.result for a rule. */
static void
add_result(Drain *drain, const PgcRejectCounter *counter, const PgcRefusedRule *rule, int64 run_id)
{
	PgcResultRow row = {.run_id = run_id};

	row.rule = rule->name;
	row.kind = rule->kind;
	row.columns = rule->columns;
	row.action = PGC_REJECT;
	row.status = "fail";
	row.considered = -1;
	row.failed = news_of(counter);
	row.message = rule->message;
	pgc_batch_add_result(drain->results, &row);
}

/* add_violation adds the row of contract.violation for a sample and a rule. */
static void
add_violation(Drain *drain, const PgcRejectCounter *rows, const PgcRefusedRule *rule,
			  const PgcRejectSample *sample, const PgcRefusedRow *refused,
			  const PgcRefusedValue *value, int64 run_id)
{
	PgcViolationRow row = {.run_id = run_id};

	row.dataset_id = rows->key.dataset_id;
	row.rule = rule->name;
	row.kind = rule->kind;
	row.columns = rule->columns;
	row.at = sample->at;
	row.action = PGC_REJECT;
	row.key = refused->key;
	row.row = refused->row;
	row.value = value->value;
	row.message = value->error ? value->error : rule->message;
	pgc_batch_add_violation(drain->violations, &row);
}

/* value_of returns what a refused row has of a rule, or NULL. */
static const PgcRefusedValue *
value_of(const PgcRefusedRow *refused, uint64 rule)
{
	ListCell   *cell;

	foreach(cell, refused->values)
	{
		const PgcRefusedValue *value = lfirst(cell);

		if (value->rule == rule)
			return value;
	}
	return NULL;
}

/* add_rule adds what is new of one rule: its result and some of its rows. */
static void
add_rule(Drain *drain, const PgcRejectCounter *rows, const PgcRejectCounter *counter, int64 run_id)
{
	const PgcRefusedRule *rule = pgc_refused_rule(&counter->key);
	int			wanted = Min(news_of(counter), pgc_violation_samples);
	ListCell   *cell;
	ListCell   *unpacked;

	if (news_of(counter) == 0)
		return;
	add_result(drain, counter, rule, run_id);
	forboth(cell, drain->waiting->samples, unpacked, drain->rows)
	{
		const PgcRejectSample *sample = lfirst(cell);
		const PgcRefusedValue *value = sample->epoch == rows->epoch ?
		value_of(lfirst(unpacked), counter->key.hash) : NULL;

		if (value == NULL || wanted == 0)
			continue;
		add_violation(drain, rows, rule, sample, lfirst(unpacked), value, run_id);
		wanted--;
	}
}

/* record adds a run for a counter of rows, with all of its rules. */
static void
record(Drain *drain, const PgcRejectCounter *rows)
{
	int64		run_id;
	ListCell   *cell;

	if (news_of(rows) == 0)
		return;
	if (!list_member_int(drain->datasets, rows->key.dataset_id))
	{
		ereport(LOG,
				(errmsg("refused rows of a dataset that is gone are not recorded: " INT64_FORMAT, news_of(rows))));
		return;
	}
	if (rows->key.origin[0] != '\0' && was_recorded(&rows->key))
		return;
	run_id = add_run(drain, rows);
	foreach(cell, drain->waiting->counters)
	{
		const PgcRejectCounter *counter = lfirst(cell);

		if (counter->key.length > 0 && same_group(&counter->key, &rows->key))
			add_rule(drain, rows, counter, run_id);
	}
}

/* bigints returns a bigint[]. */
static Datum
bigints(Datum *values, int n)
{
	return PointerGetDatum(construct_array(values, n, INT8OID, sizeof(int64),
										   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* store_positions stores that all that waits is recorded, and forgets counters that are gone. */
static void
store_positions(const PgcRejected *waiting)
{
	const Oid	types[] = {INT8OID, INT8ARRAYOID, INT8ARRAYOID};
	int			n = list_length(waiting->counters);
	Datum	   *epochs = palloc(n * sizeof(Datum));
	Datum	   *totals = palloc(n * sizeof(Datum));
	Datum		values[3];

	for (int i = 0; i < n; i++)
	{
		const PgcRejectCounter *counter = list_nth(waiting->counters, i);

		epochs[i] = Int64GetDatum(counter->epoch);
		totals[i] = Int64GetDatum(counter->total);
	}
	values[0] = Int64GetDatum(pgc_rejects_incarnation());
	values[1] = bigints(epochs, n);
	values[2] = bigints(totals, n);
	pgc_catalog_execute("DELETE FROM contract.reject_position WHERE queue <> $1 OR entry <> ALL ($2)",
						2, types, values, NULL);
	pgc_catalog_execute("INSERT INTO contract.reject_position AS p (queue, entry, recorded)"
						" SELECT $1, u.entry, u.recorded FROM unnest($2, $3) AS u(entry, recorded)"
						" ON CONFLICT (queue, entry) DO UPDATE SET recorded = EXCLUDED.recorded"
						" WHERE p.recorded <> EXCLUDED.recorded",
						3, types, values, NULL);
}

/* is_empty: is everything recorded? */
static bool
is_empty(const PgcRejected *waiting)
{
	ListCell   *cell;

	foreach(cell, waiting->counters)
	{
		const PgcRejectCounter *counter = lfirst(cell);

		if (news_of(counter) > 0)
			return false;
	}
	return true;
}

/* record_all records all that waits. */
static void
record_all(PgcRejected *waiting)
{
	Drain		drain = {.waiting = waiting};
	ListCell   *cell;

	drain.runs = pgc_batch_make(PGC_RUN);
	drain.results = pgc_batch_make(PGC_RESULT);
	drain.violations = pgc_batch_make(PGC_VIOLATION);
	foreach(cell, waiting->samples)
		drain.rows = lappend(drain.rows, pgc_refused_row(lfirst(cell)));
	pgc_catalog_query("SELECT dataset_id FROM contract.dataset", 0, NULL, NULL, NULL, pgc_take_ids, &drain.datasets);
	foreach(cell, waiting->counters)
	{
		const PgcRejectCounter *counter = lfirst(cell);

		if (counter->key.length == 0)
			record(&drain, counter);
	}
	pgc_batch_insert(drain.runs);
	pgc_batch_insert(drain.results);
	pgc_batch_insert(drain.violations);
	store_positions(waiting);
	ForceSyncCommit();
}

/*
 * pgc_drain_step records a batch.  It wants another step, which tells the
 * queue, but once a round only: rows that go on being refused meanwhile are the
 * next round's, or a round would not end and each batch be small.
 */
bool
pgc_drain_step(PgcStep *step)
{
	PgcRejected *waiting;
	bool		settled;

	if (!pgc_rejects_available())
		return false;
	settled = settle();
	pgc_rejects_forget(MyDatabaseId, pgc_history_identity());
	waiting = pgc_rejects_read(MyDatabaseId);
	if (is_empty(waiting))
		return false;
	record_all(waiting);
	return !settled;
}
