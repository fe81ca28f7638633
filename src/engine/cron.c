/*
 * src/engine/cron.c
 *		Times that repeat, in a time zone: cron expressions, and when they come.
 *
 * The language is that of Paul Vixie's cron (crontab(5)): five fields with lists,
 * ranges, steps and names; if both days are restricted (do not begin with *) either will do.
 *
 * Local clocks jump.  What is asked here is when a clock first showed at
 * least a given local time: a time that a jump leaves out comes at the jump, one that the clock
 * shows twice comes once, the first time.  That is a monotone
 * function, whose inverse is the latest time that the clock has ever shown; the search
 * between the two knows nothing of zones.
 */
#include "postgres.h"

#include <ctype.h>

#include "engine/cron.h"
#include "mb/pg_wchar.h"
#include "port/pg_bitutils.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#define MINUTES_A_DAY (24 * 60)

/* An expression is part of a key. */
#define MAX_LENGTH 1000

/* The calendar repeats after 400 years, with its weekdays. */
#define DAYS_OF_CALENDAR 146097

/* No clock is further from UTC (POSIX zones: 24 hours), or was set back by more than a day. */
#define FARTHEST_OFFSET (25 * SECS_PER_HOUR)
#define FARTHEST_JUMP (2 * SECS_PER_DAY)

#define UNIX_EPOCH_SECONDS ((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY)

typedef struct Field
{
	const char *name;
	int			least;
	int			most;
	const char *const *names;	/* of least, least + 1, ... */
} Field;

static const char *const month_names[] = {
	"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", NULL
};
static const char *const weekday_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};

static const Field minute_field = {"minute", 0, 59, NULL};
static const Field hour_field = {"hour", 0, 23, NULL};
static const Field day_field = {"day of the month", 1, 31, NULL};
static const Field month_field = {"month", 1, 12, month_names};
static const Field weekday_field = {"day of the week", 0, 7, weekday_names};

static const struct
{
	const char *name;
	const char *expression;
}			nicknames[] = {
	{"@hourly", "0 * * * *"},
	{"@daily", "0 0 * * *"},
	{"@midnight", "0 0 * * *"},
	{"@weekly", "0 0 * * 0"},
	{"@monthly", "0 0 1 * *"},
	{"@yearly", "0 0 1 1 *"},
	{"@annually", "0 0 1 1 *"},
};

char	   *pgc_default_zone = "UTC";

/* pgc_find_zone returns a time zone by its name, or NULL. */
pg_tz *
pgc_find_zone(const char *name)
{
	pg_tz	   *zone = pg_tzset(name);

	return zone != NULL && pg_tz_acceptable(zone) ? zone : NULL;
}

/* pgc_check_zone checks the setting. */
bool
pgc_check_zone(char **newval, void **extra, GucSource source)
{
	if (pgc_find_zone(*newval) != NULL)
		return true;
	GUC_check_errdetail("Time zone \"%s\" is not known.", *newval);
	return false;
}

/* pgc_time_zone returns a time zone by its name, or raises. */
pg_tz *
pgc_time_zone(const char *name)
{
	pg_tz	   *zone = pgc_find_zone(name);

	if (zone == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time zone \"%s\" is not known", name),
				 errhint("See the view pg_timezone_names.")));
	return zone;
}

/* read_number reads a number or a name at *at, and moves *at behind it; -1: there is none. */
static int
read_number(const Field *field, const char **at)
{
	const char *start = *at;
	int			number = 0;

	while (isalnum((unsigned char) **at))
		(*at)++;
	for (int i = 0; field->names != NULL && field->names[i] != NULL; i++)
		if (*at - start == 3 && pg_strncasecmp(start, field->names[i], 3) == 0)
			return field->least + i;
	for (const char *digit = start; digit < *at; digit++)
	{
		if (!isdigit((unsigned char) *digit) || number > 1000)
			return -1;
		number = number * 10 + (*digit - '0');
	}
	return *at > start ? number : -1;
}

/* read_step reads what may follow a range: a slash and a number.  *step is 1 without; false: a bad one. */
static bool
read_step(const char **at, int *step)
{
	static const Field none = {"step", 0, 0, NULL};

	*step = 1;
	if (**at != '/')
		return true;
	(*at)++;
	*step = read_number(&none, at);
	return *step > 0;
}

/*
 * read_range adds what one item of a list says to *values, and moves *at behind
 * it.  Returns what is wrong, or NULL.
 */
