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

/* column_names returns a compiled rule's columns as a name[]. */
static Datum
column_names(const PgcLayout *layout, const PgcRule *rule)
{
	List	   *names = NIL;

	for (int i = 0; i < rule->ncolumns; i++)
		names = lappend(names, NameStr(layout->columns[rule->columns[i]].name));
	return pgc_name_array(names);
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

/* require_free_name raises if the name is empty or taken. */
static void
require_free_name(const PgcContract *contract, const char *name)
{
	if (name[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME), errmsg("name of a rule must not be empty")));
	if (strlen(name) > PGC_MAX_NAME)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("name of a rule must not be longer than %d bytes", PGC_MAX_NAME)));
	if (find_rule(contract, name) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("dataset \"%s\" already has a rule \"%s\"", contract->name, name),
				 errhint("Give another name, or change the rule with contract.alter_rule.")));
}

/*
 * pgc_rule_base_name builds a rule's name of its kind and columns, with room for
 * a number after it (palloc'd).
 */
char *
pgc_rule_base_name(const PgcLayout *layout, const PgcRule *rule)
{
	StringInfoData name;

	initStringInfo(&name);
	appendStringInfoString(&name, pgc_kind_name(rule->kind));
	for (int i = 0; i < rule->ncolumns; i++)
		appendStringInfo(&name, "_%s", NameStr(layout->columns[rule->columns[i]].name));
	name.data[pg_mbcliplen(name.data, name.len, PGC_MAX_NAME - 12)] = '\0';
	return name.data;
}

/* default_name returns the base name, or the base name with a number, free. */
static char *
default_name(const PgcContract *contract, const PgcLayout *layout, const PgcRule *rule)
{
	const char *base = pgc_rule_base_name(layout, rule);
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

/* A rule that is about to be stored. */
typedef struct Draft
{
	PgcContract *contract;
	PgcRuleSpec spec;
	const char *given_name;		/* or NULL: the default */
	PgcStoredRule *replaces;	/* when altering */
} Draft;

/*
 * store compiles a draft and writes it with the SQL statement, whose
 * parameters are: 1 dataset, 2 name, 3 kind, 4 columns, 5 parameters, 6 filter,
 * 7 severity, 8 action, 9 tolerance, 10 description, 11 old rule's id.
 */
static char *
store(Draft *draft, const char *sql, Datum severity, Datum tolerance,
	  Datum description, bool has_description)
{
	const Oid	types[] = {INT4OID, TEXTOID, TEXTOID, NAMEARRAYOID, JSONBOID, TEXTOID,
	TEXTOID, TEXTOID, NUMERICOID, TEXTOID, INT8OID};
	char		nulls[12] = "           ";
	Datum		values[11];
	Relation	relation = table_open(draft->contract->relid, AccessShareLock);
	PgcLayout  *layout = pgc_layout_of(relation);
	PgcRule    *rule = pgc_program_validate(layout, &draft->spec);
	const char *name = draft->given_name;

	if (name == NULL)
		name = default_name(draft->contract, layout, rule);
	else if (draft->replaces == NULL || strcmp(draft->replaces->spec.name, name) != 0)
		require_free_name(draft->contract, name);
	values[0] = Int32GetDatum(draft->contract->dataset_id);
	values[1] = CStringGetTextDatum(name);
	values[2] = CStringGetTextDatum(draft->spec.kind);
	values[3] = column_names(layout, rule);
	values[4] = JsonbPGetDatum(rule->parameters);
	values[5] = draft->spec.filter ? CStringGetTextDatum(draft->spec.filter) : (Datum) 0;
	nulls[5] = draft->spec.filter ? ' ' : 'n';
	values[6] = severity;
	values[7] = CStringGetTextDatum(pgc_action_name(action_of(relation, layout, rule)));
	values[8] = tolerance;
	values[9] = description;
	nulls[9] = has_description ? ' ' : 'n';
	values[10] = Int64GetDatum(draft->replaces ? draft->replaces->id : 0);
	pgc_catalog_execute(sql, 11, types, values, nulls);
	CommandCounterIncrement();
	table_close(relation, NoLock);
	pgc_binding_make_triggers(pgc_contract_load(draft->contract->dataset_id));
	return pstrdup(name);
}

/* filter_argument returns a filter, where an empty text means none. */
static char *
filter_argument(FunctionCallInfo fcinfo, int argument)
{
	char	   *filter = pgc_argument_text(fcinfo, argument);

	return filter == NULL || filter[0] == '\0' ? NULL : filter;
}

/*
 * pgc_add_rule is contract.add_rule(relation, kind, columns, parameters,
 * on_violation, severity, filter, tolerance, name, description).  Without
 * on_violation it is what the kind does by default.
 */
Datum
pgc_add_rule(PG_FUNCTION_ARGS)
{
	Draft		draft = {.replaces = NULL};

	for (int i = 0; i < 8; i++)
	{
		static const char *const names[] = {"relation", "kind", "columns", "parameters",
		NULL, "severity", NULL, "tolerance"};

		if (names[i] != NULL && PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("%s must not be null", names[i])));
	}
	pgc_require_word("severity", pgc_argument_text(fcinfo, 5), severities);
	require_tolerance(PG_GETARG_DATUM(7));
	draft.spec.kind = pgc_argument_text(fcinfo, 1);
	draft.spec.action = PG_ARGISNULL(4) ? pgc_kind_default_action(draft.spec.kind) :
		pgc_action_parse(pgc_argument_text(fcinfo, 4));
	draft.spec.columns = pgc_array_names(PG_GETARG_DATUM(2), &draft.spec.ncolumns);
	draft.spec.parameters = PG_GETARG_JSONB_P(3);
	draft.spec.filter = filter_argument(fcinfo, 6);
	draft.given_name = pgc_argument_text(fcinfo, 8);
	draft.spec.name = draft.given_name ? pstrdup(draft.given_name) : "";
	draft.contract = pgc_dataset_ensure(PG_GETARG_OID(0));

	PG_RETURN_TEXT_P(cstring_to_text(store(&draft,
										   "INSERT INTO contract.rule (dataset_id, name, kind, columns, parameters,"
										   " filter, severity, action, tolerance, description)"
										   " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
										   PG_GETARG_DATUM(5), PG_GETARG_DATUM(7),
										   PG_ARGISNULL(9) ? (Datum) 0 : PG_GETARG_DATUM(9),
										   !PG_ARGISNULL(9))));
}

