/*
 * src/engine/measure.h
 *		What set rules keep in PgcRule.set that judge a table by a value, or by
 *		a query of their own.
 */
#ifndef PGC_MEASURE_H
#define PGC_MEASURE_H

#include "postgres.h"

#include "engine/kind.h"
#include "utils/timestamp.h"

/* One end of a range. */
typedef struct PgcLimit
{
	bool		given;			/* else the range is open */
	bool		exclusive;
	Datum		value;			/* of the range's type */
} PgcLimit;

/* What a value must be. */
typedef struct PgcBounds
{
	Oid			type;			/* of the bounds: see pgc_bounds_type */
	Oid			collation;
	FmgrInfo   *compare;		/* btree comparison of the type */
	PgcLimit	minimum;
	PgcLimit	maximum;
	char	   *words;			/* "between 0 and 10", "at least 5" */
} PgcBounds;

/* Of kinds row_count, fresh and metric. */
typedef struct PgcMeasure
{
	char	   *title;			/* "avg of amount" */
	char	   *sql;			/* expression over all rows, filter included;
								 * or NULL: it cannot be measured */
	PgcBounds  *bounds;			/* NULL: fresh */
	Interval   *max_age;		/* of fresh: sql gives a timestamptz; else
								 * NULL */
	bool		is_count;		/* the number of rows */
	bool		is_value;		/* not of all rows: the value of one of them */
} PgcMeasure;

/* Of kind query. */
typedef struct PgcQuery
{
	char	   *sql;			/* a SELECT */
	PgcBounds  *bounds;			/* of the one number that it returns; NULL:
								 * its rows are the failures */
} PgcQuery;

/* bounds.c */
extern PgcBounds *pgc_bounds_read(PgcCompile *compile, Oid type, bool of_column);
extern PgcBounds *pgc_bounds_require(PgcCompile *compile, Oid type, bool of_column);
extern bool pgc_bounds_hold(const PgcBounds *bounds, Datum value, double tolerance);
extern Oid	pgc_bounds_type(Oid type);
extern Datum pgc_bounds_convert(Oid type, Datum value);

/* metric.c */
extern const PgcMeasure *pgc_rule_measure(const PgcRule *rule);
extern char *pgc_metric_extreme(const char *aggregate, Oid type, const char *column,
								const char *filter);

/* query.c */
extern const PgcQuery *pgc_rule_query(const PgcRule *rule);

#endif							/* PGC_MEASURE_H */
