/*
 * src/engine/fresh.c
 *		Kinds about time: fresh, how old the newest value may be, now or at a
 *		deadline; volume, how many rows come in a time; lifecycle, when a table's
 *		time is over.
 *
 * Nothing here reads a clock but in the SQL that is made: who judges says what
 * time it is.  A time without time zone is one of the rule's zone, and without such of
 * the session's.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "engine/measure.h"
#include "engine/output.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/formatting.h"

/*
 * shift returns a time moved by timestamptz_pl_interval or timestamptz_mi_interval, by days and months
 * of a zone (NULL: the session's).
 */
static TimestampTz
shift(PGFunction function, TimestampTz at, const Interval *span, pg_tz *zone)
{
	pg_tz	   *session = session_timezone;
	volatile Datum result = 0;

	if (zone != NULL)
		session_timezone = zone;
	PG_TRY();
	{
		result = DirectFunctionCall2(function, TimestampTzGetDatum(at), IntervalPGetDatum(span));
	}
	PG_FINALLY();
	{
		session_timezone = session;
	}
	PG_END_TRY();
	return DatumGetTimestampTz(result);
}

/* midnight_before returns when the day of a time began in a zone. */
static TimestampTz
midnight_before(TimestampTz at, pg_tz *zone)
{
	struct pg_tm tm;
	fsec_t		fsec;
	int			offset;
	TimestampTz midnight;

	if (timestamp2tm(at, &offset, &tm, &fsec, NULL, zone) != 0)
		return DT_NOBEGIN;
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	offset = DetermineTimeZoneOffset(&tm, zone);
	return tm2timestamp(&tm, 0, &offset, &midnight) == 0 ? midnight : DT_NOBEGIN;
}

/* pgc_measure_oldest: see measure.h. */
TimestampTz
pgc_measure_oldest(const PgcMeasure *measure, TimestampTz now, TimestampTz *next_deadline)
{
	TimestampTz at = now;

	*next_deadline = DT_NOEND;
	if (measure->deadline != NULL)
	{
		*next_deadline = pgc_cron_next(measure->deadline, now, measure->zone);
		at = pgc_cron_previous(measure->deadline, now, measure->zone);
		if (TIMESTAMP_IS_NOBEGIN(at))
			return DT_NOBEGIN;
	}
	return measure->max_age != NULL ? shift(timestamptz_mi_interval, at, measure->max_age, measure->zone) :
		midnight_before(at, measure->zone);
}

/* pgc_measure_until returns when a newest value will be as old as it may be, of a rule with max_age. */
TimestampTz
pgc_measure_until(const PgcMeasure *measure, TimestampTz newest)
{
	return shift(timestamptz_pl_interval, newest, measure->max_age, measure->zone);
}

/* read_interval reads a parameter that is a time above zero; NULL if it is not given.  *words gets it in canonical form. */
static Interval *
read_interval(PgcCompile *compile, const char *name, bool required, char **words)
{
	char	   *given = pgc_parameter_text(compile, name, required);
	Datum		zero = DirectFunctionCall3(interval_in, CStringGetDatum("0"),
										   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	Datum		interval;

	*words = NULL;
	if (given == NULL)
		return NULL;
	interval = DirectFunctionCall3(interval_in, CStringGetDatum(given),
								   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	if (!DatumGetBool(DirectFunctionCall2(interval_gt, interval, zero)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be above zero, not %s", name, given)));
	/* what reaches back further than time does is an error now, not one day */
	(void) shift(timestamptz_mi_interval, GetCurrentTimestamp(), DatumGetIntervalP(interval), NULL);
	*words = pgc_output_text(F_INTERVAL_OUT, interval);
	pgc_parameter_push(compile, name, *words, false);
	return DatumGetIntervalP(interval);
}

/* offset_zone returns the zone of a distance from UTC (-08:00, east is positive) and sets its canonical name, or raises. */
static pg_tz *
offset_zone(const char *given, char **name)
{
	unsigned	hours;
	unsigned	minutes;
	int			length = 0;
	long		seconds;

	if (sscanf(given + 1, "%2u:%2u%n", &hours, &minutes, &length) != 2 || given[1 + length] != '\0' ||
		hours > 15 || minutes > 59)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is no distance of a time zone from UTC", given),
				 errhint("Write hours and minutes, such as +02:00, or the name of a time zone.")));
	*name = psprintf("%c%02u:%02u", given[0], hours, minutes);
	seconds = (hours * 60 + minutes) * SECS_PER_MINUTE;
	/* PostgreSQL counts to the west */
	return pg_tzset_offset(given[0] == '+' ? -seconds : seconds);
}

/* read_zone reads the parameter time_zone; *name gets it in canonical form, NULL if there is none. */
static pg_tz *
read_zone(PgcCompile *compile, const char *preset, char **name)
{
	const char *given = pgc_parameter_text(compile, "time_zone", false);
	pg_tz	   *zone;

	*name = NULL;
	if (given == NULL)
		given = preset;
	if (given == NULL)
		return NULL;
	if (given[0] == '+' || given[0] == '-')
		zone = offset_zone(given, name);
	else
	{
		zone = pgc_time_zone(given);
		*name = pstrdup(pg_get_timezone_name(zone));
	}
	pgc_parameter_push(compile, "time_zone", *name, false);
	return zone;
}

/* read_time reads the parameter by, a time of day to the minute. */
static void
read_time(const char *given, unsigned *hour, unsigned *minute)
{
	unsigned	second = 0;
	int			length = 0;

	if (sscanf(given, "%2u:%2u%n:%2u%n", hour, minute, &length, &second, &length) < 2 ||
		given[length] != '\0' || *hour > 23 || *minute > 59 || second > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"by\" must be a time of day, not \"%s\"", given),
				 errhint("Write hours and minutes, such as 06:00.")));
}

