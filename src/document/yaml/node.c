/*
 * src/document/yaml/node.c
 *		Trees of nodes: looking into them, comparing, making.
 *
 * Runs without a server (FRONTEND).  Recursion is as deep as the tree, which
 * pg_contract.document_max_depth bounds.
 */
#include "document/yaml/node.h"

/* pgc_node_get returns the value of a map's key, or NULL: no such key, no map. */
PgcNode *
pgc_node_get(const PgcNode *map, const char *key)
{
	int			length = (int) strlen(key);

	if (!pgc_node_is(map, PGC_NODE_MAP))
		return NULL;
	for (int i = 0; i < map->count; i++)
	{
		const PgcPair *pair = &map->content.pairs[i];

		if (pair->key->count == length && memcmp(pair->key->content.text, key, length) == 0)
			return pair->value;
	}
	return NULL;
}

/* pgc_node_text returns a scalar's text as written, or NULL: a null, no scalar. */
const char *
pgc_node_text(const PgcNode *scalar)
{
	if (!pgc_node_is_scalar(scalar) || scalar->type == PGC_NODE_NULL)
		return NULL;
	return scalar->content.text;
}

/* pgc_node_is says whether there is a node, of that type. */
bool
pgc_node_is(const PgcNode *node, PgcNodeType type)
{
	return node != NULL && node->type == type;
}

/* pgc_node_is_scalar says whether there is a node that is no list and no map. */
bool
pgc_node_is_scalar(const PgcNode *node)
{
	return node != NULL && node->type < PGC_NODE_LIST;
}

/* pgc_node_is_true says whether the node is the boolean true; the text "true" is not. */
bool
pgc_node_is_true(const PgcNode *scalar)
{
	return pgc_node_is(scalar, PGC_NODE_BOOL) &&
		(scalar->content.text[0] == 't' || scalar->content.text[0] == 'T');
}

/* pgc_node_get_text returns the text of a map's scalar, or NULL. */
const char *
pgc_node_get_text(const PgcNode *map, const char *key)
{
	return pgc_node_text(pgc_node_get(map, key));
}

/* pgc_node_get_true says whether a map's key has the boolean true. */
bool
pgc_node_get_true(const PgcNode *map, const char *key)
{
	return pgc_node_is_true(pgc_node_get(map, key));
}

/* pgc_node_type_name returns what a user calls the type of a node. */
const char *
pgc_node_type_name(const PgcNode *node)
{
	static const char *const names[] = {
		[PGC_NODE_NULL] = "null",
		[PGC_NODE_BOOL] = "boolean",
		[PGC_NODE_INTEGER] = "integer",
		[PGC_NODE_NUMBER] = "number",
		[PGC_NODE_STRING] = "string",
		[PGC_NODE_LIST] = "list",
		[PGC_NODE_MAP] = "map",
	};

	return node == NULL ? "nothing" : names[node->type];
}

/* pgc_node_compare_keys orders scalars by their texts: by length, then by bytes. */
int
pgc_node_compare_keys(const PgcNode *left, const PgcNode *right)
{
	if (left->count != right->count)
		return left->count < right->count ? -1 : 1;
	return memcmp(left->content.text, right->content.text, left->count);
}

/* merge_pairs merges two sorted runs of pairs, [0, middle) and [middle, count), into another array. */
static void
merge_pairs(PgcPair **from, PgcPair **into, int middle, int count)
{
	int			left = 0;
	int			right = middle;

	for (int i = 0; i < count; i++)
	{
		if (left < middle &&
			(right == count || pgc_node_compare_keys(from[left]->key, from[right]->key) <= 0))
			into[i] = from[left++];
		else
			into[i] = from[right++];
	}
}

/*
 * pgc_node_sort_pairs returns a map's pairs in the order of their keys, those
 * with the same key in the map's own order (palloc'd).  A merge sort, since
 * the author of a document must find no input that makes it slow.
 */
PgcPair   **
pgc_node_sort_pairs(const PgcNode *map)
{
	int			count = map->count;
	PgcPair   **sorted = palloc(Max(count, 1) * sizeof(PgcPair *));
	PgcPair   **other = palloc(Max(count, 1) * sizeof(PgcPair *));

	for (int i = 0; i < count; i++)
		sorted[i] = &map->content.pairs[i];
	for (int64 run = 1; run < count; run *= 2)
	{
		PgcPair   **swap = sorted;

		for (int64 at = 0; at < count; at += 2 * run)
			merge_pairs(sorted + at, other + at, (int) Min(run, count - at), (int) Min(2 * run, count - at));
		sorted = other;
		other = swap;
	}
	pfree(other);
	return sorted;
}

/* maps_equal says whether two maps of as many pairs have the same keys with equal values. */
static bool
maps_equal(const PgcNode *left, const PgcNode *right)
{
	PgcPair   **left_pairs = pgc_node_sort_pairs(left);
	PgcPair   **right_pairs = pgc_node_sort_pairs(right);
	bool		equal = true;

	for (int i = 0; i < left->count && equal; i++)
		equal = pgc_node_equal(left_pairs[i]->key, right_pairs[i]->key) &&
			pgc_node_equal(left_pairs[i]->value, right_pairs[i]->value);
	pfree(left_pairs);
	pfree(right_pairs);
	return equal;
}

