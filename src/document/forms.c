/*
 * src/document/forms.c
 *		Rules written as nodes of ODCS, in the standard's own fields where it has
 *		one.
 *
 * Each form is a guess at what the plan would read back as the same rule; who
 * calls this plans the document and takes the next form if it does not.  So
 * nothing here repeats the plan's decisions.
 */
#include "postgres.h"

#include "document/forms.h"
#include "document/shape.h"
#include "nodes/value.h"
#include "utils/builtins.h"
#include "utils/numeric.h"
#include "utils/varlena.h"

/* A rule that is being written. */
typedef struct Writing
{
	PgcFormTarget *target;
	const PgcStoredRule *rule;
	PgcNode    *property;		/* of its only column, or NULL */
	PgcNode    *parameters;
} Writing;

/* parameter returns a parameter of the rule, or NULL. */
static PgcNode *
parameter(const Writing *writing, const char *name)
{
	return pgc_node_get(writing->parameters, name);
}

/* texts_of makes a list of char * of an array of names. */
static List *
texts_of(char *const *names, int count)
{
	List	   *texts = NIL;

	for (int i = 0; i < count; i++)
		texts = lappend(texts, names[i]);
	return texts;
}

/* logical_type_is: is the property's logical type one of these (a comma before and after each)? */
static bool
logical_type_is(const Writing *writing, const char *types)
{
	const char *type = pgc_node_get_text(writing->property, "logicalType");

	return type != NULL && strstr(types, psprintf(",%s,", type)) != NULL;
}

/*
 * has_no_words: is the rule as a field makes it, with nothing that a field has no
 * room for?  Its name, too, must be the default one, which the plan will tell.
 */
static bool
has_no_words(const PgcStoredRule *rule)
{
	return strcmp(rule->severity, "error") == 0 && rule->spec.filter == NULL && rule->tolerance == 0 &&
		rule->description == NULL && rule->schedule == NULL && rule->runbook == NULL;
}

/*
 * claim_action makes the property's fields do on a write what the rule does;
 * false if they do something else already.
 */
static bool
claim_action(const Writing *writing)
{
	const char *action = pgc_action_name(writing->rule->spec.action);
	const char *claimed = pgc_node_text(pgc_custom_get(writing->property, "onViolation"));

	if (claimed != NULL)
		return strcmp(claimed, action) == 0;
	if (writing->rule->spec.action == PGC_WARN)
		writing->target->warning = list_append_unique_ptr(writing->target->warning, writing->property);
	else if (list_member_ptr(writing->target->warning, writing->property))
		return false;
	else
		pgc_shape_add_custom_property(writing->property, "onViolation", pgc_node_make_string(action));
	return true;
}

/* options returns the property's logicalTypeOptions, made if there are none. */
static PgcNode *
options(const Writing *writing)
{
	PgcNode    *found = pgc_node_get(writing->property, "logicalTypeOptions");

	return found ? found : pgc_node_set(writing->property, "logicalTypeOptions", pgc_node_make_map());
}

/* set_option sets an option; false if another rule has set it, or there is no value. */
static bool
set_option(const Writing *writing, const char *option, PgcNode *value)
{
	if (value == NULL || pgc_node_get(pgc_node_get(writing->property, "logicalTypeOptions"), option) != NULL ||
		!claim_action(writing))
		return false;
	pgc_node_set(options(writing), option, value);
	return true;
}

/* set_flag sets a boolean field of the property. */
static bool
set_flag(const Writing *writing, const char *field, bool on_write)
{
	if (pgc_node_get(writing->property, field) != NULL || (on_write && !claim_action(writing)))
		return false;
	pgc_node_set(writing->property, field, pgc_node_make_bool(true));
	return true;
}

/* set_bounds sets the options for a minimum and a maximum, either of which may not be there. */
static bool
set_bounds(const Writing *writing, const char *low, const char *high)
{
	PgcNode    *minimum = parameter(writing, "minimum");
	PgcNode    *maximum = parameter(writing, "maximum");
	const PgcNode *present = pgc_node_get(writing->property, "logicalTypeOptions");

	if ((minimum == NULL && maximum == NULL) || pgc_node_get(present, low) != NULL ||
		pgc_node_get(present, high) != NULL)
		return false;
	if (minimum != NULL && !set_option(writing, low, minimum))
		return false;
	return maximum == NULL || set_option(writing, high, maximum);
}

