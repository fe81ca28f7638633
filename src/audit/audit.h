/*
 * src/audit/audit.h
 *		What the files of this room share.
 *
 * An audit reads rows by scans.  A scan hands chunks of rows to consumers, all
 * in one pass: the judge (row rules), key collectors (unique, references).
 * What is found for a rule is its tally.
 */
#ifndef PGC_AUDIT_H
#define PGC_AUDIT_H

#include "postgres.h"

#include "catalog/contract.h"
#include "enforce/enforce.h"
#include "tcop/dest.h"
#include "utils/snapshot.h"

/* A failing row, as shown to people. */
typedef struct PgcSample
{
	Jsonb	   *key;			/* or NULL */
	Jsonb	   *row;			/* or NULL */
	char	   *value;			/* or NULL */
} PgcSample;

/* What an audit found for one rule. */
typedef struct PgcTally
{
	bool		done;			/* else nobody has looked at the rule yet */
	int64		considered;		/* rows, or -1: not known */
	int64		failed;			/* rows that fail, or -1: it is not about rows */
	bool		missed;			/* a rule that is not about rows is not kept */
	char	   *error;			/* why it could not be evaluated, or NULL */
	char	   *skipped;		/* why it was not evaluated, or NULL */
	char	   *message;		/* what was observed, in words, or NULL */
	Datum		observed;		/* jsonb, or 0: made of the counts */
	Datum		expected;		/* jsonb, or 0: made of the tolerance */
	const char *executor;		/* what found it: proof, heap, aggregate, ... */
	List	   *samples;		/* of PgcSample, at most max_samples */
	PgcLook    *look;			/* of a rule about time: how it stands, but
								 * for name, message and looks to come; else
								 * NULL */
} PgcTally;

/* How an audit goes about it. */
typedef enum PgcMode
{
	PGC_MODE_AUTO,				/* incremental where that is safe, else full */
	PGC_MODE_FULL,
	PGC_MODE_INCREMENTAL,		/* the same as auto, asked for by name */
	PGC_MODE_SAMPLE				/* one of every k pages, estimates */
} PgcMode;

/* An audit of one relation. */
typedef struct PgcAudit
{
	MemoryContext context;		/* owns tallies, samples and messages */
	const PgcContract *contract;	/* for masking: relid and pii must be set */
	const PgcRuleSpec *specs;	/* the rules: the contract's, or a preview's */
	bool		of_contract;	/* they are the contract's, all of them */
	Relation	relation;		/* locked */
	Oid			role;			/* with whose rights rows are read */
	bool		row_security;	/* read what policies show to role; else all
								 * rows, or an error */
	bool		partial;		/* of what the caller may read */
	bool		stored;			/* what it finds will be kept */
	PgcMode		mode;
	Snapshot	snapshot;		/* active; of all scans and statements */
	TimestampTz as_of;			/* when it was taken */
	PgcProgram *program;		/* all rules of the contract, in its order,
								 * over pgc_layout_of(relation) */
	PgcTally   *tallies;		/* a rule of the program */
	int			max_samples;	/* a rule */
	int64		rows;			/* -1: not counted */
	int64		failed;			/* rows that fail any row rule; -1: not
								 * counted */
	bool		uncounted;		/* some rows could not be read */
	bool		profile;		/* measure all columns, too */
	List	   *metrics;		/* of PgcMetricRow, without run and time */
} PgcAudit;

/* Rows that a scan hands out.  Everything is lent until the next ones. */
typedef struct PgcRows PgcRows;
struct PgcRows
{
	PgcChunk	chunk;			/* columns by layout index of the audit */
	ItemPointerData *tids;		/* a row; of relation; or NULL: rows have none */
	Oid			relation;		/* that the rows were read from: a leaf */
	/* form fills the whole row, in the order of the layout */
	void		(*form) (const PgcRows *rows, int row, Datum *values, bool *nulls);
};

/* Something that looks at rows.  take may allocate in the current context,
 * which is reset for the next chunk. */
typedef struct PgcConsumer PgcConsumer;
struct PgcConsumer
{
	Bitmapset  *columns;		/* that must be filled, as layout indexes */
	void		(*take) (PgcConsumer *consumer, const PgcRows *rows);
};

/*
 * pages.c: pages of heaps without anything that is looked for.  The record is of
 * all keys on them, by hash; see there.
 */
typedef struct PgcPages PgcPages;
typedef struct PgcCleanPages PgcCleanPages;
extern PgcPages *pgc_pages_make(Size memory);
extern void pgc_pages_add(PgcPages *pages, const PgcRows *rows, const uint64 *hashes, int nhashes);
extern void pgc_pages_suspect(PgcPages *pages, uint64 hash);
extern void pgc_pages_judge(PgcPages *pages);
extern const PgcCleanPages *pgc_pages_of(const PgcPages *pages, Oid relid);
extern bool pgc_pages_is_clean(const PgcCleanPages *pages, BlockNumber block);
extern void pgc_pages_free(PgcPages *pages);

