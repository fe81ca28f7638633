/*
 * src/lineage/extract/target.c
 *		What a statement writes: flows become edges.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "compat.h"
#include "lineage/extract/extract.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"

/* source_node is the node of a column's relation, which then has the column's name. */
static int
source_node(PgcExtract *extract, PgcLeaf *column)
{
	if (column->node < 0)
	{
		column->node = pgc_lineage_add_node(extract->lineage, PGC_RELATION, column->relid);
		pgc_lineage_set_column(extract->lineage, column->node, column->attnum);
	}
	return column->node;
}

/* edge_add appends an edge from a column, if it has a hop that is asked for. */
static void
edge_add(PgcExtract *extract, PgcLeaf *column, PgcEdge edge)
{
	PgcLineage *lineage = extract->lineage;

	edge.hops &= extract->hops;
	if (edge.hops == 0)
		return;
	edge.source = source_node(extract, column);
	edge.source_column = column->attnum;
	if (lineage->nedges == extract->edge_capacity)
	{
		extract->edge_capacity = Max(16, extract->edge_capacity * 2);
		lineage->edges = lineage->edges == NULL ?
			palloc(extract->edge_capacity * sizeof(PgcEdge)) :
			repalloc_huge(lineage->edges, extract->edge_capacity * sizeof(PgcEdge));
	}
	lineage->edges[lineage->nedges++] = edge;
}

/* emit_direct makes edges of what is direct in a source's effects. */
static void
emit_direct(PgcExtract *extract, PgcLeaf *column, PgcEdge edge, const PgcEffect *effects)
{
	const PgcEffect *immediate = &effects[PGC_HOP_IMMEDIATE];
	const PgcEffect *base = &effects[PGC_HOP_BASE];
	bool		same = immediate->direct == base->direct && immediate->open == base->open && immediate->nullable == base->nullable;

	for (int hop = 0; hop < PGC_HOPS; hop++)
	{
		if (same && hop > 0)
			break;
		edge.subtype = effects[hop].direct - 1;
		edge.hops = same ? PGC_IMMEDIATE | PGC_BASE : hop == PGC_HOP_BASE ? PGC_BASE : PGC_IMMEDIATE;
		edge.masking = !effects[hop].open;
		edge.nullable = effects[hop].nullable;
		if (effects[hop].direct > 0)
			edge_add(extract, column, edge);
	}
}

/* emit_source makes edges of a source's effects. */
static void
emit_source(PgcExtract *extract, PgcEdge edge, const PgcFlowItem *source)
{
	PgcLeaf    *column = extract->columns[source->column];

	emit_direct(extract, column, edge, source->effects);
	for (PgcSubtype subtype = PGC_JOIN; subtype <= PGC_CONDITIONAL; subtype++)
	{
		uint8		bit = 1 << (subtype - PGC_JOIN);

		edge.subtype = subtype;
		edge.hops = (source->effects[PGC_HOP_IMMEDIATE].indirect & bit ? PGC_IMMEDIATE : 0) |
			(source->effects[PGC_HOP_BASE].indirect & bit ? PGC_BASE : 0);
		edge_add(extract, column, edge);
	}
}

/* pgc_emit_flow makes edges to a column of the target, or with column 0 to its rows. */
void
pgc_emit_flow(PgcExtract *extract, int target, AttrNumber column, const PgcFlow *flow)
{
	PgcEdge		edge = {
		.target = target,
		.target_column = column,
		.expression = flow->expression,
		.shape = flow->shape
	};

	CHECK_FOR_INTERRUPTS();
	if (column > 0 && flow->nsources > 0)
		pgc_lineage_set_column(extract->lineage, target, column);
	for (int i = 0; i < flow->nsources; i++)
		emit_source(extract, edge, &flow->sources[i]);
}

/* make_flow is what an expression comes from. */
static PgcFlow *
make_flow(PgcScope *scope, const Node *expression)
{
	PgcFlow    *flow = pgc_flow_make();
	PgcValue	value = pgc_expression_flow(scope, expression, PGC_AS_IS, flow);

	pgc_flow_finish(flow);
	flow->expression = value.expression;
	flow->shape = value.shape;
	return flow;
}

/* pgc_emit_expression makes edges of what a column of the target is set to. */
void
pgc_emit_expression(PgcScope *scope, int target, AttrNumber column, const Node *expression)
{
	pgc_emit_flow(scope->extract, target, column, make_flow(scope, expression));
}

