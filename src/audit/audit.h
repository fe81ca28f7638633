/*
 * src/audit/audit.h
 *		What the files of this room share: one pass over a relation's rows.
 */
#ifndef PGC_AUDIT_H
#define PGC_AUDIT_H

#include "postgres.h"

#include "catalog/contract.h"
#include "enforce/enforce.h"

/* What a pass found for one rule. */
typedef struct PgcTally
{
	int64		considered;
	int64		failed;
	char	   *error;			/* first error of its expression, or NULL */
	List	   *samples;		/* of PgcSample, at most as many as asked for */
} PgcTally;

typedef struct PgcSample
{
	Jsonb	   *key;			/* or NULL */
	Jsonb	   *row;
	char	   *value;			/* or NULL */
} PgcSample;

/* A pass over all rows of a relation. */
typedef struct PgcPass
{
	MemoryContext context;		/* owns tallies and samples */
	const PgcContract *contract;	/* for masking; relid and pii must be set */
	PgcProgram *program;		/* over pgc_layout_of the relation */
	int			max_samples;	/* a rule */
	int64		rows;
	int64		failed;			/* rows that fail any rule */
	PgcTally   *tallies;		/* a rule of the program */
} PgcPass;

extern void pgc_pass_run(PgcPass *pass, Relation relation, Oid role);

#endif							/* PGC_AUDIT_H */
