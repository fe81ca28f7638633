/*
 * src/document/dbt/dbt_tests.c
 *		The data tests that are known, of dbt itself, dbt_utils and
 *		dbt_expectations, and what they become.
 *
 * A test that is no more than its name becomes a field of the standard where there
 * is one: required, unique, relationships, minimum, pattern, ...; else a quality
 * rule.
 */
#include "postgres.h"

#include "document/dbt/dbt.h"
#include "document/diff/diff.h"
#include "document/shape.h"
#include "utils/builtins.h"

/* Carries a test; returns why it cannot, or NULL.  "which has ..." */
typedef const char *(*Converter) (PgcDbt *dbt, PgcDbtTest *test);

#define MAX_ARGUMENTS 8

typedef struct KnownTest
{
	const char *type;
	bool		of_column;		/* else of a relation, or of either */
	Converter	convert;
	const char *arguments[MAX_ARGUMENTS];	/* NULL at the end */
} KnownTest;

static const char *
argument_text(const PgcDbtTest *test, const char *name)
{
	return pgc_node_text(pgc_dbt_argument(test, name));
}

/* set_flag sets a flag of the standard, if the test is no more than that. */
static bool
set_flag(const PgcDbtTest *test, const char *flag)
{
	if (!pgc_dbt_is_plain(test))
		return false;
	pgc_node_set(test->property, flag, pgc_node_make_bool(true));
	return true;
}

static const char *
convert_not_null(PgcDbt *dbt, PgcDbtTest *test)
{
	if (!set_flag(test, "required"))
		pgc_dbt_add_check(test, "nullValues", NULL, NULL);
	return NULL;
}

static const char *
convert_unique(PgcDbt *dbt, PgcDbtTest *test)
{
	if (!set_flag(test, "unique"))
		pgc_dbt_add_check(test, "duplicateValues", NULL, NULL);
	return NULL;
}

/* is_list_of_values says whether a node is a list of scalars, none of them null. */
static bool
is_list_of_values(const PgcNode *list)
{
	for (int i = 0; pgc_node_is(list, PGC_NODE_LIST) && i < list->count; i++)
	{
		if (pgc_node_text(list->content.items[i]) == NULL)
			return false;
	}
	return pgc_node_is(list, PGC_NODE_LIST) && list->count > 0;
}

/* accept carries a list of allowed values. */
static const char *
accept(PgcDbt *dbt, PgcDbtTest *test, const PgcNode *values)
{
	if (!is_list_of_values(values))
		return "of which the values are no list";
	pgc_dbt_add_check(test, "invalidValues", "validValues", values);
	if (test->warn_if != NULL || test->error_if != NULL)
		pgc_dbt_leave_out(dbt, test->node->line, "that a threshold of test \"%s\" is about different values, not rows",
						  test->type);
	return NULL;
}

static const char *
convert_accepted_values(PgcDbt *dbt, PgcDbtTest *test)
{
	return accept(dbt, test, pgc_dbt_argument(test, "values"));
}

static const char *
convert_in_set(PgcDbt *dbt, PgcDbtTest *test)
{
	return accept(dbt, test, pgc_dbt_argument(test, "value_set"));
}

static const char *
convert_not_in_set(PgcDbt *dbt, PgcDbtTest *test)
{
	const PgcNode *values = pgc_dbt_argument(test, "value_set");
	PgcNode    *parameters = pgc_node_make_map();

	if (!is_list_of_values(values))
		return "of which the values are no list";
	pgc_node_set(parameters, "values", pgc_node_copy(values));
	pgc_dbt_add_rule(dbt, test, "forbidden_values", parameters);
	return NULL;
}

/* convert_relationships: a relationship, or with a severity or filter of its own a rule. */
static const char *
convert_relationships(PgcDbt *dbt, PgcDbtTest *test)
{
	const char *field = argument_text(test, "field");
	PgcDbtRelation *target;
	char	   *name = pgc_dbt_target(dbt, argument_text(test, "to"), &target);
	const char *physical;
	PgcNode    *parameters;

	if (name == NULL || field == NULL)
		return "which needs a literal ref or source, and a field";
	if (target != NULL)
		pgc_dbt_property(target, field);
	if (pgc_dbt_is_plain(test) &&
		pgc_dbt_refer(test->relation, test->node->line, list_make1(pstrdup(test->column)), name, list_make1(pstrdup(field))))
		return NULL;
	physical = target ? pgc_node_get_text(target->object, "physicalName") : NULL;
	parameters = pgc_node_make_map();
	pgc_shape_set_text(parameters, "referenced_relation", physical ? physical : quote_identifier(name));
	pgc_node_set(parameters, "referenced_columns", pgc_shape_texts(list_make1(pstrdup(field))));
	pgc_dbt_add_rule(dbt, test, "references", parameters);
	return NULL;
}

