/*
 * src/audit/part.h
 *		What an audit remembers of the pages of a heap, a part at a time.
 */
#ifndef PGC_PART_H
#define PGC_PART_H

#include "postgres.h"

#include "storage/block.h"

/* Pages of a part: the unit of work of parallel audits, and a row of contract.audit_part. */
#define PGC_PART_BLOCKS 4096

/* Counters of each page. */
typedef struct PgcPart
{
	int			number;			/* first block / PGC_PART_BLOCKS */
	int			nblocks;
	int			ncounters;
	uint16	   *counts;			/* counter by counter, PGC_PART_BLOCKS each */
	uint16	   *settled;		/* a page: 1 or 0, see PgcHeap; behind the
								 * counts */
	int64	   *totals;			/* a counter: over all pages */
} PgcPart;

extern PgcPart *pgc_part_make(int number, int nblocks, int ncounters);
extern void pgc_part_set(PgcPart *part, int page, const uint16 *counters, bool settled);
extern void pgc_part_get(const PgcPart *part, int page, uint16 *counters);
extern bool pgc_part_is_settled(const PgcPart *part);
extern bytea *pgc_part_encode(const PgcPart *part);
extern PgcPart *pgc_part_decode(int number, int ncounters, const bytea *bytes);

#endif							/* PGC_PART_H */
