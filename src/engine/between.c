/*
 * src/engine/between.c
 *		Kinds that compare with constants of the column's type: between and
 *		multiple_of.
 *
 * Integers, dates and timestamps compare as integers, floats as PostgreSQL's
 * float operators do (NaN is above everything), numeric as stored, and every
 * other type with a btree order, and values out of the ordinary, by the type's
 * own comparison function and the column's collation.
 */
#include "postgres.h"

#include <math.h>

#include "access/stratnum.h"
#include "catalog/pg_type.h"
#include "engine/batch.h"
#include "engine/kind.h"
#include "engine/packed.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/float.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

/* Bounds of a type that is compared through a function. */
typedef struct Range
{
	bool		has_low;
	bool		has_high;
	bool		exclusive_low;
	bool		exclusive_high;
	Datum		low;
	Datum		high;
	double		float_low;		/* of float types only: inclusive */
	double		float_high;
	bool		nan_passes;
	PgcPacked	packed_low;		/* of numeric only */
	PgcPacked	packed_high;
	FmgrInfo   *compare;		/* of the type */
	Oid			collation;
} Range;

/* integer_in_range compares without a branch. */
static inline bool
integer_in_range(const PgcOp *op, int64 number)
{
	return (number >= op->constant.integer.low) & (number <= op->constant.integer.high);
}

/* int16_passes is for smallint. */
static pg_attribute_always_inline bool
int16_passes(const PgcOp *op, Datum value)
{
	return integer_in_range(op, DatumGetInt16(value));
}

PGC_BATCH(int16_fails, pgc_batch_by_value, int16_passes);

/* Also dates. */
static pg_attribute_always_inline bool
int32_passes(const PgcOp *op, Datum value)
{
	return integer_in_range(op, DatumGetInt32(value));
}

PGC_BATCH(int32_fails, pgc_batch_by_value, int32_passes);

/* Also timestamps and times of day. */
static pg_attribute_always_inline bool
int64_passes(const PgcOp *op, Datum value)
{
	return integer_in_range(op, DatumGetInt64(value));
}

PGC_BATCH(int64_fails, pgc_batch_by_value, int64_passes);

/* float_in_range compares without a branch; NaN is not below anything. */
static inline bool
float_in_range(const Range *range, double number)
{
	return (!(number < range->float_low)) &
		((number <= range->float_high) | (range->nan_passes & (isnan(number) != 0)));
}

/* float4_passes is for real. */
static pg_attribute_always_inline bool
float4_passes(const PgcOp *op, Datum value)
{
	return float_in_range(op->constant.pointer, DatumGetFloat4(value));
}

PGC_BATCH(float4_fails, pgc_batch_by_value, float4_passes);

/* float8_passes is for double precision. */
static pg_attribute_always_inline bool
float8_passes(const PgcOp *op, Datum value)
{
	return float_in_range(op->constant.pointer, DatumGetFloat8(value));
}

PGC_BATCH(float8_fails, pgc_batch_by_value, float8_passes);

/* in_range says whether comparisons with the bounds (<0, 0, >0) keep in. */
static inline bool
in_range(const Range *range, int to_low, int to_high)
{
	if (range->has_low && (to_low < 0 || (to_low == 0 && range->exclusive_low)))
		return false;
	if (range->has_high && (to_high > 0 || (to_high == 0 && range->exclusive_high)))
		return false;
	return true;
}

/* ordered_passes asks the comparison function of the type. */
static bool
ordered_passes(const PgcOp *op, Datum value)
{
	const Range *range = op->constant.pointer;
	int			to_low = 0;
	int			to_high = 0;

	if (range->has_low)
		to_low = DatumGetInt32(FunctionCall2Coll(range->compare, range->collation,
												 value, range->low));
	if (range->has_high)
		to_high = DatumGetInt32(FunctionCall2Coll(range->compare, range->collation,
												  value, range->high));
	return in_range(range, to_low, to_high);
}