static char *
read_range(const Field *field, const char **at, uint64 *values)
{
	bool		all = **at == '*';
	int			first = field->least;
	int			last = field->most;
	int			step;

	if (all)
		(*at)++;
	else
	{
		last = first = read_number(field, at);
		if (**at == '-')
		{
			(*at)++;
			last = read_number(field, at);
			if (field == &weekday_field && last == 0 && first > 0)
				last = 7;		/* fri-sun */
		}
		else if (**at == '/')
			return psprintf("a step needs a range or *: write %d-%d/n", first, field->most);
	}
	if (first < field->least || first > field->most || last < field->least || last > field->most)
		return psprintf("a value is a number from %d to %d%s", field->least, field->most,
						field->names == NULL ? "" : psprintf(" or a name from %s to %s", field->names[0],
															 field == &month_field ? "dec" : "sat"));
	if (first > last)
		return psprintf("a range ends before it begins");
	if (!read_step(at, &step))
		return psprintf("a step is a number above 0");
	for (int value = first; value <= last; value += step)
		*values |= UINT64CONST(1) << value;
	return NULL;
}

/* read_field reads a whole field.  Returns what is wrong, or NULL. */
static char *
read_field(const Field *field, const char *written, uint64 *values)
{
	const char *at = written;
	char	   *problem;

	*values = 0;
	for (;;)
	{
		problem = read_range(field, &at, values);
		if (problem == NULL && *at == '\0')
			return NULL;
		if (problem == NULL && *at != ',')
			problem = psprintf("\"%.*s\" is not expected there", pg_mblen(at), at);
		if (problem != NULL)
			return psprintf("%s \"%s\": %s", field->name, written, problem);
		at++;
	}
}

/* split cuts a copy of an expression into fields at white space; returns how many there are, of which at most 5 are stored. */
static int
split(const char *expression, char *fields[5])
{
	char	   *state;
	int			nfields = 0;

	for (char *field = strtok_r(pstrdup(expression), " \t\n\r", &state); field != NULL;
		 field = strtok_r(NULL, " \t\n\r", &state))
	{
		if (nfields < 5)
			fields[nfields] = field;
		nfields++;
	}
	return nfields;
}

/* read_cron reads an expression.  Returns what is wrong, or NULL. */
static char *
read_cron(const char *expression, PgcCron *cron)
{
	char	   *fields[5];
	int			nfields = split(expression, fields);
	char	   *problem;

	if (strlen(expression) > MAX_LENGTH)
		return psprintf("it is longer than %d bytes", MAX_LENGTH);
	for (int i = 0; nfields == 1 && i < (int) lengthof(nicknames); i++)
		if (pg_strcasecmp(fields[0], nicknames[i].name) == 0)
			nfields = split(nicknames[i].expression, fields);
	if (nfields == 1 && fields[0][0] == '@')
		return psprintf("\"%s\" is not one of @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually", fields[0]);
	if (nfields != 5)
		return psprintf("it has %d fields, not five", nfields);
	if ((problem = read_field(&minute_field, fields[0], &cron->minutes)) != NULL ||
		(problem = read_field(&hour_field, fields[1], &cron->hours)) != NULL ||
		(problem = read_field(&day_field, fields[2], &cron->days)) != NULL ||
		(problem = read_field(&month_field, fields[3], &cron->months)) != NULL ||
		(problem = read_field(&weekday_field, fields[4], &cron->weekdays)) != NULL)
		return problem;
	cron->weekdays = (cron->weekdays | cron->weekdays >> 7) & 0x7F; /* 7 is 0 */
	cron->either = fields[2][0] != '*' && fields[4][0] != '*';
	return NULL;
}

/* pgc_cron_read reads an expression; false: it is none, and *problem says what is wrong, as part of a sentence. */
bool
pgc_cron_read(const char *expression, PgcCron *cron, char **problem)
{
	*problem = read_cron(expression, cron);
	return *problem == NULL;
}

/* pgc_cron_parse reads an expression, or raises. */
void
pgc_cron_parse(const char *expression, PgcCron *cron)
{
	char	   *problem = read_cron(expression, cron);

	if (problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is not a cron expression: %s", expression, problem),
				 errhint("The fields are minute, hour, day of the month, month, day of the week, for example \"30 6 * * mon-fri\".")));
}

/* instant_of returns when a clock of the zone first showed at least a local time; both in seconds as if since 1970. */
static int64
instant_of(int64 local, pg_tz *zone)
{
	pg_time_t	begin = local - FARTHEST_OFFSET;	/* it showed less then */

	for (;;)
	{
		pg_time_t	end;
		long		offset;
		long		offset_after;
		int			daylight;
		int			found = pg_next_dst_boundary(&begin, &offset, &daylight, &end,
												 &offset_after, &daylight, zone);

		if (begin + offset >= local)
			return begin;
		if (found <= 0 || local - offset < end)
			return local - offset;
		begin = end;
	}
}

