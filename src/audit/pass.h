/*
 * src/audit/pass.h
 *		The pass of an audit over all heaps of a relation.
 */
#ifndef PGC_PASS_H
#define PGC_PASS_H

#include "audit/heap.h"
#include "audit/state.h"

typedef struct PgcPass PgcPass;

/* One heap of the pass. */
typedef struct PgcLeaf
{
	Oid			relid;
	BlockNumber nblocks;
	int			first_unit;		/* units are parts, numbered through all heaps */
	bool		remember;		/* parts are made, to be stored */
	PgcState   *state;			/* or NULL */
} PgcLeaf;

struct PgcPass
{
	PgcAudit   *audit;
	PgcJudge   *judge;
	PgcScan		scan;			/* hands rows to the judge and the consumers */
	int			nleaves;
	PgcLeaf    *leaves;
	int			nunits;
	uint64		nblocks;		/* of all leaves */
	bool		from_memory;	/* some counters were remembered */

	/* what becomes of a part that was made anew */
	void		(*keep) (PgcPass *pass, PgcLeaf *leaf, const PgcPart *part);
	void	   *arg;			/* of keep */
	MemoryContext part_context; /* reset for each part */

	/* the heap that units are read from */
	PgcLeaf    *leaf;
	Relation	relation;
	PgcHeap    *heap;
};

extern void pgc_pass_begin(PgcPass *pass, PgcAudit *audit, PgcJudge *judge);
extern void pgc_pass_unit(PgcPass *pass, int unit);
extern void pgc_pass_end(PgcPass *pass);
extern List *pgc_pass_run(PgcAudit *audit, List *consumers);

/* workers.c */
extern int	pgc_workers_wanted(const PgcPass *pass);
extern int	pgc_workers_run(PgcPass *pass, int nworkers);

#endif							/* PGC_PASS_H */
