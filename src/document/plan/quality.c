/*
 * src/document/plan/quality.c
 *		Quality checks of properties and objects: of the library, as SQL, of our
 *		own engine.
 *
 * The common fields are read here, and the operator, which says what the number
 * that a check counts must be.  Two operators are an error already (odcs.c).
 */
#include "postgres.h"

#include <ctype.h>

#include "document/plan/plan.h"
#include "utils/builtins.h"

/* number_in returns a scalar's text if it is a number that a numeric can be, else NULL. */
static const char *
number_in(const PgcNode *node)
{
	const char *text = pgc_node_text(node);
	char	   *end;

	if (text == NULL || text[0] == '\0' || strlen(text) > 1000 || strspn(text, "+-0123456789.eE") != strlen(text))
		return NULL;
	errno = 0;
	(void) strtod(text, &end);
	return *end == '\0' && errno == 0 ? text : NULL;
}

/* pgc_plan_tolerance returns a check's tolerance, a fraction, or NULL; others are remarked on. */
const char *
pgc_plan_tolerance(const PgcAsked *asked, const PgcNode *node)
{
	const char *text = number_in(node);

	if (node == NULL)
		return NULL;
	if (text !=NULL && strtod(text, NULL) >= 0 && strtod(text, NULL) <= 1)
		return text;

	pgc_remark(asked->planner->remarks, PGC_ERROR, node, pgc_plan_path(asked->path, NULL),
			   "tolerance must be a number between 0 and 1")->hint = "0.01 lets one row of hundred fail.";
	return NULL;
}

/*
 * runbook_of returns what to do if a check fails: its custom property runbook, else
 * the address of its authoritative definition of that type; or NULL.
 */
static const char *
runbook_of(PgcPlanner *planner, const PgcNode *node, const PgcPath *path)
{
	const char *given = pgc_custom_text(planner, node, path, "runbook");
	const PgcNode *list = pgc_node_get(node, "authoritativeDefinitions");

	for (int i = 0; given == NULL && pgc_node_is(list, PGC_NODE_LIST) && i < list->count; i++)
	{
		const char *type = pgc_node_get_text(list->content.items[i], "type");

		if (type != NULL && pg_strcasecmp(type, "runbook") == 0)
			given = pgc_node_get_text(list->content.items[i], "url");
	}
	return given == NULL || given[0] == '\0' ? NULL : given;
}

/* read_item returns who asks with a quality check, with its common fields. */
static PgcAsked
read_item(PgcPlanner *planner, PgcObject *object, PgcProperty *property, const PgcNode *node, const PgcPath *path)
{
	static const char *const severities[] = {"info", "warning", "error"};
	PgcAsked	asked = pgc_plan_asked(planner, object, property, node, path);

	asked.name = pgc_node_get_text(node, "name");
	if (asked.name == NULL)
		asked.name = pgc_node_get_text(node, "id");
	pgc_plan_check_name(&asked);
	asked.description = pgc_node_get_text(node, "description");
	asked.severity = severities[pgc_word_severity(pgc_node_get_text(node, "severity"))];
	asked.schedule = pgc_plan_schedule(planner, node, path);
	asked.runbook = runbook_of(planner, node, path);
	asked.filter = pgc_custom_text(planner, node, path, "filter");
	asked.tolerance = pgc_plan_tolerance(&asked, pgc_custom_get(node, "tolerance"));
	asked.own_action = pgc_custom_action(planner, node, path, &asked.action);
	return asked;
}

/* read_range reads mustBeBetween and mustNotBeBetween. */
static bool
read_range(PgcOperator *operator)
{
	const PgcNode *list = operator->node;

	if (!pgc_node_is(list, PGC_NODE_LIST) || list->count != 2)
		return false;
	operator->minimum = number_in(list->content.items[0]);
	operator->maximum = number_in(list->content.items[1]);
	return operator->minimum != NULL && operator->maximum != NULL;
}

/* read_values fills what an operator wants; false: its value is no number. */
static bool
read_values(PgcOperator *operator)
{
	const char *number = number_in(operator->node);
	const char *name = operator->name + strlen("must");
	bool		is_least = strcmp(name, "BeGreaterThan") == 0 || strcmp(name, "BeGreaterOrEqualTo") == 0;
	bool		is_most = strcmp(name, "BeLessThan") == 0 || strcmp(name, "BeLessOrEqualTo") == 0;

	operator->outside = strncmp(name, "Not", 3) == 0;
	if (strstr(name, "Between") != NULL)
		return read_range(operator);
	if (is_least || is_most)
	{
		*(is_least ? &operator->minimum : &operator->maximum) = number;
		operator->exclusive_minimum = is_least && strcmp(name, "BeGreaterThan") == 0;
		operator->exclusive_maximum = is_most && strcmp(name, "BeLessThan") == 0;
		return number != NULL;
	}
	operator->is_text = number == NULL;
	operator->minimum = operator->maximum = pgc_node_text(operator->node);
	return operator->minimum != NULL;
}