/* write_range writes a rule of kind between. */
static bool
write_range(const Writing *writing)
{
	bool		number = logical_type_is(writing, ",integer,number,");
	const PgcNode *bounds[] = {parameter(writing, "minimum"), parameter(writing, "maximum")};

	if (!number && !logical_type_is(writing, ",date,timestamp,time,"))
		return false;
	for (int i = 0; i < 2; i++)
	{
		/* infinities and NaN are strings, also of numbers */
		if (bounds[i] != NULL && number == pgc_node_is(bounds[i], PGC_NODE_STRING))
			return false;
	}
	return set_bounds(writing,
					  pgc_node_is_true(parameter(writing, "exclusive_minimum")) ? "exclusiveMinimum" : "minimum",
					  pgc_node_is_true(parameter(writing, "exclusive_maximum")) ? "exclusiveMaximum" : "maximum");
}

/* referenced_object returns the name by which a relationship can reference the rule's other relation, or NULL. */
static const char *
referenced_object(const Writing *writing)
{
	const char *relation = pgc_node_text(parameter(writing, "referenced_relation"));
	List	   *names;
	ListCell   *cell;

	foreach(cell, writing->target->objects)
	{
		const PgcFormObject *object = lfirst(cell);

		if (strcmp(object->relation, relation) == 0)
			return pgc_shape_is_plain(object->name) ? object->name : NULL;
	}
	names = textToQualifiedNameList(cstring_to_text(relation));
	if (list_length(names) != 2 || writing->target->schema == NULL ||
		strcmp(strVal(linitial(names)), writing->target->schema) != 0)
		return NULL;
	return pgc_shape_is_plain(strVal(lsecond(names))) ? strVal(lsecond(names)) : NULL;
}

/* short_references makes references (object.column) of a list of columns; NULL if one has no short one. */
static PgcNode *
short_references(const char *object, const List *columns)
{
	PgcNode    *list = pgc_node_make_list();
	ListCell   *cell;

	foreach(cell, columns)
	{
		if (!pgc_shape_is_plain(lfirst(cell)))
			return NULL;
		pgc_node_append(list, pgc_node_make_string(psprintf("%s.%s", object, (char *) lfirst(cell))));
	}
	return list;
}

/* write_relationship writes a rule of kind references. */
static bool
write_relationship(const Writing *writing)
{
	const PgcRuleSpec *spec = &writing->rule->spec;
	const PgcNode *referenced = parameter(writing, "referenced_columns");
	const char *object = referenced_object(writing);
	List	   *columns = NIL;
	PgcNode    *from;
	PgcNode    *to;
	PgcNode    *relationship;

	for (int i = 0; referenced != NULL && i < referenced->count; i++)
		columns = lappend(columns, unconstify(char *, pgc_node_text(referenced->content.items[i])));
	if (object == NULL || !pgc_shape_is_plain(writing->target->object_name))
		return false;
	from = short_references(writing->target->object_name, texts_of(spec->columns, spec->ncolumns));
	to = short_references(object, columns);
	if (to == NULL || from == NULL)
		return false;
	relationship = pgc_node_make_map();
	pgc_shape_set_text(relationship, "type", "foreignKey");
	if (writing->property != NULL)
		pgc_node_set(relationship, "to", to->content.items[0]);
	else
	{
		pgc_node_set(relationship, "from", from);
		pgc_node_set(relationship, "to", to);
	}
	pgc_node_append(pgc_shape_list(writing->property ? writing->property : writing->target->object,
								   "relationships"), relationship);
	return true;
}

/* split_age splits "3 days" into number and ODCS unit; false: it is no such text. */
static bool
split_age(const char *age, char **number, const char **unit)
{
	static const struct
	{
		const char *word;
		const char *unit;
	}			units[] = {{"day", "d"}, {"days", "d"}, {"year", "y"}, {"years", "y"}};
	const char *space = strchr(age, ' ');
	int			hours;
	int			minutes;
	int			seconds;
	int			length = 0;

	for (int i = 0; space != NULL && i < lengthof(units); i++)
	{
		if (strcmp(space + 1, units[i].word) == 0 && strspn(age, "0123456789") == space - age)
		{
			*number = pnstrdup(age, space - age);
			*unit = units[i].unit;
			return true;
		}
	}
	if (sscanf(age, "%d:%d:%d%n", &hours, &minutes, &seconds, &length) != 3 || age[length] != '\0')
		return false;
	*number = psprintf("%d", seconds ? (hours * 60 + minutes) * 60 + seconds : minutes ? hours * 60 + minutes : hours);
	*unit = seconds ? "seconds" : minutes ? "minutes" : "hours";
	return true;
}

/* add_service_level adds one of the rule's column. */
static void
add_service_level(const Writing *writing, const char *property, PgcNode *value, const char *unit)
{
	PgcNode    *level = pgc_node_append(pgc_shape_list(writing->target->root, "slaProperties"), pgc_node_make_map());

	pgc_shape_set_text(level, "property", property);
	pgc_node_set(level, "value", value);
	pgc_shape_set_text(level, "unit", unit);
	pgc_shape_set_text(level, "element", psprintf("%s.%s", writing->target->object_name, writing->rule->spec.columns[0]));
}

