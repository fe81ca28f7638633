/*
 * src/worker/shared.h
 *		Shared memory of launcher, workers and backends: who works where, and
 *		when a duty of a database is due.
 *
 * One lock protects all of it; it is held for a few instructions, or for one walk over
 * the databases, and nothing is done under it that may fail or wait.
 */
#ifndef PGC_SHARED_H
#define PGC_SHARED_H

#include "postgres.h"

#include "compat.h"
#include "nodes/pg_list.h"
#include "worker/worker.h"

#define PGC_WORKER_SLOTS 32		/* highest pg_contract.max_workers */
#define PGC_KNOWN_DATABASES 1024
#define PGC_DOING_SIZE 128
#define PGC_ERROR_SIZE 256

/* Is the extension in a database?  As its last worker found it. */
typedef enum PgcPresence
{
	PGC_PRESENCE_UNKNOWN,
	PGC_PRESENCE_NO,
	PGC_PRESENCE_YES
} PgcPresence;

/* Which run of which slot; a worker that was given up finds another generation in it. */
typedef struct PgcTicket
{
	int			slot;
	uint64		generation;
	Oid			database;
	PgcDuty		duty;
} PgcTicket;

/* How a worker ended. */
typedef struct PgcOutcome
{
	PgcPresence presence;
	bool		failed;
	TimestampTz next;			/* when there is something to do again;
								 * DT_NOEND: when nudged */
	char		error[PGC_ERROR_SIZE];	/* of the first task that failed */
} PgcOutcome;

/* A row of contract.workers. */
typedef struct PgcWorkerRow
{
	pid_t		pid;			/* 0: none */
	Oid			database;		/* InvalidOid: the launcher */
	PgcDuty		duty;
	const char *state;
	char		doing[PGC_DOING_SIZE];
	TimestampTz started_at;		/* 0: does not run; likewise the next */
	TimestampTz next_due;		/* DT_NOEND: when nudged */
	TimestampTz last_run;
	TimestampTz last_end;
	int			failures;
	char		last_error[PGC_ERROR_SIZE];
} PgcWorkerRow;

extern const char *pgc_duty_name(PgcDuty duty);

/* The launcher's side. */
extern void pgc_shared_launch(void);
extern bool pgc_shared_look_again(void);
extern bool pgc_shared_reconcile(const List *databases);
extern bool pgc_shared_claim(TimestampTz now, PgcTicket *ticket, TimestampTz *next);
extern void pgc_shared_give_back(const PgcTicket *ticket);
extern void pgc_shared_give_up(const PgcTicket *ticket);

/* A worker's side. */
extern bool pgc_shared_attach(const PgcTicket *ticket);
extern void pgc_shared_detach(const PgcOutcome *outcome);

/* Backends. */
extern bool pgc_shared_is_there(void);
extern void pgc_shared_hold(Oid database);
extern bool pgc_shared_evict(Oid database);
extern void pgc_shared_unhold(Oid database);
extern PgcWorkerRow *pgc_shared_rows(int *nrows);

/* launcher.c and worker.c: where their processes begin */
pg_noreturn extern PGDLLEXPORT void pgc_launcher_main(Datum arg);
pg_noreturn extern PGDLLEXPORT void pgc_worker_main(Datum arg);

#endif							/* PGC_SHARED_H */
