/*
 * src/audit/schema.c
 *		Rules of kind schema: settled by the relation's columns, no row is read.
 */
#include "postgres.h"

#include "audit/ask.h"
#include "engine/schema.h"

/* add_object adds one difference to the text of a JSON array. */
static void
add_object(StringInfo array, const PgcDifference *difference)
{
	StringInfoData object;

	initStringInfo(&object);
	pgc_ask_field(&object, "problem", pgc_difference_name(difference->kind), false);
	pgc_ask_field(&object, "column", NameStr(difference->column), false);
	if (difference->expected != NULL)
		pgc_ask_field(&object, "expected", difference->expected, false);
	if (difference->found != NULL)
		pgc_ask_field(&object, "found", difference->found, false);
	appendStringInfo(array, "%s%s}", array->len > 0 ? ", " : "", object.data);
}

/* note_differences notes in a tally how the columns differ from those declared. */
static void
note_differences(PgcTally *tally, const List *differences)
{
	StringInfoData observed;
	StringInfoData message;
	ListCell   *cell;

	initStringInfo(&observed);
	initStringInfo(&message);
	foreach(cell, differences)
	{
		const PgcDifference *difference = lfirst(cell);

		add_object(&observed, difference);
		if (difference->fails)
			appendStringInfo(&message, "%s%s", message.len > 0 ? "; " : "", difference->words);
	}
	tally->observed = pgc_ask_array("differences", observed.data);
	tally->missed = message.len > 0;
	if (tally->missed)
		tally->message = message.data;
}

/* pgc_schema_settle fills the tally of a rule, if it is one of kind schema that compiles. */
void
pgc_schema_settle(PgcAudit *audit, int rule)
{
	const PgcSchema *schema = pgc_rule_schema(&audit->program->rules[rule]);

	if (schema == NULL)
		return;
	note_differences(pgc_metric_tally(audit, rule), pgc_schema_compare(schema, &audit->program->layout));
	audit->tallies[rule].executor = "catalog";
}
