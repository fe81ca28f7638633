/*
 * src/enforce/refusal.h
 *		What the queue of refused rows says of one, unpacked.
 */
#ifndef PGC_REFUSAL_H
#define PGC_REFUSAL_H

#include "postgres.h"

#include "enforce/rejects.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"

/* A rule as it was when it refused a row. */
typedef struct PgcRefusedRule
{
	const char *name;
	const char *kind;
	const char *message;
	Datum		columns;		/* name[]; empty if there were too many */
} PgcRefusedRule;

/* What a rule has to say of a refused row. */
typedef struct PgcRefusedValue
{
	uint64		rule;			/* hash of its key */
	const char *value;			/* or NULL */
	const char *error;			/* why it could not be evaluated, or NULL */
} PgcRefusedValue;

typedef struct PgcRefusedRow
{
	Jsonb	   *key;			/* or NULL */
	Jsonb	   *row;			/* or NULL: too long */
	List	   *values;			/* of PgcRefusedValue *: of as many rules as
								 * there was room for */
} PgcRefusedRow;

extern PgcRefusedRule *pgc_refused_rule(const PgcRejectKey *key);
extern PgcRefusedRow *pgc_refused_row(const PgcRejectSample *sample);

#endif							/* PGC_REFUSAL_H */
