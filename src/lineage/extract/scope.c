/*
 * src/lineage/extract/scope.c
 *		Queries where they stand, and what their columns come from.
 *
 * Each output column of each query is looked into once.  In a recursive query,
 * what was found while its columns were not known in full holds for one turn.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_class.h"
#include "compat.h"
#include "lineage/extract/extract.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "parser/parsetree.h"
#include "rewrite/prs2lock.h"
#include "utils/rel.h"

/* Of what there is one scope: of a query in another, or of a view. */
typedef struct ScopeKey
{
	const void *query;			/* or a call of a function */
	PgcScope   *parent;
	uint64		relid;
} ScopeKey;

typedef struct ScopeEntry
{
	ScopeKey	key;
	PgcScope   *scope;
} ScopeEntry;

/*
 * written_view is the view that a rewritten statement named as its target before
 * the rewriter put the table below there: its entry is still the first.
 */
static Oid
written_view(const Query *query)
{
	const RangeTblEntry *first;

	if (query->resultRelation <= 1 || query->querySource != QSRC_ORIGINAL)
		return InvalidOid;
	first = linitial_node(RangeTblEntry, query->rtable);
	return first->rtekind == RTE_RELATION && first->relkind == RELKIND_VIEW ? first->relid : InvalidOid;
}

/* pgc_scope_make returns a scope of its own for a query. */
PgcScope *
pgc_scope_make(PgcExtract *extract, const Query *query, PgcScope *parent)
{
	PgcScope   *scope = palloc0(sizeof(PgcScope));
	List	   *list = query->commandType == CMD_SELECT ? query->targetList : query->returningList;
	ListCell   *cell;

	scope->extract = extract;
	scope->query = query;
	scope->parent = parent;
	scope->target_view = written_view(query);
	scope->outputs = palloc((list_length(list) + 1) * sizeof(TargetEntry *));
	foreach(cell, list)
	{
		const TargetEntry *entry = lfirst(cell);

		if (!entry->resjunk)
			scope->outputs[scope->noutputs++] = entry;
	}
	scope->output_flows = palloc0((scope->noutputs + 1) * sizeof(PgcFlow *));
	scope->columns = palloc0((list_length(query->rtable) + 1) * sizeof(PgcFlow **));
	return scope;
}

