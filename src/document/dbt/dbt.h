/*
 * src/document/dbt/dbt.h
 *		What the files that read dbt's property files share, and nobody else needs.
 *
 *	dbt.c			the file: models, sources, seeds, snapshots -> objects
 *	dbt_column.c	columns and constraints -> properties, keys, relationships
 *	dbt_test.c		what all data tests have in common: names, configuration,
 *					thresholds
 *	dbt_tests.c		the tests that are known -> fields and quality rules
 *	dbt_check.c		the columns of expressions; what lint would say of the result
 *	dbt_text.c		Jinja, ref() and source(), thresholds, types as texts
 */
#ifndef PGC_DBT_H
#define PGC_DBT_H

#include "document/document.h"

/* A relation of the file, and the object that it becomes. */
typedef struct PgcDbtRelation
{
	const char *source;			/* NULL: a model, seed or snapshot */
	const char *name;			/* as dbt calls it */
	const PgcNode *node;		/* of the file */
	PgcNode    *object;			/* of the result */
} PgcDbtRelation;

/* What could not be carried. */
typedef struct PgcDbtLeftOut
{
	int			line;
	int			number;			/* of those before */
	char	   *message;		/* one line */
} PgcDbtLeftOut;

/* A file that is being converted. */
typedef struct PgcDbt
{
	PgcNode    *root;			/* the result */
	List	   *relations;		/* of PgcDbtRelation */
	List	   *left_out;		/* of PgcDbtLeftOut, in the order found */
} PgcDbt;

/* When a test fails, as warn_if and error_if say it: which operator of a rule that is. */
typedef struct PgcDbtThreshold
{
	const char *operator;		/* mustBe, ... */
	PgcNode    *value;
} PgcDbtThreshold;

/* A data test. */
typedef struct PgcDbtTest
{
	const PgcNode *node;		/* of the file */
	const char *type;			/* "unique", "dbt_utils.accepted_range", ... */
	const PgcNode *arguments;	/* a map, or NULL */
	const char *name;			/* or NULL */
	const char *description;	/* or NULL */
	const char *filter;			/* which rows are tested, or NULL */
	bool		warns;			/* severity: warn */
	const char *warn_if;		/* or NULL: "!= 0" */
	const char *error_if;
	PgcDbtRelation *relation;
	PgcNode    *property;		/* NULL: the test is about the relation */
	const char *column;			/* its name, or NULL */
} PgcDbtTest;

/* dbt.c */
extern void pgc_dbt_leave_out(PgcDbt *dbt, int line, const char *format,...) pg_attribute_printf(3, 4);
extern PgcDbtRelation *pgc_dbt_find(const PgcDbt *dbt, const char *source, const char *name);
extern void pgc_dbt_leave_out_others(PgcDbt *dbt, const PgcNode *map, const char *const *known,
									 const char *what);
extern void pgc_dbt_describe(PgcDbt *dbt, PgcNode *element, const PgcNode *node);

/* dbt_column.c */
extern PgcNode *pgc_dbt_property(PgcDbtRelation *relation, const char *name);
extern void pgc_dbt_columns(PgcDbt *dbt, PgcDbtRelation *relation);
extern void pgc_dbt_rules(PgcDbt *dbt, PgcDbtRelation *relation);
extern bool pgc_dbt_refer(PgcDbtRelation *relation, int line, const List *columns,
						  const char *target, const List *target_columns);
extern char *pgc_dbt_target(const PgcDbt *dbt, const char *target, PgcDbtRelation **relation);

/* dbt_check.c */
extern bool pgc_dbt_use(PgcDbtRelation *relation, const char *expression);
extern void pgc_dbt_check(PgcDbt *dbt);

/* dbt_test.c */
extern void pgc_dbt_tests(PgcDbt *dbt, PgcDbtRelation *relation, PgcNode *property, const PgcNode *node);
extern bool pgc_dbt_is_plain(const PgcDbtTest *test);
extern const PgcNode *pgc_dbt_argument(const PgcDbtTest *test, const char *name);
extern PgcNode *pgc_dbt_element(const PgcDbtTest *test);
extern const char *pgc_dbt_unknown_argument(const PgcDbtTest *test, const char *const *known);
extern void pgc_dbt_add_check(const PgcDbtTest *test, const char *metric, const char *argument,
							  const PgcNode *value);
extern void pgc_dbt_add_rule(PgcDbt *dbt, const PgcDbtTest *test, const char *kind, PgcNode *parameters);
extern void pgc_dbt_add_range(PgcDbt *dbt, const PgcDbtTest *test, const char *metric, const char *unit,
							  PgcNode *minimum, PgcNode *maximum);
extern void pgc_dbt_add_condition(PgcDbt *dbt, const PgcDbtTest *test, const char *expression);

/* dbt_tests.c */
extern const char *pgc_dbt_convert_test(PgcDbt *dbt, PgcDbtTest *test);

/* dbt_text.c */
extern bool pgc_dbt_has_jinja(const char *words);
extern bool pgc_dbt_parse_target(const char *words, char **source, char **name);
extern bool pgc_dbt_parse_reference(const char *words, char **table, List **columns);
extern PgcNode *pgc_dbt_number(const char *number);
extern bool pgc_dbt_parse_threshold(const char *words, PgcDbtThreshold *threshold);
extern const char *pgc_dbt_logical_type(const char *data_type);

#endif							/* PGC_DBT_H */