/*
 * pgc_alter_rule is contract.alter_rule(relation, rule, parameters,
 * on_violation, severity, filter, tolerance, name, description).
 */
Datum
pgc_alter_rule(PG_FUNCTION_ARGS)
{
	Draft		draft = {.replaces = NULL};
	PgcStoredRule *old;
	Datum		description;
	bool		has_description;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("relation and rule must not be null")));
	if (!PG_ARGISNULL(4))
		pgc_require_word("severity", pgc_argument_text(fcinfo, 4), severities);
	if (!PG_ARGISNULL(6))
		require_tolerance(PG_GETARG_DATUM(6));

	draft.contract = pgc_dataset_ensure(PG_GETARG_OID(0));
	draft.replaces = old = pgc_contract_rule(draft.contract, pgc_argument_text(fcinfo, 1));
	draft.spec = old->spec;
	if (!PG_ARGISNULL(2))
		draft.spec.parameters = PG_GETARG_JSONB_P(2);
	if (!PG_ARGISNULL(3))
		draft.spec.action = pgc_action_parse(pgc_argument_text(fcinfo, 3));
	if (!PG_ARGISNULL(5))
		draft.spec.filter = filter_argument(fcinfo, 5);
	draft.given_name = PG_ARGISNULL(7) ? old->spec.name : pgc_argument_text(fcinfo, 7);
	has_description = PG_ARGISNULL(8) ? old->description != NULL :
		pgc_argument_text(fcinfo, 8)[0] != '\0';
	description = PG_ARGISNULL(8) ?
		(old->description ? CStringGetTextDatum(old->description) : (Datum) 0) : PG_GETARG_DATUM(8);

	PG_RETURN_TEXT_P(cstring_to_text(store(&draft,
										   "UPDATE contract.rule SET name = $2, kind = $3, columns = $4,"
										   " parameters = $5, filter = $6, severity = $7, action = $8,"
										   " tolerance = COALESCE($9, tolerance), description = $10"
										   " WHERE dataset_id = $1 AND rule_id = $11",
										   PG_ARGISNULL(4) ? CStringGetTextDatum(old->severity) : PG_GETARG_DATUM(4),
										   PG_ARGISNULL(6) ?
										   DirectFunctionCall1(float8_numeric, Float8GetDatum(old->tolerance)) :
										   PG_GETARG_DATUM(6),
										   description, has_description)));
}

/* pgc_drop_rule is contract.drop_rule(dataset, rule). */
Datum
pgc_drop_rule(PG_FUNCTION_ARGS)
{
	const Oid	types[] = {INT8OID};
	PgcContract *contract = pgc_dataset_open(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	PgcStoredRule *rule = pgc_contract_rule(contract, text_to_cstring(PG_GETARG_TEXT_PP(1)));
	const Datum values[] = {Int64GetDatum(rule->id)};

	pgc_catalog_execute("DELETE FROM contract.rule WHERE rule_id = $1", 1, types, values, NULL);
	CommandCounterIncrement();
	if (OidIsValid(contract->relid))
		pgc_binding_make_triggers(pgc_contract_load(contract->dataset_id));
	PG_RETURN_VOID();
}
