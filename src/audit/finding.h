/*
 * src/audit/finding.h
 *		What check() says of a dataset and of each rule.
 */
#ifndef PGC_FINDING_H
#define PGC_FINDING_H

#include "audit/audit.h"

/* What is said of one rule, in check()'s result and in contract.result. */
typedef struct PgcFinding
{
	const PgcStoredRule *rule;
	Datum		columns;		/* name[] */
	const char *status;
	int64		considered;		/* -1: null */
	int64		failed;
	Datum		observed;		/* jsonb, or 0: null */
	Datum		expected;
	const char *message;		/* or NULL */
	const char *executor;
} PgcFinding;

/* One check of a dataset. */
typedef struct PgcCheck
{
	const PgcContract *contract;
	const char *operation;		/* of its run: NULL for an audit of all rules */
	char	   *problem;		/* why the contract is not enforced, or NULL */
	PgcAudit   *audit;			/* or NULL: the relation is gone */
	PgcFinding *findings;		/* a rule of the contract */
	TimestampTz started;
	const char *executor;		/* all that ran */
	Datum		elapsed;		/* interval */
} PgcCheck;

extern void pgc_finding_make(PgcFinding *finding, const PgcAudit *audit, int rule, const char *problem);

/* check.c */
extern const PgcContract *pgc_check_lock(const PgcContract *contract);
extern void pgc_check_run(PgcCheck *check, PgcMode mode, bool profile);
extern void pgc_check_fail(PgcCheck *check, const char *error);

/* timely.c */
extern bool pgc_timely_is(const PgcRuleSpec *spec);
extern bool pgc_timely_store(const PgcCheck *check);

/* store.c */
extern int64 pgc_store_check(const PgcCheck *check);

#endif							/* PGC_FINDING_H */