/* read_deadline reads the parameters by, days and time_zone. */
static void
read_deadline(PgcCompile *compile, PgcMeasure *measure)
{
	char	   *by = pgc_parameter_text(compile, "by", false);
	char	   *days = pgc_parameter_text(compile, "days", false);
	char	   *zone;
	unsigned	hour;
	unsigned	minute;

	measure->zone = read_zone(compile, by == NULL ? NULL : pgc_default_zone, &zone);
	if (by == NULL && days != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("days without a time of day"),
				 errhint("Give the parameter \"by\", too: the time at which data must be there.")));
	if (by == NULL)
		return;
	read_time(by, &hour, &minute);
	by = psprintf("%02u:%02u", hour, minute);
	pgc_parameter_push(compile, "by", by, false);
	days = days == NULL ? pstrdup("*") : asc_tolower(days, strlen(days));
	measure->deadline = palloc0(sizeof(PgcCron));
	pgc_cron_parse(psprintf("%u %u * * %s", minute, hour, days), measure->deadline);
	if (strcmp(days, "*") != 0)
		pgc_parameter_push(compile, "days", days, false);
	measure->due = strcmp(days, "*") == 0 ? psprintf("by %s, %s", by, zone) :
		psprintf("by %s on %s, %s", by, days, zone);
}

/* require_time refuses a column that holds no times. */
static void
require_time(const PgcCompile *compile)
{
	if (compile->type != DATEOID && compile->type != TIMESTAMPOID && compile->type != TIMESTAMPTZOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("rule kind \"%s\" needs a column of dates or timestamps, but \"%s\" is of type %s",
						compile->spec->kind, NameStr(compile->column->name), format_type_be(compile->column->type))));
}

/* newest_of returns the SQL of the column's newest value as a timestamptz; filter is a FILTER clause. */
static char *
newest_of(const PgcCompile *compile, pg_tz *zone, const char *filter)
{
	char	   *newest = psprintf("max(%s)%s", pgc_sql_column(compile->column), filter);

	if (zone != NULL && compile->type != TIMESTAMPTZOID)
		return psprintf("(%s)::timestamp AT TIME ZONE %s", newest, quote_literal_cstr(pg_get_timezone_name(zone)));
	return psprintf("(%s)::timestamptz", newest);
}

static void
compile_fresh(PgcCompile *compile)
{
	PgcMeasure *measure = palloc0(sizeof(PgcMeasure));
	char	   *age;

	measure->max_age = read_interval(compile, "max_age", false, &age);
	read_deadline(compile, measure);
	if (age == NULL && measure->due == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rule kind \"%s\" needs the parameter \"max_age\" or \"by\"", compile->spec->kind),
				 errhint("max_age is how old the newest value may be, by the time of day at which it must be there.")));
	if (measure->due == NULL)
		appendStringInfo(&compile->words, "must not be older than %s", age);
	else if (age == NULL)
		appendStringInfo(&compile->words, "must have data of the day %s", measure->due);
	else
		appendStringInfo(&compile->words, "must have data not older than %s %s", age, measure->due);
	measure->is_value = true;
	measure->where = compile->rule->filter_sql;
	compile->rule->set = measure;
	if (compile->column == NULL && compile->spec->filter != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a rule about the last write has no filter"),
				 errhint("Name a column of dates or timestamps.")));
	if (compile->column == NULL)
		return;
	require_time(compile);
	measure->title = pstrdup(NameStr(compile->column->name));
	measure->sql = newest_of(compile, measure->zone, pgc_measure_filter(compile));
	measure->aggregate = newest_of(compile, measure->zone, "");
}

