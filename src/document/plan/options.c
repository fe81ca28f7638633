/*
 * src/document/plan/options.c
 *		What a property asks of its column: required, unique, primaryKey,
 *		logicalTypeOptions, enum.
 */
#include "postgres.h"

#include <ctype.h>

#include "catalog/pg_type.h"
#include "document/plan/plan.h"
#include "engine/format.h"
#include "utils/builtins.h"

/* One end of a range. */
typedef struct Bound
{
	const PgcNode *node;		/* or NULL: open */
	const char *name;			/* of the option */
	bool		exclusive;
} Bound;

/* A range as the document gives it; the second of an end if it has both kinds. */
typedef struct Range
{
	Bound		first;
	Bound		second;
} Range;

/* at returns who asks, moved to an option of the property. */
static PgcAsked
at(const PgcAsked *asked, const PgcNode *node, PgcPath *path, const char *name)
{
	PgcAsked	moved = *asked;

	path->parent = asked->path;
	path->name = name;
	path->index = 0;
	moved.node = node;
	moved.path = path;
	return moved;
}

/* add_plain adds a rule without parameters about the property's column. */
static void
add_plain(const PgcAsked *asked, const char *kind)
{
	PgcParameters parameters;

	pgc_parameters_begin(&parameters);
	pgc_plan_add(asked, kind, list_make1(asked->property), pgc_parameters_end(&parameters));
}

/* is_whole_type: is a type one of whole numbers? */
static bool
is_whole_type(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID;
}

/* is_naive: is the text a date or timestamp as of ISO 8601 that names no time zone? */
static bool
is_naive(const char *value)
{
	static const char *const shapes[] = {"dddd-dd-dd", "dddd-dd-ddTdd:dd", "dddd-dd-ddTdd:dd:dd"};

	for (int i = 0; i < lengthof(shapes); i++)
	{
		int			n = 0;

		while (shapes[i][n] != '\0' &&
			   (shapes[i][n] == 'd' ? isdigit((unsigned char) value[n]) != 0 :
				shapes[i][n] == value[n] || (shapes[i][n] == 'T' && value[n] == ' ')))
			n++;
		if (shapes[i][n] == '\0' && value[n] == '.' && i == lengthof(shapes) - 1)
			n += 1 + strspn(value + n + 1, "0123456789");
		if (n >= strlen(shapes[i]) && value[n] == '\0')
			return true;
	}
	return false;
}

/*
 * in_zone returns a bound of a column with time zone: one that names none is in
 * the property's, not in that of the session which happens to apply the document.
 */
static char *
in_zone(const PgcProperty *property, const char *value)
{
	const PgcNode *options = pgc_node_get(property->column->node, "logicalTypeOptions");
	const char *zone = pgc_node_get_text(options, "defaultTimezone");

	if (property->type != TIMESTAMPTZOID || !is_naive(value))
		return pstrdup(value);
	return psprintf("%s %s", value, zone == NULL || zone[0] == '\0' ? "Etc/UTC" : zone);
}

/* number_of returns a bound's text; for whole numbers without a fraction of zeros. */
static char *
number_of(const PgcProperty *property, const PgcNode *node)
{
	char	   *number = in_zone(property, pgc_node_text(node));
	char	   *point = strchr(number, '.');

	if (is_whole_type(property->type) && point != NULL && point > number && strspn(point, ".0") == strlen(point))
		*point = '\0';
	return number;
}

/* add_between adds a rule with one or two bounds, if there is one. */
static void
add_between(const PgcAsked *asked, const Bound *minimum, const Bound *maximum)
{
	const Bound *given = minimum->node != NULL ? minimum : maximum;
	PgcParameters parameters;
	PgcPath		path;
	PgcAsked	option;

	if (given->node == NULL)
		return;
	option = at(asked, given->node, &path, given->name);
	pgc_parameters_begin(&parameters);
	if (minimum->node != NULL)
		pgc_parameters_text(&parameters, "minimum", number_of(asked->property, minimum->node));
	if (minimum->node != NULL && minimum->exclusive)
		pgc_parameters_true(&parameters, "exclusive_minimum");
	if (maximum->node != NULL)
		pgc_parameters_text(&parameters, "maximum", number_of(asked->property, maximum->node));
	if (maximum->node != NULL && maximum->exclusive)
		pgc_parameters_true(&parameters, "exclusive_maximum");
	pgc_plan_add(&option, "between", list_make1(asked->property), pgc_parameters_end(&parameters));
}

