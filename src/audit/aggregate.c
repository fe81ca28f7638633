/*
 * src/audit/aggregate.c
 *		Row rules through the planner: tally(evaluate()) in one SELECT, for what
 *		cannot be read page by page.
 *
 * A rule whose expression may raise an error is not for this: the error would
 * end the statement for all rules.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "audit/judge.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* Arguments of evaluate() before the values. */
#define LEADING 3

/* is_left: is this a row rule that nobody has evaluated? */
static bool
is_left(const PgcAudit *audit, int rule)
{
	return !audit->program->rules[rule].left_out && audit->program->rules[rule].broken == NULL;
}

/* left_rules returns the row rules that are left as a list of ints. */
static List *
left_rules(const PgcAudit *audit)
{
	List	   *rules = NIL;

	for (int i = 0; i < audit->program->nrules; i++)
	{
		if (is_left(audit, i))
			rules = lappend_int(rules, i);
	}
	return rules;
}

/* columns_of returns the columns that the rules use, as layout indexes. */
static Bitmapset *
columns_of(const PgcAudit *audit, const List *rules)
{
	Bitmapset  *columns = NULL;
	ListCell   *cell;

	foreach(cell, rules)
		columns = bms_add_members(columns, audit->program->rules[lfirst_int(cell)].uses);
	return columns;
}

/* pgc_aggregate_takes: can all row rules that are left be evaluated so? */
bool
pgc_aggregate_takes(const PgcAudit *audit)
{
	List	   *rules = left_rules(audit);

	return audit->of_contract &&
		list_length(rules) <= PGC_EVALUATE_RULES &&
		bms_num_members(columns_of(audit, rules)) <= FUNC_MAX_ARGS - LEADING &&
		!pgc_program_can_fail(audit->program);
}

/* literal_of returns names as the literal of an array. */
static char *
literal_of(const List *names)
{
	Oid			output;
	bool		varlena;

	getTypeOutputInfo(TEXTARRAYOID, &output, &varlena);
	return quote_literal_cstr(OidOutputFunctionCall(output, pgc_text_array(names)));
}

/* query_of returns the SELECT over a relation. */
static char *
query_of(const PgcAudit *audit, Relation relation, const List *rules)
{
	Bitmapset  *columns = columns_of(audit, rules);
	List	   *rule_names = NIL;
	List	   *column_names = NIL;
	StringInfoData values;
	ListCell   *cell;
	int			column = -1;

	initStringInfo(&values);
	foreach(cell, rules)
		rule_names = lappend(rule_names, audit->program->rules[lfirst_int(cell)].name);
	while ((column = bms_next_member(columns, column)) >= 0)
	{
		const char *name = NameStr(audit->program->layout.columns[column].name);

		column_names = lappend(column_names, unconstify(char *, name));
		appendStringInfo(&values, ", %s", quote_identifier(name));
	}
	return psprintf("SELECT contract.tally(contract.evaluate(%d, %s, %s::name[]%s)) %s",
					audit->contract->dataset_id,
					literal_of(rule_names), literal_of(column_names), values.data, pgc_select_from(relation));
}

/* What take_counts fills. */
typedef struct Counting
{
	PgcAudit   *audit;
	const List *rules;
} Counting;

/* take_counts adds tally()'s numbers to the tallies. */
static void
take_counts(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	Counting   *counting = arg;
	PgcAudit   *audit = counting->audit;
	bool		isnull;
	ArrayType  *array = DatumGetArrayTypeP(heap_getattr(tuple, 1, descriptor, &isnull));
	const int64 *numbers = (const int64 *) ARR_DATA_PTR(array);
	int			i = 0;
	ListCell   *cell;

	audit->rows += numbers[0];
	audit->failed += numbers[1];
	foreach(cell, counting->rules)
	{
		pgc_tally_add(audit, lfirst_int(cell), numbers[0] - numbers[2 + PGC_EVALUATE_RULES + i],
					  numbers[2 + i], "aggregate");
		i++;
	}
}

/*
 * pgc_aggregate_run counts what row rules find in a relation, the audit's or a
 * partition of it, and takes samples in a second pass if there are failures.
 */
void
pgc_aggregate_run(PgcAudit *audit, Relation relation)
{
	Counting	counting = {.audit = audit,.rules = left_rules(audit)};

	pgc_select_query(query_of(audit, relation, counting.rules), audit->role, audit->row_security,
					 take_counts, &counting);
	pgc_judge_sample(audit, relation);
}
