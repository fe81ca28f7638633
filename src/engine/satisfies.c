/*
 * src/engine/satisfies.c
 *		Kind satisfies: any boolean SQL expression over the row.
 */
#include "postgres.h"

#include "engine/kind.h"

static void
compile_satisfies(PgcCompile *compile)
{
	char	   *text = pgc_parameter_text(compile, "expression", true);
	Bitmapset  *uses = NULL;
	int			index = -1;
	int			ncolumns = 0;

	compile->rule->condition = pgc_expression_compile(text, "expression", compile->layout, &uses);
	if (bms_is_empty(uses))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("expression of a rule must use a column of the row"),
				 errdetail("The expression is: %s", text)));

	/* the rule is about the columns that the expression uses */
	compile->rule->ncolumns = bms_num_members(uses);
	compile->rule->columns = palloc(compile->rule->ncolumns * sizeof(int));
	while ((index = bms_next_member(uses, index)) >= 0)
		compile->rule->columns[ncolumns++] = index;
	compile->rule->uses = bms_add_members(compile->rule->uses, uses);
	appendStringInfo(&compile->words, "must satisfy: %s", text);
	appendStringInfoString(&compile->sql, pgc_expression_unqualified(text));
	pgc_parameter_push(compile, "expression", text, false);
}

const PgcKind pgc_kind_satisfies = {
	.name = "satisfies",
	.ncolumns = 0,
	.null_passes = true,
	.parameters = {"expression"},
	.compile = compile_satisfies
};
