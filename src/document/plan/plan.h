/*
 * src/document/plan/plan.h
 *		What the files that make a plan of a document share.
 *
 *	plan.c			the contract, its objects, the order of the steps
 *	relation.c		which relation an object is
 *	columns.c		properties -> columns, their annotations
 *	types.c			physicalType and logicalType -> PostgreSQL's types
 *	options.c, collections.c	required, unique, primaryKey, logicalTypeOptions, enum
 *	relationships.c	references between properties
 *	quality.c, library.c, placeholders.c, own.c	quality checks
 *	sla.c			service levels
 *	values.c, pattern.c, parameters.c	what these share
 *	custom.c		customProperties of ours
 *	rules.c			rules as collected -> compiled, named
 *
 * A property or object that asks for a rule is planned with pgc_plan_add; what
 * will not be enforced goes to pgc_plan_give_up.
 */
#ifndef PGC_PLAN_H
#define PGC_PLAN_H

#include "postgres.h"

#include "document/document.h"
#include "document/plan/names.h"

/* A property of an object, and the column that it is. */
typedef struct PgcProperty
{
	PgcPlannedColumn *column;
	const PgcPath *path;
	const PgcColumn *layout;	/* of the dataset's layout; NULL: the relation
								 * has no such column */
	Oid			type;			/* of the column, domains looked through */
	bool		is_strange;		/* there is no relation yet, and a value of
								 * the type may run somebody's code */
	PgcAction	action;			/* of its rules, unless they say otherwise */
} PgcProperty;

/* A rule that is being made. */
typedef struct PgcDraft
{
	PgcPlannedRule *rule;
	List	   *columns;		/* of PgcProperty: the columns of the rule;
								 * NIL: any */
	Oid			referenced;		/* of kind references: what it points at, or
								 * InvalidOid */
	const char *base;			/* name, perhaps not unique yet */
} PgcDraft;

/* An object of the schema, and the dataset that it is. */
typedef struct PgcObject
{
	PgcPlannedDataset *dataset;
	const PgcPath *path;
	char		relkind;
	PgcNames   *properties;		/* PgcProperty by ODCS name */
	PgcNames   *ids;			/* PgcProperty by id */
	PgcNames   *columns;		/* PgcColumn of the layout by name */
	PgcNames   *bound;			/* PgcProperty by column */
	List	   *list;			/* of PgcProperty, in the document's order */
	List	   *drafts;			/* of PgcDraft, in the document's order */
	PgcAction	action;			/* of its rules, unless they say otherwise */
	const char *not_here;		/* why no rule of it can be enforced, or NULL */
} PgcObject;

typedef struct PgcPlanner
{
	const PgcNode *root;
	const PgcPlanOptions *options;
	PgcRemarks *remarks;
	PgcPlan    *plan;
	PgcNames   *objects;		/* PgcObject by ODCS name */
	PgcNames   *ids;			/* PgcObject by id */
	PgcNames   *relations;		/* PgcObject by schema.table */
	PgcNames   *types;			/* of types.c */
	List	   *list;			/* of PgcObject */
	const char *schema;			/* of the server, or NULL */
	PgcAction	action;			/* of all rules, unless they say otherwise */
	bool		is_draft;		/* nothing may do more than warn */
} PgcPlanner;

/* Who asks for rules, and what they have in common. */
typedef struct PgcAsked
{
	PgcPlanner *planner;
	PgcObject  *object;
	PgcProperty *property;		/* or NULL: the object */
	const PgcNode *node;
	const PgcPath *path;
	const char *name;			/* given, or NULL */
	const char *description;	/* or NULL */
	const char *severity;
	const char *schedule;		/* or NULL */
	const char *runbook;		/* or NULL */
	const char *tolerance;		/* or NULL: none */
	const char *filter;			/* or NULL */
	PgcAction	action;
	bool		own_action;
} PgcAsked;

/* parameters.c: parameters of rules; texts are copied, numbers stay exact */
typedef struct PgcParameters
{
	JsonbParseState *state;
	MemoryContext scratch;
} PgcParameters;

extern void pgc_parameters_begin(PgcParameters *parameters);
extern void pgc_parameters_text(PgcParameters *parameters, const char *name, const char *value);
extern void pgc_parameters_number(PgcParameters *parameters, const char *name, const char *value);
extern void pgc_parameters_true(PgcParameters *parameters, const char *name);
extern void pgc_parameters_list(PgcParameters *parameters, const char *name, const List *values);
extern void pgc_parameters_columns(PgcParameters *parameters, const PgcObject *object);
extern Jsonb *pgc_parameters_end(PgcParameters *parameters);

/* plan.c */
extern PgcPath *pgc_plan_element(const PgcPath *parent, const char *list, const PgcNode *element, int index);
extern char *pgc_plan_path(const PgcPath *parent, const char *name);	/* name may be NULL */
extern PgcAsked pgc_plan_asked(PgcPlanner *planner, PgcObject *object, PgcProperty *property,
							   const PgcNode *node, const PgcPath *path);
