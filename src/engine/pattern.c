/*
 * src/engine/pattern.c
 *		Kinds about the shape of a text: matches, not_matches, format.
 *
 * Regular expressions are PostgreSQL's, matched by PostgreSQL's matcher; a
 * text-like type with an operator ~ of its own is asked through that.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "engine/format.h"
#include "engine/kind.h"
#include "nodes/value.h"
#include "regex/regex.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

typedef struct Pattern
{
	text	   *regex;
	Oid			collation;
	FmgrInfo	function;		/* of operator_passes */
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

/* operator_passes asks the operator ~ of the column's own type. */
static bool
operator_passes(const PgcOp *op, Datum value)
{
	Pattern    *pattern = op->constant.pointer;

	return DatumGetBool(FunctionCall2Coll(&pattern->function, pattern->collation, value,
										  PointerGetDatum(pattern->regex))) != op->negate;
}

/*
 * own_operator returns the function behind the operator ~ that comes with a
 * text-like type which is not built in (citext matches without case), or
 * InvalidOid.
 */
static Oid
own_operator(Oid type)
{
	HeapTuple	tuple;
	List	   *name;
	Oid			operator;

	if (type == TEXTOID || type == VARCHAROID || type == BPCHAROID)
		return InvalidOid;
	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for type %u", type);
	name = list_make2(makeString(get_namespace_name(((Form_pg_type) GETSTRUCT(tuple))->typnamespace)),
					  makeString("~"));
	ReleaseSysCache(tuple);
	operator = OpernameGetOprid(name, type, TEXTOID);
	if (!OidIsValid(operator))
		operator = OpernameGetOprid(name, type, type);
	return OidIsValid(operator) ? get_opcode(operator) : InvalidOid;
}

static void
compile_pattern(PgcCompile *compile, bool negate)
{
	char	   *regex = pgc_parameter_text(compile, "pattern", true);
	Pattern    *pattern = palloc(sizeof(Pattern));
	Oid			function = own_operator(compile->type);

	pgc_require_text(compile);
	pattern->regex = cstring_to_text(regex);
	pattern->collation = OidIsValid(compile->column->collation) ?
		compile->column->collation : DEFAULT_COLLATION_OID;

	/* a pattern that does not compile is an error here, not at a write */
	RE_compile_and_cache(pattern->regex, REG_ADVANCED, pattern->collation);

	compile->op->passes = OidIsValid(function) ? operator_passes : pattern_passes;
	if (OidIsValid(function))
		fmgr_info_cxt(function, &pattern->function, CurrentMemoryContext);
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
	.name = "matches",
	.ncolumns = 1,
	.null_passes = true,
	.parameters = {"pattern"},
	.compile = compile_matches
};

const PgcKind pgc_kind_not_matches = {
	.name = "not_matches",
	.ncolumns = 1,
	.null_passes = true,
	.parameters = {"pattern"},
	.compile = compile_not_matches
};

const PgcKind pgc_kind_format = {
	.name = "format",
	.ncolumns = 1,
	.null_passes = true,
	.parameters = {"format"},
	.compile = compile_format
};
