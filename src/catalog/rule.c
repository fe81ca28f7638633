/*
 * src/catalog/rule.c
 *		SQL functions about rules: add_rule, alter_rule, drop_rule.
 *
 * A rule is compiled before it is stored: a wrong column, type, bound, regular
 * expression or expression is an error here, never at the first insert.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/annotate.h"
#include "catalog/contract.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_add_rule);
PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_alter_rule);
PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_drop_rule);

static const char *const severities[] = {"info", "warning", "error", NULL};

/* column_names returns the names (char *) of a compiled rule's columns. */
static List *
column_names(const PgcLayout *layout, const PgcRule *rule)
{
	List	   *names = NIL;

	for (int i = 0; i < rule->ncolumns; i++)
		names = lappend(names, NameStr(layout->columns[rule->columns[i]].name));
	return names;
}

/* check_set_action refuses to check a rule about the whole table on write. */
static void
check_set_action(const PgcRule *rule)
{
	if (rule->action != PGC_AUDIT)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rule kind \"%s\" cannot be checked on write", pgc_kind_name(rule->kind)),
				 errdetail("It is about more than one row."),
				 errhint("Use on_violation => 'audit', or leave it out.")));
}

/* require_written raises if a rule's action needs a value that is not there yet on write. */
static void
require_written(const PgcLayout *layout, const PgcRule *rule)
{
	int			column = -1;

	while ((column = bms_next_member(rule->uses, column)) >= 0)
	{
		char		generated = layout->columns[column].generated;

		if (generated == '\0' || (generated == 's' && rule->action != PGC_QUARANTINE))
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("action \"%s\" cannot use the generated column \"%s\"",
						pgc_action_name(rule->action), NameStr(layout->columns[column].name)),
				 errdetail("Its value is not there yet when the row is judged."),
				 errhint(generated == 's' ? "Use on_violation => 'reject' or 'warn'." :
						 "Use on_violation => 'audit'.")));
	}
}

/*
 * pgc_rule_action returns what a rule does on a relation of a kind, and refuses
 * actions that cannot work there.  A view is checked by audits only: warn
 * becomes audit.
 */
PgcAction
pgc_rule_action(char relkind, const PgcLayout *layout, const PgcRule *rule)
{
	if (pgc_rule_is_set_rule(rule))
		check_set_action(rule);
	if (rule->action == PGC_AUDIT)
		return PGC_AUDIT;
	if (relkind == RELKIND_VIEW || relkind == RELKIND_MATVIEW)
	{
		if (rule->action != PGC_WARN)
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("rows of \"%s\" cannot be checked on write", layout->relation),
					 errdetail("It is a view or materialized view."),
					 errhint("Use on_violation => 'audit'.")));
		return PGC_AUDIT;
	}
	require_written(layout, rule);
	return rule->action;
}

/* action_of is pgc_rule_action for a rule made in SQL, whose author is told of a change. */
static PgcAction
action_of(Relation relation, const PgcLayout *layout, const PgcRule *rule)
{
	PgcAction	action = pgc_rule_action(relation->rd_rel->relkind, layout, rule);

	if (action != rule->action)
		ereport(NOTICE,
				(errmsg("\"%s\" is a view or materialized view: the rule is checked by audits only",
						RelationGetRelationName(relation))));
	return action;
}

/* find_rule returns the contract's rule of that name, or NULL. */
static PgcStoredRule *
find_rule(const PgcContract *contract, const char *name)
{
	for (int i = 0; i < contract->nrules; i++)
	{
		if (strcmp(contract->rules[i].spec.name, name) == 0)
			return &contract->rules[i];
	}
	return NULL;
}

/* pgc_contract_rule returns the contract's rule of that name, or raises. */
PgcStoredRule *
pgc_contract_rule(const PgcContract *contract, const char *name)
{
	PgcStoredRule *rule = find_rule(contract, name);

	if (rule == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("dataset \"%s\" has no rule \"%s\"", contract->name, name),
				 errhint("See the view contract.rules.")));
	return rule;
}

/* pgc_rule_require_name raises if the name is empty or too long. */
void
pgc_rule_require_name(const char *name)
{
	if (name[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME), errmsg("name of a rule must not be empty")));
	if (strlen(name) > PGC_MAX_NAME)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("name of a rule must not be longer than %d bytes", PGC_MAX_NAME)));
}

/* require_free_name raises if the name is empty, too long or taken. */
static void
require_free_name(const PgcContract *contract, const char *name)
{
	pgc_rule_require_name(name);
	if (find_rule(contract, name) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("dataset \"%s\" already has a rule \"%s\"", contract->name, name),
				 errhint("Give another name, or change the rule with contract.alter_rule.")));
}

/*
 * pgc_rule_base_name builds a rule's name of its kind and columns (char *), with
 * room for a number after it (palloc'd).
 */