/*
 * emit_to makes edges to a column of the relation that a statement writes, or to its
 * rows.  Where the statement names a view and writes the table below, immediate edges
 * lead to the view.
 */
static void
emit_to(PgcScope *scope, Oid relid, AttrNumber column, const PgcFlow *flow)
{
	PgcExtract *extract = scope->extract;
	Oid			view = scope->target_view;
	AttrNumber	view_column;

	if (flow->nsources == 0)
		return;
	if (!OidIsValid(view))
	{
		pgc_emit_flow(extract, pgc_lineage_add_node(extract->lineage, PGC_RELATION, relid), column, flow);
		return;
	}
	extract->hops = PGC_BASE;
	pgc_emit_flow(extract, pgc_lineage_add_node(extract->lineage, PGC_RELATION, relid), column, flow);
	extract->hops = PGC_IMMEDIATE;
	view_column = column == 0 ? 0 : pgc_view_column(extract, view, relid, column);
	if (column == 0 || view_column > 0)
		pgc_emit_flow(extract, pgc_lineage_add_node(extract->lineage, PGC_RELATION, view), view_column, flow);
	extract->hops = PGC_IMMEDIATE | PGC_BASE;
}

/* emit_list makes edges of what is assigned to columns of a relation. */
static void
emit_list(PgcScope *scope, Oid relid, const List *list)
{
	const ListCell *cell;

	scope->assigned = list;
	foreach(cell, list)
	{
		const TargetEntry *entry = lfirst(cell);
		PgcFlow    *flow;

		if (entry->resjunk)
			continue;
		flow = make_flow(scope, (const Node *) entry->expr);
		emit_to(scope, relid, entry->resno, flow);
	}
}

/* add_filter: a condition decides whether an arm of the statement takes a row. */
static void
add_filter(PgcScope *scope, const Node *condition, PgcFlow *rows)
{
	PgcValue	value;

	if (condition == NULL)
		return;
	value = pgc_expression_flow(scope, condition, PGC_AS(PGC_FILTER), rows);
	rows->expression += value.expression;
	rows->shape += value.shape;
}

/* emit_arms makes edges of all that the statement assigns. */
static void
emit_arms(PgcScope *scope, Oid relid, PgcFlow *rows)
{
	const Query *query = scope->query;
	ListCell   *cell;

	if (query->commandType == CMD_MERGE)
	{
		foreach(cell, query->mergeActionList)
		{
			const MergeAction *action = lfirst(cell);

			add_filter(scope, action->qual, rows);
			emit_list(scope, relid, action->targetList);
		}
	}
	else if (query->commandType != CMD_DELETE)
		emit_list(scope, relid, query->targetList);
	if (query->onConflict != NULL)
	{
		emit_list(scope, relid, query->onConflict->onConflictSet);
		add_filter(scope, query->onConflict->onConflictWhere, rows);
	}
}

/* emit_written makes edges to the relation that a query writes. */
static void
emit_written(PgcScope *scope)
{
	const RangeTblEntry *rte = rt_fetch(scope->query->resultRelation, scope->query->rtable);
	const PgcFlow *all = pgc_rows_flow(scope);
	PgcFlow    *rows = pgc_flow_make();

	pgc_flow_add(rows, all, PGC_AS_IS);
	rows->expression = all->expression;
	rows->shape = all->shape;
	emit_arms(scope, rte->relid, rows);
	pgc_flow_finish(rows);
	emit_to(scope, rte->relid, 0, rows);
}

/* pgc_emit_outputs makes edges to a target that has the columns of a query. */
void
pgc_emit_outputs(PgcScope *scope, int target)
{
	for (int i = 1; i <= scope->noutputs; i++)
		pgc_emit_flow(scope->extract, target, i, pgc_output_flow(scope, i));
	pgc_emit_flow(scope->extract, target, 0, pgc_rows_flow(scope));
}

/*
 * pgc_emit_statement makes edges to all that a statement writes, also in its WITH
 * clause.
 */
void
pgc_emit_statement(PgcScope *scope)
{
	const Query *query = scope->query;
	ListCell   *cell;

	foreach(cell, query->cteList)
	{
		const Query *cte = castNode(Query, ((const CommonTableExpr *) lfirst(cell))->ctequery);

		if (cte->commandType != CMD_SELECT)
			emit_written(pgc_scope_of(scope->extract, cte, scope));
	}
	if (query->commandType != CMD_SELECT && query->commandType != CMD_UTILITY)
		emit_written(scope);
}
