/*
 * src/document/plan/sla.c
 *		Service levels: freshness, latency, frequency and timeOfAvailability become
 *		rules of kind fresh, retention a row rule for audits, the end of support and of
 *		life rules of kind lifecycle; the rest is said not to be enforced.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "document/plan/plan.h"
#include "engine/cron.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

/* What becomes of a service level. */
typedef enum Fate
{
	FRESH,
	DEADLINE,
	RETENTION,
	START,						/* of a life: nothing to check */
	END,
	OUTSIDE						/* cannot be seen from inside the database */
} Fate;

typedef struct Level
{
	const char *name;
	Fate		fate;
} Level;

static const Level levels[] = {
	{"freshness", FRESH},
	{"latency", FRESH},
	{"retention", RETENTION},
	{"frequency", FRESH},
	{"timeOfAvailability", DEADLINE},
	{"generalAvailability", START},
	{"endOfSupport", END},
	{"endOfLife", END},
	{"availability", OUTSIDE},
	{"throughput", OUTSIDE},
	{"errorRate", OUTSIDE},
	{"timeToDetect", OUTSIDE},
	{"timeToNotify", OUTSIDE},
	{"timeToRepair", OUTSIDE},
};

/* find_level returns what becomes of a service level, or NULL: it is not known. */
static const Level *
find_level(const char *word)
{
	const char *name = pgc_word_service_level(word);

	for (int i = 0; name != NULL && i < lengthof(levels); i++)
	{
		if (strcmp(levels[i].name, name) == 0)
			return &levels[i];
	}
	return NULL;
}

/* give_up_field gives a service level up because of one of its fields. */
static void
pg_attribute_printf(3, 4)
give_up_field(const PgcAsked *asked, const char *field, const char *format,...)
{
	const PgcNode *node = pgc_node_get(asked->node, field);
	va_list		arguments;
	char	   *reason;

	va_start(arguments, format);
	reason = pgc_message(format, arguments);
	va_end(arguments);
	pgc_plan_give_up(asked->planner, node ? node : asked->node, pgc_plan_path(asked->path, field), true, "%s", reason);
}

/*
 * interval_of returns a service level's value and unit as an interval (palloc'd),
 * or NULL and gives it up.  A value without unit is one of ISO 8601, P1Y.
 */
static char *
interval_of(const PgcAsked *asked, bool is_retention)
{
	const PgcNode *unit_node = pgc_node_get(asked->node, "unit");
	const char *value = pgc_node_get_text(asked->node, "value");
	const char *given = pgc_node_text(unit_node);
	double		seconds;
	const char *unit = given == NULL ? "" : pgc_word_unit(given, is_retention, &seconds);
	bool		is_number = value != NULL && value[0] != '\0' && strspn(value, "+-0123456789.eE") == strlen(value);

	if (value == NULL)
		pgc_asked_give_up(asked, true, "it has no value");
	else if (unit == NULL)
		pgc_asked_give_up(asked, true, "the unit \"%s\" is not known", given);
	else if (is_number && given == NULL)
		pgc_asked_give_up(asked, true, "the value %s has no unit", value);
	else if (!is_number && given == NULL && strchr("P0123456789", value[0]) == NULL)
		give_up_field(asked, "value", "\"%s\" is no duration, such as P1D, and has no unit", value);
	else if (!is_number && given != NULL)
		pgc_asked_give_up(asked, true, "the value \"%s\" is not a number of %s", value, unit);
	else
	{
		if (given != NULL && pg_strcasecmp(given, "m") == 0)
			pgc_remark(asked->planner->remarks, PGC_WARNING, unit_node, pgc_plan_path(asked->path, "unit"),
					   "the unit m is read as %s", unit)->hint = "Write minutes or months.";
		return given == NULL ? pstrdup(value) : psprintf("%s %s", value, unit);
	}
	return NULL;
}

/* plan_fresh adds the rule that a column's newest value is young enough. */
static void
plan_fresh(const PgcAsked *asked, const char *interval)
{
	PgcParameters parameters;

	pgc_parameters_begin(&parameters);
	pgc_parameters_text(&parameters, "max_age", interval);
	pgc_plan_add(asked, "fresh", list_make1(asked->property), pgc_parameters_end(&parameters));
}

/*
 * days_of sets the days of the week of a service level's schedule, NULL: any; gives it up
 * and returns false if it has other days.
 */
