/*
 * src/lineage/extract/rows.c
 *		What acts on the rows of a query: conditions, joins, groups, order.
 *
 * What acts on the rows of a query in FROM acts on the rows of the query.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "compat.h"
#include "lineage/extract/extract.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"

/* add_value counts a condition into what is hashed; the order does not matter. */
static void
add_value(PgcFlow *rows, PgcValue value, PgcSubtype subtype)
{
	rows->expression += hash_combine64(subtype, value.expression);
	rows->shape += hash_combine64(subtype, value.shape);
}

/* add_condition: an expression acts on the rows. */
static void
add_condition(PgcScope *scope, const Node *node, PgcSubtype subtype, PgcFlow *rows)
{
	if (node != NULL)
		add_value(rows, pgc_expression_flow(scope, node, PGC_AS(subtype), rows), subtype);
}

/* add_clauses: GROUP BY, DISTINCT or ORDER BY act on the rows. */
static void
add_clauses(PgcScope *scope, const List *clauses, PgcSubtype subtype, PgcFlow *rows)
{
	const ListCell *cell;

	foreach(cell, clauses)
	{
		const TargetEntry *entry = get_sortgroupclause_tle(lfirst(cell), scope->query->targetList);
		AttrNumber	number = entry->resno;

		if (number <= scope->noutputs && scope->outputs[number - 1] == entry)
			add_value(rows, pgc_flow_use(pgc_output_flow(scope, number), PGC_AS(subtype), rows), subtype);
		else
			add_condition(scope, (const Node *) entry->expr, subtype, rows);
	}
}

/* add_inner: what acts on the rows of a query in FROM. */
static void
add_inner(const PgcFlow *inner, bool is_view, PgcFlow *rows)
{
	rows->expression += inner->expression;
	rows->shape += inner->shape;
	if (is_view)
		pgc_flow_add_base(rows, inner);
	else
		pgc_flow_add(rows, inner, PGC_AS_IS);
}

/* add_entry: what acts on the rows of a range table entry. */
static void
add_entry(PgcScope *scope, int varno, PgcFlow *rows)
{
	const RangeTblEntry *rte = rt_fetch(varno, scope->query->rtable);
	PgcScope   *inner = pgc_entry_scope(scope, rte);
	ListCell   *cell;

	foreach(cell, rte->securityQuals)
		add_condition(scope, lfirst(cell), PGC_FILTER, rows);
	if (inner != NULL)
		add_inner(pgc_rows_flow(inner), OidIsValid(pgc_entry_view(rte)), rows);
	foreach(cell, rte->functions)
	{
		const Node *function = ((const RangeTblFunction *) lfirst(cell))->funcexpr;
		PgcScope   *body = IsA(function, FuncExpr) ? pgc_function_scope(scope, (const FuncExpr *) function) : NULL;

		if (body != NULL)
			add_inner(pgc_rows_flow(body), false, rows);
	}
}

/* add_from: what acts on the rows of a part of FROM, or of a set operation. */
static void
add_from(PgcScope *scope, const Node *node, PgcFlow *rows)
{
	const JoinExpr *join = (const JoinExpr *) node;
	const FromExpr *from = (const FromExpr *) node;
	const SetOperationStmt *operation = (const SetOperationStmt *) node;
	ListCell   *cell;

	check_stack_depth();
	switch (nodeTag(node))
	{
		case T_RangeTblRef:
			add_entry(scope, ((const RangeTblRef *) node)->rtindex, rows);
			break;
		case T_JoinExpr:
			add_from(scope, join->larg, rows);
			add_from(scope, join->rarg, rows);
			add_condition(scope, join->quals, PGC_JOIN, rows);
			break;
		case T_FromExpr:
			foreach(cell, from->fromlist)
				add_from(scope, lfirst(cell), rows);
			if (from->quals != pgc_compat_merge_condition(scope->query))
				add_condition(scope, from->quals, PGC_FILTER, rows);
			break;
		case T_SetOperationStmt:
			add_from(scope, operation->larg, rows);
			add_from(scope, operation->rarg, rows);
			break;
		default:
			break;
	}
}

/* rows_make finds out what acts on the rows of a query. */
static PgcFlow *
rows_make(PgcScope *scope)
{
	const Query *query = scope->query;
	PgcFlow    *rows = pgc_flow_make();
	int			outer = pgc_flow_begin(scope->extract);

	if (query->jointree != NULL)
		add_from(scope, (const Node *) query->jointree, rows);
	if (query->setOperations != NULL)
		add_from(scope, query->setOperations, rows);
	add_condition(scope, pgc_compat_merge_condition(query), PGC_JOIN, rows);
	if (query->commandType == CMD_MERGE)
		add_entry(scope, query->resultRelation, rows);
	add_clauses(scope, query->groupClause, PGC_GROUP_BY, rows);
	add_condition(scope, query->havingQual, PGC_FILTER, rows);
	add_clauses(scope, query->distinctClause, PGC_GROUP_BY, rows);
	add_clauses(scope, query->sortClause, PGC_SORT, rows);
	add_condition(scope, query->limitOffset, PGC_FILTER, rows);
	add_condition(scope, query->limitCount, PGC_FILTER, rows);
	pgc_flow_end(scope->extract, rows, outer);
	return rows;
}

/*
 * pgc_rows_flow is what acts on the rows of a query.  A recursive query reads
 * itself: what it is asked for while it finds out is found already.
 */
const PgcFlow *
pgc_rows_flow(PgcScope *scope)
{
	static const PgcFlow nothing = {.recursion = PGC_NO_RECURSION};

	if (scope->in_rows)
		return &nothing;
	if (!pgc_flow_is_known(scope->extract, scope->rows))
	{
		scope->in_rows = true;
		scope->rows = rows_make(scope);
		scope->in_rows = false;
	}
	return scope->rows;
}
