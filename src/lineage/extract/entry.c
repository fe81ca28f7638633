/*
 * src/lineage/extract/entry.c
 *		What the columns of a range table entry come from.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "compat.h"
#include "lineage/extract/extract.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/* entry_width is the number of columns of an entry, dropped ones too. */
static int
entry_width(const RangeTblEntry *rte)
{
	return rte->rtekind == RTE_RELATION ? pgc_relation_width(rte->relid) : list_length(rte->eref->colnames);
}

/* column_is_dropped: has the column of an entry gone? */
static bool
column_is_dropped(const RangeTblEntry *rte, AttrNumber attnum)
{
	HeapTuple	tuple;

	if (rte->rtekind == RTE_JOIN)
		return list_nth(rte->joinaliasvars, attnum - 1) == NULL;
	if (rte->rtekind != RTE_RELATION)
		return false;
	tuple = SearchSysCacheAttNum(rte->relid, attnum);
	if (!HeapTupleIsValid(tuple))
		return true;
	ReleaseSysCache(tuple);
	return false;
}

/* whole_row adds all columns of an entry: they are made into one value. */
static PgcValue
whole_row(PgcScope *scope, int varno, const RangeTblEntry *rte, PgcFlow *into)
{
	PgcValue	value = pgc_value_make(RTE_RELATION);
	int			width = entry_width(rte);

	for (int i = 1; i <= width; i++)
	{
		const PgcFlow *flow;

		if (column_is_dropped(rte, i))
			continue;
		flow = pgc_entry_flow(scope, varno, i);
		pgc_flow_add(into, flow, PGC_AS(PGC_TRANSFORMATION));
		value = pgc_value_combine(value, pgc_flow_value(flow), 0);
	}
	value.nullable = false;
	pgc_flow_set_nullable(into, false);
	return value;
}

/* values_column adds a column of VALUES: that of each row. */
static PgcValue
values_column(PgcScope *scope, const RangeTblEntry *rte, AttrNumber attnum, PgcFlow *into)
{
	PgcValue	value = pgc_value_make(RTE_VALUES);
	ListCell   *cell;

	foreach(cell, rte->values_lists)
	{
		const Node *expression = list_nth(lfirst(cell), attnum - 1);

		value = pgc_value_combine(value, pgc_expression_flow(scope, expression, PGC_AS_IS, into), 0);
	}
	return value;
}

/* body_column adds a column of the result of a function whose body is known; false: it is not to be had. */
static bool
body_column(PgcScope *scope, const RangeTblFunction *function, int number, PgcFlow *into, PgcValue *value)
{
	PgcScope   *body = IsA(function->funcexpr, FuncExpr) ?
	pgc_function_scope(scope, (const FuncExpr *) function->funcexpr) : NULL;

	if (body == NULL)
		return false;
	*value = function->funccolcount == 1 && body->noutputs == 1 ?
		pgc_flow_use(pgc_output_flow(body, 1), PGC_AS_IS, into) :
		pgc_body_field_flow(body, number, PGC_AS_IS, into);
	return true;
}

/* function_column adds a column of one of the functions of an entry. */
static PgcValue
function_column(PgcScope *scope, const RangeTblEntry *rte, AttrNumber attnum, PgcFlow *into)
{
	PgcValue	value = pgc_value_make(RTE_FUNCTION);
	ListCell   *cell;

	foreach(cell, rte->functions)
	{
		const RangeTblFunction *function = lfirst(cell);

		if (attnum <= function->funccolcount)
		{
			if (!body_column(scope, function, attnum, into, &value))
				value = pgc_expression_flow(scope, function->funcexpr, PGC_AS(PGC_TRANSFORMATION), into);
			value.nullable = true;
			pgc_flow_set_nullable(into, true);
			return pgc_value_combine(value, pgc_value_make(attnum), 0);
		}
		attnum -= function->funccolcount;
	}
	return value;				/* WITH ORDINALITY */
}