/* numeric_passes compares as stored what can be. */
static pg_attribute_always_inline bool
numeric_passes(const PgcOp *op, Datum value)
{
	const Range *range = op->constant.pointer;
	PgcPacked	number;

	if (unlikely(!pgc_packed_read(value, &number)))
		return ordered_passes(op, value);
	return in_range(range,
					range->has_low ? pgc_packed_compare(&number, &range->packed_low) : 0,
					range->has_high ? pgc_packed_compare(&number, &range->packed_high) : 0);
}

PGC_BATCH(numeric_fails, pgc_batch_by_row, numeric_passes);

/* integer_passes returns the test for types that are integers inside, or NULL. */
static PgcPasses
integer_passes(Oid type)
{
	switch (type)
	{
		case INT2OID:
			return int16_passes;
		case INT4OID:
		case DATEOID:
			return int32_passes;
		case INT8OID:
		case TIMEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return int64_passes;
		default:
			return NULL;
	}
}

/* integer_of widens a Datum of such a type. */
static int64
integer_of(Oid type, Datum value)
{
	PgcPasses	passes = integer_passes(type);

	return passes == int16_passes ? DatumGetInt16(value) :
		passes == int32_passes ? DatumGetInt32(value) : DatumGetInt64(value);
}

/* set_integer_bounds makes exclusive bounds inclusive ones of their neighbours. */
static void
set_integer_bounds(PgcCompile *compile, const Range *range)
{
	int64		low = PG_INT64_MIN;
	int64		high = PG_INT64_MAX;

	if (range->has_low)
		low = integer_of(compile->type, range->low);
	if (range->has_high)
		high = integer_of(compile->type, range->high);
	/* nothing lies beyond the ends of the type: an empty range then */
	if (range->exclusive_low && range->has_low)
	{
		if (low == PG_INT64_MAX)
			high = PG_INT64_MIN;
		else
			low++;
	}
	if (range->exclusive_high && range->has_high)
	{
		if (high == PG_INT64_MIN)
			low = PG_INT64_MAX;
		else
			high--;
	}
	compile->op->constant.integer.low = low;
	compile->op->constant.integer.high = high;
	compile->op->fails = compile->op->passes == int16_passes ? int16_fails :
		compile->op->passes == int32_passes ? int32_fails : int64_fails;
}

/* float_of widens a Datum of a float type. */
static double
float_of(Oid type, Datum value)
{
	return type == FLOAT4OID ? DatumGetFloat4(value) : DatumGetFloat8(value);
}

/*
 * set_float_bounds makes exclusive bounds inclusive ones of their neighbours;
 * false if a bound is NaN, or an infinity that has no neighbour.
 */
static bool
set_float_bounds(Range *range, Oid type)
{
	double		low = range->has_low ? float_of(type, range->low) : -get_float8_infinity();
	double		high = range->has_high ? float_of(type, range->high) : get_float8_infinity();
	bool		open_low = range->has_low && range->exclusive_low;
	bool		open_high = range->has_high && range->exclusive_high;

	if (isnan(low) || isnan(high) || (open_low && isinf(low)) || (open_high && isinf(high)))
		return false;
	range->float_low = open_low ? nextafter(low, get_float8_infinity()) : low;
	range->float_high = open_high ? nextafter(high, -get_float8_infinity()) : high;
	range->nan_passes = !range->has_high;
	return true;
}

/* set_packed_bounds unpacks numeric bounds; false if one is special. */
static bool
set_packed_bounds(Range *range)
{
	return (!range->has_low || pgc_packed_decode(range->low, &range->packed_low)) &&
		(!range->has_high || pgc_packed_decode(range->high, &range->packed_high));
}

/* compare_function returns the type's btree comparison, or raises. */
static FmgrInfo *
compare_function(const PgcCompile *compile)
{
	TypeCacheEntry *entry = lookup_type_cache(compile->type, TYPECACHE_CMP_PROC);
	FmgrInfo   *function;

	if (!OidIsValid(entry->cmp_proc))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("rule kind \"between\" needs a column whose type has an order, but \"%s\" is of type %s",
						NameStr(compile->column->name),
						format_type_be(compile->column->type))));
	function = palloc(sizeof(FmgrInfo));
	fmgr_info_cxt(entry->cmp_proc, function, CurrentMemoryContext);
	return function;
}

