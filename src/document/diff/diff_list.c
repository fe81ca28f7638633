/*
 * src/document/diff/diff_list.c
 *		Which elements of two lists are the same thing, and the comparison of
 *		whatever has no meaning of its own.
 *
 * Neither the order of a map's keys nor that of a list's elements matters.  An
 * element is looked for by its id, then by itself unchanged, then by what the
 * standard tells it by (name, property, server, ...), and last by what it does:
 * a rule that got a name is still that rule.
 */
#include "postgres.h"

#include "document/diff/diff.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"

/* An element that is to be paired, and what it is looked for by. */
typedef struct Entry
{
	const char *key;
	int			index;
} Entry;

/* Two lists and which elements belong together, by index; -1: none. */
typedef struct Pairing
{
	const char *list;			/* the list's name */
	const PgcNode *old;			/* or NULL: empty */
	const PgcNode *new;
	int		   *old_partner;
	int		   *new_partner;
} Pairing;

/* What an element is looked for by; NULL: not by this. */
typedef const char *(*KeyOf) (const char *list, const PgcNode *element);

/* Lists whose order says something, by their key. */
static const char *const ordered_lists[] = {
	"properties", "from", "to", "mustBeBetween", "mustNotBeBetween", "implementation", "value"
};

static bool
is_ordered(const char *key)
{
	for (int i = 0; i < lengthof(ordered_lists); i++)
	{
		if (key != NULL && strcmp(ordered_lists[i], key) == 0)
			return true;
	}
	return false;
}

/* pgc_diff_text returns a scalar's text, also of a null; "" if it is none. */
const char *
pgc_diff_text(const PgcNode *scalar)
{
	return pgc_node_is_scalar(scalar) ? scalar->content.text : "";
}

static int
compare_texts(const void *left, const void *right)
{
	return strcmp(*(char *const *) left, *(char *const *) right);
}

/* append_sorted appends texts, each in brackets, and frees them. */
static void
append_sorted(StringInfo buffer, char **texts, int count, bool sort)
{
	if (sort)
		qsort(texts, count, sizeof(char *), compare_texts);
	for (int i = 0; i < count; i++)
	{
		appendStringInfo(buffer, "(%s)", texts[i]);
		pfree(texts[i]);
	}
	pfree(texts);
}

/* signature_of is pgc_diff_signature of what stands under a key. */
static char *
signature_of(const PgcNode *node, const char *key)
{
	StringInfoData buffer;
	char	  **texts;

	/* these are written in several ways */
	if (pgc_node_is(node, PGC_NODE_NULL) || pgc_node_is(node, PGC_NODE_BOOL))
		return psprintf("%d:%d", node->type, pgc_node_is_true(node));
	initStringInfo(&buffer);
	appendStringInfo(&buffer, "%d:%d:", node->type, node->count);
	if (pgc_node_is_scalar(node))
	{
		appendStringInfoString(&buffer, pgc_diff_text(node));
		return buffer.data;
	}
	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	texts = palloc(sizeof(char *) * (node->count + 1));
	for (int i = 0; i < node->count; i++)
	{
		if (pgc_node_is(node, PGC_NODE_MAP))
		{
			const char *name = pgc_diff_text(node->content.pairs[i].key);
			char	   *value = signature_of(node->content.pairs[i].value, name);

			texts[i] = psprintf("%s=%s", name, value);
			pfree(value);
		}
		else
			texts[i] = signature_of(node->content.items[i], NULL);
	}
	append_sorted(&buffer, texts, node->count,
				  pgc_node_is(node, PGC_NODE_MAP) || !is_ordered(key));
	return buffer.data;
}

/*
 * pgc_diff_signature returns a text that two nodes share if they say the same, in
 * whatever order (palloc'd).
 */
char *
pgc_diff_signature(const PgcNode *node)
{
	return signature_of(node, NULL);
}

/* equal_under says whether two nodes say the same under a key; NULL says nothing. */
static bool
equal_under(const char *key, const PgcNode *left, const PgcNode *right)
{
	char	   *left_signature;
	char	   *right_signature;
	bool		equal;

	if (pgc_node_equal(left, right))
		return true;
	if (left == NULL || right == NULL || left->type != right->type || left->count != right->count ||
		pgc_node_is_scalar(left))
		return false;
	left_signature = signature_of(left, key);
	right_signature = signature_of(right, key);
	equal = strcmp(left_signature, right_signature) == 0;
	pfree(left_signature);
	pfree(right_signature);
	return equal;
}

/* pgc_diff_equal says whether two nodes, or NULLs, say the same. */
bool
pgc_diff_equal(const PgcNode *left, const PgcNode *right)
{
	return equal_under(NULL, left, right);
}

static const char *
key_id(const char *list, const PgcNode *element)
{
	return pgc_node_get_text(element, "id");
}

static const char *
key_unchanged(const char *list, const PgcNode *element)
{
	return pgc_diff_signature(element);
}

static const char *
key_identity(const char *list, const PgcNode *element)
{
	return pgc_node_is(element, PGC_NODE_MAP) ? pgc_odcs_identity(list, element) : NULL;
}

