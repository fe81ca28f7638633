/*
 * src/audit/metric.c
 *		Rules that judge a table by one value (row_count, fresh, volume, lifecycle, metric): one
 *		statement computes the values of all of them.
 *
 * PostgreSQL evaluates an aggregate that several expressions of a statement share
 * only once.  If the statement raises an error, each rule is asked for alone, so
 * that only the one to blame is reported.
 */
#include "postgres.h"

#include "audit/ask.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

/* Rules that one statement answers, in the order of its columns. */
typedef struct Question
{
	PgcAudit   *audit;
	List	   *rules;			/* indexes */
} Question;

/* expected_of returns a rule's parameters without those that say what is measured. */
static Datum
expected_of(const PgcRule *rule)
{
	static const char *const others[] = {"metric", "quantile", "query"};
	Datum		expected = JsonbPGetDatum(rule->parameters);

	for (int i = 0; i < lengthof(others); i++)
		expected = DirectFunctionCall2(jsonb_delete, expected, CStringGetTextDatum(others[i]));
	return expected;
}

/* pgc_metric_tally starts the tally of a rule that a statement answers. */
PgcTally *
pgc_metric_tally(PgcAudit *audit, int rule)
{
	PgcTally   *tally = &audit->tallies[rule];

	tally->done = true;
	tally->considered = tally->failed = -1;
	tally->executor = "statement";
	tally->expected = expected_of(&audit->program->rules[rule]);
	return tally;
}

/* pgc_metric_skip notes why a rule is not evaluated. */
void
pgc_metric_skip(PgcAudit *audit, int rule, char *reason)
{
	PgcTally   *tally = pgc_metric_tally(audit, rule);

	tally->skipped = reason;
	tally->executor = NULL;
}

/*
 * pgc_metric_judge compares a value of a type with bounds and
 * notes it in the rule's tally; masked: the value is not to be shown.
 */
void
pgc_metric_judge(PgcAudit *audit, int rule, const char *title, const PgcBounds *bounds,
				 Oid type, NullableDatum value, bool masked)
{
	PgcTally   *tally = pgc_metric_tally(audit, rule);
	double		tolerance = audit->of_contract ? audit->contract->rules[rule].tolerance : 0;
	StringInfoData observed;
	char	   *shown = NULL;

	if (!value.isnull)
	{
		shown = masked ? PGC_MASK : pgc_ask_text(type, value.value);
		tally->missed = !pgc_bounds_hold(bounds, pgc_bounds_convert(type, value.value), tolerance);
	}
	initStringInfo(&observed);
	pgc_ask_field(&observed, "value", shown, pgc_type_is_number(type));
	tally->observed = pgc_ask_object(&observed);
	if (shown == NULL)
		tally->message = psprintf("%s: no values", title);
	else if (tally->missed)
		tally->message = psprintf("%s is %s, not %s%s", title, shown, bounds->words,
								  tolerance > 0 ? psprintf(" (tolerance %g)", tolerance) : "");
}

/* take_values judges the rules of a question by the one row of its answer. */
static void
take_values(const Datum *values, const bool *nulls, TupleDesc descriptor, void *arg)
{
	const Question *question = arg;
	PgcAudit   *audit = question->audit;
	MemoryContext caller = MemoryContextSwitchTo(audit->context);
	ListCell   *cell;

	foreach(cell, question->rules)
	{
		int			rule = lfirst_int(cell);
		int			column = foreach_current_index(cell);
		const PgcMeasure *measure = pgc_rule_measure(&audit->program->rules[rule]);
		NullableDatum value = {values[column], nulls[column]};
		bool		masked = measure->is_value &&
		pgc_evidence_is_personal(audit->contract, audit->program, rule);

		if (measure->bounds == NULL)
			pgc_timely_judge_newest(audit, rule, measure, value, masked);
		else if (measure->per != NULL)
			pgc_timely_judge_volume(audit, rule, measure, value);
		else
			pgc_metric_judge(audit, rule, measure->title, measure->bounds,
							 TupleDescAttr(descriptor, column)->atttypid, value, masked);
	}
	MemoryContextSwitchTo(caller);
}

/*
 * write_apart writes a measure as a SELECT of its own in the statement, so that an index can answer
 * it: aggregates that stand together, or have a FILTER, read the whole table.
 */