/* read_bound casts a bound to the column's type and keeps its canonical form. */
static bool
read_bound(PgcCompile *compile, const char *name, Datum *bound, char **text)
{
	char	   *given = pgc_parameter_text(compile, name, false);

	if (given == NULL)
		return false;
	*bound = pgc_parameter_cast(compile, name, given, text);
	pgc_parameter_push(compile, name, *text, pgc_type_is_number(compile->type));
	return true;
}

/* say_range writes the words for a range. */
static void
say_range(PgcCompile *compile, const Range *range, const char *low, const char *high)
{
	StringInfo	words = &compile->words;

	if (range->has_low && range->has_high && !range->exclusive_low && !range->exclusive_high)
		appendStringInfo(words, "must be between %s and %s", low, high);
	else
	{
		appendStringInfoString(words, "must be ");
		if (range->has_low)
			appendStringInfo(words, "%s %s", range->exclusive_low ? "greater than" : "at least", low);
		if (range->has_low && range->has_high)
			appendStringInfoString(words, " and ");
		if (range->has_high)
			appendStringInfo(words, "%s %s", range->exclusive_high ? "less than" : "at most", high);
	}
}

/* read_range reads all parameters of between. */
static Range *
read_range(PgcCompile *compile)
{
	Range	   *range = palloc0(sizeof(Range));
	char	   *low = NULL;
	char	   *high = NULL;

	range->has_low = read_bound(compile, "minimum", &range->low, &low);
	range->has_high = read_bound(compile, "maximum", &range->high, &high);
	range->exclusive_low = pgc_parameter_bool(compile, "exclusive_minimum");
	range->exclusive_high = pgc_parameter_bool(compile, "exclusive_maximum");
	if (!range->has_low && !range->has_high)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rule kind \"between\" needs a minimum or a maximum")));
	if (range->exclusive_low)
		pgc_parameter_push_bool(compile, "exclusive_minimum", true);
	if (range->exclusive_high)
		pgc_parameter_push_bool(compile, "exclusive_maximum", true);
	say_range(compile, range, low, high);

	range->compare = compare_function(compile);
	if (range->has_low)
		pgc_sql_add_bound(compile, range->exclusive_low ? BTGreaterStrategyNumber : BTGreaterEqualStrategyNumber, low);
	if (range->has_high)
		pgc_sql_add_bound(compile, range->exclusive_high ? BTLessStrategyNumber : BTLessEqualStrategyNumber, high);
	range->collation = compile->column->collation;
	if (range->has_low && range->has_high &&
		DatumGetInt32(FunctionCall2Coll(range->compare, range->collation,
										range->low, range->high)) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no value lies between %s and %s", low, high),
				 errhint("The minimum must not be above the maximum.")));
	return range;
}

static void
compile_between(PgcCompile *compile)
{
	Range	   *range = read_range(compile);
	PgcOp	   *op = compile->op;

	op->passes = integer_passes(compile->type);
	if (op->passes != NULL)
	{
		set_integer_bounds(compile, range);
		return;
	}
	op->constant.pointer = range;
	if (compile->type == FLOAT4OID && set_float_bounds(range, FLOAT4OID))
	{
		op->passes = float4_passes;
		op->fails = float4_fails;
	}
	else if (compile->type == FLOAT8OID && set_float_bounds(range, FLOAT8OID))
	{
		op->passes = float8_passes;
		op->fails = float8_fails;
	}
	else if (compile->type == NUMERICOID && set_packed_bounds(range))
	{
		op->passes = numeric_passes;
		op->fails = numeric_fails;
	}
	else
		op->passes = ordered_passes;
}

/* A divisor, whole and as numeric, and how a value becomes a numeric. */
typedef struct Divisor
{
	int64		whole;			/* 0: not a whole number */
	Datum		number;
	PGFunction	to_numeric;
	Oid			type;
} Divisor;

