/*
 * src/document/dbt/dbt_check.c
 *		Nothing that dbt had may keep the contract from being applied: conditions
 *		are SQL that was never run here.
 *
 * A property file often describes only some columns; those that a condition names
 * become properties, too.  What lint calls an error in the result is taken out
 * again, by the line that it came from.
 */
#include "postgres.h"

#include "document/dbt/dbt.h"
#include "engine/rights.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "utils/builtins.h"

/* use_columns makes properties of the columns that an expression names, not of those in subqueries. */
static bool
use_columns(Node *node, PgcDbtRelation *relation)
{
	if (node == NULL || IsA(node, SubLink))
		return false;
	if (IsA(node, ColumnRef))
	{
		List	   *fields = ((ColumnRef *) node)->fields;

		if (list_length(fields) == 1 && IsA(linitial(fields), String))
			pgc_dbt_property(relation, strVal(linitial(fields)));
		return false;
	}
	return raw_expression_tree_walker(node, use_columns, relation);
}

/*
 * pgc_dbt_use makes properties of the columns that an SQL expression, or NULL, is
 * about.  False: it is no expression to PostgreSQL.
 */
bool
pgc_dbt_use(PgcDbtRelation *relation, const char *expression)
{
	PgcAttempt	attempt;
	List	   *volatile statements = NIL;

	if (expression == NULL)
		return true;
	pgc_attempt_begin(&attempt);
	PG_TRY();
	{
		statements = raw_parser(psprintf("(%s\n)", expression), RAW_PARSE_PLPGSQL_EXPR);
		pgc_attempt_commit(&attempt);
	}
	PG_CATCH();
	{
		(void) pgc_attempt_fail(&attempt);
		statements = NIL;
	}
	PG_END_TRY();
	if (statements == NIL)
		return false;
	use_columns(linitial_node(RawStmt, statements)->stmt, relation);
	return true;
}

/* came_from says whether a node, or something in it, came from a line. */
static bool
came_from(const PgcNode *node, int line)
{
	if (node->line == line)
		return true;
	for (int i = 0; !pgc_node_is_scalar(node) && i < node->count; i++)
	{
		if (came_from(pgc_node_is(node, PGC_NODE_LIST) ? node->content.items[i] :
					  node->content.pairs[i].value, line))
			return true;
	}
	return false;
}

/* take_out takes what came from a line out of a list or map, which may be NULL; whether there was anything. */
static bool
take_out(PgcNode *node, int line)
{
	int			kept = 0;
	int			count = node == NULL ? 0 : node->count;

	for (int i = 0; i < count; i++)
	{
		if (node->type == PGC_NODE_LIST && !came_from(node->content.items[i], line))
			node->content.items[kept++] = node->content.items[i];
		else if (node->type == PGC_NODE_MAP && !came_from(node->content.pairs[i].value, line))
			node->content.pairs[kept++] = node->content.pairs[i];
	}
	if (node != NULL)
		node->count = kept;
	return kept < count;
}

/* drop_empty takes a list or map out of its element if nothing is left in it. */
static void
drop_empty(PgcNode *element)
{
	int			kept = 0;

	for (int i = 0; i < element->count; i++)
	{
		const PgcNode *value = element->content.pairs[i].value;

		if (pgc_node_is_scalar(value) || value->count > 0)
			element->content.pairs[kept++] = element->content.pairs[i];
	}
	element->count = kept;
}

/* take_out_of takes what came from a line out of an object or property. */
static bool
take_out_of(PgcNode *element, int line)
{
	bool		found = take_out(pgc_node_get(element, "quality"), line);

	found |= take_out(pgc_node_get(element, "relationships"), line);
	found |= take_out(pgc_node_get(element, "logicalTypeOptions"), line);
	if (found)
		drop_empty(element);
	return found;
}

/* take_out_line takes what came from a line out of the contract. */
static bool
take_out_line(PgcDbt *dbt, int line)
{
	bool		found = false;
	ListCell   *cell;

	foreach(cell, dbt->relations)
	{
		PgcNode    *object = ((PgcDbtRelation *) lfirst(cell))->object;
		const PgcNode *properties = pgc_node_get(object, "properties");

		found |= take_out_of(object, line);
		for (int i = 0; properties != NULL && i < properties->count; i++)
			found |= take_out_of(properties->content.items[i], line);
	}
	return found;
}

/* pgc_dbt_check leaves out what lint would call an error. */
void
pgc_dbt_check(PgcDbt *dbt)
{
	PgcNode    *copy = pgc_node_copy(dbt->root);
	PgcPlanOptions options = {.bind = false};
	PgcRemarks	remarks = {NIL};
	ListCell   *cell;

	if (pgc_odcs_check(copy, &remarks))
		pgc_plan_make(copy, &options, &remarks);
	foreach(cell, remarks.list)
	{
		const PgcRemark *remark = lfirst(cell);

		if (remark->gravity != PGC_INFO && remark->line > 0 && take_out_line(dbt, remark->line))
			pgc_dbt_leave_out(dbt, remark->line, "%s", remark->message);
	}
}
