/*
 * src/document/diff/diff_property.c
 *		What a change of a property means: its type, what it must be, its part
 *		in the primary key, how secret it is.
 */
#include "postgres.h"

#include "document/diff/diff.h"

/* From open to secret; a word that is not here is not compared. */
static const struct
{
	const char *word;
	int			rank;
}			classifications[] = {
	{"public", 0}, {"open", 0}, {"internal", 1}, {"private", 2}, {"confidential", 2},
	{"pii", 3}, {"personal", 3}, {"sensitive", 3}, {"restricted", 4}, {"secret", 5}
};

/* is_required says whether a property must not be null, for whatever reason. */
static bool
is_required(const PgcNode *property)
{
	return pgc_node_get_true(property, "required") || pgc_node_get_true(property, "primaryKey");
}

/* count_keys returns how many of some properties, or NULL, are members of the primary key. */
static int
count_keys(const PgcNode *properties)
{
	int			count = 0;

	for (int i = 0; properties != NULL && i < properties->count; i++)
		count += pgc_node_get_true(properties->content.items[i], "primaryKey");
	return count;
}

/* is_unique says whether no value of a property may appear twice, for whatever reason. */
static bool
is_unique(const PgcNode *property, int keys)
{
	return pgc_node_get_true(property, "unique") ||
		(pgc_node_get_true(property, "primaryKey") && keys == 1);
}

static int
position_of(const PgcNode *property)
{
	const char *position = pgc_node_get_text(property, "primaryKeyPosition");

	return position ? atoi(position) : -1;
}

/* key_rank returns how many members of the primary key come before a property. */
static int
key_rank(const PgcNode *property, const PgcNode *siblings)
{
	int			position = position_of(property);
	int			rank = 0;

	for (int i = 0; siblings != NULL && i < siblings->count; i++)
	{
		const PgcNode *other = siblings->content.items[i];

		rank += pgc_node_get_true(other, "primaryKey") && position_of(other) < position;
	}
	return rank;
}

/* compare_key_position: the order of a key is how readers look things up. */
static void
compare_key_position(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new)
{
	const PgcPath position_path = {path, "primaryKeyPosition", 0};
	const PgcNode *old_position = pgc_node_get(old, "primaryKeyPosition");
	const PgcNode *new_position = pgc_node_get(new, "primaryKeyPosition");
	bool		moved;

	if (position_of(old) == position_of(new))
		return;
	moved = pgc_node_get_true(old, "primaryKey") && pgc_node_get_true(new, "primaryKey") &&
		key_rank(old, diff->context.old_siblings) != key_rank(new, diff->context.new_siblings);
	pgc_diff_add(diff, &position_path, old_position, new_position, PGC_HARMLESS,
				 moved ? PGC_BREAKS : PGC_HARMLESS, "position in the primary key changed");
}

/*
 * compare_key compares the part that a property has in the primary key.  A member
 * less makes the key of those that stay stricter, one more looser.
 */
static void
compare_key(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new)
{
	const PgcPath key_path = {path, "primaryKey", 0};
	const PgcNode *old_key = pgc_node_get(old, "primaryKey");
	const PgcNode *new_key = pgc_node_get(new, "primaryKey");
	int			before = diff->context.old_keys;
	int			after = diff->context.new_keys;
	PgcHarm		producer = PGC_BREAKS;
	PgcHarm		consumer = PGC_BREAKS;

	compare_key_position(diff, path, old, new);
	if (pgc_node_is_true(old_key) == pgc_node_is_true(new_key))
		return;
	if (pgc_node_is_true(new_key))
	{
		if (before == 0)
			consumer = PGC_HARMLESS;
		if (before == 0 && after == 1 && is_required(old) && is_unique(old, before))
			producer = PGC_HARMLESS;
		pgc_diff_add(diff, &key_path, old_key, new_key, producer, consumer,
					 "is a member of the primary key now");
		return;
	}
	if (after == 0)
		producer = PGC_HARMLESS;
	if (before == 1 && after == 0 && is_required(new) && is_unique(new, after))
		consumer = PGC_HARMLESS;
	pgc_diff_add(diff, &key_path, old_key, new_key, producer, consumer,
				 "is no member of the primary key any more");
}

