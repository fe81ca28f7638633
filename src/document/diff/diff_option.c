/*
 * src/document/diff/diff_option.c
 *		What a change of logicalTypeOptions, or of the allowed values, means.
 */
#include "postgres.h"

#include <math.h>

#include "document/diff/diff.h"
#include "engine/format.h"

/* A pair of fields that bound the same thing. */
typedef struct BoundFields
{
	bool		lower;
	const char *inclusive;
	const char *exclusive;		/* or NULL */
	const char *what;			/* is bounded */
} BoundFields;

static const BoundFields bound_fields[] = {
	{true, "minimum", "exclusiveMinimum", "values"},
	{false, "maximum", "exclusiveMaximum", "values"},
	{true, "minLength", NULL, "lengths"},
	{false, "maxLength", NULL, "lengths"},
	{true, "minItems", NULL, "numbers of elements"},
	{false, "maxItems", NULL, "numbers of elements"},
	{true, "minProperties", NULL, "numbers of properties"},
	{false, "maxProperties", NULL, "numbers of properties"}
};

/* effective_bound returns the tighter one of an inclusive and an exclusive bound. */
static PgcDiffBound
effective_bound(const PgcNode *options, const BoundFields *fields)
{
	PgcDiffBound inclusive = {.key = fields->inclusive};
	PgcDiffBound exclusive = {.key = fields->exclusive,.exclusive = true};

	inclusive.node = pgc_node_get(options, fields->inclusive);
	inclusive.value = pgc_node_text(inclusive.node);
	if (fields->exclusive == NULL)
		return inclusive;
	exclusive.node = pgc_node_get(options, fields->exclusive);
	exclusive.value = pgc_node_text(exclusive.node);
	if (inclusive.value == NULL)
		return exclusive.value ? exclusive : inclusive;
	return pgc_diff_bounds(&inclusive, &exclusive, fields->lower) == PGC_TIGHTER ?
		exclusive : inclusive;
}

/* compare_bound compares one end of what is allowed. */
static void
compare_bound(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new,
			  const BoundFields *fields)
{
	PgcDiffBound before = effective_bound(old, fields);
	PgcDiffBound after = effective_bound(new, fields);
	int			relation = pgc_diff_bounds(&before, &after, fields->lower);
	const PgcPath place = {path, after.node ? after.key : before.key, 0};

	if (relation == PGC_SAME)
		return;
	pgc_diff_add_relation(diff, &place, before.node, after.node, relation,
						  psprintf("%s may be %s, before: %s", fields->what,
								   pgc_diff_bound_words(&after, fields->lower),
								   pgc_diff_bound_words(&before, fields->lower)));
}

/* compare_requirement compares what is one rule, of which nobody knows which is the stricter one. */
static void
compare_requirement(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new)
{
	int			relation = old == NULL ? PGC_TIGHTER : new == NULL ? PGC_LOOSER : PGC_UNCLEAR;

	pgc_diff_add_relation(diff, path, old, new, relation,
						  psprintf("%s %s", path->name, old == NULL ? "added" :
								   new == NULL ? "removed" : "changed"));
}

/* compare_multiple: a multiple of six is one of three. */
static void
compare_multiple(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new)
{
	double		before;
	double		after;
	int			relation = PGC_TIGHTER | PGC_LOOSER;

	if (old == NULL || new == NULL)
	{
		compare_requirement(diff, path, old, new);
		return;
	}
	before = strtod(pgc_diff_text(old), NULL);
	after = strtod(pgc_diff_text(new), NULL);
	if (before == after)
		return;
	if (after != 0 && fmod(before, after) == 0)
		relation = PGC_LOOSER;
	else if (before != 0 && fmod(after, before) == 0)
		relation = PGC_TIGHTER;
	pgc_diff_add_relation(diff, path, old, new, relation,
						  psprintf("values must be multiples of %s, before: %s",
								   pgc_diff_text(new), pgc_diff_text(old)));
}

/* holds says whether all numbers of one format are of the other: i8 to i128, u8 to u128, f32, f64. */
static bool
holds(const char *outer, const char *inner)
{
	int			outer_bits = atoi(outer + 1);
	int			inner_bits = atoi(inner + 1);

	if (outer[0] == inner[0])
		return outer_bits >= inner_bits;
	return outer[0] == 'i' && inner[0] == 'u' && outer_bits > inner_bits;
}

static bool
is_number_format(const char *format)
{
	return (format[0] == 'i' || format[0] == 'u' || format[0] == 'f') && format[1] != '\0' &&
		strspn(format + 1, "0123456789") == strlen(format + 1);
}

/* is_enforced says whether a format is checked: others are only words for readers. */
static bool
is_enforced(const PgcNode *format)
{
	return format != NULL && (is_number_format(pgc_diff_text(format)) ||
							  pgc_format_lookup(pgc_diff_text(format)) != NULL);
}