/* scope_slot is where the scope of a key is kept. */
static PgcScope **
scope_slot(PgcExtract *extract, const void *query, PgcScope *parent, Oid relid)
{
	ScopeKey	key = {query, parent, relid};
	ScopeEntry *entry;
	bool		found;

	if (extract->scope_hash == NULL)
	{
		HASHCTL		control = {.keysize = sizeof(ScopeKey),.entrysize = sizeof(ScopeEntry),.hcxt = CurrentMemoryContext};

		extract->scope_hash = hash_create("pg_contract lineage queries", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	entry = hash_search(extract->scope_hash, &key, HASH_ENTER, &found);
	if (!found)
		entry->scope = NULL;
	return &entry->scope;
}

/* pgc_scope_of returns the scope of a query, the same each time. */
PgcScope *
pgc_scope_of(PgcExtract *extract, const Query *query, PgcScope *parent)
{
	PgcScope  **slot = scope_slot(extract, query, parent, InvalidOid);

	if (*slot == NULL)
		*slot = pgc_scope_make(extract, query, parent);
	return *slot;
}

/* pgc_scope_call is where the scope of a call of a function is kept. */
PgcScope  **
pgc_scope_call(PgcScope *scope, const FuncExpr *function)
{
	return scope_slot(scope->extract, function, scope, InvalidOid);
}

/*
 * stored_query copies the query of a view or a materialized view; NULL: it has none.  Without a lock if it is for a
 * statement, which must not wait for a view that it only might read.
 */
static const Query *
stored_query(const PgcExtract *extract, Oid relid)
{
	Relation	relation = extract->is_definition ? relation_open(relid, AccessShareLock) : RelationIdGetRelation(relid);
	const RuleLock *rules = relation ? relation->rd_rules : NULL;
	const Query *query = NULL;

	for (int i = 0; rules != NULL && i < rules->numLocks; i++)
	{
		const RewriteRule *rule = rules->rules[i];

		if (rule->event == CMD_SELECT && list_length(rule->actions) == 1)
			query = copyObject(linitial_node(Query, rule->actions));
	}
	if (relation)
		relation_close(relation, extract->is_definition ? AccessShareLock : NoLock);
	return query;
}

/* pgc_scope_view is the scope of a view's query as it is stored; NULL: it has none. */
PgcScope *
pgc_scope_view(PgcExtract *extract, Oid relid)
{
	PgcScope  **slot = scope_slot(extract, NULL, NULL, relid);

	if (*slot == NULL)
	{
		const Query *query = stored_query(extract, relid);

		if (query != NULL)
			*slot = pgc_scope_make(extract, query, NULL);
	}
	return *slot;
}

/* pgc_scope_up is the scope so many levels up; NULL: there is none. */
PgcScope *
pgc_scope_up(PgcScope *scope, int levels)
{
	while (scope != NULL && levels-- > 0)
		scope = scope->parent;
	return scope;
}

/* pgc_entry_view is the view that a range table entry is, expanded or not. */
Oid
pgc_entry_view(const RangeTblEntry *rte)
{
	if (rte->rtekind == RTE_RELATION)
		return rte->relkind == RELKIND_VIEW ? rte->relid : InvalidOid;
	return rte->rtekind == RTE_SUBQUERY ? pgc_compat_expanded_view(rte) : InvalidOid;
}

/* pgc_entry_cte finds the query of a WITH clause, and its scope. */
const CommonTableExpr *
pgc_entry_cte(PgcScope *scope, const RangeTblEntry *rte, PgcScope **cte_scope)
{
	PgcScope   *owner = pgc_scope_up(scope, rte->ctelevelsup);
	ListCell   *cell;

	foreach(cell, owner == NULL ? NIL : owner->query->cteList)
	{
		const CommonTableExpr *cte = lfirst(cell);

		if (strcmp(cte->ctename, rte->ctename) == 0)
		{
			*cte_scope = pgc_scope_of(scope->extract, castNode(Query, cte->ctequery), owner);
			return cte;
		}
	}
	*cte_scope = NULL;
	return NULL;
}

/* pgc_entry_is_recursive: is the entry a query of WITH RECURSIVE that reads itself? */
bool
pgc_entry_is_recursive(PgcScope *scope, const RangeTblEntry *rte)
{
	PgcScope   *inner;
	const CommonTableExpr *cte = rte->rtekind == RTE_CTE ? pgc_entry_cte(scope, rte, &inner) : NULL;

	return cte != NULL && cte->cterecursive;
}

/* pgc_entry_scope is the scope of the query that a range table entry is; NULL: it is none. */
PgcScope *
pgc_entry_scope(PgcScope *scope, const RangeTblEntry *rte)
{
	PgcScope   *inner = NULL;

	switch (rte->rtekind)
	{
		case RTE_RELATION:
			return rte->relkind == RELKIND_VIEW ? pgc_scope_view(scope->extract, rte->relid) : NULL;
		case RTE_SUBQUERY:
			return pgc_scope_of(scope->extract, rte->subquery, scope);
		case RTE_CTE:
			pgc_entry_cte(scope, rte, &inner);
			return inner;
		default:
			return NULL;
	}
}

/* pgc_view_column finds the column of a view that is simply that of a table below; 0: there is none. */
AttrNumber
pgc_view_column(PgcExtract *extract, Oid view, Oid relid, AttrNumber attnum)
{
	PgcScope   *scope = pgc_scope_view(extract, view);
	int			column = pgc_column_flow(extract, relid, attnum)->sources[0].column;

	for (int i = 1; scope != NULL && i <= scope->noutputs; i++)
	{
		const PgcFlow *flow = pgc_output_flow(scope, i);

		for (int j = 0; j < flow->nsources; j++)
		{
			if (flow->sources[j].column == column && flow->sources[j].effects[PGC_HOP_BASE].direct == PGC_IDENTITY + 1)
				return i;
		}
	}
	return 0;
}

/* pgc_flow_is_known: does it hold in this turn of the recursive queries? */
bool
pgc_flow_is_known(PgcExtract *extract, const PgcFlow *flow)
{
	if (flow == NULL || (flow->generation != 0 && flow->generation != extract->generation))
		return false;
	extract->recursion = Min(extract->recursion, flow->recursion);
	return true;
}

/* pgc_flow_begin starts to find out what is kept; returns what pgc_flow_end wants. */
int
pgc_flow_begin(PgcExtract *extract)
{
	int			outer = extract->recursion;

	extract->recursion = PGC_NO_RECURSION;
	return outer;
}

/* pgc_flow_end says how long a flow holds. */
void
pgc_flow_end(PgcExtract *extract, PgcFlow *flow, int outer)
{
	pgc_flow_finish(flow);
	flow->recursion = extract->recursion;
	flow->generation = flow->recursion == PGC_NO_RECURSION ? 0 : extract->generation;
	extract->recursion = Min(outer, extract->recursion);
}

/*
 * branch_how is how column number of a branch gets into the result of the set
 * operations: the planner casts it if the types differ.
 */
static PgcHow
branch_how(const PgcScope *scope, int rtindex, int number, PgcHow how)
{
	const Query *branch = rt_fetch(rtindex, scope->query->rtable)->subquery;
	const SetOperationStmt *top = castNode(SetOperationStmt, scope->query->setOperations);
	const TargetEntry *entry = get_tle_by_resno(branch->targetList, number);

	if (how.subtype == PGC_IDENTITY && entry != NULL &&
		!IsBinaryCoercible(exprType((Node *) entry->expr), list_nth_oid(top->colTypes, number - 1)))
		how.subtype = PGC_TRANSFORMATION;
	return how;
}

/* set_operation adds column number of what the branches of a set operation give. */
static PgcValue
set_operation(PgcScope *scope, const Node *node, int number, PgcHow how, PgcFlow *into)
{
	const SetOperationStmt *operation = (const SetOperationStmt *) node;
	PgcValue	left;
	PgcValue	right;

	check_stack_depth();
	if (IsA(node, RangeTblRef))
	{
		int			rtindex = ((const RangeTblRef *) node)->rtindex;

		return pgc_flow_use(pgc_entry_flow(scope, rtindex, number), branch_how(scope, rtindex, number, how), into);
	}
	left = set_operation(scope, operation->larg, number, how, into);
	/* The rows of EXCEPT's right side only keep others away. */
	right = set_operation(scope, operation->rarg, number,
						  operation->op == SETOP_EXCEPT ? PGC_AS(PGC_FILTER) : how, into);
	left = pgc_value_combine(left, right, operation->op);
	left.nullable = operation->op == SETOP_EXCEPT ? left.nullable : left.nullable || right.nullable;
	return left;
}

/* output_make finds out what an output column of a query comes from. */
static PgcFlow *
output_make(PgcScope *scope, int number)
{
	PgcFlow    *flow = pgc_flow_make();
	int			outer = pgc_flow_begin(scope->extract);
	PgcValue	value;

	if (scope->query->setOperations != NULL)
		value = set_operation(scope, scope->query->setOperations, number, PGC_AS_IS, flow);
	else
		value = pgc_expression_flow(scope, (Node *) scope->outputs[number - 1]->expr, PGC_AS_IS, flow);
	pgc_flow_end(scope->extract, flow, outer);
	flow->expression = value.expression;
	flow->shape = value.shape;
	flow->nullable = value.nullable;
	return flow;
}

/* pgc_output_flow is what output column number, from 1, of a query comes from. */
const PgcFlow *
pgc_output_flow(PgcScope *scope, int number)
{
	if (number < 1 || number > scope->noutputs)
		return pgc_flow_make();
	if (!pgc_flow_is_known(scope->extract, scope->output_flows[number - 1]))
		scope->output_flows[number - 1] = output_make(scope, number);
	return scope->output_flows[number - 1];
}

/*
 * recursive_turn looks into all columns of a recursive query, given what is known
 * of them so far; false: nothing new.  The next turn goes the other way, since
 * columns often pass theirs on to a neighbour.
 */
static bool
recursive_turn(PgcScope *scope)
{
	bool		changed = false;
	bool		forwards = scope->extract->generation++ % 2 == 0;

	for (int i = 0; i < scope->noutputs; i++)
	{
		PgcFlow   **known = &scope->output_flows[forwards ? i : scope->noutputs - 1 - i];
		PgcFlow    *flow = output_make(scope, (int) (known - scope->output_flows) + 1);

		changed |= !pgc_flow_equal(flow, *known);
		pgc_flow_free(*known);
		*known = flow;
	}
	return changed;
}

/*
 * recursive_solve finds the columns of a recursive query: from nothing, again and
 * again until no turn finds more.
 */
static void
recursive_solve(PgcScope *scope)
{
	PgcExtract *extract = scope->extract;
	int			outer = pgc_flow_begin(extract);

	scope->level = ++extract->level;
	for (int i = 0; i < scope->noutputs; i++)
		scope->output_flows[i] = pgc_flow_make();
	while (recursive_turn(scope))
		CHECK_FOR_INTERRUPTS();
	/* Of its own columns it has now read all there is. */
	if (extract->recursion >= scope->level)
		extract->recursion = PGC_NO_RECURSION;
	for (int i = 0; i < scope->noutputs; i++)
	{
		scope->output_flows[i]->recursion = extract->recursion;
		scope->output_flows[i]->generation = extract->recursion == PGC_NO_RECURSION ? 0 : extract->generation;
	}
	extract->recursion = Min(outer, extract->recursion);
	extract->level--;
	scope->level = 0;
}

/* pgc_recursive_flow is what an output column of a recursive query comes from, or is known to so far. */
const PgcFlow *
pgc_recursive_flow(PgcScope *scope, int number)
{
	static const PgcFlow nothing = {.recursion = PGC_NO_RECURSION};

	if (number < 1 || number > scope->noutputs)
		return &nothing;
	if (scope->level > 0)
		scope->extract->recursion = Min(scope->extract->recursion, scope->level);
	else if (!pgc_flow_is_known(scope->extract, scope->output_flows[number - 1]))
		recursive_solve(scope);
	return scope->output_flows[number - 1];
}
