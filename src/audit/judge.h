/*
 * src/audit/judge.h
 *		The consumer that judges rows by the row rules of an audit.
 */
#ifndef PGC_JUDGE_H
#define PGC_JUDGE_H

#include "audit/audit.h"

/* What was counted for one rule. */
typedef struct PgcCount
{
	int64		considered;
	int64		failed;
} PgcCount;

typedef struct PgcJudge
{
	PgcConsumer consumer;		/* must be first */
	PgcAudit   *audit;
	PgcSampler *sampler;
	PgcChunkVerdict *verdict;	/* of the rows taken last */
	int64		rows;
	int64		failed;			/* rows that fail any rule */
	PgcCount   *counts;			/* a rule */
	PgcScan    *sampled;		/* to be stopped when there are enough samples, or
								 * NULL */
} PgcJudge;

extern PgcJudge *pgc_judge_make(PgcAudit *audit);
extern void pgc_judge_finish(PgcJudge *judge, const char *executor);
extern void pgc_judge_sample(PgcAudit *audit, Relation relation);

#endif							/* PGC_JUDGE_H */
