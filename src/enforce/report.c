/*
 * src/enforce/report.c
 *		The error of a refused row.
 *
 * A driver can read schema, table, column and (as constraint) the rule's name
 * from it.  The value is shown unless it is personal data or the user may not
 * read it.
 */
#include "postgres.h"

#include "enforce/enforce.h"
#include "replication/logicalworker.h"
#include "utils/rls.h"

/* pgc_effective_action: apply of a subscription may have been softened. */
PgcAction
pgc_effective_action(const PgcEntry *entry, int rule)
{
	PgcAction	action = entry->program->rules[rule].action;

	if (action > PGC_WARN && entry->contract->warn_on_apply && IsLogicalWorker())
		return PGC_WARN;
	return action;
}

/* refusing_rule returns the failing rule with the strongest action. */
static int
refusing_rule(const PgcEntry *entry, const PgcVerdict *verdict)
{
	int			result = verdict->failed[0];

	for (int i = 1; i < verdict->nfailed; i++)
	{
		if (pgc_effective_action(entry, verdict->failed[i]) > pgc_effective_action(entry, result))
			result = verdict->failed[i];
	}
	return result;
}

/* may_show: may the user see the values that the rule judges? */
static bool
may_show(const PgcEntry *entry, int index, Oid relid)
{
	const PgcRule *rule = &entry->program->rules[index];
	int			column = -1;

	if (check_enable_rls(relid, InvalidOid, true) == RLS_ENABLED ||
		pgc_evidence_is_personal(entry->contract, entry->program, index))
		return false;
	while ((column = bms_next_member(rule->uses, column)) >= 0)
	{
		if (!pgc_privilege_may_read_column(relid, NameStr(entry->program->layout.columns[column].name)))
			return false;
	}
	return true;
}

/* detail_of says what the row has and what it should have. */
static char *
detail_of(const PgcFailure *failure, int index, Oid relid)
{
	const PgcEntry *entry = failure->entry;
	const char *error = failure->verdict->errors[index];
	const PgcRule *rule = &entry->program->rules[index];
	const char *column = rule->ncolumns == 1 ?
	NameStr(entry->program->layout.columns[rule->columns[0]].name) : NULL;
	bool		show = may_show(entry, index, relid);
	char	   *value = NULL;

	if (error != NULL)
		return show ? psprintf("The rule could not be evaluated: %s.", error) :
			pstrdup("The rule could not be evaluated.");
	if (show)
		value = pgc_evidence_value(entry->contract, entry->program, index,
								   failure->layout_values, failure->layout_nulls, true);
	if (column == NULL)
		return value ? psprintf("The row %s (%s).", rule->words, value) :
			psprintf("The row %s.", rule->words);
	return value ? psprintf("Column \"%s\" %s, but is \"%s\".", column, rule->words, value) :
		psprintf("Column \"%s\" %s.", column, rule->words);
}

/*
 * pgc_report_reject raises the error for a row that fails, and has it recorded;
 * relid is the relation written to, moved: the row comes from another
 * partition.
 */
void
pgc_report_reject(const PgcFailure *failure, Oid relid, bool moved)
{
	const PgcEntry *entry = failure->entry;
	int			index = refusing_rule(entry, failure->verdict);
	const PgcRule *rule = &entry->program->rules[index];
	const PgcContract *contract = entry->contract;
	const char *hint = entry->rules[index]->description;

	if (rule->action == PGC_QUARANTINE && moved)
		hint = "A row that moves to another partition cannot be diverted: correct it in the same UPDATE.";
	else if (rule->action == PGC_QUARANTINE)
		hint = "The row changed after it was judged for quarantine: let triggers that change it come before zz_contract in name order.";
	else if (hint == NULL && contract->owner != NULL)
		hint = psprintf("Correct the row, or ask %s, who owns the contract.", contract->owner);
	else if (hint == NULL)
		hint = entry->rules[index]->from_document ?
			"Correct the row, or apply another version of the contract's document." :
			"Correct the row, or change the rule with contract.alter_rule.";
	pgc_refusal_put(failure);
	ereport(ERROR,
			(errcode(ERRCODE_CHECK_VIOLATION),
			 errmsg("row of \"%s\" violates contract rule \"%s\"", contract->name, rule->name),
			 errdetail_internal("%s", detail_of(failure, index, relid)),
			 errhint("%s", hint),
			 err_generic_string(PG_DIAG_SCHEMA_NAME, NameStr(contract->schema_name)),
			 err_generic_string(PG_DIAG_TABLE_NAME, NameStr(contract->table_name)),
			 rule->ncolumns == 1 ?
			 err_generic_string(PG_DIAG_COLUMN_NAME,
								NameStr(entry->program->layout.columns[rule->columns[0]].name)) : 0,
			 err_generic_string(PG_DIAG_CONSTRAINT_NAME, rule->name)));
}
