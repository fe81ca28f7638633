/*
 * src/lineage/extract/expression.c
 *		What an expression comes from.
 *
 * Whatever has no rule of its own takes its arguments and makes something else of
 * them: a transformation.  So a kind of expression that is not known here loses
 * no edge.
 */
#include "postgres.h"

#include "catalog/pg_aggregate.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "compat.h"
#include "lineage/extract/extract.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

/* Where a walk over an expression is. */
typedef struct Walk
{
	PgcScope   *scope;
	PgcFlow    *into;
	PgcHow		how;
	PgcScope   *sublink;		/* whose columns PARAM_SUBLINK means */
	PgcValue	value;			/* of what was visited so far */
} Walk;

static bool visit(Node *node, Walk *walk);

/* pgc_value_make starts a value that is told from others by a number. */
PgcValue
pgc_value_make(uint64 seed)
{
	PgcValue	value = {.expression = seed + 1,.shape = seed + 1};

	return value;
}

/* pgc_value_combine adds a part to a value. */
PgcValue
pgc_value_combine(PgcValue whole, PgcValue part, uint64 seed)
{
	whole.expression = hash_combine64(whole.expression, part.expression + seed);
	whole.shape = hash_combine64(whole.shape, part.shape + seed);
	whole.nullable |= part.nullable;
	return whole;
}

/* pgc_flow_value is the value whose flow it is. */
PgcValue
pgc_flow_value(const PgcFlow *flow)
{
	PgcValue	value = {.expression = flow->expression,.shape = flow->shape,.nullable = flow->nullable};

	return value;
}

/* pgc_flow_use takes a flow as a part of another. */
PgcValue
pgc_flow_use(const PgcFlow *flow, PgcHow how, PgcFlow *into)
{
	pgc_flow_add(into, flow, how);
	return pgc_flow_value(flow);
}

/* how_raise is how something takes part that was made so, or stronger, before. */
static PgcHow
how_raise(PgcHow how, PgcSubtype subtype)
{
	if (PGC_IS_DIRECT(how.subtype) && (!PGC_IS_DIRECT(subtype) || subtype > how.subtype))
		how.subtype = subtype;
	return how;
}

/* walk_part visits a part that takes part so. */
static PgcValue
walk_part(const Walk *walk, const void *node, PgcSubtype subtype)
{
	Walk		part = *walk;

	part.how = how_raise(walk->how, subtype);
	part.value = pgc_value_make(0);
	visit((Node *) node, &part);
	return part.value;
}

/* walk_add takes a part into the value of the whole. */
static void
walk_add(Walk *walk, const void *node, PgcSubtype subtype)
{
	walk->value = pgc_value_combine(walk->value, walk_part(walk, node, subtype), 0);
}

/* visit_children takes all parts as they are; they are told from others by a number. */
static bool
visit_children(Node *node, Walk *walk, uint64 seed, PgcSubtype subtype)
{
	Walk		part = *walk;

	part.how = how_raise(walk->how, subtype);
	part.value = pgc_value_make(hash_combine64(nodeTag(node), seed));
	expression_tree_walker(node, visit, &part);
	walk->value = pgc_value_combine(walk->value, part.value, 0);
	return false;
}

/*
 * visit_apart makes a flow of its own of the parts, for what says of all of
 * them whether a null may arrive, and adds that.
 */
static bool
visit_apart(Node *node, Walk *walk, uint64 seed, PgcSubtype subtype, bool nullable)
{
	Walk		part = *walk;

	part.into = pgc_flow_make();
	part.value = pgc_value_make(0);
	visit_children(node, &part, seed, subtype);
	pgc_flow_set_nullable(part.into, nullable);
	part.value.nullable = nullable;
	walk->value = pgc_value_combine(walk->value, part.value, 0);
	pgc_flow_add(walk->into, part.into, PGC_AS_IS);
	return false;
}

