/*
 * src/document/diff/diff_sla.c
 *		What a change of a service level means.
 *
 * Producers promise a service level, consumers count on it: a tighter one breaks
 * producers, a looser one consumers should know of.
 */
#include "postgres.h"

#include "document/diff/diff.h"
#include "engine/cron.h"

/* Which values ask for more. */
typedef enum Direction
{
	SMALLER,					/* a shorter time */
	GREATER,
	EARLIER_END,				/* a date on which something ends: nothing is
								 * promised */
	NEITHER						/* not compared */
} Direction;

static const struct
{
	const char *property;
	Direction	direction;
}			directions[] = {
	{"freshness", SMALLER}, {"latency", SMALLER}, {"frequency", SMALLER}, {"retention", SMALLER},
	{"timeToDetect", SMALLER}, {"timeToNotify", SMALLER}, {"timeToRepair", SMALLER},
	{"errorRate", SMALLER}, {"timeOfAvailability", SMALLER},
	{"availability", GREATER}, {"throughput", GREATER},
	{"endOfSupport", EARLIER_END}, {"endOfLife", EARLIER_END},
	{"generalAvailability", NEITHER}
};

static Direction
direction_of(const PgcNode *item)
{
	const char *property = pgc_node_get_text(item, "property");

	for (int i = 0; property != NULL && i < lengthof(directions); i++)
	{
		if (strcmp(property, directions[i].property) == 0)
			return directions[i].direction;
	}
	return NEITHER;
}

/* seconds_of_unit returns 0 for what is no unit of time. */
static double
seconds_of_unit(const char *unit, const PgcNode *item)
{
	const char *property = pgc_node_get_text(item, "property");
	double		seconds = 0;

	(void) pgc_word_unit(unit, property != NULL && strcmp(property, "retention") == 0, &seconds);
	return seconds;
}

/* seconds_of_iso reads a duration like P1DT12H; 0 if it is none. */
static double
seconds_of_iso(const char *value)
{
	static const char letters[] = "YMWDHMS";
	static const double seconds[] = {31556952, 2629746, 604800, 86400, 3600, 60, 1};
	const char *from = letters;
	double		total = 0;

	if (*value++ != 'P')
		return 0;
	while (*value != '\0')
	{
		const char *letter;
		char	   *end;
		double		number;

		if (*value == 'T')
		{
			from = letters + 4;
			value++;
			continue;
		}
		number = strtod(value, &end);
		letter = *end == '\0' ? NULL : strchr(from, *end);
		if (end == value || letter == NULL)
			return 0;
		total += number * seconds[letter - letters];
		value = end + 1;
	}
	return total;
}

/* seconds_of returns how long a service level allows; 0: that is not known. */
static double
seconds_of(const PgcNode *item)
{
	const char *value = pgc_node_get_text(item, "value");
	const char *unit = pgc_node_get_text(item, "unit");

	if (value == NULL)
		return 0;
	if (pgc_diff_is_number(value))
		return unit ? strtod(value, NULL) * seconds_of_unit(unit, item) : 0;
	return seconds_of_iso(value);
}

/* same_unit says whether two service levels are measured in the same unit, or in none. */
static bool
same_unit(const PgcNode *old, const PgcNode *new)
{
	return pgc_diff_equal(pgc_node_get(old, "unit"), pgc_node_get(new, "unit"));
}

/* is_deadline: is this service level a time of day? */
static bool
is_deadline(const PgcNode *item)
{
	const char *property = pgc_node_get_text(item, "property");

	return property != NULL && strcmp(property, "timeOfAvailability") == 0;
}

/* offset_of sets how many seconds a time zone, as pgc_word_time returns it, is east of UTC; false: not always as many. */
static bool
offset_of(const char *zone, int *offset)
{
	int			hours;
	int			minutes;

	*offset = 0;
	if (strcmp(zone, "UTC") == 0)
		return true;
	if ((zone[0] != '+' && zone[0] != '-') || sscanf(zone + 1, "%d:%d", &hours, &minutes) != 2)
		return false;
	*offset = (hours * 60 + minutes) * (zone[0] == '-' ? -60 : 60);
	return true;
}

/* compare_times compares two times of day; false: it depends, or one cannot be read. */
static bool
compare_times(const PgcNode *old, const PgcNode *new, int *order)
{
	const char *zones[2];
	int			seconds[2];
	int			offsets[2] = {0, 0};

	if (!pgc_word_time(pgc_node_get_text(old, "value"), pgc_node_get_text(old, "unit"), &seconds[0], &zones[0]) ||
		!pgc_word_time(pgc_node_get_text(new, "value"), pgc_node_get_text(new, "unit"), &seconds[1], &zones[1]))
		return false;
	if (zones[0] == NULL || zones[1] == NULL)
	{
		if (zones[0] != zones[1])
			return false;
	}
	else if (strcmp(zones[0], zones[1]) != 0 &&
			 (!offset_of(zones[0], &offsets[0]) || !offset_of(zones[1], &offsets[1])))
		return false;
	*order = (seconds[1] - offsets[1]) - (seconds[0] - offsets[0]);
	return true;
}

