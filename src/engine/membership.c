/*
 * src/engine/membership.c
 *		Kinds accepted_values and forbidden_values: is the value in a set?
 *
 * Text of deterministic collations by length and bytes, integers, dates and
 * timestamps by their integer, every other type by its equality operator.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "engine/kind.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

/* Up to so many members a scan beats a search. */
#define SCANNED_MEMBERS 8

typedef struct TextMember
{
	int			length;			/* bytes */
	const char *bytes;
} TextMember;

typedef struct TextSet
{
	int			nmembers;
	TextMember	members[FLEXIBLE_ARRAY_MEMBER]; /* sorted by text_order */
} TextSet;

typedef struct IntegerSet
{
	int			width;			/* bytes of the type */
	int			nmembers;
	int64		members[FLEXIBLE_ARRAY_MEMBER]; /* sorted */
} IntegerSet;

typedef struct ValueSet
{
	FmgrInfo	equal;
	Oid			collation;
	int			nmembers;
	Datum		members[FLEXIBLE_ARRAY_MEMBER];
} ValueSet;

/* text_order sorts by length, then bytes: any order serves. */
static int
text_order(const void *a, const void *b)
{
	const TextMember *left = a;
	const TextMember *right = b;

	if (left->length != right->length)
		return left->length < right->length ? -1 : 1;
	return memcmp(left->bytes, right->bytes, left->length);
}

static bool
text_passes(const PgcOp *op, Datum value)
{
	const TextSet *set = op->constant.pointer;
	TextMember	sought;

	sought.bytes = pgc_text_of(op, value, &sought.length);
	if (set->nmembers > SCANNED_MEMBERS)
		return (bsearch(&sought, set->members, set->nmembers, sizeof(TextMember),
						text_order) != NULL) != op->negate;
	for (int i = 0; i < set->nmembers; i++)
	{
		if (set->members[i].length == sought.length &&
			memcmp(set->members[i].bytes, sought.bytes, sought.length) == 0)
			return !op->negate;
	}
	return op->negate;
}

static int
integer_order(const void *a, const void *b)
{
	int64		left = *(const int64 *) a;
	int64		right = *(const int64 *) b;

	return left < right ? -1 : left > right;
}

static bool
integer_passes(const PgcOp *op, Datum value)
{
	const IntegerSet *set = op->constant.pointer;
	int64		sought = set->width == 2 ? DatumGetInt16(value) :
	set->width == 4 ? DatumGetInt32(value) : DatumGetInt64(value);

	if (set->nmembers > SCANNED_MEMBERS)
		return (bsearch(&sought, set->members, set->nmembers, sizeof(int64),
						integer_order) != NULL) != op->negate;
	for (int i = 0; i < set->nmembers; i++)
	{
		if (set->members[i] == sought)
			return !op->negate;
	}
	return op->negate;
}

static bool
value_passes(const PgcOp *op, Datum value)
{
	ValueSet   *set = op->constant.pointer;

	for (int i = 0; i < set->nmembers; i++)
	{
		if (DatumGetBool(FunctionCall2Coll(&set->equal, set->collation, value,
										   set->members[i])))
			return !op->negate;
	}
	return op->negate;
}

/* integer_width returns the bytes of a type that is an integer inside, or 0. */
static int
integer_width(Oid type)
{
	switch (type)
	{
		case INT2OID:
			return 2;
		case INT4OID:
		case DATEOID:
			return 4;
		case INT8OID:
		case TIMEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return 8;
		default:
			return 0;
	}
}

static void
compile_texts(PgcCompile *compile, const Datum *values, int nvalues)
{
	TextSet    *set = palloc(offsetof(TextSet, members) + nvalues * sizeof(TextMember));

	compile->op->trim = compile->type == BPCHAROID;
	set->nmembers = nvalues;
	for (int i = 0; i < nvalues; i++)
		set->members[i].bytes = pgc_text_of(compile->op, values[i], &set->members[i].length);
	qsort(set->members, nvalues, sizeof(TextMember), text_order);
	compile->op->passes = text_passes;
	compile->op->constant.pointer = set;
}

