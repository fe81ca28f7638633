/*
 * src/document/plan/collections.c
 *		Options of arrays and objects: minItems, maxItems, uniqueItems,
 *		minProperties, maxProperties, required.
 *
 * An array is an array of PostgreSQL's or one in json or jsonb; an object, one
 * in json or jsonb.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "document/plan/plan.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* json_of returns a column as jsonb, as SQL, or NULL: it is neither json nor jsonb. */
static char *
json_of(const PgcProperty *property)
{
	if (property->type == JSONBOID)
		return pstrdup(pgc_plan_quoted(property));
	return property->type == JSONOID ? psprintf("%s::jsonb", pgc_plan_quoted(property)) : NULL;
}

/* add_json adds a rule that a JSON value is of a type and satisfies a condition; nulls pass. */
static void
add_json(const PgcAsked *asked, const char *json, const char *type, const char *condition)
{
	pgc_plan_satisfies(asked, "%s IS NULL OR CASE WHEN jsonb_typeof(%s) = '%s' THEN %s ELSE false END",
					   pgc_plan_quoted(asked->property), json, type, condition);
}

/* plan_items plans minItems and maxItems. */
static void
plan_items(const PgcAsked *asked, const PgcNode *options, const char *json)
{
	char	   *length = json == NULL ? psprintf("cardinality(%s)", pgc_plan_quoted(asked->property)) :
	psprintf("jsonb_array_length(%s)", json);
	char	   *condition = pgc_plan_range_sql(pgc_node_get(options, "minItems"), pgc_node_get(options, "maxItems"), length);

	if (condition == NULL)
		return;
	if (json == NULL)
		pgc_plan_satisfies(asked, "%s", condition);
	else
		add_json(asked, json, "array", condition);
}

/* plan_unique_items plans uniqueItems: by a query, since an expression has no subquery. */
static void
plan_unique_items(const PgcAsked *asked, const char *json)
{
	const char *column = pgc_plan_quoted(asked->property);
	char	   *items = json == NULL ? psprintf("unnest(%s)", column) :
	psprintf("jsonb_array_elements(CASE WHEN jsonb_typeof(%s) = 'array' THEN %s END)", json, json);
	PgcAsked	named = *asked;
	PgcParameters parameters;

	pgc_parameters_begin(&parameters);
	pgc_parameters_text(&parameters, "query",
						psprintf("SELECT %s FROM %s WHERE (SELECT count(*) FROM %s) <>"
								 " (SELECT count(*) FROM (SELECT DISTINCT item FROM %s AS items (item)) AS different)",
								 column, asked->object->dataset->name, items, items));
	named.name = psprintf("unique_items_%s", NameStr(asked->property->column->name));
	pgc_plan_add(&named, "query", NIL, pgc_parameters_end(&parameters));
}

/* plan_array plans the options of an array. */
static void
plan_array(const PgcAsked *asked, const PgcNode *options)
{
	char	   *json = json_of(asked->property);

	if (json == NULL && !type_is_array(asked->property->type))
	{
		pgc_asked_give_up(asked, true,
						  "items of a column of type %s are not checked", format_type_be(asked->property->type));
		return;
	}
	plan_items(asked, options, json);
	if (pgc_node_get_true(options, "uniqueItems"))
		plan_unique_items(asked, json);
}

/* plan_object plans the options of an object. */
static void
plan_object(const PgcAsked *asked, const PgcNode *options)
{
	char	   *json = json_of(asked->property);
	List	   *required = pgc_plan_list(pgc_node_get(options, "required"));
	StringInfoData keys;
	ListCell   *cell;
	char	   *condition;

	if (json == NULL)
	{
		pgc_asked_give_up(asked, true,
						  "properties of a column of type %s are not checked", format_type_be(asked->property->type));
		return;
	}
	condition = pgc_plan_range_sql(pgc_node_get(options, "minProperties"), pgc_node_get(options, "maxProperties"),
								   psprintf("jsonb_array_length(jsonb_path_query_array(%s, '$.keyvalue()'))", json));
	if (condition != NULL)
		add_json(asked, json, "object", condition);
	if (required == NIL)
		return;
	initStringInfo(&keys);
	foreach(cell, required)
		appendStringInfo(&keys, "%s%s", foreach_current_index(cell) > 0 ? ", " : "", quote_literal_cstr(lfirst(cell)));
	add_json(asked, json, "object", psprintf("%s ?& ARRAY[%s]", json, keys.data));
}

/* has_any: does a map have one of some keys? */
static bool
has_any(const PgcNode *map, const char *const *keys)
{
	for (int i = 0; keys[i] != NULL; i++)
	{
		if (pgc_node_get(map, keys[i]) != NULL)
			return true;
	}
	return false;
}

/* pgc_plan_collection plans the options of arrays and objects; asked is moved to the options. */
void
pgc_plan_collection(const PgcAsked *asked, const PgcNode *options)
{
	static const char *const of_arrays[] = {"minItems", "maxItems", "uniqueItems", NULL};
	static const char *const of_objects[] = {"minProperties", "maxProperties", "required", NULL};

	if (has_any(options, of_arrays))
		plan_array(asked, options);
	if (has_any(options, of_objects))
		plan_object(asked, options);
}