static bool
days_of(const PgcAsked *asked, const char **days)
{
	char	   *rest;
	char	   *fields[5];

	*days = NULL;
	if (asked->schedule == NULL)
		return true;
	rest = pstrdup(asked->schedule);
	for (int i = 0; i < lengthof(fields); i++)
	{
		fields[i] = rest + strspn(rest, " \t");
		rest = fields[i] + strcspn(fields[i], " \t");
		if (*rest != '\0')
			*rest++ = '\0';
	}
	/* @daily and the like are one word */
	if (fields[1][0] == '\0')
		return true;
	if (strcmp(fields[2], "*") != 0 || strcmp(fields[3], "*") != 0)
	{
		give_up_field(asked, "schedule", "a deadline is on days of the week, not of the month: \"%s\"", asked->schedule);
		return false;
	}
	if (strcmp(fields[4], "*") != 0)
		*days = fields[4];
	return true;
}

/* plan_deadline adds the rule that data of the day is there at a time of day. */
static void
plan_deadline(const PgcAsked *asked)
{
	const char *value = pgc_node_get_text(asked->node, "value");
	PgcParameters parameters;
	const char *zone;
	const char *days;
	int			seconds;

	if (!pgc_word_time(value, pgc_node_get_text(asked->node, "unit"), &seconds, &zone) || seconds % 60 != 0)
	{
		give_up_field(asked, "value", "\"%s\" is no time of day, such as 06:00 Europe/Berlin or 09:30-08:00",
					  value ? value : "");
		return;
	}
	if (!days_of(asked, &days))
		return;
	pgc_parameters_begin(&parameters);
	pgc_parameters_text(&parameters, "by", psprintf("%02d:%02d", seconds / 3600, seconds / 60 % 60));
	if (days != NULL)
		pgc_parameters_text(&parameters, "days", days);
	/* the rule must not change with the setting */
	pgc_parameters_text(&parameters, "time_zone", zone ? zone : pgc_default_zone);
	pgc_plan_add(asked, "fresh", list_make1(asked->property), pgc_parameters_end(&parameters));
}

/* plan_retention adds the rule that no row is too old; for audits: time passes without a write. */
static void
plan_retention(PgcAsked *asked, const char *interval)
{
	Oid			type = asked->property->type;

	if (type != DATEOID && type != TIMESTAMPOID && type != TIMESTAMPTZOID)
	{
		(void) pgc_remark(asked->planner->remarks, PGC_ERROR, asked->node, pgc_plan_path(asked->path, "element"),
						  "retention needs a column of dates or timestamps, but \"%s\" is of type %s",
						  NameStr(asked->property->column->name), format_type_be(type));
		return;
	}
	asked->action = PGC_AUDIT;
	if (asked->name == NULL)
		asked->name = psprintf("retention_%s", NameStr(asked->property->column->name));
	pgc_plan_satisfies(asked, "%s >= now() - %s::interval", pgc_plan_quoted(asked->property),
					   quote_literal_cstr(interval));
}

/* find_element sets object and property of an element's name; gives up and returns false if it has none. */
static bool
find_element(PgcAsked *asked, const char *name)
{
	PgcPlanner *planner = asked->planner;

	if (strchr(name, '.') == NULL && list_length(planner->list) == 1)
	{
		asked->object = linitial(planner->list);
		asked->property = pgc_names_find(asked->object->properties, name);
	}
	else
	{
		asked->object = pgc_plan_find_object(planner, name, &name);
		asked->property = asked->object == NULL ? NULL : pgc_names_find(asked->object->properties, name);
	}
	return asked->property != NULL;
}

/* plan_element plans a service level of one element. */
static void
plan_element(const PgcAsked *level, const char *name, Fate fate)
{
	PgcAsked	asked = *level;
	char	   *interval;

	if (!find_element(&asked, name))
		pgc_asked_give_up(level, true, "element \"%s\" is not a property of the document", name);
	else if (asked.property->layout == NULL)
		return;
	else if (fate == DEADLINE)
		plan_deadline(&asked);
	else if ((interval = interval_of(&asked, fate == RETENTION)) != NULL)
	{
		if (fate == RETENTION)
			plan_retention(&asked, interval);
		else
			plan_fresh(&asked, interval);
	}
}

/* plan_elements plans a service level of the elements that it names, between commas. */
static void
plan_elements(const PgcAsked *asked, Fate fate)
{
	const char *given = pgc_node_get_text(asked->node, "element");
	char	   *rest;
	char	   *name;

	if (given == NULL)
		given = pgc_node_get_text(asked->planner->root, "slaDefaultElement");
	if (given == NULL)
	{
		pgc_asked_give_up(asked, true, "it does not say which element: give object.property");
		return;
	}
	rest = pstrdup(given);
	while ((name = strsep(&rest, ",")) != NULL)
	{
		int			length;

		name += strspn(name, " \t\n");
		length = strlen(name);
		while (length > 0 && strchr(" \t\n", name[length - 1]) != NULL)
			name[--length] = '\0';
		plan_element(asked, name, fate);
	}
}

/*
 * instant_of reads a date, perhaps with a time and a time zone; returns a text that is
 * the same time in every session (palloc'd), or NULL and gives it up.
 */
