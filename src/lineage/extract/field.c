/*
 * src/lineage/extract/field.c
 *		Fields of composite values, looked for where the value is made; and bodies of functions.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "compat.h"
#include "lineage/extract/extract.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"

/* How deep functions are looked into, and how many in all. */
#define MAX_DEPTH 8
#define MAX_BODIES 256

/* set_operation_field takes a field of a column of each branch. */
static PgcValue
set_operation_field(PgcScope *scope, const Node *node, int number, int field, PgcHow how, PgcFlow *into)
{
	const SetOperationStmt *operation = (const SetOperationStmt *) node;
	PgcValue	value;

	check_stack_depth();
	if (IsA(node, RangeTblRef))
	{
		const RangeTblEntry *rte = rt_fetch(((const RangeTblRef *) node)->rtindex, scope->query->rtable);

		return pgc_output_field_flow(pgc_entry_scope(scope, rte), number, field, how, into);
	}
	value = set_operation_field(scope, operation->larg, number, field, how, into);
	return pgc_value_combine(value, set_operation_field(scope, operation->rarg, number, field,
														operation->op == SETOP_EXCEPT ? PGC_AS(PGC_FILTER) : how, into), 0);
}

/* pgc_output_field_flow takes a field of an output column of a query. */
PgcValue
pgc_output_field_flow(PgcScope *scope, int number, int field, PgcHow how, PgcFlow *into)
{
	if (number > scope->noutputs)
		return pgc_value_make(0);
	if (scope->query->setOperations != NULL)
		return set_operation_field(scope, scope->query->setOperations, number, field, how, into);
	return pgc_field_flow(scope, (Node *) scope->outputs[number - 1]->expr, field, how, into);
}

/* var_field takes a field of a variable if what makes the value is in sight; false: it is not. */
static bool
var_field(PgcScope *scope, const Var *var, int field, PgcHow how, PgcFlow *into, PgcValue *value)
{
	PgcScope   *owner = pgc_scope_up(scope, var->varlevelsup);
	const RangeTblEntry *rte;
	PgcScope   *inner;

	if (owner == NULL)
		return false;
	rte = rt_fetch(var->varno, owner->query->rtable);
	if (var->varattno == 0)
	{
		if (rte->rtekind == RTE_FUNCTION && list_length(rte->eref->colnames) == 1)
			return false;
		*value = pgc_flow_use(pgc_entry_flow(owner, var->varno, field), how, into);
		return true;
	}
	if (rte->rtekind == RTE_JOIN)
	{
		*value = pgc_field_flow(owner, list_nth(rte->joinaliasvars, var->varattno - 1), field, how, into);
		return true;
	}

	/*
	 * A view's column has no fields to name; a recursive query's is not
	 * finished.
	 */
	inner = OidIsValid(pgc_entry_view(rte)) ? NULL : pgc_entry_scope(owner, rte);
	if (inner == NULL || var->varattno < 0 || pgc_entry_is_recursive(owner, rte))
		return false;
	*value = pgc_output_field_flow(inner, var->varattno, field, how, into);
	return true;
}

/*
 * pgc_origins_flow adds what the value of an external parameter, or of one field of it,
 * comes from, as far as the caller of the extraction knows.
 */
void
pgc_origins_flow(PgcScope *scope, const Param *param, int field, PgcHow how, PgcFlow *into)
{
	const PgcExtraction *extraction = scope->extract->how;
	List	   *origins = extraction->origins == NULL ? NIL : extraction->origins(param, field, extraction->arg);
	ListCell   *cell;

	foreach(cell, origins)
	{
		const PgcOrigin *origin = lfirst(cell);
		PgcFlow    *here = pgc_flow_make();
		PgcFlow    *used = pgc_flow_make();
		PgcHow		before = {origin->subtype, origin->masking};

		pgc_flow_add_base(here, pgc_column_flow(scope->extract, origin->relid, origin->column));
		pgc_flow_set_nullable(here, true);
		pgc_flow_add(used, here, before);
		pgc_flow_add(into, used, how);
	}
}

/* param_field takes a field of a parameter; false: nothing more is known of it than of the whole. */
static bool
param_field(PgcScope *scope, const Param *param, int field, PgcHow how, PgcFlow *into, PgcValue *value)
{
	PgcScope   *caller;
	Node	   *arg;

	if (param->paramkind != PARAM_EXTERN)
		return false;
	if (pgc_scope_argument(scope, param->paramid, &caller, &arg))
	{
		*value = pgc_field_flow(caller, arg, field, how, into);
		return true;
	}
	if (scope->extract->how->origins == NULL)
		return false;
	pgc_origins_flow(scope, param, field, how, into);
	*value = pgc_value_make(param->paramid);
	value->nullable = true;
	return true;
}

