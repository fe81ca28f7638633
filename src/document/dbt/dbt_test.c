/*
 * src/document/dbt/dbt_test.c
 *		What dbt's data tests have in common: how they are written, configured,
 *		and when they fail.
 *
 * A test is a name, or a map of the name to its arguments; arguments may be nested
 * in "arguments" (from dbt 1.10 on) and configuration in "config", or stand beside
 * each other.  By severity error a test fails by error_if and else warns by
 * warn_if, so it may become two rules; by severity warn only warn_if counts.
 */
#include "postgres.h"

#include "document/dbt/dbt.h"
#include "document/shape.h"
#include "utils/builtins.h"

/* Fields of a test that are no arguments. */
static const char *const common_fields[] = {
	"name", "description", "config", "arguments", "column_name", "test_name", "row_condition",
	"severity", "where", "warn_if", "error_if", "enabled", "limit", "fail_calc", "store_failures",
	"store_failures_as", "tags", "meta", "group", "schema", "alias", "database", NULL
};

static bool
is_among(const char *const *words, const char *word)
{
	for (; *words != NULL; words++)
	{
		if (strcmp(*words, word) == 0)
			return true;
	}
	return false;
}

/* option returns an option of a test, wherever it stands. */
static const PgcNode *
option(const PgcDbtTest *test, const char *name)
{
	const PgcNode *places[] = {
		pgc_node_get(test->arguments, "config"), test->arguments, pgc_node_get(test->node, "config"), test->node
	};

	for (int i = 0; i < lengthof(places); i++)
	{
		const PgcNode *value = pgc_node_get(places[i], name);

		if (value != NULL && !pgc_node_is(value, PGC_NODE_NULL))
			return value;
	}
	return NULL;
}

static const char *
option_text(const PgcDbtTest *test, const char *name)
{
	return pgc_node_text(option(test, name));
}

/* pgc_dbt_argument returns an argument of a test, or NULL. */
const PgcNode *
pgc_dbt_argument(const PgcDbtTest *test, const char *name)
{
	const PgcNode *value = pgc_node_get(pgc_node_get(test->arguments, "arguments"), name);

	if (value == NULL)
		value = pgc_node_get(test->arguments, name);
	return pgc_node_is(value, PGC_NODE_NULL) ? NULL : value;
}

/* unknown_argument returns an argument that is not among those known, or NULL. */
static const char *
unknown_argument(const PgcNode *arguments, const char *type, const char *const *known)
{
	for (int i = 0; pgc_node_is(arguments, PGC_NODE_MAP) && i < arguments->count; i++)
	{
		const char *name = pgc_node_text(arguments->content.pairs[i].key);

		if (name == NULL || (!is_among(common_fields, name) && !is_among(known, name) && strcmp(name, type) != 0))
			return name ? name : "null";
	}
	return NULL;
}

/* pgc_dbt_unknown_argument does so for a test, what is nested in it and what stands beside it. */
const char *
pgc_dbt_unknown_argument(const PgcDbtTest *test, const char *const *known)
{
	const PgcNode *places[] = {
		test->node, test->arguments, pgc_node_get(test->arguments, "arguments")
	};

	for (int i = 0; i < lengthof(places); i++)
	{
		const char *name = unknown_argument(places[i], test->type, known);

		if (name != NULL)
			return name;
	}
	return NULL;
}

/* pgc_dbt_is_plain says whether a test is no more than its name and arguments. */
bool
pgc_dbt_is_plain(const PgcDbtTest *test)
{
	return !test->warns && test->filter == NULL && test->warn_if == NULL && test->error_if == NULL &&
		test->name == NULL && test->description == NULL;
}

/* pgc_dbt_element returns what a test is about: a property, or an object. */
PgcNode *
pgc_dbt_element(const PgcDbtTest *test)
{
	return test->property ? test->property : test->relation->object;
}

/* finish_item gives a quality item what it has of its test. */
static void
finish_item(const PgcDbtTest *test, PgcNode *item, bool warns)
{
	item->line = test->node->line;
	pgc_shape_set_text(item, "description", test->description);
	if (warns)
		pgc_shape_set_text(item, "severity", "warning");
	if (test->filter != NULL)
		pgc_shape_add_custom_property(item, "filter", pgc_node_make_string(test->filter));
}

/* add_level adds a quality item, a copy of the one given, that fails when a threshold says. */
static void
add_level(const PgcDbtTest *test, const PgcNode *pattern, const char *threshold, bool warns,
		  const char *suffix)
{
	PgcNode    *item = pgc_node_append(pgc_shape_list(pgc_dbt_element(test), "quality"),
									   pgc_node_make_map());
	PgcDbtThreshold must = {"mustBe", pgc_dbt_number("0")};

	if (threshold != NULL)
		pgc_dbt_parse_threshold(threshold, &must);
	if (test->name != NULL)
		pgc_shape_set_text(item, "name", psprintf("%s%s", test->name, suffix));
	for (int i = 0; i < pattern->count; i++)
		pgc_node_set(item, pgc_node_text(pattern->content.pairs[i].key),
					 pgc_node_copy(pattern->content.pairs[i].value));
	pgc_node_set(item, must.operator, must.value);
	finish_item(test, item, warns);
}

