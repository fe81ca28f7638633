/*
 * src/document/words.c
 *		Words that documents use, and what they mean: for all who read them.
 */
#include "postgres.h"

#include "document/document.h"
#include "pgtime.h"

/* pgc_word_severity returns what a severity means; none, and any that is not known, is an error. */
PgcSeverity
pgc_word_severity(const char *word)
{
	static const char *const warnings[] = {"warning", "warn", "low", "minor", "trivial"};

	if (word != NULL && pg_strcasecmp(word, "info") == 0)
		return PGC_SEVERITY_INFO;
	for (int i = 0; word != NULL && i < lengthof(warnings); i++)
	{
		if (pg_strcasecmp(word, warnings[i]) == 0)
			return PGC_SEVERITY_WARNING;
	}
	return PGC_SEVERITY_ERROR;
}

/* pgc_word_metric returns the metric of a check of the standard's library, or NULL; some had other names before v3.1.0. */
const char *
pgc_word_metric(const char *word)
{
	static const char *const metrics[][2] = {
		{"nullValues", "nullValues"}, {"missingValues", "missingValues"}, {"invalidValues", "invalidValues"},
		{"duplicateValues", "duplicateValues"}, {"rowCount", "rowCount"}, {"nullCheck", "nullValues"},
		{"duplicateCount", "duplicateValues"}, {"validValues", "invalidValues"}, {"countCheck", "rowCount"},
	};

	for (int i = 0; word != NULL && i < lengthof(metrics); i++)
	{
		if (strcmp(metrics[i][0], word) == 0)
			return metrics[i][1];
	}
	return NULL;
}

/* pgc_word_service_level returns the full name of a service level, or NULL: none that is known.  Case does not count. */
const char *
pgc_word_service_level(const char *word)
{
	static const char *const levels[][2] = {
		{"availability", "av"}, {"throughput", "th"}, {"errorRate", "er"}, {"generalAvailability", "ga"},
		{"endOfSupport", "es"}, {"endOfLife", "el"}, {"retention", "re"}, {"frequency", "fy"}, {"latency", "ly"},
		{"timeToDetect", "td"}, {"timeToNotify", "tn"}, {"timeToRepair", "tr"},
		{"freshness", NULL}, {"timeOfAvailability", NULL},
	};

	for (int i = 0; word != NULL && i < lengthof(levels); i++)
	{
		if (pg_strcasecmp(levels[i][0], word) == 0 ||
			(levels[i][1] != NULL && pg_strcasecmp(levels[i][1], word) == 0))
			return levels[i][0];
	}
	return NULL;
}

/*
 * pgc_word_unit returns a unit of time as PostgreSQL's, or NULL: none that is known; sets how
 * long it is, months and years by the calendar's average.  m is minutes, for retention months.
 */
const char *
pgc_word_unit(const char *word, bool is_retention, double *seconds)
{
	static const struct
	{
		double		seconds;
		const char *words[6];
	}			units[] = {
		{0.001, {"milliseconds", "ms", "millisecond"}},
		{1, {"seconds", "s", "sec", "secs", "second"}},
		{60, {"minutes", "min", "mins", "minute"}},
		{3600, {"hours", "h", "hr", "hrs", "hour"}},
		{86400, {"days", "d", "day"}},
		{604800, {"weeks", "w", "wk", "week"}},
		{2629746, {"months", "mo", "mon", "mth", "month"}},
		{31556952, {"years", "y", "yr", "yrs", "year"}},
	};

	if (pg_strcasecmp(word, "m") == 0)
		word = is_retention ? "months" : "minutes";
	for (int i = 0; i < lengthof(units); i++)
	{
		for (int j = 0; j < lengthof(units[i].words) && units[i].words[j] != NULL; j++)
		{
			if (pg_strcasecmp(units[i].words[j], word) == 0)
			{
				*seconds = units[i].seconds;
				return units[i].words[0];
			}
		}
	}
	return NULL;
}

