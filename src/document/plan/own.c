/*
 * src/document/plan/own.c
 *		Quality checks of type custom: with engine pg_contract they are any rule
 *		of ours, which keeps what the standard has no field for.
 *
 *	implementation: {kind: between, columns: [amount], parameters: {minimum: 0}, filter: ..., tolerance: ...}
 */
#include "postgres.h"

#include "document/plan/plan.h"

/* fail remarks on an implementation. */
static void
pg_attribute_printf(4, 5)
fail(const PgcAsked *asked, const PgcNode *node, const char *hint, const char *format,...)
{
	va_list		arguments;
	char	   *message;

	va_start(arguments, format);
	message = pgc_message(format, arguments);
	va_end(arguments);
	pgc_remark(asked->planner->remarks, PGC_ERROR, node, pgc_plan_path(asked->path, "implementation"),
			   "%s", message)->hint = unconstify(char *, hint);
}

/* find_column returns the property of a name, or of that column, or NULL. */
static PgcProperty *
find_column(const PgcObject *object, const char *name)
{
	PgcProperty *property = pgc_names_find(object->properties, name);

	return property != NULL ? property : pgc_names_find(object->bound, name);
}

/* read_columns returns the columns that a rule is about; false: they are remarked on. */
static bool
read_columns(const PgcAsked *asked, const PgcNode *list, List **columns)
{
	*columns = NIL;
	if (list != NULL && !pgc_node_is(list, PGC_NODE_LIST))
	{
		fail(asked, list, NULL, "columns must be a list");
		return false;
	}
	for (int i = 0; list != NULL && i < list->count; i++)
	{
		const char *name = pgc_node_text(list->content.items[i]);
		PgcProperty *property = name == NULL ? NULL : find_column(asked->object, name);

		if (property == NULL)
			fail(asked, list->content.items[i], NULL, "object \"%s\" has no property \"%s\"",
				 asked->object->dataset->object, name == NULL ? "" : name);
		if (property == NULL || property->layout == NULL)
			return false;
		*columns = lappend(*columns, property);
	}
	if (list == NULL && asked->property != NULL)
		*columns = list_make1(asked->property);
	return true;
}

/* is_known: are all keys of an implementation known?  The first that is not is remarked on. */
static bool
is_known(const PgcAsked *asked, const PgcNode *map)
{
	static const char *const keys[] = {"kind", "columns", "parameters", "filter", "tolerance"};

	for (int i = 0; i < map->count; i++)
	{
		const PgcNode *key = map->content.pairs[i].key;
		bool		known = false;

		for (int j = 0; j < lengthof(keys); j++)
			known |= strcmp(key->content.text, keys[j]) == 0;
		if (!known)
		{
			fail(asked, key, "A rule has kind, columns, parameters, filter and tolerance.",
				 "unknown field \"%s\" of a rule", key->content.text);
			return false;
		}
	}
	return true;
}

/* plan_rule plans a rule of ours. */
static void
plan_rule(const PgcAsked *item, const PgcNode *map)
{
	const PgcNode *parameters = pgc_node_get(map, "parameters");
	const char *kind = pgc_node_get_text(map, "kind");
	PgcAsked	asked = *item;
	PgcParameters none;
	List	   *columns;

	if (!is_known(item, map) || !read_columns(item, pgc_node_get(map, "columns"), &columns))
		return;
	if (kind == NULL || pgc_kind_lookup(kind) == NULL)
		fail(item, map, psprintf("Kinds of rules are %s.", pgc_kind_names()),
			 "unknown kind of rule \"%s\"", kind == NULL ? "" : kind);
	else if (parameters != NULL && !pgc_node_is(parameters, PGC_NODE_MAP))
		fail(item, parameters, NULL, "parameters must be a map");
	else
	{
		if (pgc_node_get_text(map, "filter") != NULL)
			asked.filter = pgc_node_get_text(map, "filter");
		if (pgc_node_get(map, "tolerance") != NULL)
			asked.tolerance = pgc_plan_tolerance(item, pgc_node_get(map, "tolerance"));
		pgc_parameters_begin(&none);
		if (!pgc_kind_is_about_columns(kind) && pgc_node_get(map, "columns") == NULL)
			columns = NIL;
		pgc_plan_add(&asked, kind, columns,
					 parameters == NULL ? pgc_parameters_end(&none) : pgc_node_to_jsonb(parameters));
	}
}

/* pgc_plan_engine plans a check for an engine: ours, or one that does not run here. */
void
pgc_plan_engine(const PgcAsked *asked)
{
	const char *engine = pgc_node_get_text(asked->node, "engine");
	const PgcNode *map = pgc_node_get(asked->node, "implementation");

	if (engine == NULL || strcmp(engine, "pg_contract") != 0)
		pgc_asked_give_up(asked, true,
						  "engine \"%s\" is not evaluated here", engine == NULL ? "" : engine);
	else if (!pgc_node_is(map, PGC_NODE_MAP))
		fail(asked, map != NULL ? map : asked->node, "Write kind, columns and parameters of the rule.",
			 "the implementation for engine pg_contract must be a map");
	else
		plan_rule(asked, map);
}
