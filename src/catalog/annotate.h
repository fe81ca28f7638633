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
	const char *runbook;		/* or NULL */
	bool		from_document;
	int64		replaces;		/* a rule's id, or 0: a new one */
} PgcRuleDraft;

/* rule.c */
extern void pgc_rule_require_name(const char *name);
extern void pgc_rule_write(int32 dataset_id, const PgcRuleDraft *draft);
extern void pgc_rule_delete(int64 rule_id);

/* dataset.c */

/* Fields of a dataset: description, write_path, on_apply. */
#define PGC_DATASET_FIELDS 3

/* Fields of a column: description, classification, pii_category, tags (as text[]'s output). */
#define PGC_COLUMN_FIELDS 4

extern void pgc_dataset_require_possible(Oid relid);
extern void pgc_dataset_require_possible_name(const char *name, const char *schema);
extern void pgc_dataset_require_rights(int32 dataset_id);
extern bool pgc_dataset_has_rights(int32 dataset_id);
extern void pgc_dataset_lock(Oid relid);
extern void pgc_dataset_lock_name(const char *name);
extern void pgc_dataset_await_name(const char *name);
extern int32 pgc_dataset_create(const NameData *schema_name, const NameData *table_name, Oid relid,
								const char *contract_id);
extern bool pgc_dataset_rename(int32 dataset_id, const NameData *schema_name, const NameData *table_name);
extern PgcContract *pgc_dataset_ensure(Oid relid);
extern PgcContract *pgc_dataset_open(const char *name);
extern void pgc_dataset_write(int32 dataset_id, const char *contract_id, const char *const *fields,
							  bool in_document, const List *documented);
extern bool pgc_dataset_is_empty(int32 dataset_id);
extern void pgc_dataset_drop(const PgcContract *contract);
extern void pgc_annotation_write(int32 dataset_id, const NameData *column, const char *const *fields,
								 const List *documented);

/* incident.c */
extern void pgc_incident_rename_rule(int32 dataset_id, const char *oldname, const char *newname);

/* version.c */

/* Fields of a contract: version, status, owner, description. */
#define PGC_CONTRACT_FIELDS 4

extern void pgc_contract_require_id(const char *what, const char *contract_id);
extern void pgc_contract_require_rights(const char *contract_id);
extern void pgc_contract_lock(const char *contract_id);
extern const char *pgc_contract_make(const char *contract_id, bool own);
extern void pgc_contract_write(const char *contract_id, const char *const *fields, const List *documented);
extern void pgc_contract_drop_orphans(void);
extern void pgc_contract_forget(const char *contract_id);
extern void pgc_version_write(const char *contract_id, const PgcVersion *version);
extern void pgc_version_amend(int64 id, text *source, Jsonb *document);

/* dataset.c: arguments of SQL functions */
extern void pgc_require_word(const char *what, const char *word, const char *const *words);
extern char *pgc_argument_text(FunctionCallInfo fcinfo, int argument);
extern Datum pgc_argument_or_null(FunctionCallInfo fcinfo, int argument, char *isnull);
extern Datum pgc_text_or_null(const char *string, char *isnull);

#endif							/* PGC_ANNOTATE_H */
