/*
 * src/document/diff/diff_value.c
 *		Which of two bounds is the tighter one.
 *
 * Bounds are numbers, compared as numeric, or dates and times, compared as the
 * texts that ISO 8601 makes of them.  Anything else is not compared.
 */
#include "postgres.h"

#include "document/diff/diff.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

/* Exponents beyond this are no bounds that anybody means, and cost memory. */
#define MAX_EXPONENT_DIGITS 3

static const char *
skip_digits(const char *at)
{
	while (*at >= '0' && *at <= '9')
		at++;
	return at;
}

static const char *
skip_sign(const char *at)
{
	return *at == '-' || *at == '+' ? at + 1 : at;
}

/* pgc_diff_is_number says whether a text, or NULL, is a decimal number, as numeric reads it. */
bool
pgc_diff_is_number(const char *value)
{
	const char *digits;
	const char *at;
	int			ndigits;

	if (value == NULL)
		return false;
	digits = skip_sign(value);
	at = skip_digits(digits);
	ndigits = at - digits;
	if (*at == '.')
	{
		digits = at + 1;
		at = skip_digits(digits);
		ndigits += at - digits;
	}
	if (ndigits == 0)
		return false;
	if (*at == 'e' || *at == 'E')
	{
		digits = skip_sign(at + 1);
		at = skip_digits(digits);
		if (at == digits || at - digits > MAX_EXPONENT_DIGITS)
			return false;
	}
	return *at == '\0';
}

static Datum
numeric_of(const char *value)
{
	return DirectFunctionCall3(numeric_in, CStringGetDatum(value), ObjectIdGetDatum(InvalidOid),
							   Int32GetDatum(-1));
}

/* has_shape compares a text with a shape: 0 stands for a digit; more may follow. */
static bool
has_shape(const char *value, const char *shape)
{
	for (; *shape != '\0'; value++, shape++)
	{
		if (*shape == '0' ? *value < '0' || *value > '9' : *value != *shape)
			return false;
	}
	return true;
}

/*
 * pgc_diff_values compares two values: *order is below, equal to or above 0 as left
 * is below, equal to or above right.  False: they cannot be compared.
 */
bool
pgc_diff_values(const char *left, const char *right, int *order)
{
	if (left == NULL || right == NULL)
		return false;
	if (pgc_diff_is_number(left) && pgc_diff_is_number(right))
		*order = DatumGetInt32(DirectFunctionCall2(numeric_cmp, numeric_of(left),
												   numeric_of(right)));
	else if ((has_shape(left, "0000-00-00") && has_shape(right, "0000-00-00")) ||
			 (has_shape(left, "00:00") && has_shape(right, "00:00")))
		*order = strcmp(left, right);
	else if (strcmp(left, right) == 0)
		*order = 0;
	else
		return false;
	return true;
}

/* pgc_diff_bounds returns what becomes of a range if one end changes. */
int
pgc_diff_bounds(const PgcDiffBound *old, const PgcDiffBound *new, bool lower)
{
	int			order;

	if (old->value == NULL || new->value == NULL)
		return old->value == new->value ? PGC_SAME : old->value == NULL ? PGC_TIGHTER : PGC_LOOSER;
	if (!pgc_diff_values(new->value, old->value, &order))
		return PGC_UNCLEAR;
	if (order == 0)
		return old->exclusive == new->exclusive ? PGC_SAME :
			new->exclusive ? PGC_TIGHTER : PGC_LOOSER;
	return (order > 0) == lower ? PGC_TIGHTER : PGC_LOOSER;
}

/* pgc_diff_bound_words says what a bound asks for (palloc'd). */
char *
pgc_diff_bound_words(const PgcDiffBound *bound, bool lower)
{
	if (bound->value == NULL)
		return pstrdup("anything");
	return psprintf("%s %s", lower ? (bound->exclusive ? "more than" : "at least") :
					bound->exclusive ? "less than" : "at most", bound->value);
}
