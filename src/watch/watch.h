/*
 * src/watch/watch.h
 *		Watching datasets over time: last writes, freshness and service levels,
 *		incidents.  Each file here does a task of the database's worker, step by step
 *		(worker/worker.h says what a step may do).
 */
#ifndef PGC_WATCH_H
#define PGC_WATCH_H

#include "postgres.h"

#include "worker/worker.h"

extern bool pgc_last_write_step(PgcStep *step); /* last_write.c */
extern bool pgc_freshness_step(PgcStep *step);	/* freshness.c */
extern bool pgc_incident_step(PgcStep *step);	/* incident.c */

extern int	pgc_incident_quiet; /* seconds; incident.c */

#endif							/* PGC_WATCH_H */
