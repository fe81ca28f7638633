/*
 * src/catalog/contract.h
 *		The only room that reads and writes the extension's tables.
 *
 * Reading is like reading a system catalog: with the latest committed
 * snapshot, whatever the isolation level of the transaction.
 */
#ifndef PGC_CONTRACT_H
#define PGC_CONTRACT_H

#include "postgres.h"

#include "access/transam.h"
#include "engine/engine.h"
#include "nodes/pg_list.h"
#include "storage/lockdefs.h"
#include "utils/array.h"
#include "utils/timestamp.h"
#include "utils/rel.h"

/* A rule as stored. */
typedef struct PgcStoredRule
{
	PgcRuleSpec spec;
	int64		id;
	char	   *severity;		/* info, warning, error */
	double		tolerance;		/* fraction of considered rows that may fail */
	char	   *description;	/* or NULL */
	char	   *schedule;		/* cron expression of its document, or NULL */
	char	   *runbook;		/* what to do if it fails, or NULL */
	bool		from_document;	/* source 'document', else 'sql' */
} PgcStoredRule;

/* What is known of a column. */
typedef struct PgcAnnotation
{
	NameData	column;
	char	   *description;	/* or NULL, likewise the next two */
	char	   *classification;
	char	   *pii_category;
	List	   *tags;			/* of char * */
	List	   *documented;		/* names (char *) of the fields that come from
								 * a document */
} PgcAnnotation;

/* A dataset with everything that is said of it. */
typedef struct PgcContract
{
	int32		dataset_id;
	NameData	schema_name;
	NameData	table_name;
	char	   *name;			/* schema.table, quoted where necessary */
	char	   *description;	/* of the dataset, or NULL */
	NameData	author;			/* whose rules these are: the relation's owner
								 * when it was last bound */
	bool		in_document;	/* the contract's document declares it */
	List	   *documented;		/* names (char *) of the dataset's fields that
								 * come from it; "dataset": it made it */
	char	   *contract_id;
	char	   *version;		/* of the contract, or NULL */
	char	   *status;
	char	   *owner;			/* as described, or NULL */
	char	   *contract_description;	/* or NULL */
	List	   *contract_documented;	/* fields of the contract, likewise */
	bool		oltp;			/* write_path => 'oltp' */
	bool		warn_on_apply;	/* on_apply => 'warn' */
	Oid			relid;			/* what bears the name, or InvalidOid */
	int			nrules;
	PgcStoredRule *rules;		/* in the order they were made */
	List	   *pii;			/* names (char *) of columns with personal
								 * data */
	List	   *annotations;	/* of PgcAnnotation, by column name */
} PgcContract;

/* A dataset's name and binding, for those who walk over all of them. */
typedef struct PgcBound
{
	int32		dataset_id;
	NameData	schema_name;
	NameData	table_name;
	NameData	author;
	Oid			relid;			/* as bound, or InvalidOid: never or not any
								 * more */
	Oid			last;			/* as bound, though it may be gone;
								 * InvalidOid: another dataset took it in this
								 * transaction */
	int			ncolumns;		/* 0: not bound, not even to one that is gone */
	int16	   *attnums;
	NameData   *attnames;
} PgcBound;

/* tables.c */
extern bool pgc_catalog_exists(void);
extern Oid	pgc_catalog_owner(void);

/* Are statements on our tables planned once in this process?  False again at the end of the transaction. */
extern bool pgc_catalog_keeps_plans;

/* Is it a statement of ours that is being run? */
extern bool pgc_catalog_is_running;
typedef void (*PgcRowFunction) (HeapTuple tuple, TupleDesc descriptor, void *arg);
extern uint64 pgc_catalog_query(const char *sql, int nargs, const Oid *types,
								const Datum *values, const char *nulls,
								PgcRowFunction row, void *arg);
extern uint64 pgc_catalog_query_before(const char *sql, int nargs, const Oid *types,
									   const Datum *values, const char *nulls,
									   PgcRowFunction row, void *arg);