/* hash_function tells functions apart: by name, which stays where the number changes. */
static uint64
hash_function(Oid funcid)
{
	const char *name;

	if (funcid < FirstNormalObjectId)
		return funcid;
	name = get_func_name(funcid);
	return name == NULL ? funcid : hash_bytes_extended((const unsigned char *) name, strlen(name), 1);
}

static bool
visit_const(const Const *constant, Walk *walk)
{
	PgcValue	value = pgc_value_make(T_Const);

	value.nullable = constant->constisnull;
	if (constant->constisnull)
		value.expression = hash_combine64(value.expression, 1);
	else
	{
		int16		length;
		bool		by_value;
		char		alignment;

		get_typlenbyvalalign(constant->consttype, &length, &by_value, &alignment);
		value.expression = hash_combine64(value.expression,
										  datum_image_hash(constant->constvalue, by_value, length));
	}
	walk->value = pgc_value_combine(walk->value, value, 0);
	return false;
}

static bool
visit_var(const Var *var, Walk *walk)
{
	PgcScope   *scope = pgc_scope_up(walk->scope, var->varlevelsup);
	const PgcFlow *flow;
	PgcValue	value;
	bool		nullable;

	if (scope == NULL || var->varno < 1 || var->varno > list_length(scope->query->rtable))
		return false;
	flow = pgc_entry_flow(scope, var->varno, var->varattno);
	nullable = pgc_is_nullable(scope, var, flow->nullable);
	value = pgc_flow_value(flow);
	value.nullable = nullable;
	walk->value = pgc_value_combine(walk->value, value, 0);
	if (nullable == flow->nullable)
		pgc_flow_add(walk->into, flow, walk->how);
	else
	{
		PgcFlow    *apart = pgc_flow_make();

		pgc_flow_add(apart, flow, walk->how);
		pgc_flow_set_nullable(apart, nullable);
		pgc_flow_add(walk->into, apart, PGC_AS_IS);
	}
	return false;
}

/* multiexpr finds the sub-select that SET (a, b) = (SELECT ..) has put aside. */
static const SubLink *
multiexpr(const List *assigned, int sublink)
{
	const ListCell *cell;

	foreach(cell, assigned)
	{
		const TargetEntry *entry = lfirst(cell);

		if (entry->resjunk && IsA(entry->expr, SubLink) && ((const SubLink *) entry->expr)->subLinkId == sublink)
			return (const SubLink *) entry->expr;
	}
	return NULL;
}

/* visit_argument takes a parameter in the body of a function for the caller's argument; false: it is none. */
static bool
visit_argument(const Param *param, Walk *walk)
{
	Walk		part = *walk;
	Node	   *arg;

	if (!pgc_scope_argument(walk->scope, param->paramid, &part.scope, &arg))
		return false;
	part.value = pgc_value_make(0);
	part.value.nullable = arg == NULL;
	visit(arg, &part);
	walk->value = pgc_value_combine(walk->value, part.value, 0);
	return true;
}

static bool visit_sublink_column(Walk *walk, PgcScope *inner, int number);

static bool
visit_param(const Param *param, Walk *walk)
{
	PgcValue	value = pgc_value_make(T_Const);

	if (param->paramkind == PARAM_SUBLINK && walk->sublink != NULL)
		return visit_sublink_column(walk, walk->sublink, param->paramid);
	if (param->paramkind == PARAM_MULTIEXPR)
	{
		const SubLink *sublink = multiexpr(walk->scope->assigned, param->paramid >> 16);

		return sublink != NULL &&
			visit_sublink_column(walk, pgc_scope_of(walk->scope->extract, (const Query *) sublink->subselect, walk->scope),
								 param->paramid & 0xFFFF);
	}
	if (param->paramkind == PARAM_EXTERN)
	{
		if (visit_argument(param, walk))
			return false;
		pgc_origins_flow(walk->scope, param, 0, walk->how, walk->into);
	}
	value.expression = hash_combine64(value.expression, param->paramid);
	value.nullable = true;
	walk->value = pgc_value_combine(walk->value, value, 0);
	return false;
}

