/*
 * src/worker/schedule.c
 *		When datasets are audited: what runs next, and the SQL functions schedule,
 *		unschedule and next_run.  The audits themselves are in audits.c.
 *
 * Runs of an interval lie on a grid: since + phase + k * every.  The phase depends
 * on the dataset, so that what is scheduled by one script does not come due
 * at one time; the grid, unlike "so long after the last run", neither drifts nor starts
 * anew when the state is lost (a restore).
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "audit/audit.h"
#include "catalog/annotate.h"
#include "catalog/pg_type.h"
#include "engine/cron.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"
#include "worker/schedule.h"
#include "worker/worker.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_schedule);
PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_unschedule);
PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_next_run);
PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_default_time_zone);

/* The first run of an interval comes within this time, or within the interval if that is less. */
#define MAX_PHASE USECS_PER_HOUR

/* Longest interval and timeout (a timer's: 2^31 ms). */
#define MAX_EVERY_DAYS (10 * 366)
#define MAX_TIMEOUT_DAYS 24

/* length_of returns how long an interval is in microseconds, with months and days of a given length. */
static int64
length_of(const Interval *interval, int days_a_month, int hours_a_day)
{
	return interval->month * days_a_month * USECS_PER_DAY + interval->day * hours_a_day * USECS_PER_HOUR + interval->time;
}

/* phase_of spreads datasets over the beginning of an interval; their ids are hashes. */
static int64
phase_of(const PgcSchedule *schedule)
{
	int64		span = Min(length_of(schedule->every, 28, 23), MAX_PHASE);

	return (int64) ((double) schedule->dataset_id / ((double) PG_INT32_MAX + 1) * span);
}

/* add returns an instant and k intervals: months and days by the clock of the zone, the rest by the time that passes. */
static TimestampTz
add(TimestampTz base, const Interval *every, int64 k, text *zone)
{
	Interval	days = {.month = every->month * k,.day = every->day * k};
	Datum		local;

	if (every->month != 0 || every->day != 0)
	{
		local = DirectFunctionCall2(timestamptz_zone, PointerGetDatum(zone), TimestampTzGetDatum(base));
		local = DirectFunctionCall2(timestamp_pl_interval, local, IntervalPGetDatum(&days));
		base = DatumGetTimestampTz(DirectFunctionCall2(timestamp_zone, PointerGetDatum(zone), local));
	}
	return base + every->time * k;
}

/* next_of_grid returns the first run of an interval after an instant. */
static TimestampTz
next_of_grid(const PgcSchedule *schedule, TimestampTz after)
{
	text	   *zone = cstring_to_text(schedule->time_zone);
	TimestampTz first = schedule->since + phase_of(schedule);
	int64		k = Max(0, (after - first) / length_of(schedule->every, 31, 25));
	TimestampTz next;

	while ((next = add(first, schedule->every, k, zone)) <= after)
		k++;
	return next;
}

/*
 * pgc_schedule_next returns when a schedule comes next after an instant; DT_NOEND
 * if never, with why in *problem.
 */
TimestampTz
pgc_schedule_next(const PgcSchedule *schedule, TimestampTz after, char **problem)
{
	pg_tz	   *zone = pgc_find_zone(schedule->time_zone);
	TimestampTz next;
	PgcCron		cron;

	*problem = NULL;
	if (zone == NULL)
		*problem = psprintf("time zone \"%s\" is not known", schedule->time_zone);
	else if (schedule->every != NULL)
		return next_of_grid(schedule, after);
	else if (!pgc_cron_read(schedule->cron, &cron, problem))
		*problem = psprintf("\"%s\" is not a cron expression: %s", schedule->cron, *problem);
	else
	{
		next = pgc_cron_next(&cron, after, zone);
		if (next != DT_NOEND)
			return next;
		*problem = psprintf("\"%s\" never comes", schedule->cron);
	}
	return DT_NOEND;
}

