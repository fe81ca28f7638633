/*
 * src/engine/pattern.c
 *		Kinds about the shape of a text: matches, not_matches, format.
 *
 * Regular expressions are PostgreSQL's: a table made of what PostgreSQL has
 * compiled decides (dfa.c), and PostgreSQL's matcher what the table cannot; a
 * text-like type with an operator ~ of its own is asked through that.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "engine/dfa.h"
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
	PgcDfa	   *dfa;			/* or NULL */
	FmgrInfo	function;		/* of operator_passes */
} Pattern;

/* As the operator ~ compiles it, so that they share what the server caches. */
#define PATTERN_FLAGS (REG_ADVANCED | REG_NOSUB)

/* decide is what the operator ~ says, given the answer of the table. */
static inline bool
decide(const Pattern *pattern, PgcDfaAnswer answer, const char *text, int length)
{
	if (likely(answer != PGC_DFA_UNKNOWN))
		return answer == PGC_DFA_YES;
	return RE_compile_and_execute(pattern->regex, unconstify(char *, text), length,
								  PATTERN_FLAGS, pattern->collation, 0, NULL);
}

/* pattern_passes is what the operators ~ and !~ say. */
static bool
pattern_passes(const PgcOp *op, Datum value)
{
	const Pattern *pattern = op->constant.pointer;
	int			length;
	const char *text = pgc_text_of(op, value, &length);
	PgcDfaAnswer answer = pattern->dfa == NULL ? PGC_DFA_UNKNOWN :
	pgc_dfa_finish(pattern->dfa, pattern->dfa->start, text, length);

	return decide(pattern, answer, text, length) != op->negate;
}

/* Rows that are judged together; those that there are not have empty texts. */
typedef struct Lanes
{
	int			nlanes;
	uint16		rows[PGC_DFA_LANES];
	const char *texts[PGC_DFA_LANES];
	int			lengths[PGC_DFA_LANES];
} Lanes;

/* fill_lanes takes the next rows that are not null and returns where to go on. */
static inline int
fill_lanes(Lanes *lanes, const PgcOp *op, const PgcVector *column, bool has_nulls,
		   int row, int nrows)
{
	lanes->nlanes = 0;
	for (; row < nrows && lanes->nlanes < PGC_DFA_LANES; row++)
	{
		if (has_nulls && column->nulls[row])
			continue;
		lanes->rows[lanes->nlanes] = row;
		lanes->texts[lanes->nlanes] = pgc_text_of(op, column->values[row],
												  &lanes->lengths[lanes->nlanes]);
		lanes->nlanes++;
	}
	for (int i = lanes->nlanes; i < PGC_DFA_LANES; i++)
	{
		lanes->texts[i] = "";
		lanes->lengths[i] = 0;
	}
	return row;
}

/* pattern_fails is pattern_passes for a chunk, with a table. */
static int
pattern_fails(const PgcOp *op, const PgcVector *column, bool has_nulls, int nrows, uint16 *failing)
{
	const Pattern *pattern = op->constant.pointer;
	int			nfailing = 0;
	Lanes		lanes;

	for (int row = 0; row < nrows;)
	{
		PgcDfaAnswer answers[PGC_DFA_LANES];

		row = fill_lanes(&lanes, op, column, has_nulls, row, nrows);
		pgc_dfa_run_lanes(pattern->dfa, lanes.texts, lanes.lengths, answers);
		for (int i = 0; i < lanes.nlanes; i++)
		{
			if (unlikely(decide(pattern, answers[i], lanes.texts[i], lanes.lengths[i]) == op->negate))
				failing[nfailing++] = lanes.rows[i];
		}
	}
	return nfailing;
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
 * own_operator returns the operator ~ that comes with a text-like type
 * which is not built in (citext matches without case), or InvalidOid.
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
	return operator;
}

/* say_match_in_sql writes the rule's text, with the column type's own operator or text's. */
static void
say_match_in_sql(PgcCompile *compile, const char *regex, Oid own, bool negate)
{
	Oid			left;
	Oid			right = TEXTOID;

	if (OidIsValid(own))
		op_input_types(own, &left, &right);
	appendStringInfo(&compile->sql, negate ? "NOT (%s %s %s)" : "%s %s %s",
					 OidIsValid(own) ? pgc_sql_column(compile->column) : pgc_sql_text(compile),
					 pgc_sql_operator(OidIsValid(own) ? own : OID_TEXT_REGEXEQ_OP),
					 pgc_sql_literal(right, regex));
}

static void
compile_pattern(PgcCompile *compile, bool negate)
{
	char	   *regex = pgc_parameter_text(compile, "pattern", true);
	Pattern    *pattern = palloc0(sizeof(Pattern));
	Oid			own = own_operator(compile->type);
	regex_t    *compiled;

	pgc_require_text(compile);
	pattern->regex = cstring_to_text(regex);
	pattern->collation = OidIsValid(compile->column->collation) ?
		compile->column->collation : DEFAULT_COLLATION_OID;

	/* a pattern that does not compile is an error here, not at a write */
	compiled = RE_compile_and_cache(pattern->regex, PATTERN_FLAGS, pattern->collation);
	if (OidIsValid(own))
	{
		fmgr_info_cxt(get_opcode(own), &pattern->function, CurrentMemoryContext);
		compile->op->passes = operator_passes;
	}
	else
	{
		pattern->dfa = pgc_dfa_make(compiled);
		compile->op->passes = pattern_passes;
		compile->op->fails = pattern->dfa != NULL ? pattern_fails : NULL;
	}
	compile->op->trim = false;	/* the operator sees them */
	compile->op->negate = negate;
	compile->op->constant.pointer = pattern;
	say_match_in_sql(compile, regex, own, negate);
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
	const PgcFormat *format;

	pgc_require_text(compile);
	format = pgc_format_require(name);
	compile->op->passes = format_passes;
	compile->op->constant.pointer = unconstify(PgcFormat *, format);
	appendStringInfo(&compile->words, "must have the format %s", format->name);
	appendStringInfo(&compile->sql, "contract.has_format(%s, %s)", pgc_sql_text(compile),
					 pgc_sql_literal(TEXTOID, name));
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