/*
 * options_of returns the options of a test's property if it is of a type, or of none,
 * which then is that one; NULL: it is of another one, or the test is more than a field.
 */
static PgcNode *
options_of(const PgcDbtTest *test, const char *type)
{
	const char *logical_type = pgc_node_get_text(test->property, "logicalType");
	PgcNode    *options = pgc_node_get(test->property, "logicalTypeOptions");

	if (!pgc_dbt_is_plain(test))
		return NULL;
	if (logical_type == NULL && pgc_node_get(test->property, "physicalType") == NULL)
		pgc_shape_set_text(test->property, "logicalType", type);
	else if (logical_type == NULL || strcmp(logical_type, type) != 0)
		return NULL;
	return options ? options : pgc_node_set(test->property, "logicalTypeOptions", pgc_node_make_map());
}

/* set_range sets fields of a property to the ends of a range, unless one is there; either end may be NULL. */
static bool
set_range(PgcNode *options, const char *low_key, const PgcNode *low, const char *high_key, const PgcNode *high)
{
	if (options == NULL || pgc_node_get(options, low_key) || pgc_node_get(options, high_key))
		return false;
	if (low != NULL)
		pgc_node_set(options, low_key, pgc_node_copy(low));
	if (high != NULL)
		pgc_node_set(options, high_key, pgc_node_copy(high));
	return low != NULL || high != NULL;
}

static bool
is_whole(const PgcNode *number)
{
	return number == NULL || strpbrk(pgc_node_text(number), ".eE") == NULL;
}

/* number_of returns an argument as a number, which may be written as a text; NULL: it is none. */
static const PgcNode *
number_of(const PgcNode *value)
{
	const char *words = pgc_node_text(value);

	if (words == NULL || !pgc_diff_is_number(words))
		return NULL;
	if (!pgc_node_is(value, PGC_NODE_STRING))
		return value;
	return pgc_dbt_number(words);
}

/* compare_sql returns the comparison of a column with an expression of the test's author. */
static char *
compare_sql(const PgcDbtTest *test, const char *operator, bool strict, const PgcNode *value)
{
	if (value == NULL)
		return NULL;
	return psprintf("%s %s%s (%s)", quote_identifier(test->column), operator, strict ? "" : "=",
					pgc_node_text(value));
}

/* add_between carries a range of numbers as a rule. */
static void
add_between(PgcDbt *dbt, PgcDbtTest *test, const PgcNode *low, const PgcNode *high, bool strict)
{
	PgcNode    *parameters = pgc_node_make_map();

	if (low != NULL)
		pgc_node_set(parameters, "minimum", pgc_node_copy(low));
	if (high != NULL)
		pgc_node_set(parameters, "maximum", pgc_node_copy(high));
	if (strict && low != NULL)
		pgc_node_set(parameters, "exclusive_minimum", pgc_node_make_bool(true));
	if (strict && high != NULL)
		pgc_node_set(parameters, "exclusive_maximum", pgc_node_make_bool(true));
	pgc_dbt_add_rule(dbt, test, "between", parameters);
}

/* add_comparison adds a condition that is SQL of the test's author. */
static const char *
add_comparison(PgcDbt *dbt, PgcDbtTest *test, const char *expression)
{
	if (!pgc_dbt_use(test->relation, expression))
		return "of which the bounds are none to PostgreSQL";
	pgc_dbt_add_condition(dbt, test, expression);
	return NULL;
}

/*
 * carry_range carries a range.  Numbers become fields or a rule; other bounds are SQL
 * of the author's, so it becomes a condition, as does what counts its failures.
 */
