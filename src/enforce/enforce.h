/*
 * src/enforce/enforce.h
 *		The write path: what its files share, and what the rest may call.
 */
#ifndef PGC_ENFORCE_H
#define PGC_ENFORCE_H

#include "postgres.h"

#include "catalog/contract.h"
#include "compat.h"
#include "executor/execdesc.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "utils/jsonb.h"
#include "utils/rel.h"

/* How the rows of one relation become jsonb.  Lives in its own context. */
typedef struct PgcWriter
{
	TupleDesc	descriptor;
	FmgrInfo   *outputs;		/* a column: its type's output function */
	bool	   *masked;			/* a column: personal data */
	bool		needs_path;		/* some type's text depends on search_path */
	int			nlive;
	AttrNumber *order;			/* live columns as jsonb sorts their names */
	int			nverbatim;
	AttrNumber *verbatim;		/* those that are not generated */
	int			nkeys;
	AttrNumber *keys;			/* primary key columns */
} PgcWriter;

/* evidence.c */
extern PgcWriter *pgc_writer_make(TupleDesc descriptor, Relation relation, const List *pii);
extern PgcWriter *pgc_writer_of_layout(const PgcLayout *layout, Relation relation, const List *pii);
extern Jsonb *pgc_evidence_row(const PgcWriter *writer, const Datum *values, const bool *nulls);
extern Jsonb *pgc_evidence_key(const PgcWriter *writer, const Datum *values, const bool *nulls,
							   ItemPointer tid, bool mask);
extern Jsonb *pgc_evidence_verbatim(const PgcWriter *writer, const Datum *values, const bool *nulls);
extern char *pgc_evidence_value(const PgcContract *contract, const PgcProgram *program, int rule,
								const Datum *values, const bool *nulls, bool mask);
extern bool pgc_evidence_is_personal(const PgcContract *contract, const PgcProgram *program, int rule);
extern char *pgc_evidence_message(const PgcContract *contract, const PgcProgram *program,
								  int rule, const char *error);
extern Datum pgc_evidence_columns(const PgcProgram *program, int rule);

/* Rows that failed on write: see recording.c. */
typedef struct PgcFailure
{
	const PgcEntry *entry;
	const PgcVerdict *verdict;
	const Datum *layout_values; /* in the order of the program's layout */
	const bool *layout_nulls;
	const PgcWriter *writer;	/* or NULL: only what the layout has is known */
	const Datum *values;		/* the whole row */
	const bool *nulls;
	ItemPointer tid;			/* or NULL: not in the table */
	bool		is_update;
	PgcAction	taken;
} PgcFailure;

/* trigger.c */
extern void pgc_trigger_abort_sub(SubTransactionId subid);
extern void pgc_trigger_end(void);

/* recording.c */
extern int	pgc_violation_samples;
extern void pgc_recording_note(const PgcFailure *failure);
extern void pgc_recording_quarantine(const PgcFailure *failure, Jsonb *key, Datum changed);
extern void pgc_recording_flush(void);
extern void pgc_recording_before_read(QueryDesc *query);
extern void pgc_recording_pre_commit_sub(SubTransactionId subid);
extern void pgc_recording_commit_sub(SubTransactionId subid, SubTransactionId parent);
extern void pgc_recording_abort_sub(SubTransactionId subid);
extern void pgc_recording_end(void);

/* report.c */
extern PgcAction pgc_effective_action(const PgcEntry *entry, int rule);
pg_noreturn extern void pgc_report_reject(const PgcFailure *failure, Oid relid, bool moved);

/* refusal.c */
extern void pgc_refusal_put(const PgcFailure *failure);

#endif							/* PGC_ENFORCE_H */
