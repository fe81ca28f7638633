/*
 * src/document/plan/sla.c
 *		Service levels: freshness and latency become rules of kind fresh,
 *		retention a row rule for audits; the rest is said not to be enforced.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "document/plan/plan.h"
#include "utils/builtins.h"

/* What becomes of a service level. */
typedef enum Fate
{
	FRESH,
	RETENTION,
	LATER,						/* asks for a check that is not made */
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
	{"frequency", LATER},
	{"timeOfAvailability", LATER},
	{"generalAvailability", LATER},
	{"endOfSupport", LATER},
	{"endOfLife", LATER},
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

/* unit_of returns a unit of time as PostgreSQL's, or NULL; m is minutes, for retention months. */
static const char *
unit_of(const char *unit, bool is_retention)
{
	static const char *const units[][6] = {
		{"seconds", "s", "sec", "secs", "second"},
		{"minutes", "min", "mins", "minute"},
		{"hours", "h", "hr", "hrs", "hour"},
		{"days", "d", "day"},
		{"weeks", "w", "wk", "week"},
		{"months", "mo", "mon", "mth", "month"},
		{"years", "y", "yr", "yrs", "year"},
	};

	if (pg_strcasecmp(unit, "m") == 0)
		return is_retention ? "months" : "minutes";
	for (int i = 0; i < lengthof(units); i++)
	{
		for (int j = 0; j < lengthof(units[i]) && units[i][j] != NULL; j++)
		{
			if (pg_strcasecmp(units[i][j], unit) == 0)
				return units[i][0];
		}
	}
	return NULL;
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
	const char *unit = given == NULL ? "" : unit_of(given, is_retention);
	bool		is_number = value != NULL && value[0] != '\0' && strspn(value, "+-0123456789.eE") == strlen(value);

	if (value == NULL)
		pgc_asked_give_up(asked, true, "it has no value");
	else if (unit == NULL)
		pgc_asked_give_up(asked, true, "the unit \"%s\" is not known", given);
	else if (is_number && given == NULL)
		pgc_asked_give_up(asked, true, "the value %s has no unit", value);
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
plan_element(const PgcAsked *level, const char *name, bool is_retention)
{
	PgcAsked	asked = *level;
	char	   *interval;

	if (!find_element(&asked, name))
		pgc_asked_give_up(level, true, "element \"%s\" is not a property of the document", name);
	else if (asked.property->layout != NULL && (interval = interval_of(&asked, is_retention)) != NULL)
	{
		if (is_retention)
			plan_retention(&asked, interval);
		else
			plan_fresh(&asked, interval);
	}
}

/* plan_elements plans a service level of the elements that it names, between commas. */
static void
plan_elements(const PgcAsked *asked, bool is_retention)
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
		plan_element(asked, name, is_retention);
	}
}

/* plan_level plans a service level. */
static void
plan_level(PgcPlanner *planner, const PgcNode *node, const PgcPath *path)
{
	PgcAsked	asked = {.planner = planner,.node = node,.path = path,.severity = "error"};
	const char *scheduler = pgc_node_get_text(node, "scheduler");
	const char *name = pgc_node_get_text(node, "property");
	const Level *level = find_level(name);

	asked.name = pgc_node_get_text(node, "id");
	asked.description = pgc_node_get_text(node, "description");
	if (scheduler == NULL || pg_strcasecmp(scheduler, "cron") == 0)
		asked.schedule = pgc_node_get_text(node, "schedule");
	if (name == NULL)
		return;
	if (level == NULL)
		pgc_asked_give_up(&asked, false, "\"%s\" is not a service level that is known here", name);
	else if (level->fate == LATER)
		pgc_asked_give_up(&asked, true, "%s is not checked by this version", level->name);
	else if (level->fate == OUTSIDE)
		pgc_asked_give_up(&asked, false, "%s cannot be observed from inside the database", level->name);
	else
		plan_elements(&asked, level->fate == RETENTION);
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