/*
 * read_range reads one end of a range.  An exclusive bound is a bound of its own
 * since v3.1; before, it is a boolean that changes the other one.
 */
static Range
read_range(const PgcAsked *asked, const PgcNode *options, const char *name, const char *exclusive_name)
{
	const PgcNode *inclusive = pgc_node_get(options, name);
	const PgcNode *exclusive = pgc_node_get(options, exclusive_name);
	Range		range = {.first = {.name = name},.second = {.name = exclusive_name}};

	if (pgc_node_text(inclusive) != NULL)
		range.first.node = inclusive;
	if (pgc_node_is_true(exclusive) && inclusive == NULL)
		(void) pgc_remark(asked->planner->remarks, PGC_WARNING, exclusive, pgc_plan_path(asked->path, exclusive_name),
						  "%s: true says nothing without %s", exclusive_name, name);
	else if (pgc_node_is(exclusive, PGC_NODE_BOOL))
		range.first.exclusive = pgc_node_is_true(exclusive);
	else if (pgc_node_text(exclusive) != NULL)
	{
		Bound	   *bound = range.first.node == NULL ? &range.first : &range.second;

		bound->node = exclusive;
		bound->name = exclusive_name;
		bound->exclusive = true;
	}
	return range;
}

/* is_numeric: is a logicalType one of numbers? */
static bool
is_numeric(const char *logical_type)
{
	return logical_type != NULL && (strcmp(logical_type, "integer") == 0 || strcmp(logical_type, "number") == 0);
}

/* plan_bounds plans minimum, maximum and their exclusive forms. */
static void
plan_bounds(const PgcAsked *asked, const PgcNode *options)
{
	Range		minimum = read_range(asked, options, "minimum", "exclusiveMinimum");
	Range		maximum = read_range(asked, options, "maximum", "exclusiveMaximum");

	if (minimum.first.node == NULL && maximum.first.node == NULL)
		return;
	if (pgc_type_is_text(asked->property->type) && is_numeric(asked->property->column->logical_type))
	{
		(void) pgc_remark(asked->planner->remarks, PGC_ERROR,
						  minimum.first.node != NULL ? minimum.first.node : maximum.first.node,
						  pgc_plan_path(asked->path, NULL), "bounds of numbers do not fit column \"%s\" of type %s",
						  NameStr(asked->property->column->name), format_type_be(asked->property->layout->type));
		return;
	}
	add_between(asked, &minimum.first, &maximum.first);
	add_between(asked, &minimum.second, &maximum.second);
}

/* plan_length plans minLength and maxLength. */
static void
plan_length(const PgcAsked *asked, const PgcNode *options)
{
	const PgcNode *minimum = pgc_node_get(options, "minLength");
	const PgcNode *maximum = pgc_node_get(options, "maxLength");
	bool		has_minimum = pgc_node_is(minimum, PGC_NODE_INTEGER);
	bool		has_maximum = pgc_node_is(maximum, PGC_NODE_INTEGER);
	PgcParameters parameters;
	PgcPath		path;
	PgcAsked	option = at(asked, has_minimum ? minimum : maximum, &path, has_minimum ? "minLength" : "maxLength");

	if (!has_minimum && !has_maximum)
		return;
	if (!pgc_type_is_text(asked->property->type))
	{
		char	   *length = psprintf("length(%s::text)", pgc_plan_quoted(asked->property));
		char	   *condition = pgc_plan_range_sql(minimum, maximum, length);

		if (condition != NULL)
			pgc_plan_satisfies(&option, "%s", condition);
		return;
	}
	pgc_parameters_begin(&parameters);
	if (has_minimum)
		pgc_parameters_number(&parameters, "minimum", pgc_node_text(minimum));
	if (has_maximum)
		pgc_parameters_number(&parameters, "maximum", pgc_node_text(maximum));
	pgc_plan_add(&option, "length_between", list_make1(asked->property), pgc_parameters_end(&parameters));
}

