/*
 * src/audit/query.c
 *		Rules of kind query: run the author's SELECT, count its rows or compare
 *		its number.
 */
#include "postgres.h"

#include "audit/ask.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"

/* What a query has answered so far. */
typedef struct Answer
{
	PgcAudit   *audit;
	int			rule;
	int64		rows;
	PgcWriter  *writer;			/* of its rows, once there is one */
	List	   *samples;		/* of PgcSample */
	NullableDatum value;		/* of the first row's first column */
	Oid			type;			/* of it, domains looked through */
} Answer;

/*
 * masked_columns returns the names of a query's columns that are not shown: those
 * named like a column with personal data, and if the query names such a column, all
 * that are not named like another column of the relation, since they may hold it.
 */
static List *
masked_columns(const Answer *answer, TupleDesc descriptor)
{
	const PgcAudit *audit = answer->audit;
	List	   *masked = list_copy(audit->contract->pii);

	if (!pgc_evidence_is_personal(audit->contract, audit->program, answer->rule))
		return masked;
	for (int i = 0; i < descriptor->natts; i++)
	{
		char	   *name = NameStr(TupleDescAttr(descriptor, i)->attname);

		if (pgc_layout_index(&audit->program->layout, name) < 0)
			masked = lappend(masked, name);
	}
	return masked;
}

/* take_row counts a failing row and keeps the first ones as evidence. */
static void
take_row(const Datum *values, const bool *nulls, TupleDesc descriptor, void *arg)
{
	Answer	   *answer = arg;
	PgcAudit   *audit = answer->audit;
	MemoryContext caller;
	PgcSample  *sample;

	if (answer->rows++ >= audit->max_samples)
		return;
	caller = MemoryContextSwitchTo(audit->context);
	if (answer->writer == NULL)
		answer->writer = pgc_writer_make(descriptor, NULL, masked_columns(answer, descriptor));
	sample = palloc0(sizeof(PgcSample));
	sample->row = pgc_evidence_row(answer->writer, values, nulls);
	answer->samples = lappend(answer->samples, sample);
	MemoryContextSwitchTo(caller);
}

/* take_number keeps the first row's value. */
static void
take_number(const Datum *values, const bool *nulls, TupleDesc descriptor, void *arg)
{
	Answer	   *answer = arg;
	Form_pg_attribute attribute = TupleDescAttr(descriptor, 0);
	MemoryContext caller;

	if (answer->rows++ > 0)
		return;
	caller = MemoryContextSwitchTo(answer->audit->context);
	answer->type = getBaseType(attribute->atttypid);
	answer->value.isnull = nulls[0];
	if (!answer->value.isnull)
		answer->value.value = datumCopy(values[0], attribute->attbyval, attribute->attlen);
	MemoryContextSwitchTo(caller);
}

/* judge_rows notes how many rows fail. */
static void
judge_rows(const Answer *answer, PgcTally *tally)
{
	StringInfoData observed;
	StringInfoData expected;

	tally->failed = answer->rows;
	tally->samples = answer->samples;
	if (answer->rows > 0)
		tally->message = psprintf("the query returned failing rows: " INT64_FORMAT, answer->rows);
	initStringInfo(&observed);
	pgc_ask_field(&observed, "rows", psprintf(INT64_FORMAT, answer->rows), true);
	tally->observed = pgc_ask_object(&observed);
	initStringInfo(&expected);
	pgc_ask_field(&expected, "rows", "0", true);
	tally->expected = pgc_ask_object(&expected);
}

/* ask runs a query and judges its answer. */
static void
ask(PgcAudit *audit, const PgcQuery *query, Answer *answer)
{
	PgcTally   *tally = pgc_metric_tally(audit, answer->rule);

	tally->error = pgc_ask_run(audit, query->sql, query->bounds ? take_number : take_row, answer);
	if (tally->error != NULL)
		return;
	if (query->bounds == NULL)
		judge_rows(answer, tally);
	else if (answer->rows != 1 || answer->value.isnull)
		tally->error = psprintf("the query returned %s, not one number", answer->rows == 0 ? "no row" :
								answer->rows > 1 ? "several rows" : "null");
	else
		pgc_metric_judge(audit, answer->rule, "number of the query", query->bounds,
						 answer->type, answer->value, false);
}

/* pgc_query_run fills the tally of a rule of kind query. */
void
pgc_query_run(PgcAudit *audit, int rule)
{
	MemoryContext caller = MemoryContextSwitchTo(audit->context);
	Answer		answer = {.audit = audit,.rule = rule};

	if (audit->partial)
		pgc_metric_skip(audit, rule, PGC_ASK_FOREIGN);
	else
		ask(audit, pgc_rule_query(&audit->program->rules[rule]), &answer);
	MemoryContextSwitchTo(caller);
}