/* relation_of_values returns what becomes of a promise. */
static int
relation_of_values(const PgcNode *old, const PgcNode *new)
{
	const char *old_value = pgc_node_get_text(old, "value");
	const char *new_value = pgc_node_get_text(new, "value");
	double		before = seconds_of(old);
	double		after = seconds_of(new);
	Direction	direction = direction_of(new);
	int			order;

	if (is_deadline(new))
	{
		if (!compare_times(old, new, &order))
			return PGC_UNCLEAR;
	}
	else if (before > 0 && after > 0)
		order = after < before ? -1 : after > before;
	else if (old_value == NULL || new_value == NULL || !same_unit(old, new) ||
			 !pgc_diff_values(new_value, old_value, &order))
		return PGC_UNCLEAR;
	if (order == 0)
		return PGC_SAME;
	switch (direction)
	{
		case SMALLER:
			return order < 0 ? PGC_TIGHTER : PGC_LOOSER;
		case GREATER:
			return order > 0 ? PGC_TIGHTER : PGC_LOOSER;
		case EARLIER_END:
			return order < 0 ? PGC_LOOSER : PGC_SAME;
		default:
			return PGC_UNCLEAR;
	}
}

/* compare_promise compares value and unit, which are one statement. */
static void
compare_promise(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new)
{
	const PgcNode *old_value = pgc_node_get(old, "value");
	const PgcNode *new_value = pgc_node_get(new, "value");
	bool		by_unit = pgc_diff_equal(old_value, new_value);
	const PgcPath place = {path, by_unit ? "unit" : "value", 0};
	int			relation;

	if (by_unit && same_unit(old, new))
		return;
	relation = relation_of_values(old, new);
	pgc_diff_add_relation(diff, &place, by_unit ? pgc_node_get(old, "unit") : old_value,
						  by_unit ? pgc_node_get(new, "unit") : new_value, relation,
						  relation == PGC_TIGHTER ? "service level tightened" :
						  relation == PGC_LOOSER ? "service level loosened" :
						  "service level changed");
}

static void
compare_meaning(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new)
{
	pgc_diff_add(diff, path, old, new, PGC_WARNS, PGC_WARNS, "%s %s", path->name,
				 old == NULL ? "added" : new == NULL ? "removed" : "changed");
}

/* days_of returns the days of the week on which a deadline is, as bits; 0: that is not known. */
static uint64
days_of(const PgcNode *schedule)
{
	PgcCron		cron;
	char	   *problem;
	const char *expression = schedule == NULL ? "0 0 * * *" : pgc_node_text(schedule);

	return expression != NULL && pgc_cron_read(expression, &cron, &problem) ? cron.weekdays : 0;
}

/* compare_schedule compares the schedules of a deadline, which say on which days it is. */
static void
compare_schedule(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new)
{
	uint64		before = days_of(old);
	uint64		after = days_of(new);

	if (before == 0 || after == 0)
		compare_meaning(diff, path, old, new);
	else if (before == after)
		pgc_diff_any(diff, path, old, new);
	else
		pgc_diff_add_relation(diff, path, old, new,
							  ((after & ~before) != 0 ? PGC_TIGHTER : 0) | ((before & ~after) != 0 ? PGC_LOOSER : 0),
							  "days of the deadline changed");
}

/* pgc_diff_sla compares a service level. */
void
pgc_diff_sla(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new)
{
	static const PgcDiffField fields[] = {
		{"value", NULL}, {"unit", NULL},
		{"valueExt", compare_meaning},
		{"element", compare_meaning},
		{NULL, NULL}
	};
	static const PgcDiffField deadline_fields[] = {
		{"value", NULL}, {"unit", NULL},
		{"valueExt", compare_meaning},
		{"element", compare_meaning},
		{"schedule", compare_schedule},
		{NULL, NULL}
	};
	Direction	direction = direction_of(new ? new : old);

	if (old == NULL)
		pgc_diff_add(diff, path, old, new,
					 direction == SMALLER || direction == GREATER ? PGC_BREAKS : PGC_HARMLESS,
					 direction == EARLIER_END ? PGC_WARNS : PGC_HARMLESS, "service level added");
	else if (new == NULL)
		pgc_diff_add(diff, path, old, new, PGC_HARMLESS, PGC_WARNS, "service level removed");
	else
	{
		compare_promise(diff, path, old, new);
		pgc_diff_map(diff, path, old, new, is_deadline(new) ? deadline_fields : fields);
	}
}
