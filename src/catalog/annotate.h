/*
 * src/catalog/annotate.h
 *		What the SQL functions that write contracts share.
 */
#ifndef PGC_ANNOTATE_H
#define PGC_ANNOTATE_H

#include "catalog/contract.h"
#include "fmgr.h"

/* Names of rules and contracts are keys of indexes: so many bytes at most. */
#define PGC_MAX_NAME 255

extern void pgc_dataset_require_possible(Oid relid);
extern PgcContract *pgc_dataset_ensure(Oid relid);
extern PgcContract *pgc_dataset_open(const char *name);
extern void pgc_require_word(const char *what, const char *word, const char *const *words);
extern char *pgc_argument_text(FunctionCallInfo fcinfo, int argument);
extern Datum pgc_argument_or_null(FunctionCallInfo fcinfo, int argument, char *isnull);

#endif							/* PGC_ANNOTATE_H */
