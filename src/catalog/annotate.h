/*
 * src/catalog/annotate.h
 *		What the SQL functions that write contracts share.
 */
#ifndef PGC_ANNOTATE_H
#define PGC_ANNOTATE_H

#include "catalog/contract.h"
#include "fmgr.h"

extern PgcContract *pgc_dataset_ensure(Oid relid);
extern PgcContract *pgc_dataset_open(const char *name);
extern void pgc_require_word(const char *what, const char *word, const char *const *words);
extern char *pgc_argument_text(FunctionCallInfo fcinfo, int argument);
extern Datum pgc_argument_or_null(FunctionCallInfo fcinfo, int argument, char *isnull);

#endif							/* PGC_ANNOTATE_H */
