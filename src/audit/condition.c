/*
 * src/audit/condition.c
 *		The SQL text of a rule as an expression tree over the audit's relation,
 *		for those who reason about it.  Nothing is evaluated but constants.
 */
#include "postgres.h"

#include "audit/audit.h"
#include "engine/rights.h"
#include "nodes/parsenodes.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_node.h"
#include "parser/parse_relation.h"
#include "parser/parser.h"

/* parse returns the tree of a condition, with constants folded. */
static Node *
parse(const PgcAudit *audit, const char *sql)
{
	ParseState *pstate = make_parsestate(NULL);
	SelectStmt *select;
	PgcRights	saved;
	Node	   *node;

	pgc_rights_enter(&saved, audit->role, true);
	select = (SelectStmt *) linitial_node(RawStmt, raw_parser(sql, RAW_PARSE_PLPGSQL_EXPR))->stmt;
	addNSItemToQuery(pstate, addRangeTableEntryForRelation(pstate, audit->relation, AccessShareLock,
														   NULL, false, true),
					 true, true, true);
	node = transformExpr(pstate, linitial_node(ResTarget, select->targetList)->val, EXPR_KIND_WHERE);
	node = coerce_to_boolean(pstate, node, "WHERE");
	assign_expr_collations(pstate, node);
	free_parsestate(pstate);
	node = eval_const_expressions(NULL, node);
	pgc_rights_leave(&saved);
	return node;
}

/*
 * pgc_condition_parse returns the tree of a boolean expression over the columns
 * of the audit's relation (varno 1), or NULL if it has none: names in it may be
 * in a schema that the audit's role may not use.
 */
Node *
pgc_condition_parse(const PgcAudit *audit, const char *sql)
{
	PgcAttempt	attempt;
	Node	   *volatile node = NULL;

	pgc_attempt_begin(&attempt);
	PG_TRY();
	{
		node = parse(audit, sql);
		pgc_attempt_commit(&attempt);
	}
	PG_CATCH();
	{
		(void) pgc_attempt_fail(&attempt);
		node = NULL;
	}
	PG_END_TRY();
	return node;
}