/* add_levels adds the one or two quality items that a test is. */
static void
add_levels(const PgcDbtTest *test, const PgcNode *pattern)
{
	if (test->warns)
	{
		add_level(test, pattern, test->warn_if, true, "");
		return;
	}
	add_level(test, pattern, test->error_if, false, "");

	/*
	 * what is less than an error may be a warning, unless anything is an
	 * error
	 */
	if (test->error_if != NULL && (test->warn_if == NULL || strcmp(test->warn_if, test->error_if) != 0))
		add_level(test, pattern, test->warn_if, true, "_warn");
}

/* pgc_dbt_add_check adds a check of the standard's library, with an argument unless that is NULL. */
void
pgc_dbt_add_check(const PgcDbtTest *test, const char *metric, const char *argument, const PgcNode *value)
{
	PgcNode    *pattern = pgc_node_make_map();

	pgc_shape_set_text(pattern, "type", "library");
	pgc_shape_set_text(pattern, "metric", metric);
	if (argument != NULL)
		pgc_node_set(pgc_node_set(pattern, "arguments", pgc_node_make_map()), argument,
					 pgc_node_copy(value));
	add_levels(test, pattern);
}

/* leave_out_threshold says that a rule counts nothing that a threshold could be about. */
static void
leave_out_threshold(PgcDbt *dbt, const PgcDbtTest *test)
{
	if ((test->warns ? test->warn_if : test->error_if) != NULL)
		pgc_dbt_leave_out(dbt, test->node->line, "the threshold of test \"%s\", which fails by any row now",
						  test->type);
}

/* pgc_dbt_add_rule adds a rule of one of our kinds. */
void
pgc_dbt_add_rule(PgcDbt *dbt, const PgcDbtTest *test, const char *kind, PgcNode *parameters)
{
	List	   *columns = test->column ? list_make1(pstrdup(test->column)) : NIL;
	PgcNode    *item = pgc_shape_add_rule(pgc_dbt_element(test), test->name, kind, columns, parameters);

	finish_item(test, item, test->warns);
	leave_out_threshold(dbt, test);
}

/* pgc_dbt_add_range adds a check that a number is in a range, of which one end may be NULL. */
void
pgc_dbt_add_range(PgcDbt *dbt, const PgcDbtTest *test, const char *metric, const char *unit,
				  PgcNode *minimum, PgcNode *maximum)
{
	PgcNode    *item = pgc_node_append(pgc_shape_list(pgc_dbt_element(test), "quality"),
									   pgc_node_make_map());
	PgcNode    *both;

	pgc_shape_set_text(item, "name", test->name);
	pgc_shape_set_text(item, "type", "library");
	pgc_shape_set_text(item, "metric", metric);
	pgc_shape_set_text(item, "unit", unit);
	if (minimum == NULL)
		pgc_node_set(item, "mustBeLessOrEqualTo", maximum);
	else if (maximum == NULL)
		pgc_node_set(item, "mustBeGreaterOrEqualTo", minimum);
	else if (strcmp(pgc_node_text(minimum), pgc_node_text(maximum)) == 0)
		pgc_node_set(item, "mustBe", minimum);
	else
	{
		both = pgc_node_set(item, "mustBeBetween", pgc_node_make_list());
		pgc_node_append(both, minimum);
		pgc_node_append(both, maximum);
	}
	finish_item(test, item, test->warns);
	leave_out_threshold(dbt, test);
}

/*
 * pgc_dbt_add_condition adds a condition that no row may fail: a rule, or with a
 * threshold a query that counts the rows that do.
 */
void
pgc_dbt_add_condition(PgcDbt *dbt, const PgcDbtTest *test, const char *expression)
{
	PgcNode    *map = pgc_node_make_map();
	PgcDbtTest	counted = *test;

	if (test->warn_if == NULL && test->error_if == NULL)
	{
		pgc_shape_set_text(map, "expression", expression);
		counted.column = NULL;
		pgc_dbt_add_rule(dbt, &counted, "satisfies", map);
		return;
	}
	pgc_shape_set_text(map, "type", "sql");
	pgc_shape_set_text(map, "query",
					   psprintf("SELECT count(*) FROM {object} WHERE NOT (%s)%s", expression,
								test->filter ? psprintf(" AND (%s)", test->filter) : ""));
	counted.filter = NULL;
	add_levels(&counted, map);
}