static void
write_apart(StringInfo sql, const PgcAudit *audit, const PgcMeasure *measure)
{
	appendStringInfo(sql, "(SELECT %s %s", measure->aggregate, pgc_select_from(audit->relation));
	if (measure->where != NULL)
		appendStringInfo(sql, " WHERE %s\n", measure->where);
	appendStringInfoChar(sql, ')');
}

/* ask runs the statement of some rules, each apart or all together; returns NULL or its error. */
static char *
ask(PgcAudit *audit, List *rules, bool apart)
{
	Question	question = {.audit = audit,.rules = rules};
	StringInfoData sql;
	ListCell   *cell;

	initStringInfo(&sql);
	foreach(cell, rules)
	{
		const PgcMeasure *measure = pgc_rule_measure(&audit->program->rules[lfirst_int(cell)]);

		appendStringInfoString(&sql, sql.len == 0 ? "SELECT " : ", ");
		if (apart)
			write_apart(&sql, audit, measure);
		else
			appendStringInfoString(&sql, measure->sql);
	}
	if (!apart)
		appendStringInfo(&sql, " %s", pgc_select_from(audit->relation));
	return pgc_ask_run(audit, sql.data, take_values, &question);
}

/*
 * know deals with a rule for which nothing must be read: it is skipped, or the
 * pass has counted all rows.  Returns whether it did.
 */
static bool
know(PgcAudit *audit, int rule, const PgcMeasure *measure)
{
	NullableDatum rows = {Int64GetDatum(audit->rows), false};
	NullableDatum now = {TimestampTzGetDatum(audit->as_of), false};
	const PgcExpression *filter = audit->program->rules[rule].filter;

	if (measure->is_time)
	{
		pgc_metric_judge(audit, rule, measure->title, measure->bounds, TIMESTAMPTZOID, now, false);
		audit->tallies[rule].executor = "catalog";
		return true;
	}
	if (measure->sql == NULL)
	{
		pgc_timely_judge_writes(audit, rule, measure);
		return true;
	}
	if (audit->partial && filter != NULL && pgc_expression_is_foreign(filter))
	{
		pgc_metric_skip(audit, rule, PGC_ASK_FOREIGN);
		return true;
	}
	if (!measure->is_count || filter != NULL || audit->rows < 0)
		return false;
	pgc_metric_judge(audit, rule, measure->title, measure->bounds, INT8OID, rows, false);
	audit->tallies[rule].executor = "pass";
	return true;
}

/* ask_alone asks for each of some rules in a statement of its own. */
static void
ask_alone(PgcAudit *audit, List *rules, bool apart)
{
	ListCell   *cell;

	foreach(cell, rules)
	{
		char	   *error = ask(audit, list_make1_int(lfirst_int(cell)), apart);

		if (error != NULL)
			pgc_metric_tally(audit, lfirst_int(cell))->error = error;
	}
}

/* explain_nothing finds out why rules about time found no value. */
static void
explain_nothing(PgcAudit *audit, List *rules)
{
	ListCell   *cell;

	foreach(cell, rules)
	{
		int			rule = lfirst_int(cell);

		if (audit->tallies[rule].look != NULL && audit->tallies[rule].error == NULL)
			pgc_timely_explain(audit, rule, pgc_rule_measure(&audit->program->rules[rule]));
	}
}

/*
 * pgc_metric_run fills the tallies of all rules row_count, fresh, volume, lifecycle
 * and metric that are not done yet.
 */
void
pgc_metric_run(PgcAudit *audit)
{
	MemoryContext caller = MemoryContextSwitchTo(audit->context);
	List	   *rules = NIL;
	bool		apart = true;

	for (int i = 0; i < audit->program->nrules; i++)
	{
		const PgcMeasure *measure = pgc_rule_measure(&audit->program->rules[i]);

		if (measure == NULL || audit->tallies[i].done || know(audit, i, measure))
			continue;
		rules = lappend_int(rules, i);
		apart &= measure->aggregate != NULL;
	}
	if (rules != NIL && ask(audit, rules, apart) != NULL)
		ask_alone(audit, rules, apart);
	explain_nothing(audit, rules);
	MemoryContextSwitchTo(caller);
}
