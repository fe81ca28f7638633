/*
 * src/document/plan/library.c
 *		Metrics of the standard's library: nullValues, missingValues,
 *		invalidValues, duplicateValues, rowCount.
 *
 * "No bad rows" is a rule about rows, and so is "at most so many percent", with
 * a tolerance.  Every other operator becomes a query that counts.  Duplicates
 * are counted in groups of equal keys, as the reference implementation does.
 */
#include "postgres.h"

#include "document/plan/plan.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

/* number_of returns a number's value as numeric. */
static Datum
number_of(const char *text)
{
	return DirectFunctionCall3(numeric_in, CStringGetDatum(text), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}

static char *
text_of(Datum number)
{
	return DatumGetCString(DirectFunctionCall1(numeric_out, number));
}

/* is_number: is the text that small whole number? */
static bool
is_number(const char *text, int number)
{
	return DatumGetBool(DirectFunctionCall2(numeric_eq, number_of(text),
											DirectFunctionCall1(int4_numeric, Int32GetDatum(number))));
}

/* wants_none: does the operator say that there are no bad rows? */
static bool
wants_none(const PgcOperator *operator)
{
	if (operator->outside || operator->maximum == NULL || operator->exclusive_minimum ||
		(operator->minimum != NULL && !is_number(operator->minimum, 0)))
		return false;
	return operator->exclusive_maximum ? !operator->percent && is_number(operator->maximum, 1) :
		is_number(operator->maximum, 0);
}

/*
 * fraction_of returns the fraction of bad rows that the operator permits, or
 * NULL: it is about something else.
 */
static char *
fraction_of(const PgcOperator *operator)
{
	double		percent = operator->maximum == NULL ? -1 : strtod(operator->maximum, NULL);

	if (!operator->percent || operator->outside || operator->minimum != NULL || operator->exclusive_maximum ||
		percent < 0 || percent > 100)
		return NULL;
	return text_of(DirectFunctionCall2(numeric_mul, number_of(operator->maximum), number_of("0.01")));
}

/*
 * as_rows says whether a metric becomes a rule about rows, and gives it its
 * tolerance.
 */
static bool
as_rows(PgcAsked *asked, const PgcOperator *operator)
{
	char	   *fraction = fraction_of(operator);

	if (wants_none(operator))
		return true;
	if (fraction == NULL)
		return false;
	if (asked->tolerance != NULL)
		(void) pgc_remark(asked->planner->remarks, PGC_ERROR, operator->node,
						  pgc_plan_path(asked->path, operator->name),
						  "a number of percent and a tolerance cannot both be given");
	asked->tolerance = fraction;
	return true;
}

/* argument returns an argument of the metric; before v3.1 it may stand beside it. */
static const PgcNode *
argument(const PgcAsked *asked, const char *name)
{
	const PgcNode *node = pgc_node_get(pgc_node_get(asked->node, "arguments"), name);

	return node != NULL ? node : pgc_node_get(asked->node, name);
}

/* unknown_argument returns the name of an argument that is not one of some, or NULL. */
static const char *
unknown_argument(const PgcAsked *asked, const char *const *known)
{
	const PgcNode *map = pgc_node_get(asked->node, "arguments");

	for (int i = 0; pgc_node_is(map, PGC_NODE_MAP) && i < map->count; i++)
	{
		const char *name = map->content.pairs[i].key->content.text;
		bool		is_known = false;

		for (int j = 0; known[j] != NULL; j++)
			is_known |= strcmp(known[j], name) == 0;
		if (!is_known)
			return name;
	}
	return NULL;
}

/* named returns who asks, with a default name for a query: of metric and columns. */
static PgcAsked
named(const PgcAsked *asked, const char *metric, List *columns)
{
	PgcAsked	copy = *asked;
	List	   *names = NIL;
	ListCell   *cell;

	foreach(cell, columns)
		names = lappend(names, NameStr(((PgcProperty *) lfirst(cell))->column->name));
	if (copy.name == NULL)
		copy.name = pgc_rule_base_name(metric, names);
	copy.filter = NULL;			/* it is part of the query */
	return copy;
}

/* where returns a WHERE clause of a condition and the check's filter, either may be none. */
static char *
where(const PgcAsked *asked, const char *condition)
{
	/* lines of their own: the filter may end in a comment */
	if (asked->filter == NULL)
		return condition == NULL ? pstrdup("") : psprintf(" WHERE %s", condition);
	return condition == NULL ? psprintf(" WHERE (%s\n)", asked->filter) :
		psprintf(" WHERE (%s\n) AND (%s)", asked->filter, condition);
}

/* count_bad adds a rule about how many rows fulfil a condition. */
static void
count_bad(const PgcAsked *asked, const PgcOperator *operator, const char *metric, const char *condition)
{
	PgcAsked	query = named(asked, metric, list_make1(asked->property));
	const char *table = asked->object->dataset->name;

	if (operator->percent)
		pgc_plan_query(&query, operator,
					   psprintf("SELECT COALESCE(100.0 * count(*) FILTER (WHERE %s) / NULLIF(count(*), 0), 0) FROM %s%s",
								condition, table, where(asked, NULL)));
	else
		pgc_plan_query(&query, operator, psprintf("SELECT count(*) FROM %s%s", table, where(asked, condition)));
}

/* add_not_null adds the rule that there are no nulls. */
static void
add_not_null(const PgcAsked *asked)
{
	PgcParameters parameters;

	pgc_parameters_begin(&parameters);
	pgc_plan_add(asked, "not_null", list_make1(asked->property), pgc_parameters_end(&parameters));
}

/* plan_null_values plans nullValues. */
static void
plan_null_values(PgcAsked *asked, const PgcOperator *operator)
{
	if (as_rows(asked, operator))
		add_not_null(asked);
	else
		count_bad(asked, operator, "null_values", psprintf("%s IS NULL", pgc_plan_quoted(asked->property)));
}

/* held_of returns those texts (char *) that the property's column can hold. */
static List *
held_of(const PgcProperty *property, const List *values)
{
	List	   *held = NIL;
	ListCell   *cell;

	foreach(cell, values)
	{
		if (pgc_plan_fits(property, lfirst(cell)))
			held = lappend(held, lfirst(cell));
	}
	return held;
}

/* plan_missing_values plans missingValues: nulls, and values that stand for null. */
static void
plan_missing_values(PgcAsked *asked, const PgcOperator *operator)
{
	static const char *const known[] = {"missingValues", NULL};
	List	   *values = held_of(asked->property, pgc_plan_list(argument(asked, "missingValues")));
	const char *column = pgc_plan_quoted(asked->property);
	char	   *are_not = values == NIL ? NULL : pgc_plan_values_sql(asked->property, values, true);

	if (unknown_argument(asked, known) != NULL)
		pgc_asked_give_up(asked, true, "argument \"%s\" is not known", unknown_argument(asked, known));
	else if (!as_rows(asked, operator))
		count_bad(asked, operator, "missing_values",
				  values == NIL ? psprintf("%s IS NULL", column) : psprintf("(%s IS NOT NULL AND %s) IS FALSE", column, are_not));
	else if (values == NIL)
		add_not_null(asked);
	else if (asked->tolerance == NULL)
	{
		add_not_null(asked);
		pgc_plan_values(asked, "forbidden_values", values);
	}
	else
		pgc_plan_satisfies(asked, "%s IS NOT NULL AND %s", column, are_not);
}

/* What makes values valid. */
typedef struct Validity
{
	List	   *values;			/* or NIL: any */
	List	   *invalid;		/* or NIL: none */
	char	   *pattern;		/* of PostgreSQL, or NULL: any */
	int			count;			/* of these */
} Validity;

/* add_valid adds rules that values are valid. */
static void
add_valid(const PgcAsked *asked, const Validity *validity)
{
	if (validity->values != NIL)
		pgc_plan_values(asked, "accepted_values", validity->values);
	if (validity->invalid != NIL)
		pgc_plan_values(asked, "forbidden_values", validity->invalid);
	if (validity->pattern != NULL)
		pgc_plan_matches(asked, validity->pattern);
}

/* valid_sql returns the condition that values are valid. */
static char *
valid_sql(const PgcProperty *property, const Validity *validity)
{
	StringInfoData sql;

	initStringInfo(&sql);
	if (validity->values != NIL)
		appendStringInfoString(&sql, pgc_plan_values_sql(property, validity->values, false));
	if (validity->invalid != NIL)
		appendStringInfo(&sql, "%s%s", sql.len > 0 ? " AND " : "",
						 pgc_plan_values_sql(property, validity->invalid, true));
	if (validity->pattern != NULL)
		appendStringInfo(&sql, "%s%s", sql.len > 0 ? " AND " : "", pgc_plan_match_sql(property, validity->pattern));
	return sql.data;
}

/* plan_invalid_values plans invalidValues: those that are not in a list, or do not match a pattern. */
static void
plan_invalid_values(PgcAsked *asked, const PgcOperator *operator)
{
	static const char *const known[] = {"validValues", "invalidValues", "pattern", NULL};
	const PgcNode *pattern = argument(asked, "pattern");
	Validity	validity = {.values = pgc_plan_list(argument(asked, "validValues"))};

	validity.invalid = pgc_plan_list(argument(asked, "invalidValues"));
	validity.count = (validity.values != NIL) + (validity.invalid != NIL) + (pattern != NULL);
	if (unknown_argument(asked, known) != NULL)
		pgc_asked_give_up(asked, true, "argument \"%s\" is not known", unknown_argument(asked, known));
	else if (validity.count == 0)
		pgc_asked_give_up(asked, true, "it has neither validValues nor a pattern");
	else if (pattern != NULL && (validity.pattern = pgc_plan_pattern(asked, pattern)) == NULL)
		return;
	else if (!as_rows(asked, operator))
		count_bad(asked, operator, "invalid_values",
				  psprintf("(%s) IS FALSE", valid_sql(asked->property, &validity)));
	else if (validity.count == 1 || asked->tolerance == NULL)
		add_valid(asked, &validity);
	else
		pgc_plan_satisfies(asked, "%s", valid_sql(asked->property, &validity));
}

/* columns_of returns the columns that must not be alike: those listed, or the property. */
static List *
columns_of(const PgcAsked *asked)
{
	const PgcNode *list = argument(asked, "properties");
	List	   *columns = NIL;

	if (list == NULL)
		return asked->property == NULL ? NIL : list_make1(asked->property);
	for (int i = 0; pgc_node_is(list, PGC_NODE_LIST) && i < list->count; i++)
	{
		const char *name = pgc_node_text(list->content.items[i]);
		PgcProperty *property = name == NULL ? NULL : pgc_names_find(asked->object->properties, name);

		if (property == NULL)
			(void) pgc_remark(asked->planner->remarks, PGC_ERROR, list->content.items[i],
							  pgc_plan_path(asked->path, NULL), "object \"%s\" has no property \"%s\"",
							  asked->object->dataset->object, name == NULL ? "" : name);
		if (property == NULL || property->layout == NULL)
			return NIL;
		columns = lappend(columns, property);
	}
	return columns;
}

/* count_groups adds a rule about how many groups of rows are alike. */
static void
count_groups(const PgcAsked *asked, const PgcOperator *operator, List *columns)
{
	PgcAsked	query = named(asked, "duplicate_values", columns);
	const char *table = asked->object->dataset->name;
	StringInfoData names;
	StringInfoData nonnull;
	ListCell   *cell;
	char	   *groups;

	initStringInfo(&names);
	initStringInfo(&nonnull);
	foreach(cell, columns)
	{
		const char *column = pgc_plan_quoted(lfirst(cell));

		appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "", column);
		appendStringInfo(&nonnull, "%s%s IS NOT NULL", nonnull.len > 0 ? " AND " : "", column);
	}
	groups = psprintf("SELECT count(*) FROM (SELECT FROM %s%s GROUP BY %s HAVING count(*) > 1) AS alike",
					  table, where(asked, nonnull.data), names.data);
	if (operator->percent)
		groups = psprintf("SELECT COALESCE(100.0 * (%s) / NULLIF((SELECT count(*) FROM %s%s), 0), 0)",
						  groups, table, where(asked, NULL));
	pgc_plan_query(&query, operator, groups);
}

