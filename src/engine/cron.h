/*
 * src/engine/cron.h
 *		Times that repeat, in a time zone.
 */
#ifndef PGC_CRON_H
#define PGC_CRON_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "pgtime.h"
#include "utils/guc.h"

/* What names no time zone is in this one: the setting pg_contract.timezone. */
extern char *pgc_default_zone;
extern bool pgc_check_zone(char **newval, void **extra, GucSource source);
extern pg_tz *pgc_find_zone(const char *name);
extern pg_tz *pgc_time_zone(const char *name);

/* A cron expression: a bit for each value of a field that it has. */
typedef struct PgcCron
{
	uint64		minutes;		/* 0 to 59 */
	uint64		hours;			/* 0 to 23 */
	uint64		days;			/* 1 to 31 */
	uint64		months;			/* 1 to 12 */
	uint64		weekdays;		/* 0, Sunday, to 6 */
	bool		either;			/* the day of the month or that of the week,
								 * not both */
} PgcCron;

extern void pgc_cron_parse(const char *expression, PgcCron *cron);
extern bool pgc_cron_read(const char *expression, PgcCron *cron, char **problem);
extern TimestampTz pgc_cron_next(const PgcCron *cron, TimestampTz after, pg_tz *zone);
extern TimestampTz pgc_cron_previous(const PgcCron *cron, TimestampTz at, pg_tz *zone);

#endif							/* PGC_CRON_H */