/* visit_sublink_column takes a column of a sub-select, and what acts on the sub-select's rows. */
static bool
visit_sublink_column(Walk *walk, PgcScope *inner, int number)
{
	PgcFlow    *flow = pgc_flow_make();
	PgcValue	value = pgc_flow_use(pgc_output_flow(inner, number), walk->how, flow);

	pgc_flow_add(flow, pgc_rows_flow(inner), walk->how);
	value.nullable = true;		/* there may be no row */
	pgc_flow_set_nullable(flow, true);
	pgc_flow_add(walk->into, flow, PGC_AS_IS);
	walk->value = pgc_value_combine(walk->value, value, 0);
	return false;
}

static bool
visit_sublink(const SubLink *sublink, Walk *walk)
{
	PgcScope   *inner = pgc_scope_of(walk->scope->extract, castNode(Query, sublink->subselect), walk->scope);
	Walk		part = *walk;

	walk->value = pgc_value_combine(walk->value, pgc_value_make(T_SubLink), sublink->subLinkType);
	switch (sublink->subLinkType)
	{
		case EXPR_SUBLINK:
			return visit_sublink_column(walk, inner, 1);
		case ARRAY_SUBLINK:
			part.how = how_raise(walk->how, PGC_TRANSFORMATION);
			visit_sublink_column(&part, inner, 1);
			walk->value = part.value;
			walk->value.nullable = false;
			return false;
		case EXISTS_SUBLINK:
			walk->value = pgc_value_combine(walk->value, pgc_flow_use(pgc_rows_flow(inner), walk->how, walk->into), 0);
			return false;
		case MULTIEXPR_SUBLINK:
			return false;		/* by its parameters */
		default:
			part.sublink = inner;
			part.how = how_raise(walk->how, PGC_TRANSFORMATION);
			visit(sublink->testexpr, &part);
			walk->value = part.value;
			return false;
	}
}

/* by_reference finds the argument of an aggregate that one of its sort or distinct clauses means. */
static const TargetEntry *
by_reference(const SortGroupClause *clause, const List *entries)
{
	const ListCell *cell;

	foreach(cell, entries)
	{
		const TargetEntry *entry = lfirst(cell);

		if (entry->ressortgroupref == clause->tleSortGroupRef)
			return entry;
	}
	return NULL;
}

/* aggregate_args takes the arguments, and those that only sort. */
static void
aggregate_args(const Aggref *aggregate, Walk *walk)
{
	const ListCell *cell;

	walk_add(walk, aggregate->aggdirectargs, PGC_AGGREGATION);
	foreach(cell, aggregate->args)
	{
		const TargetEntry *entry = lfirst(cell);

		if (!entry->resjunk)
			walk_add(walk, entry->expr, PGC_AGGREGATION);
	}
	foreach(cell, AGGKIND_IS_ORDERED_SET(aggregate->aggkind) ? NIL : aggregate->aggorder)
	{
		const TargetEntry *entry = by_reference(lfirst(cell), aggregate->args);

		if (entry != NULL)
			walk_add(walk, entry->expr, PGC_SORT);
	}
}

/* is_count: does the aggregate tell only how many there are? */
static bool
is_count(Oid funcid)
{
	return funcid == F_COUNT_ANY || funcid == F_COUNT_;
}

static bool
visit_aggregate(const Aggref *aggregate, Walk *walk)
{
	bool		count = is_count(aggregate->aggfnoid);
	Walk		part = *walk;

	part.into = pgc_flow_make();
	part.value = pgc_value_make(hash_combine64(T_Aggref + (aggregate->aggdistinct != NIL), hash_function(aggregate->aggfnoid)));
	part.how.masking |= count || pgc_is_masking(aggregate->aggfnoid);
	aggregate_args(aggregate, &part);
	walk_add(&part, aggregate->aggfilter, PGC_FILTER);
	/* Nothing to aggregate gives a null, but for count. */
	part.value.nullable = !count && (part.value.nullable || aggregate->aggfilter != NULL || pgc_scope_up(walk->scope, aggregate->agglevelsup)->query->groupClause == NIL);
	if (count || part.value.nullable)
		pgc_flow_set_nullable(part.into, part.value.nullable);
	pgc_flow_add(walk->into, part.into, PGC_AS_IS);
	walk->value = pgc_value_combine(walk->value, part.value, 0);
	return false;
}

