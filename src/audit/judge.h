/*
 * src/audit/judge.h
 *		The consumer that judges rows by the row rules of an audit.
 *
 * What it counts are counters: rows, rows that fail any rule, rows that fail
 * each rule, rows that the filter of each rule with a filter considers.
 */
#ifndef PGC_JUDGE_H
#define PGC_JUDGE_H

#include "audit/audit.h"

#define PGC_COUNTER_ROWS 0
#define PGC_COUNTER_FAILED 1

/* Where a failing row is. */
typedef struct PgcTid
{
	Oid			relid;			/* a heap */
	ItemPointerData tid;
} PgcTid;

typedef struct PgcJudge
{
	PgcConsumer consumer;		/* must be first */
	PgcAudit   *audit;
	PgcSampler *sampler;		/* or NULL: keep tids */
	List	  **tids;			/* a rule: of PgcTid, at most max_samples */
	PgcChunkVerdict *verdict;	/* of the rows taken last */
	int			ncounters;
	int		   *failed_at;		/* a rule: its counter, or -1: left out */
	int		   *considered_at;	/* a rule: its counter, or -1: all rows */
	uint16	   *page;			/* counters of the rows taken last */
	int64	   *totals;			/* counters of all rows */
	PgcScan    *sampled;		/* to be stopped when there are enough
								 * samples, or NULL */
} PgcJudge;

extern PgcJudge *pgc_judge_make(PgcAudit *audit, bool keep_tids);
extern void pgc_judge_keep_tid(PgcJudge *judge, int rule, const PgcTid *tid);
extern void pgc_judge_finish(PgcJudge *judge, const char *executor);
extern void pgc_judge_sample(PgcAudit *audit, Relation relation);

#endif							/* PGC_JUDGE_H */