/* compare_flag compares a flag that asks something of the values, whose effect may be there anyway. */
static void
compare_flag(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new,
			 const char *key, bool before, bool after, const char *words)
{
	const PgcPath flag_path = {path, key, 0};
	const PgcNode *old_flag = pgc_node_get(old, key);
	const PgcNode *new_flag = pgc_node_get(new, key);

	if (pgc_node_is_true(old_flag) == pgc_node_is_true(new_flag))
		return;
	pgc_diff_add(diff, &flag_path, old_flag, new_flag,
				 !before && after ? PGC_BREAKS : PGC_HARMLESS,
				 before && !after ? PGC_BREAKS : PGC_HARMLESS,
				 "%s %s", pgc_node_is_true(new_flag) ? "must" : "need no longer", words);
}

/* add_type adds a change of a type that stands under a key. */
static void
add_type(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new,
		 int relation)
{
	static const char *const words[] = {"written in another way", "narrower", "wider"};

	if (old == NULL || new == NULL)
		pgc_diff_add(diff, path, old, new, old ? PGC_HARMLESS : PGC_WARNS,
					 old ? PGC_WARNS : PGC_HARMLESS, "type %s", old ? "removed" : "added");
	else if (relation == PGC_UNCLEAR)
		pgc_diff_add(diff, path, old, new, PGC_BREAKS, PGC_BREAKS, "another type");
	else if (relation == PGC_SAME)
		pgc_diff_add(diff, path, old, new, PGC_HARMLESS, PGC_HARMLESS, "type %s", words[0]);
	else
		pgc_diff_add_relation(diff, path, old, new, relation,
							  psprintf("the type is %s now", words[relation]));
}

static void
compare_physical_type(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new)
{
	add_type(diff, path, old, new,
			 old && new ? pgc_diff_physical_types(pgc_diff_text(old), pgc_diff_text(new)) : 0);
}

static void
compare_logical_type(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new)
{
	add_type(diff, path, old, new,
			 old && new ? pgc_diff_logical_types(pgc_diff_text(old), pgc_diff_text(new)) : 0);
}

static int
classification_rank(const PgcNode *classification)
{
	if (classification == NULL)
		return 0;
	for (int i = 0; i < lengthof(classifications); i++)
	{
		if (pg_strcasecmp(classifications[i].word, pgc_diff_text(classification)) == 0)
			return classifications[i].rank;
	}
	return -1;
}

/* compare_classification: less secret than it was is against what was agreed. */
static void
compare_classification(PgcDiff *diff, const PgcPath *path, const PgcNode *old,
					   const PgcNode *new)
{
	int			before = classification_rank(old);
	int			after = classification_rank(new);

	if (new == NULL || (before >= 0 && after >= 0 && after < before))
		pgc_diff_add(diff, path, old, new, PGC_BREAKS, PGC_HARMLESS, "classification lowered");
	else if (before == after && before >= 0 && old != NULL)
		pgc_diff_add(diff, path, old, new, PGC_HARMLESS, PGC_HARMLESS, "classification changed");
	else
		pgc_diff_add(diff, path, old, new, PGC_WARNS, PGC_WARNS, "classification %s",
					 old == NULL ? "added" : before >= 0 && after >= 0 ? "raised" : "changed");
}

static void
compare_encrypted_name(PgcDiff *diff, const PgcPath *path, const PgcNode *old,
					   const PgcNode *new)
{
	pgc_diff_add(diff, path, old, new, PGC_WARNS, PGC_WARNS, "encrypted name %s",
				 old == NULL ? "added" : new == NULL ? "removed" : "changed");
}

static void
compare_deprecated(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new)
{
	bool		now = pgc_node_is_true(new);

	if (pgc_node_is_true(old) != now)
		pgc_diff_add(diff, path, old, new, PGC_HARMLESS, now ? PGC_WARNS : PGC_HARMLESS,
					 "is %s deprecated", now ? "now" : "no longer");
}

/* compare_plain_flag compares a flag that asks nothing: false and absent are the same. */
static void
compare_plain_flag(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new)
{
	if (pgc_node_is_true(old) != pgc_node_is_true(new))
		pgc_diff_any(diff, path, old, new);
}

/* compare_plain_position: -1 and absent are the same. */
static void
compare_plain_position(PgcDiff *diff, const PgcPath *path, const PgcNode *old,
					   const PgcNode *new)
{
	if (atoi(old ? pgc_diff_text(old) : "-1") != atoi(new ? pgc_diff_text(new) : "-1"))
		pgc_diff_any(diff, path, old, new);
}

