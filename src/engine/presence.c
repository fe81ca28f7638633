/*
 * src/engine/presence.c
 *		Kinds about whether there is a value at all: not_null, not_blank.
 */
#include "postgres.h"

#include "engine/batch.h"
#include "engine/kind.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* always_passes is the test of a value that only had to be there. */
static pg_attribute_always_inline bool
always_passes(const PgcOp *op, Datum value)
{
	return true;
}

/* null_fails lists the nulls. */
static int
null_fails(const PgcOp *op, const PgcVector *column, bool has_nulls, int nrows, uint16 *failing)
{
	if (!has_nulls)
		return 0;
	return pgc_batch_by_row(always_passes, op, column, has_nulls, nrows, failing);
}

static void
compile_not_null(PgcCompile *compile)
{
	compile->op->passes = always_passes;
	compile->op->fails = null_fails;
	appendStringInfoString(&compile->words, "must not be null");
	/* IS NOT NULL would look into a composite value */
	appendStringInfo(&compile->sql, "%s IS %s", quote_identifier(NameStr(compile->column->name)),
					 type_is_rowtype(compile->type) ? "DISTINCT FROM NULL" : "NOT NULL");
}

/* blank_passes: is there a byte that is not ASCII white space? */
static pg_attribute_always_inline bool
blank_passes(const PgcOp *op, Datum value)
{
	int			length;
	const char *text = pgc_text_of(op, value, &length);

	for (int i = 0; i < length; i++)
	{
		char		c = text[i];

		if (c != ' ' && (c < '\t' || c > '\r'))
			return true;
	}
	return false;
}

PGC_BATCH(blank_fails, pgc_batch_by_row, blank_passes);

static void
compile_not_blank(PgcCompile *compile)
{
	pgc_require_text(compile);
	compile->op->passes = blank_passes;
	compile->op->fails = blank_fails;
	appendStringInfoString(&compile->words, "must not be null, empty or blank");
	appendStringInfo(&compile->sql,
					 "%s IS NOT NULL AND pg_catalog.octet_length(pg_catalog.btrim(%s, "
					 "E' \\t\\n\\x0b\\f\\r'::pg_catalog.text)) OPERATOR(pg_catalog.>) 0",
					 quote_identifier(NameStr(compile->column->name)), pgc_sql_text(compile));
}

const PgcKind pgc_kind_not_null = {
	.name = "not_null",
	.ncolumns = 1,
	.null_passes = false,
	.compile = compile_not_null
};

const PgcKind pgc_kind_not_blank = {
	.name = "not_blank",
	.ncolumns = 1,
	.null_passes = false,
	.compile = compile_not_blank
};
