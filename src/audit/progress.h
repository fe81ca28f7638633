/*
 * src/audit/progress.h
 *		Telling other sessions how far an audit is.
 */
#ifndef PGC_PROGRESS_H
#define PGC_PROGRESS_H

#include "postgres.h"

#include "port/atomics.h"

/* In the order in which an audit goes through them. */
typedef enum PgcPhase
{
	PGC_PHASE_PREPARE,
	PGC_PHASE_SCAN,				/* of heaps, page by page */
	PGC_PHASE_QUERY,			/* statements */
	PGC_PHASE_SET_RULES,
	PGC_PHASE_STORE
} PgcPhase;

extern void pgc_progress_start(int32 dataset_id, Oid relid);
extern void pgc_progress_phase(PgcPhase phase);
extern void pgc_progress_scan(uint64 nblocks);
extern void pgc_progress_share(pg_atomic_uint64 *done);
extern void pgc_progress_pages(int npages, int64 rows);
extern void pgc_progress_end(void);

#endif							/* PGC_PROGRESS_H */
