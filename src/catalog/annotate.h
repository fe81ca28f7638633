/*
 * src/catalog/annotate.h
 *		What the SQL functions that write contracts share.
 */
#ifndef PGC_ANNOTATE_H
#define PGC_ANNOTATE_H

#include "catalog/contract.h"
#include "fmgr.h"

/* A rule that is to be stored. */
typedef struct PgcRuleDraft
{
	PgcRuleSpec spec;			/* parameters in canonical form */
	Datum		columns;		/* name[], as compiled */
	const char *severity;
	Datum		tolerance;		/* numeric */
	const char *description;	/* or NULL */
	const char *schedule;		/* or NULL */
	bool		from_document;
	int64		replaces;		/* a rule's id, or 0: a new one */
} PgcRuleDraft;

/* rule.c */
extern void pgc_rule_require_name(const char *name);
extern void pgc_rule_write(int32 dataset_id, const PgcRuleDraft *draft);
extern void pgc_rule_delete(int64 rule_id);

/* dataset.c */
extern PgcContract *pgc_dataset_ensure(Oid relid);
extern PgcContract *pgc_dataset_open(const char *name);
extern void pgc_require_word(const char *what, const char *word, const char *const *words);
extern char *pgc_argument_text(FunctionCallInfo fcinfo, int argument);
extern Datum pgc_argument_or_null(FunctionCallInfo fcinfo, int argument, char *isnull);

#endif							/* PGC_ANNOTATE_H */