extern uint64 pgc_catalog_execute(const char *sql, int nargs, const Oid *types,
								  const Datum *values, const char *nulls);
extern char *pgc_catalog_name(const char *schema, const char *table);
extern bool pgc_catalog_try_lock(const char *table, uint32 object);

/* rows.c: PgcRowFunctions, and what others are made of; a column that is null is left out */
extern char *pgc_row_text(HeapTuple tuple, TupleDesc descriptor, int column);
extern void pgc_take_int64(HeapTuple tuple, TupleDesc descriptor, void *arg);
extern void pgc_take_ids(HeapTuple tuple, TupleDesc descriptor, void *arg);

/* contract.c */
extern PgcContract *pgc_contract_load(int32 dataset_id);
extern PgcContract *pgc_contract_agreement(const char *contract_id);
extern List *pgc_contract_list(void);
extern bool pgc_contract_suits(int32 dataset_id, const NameData *author, Oid relid);
extern char *pgc_contract_owner_name(Oid relid);
extern int32 pgc_contract_waiting(Oid relid);
extern List *pgc_contract_datasets(const char *contract_id);
extern Oid	pgc_contract_relation(int32 dataset_id);
extern Oid	pgc_contract_named(const NameData *schema_name, const NameData *table_name);
extern int32 pgc_contract_of_relation(Oid relid);
extern int32 pgc_contract_of_name(const char *schema, const char *table);
extern int32 pgc_contract_of_held(int64 id);
extern int32 pgc_contract_find(const char *name, bool missing_ok);
extern PgcContract *pgc_contract_require(Oid relid);
extern PgcRuleSpec *pgc_contract_specs(const PgcContract *contract,
									   PgcAction weakest, int *nspecs, int **origin);
extern PgcLayout *pgc_layout_of(Relation relation);

/* rule.c */
/* Names of rules and contracts are keys of indexes: so many bytes at most. */
#define PGC_MAX_NAME 255
extern PgcStoredRule *pgc_contract_rule(const PgcContract *contract, const char *name);
extern PgcAction pgc_rule_action(char relkind, const PgcLayout *layout, const PgcRule *rule);
extern char *pgc_rule_base_name(const char *kind, const List *columns);

/* mentions.c */

/* A rule that is about columns of other relations, too. */
typedef struct PgcMention
{
	int32		dataset_id;
	char	   *rule;
	char	   *query;			/* of kind query, else NULL */
	char	   *relation;		/* that a rule of kind references points at,
								 * quoted where necessary; else NULL */
	List	   *columns;		/* of it: names (char *) */
} PgcMention;

/* When a dataset is audited. */
typedef struct PgcDatasetSchedule
{
	char	   *source;			/* sql, document */
	char	   *every;			/* or NULL */
	char	   *cron;			/* or NULL */
	char	   *time_zone;
} PgcDatasetSchedule;

extern List *pgc_mentions(void);
extern List *pgc_dataset_schedules(int32 dataset_id);

/* version.c */

/* A document that was applied. */
typedef struct PgcVersion
{
	int64		id;
	char	   *version;
	char	   *status;			/* one of contract.contract's five */
	text	   *source;			/* verbatim */
	Jsonb	   *document;
	char	   *level;			/* of what it changed, or NULL: nothing */
	int			changes;		/* against the one before */
	TimestampTz applied_at;
	NameData	applied_by;
} PgcVersion;

extern List *pgc_version_list(const char *contract_id);
extern PgcVersion *pgc_version_newest(const char *contract_id);

/* shape.c: a relation's columns as a contract accepted them */
typedef struct PgcShapeColumn
{
	NameData	name;
	Oid			type;
	int32		typmod;
	bool		not_null;
} PgcShapeColumn;

typedef struct PgcShape
{
	int			ncolumns;
	PgcShapeColumn *columns;
} PgcShape;

