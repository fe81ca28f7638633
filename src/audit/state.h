/*
 * src/audit/state.h
 *		What is remembered of a heap from one audit to the next.
 */
#ifndef PGC_STATE_H
#define PGC_STATE_H

#include "access/xlogdefs.h"
#include "audit/judge.h"
#include "audit/part.h"

/* A part as remembered, without its pages. */
typedef struct PgcOldPart
{
	bool		present;
	int			nblocks;
	bool		settled;		/* all pages */
	int64	   *totals;			/* a counter */
} PgcOldPart;

/* The memory of one heap; this audit's alone until the transaction ends. */
typedef struct PgcState
{
	int32		dataset_id;
	Oid			relid;			/* of the heap */
	Snapshot	snapshot;		/* of this audit */
	int			ncounters;
	char	   *identity;		/* of what the counters are about */
	XLogRecPtr	lsn;			/* before this audit reads its first page */
	bool		usable;			/* what was remembered is about the same */
	bool		changed;		/* something was stored */
	XLogRecPtr	old_lsn;		/* before the remembered audit read its first
								 * page */
	int			nparts;			/* length of parts */
	PgcOldPart *parts;
} PgcState;

extern PgcState *pgc_state_open(const PgcJudge *judge, Relation heap);
extern bool pgc_state_knows(const PgcState *state, int part);
extern void pgc_state_find_unchanged(const PgcState *state, Relation heap, BlockNumber first,
									 int nblocks, bool *unchanged);
extern PgcPart *pgc_state_load_part(const PgcState *state, int number);
extern void pgc_state_store_part(PgcState *state, int number, int nblocks, bool settled,
								 const int64 *totals, bytea *pages);
extern void pgc_state_close(PgcState *state, BlockNumber nblocks);
extern void pgc_state_forget(const PgcState *state);
extern void pgc_state_keep_only(int32 dataset_id, const List *relids);

#endif							/* PGC_STATE_H */
