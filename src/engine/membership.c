/*
 * src/engine/membership.c
 *		Kinds accepted_values and forbidden_values: is the value in a set?
 *
 * Text of deterministic collations by its bytes (a perfect hash of short
 * members, else a search), integers, dates and timestamps by their integer, every
 * other type by its equality operator.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/pg_prng.h"
#include "engine/batch.h"
#include "engine/kind.h"
#include "lib/qunique.h"
#include "port/pg_bitutils.h"
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
	TextMember	members[FLEXIBLE_ARRAY_MEMBER]; /* sorted by text_order, all
												 * different */
} TextSet;

/* The most bytes and members of a perfect hash. */
#define SHORT_BYTES 16
#define SHORT_MEMBERS 255

/* Multipliers that are tried; one in three does. */
#define MULTIPLIERS 100

/* A short text, filled up with zero bytes: text has none of its own. */
typedef struct ShortText
{
	uint64		first;
	uint64		second;
} ShortText;

typedef struct ShortSet
{
	uint64		multipliers[2];
	int			shift;			/* from a hash to a slot */
	int			nmembers;
	uint8	   *slots;			/* index of a member, or nmembers */
	ShortText	members[SHORT_MEMBERS + 1]; /* after the last: none that a
											 * slot may point to */
} ShortSet;

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

/* text_passes scans or searches the members. */
static pg_attribute_always_inline bool
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

PGC_BATCH(text_fails, pgc_batch_by_row, text_passes);

/*
 * short_text loads a text of at most SHORT_BYTES.  It reads that many whatever
 * the length, and masks what lies behind the text: what a branch on the length
 * would cost more often than not.  Memory is mapped in pages of 4 kB or more; the
 * byte before the text is its header's, so all that lies in the same 4 kB as that
 * one can be read.
 */
static inline ShortText
short_text(const char *bytes, int length)
{
	static const unsigned char masks[2 * SHORT_BYTES] = {
		0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
		0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
	};
	ShortText	sought = {0, 0};
	ShortText	mask;

	if (likely(((uintptr_t) bytes - 1) % 4096 < 4096 - SHORT_BYTES))
	{
		memcpy(&sought, bytes, SHORT_BYTES);
		memcpy(&mask, masks + SHORT_BYTES - length, SHORT_BYTES);
		sought.first &= mask.first;
		sought.second &= mask.second;
	}
	else
		memcpy(&sought, bytes, length);
	return sought;
}

/* short_slot returns a text's slot. */
static inline uint32
short_slot(const ShortSet *set, ShortText sought)
{
	return (sought.first * set->multipliers[0] + sought.second * set->multipliers[1]) >> set->shift;
}

/* short_passes looks at the one member that it can be. */
static pg_attribute_always_inline bool
short_passes(const PgcOp *op, Datum value)
{
	const ShortSet *set = op->constant.pointer;
	const ShortText *member;
	ShortText	sought;
	int			length;
	const char *bytes = pgc_text_of(op, value, &length);

	if (length > SHORT_BYTES)
		return op->negate;
	sought = short_text(bytes, length);
	member = &set->members[set->slots[short_slot(set, sought)]];
	return ((member->first == sought.first) & (member->second == sought.second)) != op->negate;
}

PGC_BATCH(short_fails, pgc_batch_by_row, short_passes);

static int
integer_order(const void *a, const void *b)
{
	int64		left = *(const int64 *) a;
	int64		right = *(const int64 *) b;

	return left < right ? -1 : left > right;
}

/* integer_passes scans or searches the members. */
static pg_attribute_always_inline bool
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

PGC_BATCH(integer_fails, pgc_batch_by_row, integer_passes);

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

/* make_text_set sorts the members and leaves out those that are there twice. */
static TextSet *
make_text_set(const PgcOp *op, const Datum *values, int nvalues)
{
	TextSet    *set = palloc(offsetof(TextSet, members) + nvalues * sizeof(TextMember));

	for (int i = 0; i < nvalues; i++)
		set->members[i].bytes = pgc_text_of(op, values[i], &set->members[i].length);
	qsort(set->members, nvalues, sizeof(TextMember), text_order);
	set->nmembers = qunique(set->members, nvalues, sizeof(TextMember), text_order);
	return set;
}

/* fill_slots: does every member of the set get a slot of its own? */
static bool
fill_slots(ShortSet *set, int nslots)
{
	memset(set->slots, set->nmembers, nslots);
	for (int i = 0; i < set->nmembers; i++)
	{
		uint8	   *slot = &set->slots[short_slot(set, set->members[i])];

		if (*slot != set->nmembers)
			return false;
		*slot = i;
	}
	return true;
}

/*
 * make_short_set returns a perfect hash of the members, or NULL if there is none.
 * With half as many slots as members squared, a multiplier in three serves.
 */
static ShortSet *
make_short_set(const TextSet *texts)
{
	ShortSet   *set;
	pg_prng_state random;
	int			bits;

	if (texts->nmembers > SHORT_MEMBERS || texts->members[texts->nmembers - 1].length > SHORT_BYTES)
		return NULL;
	set = palloc0(sizeof(ShortSet));
	set->nmembers = texts->nmembers;
	for (int i = 0; i < set->nmembers; i++)
		memcpy(&set->members[i], texts->members[i].bytes, texts->members[i].length);
	set->members[set->nmembers].second = 1; /* bytes after a zero byte */
	bits = pg_ceil_log2_32(set->nmembers * set->nmembers / 2 + 2);
	set->shift = 64 - bits;
	set->slots = palloc(1 << bits);
	pg_prng_seed(&random, 0);
	for (int i = 0; i < MULTIPLIERS; i++)
	{
		set->multipliers[0] = pg_prng_uint64(&random) | 1;
		set->multipliers[1] = pg_prng_uint64(&random) | 1;
		if (fill_slots(set, 1 << bits))
			return set;
	}
	return NULL;
}

/* compile_texts takes the perfect hash if there is one. */
static void
compile_texts(PgcCompile *compile, const Datum *values, int nvalues)
{
	PgcOp	   *op = compile->op;
	TextSet    *texts;
	ShortSet   *shorts;

	op->trim = compile->type == BPCHAROID;
	texts = make_text_set(op, values, nvalues);
	shorts = make_short_set(texts);
	op->passes = shorts != NULL ? short_passes : text_passes;
	op->fails = shorts != NULL ? short_fails : text_fails;
	op->constant.pointer = shorts != NULL ? (void *) shorts : (void *) texts;
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
	compile->op->fails = integer_fails;
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
	pgc_sql_set_members(compile, texts, negate);
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