/* pgc_schedule_begin makes the state of a schedule that has none: it runs next as if it had run now. */
void
pgc_schedule_begin(const PgcSchedule *schedule)
{
	static const char sql[] =
	"INSERT INTO contract.schedule_state (dataset_id, expression, next_run, last_status, last_message)"
	" VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
	const Oid	types[] = {INT4OID, TEXTOID, TIMESTAMPTZOID, TEXTOID, TEXTOID};
	char		nulls[6] = "     ";
	Datum		values[5];
	char	   *problem;
	TimestampTz next = pgc_schedule_next(schedule, GetCurrentTimestamp(), &problem);

	values[0] = Int32GetDatum(schedule->dataset_id);
	values[1] = CStringGetTextDatum(schedule->expression);
	values[2] = TimestampTzGetDatum(next);
	nulls[2] = problem ? 'n' : ' ';
	values[3] = pgc_text_or_null(problem ? "error" : NULL, &nulls[3]);
	values[4] = pgc_text_or_null(problem, &nulls[4]);
	pgc_catalog_execute(sql, 5, types, values, nulls);
}

/* require_length refuses an interval that is not within bounds; least is in microseconds. */
static void
require_length(const char *what, const Interval *interval, int64 least, int most_days, const char *bounds)
{
	if (interval->month < 0 || interval->day < 0 || interval->time < 0 ||
		interval->month > most_days || interval->day > most_days || interval->time > most_days * USECS_PER_DAY ||
		length_of(interval, DAYS_PER_MONTH, HOURS_PER_DAY) < least ||
		length_of(interval, DAYS_PER_MONTH, HOURS_PER_DAY) > most_days * USECS_PER_DAY)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be from %s", what, bounds)));
}

/* require_arguments refuses wrong arguments of contract.schedule. */
static void
require_arguments(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0) || PG_ARGISNULL(4) || PG_ARGISNULL(5))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("relation, mode and profile must not be null")));
	if (PG_ARGISNULL(1) == PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("exactly one of every and cron must be given"),
				 errhint("For example every => '1 hour', or cron => '30 6 * * mon-fri'.")));
	(void) pgc_mode_parse(pgc_argument_text(fcinfo, 4));
	if (!PG_ARGISNULL(1))
		require_length("every", PG_GETARG_INTERVAL_P(1), USECS_PER_SEC, MAX_EVERY_DAYS, "1 second to 10 years");
	if (!PG_ARGISNULL(6))
		require_length("timeout", PG_GETARG_INTERVAL_P(6), 1000, MAX_TIMEOUT_DAYS, "1 millisecond to 24 days");
}

/* require_comes refuses a schedule that never comes. */
static void
require_comes(const PgcSchedule *schedule)
{
	PgcCron		cron;
	char	   *problem;

	(void) pgc_time_zone(schedule->time_zone);
	if (schedule->cron != NULL)
		pgc_cron_parse(schedule->cron, &cron);
	if (pgc_schedule_next(schedule, GetCurrentTimestamp(), &problem) == DT_NOEND)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s", problem)));
}

/*
 * store stores a schedule.  One that is as it was keeps its state, so that a
 * script that says it again and again does not put its runs off.
 */
static void
store(FunctionCallInfo fcinfo, const PgcSchedule *schedule)
{
	static const char forget[] =
	"DELETE FROM contract.schedule_state t WHERE t.dataset_id = $1 AND t.expression = 'sql' AND NOT EXISTS ("
	" SELECT FROM contract.schedule s WHERE s.dataset_id = $1"
	" AND (s.every, s.cron, s.time_zone) IS NOT DISTINCT FROM ($2, $3, $4))";
	static const char keep[] =
	"INSERT INTO contract.schedule AS s VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
	" ON CONFLICT (dataset_id) DO UPDATE SET every = $2, cron = $3, time_zone = $4, mode = $5, profile = $6, timeout = $7,"
	" since = CASE WHEN (s.every, s.cron, s.time_zone) IS NOT DISTINCT FROM ($2, $3, $4) THEN s.since ELSE $8 END";
	const Oid	types[] = {INT4OID, INTERVALOID, TEXTOID, TEXTOID, TEXTOID, BOOLOID, INTERVALOID, TIMESTAMPTZOID};
	char		nulls[9] = "        ";
	Datum		values[8];

	for (int i = 1; i < 7; i++)
		values[i] = pgc_argument_or_null(fcinfo, i, &nulls[i]);
	values[0] = Int32GetDatum(schedule->dataset_id);
	values[3] = CStringGetTextDatum(schedule->time_zone);
	nulls[3] = ' ';
	values[7] = TimestampTzGetDatum(schedule->since);
	pgc_catalog_execute(forget, 4, types, values, nulls);
	pgc_catalog_execute(keep, 8, types, values, nulls);
	pgc_schedule_begin(schedule);
}