char *
pgc_rule_base_name(const char *kind, const List *columns)
{
	StringInfoData name;
	char	   *clipped;
	ListCell   *cell;

	initStringInfo(&name);
	appendStringInfoString(&name, kind);
	foreach(cell, columns)
		appendStringInfo(&name, "_%s", (const char *) lfirst(cell));
	clipped = pnstrdup(name.data, pg_mbcliplen(name.data, name.len, PGC_MAX_NAME - 12));
	pfree(name.data);
	return clipped;
}

/* default_name returns the base name, or the base name with a number, free. */
static char *
default_name(const PgcContract *contract, const char *kind, const List *columns)
{
	const char *base = pgc_rule_base_name(kind, columns);
	char	   *name = pstrdup(base);

	for (int i = 2; find_rule(contract, name) != NULL; i++)
		name = psprintf("%s_%d", base, i);
	return name;
}

/* require_tolerance refuses what is no fraction. */
static void
require_tolerance(Datum tolerance)
{
	double		fraction = DatumGetFloat8(DirectFunctionCall1(numeric_float8, tolerance));

	if (!(fraction >= 0 && fraction <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("tolerance must be between 0 and 1, not %s",
						DatumGetCString(DirectFunctionCall1(numeric_out, tolerance)))));
}

/*
 * require_no_document refuses to change what the next apply of the document
 * would undo.
 */
static void
require_no_document(const PgcContract *contract, const PgcStoredRule *rule)
{
	if (rule->from_document)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("rule \"%s\" of dataset \"%s\" comes from the document of contract \"%s\"",
						rule->spec.name, contract->name, contract->contract_id),
				 errhint("Change the document, and apply it with contract.apply.")));
}

static const char insert_rule[] =
"INSERT INTO contract.rule (dataset_id, name, kind, columns, parameters, filter, severity, action,"
" tolerance, description, schedule, runbook, source)"
" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";

static const char update_rule[] =
"UPDATE contract.rule SET name = $2, kind = $3, columns = $4, parameters = $5, filter = $6, severity = $7,"
" action = $8, tolerance = $9, description = $10, schedule = $11, runbook = $12, source = $13"
" WHERE dataset_id = $1 AND rule_id = $14";

/*
 * pgc_rule_write stores a rule that was compiled.  Who calls it gives the
 * dataset its triggers afterwards.
 */
void
pgc_rule_write(int32 dataset_id, const PgcRuleDraft *draft)
{
	const Oid	types[] = {INT4OID, TEXTOID, TEXTOID, NAMEARRAYOID, JSONBOID, TEXTOID,
	TEXTOID, TEXTOID, NUMERICOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT8OID};
	char		nulls[15] = "              ";
	Datum		values[14];

	values[0] = Int32GetDatum(dataset_id);
	values[1] = CStringGetTextDatum(draft->spec.name);
	values[2] = CStringGetTextDatum(draft->spec.kind);
	values[3] = draft->columns;
	values[4] = JsonbPGetDatum(draft->spec.parameters);
	values[5] = pgc_text_or_null(draft->spec.filter, &nulls[5]);
	values[6] = CStringGetTextDatum(draft->severity);
	values[7] = CStringGetTextDatum(pgc_action_name(draft->spec.action));
	values[8] = draft->tolerance;
	values[9] = pgc_text_or_null(draft->description, &nulls[9]);
	values[10] = pgc_text_or_null(draft->schedule, &nulls[10]);
	values[11] = pgc_text_or_null(draft->runbook, &nulls[11]);
	values[12] = CStringGetTextDatum(draft->from_document ? "document" : "sql");
	values[13] = Int64GetDatum(draft->replaces);
	if (draft->schedule != NULL)
		pgc_nudge(PGC_AUDITING);
	pgc_catalog_execute(draft->replaces == 0 ? insert_rule : update_rule, 14, types, values, nulls);
}

/* pgc_rule_delete deletes a rule, likewise. */
void
pgc_rule_delete(int64 rule_id)
{
	const Oid	types[] = {INT8OID};
	const Datum values[] = {Int64GetDatum(rule_id)};

	pgc_catalog_execute("DELETE FROM contract.rule WHERE rule_id = $1", 1, types, values, NULL);
}

/*
 * store compiles a rule made in SQL, writes it, and returns its name.  Without
 * a name it gets a default one.
 */
static char *
store(const PgcContract *contract, PgcRuleDraft *draft, const PgcStoredRule *replaces)
{
	Relation	relation = table_open(contract->relid, AccessShareLock);
	PgcLayout  *layout = pgc_layout_of(relation);
	const char *given = draft->spec.name;
	bool		renamed = false;
	PgcRule    *rule;
	List	   *columns;

	if (given == NULL)
		draft->spec.name = "";
	rule = pgc_program_validate(layout, &draft->spec);
	columns = column_names(layout, rule);
	if (given == NULL)
		draft->spec.name = default_name(contract, draft->spec.kind, columns);
	else if (replaces == NULL || strcmp(replaces->spec.name, given) != 0)
	{
		require_free_name(contract, given);
		renamed = replaces != NULL;
	}
	draft->columns = pgc_name_array(columns);
	draft->spec.parameters = rule->parameters;
	draft->spec.action = action_of(relation, layout, rule);
	draft->replaces = replaces ? replaces->id : 0;
	pgc_rule_write(contract->dataset_id, draft);
	if (renamed)
		pgc_incident_rename_rule(contract->dataset_id, replaces->spec.name, draft->spec.name);
	pgc_incident_due(contract->dataset_id);
	CommandCounterIncrement();
	table_close(relation, NoLock);
	pgc_binding_make_triggers(pgc_contract_load(contract->dataset_id));
	return draft->spec.name;
}