static void
compile_integers(PgcCompile *compile, int width, const Datum *values, int nvalues)
{
	IntegerSet *set = palloc(offsetof(IntegerSet, members) + nvalues * sizeof(int64));

	set->width = width;
	set->nmembers = nvalues;
	for (int i = 0; i < nvalues; i++)
		set->members[i] = width == 2 ? DatumGetInt16(values[i]) :
			width == 4 ? DatumGetInt32(values[i]) : DatumGetInt64(values[i]);
	qsort(set->members, nvalues, sizeof(int64), integer_order);
	compile->op->passes = integer_passes;
	compile->op->constant.pointer = set;
}

static void
compile_values(PgcCompile *compile, const Datum *values, int nvalues)
{
	TypeCacheEntry *entry = lookup_type_cache(compile->type, TYPECACHE_EQ_OPR_FINFO);
	ValueSet   *set;

	if (!OidIsValid(entry->eq_opr))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("rule kind \"%s\" needs a column whose type knows equality, but \"%s\" is of type %s",
						compile->spec->kind, NameStr(compile->column->name),
						format_type_be(compile->column->type))));
	set = palloc(offsetof(ValueSet, members) + nvalues * sizeof(Datum));
	fmgr_info_copy(&set->equal, &entry->eq_opr_finfo, CurrentMemoryContext);
	set->collation = compile->column->collation;
	set->nmembers = nvalues;
	memcpy(set->members, values, nvalues * sizeof(Datum));
	compile->op->passes = value_passes;
	compile->op->constant.pointer = set;
}

/* bytes_decide: do equal texts of this column have equal bytes? */
static bool
bytes_decide(const PgcCompile *compile)
{
	if (compile->type != TEXTOID && compile->type != VARCHAROID && compile->type != BPCHAROID)
		return false;
	return !OidIsValid(compile->column->collation) ||
		get_collation_isdeterministic(compile->column->collation);
}

static void
compile_membership(PgcCompile *compile, bool negate)
{
	List	   *texts = pgc_parameter_list(compile, "values");
	int			nvalues = list_length(texts);
	Datum	   *values = palloc(nvalues * sizeof(Datum));
	int			width = integer_width(compile->type);

	appendStringInfoString(&compile->words, negate ? "must not be one of " : "must be one of ");
	for (int i = 0; i < nvalues; i++)
	{
		char	   *canonical;

		values[i] = pgc_parameter_cast(compile, "value", list_nth(texts, i), &canonical);
		lfirst(list_nth_cell(texts, i)) = canonical;
		if (i < 20)
			appendStringInfo(&compile->words, "%s%s", i > 0 ? ", " : "", canonical);
		else if (i == 20)
			appendStringInfo(&compile->words, " and %d more", nvalues - i);
	}
	pgc_parameter_push_list(compile, "values", texts, pgc_type_is_number(compile->type));

	compile->op->negate = negate;
	if (width > 0)
		compile_integers(compile, width, values, nvalues);
	else if (bytes_decide(compile))
		compile_texts(compile, values, nvalues);
	else
		compile_values(compile, values, nvalues);
}

static void
compile_accepted_values(PgcCompile *compile)
{
	compile_membership(compile, false);
}

static void
compile_forbidden_values(PgcCompile *compile)
{
	compile_membership(compile, true);
}

const PgcKind pgc_kind_accepted_values = {
	.name = "accepted_values",
	.ncolumns = 1,
	.null_passes = true,
	.parameters = {"values"},
	.compile = compile_accepted_values
};

const PgcKind pgc_kind_forbidden_values = {
	.name = "forbidden_values",
	.ncolumns = 1,
	.null_passes = true,
	.parameters = {"values"},
	.compile = compile_forbidden_values
};
