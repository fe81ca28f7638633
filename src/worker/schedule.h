/*
 * src/worker/schedule.h
 *		When a dataset is audited.
 */
#ifndef PGC_SCHEDULE_H
#define PGC_SCHEDULE_H

#include "postgres.h"

#include "datatype/timestamp.h"

/* schedule_state.expression of a schedule that was made by contract.schedule. */
#define PGC_SCHEDULE_OF_SQL "sql"

/* One of a dataset's schedules. */
typedef struct PgcSchedule
{
	int32		dataset_id;
	char	   *expression;		/* which of the dataset's it is */
	Interval   *every;			/* or NULL: cron */
	char	   *cron;			/* or NULL: every */
	char	   *time_zone;
	TimestampTz since;			/* of every: what its runs are counted from */
} PgcSchedule;

extern TimestampTz pgc_schedule_next(const PgcSchedule *schedule, TimestampTz after, char **problem);
extern void pgc_schedule_begin(const PgcSchedule *schedule);

#endif							/* PGC_SCHEDULE_H */
