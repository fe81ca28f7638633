/*
 * src/engine/measure.h
 *		What set rules keep in PgcRule.set that judge a table by a value, or by
 *		a query of their own.
 */
#ifndef PGC_MEASURE_H
#define PGC_MEASURE_H

#include "postgres.h"

#include "engine/cron.h"
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

/* Of kinds row_count, fresh, volume, lifecycle and metric. */
typedef struct PgcMeasure
{
	char	   *title;			/* "avg of amount" */
	char	   *sql;			/* expression over all rows, filter included;
								 * or NULL: it cannot be measured */
	PgcBounds  *bounds;			/* NULL: fresh, whose sql gives a timestamptz */
	bool		is_count;		/* the number of rows */
	bool		is_value;		/* not of all rows: the value of one of them */
	bool		is_time;		/* what time it is; sql is NULL */

	Interval   *max_age;		/* of fresh, or NULL: since midnight */
	PgcCron    *deadline;		/* of fresh: when max_age must hold; NULL: at
								 * any time */
	char	   *due;			/* the deadline in words, "by 06:00 on
								 * mon-fri, Europe/Berlin" */
	Interval   *per;			/* of volume: the time before now in which
								 * rows count */
	char	   *aggregate;		/* of fresh and volume: sql, but over the rows
								 * that pass where */
	char	   *where;			/* of fresh and volume: which rows count,
								 * filter included; NULL: all */
	pg_tz	   *zone;			/* of fresh and volume: of deadlines, days and
								 * columns without zone; NULL: the session's */
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
extern char *pgc_measure_filter(const PgcCompile *compile);
extern char *pgc_metric_extreme(const char *aggregate, Oid type, const char *column,
								const char *filter);

/*
 * fresh.c: how old the newest value of a rule of kind fresh may be at a time, that is at the last deadline
 * before if it has deadlines; sets when the next one is (DT_NOEND: it has none)
 */
extern TimestampTz pgc_measure_oldest(const PgcMeasure *measure, TimestampTz now, TimestampTz *next_deadline);
extern TimestampTz pgc_measure_until(const PgcMeasure *measure, TimestampTz newest);

/* query.c */
extern const PgcQuery *pgc_rule_query(const PgcRule *rule);

#endif							/* PGC_MEASURE_H */
