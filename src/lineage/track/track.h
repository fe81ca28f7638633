/*
 * src/lineage/track/track.h
 *		What the files that track statements share: what is of interest, what is
 *		known of statements, and what has run.
 */
#ifndef PGC_TRACK_H
#define PGC_TRACK_H

#include "postgres.h"

#include "executor/execdesc.h"
#include "lineage/lineage.h"
#include "nodes/parsenodes.h"

typedef struct PgcRun PgcRun;

/* A statement with lineage, known to this backend until the end of a transaction at least. */
typedef struct PgcKnown
{
	PgcDigest	content;		/* of lineage, names included, and query id:
								 * hash key */
	uint32		number;			/* never used again for another */
	uint64		query_id;
	const char *text;			/* constants replaced, or NULL */
	const PgcLineage *lineage;
	bool		temporary;		/* it has temporary relations: */
	uint64		resolved_at;	/* value of pgc_temporary_changes; 0: never */
	struct PgcKnown *resolved;	/* what it was then without them, or NULL */
	bool		reported;		/* nulls that it may bring were looked for */
	uint64		allowed;		/* pgc_policy_state() when it was let pass, or
								 * 0 */
	PgcRun	   *runs;			/* in this transaction */
} PgcKnown;

/* Where a statement stands in what the client sent. */
typedef struct PgcSource
{
	const char *text;			/* or NULL */
	int			location;		/* bytes; -1: not known */
	int			length;			/* bytes; 0: the rest */
	uint64		query_id;		/* or 0 */
} PgcSource;

/* harmless.c: work that must not fail the statement */
extern bool pgc_lineage_try(void (*work) (void *arg), void *arg);
extern bool pgc_lineage_try_writing(void (*work) (void *arg), void *arg);

/* interest.c: which relations are */
typedef enum PgcInterest
{
	PGC_PLAIN,
	PGC_SYSTEM,					/* PostgreSQL's own, or ours: never */
	PGC_MEMBER,					/* of an extension: not as a target */
	PGC_TEMPORARY,
	PGC_VIEW,
	PGC_DATASET					/* or a partition of one */
} PgcInterest;

extern PgcInterest pgc_interest_of(Oid relid);
extern bool pgc_interest_possible(const Query *query);
extern bool pgc_interest_left(PgcLineage *lineage);
extern bool pgc_interest_is_here(void);

/* known.c */
extern PgcKnown *pgc_known_enter(const PgcLineage *lineage, const PgcSource *source);
extern PgcKnown *pgc_known_find(const PlannedStmt *plan);
extern void pgc_known_mark(PlannedStmt *plan, const PgcKnown *known);
extern bool pgc_known_recall(const Query *query, PgcKnown **known, bool *has_parameters);
extern void pgc_known_remember(const Query *query, PgcKnown *known, bool has_parameters);
extern void pgc_known_forget_queries(void);
extern void pgc_known_end(void);

/* pending.c: executions of this transaction */
extern void pgc_pending_add(PgcKnown *known, int64 rows);
extern void pgc_pending_commit_sub(SubTransactionId subid, SubTransactionId parent);
extern void pgc_pending_abort_sub(SubTransactionId subid);
extern void pgc_pending_pre_commit(void);
extern void pgc_pending_end(bool committed);

/* track.c */
extern void pgc_track_ran(PgcKnown *known, int64 rows);
extern void pgc_track_check(PgcKnown *known);

/* utility.c: utility commands that have lineage of their own */
extern void pgc_utility_init(void);
extern bool pgc_utility_is_silent(void);
extern bool pgc_utility_explains(void);
extern bool pgc_utility_awaits_plan(const char *text);
extern void pgc_utility_planned(const Query *query);
extern bool pgc_utility_awaits_execution(const QueryDesc *query);
extern void pgc_utility_starts(const QueryDesc *query);
extern bool pgc_utility_finishes(const QueryDesc *query);

/* copy.c: COPY of a table, which has no query */
extern PgcLineage *pgc_copy_lineage(const CopyStmt *statement);
extern void pgc_copy_set_file(PgcLineageNode *node, const CopyStmt *statement);

/* temporary.c */
extern uint64 pgc_temporary_changes;	/* of what is known of temporary
										 * tables, or views; from 1 */
extern bool pgc_temporary_any(void);
extern void pgc_temporary_truncated(Oid relid);
extern void pgc_temporary_empties_at_commit(Oid relid);

#endif							/* PGC_TRACK_H */