/* key_promise is which service level of what it is; two may differ only in the latter. */
static const char *
key_promise(const char *list, const PgcNode *element)
{
	const char *property = pgc_node_get_text(element, "property");
	const char *of = pgc_node_get_text(element, "element");

	if (strcmp(list, "slaProperties") != 0 || property == NULL)
		return NULL;
	return psprintf("%s/%s", property, of ? of : "");
}

/* key_meaning is what a rule checks, whatever it is called. */
static const char *
key_meaning(const char *list, const PgcNode *element)
{
	static const char *const fields[] = {
		"type", "metric", "arguments", "query", "engine", "implementation"
	};
	StringInfoData buffer;

	if (strcmp(list, "relationships") == 0)
		return pgc_node_get_text(element, "to");
	if (strcmp(list, "quality") != 0)
		return NULL;
	initStringInfo(&buffer);
	for (int i = 0; i < lengthof(fields); i++)
	{
		const PgcNode *value = pgc_node_get(element, fields[i]);

		appendStringInfo(&buffer, "(%s)", value ? pgc_diff_signature(value) : "");
	}
	return buffer.data;
}

/* key_likeness is what an unnamed quality rule is about. */
static const char *
key_likeness(const char *list, const PgcNode *element)
{
	const char *metric = pgc_node_get_text(element, "metric");
	const char *type = pgc_node_get_text(element, "type");

	if (strcmp(list, "quality") != 0 || pgc_node_get(element, "id") || pgc_node_get(element, "name"))
		return NULL;
	return psprintf("%s/%s", type ? type : "", metric ? metric : "");
}

static int
compare_entries(const void *left, const void *right)
{
	const Entry *a = left;
	const Entry *b = right;
	int			order = strcmp(a->key, b->key);

	return order != 0 ? order : a->index - b->index;
}

/* entries_of returns the elements of a list that have no partner yet and a key, by key. */
static Entry *
entries_of(const char *name, const PgcNode *list, const int *partner, KeyOf key_of, int *count)
{
	Entry	   *entries = palloc(sizeof(Entry) * ((list ? list->count : 0) + 1));

	*count = 0;
	for (int i = 0; list != NULL && i < list->count; i++)
	{
		const char *key = partner[i] < 0 ? key_of(name, list->content.items[i]) : NULL;

		if (key == NULL)
			continue;
		entries[*count].key = key;
		entries[(*count)++].index = i;
	}
	qsort(entries, *count, sizeof(Entry), compare_entries);
	return entries;
}

/* pair_by gives elements with the same key to each other, those of one key in their order. */
static void
pair_by(Pairing *pairing, KeyOf key_of)
{
	int			nold;
	int			nnew;
	Entry	   *old = entries_of(pairing->list, pairing->old, pairing->old_partner, key_of, &nold);
	Entry	   *new = entries_of(pairing->list, pairing->new, pairing->new_partner, key_of, &nnew);

	for (int i = 0, j = 0; i < nold && j < nnew;)
	{
		int			order = strcmp(old[i].key, new[j].key);

		if (order == 0)
		{
			pairing->old_partner[old[i].index] = new[j].index;
			pairing->new_partner[new[j].index] = old[i].index;
		}
		i += order <= 0;
		j += order >= 0;
	}
	pfree(old);
	pfree(new);
}

static int *
no_partners(const PgcNode *list)
{
	int			count = list ? list->count : 0;
	int		   *partners = palloc(sizeof(int) * (count + 1));

	for (int i = 0; i < count; i++)
		partners[i] = -1;
	return partners;
}

/* pair_lists finds which elements of two lists, or NULLs, belong together. */
static Pairing
pair_lists(const char *name, const PgcNode *old, const PgcNode *new)
{
	static const KeyOf keys[] = {
		key_id, key_unchanged, key_promise, key_identity, key_meaning, key_likeness
	};
	Pairing		pairing = {.list = name,.old = old,.new = new};

	pairing.old_partner = no_partners(old);
	pairing.new_partner = no_partners(new);
	for (int i = 0; i < lengthof(keys) && old != NULL && new != NULL; i++)
		pair_by(&pairing, keys[i]);
	return pairing;
}

/* element_path names an element by what identifies it, else by its index. */
static PgcPath
element_path(const PgcPath *path, const PgcNode *element, int index)
{
	return (PgcPath)
	{
		path, key_identity(path->name ? path->name : "", element), index
	};
}

/*
 * pgc_diff_list compares two lists, or NULLs, element by element: compare is called
 * with NULL for what is only in one.  path ends in the list's name.  Returns
 * whether elements that are in both stand in another order.
 */
