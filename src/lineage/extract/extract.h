/*
 * src/lineage/extract/extract.h
 *		Between the files that make lineage out of a query (extract/).
 *
 * A flow says what a value comes from: columns of relations, and what happens to
 * each on its way.  Flows are made on demand, for one column of one query at a
 * time, and kept, so that a column that is used a thousand times is looked into
 * once.
 */
#ifndef PGC_LINEAGE_EXTRACT_H
#define PGC_LINEAGE_EXTRACT_H

#include "postgres.h"

#include "lineage/lineage.h"
#include "nodes/bitmapset.h"
#include "utils/hsearch.h"

/* What happens to a column on its ways to a value, seen from one hop. */
typedef struct PgcEffect
{
	uint8		direct;			/* 0: no way is direct; else 1 + the strongest
								 * subtype */
	uint8		indirect;		/* 1 << (subtype - PGC_JOIN) for each */
	bool		open;			/* a direct way that does not mask it */
	bool		nullable;		/* a direct way on which a null may arrive */
} PgcEffect;

/* The hops of a PgcEffect, as numbers of an array. */
enum
{
	PGC_HOP_IMMEDIATE,
	PGC_HOP_BASE,
	PGC_HOPS
};

typedef struct PgcFlowItem
{
	int			column;			/* number of a PgcLeaf */
	PgcEffect	effects[PGC_HOPS];
} PgcFlowItem;

/* What a value comes from, and what it is. */
typedef struct PgcFlow
{
	int			nsources;
	int			capacity;
	PgcFlowItem *sources;		/* ascending by column and distinct once the
								 * flow is finished */
	uint64		expression;		/* hash of how it is made */
	uint64		shape;			/* the same without constants */
	bool		nullable;		/* may it be null? */
	int			generation;		/* 0: for good; else of the turn of a
								 * recursive query in which it was made */
	int			recursion;		/* the outermost recursive query whose
								 * unfinished columns it was made of */
} PgcFlow;

#define PGC_NO_RECURSION PG_INT32_MAX

/* A column of a relation; its flow is itself. */
typedef struct PgcLeaf
{
	Oid			relid;
	AttrNumber	attnum;
	int			number;
	int			node;			/* of the lineage; -1: not one yet */
	PgcFlow		flow;
	PgcFlowItem source;
} PgcLeaf;

struct PgcScope;

/* One extraction. */
typedef struct PgcExtract
{
	const PgcExtraction *how;
	HTAB	   *column_hash;	/* (relid, attnum) -> PgcLeaf * */
	PgcLeaf   **columns;		/* by number */
	int			ncolumns;
	int			capacity;
	HTAB	   *scope_hash;		/* (query, parent) -> PgcScope * */
	int			generation;		/* turns of recursive queries so far */
	int			level;			/* recursive queries being looked into */
	int			recursion;		/* outermost of them of which the flow in the
								 * making has read */
	int			nbodies;		/* bodies of functions looked into */
	bool		is_definition;	/* not of a statement: views are locked while
								 * they are read */
	PgcLineage *lineage;
	uint8		hops;			/* of edges in the making */
	int			edge_capacity;
} PgcExtract;

/* A query where it stands: what its variables mean. */
typedef struct PgcScope
{
	PgcExtract *extract;
	const Query *query;
	struct PgcScope *parent;	/* what varlevelsup 1 means, or NULL */
	int			noutputs;		/* columns: of a SELECT's list, or of
								 * RETURNING */
	const TargetEntry **outputs;
	PgcFlow   **output_flows;	/* NULL: not known yet */
	PgcFlow  ***columns;		/* by range table entry; at 0 the whole row */
	PgcFlow    *rows;			/* what acts on its rows */
	bool		in_rows;		/* which is being found out */
	int			level;			/* of a recursive query: the extraction's; 0:
								 * none */
	const List *assigned;		/* the arm that is being looked into: what it
								 * assigns */
	Oid			target_view;	/* the view that the statement names where the
								 * rewriter has put the table below */
	bool		has_nulls;		/* the next two are known */
	Bitmapset  *nullable;		/* entries on the nullable side of an outer
								 * join */
	List	   *not_null;		/* Vars that the conditions keep from being
								 * null */
	/* The body of a function: its arguments, as the caller's scope sees them. */
	Oid			funcid;
	List	   *arguments;
	struct PgcScope *caller;
} PgcScope;

/* How something takes part in what is in the making. */
typedef struct PgcHow
{
	PgcSubtype	subtype;		/* at least; or the indirect one that
								 * everything becomes */
	bool		masking;
} PgcHow;

#define PGC_AS_IS ((PgcHow) {PGC_IDENTITY, false})
#define PGC_AS(subtype) ((PgcHow) {(subtype), false})