/* What a format of integer or number is. */
typedef struct NumberFormat
{
	const char *name;
	const char *minimum;
	const char *maximum;
	Oid			proved_by[3];	/* types that hold no other values */
} NumberFormat;

static const NumberFormat number_formats[] = {
	{"i8", "-128", "127", {InvalidOid}},
	{"i16", "-32768", "32767", {INT2OID}},
	{"i32", "-2147483648", "2147483647", {INT2OID, INT4OID}},
	{"i64", "-9223372036854775808", "9223372036854775807", {INT2OID, INT4OID, INT8OID}},
	{"i128", "-170141183460469231731687303715884105728", "170141183460469231731687303715884105727",
	{INT2OID, INT4OID, INT8OID}},
	{"u8", "0", "255", {InvalidOid}},
	{"u16", "0", "65535", {InvalidOid}},
	{"u32", "0", "4294967295", {InvalidOid}},
	{"u64", "0", "18446744073709551615", {InvalidOid}},
	{"u128", "0", "340282366920938463463374607431768211455", {InvalidOid}},
	{"f32", "-3.40282346638528859811704183484516925440e+38", "3.40282346638528859811704183484516925440e+38",
	{FLOAT4OID, INT4OID, INT8OID}},
	{"f64", "-1.7976931348623157e+308", "1.7976931348623157e+308", {FLOAT8OID, FLOAT4OID, INT8OID}},
};

/* most_of returns the largest value of a type of whole numbers, or 0: it is none. */
static uint64
most_of(Oid type)
{
	return type == INT2OID ? PG_INT16_MAX : type == INT4OID ? PG_INT32_MAX : type == INT8OID ? PG_INT64_MAX : 0;
}

/*
 * plan_number_format plans a format of integer or number, by bounds where the
 * column's type leaves room for other values.  A bound beyond the type is none.
 */
static void
plan_number_format(const PgcAsked *asked, const NumberFormat *format)
{
	PgcParameters parameters;
	uint64		most = most_of(asked->property->type);

	for (int i = 0; i < lengthof(format->proved_by); i++)
	{
		if (OidIsValid(format->proved_by[i]) && format->proved_by[i] == asked->property->type)
			return;
	}
	if (format->name[0] == 'f' && most > 0)
		return;
	pgc_parameters_begin(&parameters);
	pgc_parameters_text(&parameters, "minimum", format->minimum);
	if (most == 0 || (strlen(format->maximum) < 19 && strtou64(format->maximum, NULL, 10) < most))
		pgc_parameters_text(&parameters, "maximum", format->maximum);
	pgc_plan_add(asked, "between", list_make1(asked->property), pgc_parameters_end(&parameters));
}

/* is_proved: can a column that is no text hold only values of a format? */
static bool
is_proved(Oid type, const char *format)
{
	switch (type)
	{
		case UUIDOID:
			return strcmp(format, "uuid") == 0;
		case INETOID:
			return strcmp(format, "ipv4") == 0 || strcmp(format, "ipv6") == 0;
		case JSONOID:
		case JSONBOID:
			return strcmp(format, "json") == 0;
		default:
			return false;
	}
}

/* plan_string_format plans a format of string. */
static void
plan_string_format(const PgcAsked *asked, const char *name)
{
	const char *known = strcmp(name, "date-time") == 0 ? "timestamp" : name;
	PgcParameters parameters;

	if (is_proved(asked->property->type, known))
		return;
	if (pgc_format_lookup(known) == NULL || !pgc_type_is_text(asked->property->type))
	{
		pgc_asked_give_up(asked, true,
						  pgc_format_lookup(known) == NULL ? "format \"%s\" is not one that is known here" :
						  "format \"%s\" is checked in text columns only", name);
		return;
	}
	pgc_parameters_begin(&parameters);
	pgc_parameters_text(&parameters, "format", known);
	pgc_plan_add(asked, "format", list_make1(asked->property), pgc_parameters_end(&parameters));
}

