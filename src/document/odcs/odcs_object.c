/*
 * src/document/odcs/odcs_object.c
 *		What several fields of an object say together.
 */
#include "postgres.h"

#include "document/odcs/odcs.h"

/* Quality */

/* next_operator returns the key of a check's first operator from a pair on, or NULL; *pair is the next one then. */
static const PgcNode *
next_operator(const PgcNode *map, int *pair)
{
	while (*pair < map->count)
	{
		const PgcNode *key = map->content.pairs[(*pair)++].key;

		for (int i = 0; strncmp(key->content.text, "must", 4) == 0 && pgc_check_operators[i] != NULL; i++)
		{
			if (strcmp(key->content.text, pgc_check_operators[i]) == 0)
				return key;
		}
	}
	return NULL;
}

/* is_counted tells if a check without a type has a field of those that count something. */
static bool
is_counted(const PgcNode *map)
{
	int			pair = 0;

	return pgc_node_get(map, "metric") != NULL || pgc_node_get(map, "rule") != NULL || next_operator(map, &pair) != NULL;
}

/* pgc_odcs_quality returns what a quality check has beside the fields of all, by its type or, without one, its fields. */
const PgcOdcsShape *
pgc_odcs_quality(PgcOdcsCheck *check, const PgcNode *map, const PgcPath *path)
{
	const PgcNode *node = pgc_node_get(map, "type");
	const char *type = pgc_node_text(node);
	bool		is_30 = (check->version & PGC_ODCS_UNTIL_302) != 0;
	const PgcOdcsShape *library = &pgc_odcs_quality_library;

	if (is_30 && pgc_node_get(map, "metric") == NULL)
		library = &pgc_odcs_quality_library_30;
	if (type == NULL && pgc_node_get(map, "query") != NULL)
		type = "sql";
	else if (type == NULL && pgc_node_get(map, "engine") != NULL)
		type = "custom";
	else if (type == NULL || strcmp(type, "library") == 0)
	{
		/* a check that only describes itself needs no type, from 3.1 on */
		if (type == NULL && !is_30 && !is_counted(map))
			return &pgc_odcs_quality_text;
		return library;
	}
	if (strcmp(type, "sql") == 0)
		return &pgc_odcs_quality_sql;
	if (strcmp(type, "custom") == 0)
		return &pgc_odcs_quality_custom;
	return strcmp(type, "text") == 0 ? &pgc_odcs_quality_text : library;
}

/* check_type says that a check's fields are those of a type that it does not say. */
static void
check_type(PgcOdcsCheck *check, const PgcNode *map, const char *field, const char *type, const PgcPath *path)
{
	PgcRemark  *remark;

	if (pgc_node_get(map, "type") != NULL || pgc_node_get(map, field) == NULL)
		return;
	remark = pgc_odcs_say(check, PGC_ERROR, map, path, "a quality check with \"%s\" needs the field \"type\"", field);
	remark->hint = psprintf("Say \"type: %s\".", type);
}

/*
 * pgc_odcs_judge_quality wants one operator of a check that counts.  Before
 * 3.1 the rule's name could say it all.
 */
bool
pgc_odcs_judge_quality(PgcOdcsCheck *check, PgcNode *map, const PgcPath *path)
{
	const PgcOdcsShape *shape = pgc_odcs_quality(check, map, path);
	const PgcNode *first;
	const PgcNode *second;
	PgcRemark  *remark;
	int			pair = 0;

	check_type(check, map, "query", "sql", path);
	check_type(check, map, "engine", "custom", path);
	if (shape == &pgc_odcs_quality_text || shape == &pgc_odcs_quality_custom)
		return true;
	first = next_operator(map, &pair);
	second = next_operator(map, &pair);
	if (second != NULL)
	{
		remark = pgc_odcs_say(check, PGC_ERROR, second, path, "a quality check has one operator, this has \"%s\" and \"%s\"",
							  first->content.text, second->content.text);
		remark->hint = pstrdup("Write a check for each, or mustBeBetween.");
	}
	if (first == NULL && (check->version & PGC_ODCS_FROM_310) != 0)
	{
		remark = pgc_odcs_say(check, PGC_ERROR, map, path, "%s needs an operator", shape->what);
		remark->hint = pstrdup("Say what the number must be, for example \"mustBe: 0\".");
	}
	return true;
}

/* pgc_odcs_judge_arguments looks at values that rows are compared with: other readers must see the same. */
bool
pgc_odcs_judge_arguments(PgcOdcsCheck *check, PgcNode *node, const PgcPath *path)
{
	static const char *const lists[] = {"validValues", "missingValues", NULL};

	for (int i = 0; lists[i] != NULL; i++)
	{
		PgcNode    *values = pgc_node_get(node, lists[i]);
		PgcPath		list = {path, lists[i], 0};

		if (values == NULL)
			continue;
		if (!pgc_odcs_want(check, &values, PGC_WANT_VALUES, &list))
			return false;
		for (int j = 0; j < values->count; j++)
		{
			PgcPath		here = {&list, NULL, j};

			(void) pgc_odcs_want(check, &values->content.items[j], PGC_WANT_VALUE, &here);
		}
	}
	return true;
}

/* Properties */

/* needs_type says that a field belongs to another logical type.  False. */
static bool
needs_type(PgcOdcsCheck *check, const PgcNode *map, const char *field, const char *wanted, const PgcPath *path)
{
	const char *type = pgc_node_get_text(map, "logicalType");
	const PgcNode *node = pgc_node_get(map, field);
	PgcPath		here = {path, field, 0};

	if (node == NULL || type == NULL || strcmp(type, wanted) == 0)
		return true;
	pgc_odcs_say(check, PGC_ERROR, node, &here, "\"%s\" belongs to logicalType %s, not %s", field, wanted, type);
	return false;
}