/*
 * pgc_node_equal says whether two trees say the same: the same types, texts as
 * written, lists in order, maps in any order.  Nulls and booleans are equal
 * however they are written; numbers are not (1.0, 1.00).  Two that are not
 * there are equal.
 */
bool
pgc_node_equal(const PgcNode *left, const PgcNode *right)
{
	if (left == right)
		return true;
	if (left == NULL || right == NULL || left->type != right->type)
		return false;
	if (left->type == PGC_NODE_NULL)
		return true;
	if (left->type == PGC_NODE_BOOL)
		return pgc_node_is_true(left) == pgc_node_is_true(right);
	if (left->count != right->count)
		return false;
	if (left->type == PGC_NODE_MAP)
		return maps_equal(left, right);
	if (left->type != PGC_NODE_LIST)
		return memcmp(left->content.text, right->content.text, left->count) == 0;
	for (int i = 0; i < left->count; i++)
	{
		if (!pgc_node_equal(left->content.items[i], right->content.items[i]))
			return false;
	}
	return true;
}

/* make_node makes an empty node that stands in no text. */
static PgcNode *
make_node(PgcNodeType type)
{
	PgcNode    *node = palloc0(sizeof(PgcNode));

	node->type = type;
	return node;
}

/* pgc_node_make_map makes an empty map. */
PgcNode *
pgc_node_make_map(void)
{
	return make_node(PGC_NODE_MAP);
}

/* pgc_node_make_list makes an empty list. */
PgcNode *
pgc_node_make_list(void)
{
	return make_node(PGC_NODE_LIST);
}

/* pgc_node_make_scalar makes a scalar; the text must be one of the type. */
PgcNode *
pgc_node_make_scalar(PgcNodeType type, const char *text)
{
	PgcNode    *node = make_node(type);

	node->plain = type != PGC_NODE_STRING;
	node->count = (int) strlen(text);
	node->content.text = pstrdup(text);
	return node;
}

/* pgc_node_make_string makes a string. */
PgcNode *
pgc_node_make_string(const char *text)
{
	return pgc_node_make_scalar(PGC_NODE_STRING, text);
}

/* pgc_node_make_bool makes a boolean. */
PgcNode *
pgc_node_make_bool(bool value)
{
	return pgc_node_make_scalar(PGC_NODE_BOOL, value ? "true" : "false");
}

/*
 * pgc_node_room returns how many items the array of a list or map of count
 * items has room for: the next power of two.  So nothing need be kept to know
 * when it must grow.
 */
int
pgc_node_room(int count)
{
	int			room = 1;

	while (room < count)
		room *= 2;
	return count == 0 ? 0 : room;
}

/*
 * grown returns an array of items with room for one more: the array itself, or
 * a copy.  The old one is left to its memory context: it may be a part of a
 * larger piece.
 */
static void *
grown(void *items, int count, size_t size)
{
	void	   *larger;

	if (count < pgc_node_room(count))
		return items;
	larger = palloc(pgc_node_room(count + 1) * size);
	if (count > 0)
		memcpy(larger, items, count * size);
	return larger;
}

/* pgc_node_add adds a key that is not there, and its value, at the end of a map. */
void
pgc_node_add(PgcNode *map, PgcNode *key, PgcNode *value)
{
	PgcPair    *pair;

	map->content.pairs = grown(map->content.pairs, map->count, sizeof(PgcPair));
	pair = &map->content.pairs[map->count++];
	pair->key = key;
	pair->value = value;
}

/* pgc_node_set gives a map's key a value, in place of an earlier one or at the end.  Returns the value. */
PgcNode *
pgc_node_set(PgcNode *map, const char *key, PgcNode *value)
{
	for (int i = 0; i < map->count; i++)
	{
		if (strcmp(map->content.pairs[i].key->content.text, key) == 0)
		{
			map->content.pairs[i].value = value;
			return value;
		}
	}
	pgc_node_add(map, pgc_node_make_string(key), value);
	return value;
}

/* pgc_node_append adds an item at the end of a list.  Returns the item. */
PgcNode *
pgc_node_append(PgcNode *list, PgcNode *item)
{
	list->content.items = grown(list->content.items, list->count, sizeof(PgcNode *));
	list->content.items[list->count++] = item;
	return item;
}

/* copy_items gives a copied list or map copies of its items. */
static void
copy_items(PgcNode *copy, const PgcNode *node)
{
	if (node->type == PGC_NODE_LIST)
	{
		copy->content.items = palloc(pgc_node_room(node->count) * sizeof(PgcNode *));
		for (int i = 0; i < node->count; i++)
			copy->content.items[i] = pgc_node_copy(node->content.items[i]);
		return;
	}
	copy->content.pairs = palloc(pgc_node_room(node->count) * sizeof(PgcPair));
	for (int i = 0; i < node->count; i++)
	{
		copy->content.pairs[i].key = pgc_node_copy(node->content.pairs[i].key);
		copy->content.pairs[i].value = pgc_node_copy(node->content.pairs[i].value);
	}
}

/* pgc_node_copy copies a tree, with its positions; what an alias repeats is copied each time. */
PgcNode *
pgc_node_copy(const PgcNode *node)
{
	PgcNode    *copy;

	if (node == NULL)
		return NULL;
	copy = palloc(sizeof(PgcNode));
	*copy = *node;
	if (pgc_node_is_scalar(node))
		copy->content.text = pstrdup(node->content.text);
	else if (node->count > 0)
		copy_items(copy, node);
	return copy;
}
