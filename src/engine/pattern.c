/*
 * src/engine/pattern.c
 *		Kinds about the shape of a text: matches, not_matches, format.
 *
 * Regular expressions are PostgreSQL's, matched by PostgreSQL's matcher.
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "engine/format.h"
#include "engine/kind.h"
#include "regex/regex.h"
#include "utils/builtins.h"

typedef struct Pattern
{
	text	   *regex;
	Oid			collation;
} Pattern;

/* pattern_passes is what the operators ~ and !~ say. */
static bool
pattern_passes(const PgcOp *op, Datum value)
{
	const Pattern *pattern = op->constant.pointer;
	int			length;
	const char *text = pgc_text_of(op, value, &length);

	return RE_compile_and_execute(pattern->regex, unconstify(char *, text), length,
								  REG_ADVANCED, pattern->collation, 0, NULL)
		!= op->negate;
}

static void
compile_pattern(PgcCompile *compile, bool negate)
{
	char	   *regex = pgc_parameter_text(compile, "pattern", true);
	Pattern    *pattern = palloc(sizeof(Pattern));

	pgc_require_text(compile);
	pattern->regex = cstring_to_text(regex);
	pattern->collation = OidIsValid(compile->column->collation) ?
		compile->column->collation : DEFAULT_COLLATION_OID;

	/* a pattern that does not compile is an error here, not at a write */
	RE_compile_and_cache(pattern->regex, REG_ADVANCED, pattern->collation);

	compile->op->passes = pattern_passes;
	compile->op->trim = false;	/* the operator sees them */
	compile->op->negate = negate;
	compile->op->constant.pointer = pattern;
	appendStringInfo(&compile->words, negate ? "must not match %s" : "must match %s",
					 quote_literal_cstr(regex));
	pgc_parameter_push(compile, "pattern", regex, false);
}

static void
compile_matches(PgcCompile *compile)
{
	compile_pattern(compile, false);
}

static void
compile_not_matches(PgcCompile *compile)
{
	compile_pattern(compile, true);
}

static bool
format_passes(const PgcOp *op, Datum value)
{
	const PgcFormat *format = op->constant.pointer;
	int			length;
	const char *text = pgc_text_of(op, value, &length);

	return format->valid(text, length);
}

static void
compile_format(PgcCompile *compile)
{
	char	   *name = pgc_parameter_text(compile, "format", true);
	const PgcFormat *format = pgc_format_lookup(name);

	pgc_require_text(compile);
	if (format == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown format \"%s\"", name),
				 errhint("Known formats are %s.", pgc_format_names())));

	compile->op->passes = format_passes;
	compile->op->constant.pointer = unconstify(PgcFormat *, format);
	appendStringInfo(&compile->words, "must have the format %s", format->name);
	pgc_parameter_push(compile, "format", name, false);
}

const PgcKind pgc_kind_matches = {
	.name = "matches", .ncolumns = 1, .null_passes = true,
	.parameters = {"pattern"},
	.compile = compile_matches
};

const PgcKind pgc_kind_not_matches = {
	.name = "not_matches", .ncolumns = 1, .null_passes = true,
	.parameters = {"pattern"},
	.compile = compile_not_matches
};

const PgcKind pgc_kind_format = {
	.name = "format", .ncolumns = 1, .null_passes = true,
	.parameters = {"format"},
	.compile = compile_format
};
