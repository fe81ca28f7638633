/*
 * src/audit/failing_rows.c
 *		SQL function failing_rows: the SELECT of the rows that fail a rule.
 *
 * Nothing is read here.  The text is run by the caller with the caller's own
 * rights, and shows of the rule what the view contract.rules shows.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "audit/audit.h"
#include "engine/measure.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_failing_rows);

/* readable_columns lists what the caller may select. */
static char *
readable_columns(Relation relation, const PgcLayout *layout)
{
	StringInfoData list;
	int			nreadable = 0;

	initStringInfo(&list);
	for (int i = 0; i < layout->ncolumns; i++)
	{
		const char *name = NameStr(layout->columns[i].name);

		if (pgc_privilege_may_read_column(RelationGetRelid(relation), name))
			appendStringInfo(&list, "%s%s", nreadable++ == 0 ? "" : ", ", quote_identifier(name));
	}
	return nreadable == layout->ncolumns ? pstrdup("*") : list.data;
}

/* order_of returns the ORDER BY of the primary key, empty if there is none or the caller may not read it. */
static char *
order_of(Relation relation)
{
	StringInfoData list;
	Relation	index;

	initStringInfo(&list);
	(void) RelationGetIndexList(relation);	/* fills rd_pkindex */
	if (!OidIsValid(relation->rd_pkindex))
		return list.data;
	index = index_open(relation->rd_pkindex, AccessShareLock);
	for (int i = 0; i < index->rd_index->indnkeyatts; i++)
	{
		char	   *name = get_attname(RelationGetRelid(relation), index->rd_index->indkey.values[i], false);

		if (!pgc_privilege_may_read_column(RelationGetRelid(relation), name))
		{
			resetStringInfo(&list);
			break;
		}
		appendStringInfo(&list, "%s%s", i == 0 ? "\nORDER BY " : ", ", quote_identifier(name));
	}
	index_close(index, AccessShareLock);
	return list.data;
}

/* compile returns the rule compiled as a program of its own, or raises if it cannot be evaluated. */
static PgcProgram *
compile(Relation relation, const PgcRuleSpec *spec)
{
	PgcProgram *program = pgc_program_compile(CurrentMemoryContext, pgc_layout_of(relation), spec, 1);

	if (program->rules[0].broken != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("contract rule \"%s\" of \"%s\" cannot be evaluated",
						spec->name, RelationGetRelationName(relation)),
				 errdetail("%s.", program->rules[0].broken),
				 errhint("Change the rule with contract.alter_rule, or drop it with contract.drop_rule.")));
	return program;
}

/* own_query returns the query of a rule that is one and whose rows are failures, else NULL. */
static const char *
own_query(const PgcRule *rule)
{
	const PgcQuery *query;

	if (strcmp(pgc_kind_name(rule->kind), "query") != 0)
		return NULL;
	query = pgc_rule_query(rule);
	return query->bounds == NULL ? query->sql : NULL;
}

/* failing_from returns FROM and WHERE of the rows that fail the only rule, or raises if there are no such rows. */
static char *
failing_from(const PgcAudit *audit)
{
	const PgcRule *rule = &audit->program->rules[0];
	const char *kind = pgc_kind_name(rule->kind);

	if (rule->sql != NULL)
		return psprintf("%s\nWHERE %s", pgc_select_from(audit->relation), pgc_sql_failing(rule));
	if (strcmp(kind, "unique") == 0)
		return psprintf("FROM (%s) AS failing", pgc_unique_rows_sql(audit, 0));
	if (strcmp(kind, "references") == 0)
		return psprintf("FROM (%s) AS failing", pgc_references_rows_sql(audit, 0));
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("contract rule \"%s\" of \"%s\" has no failing rows", rule->name,
					RelationGetRelationName(audit->relation)),
			 errdetail("A rule of kind %s is about the table as a whole.", kind),
			 errhint("See the view contract.results for what was observed.")));
}

/* pgc_failing_rows is contract.failing_rows(relation, rule). */
Datum
pgc_failing_rows(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	PgcAudit	audit = {.context = CurrentMemoryContext};
	const PgcStoredRule *rule;
	const char *query;

	pgc_privilege_require_some(relid);
	audit.contract = pgc_contract_require(relid);
	rule = pgc_contract_rule(audit.contract, text_to_cstring(PG_GETARG_TEXT_PP(1)));
	audit.relation = table_open(relid, AccessShareLock);
	audit.program = compile(audit.relation, &rule->spec);
	query = own_query(&audit.program->rules[0]);
	if (query == NULL)
		query = psprintf("SELECT %s\n%s%s", readable_columns(audit.relation, &audit.program->layout),
						 failing_from(&audit), order_of(audit.relation));
	table_close(audit.relation, NoLock);
	PG_RETURN_TEXT_P(cstring_to_text(query));
}