/* The hash and the nullability of an expression. */
typedef struct PgcValue
{
	uint64		expression;
	uint64		shape;
	bool		nullable;
} PgcValue;

/* extract_flow.c */
extern PgcFlow *pgc_flow_make(void);
extern void pgc_flow_add(PgcFlow *into, const PgcFlow *from, PgcHow how);
extern void pgc_flow_add_base(PgcFlow *into, const PgcFlow *from);
extern void pgc_flow_add_view(PgcExtract *extract, PgcFlow *into, Oid relid, AttrNumber attnum, const PgcFlow *inner);
extern void pgc_flow_set_nullable(PgcFlow *flow, bool nullable);
extern void pgc_flow_finish(PgcFlow *flow);
extern void pgc_flow_free(PgcFlow *flow);
extern bool pgc_flow_equal(const PgcFlow *a, const PgcFlow *b);
extern const PgcFlow *pgc_column_flow(PgcExtract *extract, Oid relid, AttrNumber attnum);

/* extract_scope.c */
extern PgcScope *pgc_scope_make(PgcExtract *extract, const Query *query, PgcScope *parent);
extern PgcScope *pgc_scope_of(PgcExtract *extract, const Query *query, PgcScope *parent);
extern PgcScope **pgc_scope_call(PgcScope *scope, const FuncExpr *function);
extern PgcScope *pgc_scope_view(PgcExtract *extract, Oid relid);
extern PgcScope *pgc_scope_up(PgcScope *scope, int levels);
extern Oid	pgc_entry_view(const RangeTblEntry *rte);
extern const CommonTableExpr *pgc_entry_cte(PgcScope *scope, const RangeTblEntry *rte, PgcScope **cte_scope);
extern AttrNumber pgc_view_column(PgcExtract *extract, Oid view, Oid relid, AttrNumber attnum);
extern bool pgc_entry_is_recursive(PgcScope *scope, const RangeTblEntry *rte);
extern PgcScope *pgc_entry_scope(PgcScope *scope, const RangeTblEntry *rte);
extern bool pgc_flow_is_known(PgcExtract *extract, const PgcFlow *flow);
extern int	pgc_flow_begin(PgcExtract *extract);
extern void pgc_flow_end(PgcExtract *extract, PgcFlow *flow, int outer);
extern const PgcFlow *pgc_output_flow(PgcScope *scope, int number);
extern const PgcFlow *pgc_recursive_flow(PgcScope *scope, int number);

/* extract_entry.c */
extern const PgcFlow *pgc_entry_flow(PgcScope *scope, int varno, AttrNumber attnum);

/* extract_expression.c */
extern PgcValue pgc_value_make(uint64 seed);
extern PgcValue pgc_value_combine(PgcValue whole, PgcValue part, uint64 seed);
extern PgcValue pgc_flow_value(const PgcFlow *flow);
extern PgcValue pgc_flow_use(const PgcFlow *flow, PgcHow how, PgcFlow *into);
extern PgcValue pgc_expression_flow(PgcScope *scope, const Node *node, PgcHow how, PgcFlow *into);

/* extract_field.c */
extern PgcValue pgc_output_field_flow(PgcScope *scope, int number, int field, PgcHow how, PgcFlow *into);
extern PgcValue pgc_field_flow(PgcScope *scope, const Node *node, int field, PgcHow how, PgcFlow *into);
extern PgcValue pgc_body_field_flow(PgcScope *body, int field, PgcHow how, PgcFlow *into);
extern void pgc_origins_flow(PgcScope *scope, const Param *param, int field, PgcHow how, PgcFlow *into);
extern bool pgc_scope_argument(PgcScope *scope, int number, PgcScope **caller, Node **arg);
extern PgcScope *pgc_function_scope(PgcScope *scope, const FuncExpr *function);

/* extract_null.c */
extern bool pgc_is_nullable(PgcScope *scope, const Var *var, bool nullable);

/* extract_rows.c */
extern const PgcFlow *pgc_rows_flow(PgcScope *scope);

/* extract_target.c */
extern void pgc_emit_flow(PgcExtract *extract, int target, AttrNumber column, const PgcFlow *flow);
extern void pgc_emit_expression(PgcScope *scope, int target, AttrNumber column, const Node *expression);
extern void pgc_emit_outputs(PgcScope *scope, int target);
extern void pgc_emit_statement(PgcScope *scope);

/* extract_node.c */
extern int	pgc_relation_width(Oid relid);
extern void pgc_lineage_set_column(PgcLineage *lineage, int node, AttrNumber column);

#endif							/* PGC_LINEAGE_EXTRACT_H */
