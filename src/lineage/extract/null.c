/*
 * src/lineage/extract/null.c
 *		May a column be null where a query uses it?
 */
#include "postgres.h"

#include "lineage/extract/extract.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"

/* plain_var is the variable that an expression is, but for its type; else NULL. */
static const Var *
plain_var(const Node *node)
{
	while (node != NULL && IsA(node, RelabelType))
		node = (const Node *) ((const RelabelType *) node)->arg;
	return node != NULL && IsA(node, Var) && ((const Var *) node)->varlevelsup == 0 ? (const Var *) node : NULL;
}

static void
add_not_null(PgcScope *scope, const void *node)
{
	const Var  *var = plain_var(node);

	if (var != NULL)
		scope->not_null = lappend(scope->not_null, unconstify(Var *, var));
}

/* add_condition notes the variables that cannot be null where a condition is true. */
static void
add_condition(PgcScope *scope, const Node *node)
{
	const NullTest *test = (const NullTest *) node;
	const OpExpr *operation = (const OpExpr *) node;
	const ScalarArrayOpExpr *any = (const ScalarArrayOpExpr *) node;
	ListCell   *cell;

	if (node == NULL)
		return;
	if (is_andclause(node))
	{
		foreach(cell, ((const BoolExpr *) node)->args)
			add_condition(scope, lfirst(cell));
	}
	else if (IsA(node, NullTest) && test->nulltesttype == IS_NOT_NULL && !test->argisrow)
		add_not_null(scope, test->arg);
	else if (IsA(node, OpExpr) && op_strict(operation->opno))
	{
		foreach(cell, operation->args)
			add_not_null(scope, lfirst(cell));
	}
	else if (IsA(node, ScalarArrayOpExpr) && any->useOr && op_strict(any->opno))
		add_not_null(scope, linitial(any->args));
}

/* look_into_join notes what a part of FROM says; nullable: it is on that side of an outer join. */
static void
look_into_join(PgcScope *scope, const Node *node, bool nullable)
{
	const JoinExpr *join = (const JoinExpr *) node;
	const FromExpr *from = (const FromExpr *) node;
	ListCell   *cell;

	check_stack_depth();
	switch (nodeTag(node))
	{
		case T_RangeTblRef:
			if (nullable)
				scope->nullable = bms_add_member(scope->nullable, ((const RangeTblRef *) node)->rtindex);
			break;
		case T_FromExpr:
			foreach(cell, from->fromlist)
				look_into_join(scope, lfirst(cell), nullable);
			if (!nullable)
				add_condition(scope, from->quals);
			break;
		case T_JoinExpr:
			look_into_join(scope, join->larg, nullable || join->jointype == JOIN_RIGHT || join->jointype == JOIN_FULL);
			look_into_join(scope, join->rarg, nullable || join->jointype == JOIN_LEFT || join->jointype == JOIN_FULL);
			if (!nullable && join->jointype == JOIN_INNER)
				add_condition(scope, join->quals);
			break;
		default:
			break;
	}
}

/*
 * pgc_is_nullable: may a variable of the scope be null, if it may (nullable) or
 * may not be where it comes from?  Joins can make it so, conditions the opposite.
 */
bool
pgc_is_nullable(PgcScope *scope, const Var *var, bool nullable)
{
	ListCell   *cell;

	if (!scope->has_nulls)
	{
		scope->has_nulls = true;
		if (scope->query->jointree != NULL)
			look_into_join(scope, (const Node *) scope->query->jointree, false);
	}
	if (!nullable && !bms_is_member(var->varno, scope->nullable))
		return false;
	foreach(cell, scope->not_null)
	{
		const Var  *other = lfirst(cell);

		if (other->varno == var->varno && other->varattno == var->varattno)
			return false;
	}
	return true;
}