/* write_fresh writes a rule of kind fresh: an age or a deadline; one with both, or on some days, has no field. */
static bool
write_fresh(const Writing *writing)
{
	const char *age = pgc_node_text(parameter(writing, "max_age"));
	const char *by = pgc_node_text(parameter(writing, "by"));
	const char *zone = pgc_node_text(parameter(writing, "time_zone"));
	char	   *number;
	const char *unit;

	if (!pgc_shape_is_plain(writing->target->object_name) || !pgc_shape_is_plain(writing->rule->spec.columns[0]) ||
		parameter(writing, "days") != NULL)
		return false;
	if (age == NULL && by != NULL && zone != NULL)
		add_service_level(writing, "timeOfAvailability", pgc_node_make_string(psprintf("%s %s", by, zone)), NULL);
	else if (age != NULL && by == NULL && zone == NULL && split_age(age, &number, &unit))
		add_service_level(writing, "latency", pgc_node_make_scalar(PGC_NODE_INTEGER, number), unit);
	else
		return false;
	return true;
}

/* write_field writes a rule as a field of its property. */
static bool
write_field(const Writing *writing)
{
	const char *kind = writing->rule->spec.kind;

	if (!has_no_words(writing->rule) || !writing->target->own)
		return false;
	if (strcmp(kind, "references") == 0)
		return write_relationship(writing);
	if (writing->property == NULL)
		return false;
	if (strcmp(kind, "not_null") == 0)
		return set_flag(writing, "required", true);
	if (strcmp(kind, "unique") == 0)
		return set_flag(writing, "unique", false);
	if (strcmp(kind, "between") == 0)
		return write_range(writing);
	if (strcmp(kind, "fresh") == 0)
		return write_fresh(writing);
	if (strcmp(kind, "multiple_of") == 0)
		return logical_type_is(writing, ",integer,number,") &&
			set_option(writing, "multipleOf", parameter(writing, "divisor"));
	if (!logical_type_is(writing, ",string,"))
		return false;
	if (strcmp(kind, "length_between") == 0)
		return set_bounds(writing, "minLength", "maxLength");
	if (strcmp(kind, "matches") == 0)
		return set_option(writing, "pattern", parameter(writing, "pattern"));
	if (strcmp(kind, "format") == 0)
		return set_option(writing, "format", parameter(writing, "format"));
	return false;
}

/* number_node makes a number of a fraction, as numeric writes it. */
static PgcNode *
number_node(double value)
{
	Datum		number = DirectFunctionCall1(float8_numeric, Float8GetDatum(value));

	return pgc_node_make_scalar(PGC_NODE_NUMBER, DatumGetCString(DirectFunctionCall1(numeric_out, number)));
}

/* on_write: does a write look at rules of this kind? */
static bool
on_write(const Writing *writing)
{
	return pgc_kind_default_action(writing->rule->spec.kind) != PGC_AUDIT;
}

/* add_words adds to a quality item what every rule may have. */
static void
add_words(const Writing *writing, PgcNode *item)
{
	const PgcStoredRule *rule = writing->rule;
	const char *claimed = pgc_node_text(pgc_custom_get(writing->property, "onViolation"));
	const char *action = pgc_action_name(rule->spec.action);
	bool		differs = claimed != NULL ? strcmp(claimed, action) != 0 : rule->spec.action != PGC_WARN;

	pgc_shape_set_text(item, "description", rule->description);
	if (strcmp(rule->severity, "error") != 0)
		pgc_shape_set_text(item, "severity", rule->severity);
	if (rule->runbook != NULL)
		pgc_shape_add_custom_property(item, "runbook", pgc_node_make_string(rule->runbook));
	if (on_write(writing) && (differs || !writing->target->own))
		pgc_shape_add_custom_property(item, "onViolation", pgc_node_make_string(action));
}

/* add_limits adds to a check of the standard's what only we know. */
static void
add_limits(const Writing *writing, PgcNode *item)
{
	if (writing->rule->spec.filter != NULL)
		pgc_shape_add_custom_property(item, "filter", pgc_node_make_string(writing->rule->spec.filter));
	if (writing->rule->tolerance > 0)
		pgc_shape_add_custom_property(item, "tolerance", number_node(writing->rule->tolerance));
}