static bool
multiple_passes(const PgcOp *op, Datum value)
{
	const Divisor *divisor = op->constant.pointer;
	Datum		number = value;
	Datum		rest;

	if (divisor->whole != 0)
		return integer_of(divisor->type, value) % divisor->whole == 0;
	if (divisor->to_numeric != NULL)
		number = DirectFunctionCall1(divisor->to_numeric, value);
	rest = DirectFunctionCall2(numeric_mod, number, divisor->number);
	return !numeric_is_nan(DatumGetNumeric(rest)) &&
		DatumGetInt32(DirectFunctionCall2(numeric_cmp, rest,
										  DirectFunctionCall1(int4_numeric, Int32GetDatum(0)))) == 0;
}

/* numeric_converter returns how a type becomes numeric; *known if at all. */
static PGFunction
numeric_converter(Oid type, bool *known)
{
	*known = true;
	switch (type)
	{
		case INT2OID:
			return int2_numeric;
		case INT4OID:
			return int4_numeric;
		case INT8OID:
			return int8_numeric;
		case FLOAT4OID:
			return float4_numeric;
		case FLOAT8OID:
			return float8_numeric;
		case NUMERICOID:
			return NULL;
		default:
			*known = false;
			return NULL;
	}
}

/* whole_divisor returns the divisor if an integer column can be divided by it. */
static int64
whole_divisor(Oid type, const char *text)
{
	char	   *end;
	int64		whole;

	if (integer_passes(type) == NULL)
		return 0;
	errno = 0;
	whole = strtoi64(text, &end, 10);
	return errno == 0 && *end == '\0' && whole > 0 ? whole : 0;
}

/* say_multiple_in_sql writes the rule's text: as of integers if both are. */
static void
say_multiple_in_sql(PgcCompile *compile, const Divisor *divisor, const char *text)
{
	const char *column = pgc_sql_column(compile->column);

	if (divisor->whole != 0)
		appendStringInfo(&compile->sql, "(%s OPERATOR(pg_catalog.%%) " INT64_FORMAT ") OPERATOR(pg_catalog.=) 0",
						 column, divisor->whole);
	else
		appendStringInfo(&compile->sql, "(%s::pg_catalog.numeric OPERATOR(pg_catalog.%%) %s) OPERATOR(pg_catalog.=) 0::pg_catalog.numeric",
						 column, pgc_sql_literal(NUMERICOID, text));
}

static void
compile_multiple_of(PgcCompile *compile)
{
	char	   *text = pgc_parameter_text(compile, "divisor", true);
	Divisor    *divisor = palloc0(sizeof(Divisor));
	bool		known;

	divisor->to_numeric = numeric_converter(compile->type, &known);
	if (!known)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("rule kind \"multiple_of\" needs a number column, but \"%s\" is of type %s",
						NameStr(compile->column->name),
						format_type_be(compile->column->type))));
	divisor->number = pgc_value_of(NUMERICOID, -1, "divisor", text, NameStr(compile->column->name),
								   format_type_be(compile->column->type));
	if (numeric_is_nan(DatumGetNumeric(divisor->number)) ||
		numeric_is_inf(DatumGetNumeric(divisor->number)) ||
		DatumGetInt32(DirectFunctionCall2(numeric_cmp, divisor->number,
										  DirectFunctionCall1(int4_numeric, Int32GetDatum(0)))) <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("divisor must be a number above 0, not %s", text)));
	divisor->type = compile->type;
	divisor->whole = whole_divisor(compile->type, text);

	compile->op->passes = multiple_passes;
	compile->op->constant.pointer = divisor;
	say_multiple_in_sql(compile, divisor, text);
	appendStringInfo(&compile->words, "must be a multiple of %s", text);
	pgc_parameter_push(compile, "divisor", text, true);
}

const PgcKind pgc_kind_between = {
	.name = "between",
	.ncolumns = 1,
	.null_passes = true,
	.parameters = {"minimum", "maximum", "exclusive_minimum", "exclusive_maximum"},
	.compile = compile_between
};

const PgcKind pgc_kind_multiple_of = {
	.name = "multiple_of",
	.ncolumns = 1,
	.null_passes = true,
	.parameters = {"divisor"},
	.compile = compile_multiple_of
};
