/*
 * src/document/diff/diff.h
 *		What the files of the comparison share, and nobody else needs.
 *
 * diff.c walks two documents and knows the root and the objects; diff_list.c
 * pairs elements of lists and compares what means nothing to anybody's data;
 * diff_normal.c brings documents of different versions of the standard into one
 * form; diff_property.c, diff_option.c, diff_quality.c and diff_sla.c know what
 * a change of their fields does to whom; diff_type.c and diff_value.c say which
 * of two types, or bounds, takes in more.
 */
#ifndef PGC_DIFF_H
#define PGC_DIFF_H

#include "document/document.h"

/* What a change does to producers, or to consumers. */
typedef enum PgcHarm
{
	PGC_HARMLESS,
	PGC_WARNS,					/* they should know */
	PGC_BREAKS					/* data that was right may fail; readers may
								 * break */
} PgcHarm;

/* Where the walk is, as far as it matters further in. */
typedef struct PgcDiffContext
{
	PgcAction	old_action;		/* what a write does with a failing row */
	PgcAction	new_action;
	bool		soft;			/* in a rule that only warns: it breaks nobody */
	const PgcNode *old_siblings;	/* the list of properties that we are in */
	const PgcNode *new_siblings;
	int			old_keys;		/* members of the primary key among them */
	int			new_keys;
} PgcDiffContext;

typedef struct PgcDiff
{
	List	   *changes;		/* of PgcChange */
	PgcDiffContext context;
} PgcDiff;

/*
 * Compares what stands at a path in two documents; either may be NULL: added, or
 * removed.  Not called if both are equal.
 */
typedef void (*PgcDiffCompare) (PgcDiff *diff, const PgcPath *path, const PgcNode *old,
								const PgcNode *new);

/* How a field of a map is compared.  Fields that are not listed mean nothing: pgc_diff_any. */
typedef struct PgcDiffField
{
	const char *key;			/* NULL ends the table */
	PgcDiffCompare compare;		/* NULL: not here, together with other fields */
} PgcDiffField;

/* How one thing relates to another; bits, both may be set. */
#define PGC_SAME		0
#define PGC_TIGHTER		1		/* something is no longer right */
#define PGC_LOOSER		2		/* something is right that was not */
#define PGC_UNCLEAR		4		/* cannot be compared */

/* One end of a range; value NULL: open. */
typedef struct PgcDiffBound
{
	const PgcNode *node;		/* what says so */
	const char *key;			/* of the node */
	const char *value;
	bool		exclusive;
} PgcDiffBound;

/* diff.c */
extern void pgc_diff_add(PgcDiff *diff, const PgcPath *path, const PgcNode *old,
						 const PgcNode *new, PgcHarm producer, PgcHarm consumer,
						 const char *format,...) pg_attribute_printf(7, 8);
extern void pgc_diff_add_relation(PgcDiff *diff, const PgcPath *path, const PgcNode *old,
								  const PgcNode *new, int relation, const char *what);
extern void pgc_diff_names(PgcDiff *diff, const PgcPath *path, const PgcNode *old,
						   const PgcNode *new, const char *what);
extern void pgc_diff_relationships(PgcDiff *diff, const PgcPath *path, const PgcNode *old,
								   const PgcNode *new);
extern void pgc_diff_checks(PgcDiff *diff, const PgcPath *path, const PgcNode *old,
							const PgcNode *new);

/* diff_list.c */
extern void pgc_diff_any(PgcDiff *diff, const PgcPath *path, const PgcNode *old,
						 const PgcNode *new);
extern void pgc_diff_map(PgcDiff *diff, const PgcPath *path, const PgcNode *old,
						 const PgcNode *new, const PgcDiffField *fields);
extern bool pgc_diff_list(PgcDiff *diff, const PgcPath *path, const PgcNode *old,
						  const PgcNode *new, PgcDiffCompare compare);
extern void pgc_diff_members(PgcDiff *diff, const PgcPath *path, const PgcNode *old,
							 const PgcNode *new, PgcDiffCompare compare);
extern char *pgc_diff_signature(const PgcNode *node);
extern bool pgc_diff_equal(const PgcNode *left, const PgcNode *right);
extern const char *pgc_diff_text(const PgcNode *scalar);

/* diff_normal.c */
extern PgcNode *pgc_diff_normal(const PgcNode *root);

/* diff_property.c */
extern void pgc_diff_property(PgcDiff *diff, const PgcPath *path, const PgcNode *old,
							  const PgcNode *new);
extern void pgc_diff_properties(PgcDiff *diff, const PgcPath *path, const PgcNode *old,
								const PgcNode *new);

/* diff_option.c */
extern void pgc_diff_options(PgcDiff *diff, const PgcPath *path, const PgcNode *old,
							 const PgcNode *new);
extern void pgc_diff_enum(PgcDiff *diff, const PgcPath *path, const PgcNode *old,
						  const PgcNode *new);

/* diff_quality.c */
extern void pgc_diff_quality(PgcDiff *diff, const PgcPath *path, const PgcNode *old,
							 const PgcNode *new);
extern void pgc_diff_custom(PgcDiff *diff, const PgcPath *path, const PgcNode *old,
							const PgcNode *new);
extern PgcDiffContext pgc_diff_enter(PgcDiff *diff, const PgcNode *old, const PgcNode *new);

/* diff_sla.c */
extern void pgc_diff_sla(PgcDiff *diff, const PgcPath *path, const PgcNode *old,
						 const PgcNode *new);

/* diff_type.c */
extern int	pgc_diff_physical_types(const char *old, const char *new);
extern int	pgc_diff_logical_types(const char *old, const char *new);

/* diff_value.c */
extern bool pgc_diff_values(const char *left, const char *right, int *order);
extern bool pgc_diff_is_number(const char *value);
extern int	pgc_diff_bounds(const PgcDiffBound *old, const PgcDiffBound *new, bool lower);
extern char *pgc_diff_bound_words(const PgcDiffBound *bound, bool lower);

#endif							/* PGC_DIFF_H */