extern PgcShape *pgc_shape_of(Relation relation);
extern const PgcShapeColumn *pgc_shape_find(const PgcShape *shape, const char *name);
extern PgcShape *pgc_shape_accepted(int32 dataset_id);
extern void pgc_shape_arrays(const PgcShape *shape, Datum *arrays);
extern void pgc_shape_accept(int32 dataset_id, const PgcShape *shape);
extern void pgc_shape_rename(int32 dataset_id, const char *oldname, const char *newname);

/* binding.c */
extern int32 pgc_binding_write(int32 dataset_id, Oid relid);
extern void pgc_binding_accept(int32 dataset_id, Oid relid);
extern void pgc_binding_release(int32 dataset_id);
extern void pgc_binding_forget(int32 dataset_id);
extern void pgc_binding_make_triggers(const PgcContract *contract);
extern void pgc_binding_drop_triggers(int32 dataset_id, Oid relid);
extern LOCKMODE pgc_binding_lock_needed(const PgcContract *contract);
extern char *pgc_binding_problem(const PgcContract *contract);

/* A partition whose rows are not all checked on write, though they should be. */
typedef struct PgcUncovered
{
	char	   *name;			/* schema.table, quoted where necessary */
	bool		foreign;		/* by nature: another server writes to it */
	char	   *problem;
} PgcUncovered;

extern List *pgc_binding_uncovered(const PgcContract *contract);
extern bool pgc_binding_is_marked(int32 dataset_id, Oid relid);
extern bool pgc_binding_has_triggers(int32 dataset_id, Relation relation);
extern List *pgc_binding_trigger_columns(int32 dataset_id, Relation relation);

/* cache.c */
typedef struct PgcEntry
{
	int32		dataset_id;		/* hash key */
	bool		valid;
	uint64		generation;		/* changes whenever the rest does */
	MemoryContext context;
	Oid			relid;
	PgcContract *contract;
	PgcProgram *program;		/* of the rules that are checked on write */
	PgcVerdict *verdict;		/* scratch for this program */
	PgcStoredRule **rules;		/* program's rules as stored */
	bool		whole_row;		/* the WHEN passes the row, not its columns */
	bool		has_expressions;	/* runs what the owner wrote */
} PgcEntry;

extern PgcEntry *pgc_cache_get(int32 dataset_id);
extern void pgc_cache_invalidate(Oid relid);
extern Oid	pgc_lineage_marker(void);
extern void pgc_lineage_changed(void);
extern void pgc_cache_at_transaction_end(void);

/* arrays.c */
extern Datum pgc_name_array(const List *names);
extern Datum pgc_text_array(const List *texts);
extern char **pgc_array_names(Datum array, int *count);
extern char **pgc_array_texts(Datum array, int *count);
extern Datum pgc_array(Oid type, Datum *values, bool *nulls, int count);

/* privilege.c */
#define PGC_MASK "***"
extern void pgc_privilege_require_owner(Oid relid);
extern void pgc_privilege_require_create(const char *schema);
extern void pgc_privilege_require_read(Oid relid);
extern void pgc_privilege_require_some(Oid relid);
extern bool pgc_privilege_is_visible(int32 dataset_id);
extern bool pgc_privilege_may_read_column(Oid relid, const char *column);

/*
 * history.c: rows of contract.run, result, violation, quarantine and metric.  In these
 * structs a null pointer or Datum, a negative count and query id 0 are nulls.
 */
typedef enum PgcTable
{
	PGC_RUN,
	PGC_RESULT,
	PGC_VIOLATION,
	PGC_QUARANTINED,
	PGC_METRIC
} PgcTable;

typedef struct PgcRunRow
{
	int64		id;
	int32		dataset_id;
	const char *source;			/* write, audit */
	const char *operation;
	const char *executor;
	TimestampTz at;
	Datum		elapsed;		/* interval */
	const char *role;			/* name; NULL: gone */
	const char *application;
	const FullTransactionId *xid;	/* NULL: this transaction's; invalid: had
									 * none */
	uint64		query_id;
	int64		considered;		/* rows */
	int64		failed;
	const char *origin;			/* of a change that logical replication
								 * refused, or NULL */
} PgcRunRow;

