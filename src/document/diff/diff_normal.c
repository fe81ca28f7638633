/*
 * src/document/diff/diff_normal.c
 *		Documents of all versions of the standard in one form.
 *
 * What was only written in another way before is no change: team as a list or
 * with members, rule and metric of a quality check, exclusive bounds as flags or
 * as values, the default element of service levels and their short names, nulls
 * and defaults that are written out.
 */
#include "postgres.h"

#include "document/diff/diff.h"
#include "miscadmin.h"

static void normalize(PgcNode *node, const char *key);

/* drop takes an entry out of a map, if it is there. */
static void
drop(PgcNode *map, const char *key)
{
	for (int i = 0; i < map->count; i++)
	{
		PgcPair    *pair = &map->content.pairs[i];

		if (strcmp(pgc_diff_text(pair->key), key) != 0)
			continue;
		map->count--;
		memmove(pair, pair + 1, sizeof(PgcPair) * (map->count - i));
		return;
	}
}

/* replace_word puts the word that is meant, unless that is NULL, in place of the one that a field has. */
static void
replace_word(PgcNode *map, const char *key, const char *meant)
{
	if (meant != NULL && strcmp(meant, pgc_node_get_text(map, key)) != 0)
		pgc_node_set(map, key, pgc_node_make_string(meant));
}

/* says_how_many says whether a quality check has an operator. */
static bool
says_how_many(const PgcNode *item)
{
	for (int i = 0; i < item->count; i++)
	{
		if (strncmp(pgc_diff_text(item->content.pairs[i].key), "must", 4) == 0)
			return true;
	}
	return false;
}

/* counts_bad_ones says whether a metric is best at zero. */
static bool
counts_bad_ones(const char *metric)
{
	return metric != NULL && strlen(metric) > 6 &&
		strcmp(metric + strlen(metric) - 6, "Values") == 0;
}

/*
 * normalize_quality: a check has a metric, and no type if that is the default.
 * Before v3.1.0 the rule's name could say it all: nullCheck is no nulls.
 */
static void
normalize_quality(PgcNode *item)
{
	const char *type = pgc_node_get_text(item, "type");
	const char *unit = pgc_node_get_text(item, "unit");
	PgcNode    *rule = pgc_node_get(item, "rule");
	bool		is_old = rule != NULL && pgc_node_get(item, "metric") == NULL;

	if (is_old)
		pgc_node_set(item, "metric", rule);
	drop(item, "rule");
	replace_word(item, "metric", pgc_word_metric(pgc_node_get_text(item, "metric")));
	if (is_old && !says_how_many(item) && counts_bad_ones(pgc_node_get_text(item, "metric")))
		pgc_node_set(item, "mustBe", pgc_node_make_scalar(PGC_NODE_INTEGER, "0"));
	if (type != NULL && strcmp(type, "library") == 0)
		drop(item, "type");
	if (unit != NULL && pg_strcasecmp(unit, "rows") == 0)
		drop(item, "unit");
}

/* normalize_bound: an exclusive bound is a value of its own. */
static void
normalize_bound(PgcNode *options, const char *bound, const char *exclusive)
{
	PgcNode    *flag = pgc_node_get(options, exclusive);
	PgcNode    *value = pgc_node_get(options, bound);

	if (!pgc_node_is(flag, PGC_NODE_BOOL))
		return;
	if (pgc_node_is_true(flag) && value != NULL)
	{
		pgc_node_set(options, exclusive, value);
		drop(options, bound);
	}
	else
		drop(options, exclusive);
}

/* has_element says whether a service level is about data of a certain place. */
static bool
has_element(const char *property)
{
	static const char *const properties[] = {
		"freshness", "latency", "frequency", "retention", "timeOfAvailability"
	};

	for (int i = 0; property != NULL && i < lengthof(properties); i++)
	{
		if (strcmp(property, properties[i]) == 0)
			return true;
	}
	return false;
}

/* normalize_service_levels names them in full, and each its element. */
static void
normalize_service_levels(PgcNode *root)
{
	PgcNode    *list = pgc_node_get(root, "slaProperties");
	PgcNode    *element = pgc_node_get(root, "slaDefaultElement");

	for (int i = 0; pgc_node_is(list, PGC_NODE_LIST) && i < list->count; i++)
	{
		PgcNode    *item = list->content.items[i];

		if (!pgc_node_is(item, PGC_NODE_MAP))
			continue;
		replace_word(item, "property", pgc_word_service_level(pgc_node_get_text(item, "property")));
		if (element != NULL && pgc_node_get(item, "element") == NULL &&
			has_element(pgc_node_get_text(item, "property")))
			pgc_node_set(item, "element", element);
	}
	drop(root, "slaDefaultElement");
}

/* normalize_team: a list is the members of a team without a name. */
static void
normalize_team(PgcNode *root)
{
	PgcNode    *team = pgc_node_get(root, "team");

	if (pgc_node_is(team, PGC_NODE_LIST))
		pgc_node_set(pgc_node_set(root, "team", pgc_node_make_map()), "members", team);
}

/* may_be_null says whether null is a value under a key, not an absence. */
static bool
may_be_null(const char *key)
{
	return strcmp(key, "value") == 0 || strcmp(key, "mustBe") == 0 ||
		strcmp(key, "mustNotBe") == 0;
}

/* drop_nulls takes out the entries of a map that say nothing. */
static void
drop_nulls(PgcNode *map)
{
	int			kept = 0;

	for (int i = 0; i < map->count; i++)
	{
		PgcPair		pair = map->content.pairs[i];

		if (!pgc_node_is(pair.value, PGC_NODE_NULL) || may_be_null(pgc_diff_text(pair.key)))
			map->content.pairs[kept++] = pair;
	}
	map->count = kept;
}

/* normalize_map does what is to be done for a map, by the key that leads to it. */
static void
normalize_map(PgcNode *map, const char *key)
{
	drop_nulls(map);
	if (strcmp(key, "quality") == 0)
		normalize_quality(map);
	else if (strcmp(key, "logicalTypeOptions") == 0)
	{
		normalize_bound(map, "minimum", "exclusiveMinimum");
		normalize_bound(map, "maximum", "exclusiveMaximum");
	}
	for (int i = 0; i < map->count; i++)
		normalize(map->content.pairs[i].value, pgc_diff_text(map->content.pairs[i].key));
}

/* normalize goes through a tree; an element of a list has the list's key. */
static void
normalize(PgcNode *node, const char *key)
{
	check_stack_depth();
	/* what is free-form is left as it is */
	if (strcmp(key, "value") == 0 || strcmp(key, "implementation") == 0)
		return;
	if (pgc_node_is(node, PGC_NODE_MAP))
		normalize_map(node, key);
	else if (pgc_node_is(node, PGC_NODE_LIST))
	{
		for (int i = 0; i < node->count; i++)
			normalize(node->content.items[i], key);
	}
}

/* pgc_diff_normal returns a copy of a document in normal form. */
PgcNode *
pgc_diff_normal(const PgcNode *root)
{
	PgcNode    *copy = pgc_node_copy(root);

	normalize(copy, "");
	normalize_team(copy);
	normalize_service_levels(copy);
	return copy;
}
