/*
 * src/ddl/breach.c
 *		What of a contract a relation does not keep any more, by its columns.
 *
 * The rules are compiled twice: over the columns as they were accepted, and as
 * they are now.  Only what is broken now and was not before is a breach, so that a
 * table which drifted long ago can be altered.  Both times it is the rules of now
 * that count: what the same transaction has changed about them, too, is permitted.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "ddl/breach.h"
#include "engine/kind.h"
#include "engine/schema.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* A contract over the columns then and now. */
typedef struct Comparison
{
	const PgcContract *contract;
	const PgcShape *before;
	const PgcShape *after;
	PgcProgram *then;			/* all rules, in the contract's order; columns
								 * in the order of before */
	PgcProgram *now;
	List	  **fresh;			/* a rule of kind schema: its new differences */
} Comparison;

/* pgc_breach_make returns a breach (palloc'd). */
PgcBreach *
pgc_breach_make(char *what, List *rules)
{
	PgcBreach  *breach = palloc0(sizeof(PgcBreach));

	breach->what = what;
	breach->rules = rules;
	return breach;
}

static bool
same_type(const PgcShapeColumn *left, const PgcShapeColumn *right)
{
	return left->type == right->type && left->typmod == right->typmod;
}

/* same_shape: has no column changed or been added? */
static bool
same_shape(const PgcShape *before, const PgcShape *after)
{
	if (before->ncolumns != after->ncolumns)
		return false;
	for (int i = 0; i < before->ncolumns; i++)
	{
		const PgcShapeColumn *now = pgc_shape_find(after, NameStr(before->columns[i].name));

		if (now == NULL || !same_type(now, &before->columns[i]) || now->not_null != before->columns[i].not_null)
			return false;
	}
	return true;
}

/* has_type: does the column's type still exist? */
static bool
has_type(const PgcShapeColumn *column)
{
	return get_typisdefined(column->type);
}

/* layout_of returns a layout like another one, of the columns of a shape. */
static PgcLayout *
layout_of(const PgcShape *shape, const PgcLayout *model)
{
	PgcLayout  *layout = palloc(sizeof(PgcLayout));

	*layout = *model;
	layout->ncolumns = shape->ncolumns;
	layout->columns = palloc0(Max(shape->ncolumns, 1) * sizeof(PgcColumn));
	for (int i = 0; i < shape->ncolumns; i++)
	{
		layout->columns[i].name = shape->columns[i].name;
		layout->columns[i].type = has_type(&shape->columns[i]) ? shape->columns[i].type : UNKNOWNOID;
		layout->columns[i].typmod = shape->columns[i].typmod;
		layout->columns[i].collation = get_typcollation(shape->columns[i].type);
	}
	return layout;
}

/*
 * excuses: does a list have the same difference?  That a column was widened excuses
 * no other change of its type.
 */
static bool
excuses(const List *differences, const PgcDifference *wanted)
{
	ListCell   *cell;

	foreach(cell, differences)
	{
		const PgcDifference *difference = lfirst(cell);

		if (difference->kind == wanted->kind &&
			strcmp(NameStr(difference->column), NameStr(wanted->column)) == 0 &&
			(wanted->widened || !difference->widened))
			return true;
	}
	return false;
}

/* fresh_differences returns those that fail now and did not before; a type that is not known any more is none. */
static List *
fresh_differences(const PgcSchema *schema, const PgcProgram *then, const PgcProgram *now)
{
	List	   *before = pgc_schema_compare(schema, &then->layout);
	List	   *fresh = NIL;
	ListCell   *cell;

	foreach(cell, pgc_schema_compare(schema, &now->layout))
	{
		PgcDifference *difference = lfirst(cell);

		if (difference->fails && !excuses(before, difference))
			fresh = lappend(fresh, difference);
	}
	return fresh;
}

/* compile fills the programs of a comparison. */
static void
compile(Comparison *comparison, Relation relation)
{
	PgcLayout  *layout = pgc_layout_of(relation);
	int			nspecs;
	PgcRuleSpec *specs = pgc_contract_specs(comparison->contract, PGC_AUDIT, &nspecs, NULL);

	comparison->now = pgc_program_compile(CurrentMemoryContext, layout, specs, nspecs);
	comparison->then = pgc_program_compile(CurrentMemoryContext, layout_of(comparison->before, layout), specs, nspecs);
	comparison->fresh = palloc0(Max(nspecs, 1) * sizeof(List *));
	for (int i = 0; i < nspecs; i++)
	{
		const PgcSchema *schema = pgc_rule_schema(&comparison->now->rules[i]);

		if (schema != NULL)
			comparison->fresh[i] = fresh_differences(schema, comparison->then, comparison->now);
	}
}