/* has_jinja_inside says whether there is a template in a node, but for the literal target of a test. */
static bool
has_jinja_inside(const PgcNode *node)
{
	if (pgc_node_is_scalar(node))
		return pgc_dbt_has_jinja(pgc_node_text(node));
	for (int i = 0; node != NULL && i < node->count; i++)
	{
		if (pgc_node_is(node, PGC_NODE_LIST) ? has_jinja_inside(node->content.items[i]) :
			!(pgc_node_text(node->content.pairs[i].key) != NULL &&
			  strcmp(pgc_node_text(node->content.pairs[i].key), "to") == 0) &&
			has_jinja_inside(node->content.pairs[i].value))
			return true;
	}
	return false;
}

/* read_name finds out which test is written, and where its arguments are; false: nothing that is a test. */
static bool
read_name(PgcDbtTest *test)
{
	const PgcNode *node = test->node;

	if (pgc_node_is_scalar(node))
		test->type = pgc_node_text(node);
	else if (pgc_node_get_text(node, "test_name") != NULL)
	{
		test->type = pgc_node_get_text(node, "test_name");
		test->arguments = node;
	}
	for (int i = 0; test->type == NULL && pgc_node_is(node, PGC_NODE_MAP) && i < node->count; i++)
	{
		const char *key = pgc_node_text(node->content.pairs[i].key);

		if (key == NULL || is_among(common_fields, key))
			continue;
		test->type = key;
		test->arguments = node->content.pairs[i].value;
	}
	return test->type != NULL;
}

/* joined returns two conditions that must both hold; either may be NULL. */
static const char *
joined(const char *left, const char *right)
{
	if (left == NULL || right == NULL)
		return left ? left : right;
	return psprintf("(%s) AND (%s)", left, right);
}

/* read_options reads how a test is configured; what keeps it from being carried, or NULL. */
static const char *
read_options(PgcDbtTest *test)
{
	PgcDbtThreshold threshold;
	const char *severity = option_text(test, "severity");
	const PgcNode *enabled = option(test, "enabled");

	test->name = option_text(test, "name");
	test->description = option_text(test, "description");
	test->filter = joined(option_text(test, "where"), pgc_node_text(pgc_dbt_argument(test, "row_condition")));
	test->warns = severity != NULL && pg_strcasecmp(severity, "warn") == 0;
	test->warn_if = option_text(test, "warn_if");
	test->error_if = option_text(test, "error_if");
	if (has_jinja_inside(test->node))
		return "which has Jinja";
	if (enabled != NULL && !pgc_node_is_true(enabled))
		return "which is not enabled";
	if (option(test, "fail_calc") != NULL)
		return "which has a fail_calc";
	if ((test->warn_if != NULL && !pgc_dbt_parse_threshold(test->warn_if, &threshold)) ||
		(test->error_if != NULL && !pgc_dbt_parse_threshold(test->error_if, &threshold)))
		return "of which warn_if or error_if is no comparison with a number";
	return NULL;
}

/* carry_test carries one test, if it can. */
static void
carry_test(PgcDbt *dbt, PgcDbtRelation *relation, PgcNode *property, const PgcNode *node)
{
	PgcDbtTest	test = {.node = node,.relation = relation,.property = property};
	const char *reason;
	const char *column;

	if (!read_name(&test))
	{
		pgc_dbt_leave_out(dbt, node->line, "a test without a name");
		return;
	}
	reason = read_options(&test);
	column = pgc_node_text(pgc_dbt_argument(&test, "column_name"));
	if (reason == NULL && property == NULL && column != NULL)
		test.property = pgc_dbt_property(relation, column);
	test.column = pgc_node_get_text(test.property, "name");
	if (reason == NULL && !pgc_dbt_use(relation, test.filter))
		reason = "of which the filter is no condition to PostgreSQL";
	if (reason == NULL)
		reason = pgc_dbt_convert_test(dbt, &test);
	if (reason != NULL)
		pgc_dbt_leave_out(dbt, node->line, "test \"%s\", %s", test.type, reason);
	else if (option(&test, "limit") != NULL)
		pgc_dbt_leave_out(dbt, option(&test, "limit")->line, "the limit of test \"%s\"", test.type);
}

/* pgc_dbt_tests carries the tests of a column's property, or with NULL of the relation. */
void
pgc_dbt_tests(PgcDbt *dbt, PgcDbtRelation *relation, PgcNode *property, const PgcNode *node)
{
	const PgcNode *lists[] = {pgc_node_get(node, "tests"), pgc_node_get(node, "data_tests")};

	for (int i = 0; i < lengthof(lists); i++)
	{
		for (int j = 0; pgc_node_is(lists[i], PGC_NODE_LIST) && j < lists[i]->count; j++)
			carry_test(dbt, relation, property, lists[i]->content.items[j]);
	}
}
