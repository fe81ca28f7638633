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

/* compile returns the rule compiled, or raises if it cannot be evaluated. */
static const PgcRule *
compile(const PgcLayout *layout, const PgcRuleSpec *spec)
{
	const PgcRule *rule = &pgc_program_compile(CurrentMemoryContext, layout, spec, 1)->rules[0];

	if (rule->broken != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("contract rule \"%s\" of \"%s\" cannot be evaluated", rule->name, layout->relation),
				 errdetail("%s.", rule->broken),
				 errhint("Change the rule with contract.alter_rule, or drop it with contract.drop_rule.")));
	return rule;
}

/* query_of returns the SELECT of the rows that fail a rule, or raises if there are no such rows. */
static char *
query_of(Relation relation, const PgcLayout *layout, const PgcRule *rule)
{
	if (rule->sql == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("contract rule \"%s\" of \"%s\" has no failing rows", rule->name, layout->relation),
				 errdetail("A rule of kind %s is about the table as a whole.", pgc_kind_name(rule->kind)),
				 errhint("See the view contract.results for what was observed.")));
	return psprintf("SELECT %s\n%s\nWHERE %s%s", readable_columns(relation, layout),
					pgc_select_from(relation), pgc_sql_failing(rule), order_of(relation));
}

/* pgc_failing_rows is contract.failing_rows(relation, rule). */
Datum
pgc_failing_rows(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	PgcContract *contract;
	PgcStoredRule *stored;
	Relation	relation;
	PgcLayout  *layout;
	char	   *query;

	pgc_privilege_require_some(relid);
	contract = pgc_contract_require(relid);
	stored = pgc_contract_rule(contract, text_to_cstring(PG_GETARG_TEXT_PP(1)));
	relation = table_open(relid, AccessShareLock);
	layout = pgc_layout_of(relation);
	query = query_of(relation, layout, compile(layout, &stored->spec));
	table_close(relation, NoLock);
	PG_RETURN_TEXT_P(cstring_to_text(query));
}