/*
 * is_broken: can a rule not be evaluated any more?  What cannot be known of then is
 * whether a query could be planned, or a rule about a type that is gone be compiled:
 * it could if it is about a column that changed.
 */
static bool
is_broken(const Comparison *comparison, int rule)
{
	const PgcRule *then = &comparison->then->rules[rule];
	int			column = -1;

	if (comparison->now->rules[rule].broken == NULL || then->broken == NULL)
		return comparison->now->rules[rule].broken != NULL;
	while ((column = bms_next_member(then->uses, column)) >= 0)
	{
		const PgcShapeColumn *before = &comparison->before->columns[column];
		const PgcShapeColumn *now = pgc_shape_find(comparison->after, NameStr(before->name));

		if ((now == NULL || !same_type(before, now)) &&
			(strcmp(pgc_kind_name(then->kind), "query") == 0 || !has_type(before)))
			return true;
	}
	return false;
}

/* same_types: do two values of parameters have the same JSON types? */
static bool
same_types(const Jsonb *left, const Jsonb *right)
{
	JsonbIterator *of_left = JsonbIteratorInit(unconstify(JsonbContainer *, &left->root));
	JsonbIterator *of_right = JsonbIteratorInit(unconstify(JsonbContainer *, &right->root));
	JsonbIteratorToken token;

	do
	{
		JsonbValue	left_value;
		JsonbValue	right_value;

		token = JsonbIteratorNext(&of_left, &left_value, false);
		if (JsonbIteratorNext(&of_right, &right_value, false) != token ||
			((token == WJB_VALUE || token == WJB_ELEM) && left_value.type != right_value.type))
			return false;
	} while (token != WJB_DONE);
	return true;
}

/*
 * pgc_breach_is_other: does a rule, as compiled, mean something else than its author
 * said?  Numbers in its parameters have become texts, or the reverse.
 */
bool
pgc_breach_is_other(const PgcRuleSpec *spec, const PgcRule *rule)
{
	return rule->broken == NULL && !same_types(spec->parameters, rule->parameters);
}

/* is_other: does a rule mean something else now, which it did not before? */
static bool
is_other(const Comparison *comparison, int rule)
{
	const PgcRuleSpec *spec = &comparison->contract->rules[rule].spec;

	return pgc_breach_is_other(spec, &comparison->now->rules[rule]) &&
		!pgc_breach_is_other(spec, &comparison->then->rules[rule]);
}

/* schema_fails: does a rule of kind schema fail by this column, as it did not before? */
static bool
schema_fails(const Comparison *comparison, int rule, const char *column, bool *widened)
{
	const PgcRuleSpec *spec = &comparison->contract->rules[rule].spec;
	ListCell   *cell;

	foreach(cell, comparison->fresh[rule])
	{
		const PgcDifference *difference = lfirst(cell);

		if (strcmp(NameStr(difference->column), column) == 0)
		{
			*widened |= difference->widened;
			return true;
		}
	}
	/* the column's type may be gone with it */
	return comparison->now->rules[rule].broken != NULL && strcmp(spec->kind, "schema") == 0 &&
		pgc_schema_declares(spec->parameters, column);
}

/* change_of says what has become of a column (palloc'd), or returns NULL: nothing. */
static char *
change_of(const PgcShapeColumn *before, const PgcShapeColumn *now)
{
	if (now == NULL)
		return psprintf("column \"%s\" is gone", NameStr(before->name));
	if (same_type(before, now))
		return NULL;
	return psprintf("column \"%s\" has changed its type to %s", NameStr(before->name),
					format_type_with_typemod(now->type, now->typmod));
}

/* check_change adds a breach if a column is gone or retyped and a rule needs it as it was. */
static List *
check_change(List *breaches, const Comparison *comparison, int column, Bitmapset **blamed)
{
	const PgcShapeColumn *before = &comparison->before->columns[column];
	const PgcShapeColumn *now = pgc_shape_find(comparison->after, NameStr(before->name));
	char	   *what = change_of(before, now);
	bool		breaks = false;
	bool		widened = false;
	List	   *rules = NIL;
	PgcBreach  *breach;

	for (int i = 0; what != NULL && i < comparison->now->nrules; i++)
	{
		bool		declared = schema_fails(comparison, i, NameStr(before->name), &widened);
		bool		broken = bms_is_member(column, comparison->then->rules[i].uses) &&
		(is_broken(comparison, i) || is_other(comparison, i));

		if (!declared && !broken)
			continue;
		breaks |= broken || !widened;
		rules = lappend(rules, comparison->now->rules[i].name);
		*blamed = bms_add_member(*blamed, i);
	}
	if (rules == NIL)
		return breaches;
	breach = pgc_breach_make(what, rules);
	breach->widening = !breaks;
	breach->is_lost = true;
	breach->column = NameStr(before->name);
	return lappend(breaches, breach);
}