static void compare_inside(PgcDiff *diff, const PgcPath *path, const PgcNode *old,
						   const PgcNode *new);

/* compare_items compares what an array's elements, or a map's keys or values, are. */
static void
compare_items(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new)
{
	if (old == NULL)
		pgc_diff_add(diff, path, old, new, PGC_WARNS, PGC_HARMLESS, "elements are described now");
	else if (new == NULL)
		pgc_diff_add(diff, path, old, new, PGC_HARMLESS, PGC_WARNS,
					 "elements are not described any more");
	else
		compare_inside(diff, path, old, new);
}

/* compare_map compares the keys and the values of a map. */
static void
compare_map(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new)
{
	static const PgcDiffField fields[] = {
		{"key", compare_items}, {"value", compare_items}, {NULL, NULL}
	};

	pgc_diff_map(diff, path, old, new, fields);
}

/* compare_inside compares a property, or an array's elements, that are in both documents. */
static void
compare_inside(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new)
{
	static const PgcDiffField fields[] = {
		{"name", NULL}, {"physicalName", NULL},
		{"required", NULL}, {"unique", NULL},
		{"primaryKey", NULL}, {"primaryKeyPosition", NULL},
		{"logicalType", compare_logical_type},
		{"physicalType", compare_physical_type},
		{"logicalTypeOptions", pgc_diff_options},
		{"enum", pgc_diff_enum},
		{"classification", compare_classification},
		{"encryptedName", compare_encrypted_name},
		{"deprecated", compare_deprecated},
		{"partitioned", compare_plain_flag},
		{"partitionKeyPosition", compare_plain_position},
		{"criticalDataElement", compare_plain_flag},
		{"items", compare_items},
		{"map", compare_map},
		{"properties", pgc_diff_properties},
		{"relationships", pgc_diff_relationships},
		{"quality", pgc_diff_checks},
		{"customProperties", pgc_diff_custom},
		{NULL, NULL}
	};
	PgcDiffContext outer = pgc_diff_enter(diff, old, new);

	pgc_diff_names(diff, path, old, new, "property");
	compare_flag(diff, path, old, new, "required", is_required(old), is_required(new),
				 "have a value");
	compare_flag(diff, path, old, new, "unique", is_unique(old, diff->context.old_keys),
				 is_unique(new, diff->context.new_keys), "be unique");
	compare_key(diff, path, old, new);
	pgc_diff_map(diff, path, old, new, fields);
	diff->context = outer;
}

/*
 * pgc_diff_property compares a property of an object.  With a member of the primary
 * key what the key asks of the others changes, too.
 */
void
pgc_diff_property(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new)
{
	bool		is_key = pgc_node_get_true(old ? old : new, "primaryKey");

	if (old == NULL)
		pgc_diff_add(diff, path, old, new, is_required(new) ? PGC_BREAKS : PGC_HARMLESS,
					 is_key && diff->context.old_keys > 0 ? PGC_BREAKS : PGC_HARMLESS,
					 "property added%s", is_key ? " to the primary key" :
					 is_required(new) ? ", required" : "");
	else if (new == NULL)
		pgc_diff_add(diff, path, old, new,
					 is_key && diff->context.new_keys > 0 ? PGC_BREAKS : PGC_HARMLESS,
					 PGC_BREAKS, "property removed%s", is_key ? " from the primary key" : "");
	else
		compare_inside(diff, path, old, new);
}

/* names_of returns the names of some properties as a list. */
static PgcNode *
names_of(const PgcNode *properties)
{
	PgcNode    *names = pgc_node_make_list();

	for (int i = 0; i < properties->count; i++)
	{
		const char *name = pgc_node_get_text(properties->content.items[i], "name");

		pgc_node_append(names, pgc_node_make_string(name ? name : ""));
	}
	return names;
}

/* pgc_diff_properties compares the properties of an object. */
void
pgc_diff_properties(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new)
{
	PgcDiffContext outer = diff->context;

	diff->context.old_siblings = old;
	diff->context.new_siblings = new;
	diff->context.old_keys = count_keys(old);
	diff->context.new_keys = count_keys(new);
	if (pgc_diff_list(diff, path, old, new, pgc_diff_property))
		pgc_diff_add(diff, path, names_of(old), names_of(new), PGC_HARMLESS, PGC_HARMLESS,
					 "properties stand in another order");
	diff->context = outer;
}