typedef struct PgcResultRow
{
	int64		run_id;
	const char *rule;
	const char *kind;
	Datum		columns;		/* name[] */
	PgcAction	action;
	const char *status;
	int64		considered;		/* rows */
	int64		failed;
	Datum		observed;		/* jsonb */
	Datum		expected;
	const char *message;
} PgcResultRow;

typedef struct PgcViolationRow
{
	int64		run_id;
	int32		dataset_id;
	const char *rule;
	const char *kind;
	Datum		columns;		/* name[] */
	TimestampTz at;
	PgcAction	action;
	Jsonb	   *key;
	Jsonb	   *row;
	const char *value;
	const char *message;
} PgcViolationRow;

typedef struct PgcQuarantinedRow
{
	int32		dataset_id;
	const char *operation;
	Datum		rules;			/* text[] */
	TimestampTz at;
	const char *role;			/* name; NULL: gone */
	const char *application;
	uint64		query_id;
	Jsonb	   *key;
	Datum		changed;		/* name[] */
	Jsonb	   *row;
} PgcQuarantinedRow;

typedef struct PgcMetricRow
{
	int64		run_id;
	int32		dataset_id;
	const char *column;			/* NULL: the table */
	const char *metric;			/* rows, nulls, distinct, min, max, mean */
	Datum		number;			/* numeric */
	const char *value;
	TimestampTz at;
} PgcMetricRow;

typedef struct PgcBatch PgcBatch;

extern Oid	pgc_history_identity(void);
extern bool pgc_history_reads(const List *rangetable);
extern TupleDesc pgc_history_descriptor(PgcTable table);
extern int64 pgc_history_next_id(PgcTable table);
extern PgcBatch *pgc_batch_make(PgcTable table);
extern void pgc_batch_add_run(PgcBatch *batch, const PgcRunRow *row);
extern void pgc_batch_add_result(PgcBatch *batch, const PgcResultRow *row);
extern void pgc_batch_add_violation(PgcBatch *batch, const PgcViolationRow *row);
extern void pgc_batch_add_metric(PgcBatch *batch, const PgcMetricRow *row);
extern void pgc_batch_add_tuple(PgcBatch *batch, HeapTuple tuple);
extern void pgc_batch_insert(PgcBatch *batch);
extern HeapTuple pgc_history_form_quarantined(TupleDesc descriptor, const PgcQuarantinedRow *row,
											  MemoryContext context);

/* A quarantined row, as kept. */
typedef struct PgcHeld
{
	int64		id;
	bool		is_update;
	Jsonb	   *key;			/* finds the old row of an UPDATE, or NULL */
	List	   *changed;		/* columns (char *) that the UPDATE wanted to
								 * change */
	Jsonb	   *row;			/* column -> output text or null */
} PgcHeld;

/* writes.c: when a dataset was written to last, by the server's statistics */
typedef struct PgcWrites
{
	TimestampTz since;			/* sampling began */
	TimestampTz written_at;		/* when the last write was noticed;
								 * DT_NOBEGIN: none since then */
} PgcWrites;

extern const char *pgc_writes_why_not(Oid relid);
extern bool pgc_writes_find(int32 dataset_id, Oid relid, TimestampTz now, PgcWrites *writes);
extern void pgc_writes_sample(int32 dataset_id, Oid relid, TimestampTz now, bool often);
extern int32 pgc_writes_sample_some(int32 after, TimestampTz now);

/* freshness.c: what was found last for rules about time */
typedef struct PgcLook
{
	const char *rule;			/* name */
	const char *status;			/* fresh, late, empty, all_null, low, high,
								 * unknown, error */
	NullableDatum newest;		/* timestamptz */
	int64		rows;			/* of volume, else -1 */
	const char *message;		/* or NULL */
	const char *zone;			/* of the rule's days */
	TimestampTz good_until;		/* fresh until then, whatever happens; of
								 * late: when it turned; DT_NOBEGIN: not known */
	TimestampTz deadline;		/* the last; DT_NOBEGIN: it has none */
	TimestampTz next_deadline;	/* DT_NOEND: it has none */
	TimestampTz next_check;
	TimestampTz not_before;		/* another look takes too much time before
								 * then */
} PgcLook;