/* clearable_argument returns a text, where an empty one means none. */
static char *
clearable_argument(FunctionCallInfo fcinfo, int argument)
{
	char	   *value = pgc_argument_text(fcinfo, argument);

	return value == NULL || value[0] == '\0' ? NULL : value;
}

/*
 * pgc_add_rule is contract.add_rule(relation, kind, columns, parameters,
 * on_violation, severity, filter, tolerance, name, description, runbook).  Without
 * on_violation it is what the kind does by default.
 */
Datum
pgc_add_rule(PG_FUNCTION_ARGS)
{
	PgcRuleDraft draft = {.from_document = false};
	PgcContract *contract;

	for (int i = 0; i < 8; i++)
	{
		static const char *const names[] = {"relation", "kind", "columns", "parameters",
		NULL, "severity", NULL, "tolerance"};

		if (names[i] != NULL && PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("%s must not be null", names[i])));
	}
	draft.severity = pgc_argument_text(fcinfo, 5);
	pgc_require_word("severity", draft.severity, severities);
	draft.tolerance = PG_GETARG_DATUM(7);
	require_tolerance(draft.tolerance);
	draft.spec.kind = pgc_argument_text(fcinfo, 1);
	draft.spec.action = PG_ARGISNULL(4) ? pgc_kind_default_action(draft.spec.kind) :
		pgc_action_parse(pgc_argument_text(fcinfo, 4));
	draft.spec.columns = pgc_array_names(PG_GETARG_DATUM(2), &draft.spec.ncolumns);
	draft.spec.parameters = PG_GETARG_JSONB_P(3);
	draft.spec.filter = clearable_argument(fcinfo, 6);
	draft.spec.name = pgc_argument_text(fcinfo, 8);
	draft.description = pgc_argument_text(fcinfo, 9);
	draft.runbook = clearable_argument(fcinfo, 10);
	contract = pgc_dataset_ensure(PG_GETARG_OID(0));
	PG_RETURN_TEXT_P(cstring_to_text(store(contract, &draft, NULL)));
}

/*
 * pgc_alter_rule is contract.alter_rule(relation, rule, parameters,
 * on_violation, severity, filter, tolerance, name, description, runbook).
 */
Datum
pgc_alter_rule(PG_FUNCTION_ARGS)
{
	PgcRuleDraft draft = {.from_document = false};
	PgcContract *contract;
	PgcStoredRule *old;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("relation and rule must not be null")));
	if (!PG_ARGISNULL(4))
		pgc_require_word("severity", pgc_argument_text(fcinfo, 4), severities);
	if (!PG_ARGISNULL(6))
		require_tolerance(PG_GETARG_DATUM(6));

	contract = pgc_dataset_ensure(PG_GETARG_OID(0));
	old = pgc_contract_rule(contract, pgc_argument_text(fcinfo, 1));
	require_no_document(contract, old);
	draft.spec = old->spec;
	if (!PG_ARGISNULL(2))
		draft.spec.parameters = PG_GETARG_JSONB_P(2);
	if (!PG_ARGISNULL(3))
		draft.spec.action = pgc_action_parse(pgc_argument_text(fcinfo, 3));
	if (!PG_ARGISNULL(5))
		draft.spec.filter = clearable_argument(fcinfo, 5);
	if (!PG_ARGISNULL(7))
		draft.spec.name = pgc_argument_text(fcinfo, 7);
	draft.severity = PG_ARGISNULL(4) ? old->severity : pgc_argument_text(fcinfo, 4);
	draft.tolerance = PG_ARGISNULL(6) ?
		DirectFunctionCall1(float8_numeric, Float8GetDatum(old->tolerance)) : PG_GETARG_DATUM(6);
	draft.description = PG_ARGISNULL(8) ? old->description : clearable_argument(fcinfo, 8);
	draft.runbook = PG_ARGISNULL(9) ? old->runbook : clearable_argument(fcinfo, 9);
	PG_RETURN_TEXT_P(cstring_to_text(store(contract, &draft, old)));
}

/* pgc_drop_rule is contract.drop_rule(dataset, rule). */
Datum
pgc_drop_rule(PG_FUNCTION_ARGS)
{
	PgcContract *contract = pgc_dataset_open(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	PgcStoredRule *rule = pgc_contract_rule(contract, text_to_cstring(PG_GETARG_TEXT_PP(1)));

	require_no_document(contract, rule);
	pgc_rule_delete(rule->id);
	pgc_incident_due(contract->dataset_id);
	CommandCounterIncrement();
	if (OidIsValid(contract->relid))
		pgc_binding_make_triggers(pgc_contract_load(contract->dataset_id));
	PG_RETURN_VOID();
}
