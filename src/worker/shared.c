/*
 * src/worker/shared.c
 *		What launcher, workers and backends share.
 */
#include "postgres.h"

#include "worker/worker.h"

int			pgc_naptime = 10000;
int			pgc_max_workers = 3;

/* pgc_worker_doing says what this worker does now; nothing outside of a worker. */
void
pgc_worker_doing(const char *what)
{
}

/* pgc_worker_wake passes on, after commit, that somebody nudged. */
void
pgc_worker_wake(bool committed)
{
	for (int duty = 0; duty < PGC_NDUTIES; duty++)
		(void) pgc_nudge_take(duty);
}