/* tablefunc_column adds a column of XMLTABLE or JSON_TABLE. */
static PgcValue
tablefunc_column(PgcScope *scope, const TableFunc *function, AttrNumber attnum, PgcFlow *into)
{
	const List *of_column[] = {function->colexprs, function->coldefexprs, pgc_compat_column_values(function)};
	const Node *of_all[] = {
		function->docexpr, function->rowexpr, (const Node *) function->ns_uris, pgc_compat_passing_values(function)
	};
	PgcValue	value = pgc_value_make(RTE_TABLEFUNC + attnum);
	PgcHow		how = PGC_AS(PGC_TRANSFORMATION);

	/* FOR ORDINALITY: of XMLTABLE, or one without a value of JSON_TABLE. */
	if (attnum - 1 == function->ordinalitycol ||
		(attnum <= list_length(of_column[2]) && list_nth(of_column[2], attnum - 1) == NULL))
		return value;
	for (int i = 0; i < lengthof(of_all); i++)
		value = pgc_value_combine(value, pgc_expression_flow(scope, of_all[i], how, into), 0);
	for (int i = 0; i < lengthof(of_column); i++)
	{
		if (attnum <= list_length(of_column[i]))
			value = pgc_value_combine(value, pgc_expression_flow(scope, list_nth(of_column[i], attnum - 1), how, into), 0);
	}
	value.nullable = true;
	pgc_flow_set_nullable(into, true);
	return value;
}

/* add_outputs adds those output columns of a query whose names are listed. */
static PgcValue
add_outputs(PgcScope *inner, const CommonTableExpr *cte, const List *names, PgcHow how, PgcFlow *into)
{
	PgcValue	value = pgc_value_make(RTE_CTE);
	const ListCell *cell;
	const ListCell *name;
	int			number = 0;

	foreach(cell, cte->ctecolnames)
	{
		number++;
		foreach(name, names)
		{
			if (strcmp(strVal(lfirst(cell)), strVal(lfirst(name))) == 0)
				value = pgc_value_combine(value, pgc_flow_use(pgc_recursive_flow(inner, number), how, into), 0);
		}
	}
	value.nullable = false;
	pgc_flow_set_nullable(into, false);
	return value;
}

/*
 * search_cycle_column adds a column that SEARCH or CYCLE adds to a recursive
 * query, number from 1, before the rewriter has put it there.
 */
static PgcValue
search_cycle_column(PgcScope *inner, const CommonTableExpr *cte, int number, PgcFlow *into)
{
	if (cte->search_clause != NULL && number-- == 1)
		return add_outputs(inner, cte, cte->search_clause->search_col_list, PGC_AS(PGC_TRANSFORMATION), into);
	if (cte->cycle_clause == NULL)
		return pgc_value_make(RTE_CTE);
	return add_outputs(inner, cte, cte->cycle_clause->cycle_col_list,
					   PGC_AS(number == 1 ? PGC_CONDITIONAL : PGC_TRANSFORMATION), into);
}

/* query_column is a column of a table or of a query. */
static const PgcFlow *
query_column(PgcScope *scope, const RangeTblEntry *rte, AttrNumber attnum)
{
	PgcScope   *inner = pgc_entry_scope(scope, rte);

	if (inner == NULL)
		return rte->rtekind == RTE_RELATION ? pgc_column_flow(scope->extract, rte->relid, attnum) : NULL;
	if (rte->rtekind != RTE_CTE)
		return pgc_output_flow(inner, attnum);
	return pgc_entry_is_recursive(scope, rte) ? pgc_recursive_flow(inner, attnum) : pgc_output_flow(inner, attnum);
}

/* excluded_column adds what the row that ON CONFLICT kept out would have had. */
static PgcValue
excluded_column(PgcScope *scope, AttrNumber attnum, PgcFlow *into)
{
	ListCell   *cell;

	foreach(cell, scope->query->targetList)
	{
		const TargetEntry *entry = lfirst(cell);

		if (entry->resno == attnum && !entry->resjunk)
			return pgc_expression_flow(scope, (Node *) entry->expr, PGC_AS_IS, into);
	}
	return pgc_value_make(CMD_INSERT);
}