/*
 * plan_format plans a format: of numbers by bounds, of strings as our kind
 * format; that of dates is how a text is written, which a typed column is not.
 */
static void
plan_format(const PgcAsked *asked, const char *name)
{
	const char *logical_type = asked->property->column->logical_type;

	if (logical_type != NULL && strcmp(logical_type, "string") == 0)
	{
		plan_string_format(asked, name);
		return;
	}
	for (int i = 0; i < lengthof(number_formats); i++)
	{
		if (strcmp(number_formats[i].name, name) == 0)
		{
			plan_number_format(asked, &number_formats[i]);
			return;
		}
	}
	if (pgc_type_is_text(asked->property->type))
		pgc_asked_give_up(asked, true,
						  "format \"%s\" of a text column is not evaluated here", name);
}

/* plan_enum plans a list of values: of scalars, or of objects with a value. */
static void
plan_enum(const PgcAsked *asked, const PgcNode *list)
{
	List	   *values = pgc_plan_list(list);

	for (int i = 0; pgc_node_is(list, PGC_NODE_LIST) && i < list->count; i++)
	{
		const char *value = pgc_node_get_text(list->content.items[i], "value");

		if (value != NULL)
			values = lappend(values, unconstify(char *, value));
	}
	if (values == NIL)
		pgc_asked_give_up(asked, true,
						  "the list of values is empty");
	else
		pgc_plan_values(asked, "accepted_values", values);
}

/* plan_options plans a property's logicalTypeOptions; asked is moved to them. */
static void
plan_options(const PgcAsked *asked, const PgcNode *options)
{
	const PgcNode *pattern = pgc_node_get(options, "pattern");
	const PgcNode *divisor = pgc_node_get(options, "multipleOf");
	const PgcNode *format = pgc_node_get(options, "format");
	PgcPath		path;
	PgcAsked	option;
	char	   *translated;

	plan_bounds(asked, options);
	plan_length(asked, options);
	option = at(asked, pattern, &path, "pattern");
	if ((translated = pgc_plan_pattern(&option, pattern)) != NULL)
		pgc_plan_matches(&option, translated);
	if (pgc_node_text(divisor) != NULL)
	{
		PgcParameters parameters;

		option = at(asked, divisor, &path, "multipleOf");
		pgc_parameters_begin(&parameters);
		pgc_parameters_text(&parameters, "divisor", number_of(asked->property, divisor));
		pgc_plan_add(&option, "multiple_of", list_make1(asked->property), pgc_parameters_end(&parameters));
	}
	option = at(asked, format, &path, "format");
	if (pgc_node_text(format) != NULL)
		plan_format(&option, pgc_node_text(format));
	option = at(asked, pgc_node_get(options, "enum"), &path, "enum");
	if (option.node != NULL)
		plan_enum(&option, option.node);
	pgc_plan_collection(asked, options);
}

/* has_content: does a map have an entry, or a list an item? */
static bool
has_content(const PgcNode *node)
{
	return (pgc_node_is(node, PGC_NODE_MAP) || pgc_node_is(node, PGC_NODE_LIST)) && node->count > 0;
}

/* asks: does a nested property ask for something to be checked? */
static bool
asks(const PgcNode *property)
{
	static const char *const fields[] = {"logicalTypeOptions", "enum", "quality", "relationships"};

	for (int i = 0; i < lengthof(fields); i++)
	{
		if (has_content(pgc_node_get(property, fields[i])))
			return true;
	}
	return pgc_node_get_true(property, "required") || pgc_node_get_true(property, "unique") ||
		pgc_node_get_true(property, "primaryKey");
}