/* latest_local returns the latest local time that a clock of the zone has shown until an instant, both included. */
static int64
latest_local(int64 instant, pg_tz *zone)
{
	pg_time_t	begin = instant - FARTHEST_JUMP;
	int64		latest = PG_INT64_MIN;

	for (;;)
	{
		pg_time_t	end;
		long		offset;
		long		offset_after;
		int			daylight;
		int			found = pg_next_dst_boundary(&begin, &offset, &daylight, &end,
												 &offset_after, &daylight, zone);

		if (found <= 0 || end > instant)
			return Max(latest, instant + offset);
		latest = Max(latest, end - 1 + offset);
		begin = end;
	}
}

/* has_day returns whether an expression has a day, given in days since 1970. */
static bool
has_day(const PgcCron *cron, int64 day)
{
	int			julian = (int) day + UNIX_EPOCH_JDATE;
	int			year;
	int			month;
	int			day_of_month;
	bool		monthly;
	bool		weekly;

	j2date(julian, &year, &month, &day_of_month);
	if ((cron->months >> month & 1) == 0)
		return false;
	monthly = cron->days >> day_of_month & 1;
	weekly = cron->weekdays >> j2day(julian) & 1;
	return cron->either ? monthly || weekly : monthly && weekly;
}

/*
 * find_minute finds the first minute of a day, not before `from`, that the expression
 * has (backwards: the last one, not after `from`); -1: there is none.
 */
static int
find_minute(const PgcCron *cron, int from, bool backwards)
{
	int			by = backwards ? -1 : 1;

	for (int hour = from / 60; hour >= 0 && hour < 24; hour += by)
	{
		uint64		left = cron->hours >> hour & 1 ? cron->minutes : 0;

		if (hour == from / 60)
			left &= backwards ? ~UINT64CONST(0) >> (63 - from % 60) : ~UINT64CONST(0) << (from % 60);
		if (left != 0)
			return hour * 60 + (backwards ? pg_leftmost_one_pos64(left) : pg_rightmost_one_pos64(left));
	}
	return -1;
}

/*
 * find finds the first local minute (since 1970) that the expression has, not
 * before `from` (backwards: the last one, not after it).  Returns false if there is none in a
 * whole turn of the calendar, and so never.
 */
static bool
find(const PgcCron *cron, int64 from, bool backwards, int64 *minute)
{
	int64		day = from / MINUTES_A_DAY - (from % MINUTES_A_DAY < 0 ? 1 : 0);
	int			within = (int) (from - day * MINUTES_A_DAY);

	for (int days = 0; days <= DAYS_OF_CALENDAR; days++)
	{
		int			found = has_day(cron, day) ? find_minute(cron, within, backwards) : -1;

		if (found >= 0)
		{
			*minute = day * MINUTES_A_DAY + found;
			return true;
		}
		day += backwards ? -1 : 1;
		within = backwards ? MINUTES_A_DAY - 1 : 0;
	}
	return false;
}

/* seconds_of returns an instant in seconds since 1970, rounded down. */
static int64
seconds_of(TimestampTz at)
{
	return at / USECS_PER_SEC - (at % USECS_PER_SEC < 0 ? 1 : 0) + UNIX_EPOCH_SECONDS;
}

/* minute_of returns the minute that a local time is in. */
static int64
minute_of(int64 local)
{
	return local / 60 - (local % 60 < 0 ? 1 : 0);
}

/* timestamp_of is the instant of a local minute. */
static TimestampTz
timestamp_of(int64 minute, pg_tz *zone)
{
	return (instant_of(minute * 60, zone) - UNIX_EPOCH_SECONDS) * USECS_PER_SEC;
}

/* pgc_cron_next returns when an expression comes next after an instant; DT_NOEND: never. */
TimestampTz
pgc_cron_next(const PgcCron *cron, TimestampTz after, pg_tz *zone)
{
	int64		minute;
	TimestampTz next;

	if (TIMESTAMP_NOT_FINITE(after))
		return DT_NOEND;
	if (!find(cron, minute_of(latest_local(seconds_of(after), zone)) + 1, false, &minute))
		return DT_NOEND;
	next = timestamp_of(minute, zone);
	return IS_VALID_TIMESTAMP(next) ? next : DT_NOEND;
}

/* pgc_cron_previous returns when an expression came last at an instant or before; DT_NOBEGIN: never. */
TimestampTz
pgc_cron_previous(const PgcCron *cron, TimestampTz at, pg_tz *zone)
{
	int64		minute;
	TimestampTz previous;

	if (TIMESTAMP_NOT_FINITE(at))
		return DT_NOBEGIN;
	if (!find(cron, minute_of(latest_local(seconds_of(at), zone)), true, &minute))
		return DT_NOBEGIN;
	previous = timestamp_of(minute, zone);
	return IS_VALID_TIMESTAMP(previous) ? previous : DT_NOBEGIN;
}