/*
 * window_of returns the SQL condition that the column's value lies in a time before
 * now.  The column stands alone, so that an index on it can be used.
 */
static char *
window_of(const PgcCompile *compile, const char *per, pg_tz *zone)
{
	char	   *column = pgc_sql_column(compile->column);
	char	   *now = pstrdup("now()");

	if (compile->type != TIMESTAMPTZOID)
		now = zone == NULL ? pstrdup("LOCALTIMESTAMP") :
			psprintf("(now() AT TIME ZONE %s)", quote_literal_cstr(pg_get_timezone_name(zone)));
	return psprintf("%s > %s - %s::interval AND %s <= %s", column, now, quote_literal_cstr(per), column, now);
}

static void
compile_volume(PgcCompile *compile)
{
	PgcMeasure *measure = palloc0(sizeof(PgcMeasure));
	char	   *per;
	char	   *zone;

	require_time(compile);
	measure->per = read_interval(compile, "per", true, &per);
	measure->zone = read_zone(compile, NULL, &zone);
	measure->bounds = pgc_bounds_require(compile, NUMERICOID, false);
	measure->title = psprintf("number of rows of the last %s", per);
	measure->where = window_of(compile, per, measure->zone);
	if (compile->spec->filter != NULL)
		/* a line of its own: the filter may end in a comment */
		measure->where = psprintf("%s AND (%s\n)", measure->where, compile->rule->filter_sql);
	measure->sql = psprintf("count(*) FILTER (WHERE %s)", measure->where);
	measure->aggregate = pstrdup("count(*)");
	appendStringInfo(&compile->words, "must have %s rows in %s", measure->bounds->words, per);
	compile->rule->set = measure;
}

/* read_end reads the parameter ends, a time, as what the time of an audit must be before. */
static PgcBounds *
read_end(PgcCompile *compile)
{
	char	   *given = pgc_parameter_text(compile, "ends", true);
	PgcBounds  *bounds = palloc0(sizeof(PgcBounds));

	bounds->type = TIMESTAMPTZOID;
	bounds->compare = palloc(sizeof(FmgrInfo));
	fmgr_info_cxt(F_TIMESTAMPTZ_CMP, bounds->compare, CurrentMemoryContext);
	bounds->maximum.given = true;
	bounds->maximum.exclusive = true;
	bounds->maximum.value = DirectFunctionCall3(timestamptz_in, CStringGetDatum(given),
												ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	given = pgc_parameter_canonical(TIMESTAMPTZOID, bounds->maximum.value);
	pgc_parameter_push(compile, "ends", given, false);
	bounds->words = psprintf("before %s", given);
	return bounds;
}

static void
compile_lifecycle(PgcCompile *compile)
{
	PgcMeasure *measure = palloc0(sizeof(PgcMeasure));

	pgc_require_no_columns(compile);
	measure->title = pstrdup("the time");
	measure->bounds = read_end(compile);
	measure->is_time = true;
	appendStringInfo(&compile->words, "must be used %s", measure->bounds->words);
	compile->rule->set = measure;
}

const PgcKind pgc_kind_fresh = {
	.name = "fresh",
	.ncolumns = PGC_PERHAPS_A_COLUMN,
	.null_passes = true,
	.set_rule = true,
	.parameters = {"max_age", "by", "days", "time_zone"},
	.compile = compile_fresh
};

const PgcKind pgc_kind_volume = {
	.name = "volume",
	.ncolumns = 1,
	.null_passes = true,
	.set_rule = true,
	.parameters = {"per", "minimum", "maximum", "time_zone"},
	.compile = compile_volume
};

const PgcKind pgc_kind_lifecycle = {
	.name = "lifecycle",
	.ncolumns = 0,
	.null_passes = true,
	.set_rule = true,
	.parameters = {"ends"},
	.compile = compile_lifecycle
};