static char *
instant_of(const PgcAsked *asked, TimestampTz *instant)
{
	const char *value = pgc_node_get_text(asked->node, "value");
	const char *zone = NULL;
	struct pg_tm tm = {0};
	int			seconds = 0;
	int			length = 0;
	char	   *text_form;

	if (value == NULL || sscanf(value, "%4d-%2d-%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &length) != 3 ||
		ValidateDate(DTK_DATE_M, false, false, false, &tm) != 0 ||
		(value[length] != '\0' && (strchr("T ", value[length]) == NULL ||
								   !pgc_word_time(value + length + 1, NULL, &seconds, &zone))))
	{
		give_up_field(asked, "value", "\"%s\" is no date, such as 2030-12-31 or 2030-12-31T12:00:00Z",
					  value ? value : "");
		return NULL;
	}
	text_form = psprintf("%04d-%02d-%02d %02d:%02d:%02d %s", tm.tm_year, tm.tm_mon, tm.tm_mday,
						 seconds / 3600, seconds / 60 % 60, seconds % 60, zone ? zone : pgc_default_zone);
	*instant = DatumGetTimestampTz(DirectFunctionCall3(timestamptz_in, CStringGetDatum(text_form),
													   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	return text_form;
}

/* plan_end adds to all objects the rule that a time has not come yet. */
static void
plan_end(PgcAsked *asked, const Level *level, const char *ends)
{
	bool		of_life = strcmp(level->name, "endOfLife") == 0;
	ListCell   *cell;

	asked->severity = of_life ? "error" : "warning";
	if (asked->name == NULL)
		asked->name = of_life ? "end_of_life" : "end_of_support";
	foreach(cell, asked->planner->list)
	{
		PgcParameters parameters;

		asked->object = lfirst(cell);
		pgc_parameters_begin(&parameters);
		pgc_parameters_text(&parameters, "ends", ends);
		pgc_plan_add(asked, "lifecycle", NIL, pgc_parameters_end(&parameters));
	}
}

/* plan_life plans the beginning or an end of the data's life, and remarks on one that is past, or to come. */
static void
plan_life(PgcAsked *asked, const Level *level)
{
	const PgcNode *value = pgc_node_get(asked->node, "value");
	char	   *path = pgc_plan_path(asked->path, "value");
	TimestampTz instant;
	char	   *text_form = instant_of(asked, &instant);

	if (text_form == NULL)
		return;
	if (level->fate == START)
	{
		if (instant > GetCurrentTimestamp())
			pgc_remark(asked->planner->remarks, PGC_INFO, value, path, "not generally available before %s", pgc_node_text(value));
		return;
	}
	if (instant <= GetCurrentTimestamp())
		pgc_remark(asked->planner->remarks, PGC_WARNING, value, path, "%s was %s", level->name, pgc_node_text(value))
			->hint = "Say another date, or set the status to deprecated or retired.";
	plan_end(asked, level, text_form);
}

/* plan_level plans a service level. */
static void
plan_level(PgcPlanner *planner, const PgcNode *node, const PgcPath *path)
{
	PgcAsked	asked = {.planner = planner,.node = node,.path = path,.severity = "error"};
	const char *name = pgc_node_get_text(node, "property");
	const PgcNode *more = pgc_node_get(node, "valueExt");
	const Level *level = find_level(name);

	asked.name = pgc_node_get_text(node, "id");
	pgc_plan_check_name(&asked);
	asked.description = pgc_node_get_text(node, "description");
	asked.schedule = pgc_plan_schedule(planner, node, path);
	if (name == NULL)
		return;
	if (pgc_node_text(more) != NULL && level != NULL && level->fate != OUTSIDE &&
		!pgc_node_equal(more, pgc_node_get(node, "value")))
		pgc_remark(planner->remarks, PGC_WARNING, more, pgc_plan_path(path, "valueExt"),
				   "what valueExt means for %s is not defined: it is not looked at", level->name);
	if (level == NULL)
		pgc_asked_give_up(&asked, false, "\"%s\" is not a service level that is known here", name);
	else if (level->fate == START || level->fate == END)
		plan_life(&asked, level);
	else if (level->fate == OUTSIDE)
		pgc_asked_give_up(&asked, false, "%s cannot be observed from inside the database", level->name);
	else
		plan_elements(&asked, level->fate);
}

/* pgc_plan_sla plans the contract's service levels. */
void
pgc_plan_sla(PgcPlanner *planner)
{
	const PgcNode *list = pgc_node_get(planner->root, "slaProperties");

	for (int i = 0; pgc_node_is(list, PGC_NODE_LIST) && i < list->count; i++)
		plan_level(planner, list->content.items[i],
				   pgc_plan_element(NULL, "slaProperties", list->content.items[i], i));
}
