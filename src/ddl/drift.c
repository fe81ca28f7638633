/*
 * src/ddl/drift.c
 *		SQL function drift: how a dataset differs from its contract now.
 *
 * The guard judges changes; this looks at what is there, however it came to be
 * (a restore, a guard that was off, a document that is ahead of its table).  No
 * row of the dataset is read.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/contract.h"
#include "ddl/breach.h"
#include "engine/kind.h"
#include "engine/schema.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/tuplestore.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_drift);

/* What is being looked at. */
typedef struct Drift
{
	ReturnSetInfo *result;
	const PgcContract *contract;
	Relation	relation;
	PgcLayout  *layout;
	PgcProgram *program;		/* all rules, in the contract's order */
	List	   *missing;		/* names (char *) of columns that were said to
								 * be missing */
} Drift;

/* put returns one difference; texts may be NULL. */
static void
put(const Drift *drift, const char *column, const char *problem, const char *expected, const char *found,
	const char *message)
{
	const char *texts[] = {problem, expected, found, message};
	NameData	name;
	Datum		values[5];
	bool		nulls[5];

	nulls[0] = column == NULL;
	if (column != NULL)
		namestrcpy(&name, column);
	values[0] = NameGetDatum(&name);
	for (int i = 0; i < 4; i++)
	{
		nulls[i + 1] = texts[i] == NULL;
		values[i + 1] = texts[i] ? CStringGetTextDatum(texts[i]) : (Datum) 0;
	}
	tuplestore_putvalues(drift->result->setResult, drift->result->setDesc, values, nulls);
}

/* check_schemas compares the columns with those that rules of kind schema declare. */
static void
check_schemas(Drift *drift)
{
	for (int i = 0; i < drift->program->nrules; i++)
	{
		const PgcSchema *schema = pgc_rule_schema(&drift->program->rules[i]);
		ListCell   *cell;

		if (schema == NULL)
			continue;
		foreach(cell, pgc_schema_compare(schema, drift->layout))
		{
			const PgcDifference *difference = lfirst(cell);

			put(drift, NameStr(difference->column), pgc_difference_name(difference->kind), difference->expected,
				difference->found, difference->words);
			if (difference->kind == PGC_MISSING)
				drift->missing = lappend(drift->missing, pstrdup(NameStr(difference->column)));
		}
	}
}

/* check_column says once if a column that something is about is missing. */
static void
check_column(Drift *drift, const char *column, const char *what)
{
	ListCell   *cell;

	if (pgc_layout_index(drift->layout, column) >= 0)
		return;
	foreach(cell, drift->missing)
	{
		if (strcmp(lfirst(cell), column) == 0)
			return;
	}
	put(drift, column, "missing", NULL, NULL, psprintf("column \"%s\" is missing, and %s is about it", column, what));
	drift->missing = lappend(drift->missing, pstrdup(column));
}

/* check_names looks for the columns that rules and annotations are about. */
static void
check_names(Drift *drift)
{
	ListCell   *cell;

	for (int i = 0; i < drift->contract->nrules; i++)
	{
		const PgcRuleSpec *spec = &drift->contract->rules[i].spec;

		for (int j = 0; j < spec->ncolumns; j++)
			check_column(drift, spec->columns[j], psprintf("rule \"%s\"", spec->name));
	}
	foreach(cell, drift->contract->annotations)
		check_column(drift, NameStr(((const PgcAnnotation *) lfirst(cell))->column), "an annotation");
}

/* has_columns: are all columns of a rule there? */
static bool
has_columns(const Drift *drift, const PgcRuleSpec *spec)
{
	for (int i = 0; i < spec->ncolumns; i++)
	{
		if (pgc_layout_index(drift->layout, spec->columns[i]) < 0)
			return false;
	}
	return true;
}

/* trouble_of says what is wrong with a rule whose columns are there (palloc'd), or returns NULL. */
static char *
trouble_of(const PgcRuleSpec *spec, const PgcRule *rule)
{
	if (rule->broken != NULL)
		return psprintf("rule \"%s\" cannot be evaluated: %s", spec->name, rule->broken);
	if (pgc_breach_is_other(spec, rule))
		return psprintf("rule \"%s\" compares numbers as texts, or texts as numbers", spec->name);
	return NULL;
}