/* check_nulls adds a breach if a column may be null now and a rule says that it never is. */
static List *
check_nulls(List *breaches, const Comparison *comparison, int column)
{
	const PgcShapeColumn *before = &comparison->before->columns[column];
	const PgcShapeColumn *now = pgc_shape_find(comparison->after, NameStr(before->name));
	List	   *rules = NIL;

	if (now == NULL || now->not_null || !before->not_null)
		return breaches;
	for (int i = 0; i < comparison->contract->nrules; i++)
	{
		PgcRuleSpec *spec = &comparison->contract->rules[i].spec;

		if (strcmp(spec->kind, "not_null") == 0 && strcmp(spec->columns[0], NameStr(now->name)) == 0)
			rules = lappend(rules, spec->name);
	}
	if (rules == NIL)
		return breaches;
	return lappend(breaches, pgc_breach_make(psprintf("column \"%s\" may be null now", NameStr(now->name)),
											 rules));
}

/* check_rest adds what is not due to a column that was there before. */
static List *
check_rest(List *breaches, const Comparison *comparison, const Bitmapset *blamed)
{
	for (int i = 0; i < comparison->now->nrules; i++)
	{
		const PgcRule *rule = &comparison->now->rules[i];
		ListCell   *cell;

		foreach(cell, comparison->fresh[i])
		{
			const PgcDifference *difference = lfirst(cell);

			if (difference->kind == PGC_EXTRA)
				breaches = lappend(breaches, pgc_breach_make(difference->words, list_make1(rule->name)));
		}
		if (!bms_is_member(i, blamed) && is_broken(comparison, i))
			breaches = lappend(breaches, pgc_breach_make(psprintf("a rule cannot be evaluated any more (%s)", rule->broken),
														 list_make1(rule->name)));
	}
	return breaches;
}

/*
 * pgc_breach_columns returns what the relation of a contract does not keep of it
 * any more, as a list of PgcBreach (palloc'd): against the columns that were
 * accepted last.
 */
List *
pgc_breach_columns(const PgcContract *contract, Relation relation)
{
	Comparison	comparison = {.contract = contract};
	Bitmapset  *blamed = NULL;
	List	   *breaches = NIL;

	comparison.before = pgc_shape_accepted(contract->dataset_id);
	comparison.after = pgc_shape_of(relation);
	if (comparison.before == NULL || same_shape(comparison.before, comparison.after))
		return NIL;
	compile(&comparison, relation);
	for (int i = 0; i < comparison.before->ncolumns; i++)
	{
		breaches = check_change(breaches, &comparison, i, &blamed);
		breaches = check_nulls(breaches, &comparison, i);
	}
	return check_rest(breaches, &comparison, blamed);
}

/* pgc_breach_warn warns of rules that cannot be evaluated on a relation that a contract was just bound to. */
void
pgc_breach_warn(const PgcContract *contract)
{
	Relation	relation = table_open(contract->relid, AccessShareLock);
	int			nspecs;
	PgcRuleSpec *specs = pgc_contract_specs(contract, PGC_AUDIT, &nspecs, NULL);
	PgcProgram *program = pgc_program_compile(CurrentMemoryContext, pgc_layout_of(relation), specs, nspecs);
	StringInfoData rules;

	initStringInfo(&rules);
	for (int i = 0; i < nspecs; i++)
	{
		if (program->rules[i].broken != NULL)
			appendStringInfo(&rules, "%s%s: %s.", rules.len > 0 ? "\n" : "", specs[i].name, program->rules[i].broken);
	}
	table_close(relation, NoLock);
	if (rules.len > 0)
		ereport(WARNING,
				(errmsg("the contract of \"%s\" has rules that cannot be evaluated on this relation", contract->name),
				 errdetail_internal("%s", rules.data),
				 errhint("Until the relation or the contract is changed, such rules that refuse or divert rows stop every write.")));
}
