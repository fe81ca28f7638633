/*
 * src/catalog/lineage.h
 *		Lineage as values, and where it is kept.
 *
 * A PgcLineage says which columns of which relations a statement, a view or a
 * function reads, and what they become.  lineage/ makes it; nothing here knows how.
 */
#ifndef PGC_CATALOG_LINEAGE_H
#define PGC_CATALOG_LINEAGE_H

#include "postgres.h"

#include "access/attnum.h"
#include "nodes/pg_list.h"
#include "utils/timestamp.h"

/*
 * What a column does to what it feeds, as OpenLineage's facet columnLineage has it.
 * Among the direct ones the strongest along a path counts, in this order.
 */
typedef enum PgcSubtype
{
	PGC_IDENTITY,				/* the value, or the value in a binary
								 * compatible type */
	PGC_TRANSFORMATION,
	PGC_AGGREGATION,
	/* from here on indirect */
	PGC_JOIN,
	PGC_FILTER,
	PGC_GROUP_BY,
	PGC_SORT,
	PGC_WINDOW,
	PGC_CONDITIONAL
} PgcSubtype;

#define PGC_IS_DIRECT(subtype) ((subtype) <= PGC_AGGREGATION)

/* What has columns. */
typedef enum PgcPlace
{
	PGC_RELATION,				/* of this database; oid: pg_class */
	PGC_OUTPUT,					/* columns of a SELECT whose destination is
								 * not known yet; no oid, no name */
	PGC_ROUTINE,				/* results of a function; oid: pg_proc */
	PGC_FILE,					/* of the server; name: its path; no oid */
	PGC_PROGRAM					/* of COPY; name: the program, without
								 * arguments; no oid */
} PgcPlace;

/* Something that has columns, as it was when lineage was taken. */
typedef struct PgcLineageNode
{
	PgcPlace	place;
	Oid			oid;			/* or InvalidOid */
	bool		temporary;		/* a temporary relation */
	char	   *schema;			/* or NULL */
	char	   *name;			/* of a routine: with its argument types */
	int			ncolumns;
	char	  **columns;		/* by number, from 1 at index 0; NULL where no
								 * edge has it */
} PgcLineageNode;

/* How far an edge reaches; an edge from a table is both. */
#define PGC_IMMEDIATE	1		/* the source is what the statement names */
#define PGC_BASE		2		/* views are looked through: no source is one */

typedef struct PgcEdge
{
	int16		source;			/* index into nodes */
	int16		target;
	AttrNumber	source_column;	/* > 0 */
	AttrNumber	target_column;	/* 0: it acts on all rows of the target */
	uint8		subtype;		/* PgcSubtype */
	uint8		hops;			/* PGC_IMMEDIATE, PGC_BASE or both */
	bool		masking;		/* the value cannot be had back from the
								 * result, on every path between the two */
	bool		nullable;		/* direct: a null may arrive, as far as
								 * constraints and conditions tell */
	uint64		expression;		/* hash of what makes the target's column,
								 * with its constants; of an edge without
								 * target column: of the condition */
	uint64		shape;			/* the same without its constants */
} PgcEdge;

typedef struct PgcLineage
{
	const char *operation;		/* INSERT, UPDATE, DELETE, MERGE, CREATE TABLE
								 * AS, SELECT INTO, REFRESH MATERIALIZED VIEW,
								 * COPY FROM, COPY TO; of definitions: view,
								 * materialized view, generated, function */
	int			nnodes;
	PgcLineageNode *nodes;		/* distinct */
	int			nedges;
	PgcEdge    *edges;			/* distinct, sorted: pgc_lineage_sort */
	char	   *unresolved;		/* what could not be followed, for people;
								 * NULL: the edges are all there are */
} PgcLineage;

/* What is known of executions of a statement. */
typedef struct PgcStatement
{
	const PgcLineage *lineage;
	uint64		query_id;		/* 0: the server does not compute it */
	const char *text;			/* constants replaced by $1, $2, ...; or NULL */
	Oid			routine;		/* the outermost it ran in, or InvalidOid */
	Oid			role;
	const char *application;
	TimestampTz first;
	TimestampTz last;
	int64		executions;
	int64		rows;			/* written */
} PgcStatement;

/* value.c */
typedef struct PgcDigest
{
	uint64		high;
	uint64		low;
} PgcDigest;