/* next_run_of returns when the schedule of SQL of a dataset runs next. */
static TimestampTz
next_run_of(int32 dataset_id)
{
	const Oid	types[] = {INT4OID};
	const Datum values[] = {Int32GetDatum(dataset_id)};
	TimestampTz next = DT_NOEND;

	pgc_catalog_query("SELECT next_run FROM contract.schedule_state WHERE dataset_id = $1 AND expression = 'sql'",
					  1, types, values, NULL, pgc_take_int64, &next);
	return next;
}

/* pgc_schedule is contract.schedule(relation, every, cron, time_zone, mode, profile, timeout). */
Datum
pgc_schedule(PG_FUNCTION_ARGS)
{
	PgcSchedule schedule = {.expression = PGC_SCHEDULE_OF_SQL,.since = GetCurrentTimestamp()};
	Oid			relid;

	require_arguments(fcinfo);
	relid = PG_GETARG_OID(0);
	schedule.every = PG_ARGISNULL(1) ? NULL : PG_GETARG_INTERVAL_P(1);
	schedule.cron = pgc_argument_text(fcinfo, 2);
	schedule.time_zone = PG_ARGISNULL(3) ? pgc_default_zone : pgc_argument_text(fcinfo, 3);
	require_comes(&schedule);
	PreventCommandIfReadOnly("changing a contract");
	pgc_privilege_require_owner(relid);
	pgc_dataset_lock(relid);
	schedule.dataset_id = pgc_contract_require(relid)->dataset_id;
	store(fcinfo, &schedule);
	pgc_nudge(PGC_AUDITING);
	PG_RETURN_TIMESTAMPTZ(next_run_of(schedule.dataset_id));
}

/* pgc_unschedule is contract.unschedule(dataset). */
Datum
pgc_unschedule(PG_FUNCTION_ARGS)
{
	const Oid	types[] = {INT4OID};
	Datum		values[1];

	values[0] = Int32GetDatum(pgc_dataset_open(text_to_cstring(PG_GETARG_TEXT_PP(0)))->dataset_id);
	pgc_catalog_execute("DELETE FROM contract.schedule_state WHERE dataset_id = $1 AND expression = 'sql'",
						1, types, values, NULL);
	PG_RETURN_BOOL(pgc_catalog_execute("DELETE FROM contract.schedule WHERE dataset_id = $1",
									   1, types, values, NULL) > 0);
}

/* pgc_next_run is contract.next_run(cron, time_zone, after). */
Datum
pgc_next_run(PG_FUNCTION_ARGS)
{
	pg_tz	   *zone = pgc_time_zone(PG_ARGISNULL(1) ? pgc_default_zone : pgc_argument_text(fcinfo, 1));
	TimestampTz next;
	PgcCron		cron;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(2))
		PG_RETURN_NULL();
	pgc_cron_parse(pgc_argument_text(fcinfo, 0), &cron);
	next = pgc_cron_next(&cron, PG_GETARG_TIMESTAMPTZ(2), zone);
	if (TIMESTAMP_NOT_FINITE(next))
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(next);
}

/* pgc_default_time_zone is contract.default_time_zone(). */
Datum
pgc_default_time_zone(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(pgc_default_zone));
}