/*
 * scan.c: one pass over a relation and its partitions, leaf by leaf: heaps page
 * by page (heap.c), everything else by a SELECT (select.c).  The relation need
 * not be the audit's, the layout is over it.
 */
typedef struct PgcScan
{
	Relation	relation;		/* locked */
	const PgcLayout *layout;
	Oid			role;			/* with whose rights */
	bool		row_security;
	List	   *consumers;		/* of PgcConsumer */
	bool		bare;			/* columns that no consumer wants may be null */
	const char *where;			/* condition and LIMIT, or NULL */
	const PgcPages *pages;		/* the clean ones of heaps are left out; or
								 * NULL */
	int64		rows;			/* out: rows read */
	bool		stop;			/* set by a consumer that has seen enough */
	MemoryContext context;		/* the scan's own: reset for each chunk */
} PgcScan;

extern void pgc_scan_run(PgcScan *scan);
extern void pgc_scan_begin(PgcScan *scan);
extern Bitmapset *pgc_scan_columns(const List *consumers);
extern void pgc_scan_hand_out(PgcScan *scan, const PgcRows *rows);

/* The relation itself, or the leaves of a partitioned one, as OIDs, locked. */
extern List *pgc_scan_leaves(Relation relation);

/* May all rows of the relation and of its partitions be read page by page? */
extern bool pgc_scan_is_heap_only(Relation relation, Oid role);
extern bool pgc_scan_is_by_leaf(Relation relation, Oid role);

/* select.c */
extern char *pgc_select_from(Relation relation);
extern void pgc_select_run(const char *sql, Oid role, bool row_security, DestReceiver *dest);
extern void pgc_select_query(const char *sql, Oid role, bool row_security, PgcRowFunction row, void *arg);
extern void pgc_select_scan(PgcScan *scan, Relation relation);

/* evaluate.c: the most rules that contract.evaluate() takes */
#define PGC_EVALUATE_RULES 31

/* aggregate.c: tally(evaluate()) for the row rules that are not done */
extern bool pgc_aggregate_takes(const PgcAudit *audit);
extern void pgc_aggregate_run(PgcAudit *audit, Relation relation);

/* sampling.c */
extern bool pgc_sampling_run(PgcAudit *audit);

/* sample.c: failing rows as evidence */
typedef struct PgcSampler PgcSampler;
extern PgcSampler *pgc_sampler_make(const PgcAudit *audit);
extern bool pgc_sampler_wants(const PgcSampler *sampler, int rule);
extern void pgc_sampler_take(PgcSampler *sampler, int rule, const PgcRows *rows, int row);

/* audit.c */
extern PgcAudit *pgc_audit_begin(const PgcContract *contract, const PgcRuleSpec *specs, int nspecs,
								 Relation relation, Oid role, Oid author, int max_samples);
extern void pgc_audit_run(PgcAudit *audit);
extern void pgc_tally_add(PgcAudit *audit, int rule, int64 considered, int64 failed,
						  const char *executor);

/* check.c */
extern PgcMode pgc_mode_parse(const char *name);
extern const char *pgc_check_dataset(int32 dataset_id, PgcMode mode, bool profile, char **message);

/* others.c */
extern void pgc_others_judge(PgcAudit *audit, Oid relid);

/* unique.c, references.c: begin returns NULL where only SQL can tell; finish then asks SQL. */
extern PgcConsumer *pgc_unique_begin(PgcAudit *audit, int rule);
extern void pgc_unique_finish(PgcAudit *audit, int rule, PgcConsumer *consumer);
extern char *pgc_unique_rows_sql(const PgcAudit *audit, int rule);
extern void pgc_references_lock(const PgcProgram *program, Oid role);
extern PgcConsumer *pgc_references_begin(PgcAudit *audit, int rule);
extern void pgc_references_finish(PgcAudit *audit, int rule, PgcConsumer *consumer);
extern char *pgc_references_rows_sql(const PgcAudit *audit, int rule);

/* schema.c: a rule of kind schema, by the columns alone */
extern void pgc_schema_settle(PgcAudit *audit, int rule);

/* metric.c: all rules row_count, fresh, volume and metric that are not done, in one statement */
extern void pgc_metric_run(PgcAudit *audit);

/* profile.c: all columns are measured into audit->metrics, which are stored with the run, or else the number of rows */
extern void pgc_profile_run(PgcAudit *audit);
extern void pgc_profile_store(PgcAudit *audit, int64 run_id, TimestampTz at);

/* query.c: one rule of kind query */
extern void pgc_query_run(PgcAudit *audit, int rule);

/* proof.c: what the catalogs say, in words ("the column is NOT NULL"), or NULL */
extern char *pgc_proof_find(const PgcAudit *audit, int rule);

/* statement.c: count(*) FILTER for the row rules that are not done */
extern bool pgc_statement_takes(const PgcAudit *audit, Relation relation);
extern void pgc_statement_run(PgcAudit *audit, Relation relation);

/* condition.c */
extern Node *pgc_condition_parse(const PgcAudit *audit, const char *sql);

#endif							/* PGC_AUDIT_H */