/* judge_options checks the options of a property's logical type. */
static bool
judge_options(PgcOdcsCheck *check, PgcNode *map, const PgcPath *path)
{
	PgcNode    *node = pgc_node_get(map, "logicalTypeOptions");
	const char *type = pgc_node_get_text(map, "logicalType");
	const PgcOdcsShape *shape = type ? pgc_odcs_options(type) : NULL;
	PgcPath		here = {path, "logicalTypeOptions", 0};
	PgcRemark  *remark;

	if (!pgc_node_is(node, PGC_NODE_MAP) || node->count == 0)
		return true;
	if (shape != NULL)
		return pgc_odcs_check_map(check, node, shape, &here);
	if (type == NULL)
	{
		remark = pgc_odcs_say(check, PGC_ERROR, node, &here, "\"logicalTypeOptions\" needs a logicalType");
		remark->hint = pstrdup("Which options there are depends on the field \"logicalType\".");
		return false;
	}
	if (strcmp(type, "boolean") == 0)
		pgc_odcs_say(check, PGC_WARNING, node, &here, "logicalType boolean has no options");
	return true;
}

/* pgc_odcs_judge_item judges the items of an array, or the keys or values of a map. */
bool
pgc_odcs_judge_item(PgcOdcsCheck *check, PgcNode *map, const PgcPath *path)
{
	bool		right = judge_options(check, map, path);

	right = needs_type(check, map, "items", "array", path) && right;
	return needs_type(check, map, "map", "map", path) && right;
}

/* pgc_odcs_judge_property judges a property. */
bool
pgc_odcs_judge_property(PgcOdcsCheck *check, PgcNode *map, const PgcPath *path)
{
	bool		right = pgc_odcs_judge_item(check, map, path);

	return needs_type(check, map, "properties", "object", path) && right;
}

/* pgc_odcs_judge_relationship wants as many properties on both sides. */
bool
pgc_odcs_judge_relationship(PgcOdcsCheck *check, PgcNode *map, const PgcPath *path)
{
	const PgcNode *from = pgc_node_get(map, "from");
	const PgcNode *to = pgc_node_get(map, "to");

	if (from == NULL || to == NULL || pgc_node_is(from, PGC_NODE_NULL) || pgc_node_is(to, PGC_NODE_NULL))
		return true;
	if (pgc_node_is(from, PGC_NODE_LIST) != pgc_node_is(to, PGC_NODE_LIST))
	{
		pgc_odcs_say(check, PGC_ERROR, map, path, "\"from\" and \"to\" must both be a text, or both a list");
		return false;
	}
	if (!pgc_node_is(from, PGC_NODE_LIST) || from->count == to->count)
		return true;
	pgc_odcs_say(check, PGC_ERROR, map, path, "\"from\" has %d properties, and \"to\" has %d", from->count, to->count);
	return false;
}

/* The team */

/* pgc_odcs_judge_team judges a team: from 3.1 on a map, before that, and still, a list of members. */
bool
pgc_odcs_judge_team(PgcOdcsCheck *check, PgcNode *node, const PgcPath *path)
{
	if (node->type == PGC_NODE_LIST)
		return pgc_odcs_check_maps(check, node, &pgc_odcs_team_member, path);
	if (node->type == PGC_NODE_MAP)
	{
		if ((check->version & PGC_ODCS_UNTIL_302) != 0)
			pgc_odcs_say_newer(check, PGC_INFO, node, path, PGC_ODCS_310, "a team that is a map");
		return pgc_odcs_check_map(check, node, &pgc_odcs_team, path);
	}
	return pgc_odcs_want(check, &node, PGC_WANT_MAP, path);
}

/* What must not be there twice */

/* An element of a list, by a text of it. */
typedef struct Named
{
	const PgcNode *text;
	int			index;			/* in the list */
} Named;

/* compare_named orders elements by text, those with the same text as they stand in the list. */
static int
compare_named(const void *left, const void *right)
{
	const Named *a = left;
	const Named *b = right;
	int			order = strcmp(a->text->content.text, b->text->content.text);

	return order != 0 ? order : a->index - b->index;
}

/*
 * pgc_odcs_check_duplicates says which elements of a list have the same text in
 * a field; field NULL: are the same text.  With drop, only the first is kept.
 */
void
pgc_odcs_check_duplicates(PgcOdcsCheck *check, PgcNode *list, const char *field, bool drop, const PgcPath *path)
{
	Named	   *named;
	int			count = 0;

	if (list->count < 2)
		return;
	named = palloc(list->count * sizeof(Named));
	for (int i = 0; i < list->count; i++)
	{
		PgcNode    *item = list->content.items[i];

		named[count].text = field ? pgc_node_get(item, field) : item;
		named[count].index = i;
		if (pgc_node_is(named[count].text, PGC_NODE_STRING))
			count++;
	}
	qsort(named, count, sizeof(Named), compare_named);
	for (int i = 1; i < count; i++)
	{
		const PgcNode *first = named[i - 1].text;
		const PgcNode *second = named[i].text;

		if (strcmp(first->content.text, second->content.text) != 0)
			continue;
		pgc_odcs_say(check, PGC_ERROR, second, path, "%s \"%s\" is used twice, first in line %d",
					 field ? field : "value", second->content.text, first->line);
		if (drop)
			pgc_odcs_take_out(check, list, &list->content.items[named[i].index]);
	}
	pfree(named);
}