/* check_rules tells of rules that are not what they were, although their columns are there. */
static void
check_rules(const Drift *drift)
{
	for (int i = 0; i < drift->program->nrules; i++)
	{
		const PgcRuleSpec *spec = &drift->contract->rules[i].spec;
		char	   *trouble = has_columns(drift, spec) ? trouble_of(spec, &drift->program->rules[i]) : NULL;
		const PgcColumn *column;

		if (trouble == NULL)
			continue;
		column = spec->ncolumns == 0 ? NULL :
			&drift->layout->columns[pgc_layout_index(drift->layout, spec->columns[0])];
		put(drift, column ? NameStr(column->name) : NULL, column ? "retyped" : "missing", NULL,
			column ? format_type_with_typemod(column->type, column->typmod) : NULL, trouble);
	}
}

/*
 * check_nulls tells of columns that may be null in the catalog, although a
 * document requires them or a rule refuses nulls.  The rule checks rows all the same.
 */
static void
check_nulls(const Drift *drift)
{
	static const char *const words[] = {"is checked by audits only", "only records nulls", "diverts nulls", "refuses nulls"};
	const PgcShape *shape = pgc_shape_of(drift->relation);
	List	   *seen = NIL;

	for (int i = 0; i < drift->contract->nrules; i++)
	{
		const PgcStoredRule *rule = &drift->contract->rules[i];
		const PgcShapeColumn *column = strcmp(rule->spec.kind, "not_null") == 0 && rule->spec.filter == NULL ?
		pgc_shape_find(shape, rule->spec.columns[0]) : NULL;

		if (column == NULL || column->not_null || list_member_ptr(seen, column) ||
			(!rule->from_document && rule->spec.action != PGC_REJECT))
			continue;
		seen = lappend(seen, unconstify(PgcShapeColumn *, column));
		put(drift, NameStr(column->name), "nullable", "not null", "nullable",
			psprintf("column \"%s\" has no NOT NULL constraint; rule \"%s\" %s", NameStr(column->name), rule->spec.name,
					 words[rule->spec.action]));
	}
}

/* check_coverage tells what of the relation is not checked on write as the rules say. */
static void
check_coverage(const Drift *drift)
{
	char	   *problem = pgc_binding_problem(drift->contract);
	ListCell   *cell;

	if (problem != NULL)
		put(drift, NULL, "trigger", NULL, NULL, psprintf("not enforced on write: %s", problem));
	foreach(cell, pgc_binding_uncovered(drift->contract))
	{
		const PgcUncovered *uncovered = lfirst(cell);

		put(drift, NULL, "partition", NULL, uncovered->name,
			psprintf("partition %s: %s", uncovered->name, uncovered->problem));
	}
}

/* check_relation returns all differences of a relation that is there. */
static void
check_relation(Drift *drift)
{
	int			nspecs;
	PgcRuleSpec *specs = pgc_contract_specs(drift->contract, PGC_AUDIT, &nspecs, NULL);

	drift->relation = table_open(drift->contract->relid, AccessShareLock);
	drift->layout = pgc_layout_of(drift->relation);
	drift->program = pgc_program_compile(CurrentMemoryContext, drift->layout, specs, nspecs);
	check_schemas(drift);
	check_names(drift);
	check_rules(drift);
	check_nulls(drift);
	check_coverage(drift);
	table_close(drift->relation, NoLock);
}

/* pgc_drift is contract.drift(dataset). */
Datum
pgc_drift(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	int32		dataset_id = pgc_contract_find(name, false);
	Drift		drift = {.missing = NIL};

	if (!pgc_privilege_is_visible(dataset_id))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for dataset \"%s\"", name),
				 errhint("You need the right to select from its relation.")));
	InitMaterializedSRF(fcinfo, 0);
	drift.result = (ReturnSetInfo *) fcinfo->resultinfo;
	drift.contract = pgc_contract_load(dataset_id);
	if (OidIsValid(drift.contract->relid))
		check_relation(&drift);
	else
		put(&drift, NULL, "relation", drift.contract->name, NULL, pgc_binding_problem(drift.contract));
	return (Datum) 0;
}