static const char *
carry_range(PgcDbt *dbt, PgcDbtTest *test, bool strict)
{
	const PgcNode *minimum = pgc_dbt_argument(test, "min_value");
	const PgcNode *maximum = pgc_dbt_argument(test, "max_value");
	const PgcNode *low = number_of(minimum);
	const PgcNode *high = number_of(maximum);
	const char *type = pgc_node_get_text(test->property, "logicalType");
	bool		is_integer = type != NULL && strcmp(type, "integer") == 0;
	bool		numbers = (low != NULL || minimum == NULL) && (high != NULL || maximum == NULL) &&
	(!is_integer || (is_whole(low) && is_whole(high)));
	char	   *above = compare_sql(test, ">", strict, minimum);
	char	   *below = compare_sql(test, "<", strict, maximum);

	if (above == NULL && below == NULL)
		return "which has no bounds";
	if (numbers && test->warn_if == NULL && test->error_if == NULL)
	{
		PgcNode    *options = options_of(test, is_integer ? "integer" : "number");

		if (!set_range(options, strict ? "exclusiveMinimum" : "minimum", low,
					   strict ? "exclusiveMaximum" : "maximum", high))
			add_between(dbt, test, low, high, strict);
	}
	else
		return add_comparison(dbt, test, above && below ? psprintf("%s AND %s", above, below) :
							  above ? above : below);
	return NULL;
}

static const char *
convert_accepted_range(PgcDbt *dbt, PgcDbtTest *test)
{
	const PgcNode *inclusive = pgc_dbt_argument(test, "inclusive");

	return carry_range(dbt, test, inclusive != NULL && !pgc_node_is_true(inclusive));
}

static const char *
convert_between(PgcDbt *dbt, PgcDbtTest *test)
{
	return carry_range(dbt, test, pgc_node_is_true(pgc_dbt_argument(test, "strictly")));
}

/* carry_lengths carries a range of lengths, either end of which may be NULL. */
static const char *
carry_lengths(PgcDbt *dbt, PgcDbtTest *test, const PgcNode *low, const PgcNode *high)
{
	PgcNode    *parameters;

	if ((low == NULL && high == NULL) || !is_whole(low) || !is_whole(high))
		return "which has no whole numbers as bounds";
	if (set_range(options_of(test, "string"), "minLength", low, "maxLength", high))
		return NULL;
	parameters = pgc_node_make_map();
	set_range(parameters, "minimum", low, "maximum", high);
	pgc_dbt_add_rule(dbt, test, "length_between", parameters);
	return NULL;
}

static const char *
convert_lengths(PgcDbt *dbt, PgcDbtTest *test)
{
	const PgcNode *minimum = pgc_dbt_argument(test, "min_value");
	const PgcNode *maximum = pgc_dbt_argument(test, "max_value");

	if (pgc_node_is_true(pgc_dbt_argument(test, "strictly")))
		return "which is strict";
	if ((minimum != NULL && number_of(minimum) == NULL) || (maximum != NULL && number_of(maximum) == NULL))
		return "which has no whole numbers as bounds";
	return carry_lengths(dbt, test, number_of(minimum), number_of(maximum));
}

static const char *
convert_length(PgcDbt *dbt, PgcDbtTest *test)
{
	const PgcNode *value = number_of(pgc_dbt_argument(test, "value"));

	return carry_lengths(dbt, test, value, value);
}

/*
 * is_portable says whether a regular expression is the same to ECMA-262, which the
 * standard's patterns are: nothing escaped but signs and \d, \w, \s, no bracket
 * classes, no options.
 */
static bool
is_portable(const char *pattern)
{
	if (strstr(pattern, "(?") != NULL || strstr(pattern, "[[") != NULL || strncmp(pattern, "***", 3) == 0)
		return false;
	for (const char *at = strchr(pattern, '\\'); at != NULL; at = strchr(at + 2, '\\'))
	{
		if (at[1] == '\0')
			return false;
		if (strchr("dwsDWS.^$*+?()[]{}|\\/-", at[1]) == NULL)
			return false;
	}
	return true;
}

