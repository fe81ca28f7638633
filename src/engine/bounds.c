/*
 * src/engine/bounds.c
 *		What a measured value must be: a minimum, a maximum, or both.
 *
 * Whole numbers are compared as numeric and float4 as float8, so that bounds
 * can be widened by a fraction; everything else as its own type says.  Nothing
 * here knows where a value comes from.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "engine/measure.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
#include "utils/typcache.h"

/* pgc_bounds_type returns the type as which values of a type are compared. */
Oid
pgc_bounds_type(Oid type)
{
	switch (type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
			return NUMERICOID;
		case FLOAT4OID:
			return FLOAT8OID;
		default:
			return type;
	}
}

/* pgc_bounds_convert returns a value of a type as of pgc_bounds_type of it. */
Datum
pgc_bounds_convert(Oid type, Datum value)
{
	switch (type)
	{
		case INT2OID:
			return DirectFunctionCall1(int2_numeric, value);
		case INT4OID:
			return DirectFunctionCall1(int4_numeric, value);
		case INT8OID:
			return DirectFunctionCall1(int8_numeric, value);
		case FLOAT4OID:
			return Float8GetDatum(DatumGetFloat4(value));
		default:
			return value;
	}
}

/* number_of returns a finite number as numeric or float8, or raises. */
static Datum
number_of(const char *name, char *given, Oid type)
{
	char	   *end;

	(void) strtod(given, &end);
	if (*given == '\0' || *end != '\0' || strspn(given, "+-0123456789.eE") != strlen(given))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"%s\" must be a number, not \"%s\"", name, given)));
	if (type == FLOAT8OID)
		return DirectFunctionCall1(float8in, CStringGetDatum(given));
	return DirectFunctionCall3(numeric_in, CStringGetDatum(given),
							   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}

/*
 * read_bound reads one end of a range, keeps its canonical form and returns its
 * text, or NULL if it is not given.
 */
static char *
read_bound(PgcCompile *compile, Oid type, bool of_column, const char *name,
		   const char *exclusive, PgcLimit *bound)
{
	char	   *given = pgc_parameter_text(compile, name, false);

	if (given == NULL)
		return NULL;
	bound->given = true;
	if (of_column)
		bound->value = pgc_bounds_convert(compile->type,
										  pgc_parameter_cast(compile, name, given, &given));
	else
		bound->value = number_of(name, given, type);
	pgc_parameter_push(compile, name, given, !of_column || pgc_type_is_number(compile->type));
	bound->exclusive = pgc_parameter_bool(compile, exclusive);
	if (bound->exclusive)
		pgc_parameter_push_bool(compile, exclusive, true);
	return given;
}

/* words_of says a range in words (palloc'd). */
static char *
words_of(const PgcBounds *bounds, const char *minimum, const char *maximum)
{
	const char *least = bounds->minimum.exclusive ? "greater than" : "at least";
	const char *most = bounds->maximum.exclusive ? "less than" : "at most";

	if (maximum == NULL)
		return psprintf("%s %s", least, minimum);
	if (minimum == NULL)
		return psprintf("%s %s", most, maximum);
	if (!bounds->minimum.exclusive && !bounds->maximum.exclusive)
		return psprintf("between %s and %s", minimum, maximum);
	return psprintf("%s %s and %s %s", least, minimum, most, maximum);
}

/* order compares two values of the bounds' type. */
static int
order(const PgcBounds *bounds, Datum left, Datum right)
{
	return DatumGetInt32(FunctionCall2Coll(bounds->compare, bounds->collation, left, right));
}

/*
 * pgc_bounds_read reads the parameters minimum, maximum, exclusive_minimum and
 * exclusive_maximum as bounds of a value that is compared as type: constants of
 * the rule's column if of_column, else numbers (type is numeric or float8).
 * Returns NULL if there is neither.
 */
PgcBounds *
pgc_bounds_read(PgcCompile *compile, Oid type, bool of_column)
{
	PgcBounds  *bounds = palloc0(sizeof(PgcBounds));
	char	   *minimum = read_bound(compile, type, of_column, "minimum", "exclusive_minimum",
									 &bounds->minimum);
	char	   *maximum = read_bound(compile, type, of_column, "maximum", "exclusive_maximum",
									 &bounds->maximum);

	if (minimum == NULL && maximum == NULL)
		return NULL;
	bounds->type = type;
	bounds->collation = of_column ? compile->column->collation : InvalidOid;
	bounds->compare = palloc(sizeof(FmgrInfo));
	fmgr_info_cxt(lookup_type_cache(type, TYPECACHE_CMP_PROC)->cmp_proc, bounds->compare,
				  CurrentMemoryContext);
	bounds->words = words_of(bounds, minimum, maximum);
	if (minimum != NULL && maximum != NULL &&
		order(bounds, bounds->minimum.value, bounds->maximum.value) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no value lies between %s and %s", minimum, maximum),
				 errhint("The minimum must not be above the maximum.")));
	return bounds;
}

/* pgc_bounds_require is pgc_bounds_read for rules that must have bounds. */
PgcBounds *
pgc_bounds_require(PgcCompile *compile, Oid type, bool of_column)
{
	PgcBounds  *bounds = pgc_bounds_read(compile, type, of_column);

	if (bounds == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rule kind \"%s\" needs a minimum or a maximum", compile->spec->kind)));
	return bounds;
}

/* widened returns a bound moved by a fraction of itself; only numbers move. */
static Datum
widened(const PgcBounds *bounds, Datum bound, double fraction)
{
	if (fraction == 0)
		return bound;
	if (bounds->type == FLOAT8OID)
		return Float8GetDatum(DatumGetFloat8(bound) + fabs(DatumGetFloat8(bound)) * fraction);
	if (bounds->type == NUMERICOID)
		return DirectFunctionCall2(numeric_add, bound,
								   DirectFunctionCall2(numeric_mul,
													   DirectFunctionCall1(numeric_abs, bound),
													   DirectFunctionCall1(float8_numeric,
																		   Float8GetDatum(fraction))));
	return bound;
}

/*
 * pgc_bounds_hold: is a value (of the bounds' type) within them, each moved
 * outwards by tolerance as a fraction of itself?
 */
bool
pgc_bounds_hold(const PgcBounds *bounds, Datum value, double tolerance)
{
	int			to_minimum = 1;
	int			to_maximum = -1;

	if (bounds->minimum.given)
		to_minimum = order(bounds, value, widened(bounds, bounds->minimum.value, -tolerance));
	if (bounds->maximum.given)
		to_maximum = order(bounds, value, widened(bounds, bounds->maximum.value, tolerance));
	return (bounds->minimum.exclusive ? to_minimum > 0 : to_minimum >= 0) &&
		(bounds->maximum.exclusive ? to_maximum < 0 : to_maximum <= 0);
}