/* read_operator reads a check's operator; false: it is not to be used, which is remarked on. */
static bool
read_operator(const PgcAsked *asked, PgcOperator *operator)
{
	memset(operator, 0, sizeof(PgcOperator));
	operator->percent = pgc_check_is_percent(asked->node);
	for (int i = 0; pgc_check_operators[i] != NULL && operator->node == NULL; i++)
	{
		operator->node = pgc_node_get(asked->node, pgc_check_operators[i]);
		operator->name = pgc_check_operators[i];
	}
	if (operator->node == NULL || read_values(operator))
		return true;
	(void) pgc_remark(asked->planner->remarks, PGC_ERROR, operator->node, pgc_plan_path(asked->path, operator->name),
					  "%s is not given as it must be", operator->name);
	return false;
}

/* pgc_plan_range pushes an operator's range as minimum and maximum. */
void
pgc_plan_range(PgcParameters *parameters, const PgcOperator *operator)
{
	if (operator->minimum != NULL)
		pgc_parameters_number(parameters, "minimum", operator->minimum);
	if (operator->exclusive_minimum)
		pgc_parameters_true(parameters, "exclusive_minimum");
	if (operator->maximum != NULL)
		pgc_parameters_number(parameters, "maximum", operator->maximum);
	if (operator->exclusive_maximum)
		pgc_parameters_true(parameters, "exclusive_maximum");
}

/* without_end returns a query without a semicolon at its end (palloc'd). */
static char *
without_end(const char *query)
{
	int			length = strlen(query);

	while (length > 0 && (isspace((unsigned char) query[length - 1]) || query[length - 1] == ';'))
		length--;
	return pnstrdup(query, length);
}

/* condition_of returns what must hold of a query's answer, called found, that has no range. */
static char *
condition_of(const PgcOperator *operator)
{
	if (operator->is_text)
		return psprintf("found %s %s", operator->outside ? "<>" : "=", quote_literal_cstr(operator->minimum));
	return psprintf("found::numeric NOT BETWEEN %s AND %s",
					quote_literal_cstr(operator->minimum), quote_literal_cstr(operator->maximum));
}

/*
 * pgc_plan_query adds a rule that a query's first value is as the operator wants.
 * What is no range of numbers is asked by a query around it, which returns the
 * value if it is wrong.
 */
void
pgc_plan_query(const PgcAsked *asked, const PgcOperator *operator, const char *query)
{
	bool		is_range = !operator->outside && !operator->is_text;
	char	   *sql = without_end(query);
	PgcParameters parameters;

	/* a line of its own: the query may end in a comment */
	if (!is_range)
		sql = psprintf("SELECT found FROM (SELECT (SELECT * FROM (\n%s\n) AS query LIMIT 1) AS found) AS answer"
					   " WHERE (%s) IS NOT TRUE", sql, condition_of(operator));
	pgc_parameters_begin(&parameters);
	pgc_parameters_text(&parameters, "query", sql);
	if (is_range)
		pgc_plan_range(&parameters, operator);
	pgc_plan_add(asked, "query", NIL, pgc_parameters_end(&parameters));
}

/* plan_library plans a check of the standard's library. */
static void
plan_library(const PgcAsked *asked)
{
	const char *written = pgc_node_get_text(asked->node, "metric");
	const char *rule = pgc_node_get_text(asked->node, "rule");
	const char *metric = pgc_word_metric(written ? written : rule);
	PgcOperator operator;

	if (metric == NULL)
	{
		if (rule == NULL)
			pgc_asked_give_up(asked, false, "it is described in words only");
		else
			pgc_asked_give_up(asked, true, "rule \"%s\" is not one of the standard's metrics", rule);
	}
	else if (!read_operator(asked, &operator))
		return;
	else if (operator.node == NULL)
		pgc_asked_give_up(asked, true, "it has no operator, such as mustBe");
	else if (operator.is_text)
		(void) pgc_remark(asked->planner->remarks, PGC_ERROR, operator.node,
						  pgc_plan_path(asked->path, operator.name), "%s of a count must be a number", operator.name);
	else
		pgc_plan_metric(asked, &operator, metric);
}

/* plan_sql plans a check that is a query. */
static void
plan_sql(const PgcAsked *asked)
{
	const PgcNode *query = pgc_node_get(asked->node, "query");
	PgcOperator operator;
	char	   *replaced;

	if (pgc_node_text(query) == NULL || !read_operator(asked, &operator))
		return;
	if (operator.node == NULL)
		pgc_asked_give_up(asked, true, "it has no operator, such as mustBe");
	else if ((replaced = pgc_plan_replace(asked, query)) != NULL)
		pgc_plan_query(asked, &operator, replaced);
}

/* pgc_plan_quality plans the checks of a property, or (NULL) of an object. */
void
pgc_plan_quality(PgcPlanner *planner, PgcObject *object, PgcProperty *property)
{
	const PgcNode *node = property != NULL ? property->column->node : object->dataset->node;
	const PgcPath *path = property != NULL ? property->path : object->path;
	const PgcNode *list = pgc_node_get(node, "quality");

	for (int i = 0; pgc_node_is(list, PGC_NODE_LIST) && i < list->count; i++)
	{
		const PgcNode *item = list->content.items[i];
		const char *type = pgc_node_get_text(item, "type");
		PgcAsked	asked = read_item(planner, object, property, item,
									  pgc_plan_element(path, "quality", item, i));

		if (type == NULL || strcmp(type, "library") == 0)
			plan_library(&asked);
		else if (strcmp(type, "sql") == 0)
			plan_sql(&asked);
		else if (strcmp(type, "custom") == 0)
			pgc_plan_engine(&asked);
		else
			pgc_asked_give_up(&asked, false, "it is described in words only");
	}
}