/* window_columns takes what a window partitions and sorts by, and its frame. */
static void
window_columns(Walk *walk, Index winref)
{
	const Query *query = walk->scope->query;
	ListCell   *cell;

	foreach(cell, query->windowClause)
	{
		const WindowClause *window = lfirst_node(WindowClause, cell);
		ListCell   *clause;

		if (window->winref != winref)
			continue;
		foreach(clause, window->partitionClause)
			walk_add(walk, by_reference(lfirst(clause), query->targetList)->expr, PGC_WINDOW);
		foreach(clause, window->orderClause)
			walk_add(walk, by_reference(lfirst(clause), query->targetList)->expr, PGC_WINDOW);
		walk_add(walk, window->startOffset, PGC_WINDOW);
		walk_add(walk, window->endOffset, PGC_WINDOW);
	}
}

static bool
visit_window(const WindowFunc *function, Walk *walk)
{
	bool		count = is_count(function->winfnoid);
	Walk		part = *walk;

	part.into = pgc_flow_make();
	part.value = pgc_value_make(hash_combine64(T_WindowFunc, hash_function(function->winfnoid)));
	part.how.masking |= count || pgc_is_masking(function->winfnoid);
	walk_add(&part, function->args, function->winagg ? PGC_AGGREGATION : PGC_TRANSFORMATION);
	part.how.masking = walk->how.masking;
	walk_add(&part, function->aggfilter, PGC_FILTER);
	window_columns(&part, function->winref);
	part.value.nullable = !count;
	pgc_flow_set_nullable(part.into, part.value.nullable);
	pgc_flow_add(walk->into, part.into, PGC_AS_IS);
	walk->value = pgc_value_combine(walk->value, part.value, 0);
	return false;
}

/* is_null: is it the constant NULL? */
static bool
is_null(const void *node)
{
	return node != NULL && IsA(node, Const) && ((const Const *) node)->constisnull;
}

static bool
visit_case(const CaseExpr *expression, Walk *walk)
{
	Walk		part = *walk;
	bool		null = false;
	ListCell   *cell;

	part.into = pgc_flow_make();
	part.value = pgc_value_make(T_CaseExpr);
	walk_add(&part, expression->arg, PGC_CONDITIONAL);
	foreach(cell, expression->args)
	{
		const CaseWhen *when = lfirst(cell);

		walk_add(&part, when->expr, PGC_CONDITIONAL);
		part.value.nullable = false;
		walk_add(&part, when->result, PGC_TRANSFORMATION);
		null |= is_null(when->result);
	}
	walk_add(&part, expression->defresult, PGC_TRANSFORMATION);
	if (null || is_null(expression->defresult))
		pgc_flow_set_nullable(part.into, true);
	pgc_flow_add(walk->into, part.into, PGC_AS_IS);
	walk->value = pgc_value_combine(walk->value, part.value, 0);
	return false;
}

/* visit_first: COALESCE, GREATEST, LEAST: a null only if all are. */
static bool
visit_first(const List *args, Walk *walk, uint64 seed)
{
	Walk		part = *walk;
	bool		nullable = true;
	const ListCell *cell;

	part.into = pgc_flow_make();
	part.value = pgc_value_make(seed);
	foreach(cell, args)
	{
		PgcValue	value = walk_part(&part, lfirst(cell), PGC_TRANSFORMATION);

		nullable &= value.nullable;
		part.value = pgc_value_combine(part.value, value, 0);
	}
	part.value.nullable = nullable;
	if (!nullable)
		pgc_flow_set_nullable(part.into, false);
	pgc_flow_add(walk->into, part.into, PGC_AS_IS);
	walk->value = pgc_value_combine(walk->value, part.value, 0);
	return false;
}