/* offset_zone returns a distance from UTC in the engine's words (+05:30), or NULL: it is none. */
static const char *
offset_zone(const char *word)
{
	unsigned	hours;
	unsigned	minutes = 0;
	int			length = 0;

	if (sscanf(word + 1, "%2u%n:%2u%n", &hours, &length, &minutes, &length) < 1 ||
		(word[1 + length] != '\0' && sscanf(word + 1, "%2u%2u%n", &hours, &minutes, &length) < 2) ||
		word[1 + length] != '\0' || hours > 15 || minutes > 59)
		return NULL;
	return psprintf("%c%02u:%02u", word[0], hours, minutes);
}

/* zone_of returns a time zone in the engine's words, or NULL: none that is known. */
static const char *
zone_of(const char *word)
{
	pg_tz	   *zone;

	if (pg_strcasecmp(word, "Z") == 0)
		return "UTC";
	/* PostgreSQL would take UTC+2 for two hours to the west */
	if ((pg_strncasecmp(word, "UTC", 3) == 0 || pg_strncasecmp(word, "GMT", 3) == 0) &&
		(word[3] == '+' || word[3] == '-'))
		word += 3;
	if (word[0] == '+' || word[0] == '-')
		return offset_zone(word);
	zone = pg_tzset(word);
	return zone != NULL && pg_tz_acceptable(zone) ? pg_get_timezone_name(zone) : NULL;
}

/*
 * pgc_word_time reads a time of day with its time zone: 09:30-08:00, 06:00:00Z,
 * 06:00 Europe/Berlin; the zone may be the unit instead.  *zone is in the engine's words,
 * or NULL: it says none.  Fractions of seconds are dropped.  False: it cannot be read.
 */
bool
pgc_word_time(const char *value, const char *unit, int *seconds, const char **zone)
{
	unsigned	hour;
	unsigned	minute;
	unsigned	second = 0;
	int			length = 0;

	*zone = NULL;
	if (value == NULL || sscanf(value, "%2u:%2u%n:%2u%n", &hour, &minute, &length, &second, &length) < 2 ||
		hour > 23 || minute > 59 || second > 59)
		return false;
	*seconds = (hour * 60 + minute) * 60 + second;
	value += length;
	if (value[0] == '.')
		value += 1 + strspn(value + 1, "0123456789");
	value += strspn(value, " ");
	if (value[0] == '\0')
		value = unit;
	else if (unit != NULL)
		return false;
	if (value == NULL)
		return true;
	*zone = zone_of(value);
	return *zone != NULL;
}

/* The operators, of which a quality check has one; NULL at the end. */
const char *const pgc_check_operators[] = {
	"mustBe", "mustNotBe", "mustBeGreaterThan", "mustBeGreaterOrEqualTo", "mustBeLessThan", "mustBeLessOrEqualTo",
	"mustBeBetween", "mustNotBeBetween", NULL
};

/* pgc_check_is_percent: does a check count in percent, not in rows? */
bool
pgc_check_is_percent(const PgcNode *check)
{
	const char *unit = pgc_node_get_text(check, "unit");

	return unit != NULL && (pg_strcasecmp(unit, "percent") == 0 || strcmp(unit, "%") == 0);
}

/* pgc_custom_get returns the value of a custom property of an element, or NULL. */
const PgcNode *
pgc_custom_get(const PgcNode *element, const char *name)
{
	const PgcNode *list = pgc_node_get(element, "customProperties");

	for (int i = 0; pgc_node_is(list, PGC_NODE_LIST) && i < list->count; i++)
	{
		const char *property = pgc_node_get_text(list->content.items[i], "property");
		const PgcNode *value;

		if (property == NULL || strcmp(property, name) != 0)
			continue;
		value = pgc_node_get(list->content.items[i], "value");
		return pgc_node_is(value, PGC_NODE_NULL) ? NULL : value;
	}
	return NULL;
}