bool
pgc_diff_list(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new,
			  PgcDiffCompare compare)
{
	Pairing		pairing = pair_lists(path->name ? path->name : "", old, new);
	int			last = -1;
	bool		reordered = false;

	for (int i = 0; old != NULL && i < old->count; i++)
	{
		const PgcNode *left = old->content.items[i];
		int			partner = pairing.old_partner[i];
		const PgcNode *right = partner < 0 || new == NULL ? NULL : new->content.items[partner];
		PgcPath		place = element_path(path, right ? right : left, right ? partner : i);

		CHECK_FOR_INTERRUPTS();
		if (!equal_under(NULL, left, right))
			compare(diff, &place, left, right);
		reordered |= right != NULL && partner < last;
		last = right ? partner : last;
	}
	for (int i = 0; new != NULL && i < new->count; i++)
	{
		PgcPath		place = element_path(path, new->content.items[i], i);

		if (pairing.new_partner[i] < 0)
			compare(diff, &place, NULL, new->content.items[i]);
	}
	return reordered;
}

/*
 * pgc_diff_members compares two lists of scalars, or NULLs, as sets: compare is
 * called with the path of the list for each that is only in one.
 */
void
pgc_diff_members(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new,
				 PgcDiffCompare compare)
{
	Pairing		pairing = pair_lists("", old, new);

	for (int i = 0; old != NULL && i < old->count; i++)
	{
		if (pairing.old_partner[i] < 0)
			compare(diff, path, old->content.items[i], NULL);
	}
	for (int i = 0; new != NULL && i < new->count; i++)
	{
		if (pairing.new_partner[i] < 0)
			compare(diff, path, NULL, new->content.items[i]);
	}
}

/* value_near looks for a key first where it stood in the other map. */
static const PgcNode *
value_near(const PgcNode *map, const char *key, int near)
{
	if (map == NULL)
		return NULL;
	if (near < map->count && strcmp(pgc_diff_text(map->content.pairs[near].key), key) == 0)
		return map->content.pairs[near].value;
	return pgc_node_get(map, key);
}

static PgcDiffCompare
compare_of(const PgcDiffField *fields, const char *key)
{
	for (; fields != NULL && fields->key != NULL; fields++)
	{
		if (strcmp(fields->key, key) == 0)
			return fields->compare;
	}
	return pgc_diff_any;
}

/* compare_field compares what stands under a key of two maps, unless it is equal. */
static void
compare_field(PgcDiff *diff, const PgcPath *path, const char *key, const PgcNode *old,
			  const PgcNode *new, const PgcDiffField *fields)
{
	PgcPath		place = {path, key, 0};
	PgcDiffCompare compare = compare_of(fields, key);

	if (compare != NULL && !equal_under(key, old, new))
		compare(diff, &place, old, new);
}

/*
 * pgc_diff_map compares two maps, or NULLs, field by field: those of the old one in
 * their order, then those that are new.
 */
void
pgc_diff_map(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new,
			 const PgcDiffField *fields)
{
	CHECK_FOR_INTERRUPTS();
	check_stack_depth();
	for (int i = 0; old != NULL && i < old->count; i++)
	{
		const char *key = pgc_diff_text(old->content.pairs[i].key);

		compare_field(diff, path, key, old->content.pairs[i].value, value_near(new, key, i), fields);
	}
	for (int i = 0; new != NULL && i < new->count; i++)
	{
		const char *key = pgc_diff_text(new->content.pairs[i].key);

		if (value_near(old, key, i) == NULL)
			compare_field(diff, path, key, NULL, new->content.pairs[i].value, fields);
	}
}

static bool
is_list_of_maps(const PgcNode *node)
{
	return node != NULL && node->type == PGC_NODE_LIST && node->count > 0 &&
		pgc_node_is(node->content.items[0], PGC_NODE_MAP);
}

/* same_number says whether two scalars are one number, written in two ways. */
static bool
same_number(const PgcNode *old, const PgcNode *new)
{
	int			order;

	return old != NULL && new != NULL && old->type != PGC_NODE_STRING &&
		new->type != PGC_NODE_STRING && pgc_diff_is_number(pgc_node_text(old)) &&
		pgc_diff_is_number(pgc_node_text(new)) &&
		pgc_diff_values(pgc_node_text(old), pgc_node_text(new), &order) && order == 0;
}

/* is_free_form says whether anything may stand under a key: it is one thing then. */
static bool
is_free_form(const char *key)
{
	return key != NULL && (strcmp(key, "value") == 0 || strcmp(key, "implementation") == 0);
}

/*
 * pgc_diff_any compares what breaks nobody, down to the scalars and lists of
 * scalars that differ.
 */
void
pgc_diff_any(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new)
{
	if (pgc_node_is(old, PGC_NODE_MAP) && pgc_node_is(new, PGC_NODE_MAP) && !is_free_form(path->name))
		pgc_diff_map(diff, path, old, new, NULL);
	else if (path->name != NULL && (is_list_of_maps(old) || is_list_of_maps(new)) &&
			 (old == NULL || pgc_node_is(old, PGC_NODE_LIST)) &&
			 (new == NULL || pgc_node_is(new, PGC_NODE_LIST)))
		pgc_diff_list(diff, path, old, new, pgc_diff_any);
	else if (!same_number(old, new))
		pgc_diff_add(diff, path, old, new, PGC_HARMLESS, PGC_HARMLESS, "%s %s",
					 path->name ? path->name : "an element",
					 old == NULL ? "added" : new == NULL ? "removed" : "changed");
}