/* visit_row_of_body takes all columns that the body of a function gives, made into one value. */
static bool
visit_row_of_body(Walk *walk, PgcScope *body)
{
	Walk		part = *walk;

	part.how = how_raise(walk->how, PGC_TRANSFORMATION);
	for (int i = 1; i <= body->noutputs; i++)
		visit_sublink_column(&part, body, i);
	walk->value = part.value;
	return false;
}

static bool
visit_function(const FuncExpr *function, Walk *walk)
{
	PgcScope   *body = pgc_function_scope(walk->scope, function);
	Walk		part = *walk;

	if (body != NULL && body->noutputs == 1)
		return visit_sublink_column(walk, body, 1);
	if (body != NULL && body->noutputs > 1)
		return visit_row_of_body(walk, body);
	part.how.masking |= pgc_is_masking(function->funcid);
	visit_children((Node *) function, &part, hash_function(function->funcid), PGC_TRANSFORMATION);
	walk->value = part.value;
	walk->value.nullable |= !func_strict(function->funcid);
	return false;
}

/* visit_array: a list of constants looks the same whatever its length. */
static bool
visit_array(const ArrayExpr *array, Walk *walk)
{
	const PgcValue constants = pgc_value_make(T_Const);
	uint64		shape = walk->value.shape;
	ListCell   *cell;

	visit_apart((Node *) array, walk, 0, PGC_TRANSFORMATION, false);
	foreach(cell, array->elements)
	{
		if (!IsA(lfirst(cell), Const))
			return false;
	}
	walk->value.shape = hash_combine64(shape, constants.shape);
	return false;
}

/* is_assignment: does the node put something into a part of a value? */
static bool
is_assignment(const Node *node)
{
	return IsA(node, FieldStore) ||
		(IsA(node, SubscriptingRef) && ((const SubscriptingRef *) node)->refassgnexpr != NULL);
}

/*
 * visit_assignment takes what is put into a part of a value.  The rest of the
 * value stays where it is, which is no flow.
 */
static bool
visit_assignment(const Node *node, Walk *walk)
{
	const SubscriptingRef *element = (const SubscriptingRef *) node;
	const FieldStore *field = (const FieldStore *) node;
	const Node *whole = IsA(node, FieldStore) ? (const Node *) field->arg : (const Node *) element->refexpr;

	walk->value = pgc_value_combine(walk->value, pgc_value_make(nodeTag(node)), 0);
	if (whole != NULL && is_assignment(whole))
		visit_assignment(whole, walk);
	if (IsA(node, FieldStore))
	{
		walk_add(walk, field->newvals, PGC_TRANSFORMATION);
		return false;
	}
	walk_add(walk, element->refassgnexpr, PGC_TRANSFORMATION);
	walk_add(walk, element->refupperindexpr, PGC_TRANSFORMATION);
	walk_add(walk, element->reflowerindexpr, PGC_TRANSFORMATION);
	return false;
}

/* field_flow takes a field out of a composite value; that of a variable of PL/pgSQL is as good as a variable. */
static PgcValue
field_flow(const FieldSelect *select, const Walk *walk)
{
	PgcHow		how = IsA(select->arg, Param) ? walk->how : how_raise(walk->how, PGC_TRANSFORMATION);

	return pgc_field_flow(walk->scope, (Node *) select->arg, select->fieldnum, how, walk->into);
}

/* visit_operator: OpExpr and its relatives, which have the same fields. */
static bool
visit_operator(const OpExpr *operation, Walk *walk)
{
	uint64		seed = operation->opno;

	if (operation->opno >= FirstNormalObjectId)
		seed = hash_function(get_opcode(operation->opno));
	if (IsA(operation, NullIfExpr))
		return visit_apart((Node *) operation, walk, seed, PGC_TRANSFORMATION, true);
	if (IsA(operation, DistinctExpr))
		return visit_apart((Node *) operation, walk, seed, PGC_TRANSFORMATION, false);
	visit_children((Node *) operation, walk, seed, PGC_TRANSFORMATION);
	walk->value.nullable |= !op_strict(operation->opno);
	return false;
}