/* relation_of_formats returns what becomes of the values that are right. */
static int
relation_of_formats(const PgcNode *old, const PgcNode *new)
{
	const char *before = pgc_diff_text(old);
	const char *after = pgc_diff_text(new);

	if (!is_enforced(old) || !is_enforced(new))
		return (is_enforced(old) ? PGC_LOOSER : 0) | (is_enforced(new) ? PGC_TIGHTER : 0);
	if (!is_number_format(before) || !is_number_format(after))
		return PGC_UNCLEAR;
	if (holds(after, before))
		return PGC_LOOSER;
	return holds(before, after) ? PGC_TIGHTER : PGC_TIGHTER | PGC_LOOSER;
}

/* compare_format: formats that are not checked are readers' business all the same. */
static void
compare_format(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new)
{
	int			relation = relation_of_formats(old, new);

	pgc_diff_add_relation(diff, path, old, new, relation ? relation : PGC_LOOSER,
						  psprintf("format %s", old == NULL ? "added" :
								   new == NULL ? "removed" : "changed"));
}

static void
compare_unique_items(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new)
{
	bool		now = pgc_node_is_true(new);

	if (pgc_node_is_true(old) != now)
		pgc_diff_add_relation(diff, path, old, new, now ? PGC_TIGHTER : PGC_LOOSER,
							  now ? "elements must be unique" : "elements need no longer be unique");
}

/* compare_timezone: with or without are two types; saying nothing allows both. */
static void
compare_timezone(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new)
{
	if (old == NULL || new == NULL)
		compare_requirement(diff, path, old, new);
	else
		pgc_diff_add(diff, path, old, new, PGC_BREAKS, PGC_BREAKS, "another type");
}

static void
compare_default_timezone(PgcDiff *diff, const PgcPath *path, const PgcNode *old,
						 const PgcNode *new)
{
	pgc_diff_add(diff, path, old, new, PGC_WARNS, PGC_WARNS, "values mean another time");
}

/* compare_required_member compares a name that an object must have, or need not have. */
static void
compare_required_member(PgcDiff *diff, const PgcPath *path, const PgcNode *old,
						const PgcNode *new)
{
	pgc_diff_add(diff, path, old, new, new ? PGC_BREAKS : PGC_HARMLESS,
				 old ? PGC_BREAKS : PGC_HARMLESS, "\"%s\" %s be there",
				 pgc_diff_text(new ? new : old), new ? "must" : "need no longer");
}

static void
compare_required_members(PgcDiff *diff, const PgcPath *path, const PgcNode *old,
						 const PgcNode *new)
{
	pgc_diff_members(diff, path, old, new, compare_required_member);
}

/* compare_shape: what a vector is made of. */
static void
compare_shape(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new)
{
	pgc_diff_add(diff, path, old, new, PGC_BREAKS, PGC_BREAKS, "%s %s", path->name,
				 old == NULL ? "added" : new == NULL ? "removed" : "changed");
}

/* value_of returns an allowed value, which may be described: {value, label, ...}. */
static const PgcNode *
value_of(const PgcNode *member)
{
	return pgc_node_is(member, PGC_NODE_MAP) ? pgc_node_get(member, "value") : member;
}

/* compare_allowed_value compares an allowed value that is there or not, or its description. */
static void
compare_allowed_value(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new)
{
	const PgcNode *before = value_of(old);
	const PgcNode *after = value_of(new);

	if (before != NULL && after != NULL && pgc_diff_equal(before, after))
		pgc_diff_any(diff, path, old, new);
	else if (before != NULL && after != NULL)
		pgc_diff_add(diff, path, before, after, PGC_BREAKS, PGC_WARNS,
					 "another value is allowed");
	else
		pgc_diff_add_relation(diff, path, before, after, after ? PGC_LOOSER : PGC_TIGHTER,
							  after ? "value is allowed now" : "value is not allowed any more");
}

/* pgc_diff_enum compares the values that are allowed; saying nothing allows all. */
void
pgc_diff_enum(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new)
{
	if (old == NULL || new == NULL)
		pgc_diff_add_relation(diff, path, old, new, old ? PGC_LOOSER : PGC_TIGHTER,
							  old ? "all values are allowed now" :
							  "only some values are allowed now");
	else
		pgc_diff_list(diff, path, old, new, compare_allowed_value);
}

/* pgc_diff_options compares logicalTypeOptions. */
void
pgc_diff_options(PgcDiff *diff, const PgcPath *path, const PgcNode *old, const PgcNode *new)
{
	static const PgcDiffField fields[] = {
		{"minimum", NULL}, {"exclusiveMinimum", NULL},
		{"maximum", NULL}, {"exclusiveMaximum", NULL},
		{"minLength", NULL}, {"maxLength", NULL},
		{"minItems", NULL}, {"maxItems", NULL},
		{"minProperties", NULL}, {"maxProperties", NULL},
		{"pattern", compare_requirement},
		{"format", compare_format},
		{"multipleOf", compare_multiple},
		{"enum", pgc_diff_enum},
		{"uniqueItems", compare_unique_items},
		{"timezone", compare_timezone},
		{"defaultTimezone", compare_default_timezone},
		{"required", compare_required_members},
		{"dimensions", compare_shape},
		{"elementType", compare_shape},
		{NULL, NULL}
	};

	for (int i = 0; i < lengthof(bound_fields); i++)
		compare_bound(diff, path, old, new, &bound_fields[i]);
	pgc_diff_map(diff, path, old, new, fields);
}