/* body_field takes a field of the result of a function whose body is known; false: it is not. */
static bool
body_field(PgcScope *scope, const FuncExpr *function, int field, PgcHow how, PgcFlow *into, PgcValue *value)
{
	PgcScope   *body = pgc_function_scope(scope, function);

	if (body == NULL)
		return false;
	*value = pgc_body_field_flow(body, field, how, into);
	(void) pgc_flow_use(pgc_rows_flow(body), how, into);
	return true;
}

/*
 * pgc_field_flow adds what a field, from 1, of a composite value comes from: of
 * that field if it is in sight where the value is made, else of the whole value.
 */
PgcValue
pgc_field_flow(PgcScope *scope, const Node *node, int field, PgcHow how, PgcFlow *into)
{
	PgcValue	value;

	check_stack_depth();
	if (node != NULL && IsA(node, RowExpr) && field <= list_length(((const RowExpr *) node)->args))
		return pgc_expression_flow(scope, list_nth(((const RowExpr *) node)->args, field - 1), how, into);
	if (node != NULL && IsA(node, Var) && var_field(scope, (const Var *) node, field, how, into, &value))
		return value;
	if (node != NULL && IsA(node, FuncExpr) && body_field(scope, (const FuncExpr *) node, field, how, into, &value))
		return value;
	if (node != NULL && IsA(node, Param) && param_field(scope, (const Param *) node, field, how, into, &value))
		return value;
	value = pgc_expression_flow(scope, node, how, into);
	value = pgc_value_combine(value, pgc_value_make(field), 0);
	value.nullable = true;
	return value;
}

/* argument finds a function's argument by its number, from 1; NULL: its default is taken. */
static Node *
argument(const List *args, int number)
{
	const ListCell *cell;

	foreach(cell, args)
	{
		Node	   *arg = lfirst(cell);

		if (IsA(arg, NamedArgExpr))
		{
			if (((NamedArgExpr *) arg)->argnumber == number - 1)
				return (Node *) ((NamedArgExpr *) arg)->arg;
		}
		else if (foreach_current_index(cell) == number - 1)
			return arg;
	}
	return NULL;
}

/* pgc_scope_argument is the argument that a parameter means in the body of a function; false: this is none. */
bool
pgc_scope_argument(PgcScope *scope, int number, PgcScope **caller, Node **arg)
{
	while (scope->parent != NULL)
		scope = scope->parent;
	if (scope->caller == NULL)
		return false;
	*caller = scope->caller;
	*arg = argument(scope->arguments, number);
	return true;
}

/* may_enter: is the function none of those that we are in, and are they few enough? */
static bool
may_enter(PgcScope *scope, Oid funcid)
{
	int			depth = 0;

	if (scope->extract->nbodies >= MAX_BODIES)
		return false;
	for (; scope != NULL; scope = scope->caller)
	{
		while (scope->parent != NULL)
			scope = scope->parent;
		if (scope->funcid == funcid || ++depth > MAX_DEPTH)
			return false;
	}
	return true;
}

/*
 * pgc_function_scope is the scope of the query that gives a function's result;
 * NULL: it is not known.
 */
PgcScope *
pgc_function_scope(PgcScope *scope, const FuncExpr *function)
{
	PgcScope  **slot;
	List	   *body;
	const Query *last;

	if (function->funcid < FirstNormalObjectId)
		return NULL;
	slot = pgc_scope_call(scope, function);
	if (*slot != NULL)
		return *slot;
	if (!may_enter(scope, function->funcid))
		return NULL;
	body = pgc_function_body(function->funcid);
	last = body == NIL ? NULL : llast_node(Query, body);
	if (last == NULL || (last->commandType != CMD_SELECT && last->returningList == NIL))
		return NULL;
	scope->extract->nbodies++;
	*slot = pgc_scope_make(scope->extract, last, NULL);
	(*slot)->funcid = function->funcid;
	(*slot)->arguments = function->args;
	(*slot)->caller = scope;
	return *slot;
}

/*
 * pgc_body_field_flow adds what a field of a function's composite result comes from:
 * the body gives it column by column, or as one value.
 */
PgcValue
pgc_body_field_flow(PgcScope *body, int field, PgcHow how, PgcFlow *into)
{
	if (body->noutputs > 1)
		return pgc_flow_use(pgc_output_flow(body, field), how, into);
	return pgc_output_field_flow(body, 1, field, how, into);
}
