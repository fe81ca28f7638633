/*
 * src/ddl/breach.h
 *		What DDL has broken of a contract.
 */
#ifndef PGC_BREACH_H
#define PGC_BREACH_H

#include "postgres.h"

#include "catalog/contract.h"

/* One thing that a contract does not permit. */
typedef struct PgcBreach
{
	char	   *what;			/* column "amount" is gone */
	List	   *rules;			/* names (char *) of those that forbid it */
	bool		widening;		/* against the contract, but let pass */
	bool		is_lost;		/* what fed others is not what it was: */
	const char *column;			/* this column, or NULL: the relation */
} PgcBreach;

extern PgcBreach *pgc_breach_make(char *what, List *rules);
extern bool pgc_breach_is_other(const PgcRuleSpec *spec, const PgcRule *rule);
extern List *pgc_breach_columns(const PgcContract *contract, Relation relation);
extern void pgc_breach_warn(const PgcContract *contract);

#endif							/* PGC_BREACH_H */