/* carry_pattern carries a regular expression, which to dbt is one of PostgreSQL's. */
static const char *
carry_pattern(PgcDbt *dbt, PgcDbtTest *test, const char *kind)
{
	const char *pattern = argument_text(test, "regex");
	const char *flags = argument_text(test, "flags");
	PgcNode    *options;
	PgcNode    *parameters;

	if (pattern == NULL)
		return "which has no regex";
	if (flags != NULL && flags[0] != '\0')
		return "which has flags";
	if (strcmp(kind, "matches") == 0 && is_portable(pattern))
	{
		options = options_of(test, "string");
		if (options != NULL && pgc_node_get(options, "pattern") == NULL)
		{
			pgc_node_set(options, "pattern", pgc_node_make_string(pattern))->line = test->node->line;
			return NULL;
		}
	}
	parameters = pgc_node_make_map();
	pgc_shape_set_text(parameters, "pattern", pattern);
	pgc_dbt_add_rule(dbt, test, kind, parameters);
	return NULL;
}

static const char *
convert_regex(PgcDbt *dbt, PgcDbtTest *test)
{
	return carry_pattern(dbt, test, "matches");
}

static const char *
convert_not_regex(PgcDbt *dbt, PgcDbtTest *test)
{
	return carry_pattern(dbt, test, "not_matches");
}

/* convert_expression: of a column, what follows its name. */
static const char *
convert_expression(PgcDbt *dbt, PgcDbtTest *test)
{
	const char *expression = argument_text(test, "expression");

	if (expression == NULL || expression[0] == '\0')
		return "which has no expression";
	if (test->column != NULL)
		expression = psprintf("%s %s", quote_identifier(test->column), expression);
	if (!pgc_dbt_use(test->relation, expression))
		return "of which the expression is none to PostgreSQL";
	pgc_dbt_add_condition(dbt, test, expression);
	return NULL;
}

static const char *
convert_not_empty(PgcDbt *dbt, PgcDbtTest *test)
{
	const PgcNode *trim = pgc_dbt_argument(test, "trim_whitespace");
	const char *column = quote_identifier(test->column);

	pgc_dbt_add_condition(dbt, test, trim == NULL || pgc_node_is_true(trim) ?
						  psprintf("btrim(%s) <> ''", column) : psprintf("%s <> ''", column));
	return NULL;
}

/* carry_combination carries columns whose values may not appear together twice. */
static const char *
carry_combination(PgcDbt *dbt, PgcDbtTest *test, const PgcNode *columns)
{
	if (!is_list_of_values(columns))
		return "of which the columns are no list";
	for (int i = 0; i < columns->count; i++)
	{
		if (pgc_node_text(columns->content.items[i])[0] == '\0')
			return "which names an empty column";
		pgc_dbt_property(test->relation, pgc_node_text(columns->content.items[i]));
	}
	test->property = NULL;
	test->column = NULL;
	pgc_dbt_add_check(test, "duplicateValues", "properties", columns);
	return NULL;
}

static const char *
convert_unique_combination(PgcDbt *dbt, PgcDbtTest *test)
{
	return carry_combination(dbt, test, pgc_dbt_argument(test, "combination_of_columns"));
}

static const char *
convert_compound_unique(PgcDbt *dbt, PgcDbtTest *test)
{
	return carry_combination(dbt, test, pgc_dbt_argument(test, "column_list"));
}

/* percent_without returns 100 percent without a proportion, or NULL: there is none. */
static PgcNode *
percent_without(const PgcNode *proportion)
{
	const PgcNode *number = number_of(proportion);
	double		rest = number ? 100 - 100 * strtod(pgc_node_text(number), NULL) : -1;

	if (rest < 0 || rest > 100)
		return NULL;
	return pgc_dbt_number(psprintf("%.10g", rest));
}

/* convert_proportion: so many must have a value, which is a percentage of nulls. */
static const char *
convert_proportion(PgcDbt *dbt, PgcDbtTest *test)
{
	PgcNode    *maximum = percent_without(pgc_dbt_argument(test, "at_least"));
	PgcNode    *minimum = percent_without(pgc_dbt_argument(test, "at_most"));

	if (maximum == NULL || (minimum == NULL && pgc_dbt_argument(test, "at_most") != NULL))
		return "which has no proportion between 0 and 1";
	pgc_dbt_add_range(dbt, test, "nullValues", "percent", minimum, maximum);
	return NULL;
}

