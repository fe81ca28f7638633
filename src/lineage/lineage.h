/*
 * src/lineage/lineage.h
 *		Lineage: out of analysed queries, for statements as they run and for
 *		definitions.
 *
 * Nothing here may make a user's statement fail, but for pg_contract.pii_policy = reject.
 */
#ifndef PGC_LINEAGE_H
#define PGC_LINEAGE_H

#include "postgres.h"

#include "access/xact.h"
#include "catalog/lineage.h"
#include "nodes/params.h"
#include "nodes/parsenodes.h"
#include "nodes/primnodes.h"
#include "utils/guc.h"
#include "utils/relcache.h"
#include "worker/worker.h"

/* pg_contract.track_lineage */
enum
{
	PGC_TRACK_OFF,
	PGC_TRACK_CONTRACTS,
	PGC_TRACK_ALL
};

/* pg_contract.pii_policy */
enum
{
	PGC_PII_OFF,
	PGC_PII_WARN,
	PGC_PII_REJECT
};

extern int	pgc_track_lineage;
extern int	pgc_pii_policy;
extern bool pgc_lineage_sync;
extern int	pgc_lineage_statements; /* room in shared memory; 0: none */
extern char *pgc_lineage_namespace;
extern char *pgc_masking_functions;
extern const struct config_enum_entry pgc_track_options[];
extern const struct config_enum_entry pgc_pii_options[];
extern void pgc_lineage_define_settings(void);	/* settings.c */

/* A column that a value comes from, and how. */
typedef struct PgcOrigin
{
	Oid			relid;
	AttrNumber	column;			/* > 0 */
	PgcSubtype	subtype;
	bool		masking;
} PgcOrigin;

/* How a query is to be looked at. */
typedef struct PgcExtraction
{
	const char *operation;		/* or NULL: what the query says */
	bool		has_output;		/* the columns of a SELECT are a target, a
								 * node of place PGC_OUTPUT; else it has none */

	/*
	 * Where the value of an external parameter, or of its field (0: all of
	 * them), comes from: List of PgcOrigin *, or NIL.
	 */
	List	   *(*origins) (const Param *param, AttrNumber field, void *arg);
	void	   *arg;
} PgcExtraction;

/* extract.c: rewritten or not, a query is only read; NULL: no edges */
extern PgcLineage *pgc_extract_query(const Query *query, const PgcExtraction *how);
extern PgcLineage *pgc_extract_view(Oid relid);
extern PgcLineage *pgc_extract_generated(Oid relid);
extern PgcLineage *pgc_extract_function(Oid funcid);
extern int	pgc_lineage_add_node(PgcLineage *lineage, PgcPlace place, Oid oid);
extern void pgc_lineage_set_relation(PgcLineage *lineage, int node, Oid relid);

/* masking.c */
extern bool pgc_is_masking(Oid funcid);

/* body.c: what a function in language SQL does, as queries; NIL: not known */
extern List *pgc_function_body(Oid funcid);

/* track.c: statements as they run */
extern void pgc_track_init(void);
extern bool pgc_track_is_on(void);
extern void pgc_track_pre_commit(void);
extern void pgc_track_end(XactEvent event);
extern void pgc_track_subtransaction(SubXactEvent event, SubTransactionId subid, SubTransactionId parent);

/* normalize.c */
extern char *pgc_normalize(const char *statement, int location, int length);

/* temporary.c: temporary tables are looked through */
extern void pgc_temporary_wrote(const PgcLineage *lineage);
extern PgcLineage *pgc_temporary_resolve(PgcLineage *lineage);
extern PgcLineage *pgc_temporary_left(const PgcLineage *lineage);
extern void pgc_temporary_end(XactEvent event);
extern void pgc_temporary_subtransaction(SubXactEvent event, SubTransactionId subid, SubTransactionId parent);

/* routine.c: the outermost routine that runs; InvalidOid: none */
extern void pgc_routine_init(void);
extern Oid	pgc_routine_current(void);

/*
 * variables.c: sets how->origins for a query that the planner is given with its source text and parameters, if the parameters are
 * variables of PL/pgSQL, else says false.  The same query may then have other lineage elsewhere.
 */
extern bool pgc_routine_origins(const char *source, ParamListInfo params, PgcExtraction *how);

/* queue.c: executions on their way to the worker */
extern void pgc_queue_request(void);
extern void pgc_queue_startup(void);
extern bool pgc_queue_exists(void);
extern bool pgc_queue_knows(const PgcStatement *statement);
extern void pgc_queue_prepare(const List *statements);	/* may raise an error */
extern void pgc_queue_publish(void);	/* never does */
extern void pgc_queue_discard(void);

extern void pgc_queue_forget(Oid database, Oid history);
extern void pgc_queue_unlearn(int64 statement_id);
extern List *pgc_queue_databases(void);

/* flush.c: the worker's task */
extern bool pgc_lineage_step(PgcStep *step);
extern void pgc_flush_end(bool committed);

/* derive.c: definitions */
extern bool pgc_derive_step(PgcStep *step);
extern void pgc_derive_touched(bool with_dependents);

/* follow.c: DDL */
extern void pgc_lineage_after(const Node *command, Oid made);
extern void pgc_lineage_drop(void);
extern void pgc_lineage_settle(void);
extern void pgc_lineage_forget(void);

/* personal.c: what personal data was copied into */
extern bool pgc_personal_is_in(Oid relid);
extern void pgc_personal_stored(const PgcLineage *lineage);

/* policy.c: personal data and nulls follow the data */
extern void pgc_policy_check(const PgcLineage *lineage);
extern uint64 pgc_policy_state(void);
extern void pgc_policy_report_nulls(const PgcLineage *lineage);

/* walk.c: for the guard and for incidents */
extern char *pgc_lineage_downstream_text(const char *schema, const char *table, const char *column, int limit);
extern List *pgc_lineage_upstream_datasets(int32 dataset_id);

#endif							/* PGC_LINEAGE_H */