extern const char *pgc_plan_schedule(PgcPlanner *planner, const PgcNode *node, const PgcPath *path);
extern void pgc_plan_give_up(PgcPlanner *planner, const PgcNode *node, char *path, bool is_rule,
							 const char *format,...) pg_attribute_printf(5, 6);
extern void pgc_asked_give_up(const PgcAsked *asked, bool is_rule, const char *format,...) pg_attribute_printf(3, 4);

/* custom.c: customProperties of ours; wrong values are errors */
extern const char *pgc_custom_text(PgcPlanner *planner, const PgcNode *node, const PgcPath *path, const char *name);
extern bool pgc_custom_is(PgcPlanner *planner, const PgcNode *node, const PgcPath *path, const char *name);
extern const char *pgc_custom_word(PgcPlanner *planner, const PgcNode *node, const PgcPath *path,
								   const char *name, const char *const *words);
extern bool pgc_custom_action(PgcPlanner *planner, const PgcNode *node, const PgcPath *path, PgcAction *action);

/* relation.c */
extern void pgc_plan_choose_server(PgcPlanner *planner);
extern void pgc_plan_find_relation(PgcPlanner *planner, PgcObject *object);
extern Oid	pgc_plan_other_relation(PgcPlanner *planner, const PgcObject *object, const char *name);

/* columns.c */
extern void pgc_plan_columns(PgcPlanner *planner, PgcObject *object);
extern bool pgc_plan_is_untyped(const PgcProperty *property);

/* types.c */
extern Oid	pgc_plan_physical_type(PgcPlanner *planner, const PgcNode *property, const char *path, int32 *typmod);
extern Oid	pgc_plan_logical_type(PgcPlanner *planner, const PgcNode *property);
extern bool pgc_plan_is_strange(Oid type);

/* options.c */
extern void pgc_plan_property(PgcPlanner *planner, PgcObject *object, PgcProperty *property);
extern void pgc_plan_keys(PgcPlanner *planner, PgcObject *object);

/* collections.c: options of arrays and objects */
extern void pgc_plan_collection(const PgcAsked *asked, const PgcNode *options);

/* values.c: rules about a property's values, and what they are as SQL */
extern const char *pgc_plan_quoted(const PgcProperty *property);
extern void pgc_plan_satisfies(const PgcAsked *asked, const char *format,...) pg_attribute_printf(2, 3);
extern char *pgc_plan_range_sql(const PgcNode *minimum, const PgcNode *maximum, const char *number);
extern char *pgc_plan_pattern(const PgcAsked *asked, const PgcNode *pattern);
extern void pgc_plan_matches(const PgcAsked *asked, const char *pattern);
extern char *pgc_plan_match_sql(const PgcProperty *property, const char *pattern);
extern List *pgc_plan_list(const PgcNode *list);
extern void pgc_plan_values(const PgcAsked *asked, const char *kind, const List *values);
extern bool pgc_plan_fits(const PgcProperty *property, const char *value);
extern char *pgc_plan_values_sql(const PgcProperty *property, const List *values, bool forbidden);

/* relationships.c */
extern void pgc_plan_relationships(PgcPlanner *planner, PgcObject *object, PgcProperty *property);
extern PgcObject *pgc_plan_find_object(const PgcPlanner *planner, const char *reference, const char **property);

/* quality.c: quality checks; what their operator wants of a number that is counted */
typedef struct PgcOperator
{
	const PgcNode *node;		/* the operator's value; NULL: there is none */
	const char *name;			/* mustBe, ... */
	bool		percent;		/* the number is one of hundred */
	const char *minimum;		/* the range of the right numbers, or NULL */
	const char *maximum;
	bool		exclusive_minimum;
	bool		exclusive_maximum;
	bool		outside;		/* the range is that of the wrong ones */
	bool		is_text;		/* minimum is no number, and the only value */
} PgcOperator;

extern void pgc_plan_quality(PgcPlanner *planner, PgcObject *object, PgcProperty *property);
extern void pgc_plan_query(const PgcAsked *asked, const PgcOperator *operator, const char *query);
extern void pgc_plan_range(PgcParameters *parameters, const PgcOperator *operator);
extern const char *pgc_plan_tolerance(const PgcAsked *asked, const PgcNode *node);

/* library.c: metrics of the standard's library */
extern void pgc_plan_metric(const PgcAsked *asked, const PgcOperator *operator, const char *metric);

/* own.c: checks for an engine, ours or another */
extern void pgc_plan_engine(const PgcAsked *asked);

/* placeholders.c: a query with names in the place of {table} and the like, or NULL and a remark */
extern char *pgc_plan_replace(const PgcAsked *asked, const PgcNode *query);

/* sla.c */
extern void pgc_plan_sla(PgcPlanner *planner);

/* rules.c */
extern void pgc_plan_check_name(PgcAsked *asked);
extern PgcDraft *pgc_plan_add(const PgcAsked *asked, const char *kind, List *columns, Jsonb *parameters);
extern void pgc_plan_finish(PgcPlanner *planner, PgcObject *object);

#endif							/* PGC_PLAN_H */