/* carry_row_count carries a range of numbers of rows. */
static const char *
carry_row_count(PgcDbt *dbt, PgcDbtTest *test, const PgcNode *low, const PgcNode *high)
{
	if ((low == NULL && high == NULL) || !is_whole(low) || !is_whole(high))
		return "which has no whole numbers as bounds";
	test->property = NULL;
	pgc_dbt_add_range(dbt, test, "rowCount", NULL, low ? pgc_node_copy(low) : NULL,
					  high ? pgc_node_copy(high) : NULL);
	return NULL;
}

static const char *
convert_row_count(PgcDbt *dbt, PgcDbtTest *test)
{
	return carry_row_count(dbt, test, number_of(pgc_dbt_argument(test, "min_value")),
						   number_of(pgc_dbt_argument(test, "max_value")));
}

static const char *
convert_exact_row_count(PgcDbt *dbt, PgcDbtTest *test)
{
	const PgcNode *value = number_of(pgc_dbt_argument(test, "value"));

	return carry_row_count(dbt, test, value, value);
}

/* convert_existence: a declared property exists anyway. */
static const char *
convert_existence(PgcDbt *dbt, PgcDbtTest *test)
{
	return NULL;
}

static const KnownTest known_tests[] = {
	{"not_null", true, convert_not_null},
	{"unique", true, convert_unique},
	{"accepted_values", true, convert_accepted_values, {"values", "quote"}},
	{"relationships", true, convert_relationships, {"to", "field"}},
	{"dbt_utils.accepted_range", true, convert_accepted_range, {"min_value", "max_value", "inclusive"}},
	{"dbt_utils.expression_is_true", false, convert_expression, {"expression"}},
	{"dbt_utils.unique_combination_of_columns", false, convert_unique_combination,
	{"combination_of_columns", "quote_columns"}},
	{"dbt_utils.not_null_proportion", true, convert_proportion, {"at_least", "at_most"}},
	{"dbt_utils.not_empty_string", true, convert_not_empty, {"trim_whitespace"}},
	{"dbt_expectations.expect_column_to_exist", true, convert_existence},
	{"dbt_expectations.expect_column_values_to_not_be_null", true, convert_not_null},
	{"dbt_expectations.expect_column_values_to_be_unique", true, convert_unique},
	{"dbt_expectations.expect_column_values_to_be_between", true, convert_between,
	{"min_value", "max_value", "strictly"}},
	{"dbt_expectations.expect_column_values_to_be_in_set", true, convert_in_set,
	{"value_set", "quote_values"}},
	{"dbt_expectations.expect_column_values_to_not_be_in_set", true, convert_not_in_set,
	{"value_set", "quote_values"}},
	{"dbt_expectations.expect_column_values_to_match_regex", true, convert_regex,
	{"regex", "is_raw", "flags"}},
	{"dbt_expectations.expect_column_values_to_not_match_regex", true, convert_not_regex,
	{"regex", "is_raw", "flags"}},
	{"dbt_expectations.expect_column_value_lengths_to_be_between", true, convert_lengths,
	{"min_value", "max_value", "strictly"}},
	{"dbt_expectations.expect_column_value_lengths_to_equal", true, convert_length, {"value"}},
	{"dbt_expectations.expect_compound_columns_to_be_unique", false, convert_compound_unique,
	{"column_list", "quote_columns"}},
	{"dbt_expectations.expect_table_row_count_to_be_between", false, convert_row_count,
	{"min_value", "max_value"}},
	{"dbt_expectations.expect_table_row_count_to_equal", false, convert_exact_row_count, {"value"}}
};

/* pgc_dbt_convert_test carries a test.  Returns why it cannot: "which ...", or NULL. */
const char *
pgc_dbt_convert_test(PgcDbt *dbt, PgcDbtTest *test)
{
	/* its own tests may also be named as a package's */
	const char *type = strncmp(test->type, "dbt.", 4) == 0 ? test->type + 4 : test->type;
	const char *unknown;

	for (int i = 0; i < lengthof(known_tests); i++)
	{
		if (strcmp(known_tests[i].type, type) != 0)
			continue;
		if (known_tests[i].of_column && test->property == NULL)
			return "which needs a column";
		unknown = pgc_dbt_unknown_argument(test, known_tests[i].arguments);
		if (unknown != NULL)
			return psprintf("which has the argument \"%s\"", unknown);
		return known_tests[i].convert(dbt, test);
	}
	return "which is not known";
}