/* set_operator compares with the rule's bounds, both included; false: the standard has no operator for them. */
static bool
set_operator(const Writing *writing, PgcNode *item)
{
	PgcNode    *minimum = parameter(writing, "minimum");
	PgcNode    *maximum = parameter(writing, "maximum");
	bool		above = pgc_node_is_true(parameter(writing, "exclusive_minimum"));
	bool		below = pgc_node_is_true(parameter(writing, "exclusive_maximum"));

	if (minimum == NULL && maximum == NULL)
		return false;
	if (maximum == NULL)
		pgc_node_set(item, above ? "mustBeGreaterThan" : "mustBeGreaterOrEqualTo", minimum);
	else if (minimum == NULL)
		pgc_node_set(item, below ? "mustBeLessThan" : "mustBeLessOrEqualTo", maximum);
	else if (above || below)
		return false;
	else if (pgc_node_equal(minimum, maximum))
		pgc_node_set(item, "mustBe", minimum);
	else
	{
		PgcNode    *list = pgc_node_set(item, "mustBeBetween", pgc_node_make_list());

		pgc_node_append(list, minimum);
		pgc_node_append(list, maximum);
	}
	return true;
}

/* write_measure writes a rule about one number of the table: its rows, or what a query returns. */
static PgcNode *
write_measure(const Writing *writing)
{
	PgcNode    *item = pgc_node_make_map();
	PgcNode    *query = parameter(writing, "query");

	pgc_shape_set_text(item, "name", writing->rule->spec.name);
	pgc_shape_set_text(item, "type", query ? "sql" : "library");
	if (query != NULL)
		pgc_node_set(item, "query", query);
	else
		pgc_shape_set_text(item, "metric", "rowCount");
	if (!set_operator(writing, item))
		return NULL;
	return pgc_node_append(pgc_shape_list(writing->target->object, "quality"), item);
}

/* write_check writes a rule as a quality check that the standard defines. */
static bool
write_check(const Writing *writing)
{
	const PgcRuleSpec *spec = &writing->rule->spec;
	PgcNode    *item = NULL;

	if (strcmp(spec->kind, "row_count") == 0 || strcmp(spec->kind, "query") == 0)
		item = write_measure(writing);
	else if (strcmp(spec->kind, "unique") == 0 && writing->property == NULL)
		item = pgc_shape_add_check(writing->target->object, spec->name, "duplicateValues", "properties",
								   pgc_shape_texts(texts_of(spec->columns, spec->ncolumns)));
	else if (writing->property == NULL)
		return false;
	else if (strcmp(spec->kind, "unique") == 0)
		item = pgc_shape_add_check(writing->property, spec->name, "duplicateValues", NULL, NULL);
	else if (strcmp(spec->kind, "not_null") == 0)
		item = pgc_shape_add_check(writing->property, spec->name, "nullValues", NULL, NULL);
	else if (strcmp(spec->kind, "accepted_values") == 0)
		item = pgc_shape_add_check(writing->property, spec->name, "invalidValues", "validValues",
								   parameter(writing, "values"));
	else if (strcmp(spec->kind, "matches") == 0)
		item = pgc_shape_add_check(writing->property, spec->name, "invalidValues", "pattern",
								   parameter(writing, "pattern"));
	if (item == NULL)
		return false;
	add_words(writing, item);
	add_limits(writing, item);
	return true;
}

/* write_custom writes any rule; one at a property is about its column, unless it says otherwise. */
static void
write_custom(const Writing *writing)
{
	const PgcRuleSpec *spec = &writing->rule->spec;
	PgcNode    *element = writing->property ? writing->property : writing->target->object;
	bool		says_columns = writing->property == NULL && pgc_kind_is_about_columns(spec->kind);
	List	   *columns = says_columns ? texts_of(spec->columns, spec->ncolumns) : NIL;
	PgcNode    *item = pgc_shape_add_rule(element, spec->name, spec->kind, columns, writing->parameters);
	PgcNode    *implementation = pgc_node_get(item, "implementation");

	pgc_shape_set_text(implementation, "filter", spec->filter);
	if (writing->rule->tolerance > 0)
		pgc_node_set(implementation, "tolerance", number_node(writing->rule->tolerance));
	add_words(writing, item);
}

/* pgc_form_write: see forms.h. */
bool
pgc_form_write(PgcFormTarget *target, const PgcStoredRule *rule, PgcForm form)
{
	Writing		writing = {
		.target = target,
		.rule = rule,
		.parameters = pgc_node_from_jsonb(rule->spec.parameters)
	};

	if (target->version < 310 && form != PGC_FORM_CUSTOM)
		return false;
	if (rule->spec.ncolumns == 1 && pgc_kind_is_about_columns(rule->spec.kind))
		writing.property = pgc_shape_property(target->object, rule->spec.columns[0]);
	switch (form)
	{
		case PGC_FORM_FIELD:
			return write_field(&writing);
		case PGC_FORM_CHECK:
			return write_check(&writing);
		case PGC_FORM_CUSTOM:
			write_custom(&writing);
			return true;
	}
	return false;
}