/* plan_duplicates plans duplicateValues. */
static void
plan_duplicates(const PgcAsked *asked, const PgcOperator *operator)
{
	static const char *const known[] = {"properties", NULL};
	List	   *columns = columns_of(asked);
	PgcParameters parameters;

	if (unknown_argument(asked, known) != NULL)
		pgc_asked_give_up(asked, true, "argument \"%s\" is not known", unknown_argument(asked, known));
	else if (columns == NIL && argument(asked, "properties") == NULL)
		pgc_asked_give_up(asked, true, "it does not say which properties: give arguments.properties");
	else if (columns == NIL)
		return;
	else if (wants_none(operator))
	{
		pgc_parameters_begin(&parameters);
		pgc_plan_add(asked, "unique", columns, pgc_parameters_end(&parameters));
	}
	else
		count_groups(asked, operator, columns);
}

/*
 * next_whole returns the next whole number after (1) or before (-1) a number, or
 * the number itself if it is not to be exclusive.
 */
static const char *
next_whole(const char *number, bool exclusive, int direction)
{
	Datum		value;

	if (number == NULL || !exclusive)
		return number;
	value = DirectFunctionCall1(direction > 0 ? numeric_floor : numeric_ceil, number_of(number));
	return text_of(DirectFunctionCall2(numeric_add, value,
									   DirectFunctionCall1(int4_numeric, Int32GetDatum(direction))));
}