/* SQL: rules about time that the database's worker looks at, those of contracts in force */
#define PGC_WATCHED \
	"(SELECT r.rule_id, r.dataset_id, r.name AS rule, r.xmin AS definition" \
	" FROM contract.rule r JOIN contract.dataset d USING (dataset_id) JOIN contract.contract c USING (contract_id)" \
	" WHERE r.kind IN ('fresh', 'volume') AND c.status IN ('active', 'deprecated')) w"

extern bool pgc_states_lock(int32 dataset_id);
extern void pgc_states_hold(int32 dataset_id);
extern void pgc_states_sync(int32 dataset_id);
extern bool pgc_states_write(int32 dataset_id, TimestampTz now, const PgcLook *looks, int nlooks);
extern void pgc_states_wake(int32 dataset_id, TimestampTz now);
extern void pgc_states_touch(int32 dataset_id, TimestampTz now, const char *rule);
extern void pgc_states_postpone(int32 dataset_id, TimestampTz now, TimestampTz until);

/* sla.c: how long they were kept.  A visit of the worker may be late by so much. */
#define PGC_SLA_DELAY (15 * USECS_PER_MINUTE)
extern void pgc_sla_account(int32 dataset_id, TimestampTz now, const char *rule, TimestampTz good_until);
extern void pgc_sla_breach(int32 dataset_id, const PgcLook *look, TimestampTz at);
extern void pgc_sla_deadline(int32 dataset_id, const PgcLook *look);

/* nudge.c: what a database's workers do, and telling them that there is something to do */
typedef enum PgcDuty
{
	PGC_TENDING,				/* everything that is quick */
	PGC_AUDITING				/* scheduled audits */
} PgcDuty;
#define PGC_NDUTIES 2

extern void pgc_nudge(PgcDuty duty);
extern bool pgc_nudge_take(PgcDuty duty);

/* prune.c: capping what is kept of a dataset over time */
typedef enum PgcHistory
{
	PGC_VIOLATIONS,
	PGC_RESULTS,				/* with their runs */
	PGC_METRICS,
	PGC_HELD,					/* the quarantine */
	PGC_INCIDENTS,				/* that are closed */
	PGC_SLA
} PgcHistory;
#define PGC_NHISTORIES 6

/* What is to go of a history of a dataset, and how far that is. */
typedef struct PgcPruning
{
	PgcHistory	history;
	int32		dataset_id;
	int64		spared;			/* run that stays, or 0 */
	TimestampTz cut;			/* rows go up to this time, */
	int64		cut_id;			/* of those of this time: up to this id */
	TimestampTz position;		/* of the last row deleted, in the order of
								 * time */
	int64		position_id;	/* of the last row deleted, in the order of
								 * ids */
	uint64		deleted;		/* rows */
	bool		more;			/* there may be more to delete */
} PgcPruning;

extern void pgc_pruning_begin(PgcPruning *pruning, PgcHistory history, int32 dataset_id,
							  TimestampTz oldest, int64 max_rows);
extern void pgc_pruning_batch(PgcPruning *pruning);
extern bool pgc_total_count(void);	/* total.c */
extern TimestampTz pgc_time_before(TimestampTz time, const Interval *interval);
extern PgcHistory pgc_history_of(const char *word);

/* incident.c */
extern void pgc_incident_due(int32 dataset_id);

/* quarantine.c */
extern List *pgc_held_lock(int32 dataset_id, ArrayType *ids, int64 after, int limit);
extern void pgc_held_delete(int64 id);
extern void pgc_held_set_rules(int64 id, Datum rules);
extern void pgc_held_set_row(int64 id, Jsonb *row, Datum changed);
extern uint64 pgc_held_discard(int32 dataset_id, Datum ids);

#endif							/* PGC_CONTRACT_H */