/* entry_value adds what a column of an entry comes from that is not simply a column of a query or of a table. */
static PgcValue
entry_value(PgcScope *scope, int varno, const RangeTblEntry *rte, AttrNumber attnum, PgcFlow *into)
{
	const Node *expression = NULL;

	if (attnum == 0 && rte->rtekind != RTE_FUNCTION)
		return whole_row(scope, varno, rte, into);
	if (scope->query->onConflict != NULL && varno == scope->query->onConflict->exclRelIndex)
		return excluded_column(scope, attnum, into);
	switch (rte->rtekind)
	{
		case RTE_JOIN:
			expression = list_nth(rte->joinaliasvars, attnum - 1);
			break;
		case RTE_FUNCTION:
			if (attnum == 0 && list_length(rte->eref->colnames) != 1)
				return whole_row(scope, varno, rte, into);
			return function_column(scope, rte, Max(attnum, 1), into);
		case RTE_TABLEFUNC:
			return tablefunc_column(scope, rte->tablefunc, attnum, into);
		case RTE_VALUES:
			return values_column(scope, rte, attnum, into);
		case RTE_NAMEDTUPLESTORE:
			if (OidIsValid(rte->relid))
				return pgc_flow_use(pgc_column_flow(scope->extract, rte->relid, attnum), PGC_AS_IS, into);
			break;
		case RTE_CTE:
			{
				PgcScope   *inner;
				const CommonTableExpr *cte = pgc_entry_cte(scope, rte, &inner);

				if (cte != NULL)
					return search_cycle_column(inner, cte, attnum - inner->noutputs, into);
				break;
			}
		default:
			expression = pgc_compat_group_expression(rte, attnum);
			break;
	}
	return pgc_expression_flow(scope, expression, PGC_AS_IS, into);
}

/* is_hidden_target: is the entry the table below the view that the statement names as its target? */
static bool
is_hidden_target(PgcScope *scope, int varno)
{
	return OidIsValid(scope->target_view) && varno == scope->query->resultRelation;
}

/* hidden_target_column adds a column of a table as that of the view which the statement names. */
static void
hidden_target_column(PgcScope *scope, const RangeTblEntry *rte, AttrNumber attnum, PgcFlow *into)
{
	const PgcFlow *inner = pgc_column_flow(scope->extract, rte->relid, attnum);
	AttrNumber	column = pgc_view_column(scope->extract, scope->target_view, rte->relid, attnum);

	if (column > 0)
		pgc_flow_add_view(scope->extract, into, scope->target_view, column, inner);
	else
		pgc_flow_add_base(into, inner);
}

/* entry_make finds out what a column of an entry comes from. */
static const PgcFlow *
entry_make(PgcScope *scope, int varno, const RangeTblEntry *rte, AttrNumber attnum)
{
	int			outer = pgc_flow_begin(scope->extract);
	Oid			view = pgc_entry_view(rte);
	PgcFlow    *flow = pgc_flow_make();
	PgcValue	value;

	if (attnum != 0 && (OidIsValid(view) || is_hidden_target(scope, varno)))
	{
		const PgcFlow *inner = query_column(scope, rte, attnum);

		if (OidIsValid(view))
			pgc_flow_add_view(scope->extract, flow, view, attnum, inner);
		else
			hidden_target_column(scope, rte, attnum, flow);
		value = pgc_flow_value(inner);
	}
	else
		value = entry_value(scope, varno, rte, attnum, flow);
	pgc_flow_end(scope->extract, flow, outer);
	flow->expression = value.expression;
	flow->shape = value.shape;
	flow->nullable = value.nullable;
	return flow;
}

/* entry_is_plain: is the column one of a query or of a table, which remember theirs themselves? */
static bool
entry_is_plain(PgcScope *scope, int varno, const RangeTblEntry *rte, AttrNumber attnum)
{
	PgcScope   *inner;

	if (attnum == 0 || OidIsValid(pgc_entry_view(rte)) || is_hidden_target(scope, varno) ||
		(scope->query->onConflict != NULL && varno == scope->query->onConflict->exclRelIndex))
		return false;
	if (rte->rtekind != RTE_CTE)
		return rte->rtekind == RTE_RELATION || rte->rtekind == RTE_SUBQUERY;
	inner = pgc_entry_scope(scope, rte);
	return inner != NULL && attnum <= inner->noutputs;
}

/*
 * pgc_entry_flow is what a column of a range table entry comes from; column 0
 * is the whole row.
 */
const PgcFlow *
pgc_entry_flow(PgcScope *scope, int varno, AttrNumber attnum)
{
	const RangeTblEntry *rte = rt_fetch(varno, scope->query->rtable);
	int			width;
	PgcFlow   **slot;

	check_stack_depth();
	if (attnum < 0)
		return pgc_flow_make();
	if (entry_is_plain(scope, varno, rte, attnum))
		return query_column(scope, rte, attnum);
	width = entry_width(rte);
	if (attnum > width)
		return pgc_flow_make();
	if (scope->columns[varno - 1] == NULL)
		scope->columns[varno - 1] = palloc0((width + 1) * sizeof(PgcFlow *));
	slot = &scope->columns[varno - 1][attnum];
	if (!pgc_flow_is_known(scope->extract, *slot))
		*slot = (PgcFlow *) entry_make(scope, varno, rte, attnum);
	return *slot;
}