/* visit_null_test: whether a value is null does not tell the value. */
static bool
visit_null_test(const NullTest *test, Walk *walk)
{
	Walk		part = *walk;

	part.how.masking = true;
	visit_apart((Node *) test, &part, test->nulltesttype, PGC_TRANSFORMATION, false);
	walk->value = part.value;
	return false;
}

/* visit_operation takes what makes something else of its parts. */
static bool
visit_operation(Node *node, Walk *walk)
{
	switch (nodeTag(node))
	{
		case T_FuncExpr:
			return visit_function((FuncExpr *) node, walk);
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
			return visit_operator((OpExpr *) node, walk);
		case T_ScalarArrayOpExpr:
			return visit_children(node, walk, ((ScalarArrayOpExpr *) node)->opno, PGC_TRANSFORMATION);
		case T_BoolExpr:
			return visit_children(node, walk, ((BoolExpr *) node)->boolop, PGC_TRANSFORMATION);
		case T_CoalesceExpr:
			return visit_first(((CoalesceExpr *) node)->args, walk, T_CoalesceExpr);
		case T_MinMaxExpr:
			return visit_first(((MinMaxExpr *) node)->args, walk, T_MinMaxExpr + ((MinMaxExpr *) node)->op);
		case T_NullTest:
			return visit_null_test((NullTest *) node, walk);
		case T_BooleanTest:
			return visit_apart(node, walk, ((BooleanTest *) node)->booltesttype, PGC_TRANSFORMATION, false);
		case T_RowExpr:
			return visit_apart(node, walk, 0, PGC_TRANSFORMATION, false);
		case T_ArrayExpr:
			return visit_array((ArrayExpr *) node, walk);
		case T_SQLValueFunction:
			return visit_children(node, walk, ((SQLValueFunction *) node)->op, PGC_TRANSFORMATION);
		default:
			return visit_children(node, walk, 0, PGC_TRANSFORMATION);
	}
}

/* visit takes an expression, or a list, into what is in the making. */
static bool
visit(Node *node, Walk *walk)
{
	const Node *same;

	if (node == NULL)
		return false;
	check_stack_depth();
	same = pgc_compat_same_value(node);
	if (same != NULL)
		return visit(unconstify(Node *, same), walk);
	if (is_assignment(node))
		return visit_assignment(node, walk);
	switch (nodeTag(node))
	{
		case T_Var:
			return visit_var((Var *) node, walk);
		case T_Const:
			return visit_const((Const *) node, walk);
		case T_Param:
			return visit_param((Param *) node, walk);
		case T_SubLink:
			return visit_sublink((SubLink *) node, walk);
		case T_Aggref:
			return visit_aggregate((Aggref *) node, walk);
		case T_WindowFunc:
			return visit_window((WindowFunc *) node, walk);
		case T_GroupingFunc:
			walk_add(walk, ((GroupingFunc *) node)->args, PGC_GROUP_BY);
			return false;
		case T_CaseExpr:
			return visit_case((CaseExpr *) node, walk);
		case T_FieldSelect:
			walk->value = pgc_value_combine(walk->value, field_flow((FieldSelect *) node, walk), 0);
			return false;
		case T_List:
		case T_TargetEntry:
			return visit_children(node, walk, 0, PGC_IDENTITY);
		default:
			return visit_operation(node, walk);
	}
}

/*
 * pgc_expression_flow adds what an expression, or a list of them, comes from, used
 * so, to what is in the making.
 */
PgcValue
pgc_expression_flow(PgcScope *scope, const Node *node, PgcHow how, PgcFlow *into)
{
	Walk		walk = {.scope = scope,.into = into,.how = how,.value = pgc_value_make(0)};

	visit((Node *) node, &walk);
	return walk.value;
}
