/*
 * src/engine/presence.c
 *		Kinds about whether there is a value at all: not_null, not_blank.
 */
#include "postgres.h"

#include "engine/kind.h"

/* always_passes is the test of a value that only had to be there. */
static bool
always_passes(const PgcOp *op, Datum value)
{
	return true;
}

static void
compile_not_null(PgcCompile *compile)
{
	compile->op->passes = always_passes;
	appendStringInfoString(&compile->words, "must not be null");
}

/* blank_passes: is there a byte that is not ASCII white space? */
static bool
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

static void
compile_not_blank(PgcCompile *compile)
{
	pgc_require_text(compile);
	compile->op->passes = blank_passes;
	appendStringInfoString(&compile->words, "must not be null, empty or blank");
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
