/*
 * src/audit/ask.h
 *		Asking SQL what nothing faster can tell.
 */
#ifndef PGC_ASK_H
#define PGC_ASK_H

#include "audit/audit.h"
#include "executor/tuptable.h"

/* Takes one row of an answer. */
typedef void (*PgcAnswerFunction) (TupleTableSlot *slot, void *arg);

extern char *pgc_ask(const PgcAudit *audit, const char *sql, PgcAnswerFunction row, void *arg);
extern char *pgc_ask_counts(const PgcAudit *audit, const char *sql, int64 *counts);
extern char *pgc_ask_samples(PgcAudit *audit, int rule, const char *from);

#endif							/* PGC_ASK_H */