/* plan_nested gives up what properties inside of a column ask for. */
static void
plan_nested(PgcPlanner *planner, const PgcProperty *property, const PgcNode *node, const PgcPath *path)
{
	const PgcNode *list = pgc_node_get(node, "properties");
	const PgcNode *items = pgc_node_get(node, "items");

	if (node != property->column->node && asks(node))
		pgc_plan_give_up(planner, node, pgc_plan_path(path, NULL), true,
						 "it is inside of column \"%s\", and only whole columns are checked",
						 NameStr(property->column->name));
	for (int i = 0; pgc_node_is(list, PGC_NODE_LIST) && i < list->count; i++)
		plan_nested(planner, property, list->content.items[i],
					pgc_plan_element(path, "properties", list->content.items[i], i));
	if (pgc_node_is(items, PGC_NODE_MAP))
	{
		PgcPath		step = {.parent = path,.name = "items"};

		plan_nested(planner, property, items, &step);
	}
}

/* is_only_key: is the property alone the object's primary key? */
static bool
is_only_key(const PgcObject *object, const PgcProperty *property)
{
	ListCell   *cell;

	if (!pgc_node_get_true(property->column->node, "primaryKey"))
		return false;
	foreach(cell, object->list)
	{
		if (lfirst(cell) != property &&
			pgc_node_get_true(((PgcProperty *) lfirst(cell))->column->node, "primaryKey"))
			return false;
	}
	return true;
}

/* pgc_plan_property plans what a property asks for. */
void
pgc_plan_property(PgcPlanner *planner, PgcObject *object, PgcProperty *property)
{
	const PgcNode *node = property->column->node;
	PgcAsked	asked = pgc_plan_asked(planner, object, property, node, property->path);
	const char *required = pgc_node_get_true(node, "required") ? "required" : "primaryKey";
	PgcPath		path;
	PgcPath		options_path;
	PgcAsked	option;

	if (property->column->required)
	{
		option = at(&asked, pgc_node_get(node, required), &path, required);
		add_plain(&option, "not_null");
	}
	if (pgc_node_get_true(node, "unique") && !is_only_key(object, property))
	{
		option = at(&asked, pgc_node_get(node, "unique"), &path, "unique");
		add_plain(&option, "unique");
	}
	option = at(&asked, pgc_node_get(node, "logicalTypeOptions"), &options_path, "logicalTypeOptions");
	if (option.node != NULL)
		plan_options(&option, option.node);
	option = at(&asked, pgc_node_get(node, "enum"), &path, "enum");
	if (option.node != NULL)
		plan_enum(&option, option.node);
	pgc_plan_relationships(planner, object, property);
	pgc_plan_quality(planner, object, property);
	plan_nested(planner, property, node, property->path);
}

/* key_position returns where in the primary key a property stands; without a position, last. */
static long
key_position(const PgcProperty *property)
{
	const PgcNode *position = pgc_node_get(property->column->node, "primaryKeyPosition");
	long		value = pgc_node_is(position, PGC_NODE_INTEGER) ? strtol(pgc_node_text(position), NULL, 10) : 0;

	return value > 0 ? value : PG_INT32_MAX;
}

/* compare_positions orders members of a key; list_sort is no stable sort, so then as in the document. */
static int
compare_positions(const ListCell *left, const ListCell *right)
{
	const PgcProperty *one = lfirst(left);
	const PgcProperty *other = lfirst(right);
	long		difference = key_position(one) - key_position(other);

	if (difference == 0)
		difference = one->path->index - other->path->index;
	return difference < 0 ? -1 : difference > 0;
}

/* pgc_plan_keys plans an object's primary key: one rule over its members. */
void
pgc_plan_keys(PgcPlanner *planner, PgcObject *object)
{
	List	   *members = NIL;
	PgcParameters parameters;
	PgcAsked	asked;
	PgcPath		path;
	ListCell   *cell;

	foreach(cell, object->list)
	{
		if (pgc_node_get_true(((PgcProperty *) lfirst(cell))->column->node, "primaryKey"))
			members = lappend(members, lfirst(cell));
	}
	if (members == NIL)
		return;
	list_sort(members, compare_positions);
	asked = pgc_plan_asked(planner, object, NULL, NULL, ((PgcProperty *) linitial(members))->path);
	asked = at(&asked, pgc_node_get(((PgcProperty *) linitial(members))->column->node, "primaryKey"), &path, "primaryKey");
	pgc_parameters_begin(&parameters);
	pgc_plan_add(&asked, "unique", members, pgc_parameters_end(&parameters));
}