extern const char *pgc_subtype_name(PgcSubtype subtype);
extern void pgc_lineage_sort(PgcLineage *lineage);
extern PgcLineage *pgc_lineage_copy(const PgcLineage *lineage);
extern void pgc_digest_add(PgcDigest *digest, const void *bytes, Size length);
extern void pgc_digest_add_text(PgcDigest *digest, const char *value);
extern void pgc_statement_digest(const PgcStatement *statement, PgcDigest *digest);
extern bytea *pgc_statement_serialize(const PgcStatement *statement);
extern PgcStatement *pgc_statement_deserialize(const bytea *bytes);

/* Called when lineage was stored that was not there; lineage/ sets it. */
extern void (*pgc_lineage_added) (const PgcLineage *lineage);

/* Called for the number that a statement had, if it gets another one; lineage/ sets it. */
extern void (*pgc_lineage_renumbered) (int64 statement_id);

/* lineage.c: statements that ran */
extern int64 pgc_lineage_store(const PgcStatement *statement);
extern bool pgc_lineage_count(int64 statement_id, const PgcStatement *statement);
extern bool pgc_lineage_prune(TimestampTz oldest);

/* lineage_node.c: nodes follow what they are nodes of */
extern void pgc_lineage_lock(void);
extern void pgc_lineage_follow(const List *relids);
extern void pgc_lineage_catch_up(void);
extern void pgc_lineage_reconcile(void);
extern bool pgc_lineage_reconcile_if_due(TimestampTz now);

/* definition.c: views, materialized views, generated columns, functions */
typedef struct PgcDefinition
{
	Oid			classid;		/* pg_class, pg_proc */
	Oid			objid;
	int64		digest;			/* of the lineage stored of it; 0: none is */
	bool		exists;			/* it is one, not something else */
} PgcDefinition;

extern bool pgc_definition_is(Oid classid, Oid objid);
extern bool pgc_definition_moved_in(void);
extern List *pgc_definition_list(void);
extern TimestampTz pgc_definition_due(void);
extern void pgc_definition_put_off(TimestampTz until);
extern void pgc_definition_hurry(TimestampTz due);
extern List *pgc_definition_dependents(Oid classid, Oid objid);
extern List *pgc_definition_touched(void);
extern void pgc_definition_lock(PgcDefinition *definition);
extern bool pgc_definition_equals(const PgcDefinition *stored, const PgcLineage *lineage);
extern void pgc_definition_store(const PgcDefinition *definition, const PgcLineage *lineage);
extern void pgc_definition_forget(Oid classid, Oid objid);
extern List *pgc_definition_dropped(void);
extern List *pgc_definition_relations(void);

/* edges.c: both kinds together, as they are now */

/* An end of an edge.  A key of hash tables: no padding. */
typedef struct PgcEnd
{
	Oid			classid;		/* pg_class, pg_proc; InvalidOid: a node that
								 * is no relation, or gone */
	Oid			objid;
	int64		node_id;		/* of such a node, else 0 */
	int64		column;			/* 0: all rows */
} PgcEnd;

/* An edge that leads on from one of the ends asked for. */
typedef struct PgcFoundEdge
{
	int			from;			/* index of the end asked for */
	AttrNumber	from_column;	/* of it, also where all rows were asked for */
	int64		from_node;		/* likewise of a relation that is gone, else 0 */
	char	   *from_name;		/* its column, or NULL */
	PgcEnd		to;
	bool		gone;			/* to is a relation that is gone */
	char	   *schema;			/* of a node, as are name */
	char	   *name;			/* and column; or NULL */
	char	   *column;
	PgcSubtype	subtype;
	bool		masking;
} PgcFoundEdge;

typedef void (*PgcEdgeFunction) (const PgcFoundEdge *edge, void *arg);
extern void pgc_edges_next(const PgcEnd *ends, int nends, bool downstream, PgcEdgeFunction function, void *arg);
extern void pgc_edges_sources(PgcEdgeFunction function, void *arg);

/* A statement that was seen to run, or a function, that uses columns. */
typedef struct PgcUse
{
	int			end;			/* index of the first of the ends asked for
								 * that it uses */
	bool		reads;
	bool		writes;
	int64		id;				/* of the statement; or the function's OID */
	/* of a statement: */
	char	   *operation;
	char	   *statement;		/* or NULL, like the next three */
	char	   *routine;
	char	   *role;
	char	   *application;
	int64		executions;
	TimestampTz last_seen;
} PgcUse;

extern List *pgc_edges_statements(const PgcEnd *ends, int nends, int ntargets, Oid role);
extern List *pgc_edges_functions(const PgcEnd *ends, int nends, Oid role);

#endif							/* PGC_CATALOG_LINEAGE_H */
