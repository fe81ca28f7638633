/*
 * src/catalog/total.c
 *		Adding up what runs counted, so that counters neither fall when the history is
 *		pruned nor have to read all of it.
 *
 * contract.total has the sums over all runs up to the one in contract.counted; the
 * runs after that one are still to be added by whoever asks.  The worker moves the line on,
 * to where no run can come up any more: each transaction has its xid before it draws the
 * number of a run (history.c), so what was drawn before a mark was made is all there, or
 * never will be, once no transaction older than the mark's own runs.
 *
 * Who deletes runs holds the line (pgc_total_hold) and adds those beyond it itself; the
 * worker does not wait for that, but comes again.
 */
#include "postgres.h"

#include "catalog/contract.h"
#include "catalog/pg_type.h"
#include "catalog/tables.h"
#include "catalog/total.h"
#include "storage/lmgr.h"

/* Runs that are added up in one go. */
#define BATCH 10000

/* pgc_total_hold keeps the line where it is until the end of the transaction. */
void
pgc_total_hold(void)
{
	LockDatabaseObject(pgc_table_oid("total"), 0, 0, ShareLock);
}

/* run_of returns the number that a statement finds, or 0. */
static int64
run_of(const char *sql)
{
	int64		run_id = 0;

	pgc_catalog_query(sql, 0, NULL, NULL, NULL, pgc_take_int64, &run_id);
	return run_id;
}

/* make_mark notes the last run whose number is drawn, and a transaction younger than that. */
static void
make_mark(void)
{
	const Oid	types[] = {INT8OID};
	Datum		values[1];
	int64		drawn = run_of("SELECT last_value FROM contract.run_id_seq WHERE is_called AND last_value > " COUNTED
							   " AND pg_current_xact_id_if_assigned() IS NULL");

	values[0] = Int64GetDatum(drawn);
	if (drawn > 0)
		pgc_catalog_execute("INSERT INTO contract.counting_mark VALUES ($1, pg_current_xact_id())", 1, types, values, NULL);
}

/*
 * pgc_total_count moves the line by a batch of runs; returns whether there is more
 * to count.  To be called first in a transaction.
 */
bool
pgc_total_count(void)
{
	const Oid	types[] = {INT8OID, INT8OID};
	Datum		values[2];
	int64		counted;
	int64		mark;

	if (!pgc_catalog_try_lock("total", 0))
		return false;
	mark = run_of("SELECT run_id FROM contract.counting_mark WHERE xid <= pg_snapshot_xmin(pg_current_snapshot())");
	if (mark == 0)
	{
		if (run_of("SELECT run_id FROM contract.counting_mark") == 0)
			make_mark();
		return false;
	}
	counted = run_of("SELECT " COUNTED);
	values[0] = Int64GetDatum(counted);
	values[1] = Int64GetDatum(Min(mark, counted + BATCH));
	pgc_catalog_execute("WITH runs AS (SELECT * FROM contract.run WHERE run_id > $1 AND run_id <= $2),"
						" failures AS (SELECT run_id, min(action) AS action, sum(failed) AS failed FROM contract.result"
						" WHERE run_id > $1 AND run_id <= $2 GROUP BY run_id),"
						" news AS (" COUNTS("true") "), " ADD_NEWS("true") ","
						" line AS (DELETE FROM contract.counted) INSERT INTO contract.counted VALUES ($2)",
						2, types, values, NULL);
	pgc_catalog_execute("DELETE FROM contract.counting_mark WHERE run_id <= $2", 2, types, values, NULL);
	return counted + BATCH < mark;
}
