/*
 * src/audit/proof.c
 *		Rules that the catalogs prove: what a constraint that PostgreSQL enforces
 *		already says of every row need not be looked for in any.
 *
 * Only what no session can get around counts: NOT NULL, CHECK, the limits of
 * varchar(n), unique indexes.  Never a foreign key: it is a trigger, which
 * session_replication_role = replica switches off.  Never a constraint of a
 * foreign table, which is a promise that nobody checks.  Only built-in functions
 * are trusted to be as immutable as they say.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/xact.h"
#include "audit/audit.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "compat.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/prep.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/typcache.h"

/* Something that the catalogs say of every row. */
typedef struct Fact
{
	List	   *clauses;		/* none of which is ever false */
	char	   *words;
} Fact;

/* keeps_constraints: are all rows in tables that enforce their constraints? */
static bool
keeps_constraints(Relation relation)
{
	ListCell   *cell;

	if (relation->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
		return false;
	foreach(cell, pgc_scan_leaves(relation))
	{
		if (get_rel_relkind(lfirst_oid(cell)) != RELKIND_RELATION)
			return false;
	}
	return true;
}

/* clauses_of returns a condition as the list of clauses that the planner compares. */
static List *
clauses_of(Node *condition)
{
	return make_ands_implicit(canonicalize_qual((Expr *) condition, true));
}

/* add_fact adds a fact to a list, unless it is not known (NULL) or calls something that is not to be trusted. */
static List *
add_fact(List *facts, Node *condition, char *words)
{
	Fact	   *fact = palloc(sizeof(Fact));

	if (condition == NULL || !pgc_expression_is_built_in(condition))
		return facts;
	fact->clauses = clauses_of(condition);
	fact->words = words;
	return lappend(facts, fact);
}

/* add_column_facts adds what is known of one column: NOT NULL, the limit of varchar(n) and char(n). */
static List *
add_column_facts(List *facts, const PgcAudit *audit, const PgcColumn *column)
{
	const char *name = NameStr(column->name);
	int32		typmod = column->typmod;
	Oid			type = getBaseTypeAndTypmod(column->type, &typmod);

	if (pgc_compat_is_not_null(RelationGetDescr(audit->relation), column->attno - 1))
		facts = add_fact(facts, pgc_condition_parse(audit, psprintf("%s IS DISTINCT FROM NULL", quote_identifier(name))),
						 psprintf("column \"%s\" is NOT NULL", name));
	if ((type == VARCHAROID || type == BPCHAROID) && typmod >= (int32) VARHDRSZ)
	{
		int			limit = typmod - VARHDRSZ;
		char	   *condition = psprintf("pg_catalog.length(%s) OPERATOR(pg_catalog.<=) %d",
										 pgc_sql_column(column), limit);

		facts = add_fact(facts, pgc_condition_parse(audit, condition),
						 psprintf("column \"%s\" holds at most %d characters", name, limit));
	}
	return facts;
}

/*
 * add_check_facts adds the CHECK constraints that hold for all rows.  Of those that
 * call a user's function none is computed: that would be with the caller's rights.
 */
static List *
add_check_facts(List *facts, Relation relation)
{
	TupleConstr *constraints = RelationGetDescr(relation)->constr;

	for (int i = 0; constraints != NULL && i < constraints->num_check; i++)
	{
		const ConstrCheck *check = &constraints->check[i];
		Node	   *condition = pgc_compat_check_holds(check) ? stringToNode(check->ccbin) : NULL;

		if (condition != NULL && pgc_expression_is_built_in(condition))
			facts = add_fact(facts, eval_const_expressions(NULL, condition),
							 psprintf("CHECK constraint \"%s\" implies it", check->ccname));
	}
	return facts;
}

/* facts_about returns what is known of the rows of the audit's relation that may matter for a rule. */
static List *
facts_about(const PgcAudit *audit, const PgcRule *rule)
{
	List	   *facts = NIL;
	int			column = -1;

	while ((column = bms_next_member(rule->uses, column)) >= 0)
		facts = add_column_facts(facts, audit, &audit->program->layout.columns[column]);
	return add_check_facts(facts, audit->relation);
}

/*
 * find_implication returns the words for what implies that a row rule's
 * condition is never false, or NULL.  Weak implication is asked for: as in a
 * rule, null counts as true in a CHECK.
 */
static char *
find_implication(const PgcAudit *audit, const PgcRule *rule)
{
	Node	   *condition = pgc_condition_parse(audit, rule->sql);
	List	   *wanted;
	List	   *known = NIL;
	ListCell   *cell;

	if (condition == NULL || !pgc_expression_is_built_in(condition))
		return NULL;
	wanted = clauses_of(condition);
	foreach(cell, facts_about(audit, rule))
	{
		const Fact *fact = lfirst(cell);

		if (predicate_implied_by(wanted, fact->clauses, true))
			return fact->words;
		known = list_concat(known, fact->clauses);
	}
	return known != NIL && predicate_implied_by(wanted, known, true) ?
		pstrdup("the table's constraints imply it together") : NULL;
}

/* same_equality: are equal values under the index's collation equal under the column's? */
static bool
same_equality(Oid collation, Oid other)
{
	return collation == other ||
		(OidIsValid(collation) && OidIsValid(other) &&
		 get_collation_isdeterministic(collation) && get_collation_isdeterministic(other));
}

/* is_among: is key number i of the index one of the rule's columns, compared as the rule does? */
static bool
is_among(const PgcAudit *audit, const PgcRule *rule, Relation index, int i)
{
	for (int j = 0; j < rule->ncolumns; j++)
	{
		const PgcColumn *column = &audit->program->layout.columns[rule->columns[j]];

		if (column->attno == index->rd_index->indkey.values[i])
			return lookup_type_cache(column->type, TYPECACHE_BTREE_OPFAMILY)->btree_opf == index->rd_opfamily[i] &&
				same_equality(column->collation, index->rd_indcollation[i]);
	}
	return false;
}

/* makes_unique: does the index keep the rule's columns unique at every moment? */
static bool
makes_unique(const PgcAudit *audit, const PgcRule *rule, Relation index)
{
	const FormData_pg_index *form = index->rd_index;

	if (!form->indisunique || !form->indisvalid || !form->indisready || !form->indimmediate ||
		RelationGetIndexPredicate(index) != NIL || RelationGetIndexExpressions(index) != NIL)
		return false;
	for (int i = 0; i < form->indnkeyatts; i++)
	{
		if (!is_among(audit, rule, index, i))
			return false;
	}
	return true;
}

/* find_unique_index returns the words for an index that proves a rule of kind unique, or NULL. */
static char *
find_unique_index(const PgcAudit *audit, const PgcRule *rule)
{
	ListCell   *cell;

	foreach(cell, RelationGetIndexList(audit->relation))
	{
		Relation	index = index_open(lfirst_oid(cell), AccessShareLock);
		char	   *words = makes_unique(audit, rule, index) ?
		psprintf("unique index \"%s\" guarantees it", RelationGetRelationName(index)) : NULL;

		index_close(index, AccessShareLock);
		if (words != NULL)
			return words;
	}
	return NULL;
}

/*
 * pgc_proof_find returns in words why no row of the audit's relation can fail
 * a rule (palloc'd), or NULL.  A rule that holds for all rows holds for those of
 * its filter.
 *
 * Constraints are those of now, but a snapshot of the whole transaction may
 * see rows that were there before them: then nothing is proven.  Otherwise the
 * caller asks first and takes its snapshot after that.
 */
char *
pgc_proof_find(const PgcAudit *audit, int rule)
{
	const PgcRule *compiled = &audit->program->rules[rule];

	if (compiled->broken != NULL || IsolationUsesXactSnapshot() || !keeps_constraints(audit->relation))
		return NULL;
	if (compiled->sql != NULL)
		return find_implication(audit, compiled);
	if (strcmp(pgc_kind_name(compiled->kind), "unique") == 0)
		return find_unique_index(audit, compiled);
	return NULL;
}
