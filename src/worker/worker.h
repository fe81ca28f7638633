/*
 * src/worker/worker.h
 *		What runs in the background: the duties of a database's workers, their
 *		tasks, and the shared memory between launcher, workers and backends.
 *
 * A worker does one duty of one database and exits.  A duty is a list of tasks;
 * a task is done in steps, each a transaction of its own.  contract.tend() does
 * the same steps in the foreground.
 */
#ifndef PGC_WORKER_H
#define PGC_WORKER_H

#include "postgres.h"

#include "catalog/contract.h"
#include "utils/timestamp.h"

/* One step of a task. */
typedef struct PgcStep
{
	TimestampTz now;			/* when it began */
	TimestampTz next;			/* out: when there will be something to do
								 * again; DT_NOEND, as preset: when nudged */
} PgcStep;

/*
 * step is called in a transaction with an active snapshot, in a memory context
 * that is reset afterwards, by a superuser.  It does one small thing that is due
 * (a batch of rows, one dataset) and returns whether there is more to do right now.  It
 * finds what is due in our tables, so that it may be cut off anywhere.  What it calls
 * that may fail because of a user's table it catches and records: an error
 * that leaves it ends the task, and the whole duty is tried again later.
 */
typedef struct PgcTask
{
	const char *name;			/* for people: pg_stat_activity,
								 * contract.workers */
	bool		(*step) (PgcStep *step);
	bool		keeps_plans;	/* its statements on our tables find rows by
								 * their keys: plan them once */
} PgcTask;

/* round.c */
extern const PgcTask *pgc_round_tasks(PgcDuty duty, int *ntasks);
extern bool pgc_round_step(PgcDuty duty, const PgcTask *task, PgcStep *step);

/* shared.c */
extern int	pgc_naptime;		/* ms */
extern int	pgc_max_workers;
extern void pgc_worker_shared_request(void);
extern void pgc_worker_shared_startup(void);
extern void pgc_worker_wake(bool committed);
extern void pgc_worker_due(Oid database, PgcDuty duty);
extern void pgc_worker_due_by(Oid database, PgcDuty duty, TimestampTz by);
extern void pgc_worker_doing(const char *what);

/* launcher.c */
extern void pgc_launcher_register(void);

/* release.c */
extern void pgc_release_init(void);
extern void pgc_release_end(void);

/* The tasks' steps. */
extern bool pgc_drain_step(PgcStep *step);	/* drain.c: refused rows */
extern bool pgc_schedule_step(PgcStep *step);	/* audits.c: due audits */
extern bool pgc_retention_step(PgcStep *step);	/* retention.c */

/* Their settings. */
extern int	pgc_audit_timeout;	/* ms; 0: none */
extern int	pgc_history_max_age;	/* minutes; 0: for ever */
extern int	pgc_history_max_rows;	/* a dataset and table; 0: any number */

#endif							/* PGC_WORKER_H */
