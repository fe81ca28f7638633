/*
 * src/worker/shared.c
 *		What launcher, workers and backends share.
 */
#include "postgres.h"

#include "worker/worker.h"

/* pgc_worker_wake passes on, after commit, that somebody nudged. */
void
pgc_worker_wake(bool committed)
{
	for (int duty = 0; duty < PGC_NDUTIES; duty++)
		(void) pgc_nudge_take(duty);
}