/* plan_row_count plans rowCount, which has no percent. */
static void
plan_row_count(const PgcAsked *asked, const PgcOperator *operator)
{
	PgcOperator inclusive = *operator;
	PgcParameters parameters;

	if (operator->percent)
		(void) pgc_remark(asked->planner->remarks, PGC_WARNING, pgc_node_get(asked->node, "unit"),
						  pgc_plan_path(asked->path, "unit"), "rowCount counts rows, the unit percent is ignored");
	if (operator->outside)
	{
		PgcAsked	query = named(asked, "row_count", NIL);

		pgc_plan_query(&query, operator,
					   psprintf("SELECT count(*) FROM %s%s", asked->object->dataset->name, where(asked, NULL)));
		return;
	}
	inclusive.minimum = next_whole(operator->minimum, operator->exclusive_minimum, 1);
	inclusive.maximum = next_whole(operator->maximum, operator->exclusive_maximum, -1);
	inclusive.exclusive_minimum = inclusive.exclusive_maximum = false;
	pgc_parameters_begin(&parameters);
	pgc_plan_range(&parameters, &inclusive);
	pgc_plan_add(asked, "row_count", NIL, pgc_parameters_end(&parameters));
}

/* pgc_plan_metric plans a metric with its operator, whose values are numbers. */
void
pgc_plan_metric(const PgcAsked *given, const PgcOperator *operator, const char *metric)
{
	PgcAsked	asked = *given;

	if (strcmp(metric, "rowCount") == 0)
		plan_row_count(&asked, operator);
	else if (strcmp(metric, "duplicateValues") == 0)
		plan_duplicates(&asked, operator);
	else if (asked.property == NULL)
		pgc_asked_give_up(&asked, true, "metric \"%s\" is about a property, not about an object", metric);
	else if (strcmp(metric, "nullValues") == 0)
		plan_null_values(&asked, operator);
	else if (strcmp(metric, "missingValues") == 0)
		plan_missing_values(&asked, operator);
	else
		plan_invalid_values(&asked, operator);
}
