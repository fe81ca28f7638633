/*
 * src/document/lint.c
 *		SQL function lint: what is to be said of a document, without a look at
 *		the database.
 *
 * Raises no error for any document; stores nothing.
 */
#include "postgres.h"

#include "document/document.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_lint);

/* remark_plan says what of a document will not be enforced. */
static void
remark_plan(const PgcPlan *plan, PgcRemarks *remarks)
{
	ListCell   *cell;

	foreach(cell, plan->unenforced)
	{
		const PgcUnenforced *unenforced = lfirst(cell);

		(void) pgc_remark(remarks, PGC_INFO, unenforced->node, unenforced->path,
						  "not enforced: %s", unenforced->reason);
	}
}

/* remarks_of returns what is to be said of a document. */
static PgcRemarks
remarks_of(const text *document)
{
	PgcRemarks	remarks = {NIL, 0};
	PgcYamlProblem problem;
	PgcNode    *root = pgc_document_read(document, &problem);
	PgcPlanOptions options = {.bind = false};
	PgcRemark  *remark;

	if (root == NULL)
	{
		remark = pgc_remark(&remarks, PGC_ERROR, NULL, NULL, "%s", problem.message);
		remark->line = problem.line;
		remark->column = problem.column;
		remark->hint = problem.hint;
		return remarks;
	}
	if (pgc_odcs_check(root, &remarks))
		remark_plan(pgc_plan_make(root, &options, &remarks), &remarks);
	return remarks;
}

/* compare_remarks orders pointers into a list of remarks: by place in the document, then as they were made. */
static int
compare_remarks(const void *left, const void *right)
{
	const ListCell *a = *(const ListCell *const *) left;
	const ListCell *b = *(const ListCell *const *) right;
	const PgcRemark *one = lfirst(a);
	const PgcRemark *other = lfirst(b);

	if (one->line != other->line)
		return one->line < other->line ? -1 : 1;
	if (one->column != other->column)
		return one->column < other->column ? -1 : 1;
	return a < b ? -1 : a > b;
}

/* in_order returns the cells of a list of remarks in the order of the document. */
static const ListCell **
in_order(const List *list)
{
	const ListCell **cells = palloc(Max(list_length(list), 1) * sizeof(ListCell *));

	for (int i = 0; i < list_length(list); i++)
		cells[i] = list_nth_cell(list, i);
	qsort(cells, list_length(list), sizeof(ListCell *), compare_remarks);
	return cells;
}

/* put_remark adds a row. */
static void
put_remark(ReturnSetInfo *result, const PgcRemark *remark)
{
	static const char *const severities[] = {
		[PGC_INFO] = "info",[PGC_WARNING] = "warning",[PGC_ERROR] = "error"
	};
	Datum		values[6];
	bool		nulls[6] = {false};

	nulls[0] = nulls[1] = remark->line == 0;
	values[0] = Int32GetDatum(remark->line);
	values[1] = Int32GetDatum(remark->column);
	values[2] = CStringGetTextDatum(severities[remark->gravity]);
	values[3] = CStringGetTextDatum(remark->path);
	values[4] = CStringGetTextDatum(remark->message);
	nulls[5] = remark->hint == NULL;
	values[5] = nulls[5] ? (Datum) 0 : CStringGetTextDatum(remark->hint);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* pgc_lint is contract.lint(document). */
Datum
pgc_lint(PG_FUNCTION_ARGS)
{
	MemoryContext context;
	MemoryContext caller;
	PgcRemarks	remarks;
	const ListCell **cells;

	InitMaterializedSRF(fcinfo, 0);
	context = AllocSetContextCreate(CurrentMemoryContext, "pg_contract lint", ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(context);
	remarks = remarks_of(PG_GETARG_TEXT_PP(0));
	cells = in_order(remarks.list);
	for (int i = 0; i < list_length(remarks.list); i++)
		put_remark((ReturnSetInfo *) fcinfo->resultinfo, lfirst(cells[i]));
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return (Datum) 0;
}
