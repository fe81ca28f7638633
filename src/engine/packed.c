/*
 * src/engine/packed.c
 *		Comparing numerics as they are stored, without unpacking them.
 *
 * The layout is private to PostgreSQL's numeric.c (struct NumericData there):
 * a header of two bytes (short form: sign, scale and weight; long form: sign
 * and scale, then two bytes of weight), then digits in base 10000 without
 * leading or trailing zeros.  It has not changed since 9.1, but nothing
 * promises that: the first use in a backend compares all pairs of a list of
 * values with numeric_cmp, and on any difference every answer is "unknown".
 * NaN, infinities and values that are compressed or out of line are unknown
 * too; the caller then asks numeric_cmp.
 */
#include "postgres.h"

#include "compat.h"
#include "engine/packed.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#define HEADER_FORM 0xC000
#define HEADER_NEGATIVE 0x4000	/* of the long form */
#define HEADER_SHORT 0x8000
#define HEADER_SPECIAL 0xC000
#define SHORT_NEGATIVE 0x2000
#define SHORT_WEIGHT_SIGN 0x0040
#define SHORT_WEIGHT_MASK 0x003F

/* decode reads a stored numeric; false if it is special or not inline. */
static inline bool
decode(const struct varlena *value, PgcPacked *packed)
{
	const char *bytes;
	int			length;
	uint16		header;

	if (VARATT_IS_EXTERNAL(value) || VARATT_IS_COMPRESSED(value))
		return false;
	bytes = VARDATA_ANY(value);
	length = VARSIZE_ANY_EXHDR(value);
	memcpy(&header, bytes, sizeof(header));
	switch (header & HEADER_FORM)
	{
		case HEADER_SHORT:
			packed->sign = header & SHORT_NEGATIVE ? -1 : 1;
			packed->weight = header & SHORT_WEIGHT_MASK;
			if (header & SHORT_WEIGHT_SIGN)
				packed->weight |= ~SHORT_WEIGHT_MASK;
			packed->digits = (const int16 *) (bytes + sizeof(uint16));
			break;
		case HEADER_SPECIAL:
			return false;
		default:
			{
				int16		weight;

				packed->sign = (header & HEADER_FORM) == HEADER_NEGATIVE ? -1 : 1;
				memcpy(&weight, bytes + sizeof(uint16), sizeof(weight));
				packed->weight = weight;
				packed->digits = (const int16 *) (bytes + 2 * sizeof(uint16));
			}
	}
	packed->ndigits = (int) (bytes + length - (const char *) packed->digits) / (int) sizeof(int16);
	return true;
}

/* digit_at reads a digit that need not be aligned. */
static inline int16
digit_at(const int16 *digits, int i)
{
	int16		digit;

	memcpy(&digit, (const char *) digits + i * sizeof(int16), sizeof(digit));
	return digit;
}

/* compare orders two decoded numerics. */
static inline int
compare(const PgcPacked *a, const PgcPacked *b)
{
	int			shared = Min(a->ndigits, b->ndigits);

	if (a->ndigits == 0)
		return b->ndigits == 0 ? 0 : -b->sign;
	if (b->ndigits == 0)
		return a->sign;
	if (a->sign != b->sign)
		return a->sign;
	if (a->weight != b->weight)
		return a->weight > b->weight ? a->sign : -a->sign;
	for (int i = 0; i < shared; i++)
	{
		int16		left = digit_at(a->digits, i);
		int16		right = digit_at(b->digits, i);

		if (left != right)
			return left > right ? a->sign : -a->sign;
	}
	if (a->ndigits == b->ndigits)
		return 0;
	return a->ndigits > b->ndigits ? a->sign : -a->sign;
}

/* numeric_of makes a numeric of its text. */
static Datum
numeric_of(const char *text)
{
	return DirectFunctionCall3(numeric_in, CStringGetDatum(text), ObjectIdGetDatum(InvalidOid),
							   Int32GetDatum(-1));
}

/* agrees: do we order two numerics as numeric_cmp does? */
static bool
agrees(Datum left, Datum right)
{
	int			expected = DatumGetInt32(DirectFunctionCall2(numeric_cmp, left, right));
	PgcPacked	a;
	PgcPacked	b;

	if (!decode((const struct varlena *) DatumGetPointer(left), &a) ||
		!decode((const struct varlena *) DatumGetPointer(right), &b))
		return false;
	return compare(&a, &b) == (expected > 0) - (expected < 0);
}

/* layout_is_known compares all pairs of telling values, once a backend. */
static bool
layout_is_known(void)
{
	static const char *const telling[] = {
		"0", "0.000", "1", "-1", "9999", "10000", "10001", "-10000.0001", "0.0001", "-0.00001",
		"123456789.987654321", "123456789.98765432", "1e63", "-1e200", "1e-200", "1e300",
	};
	static enum
	{
		UNTESTED, KNOWN, UNKNOWN
	}			state = UNTESTED;
	Datum		values[lengthof(telling)];

	if (state != UNTESTED)
		return state == KNOWN;
	state = KNOWN;
	for (int i = 0; i < lengthof(telling); i++)
		values[i] = numeric_of(telling[i]);
	for (int i = 0; i < lengthof(telling); i++)
	{
		for (int j = 0; j < lengthof(telling); j++)
		{
			if (!agrees(values[i], values[j]))
				state = UNKNOWN;
		}
	}
	return state == KNOWN;
}

/*
 * pgc_packed_decode decodes a constant, which must stay where it is; unusable
 * if it is special or this server stores numerics in another way.
 */
PgcPacked
pgc_packed_decode(Datum numeric)
{
	PgcPacked	packed = {.usable = false};

	if (layout_is_known())
		packed.usable = decode((const struct varlena *) DatumGetPointer(numeric), &packed);
	return packed;
}

/*
 * pgc_packed_compare returns -1, 0 or 1 as a stored value is below, equal to or
 * above a usable constant, or PGC_PACKED_UNKNOWN.
 */
int
pgc_packed_compare(Datum value, const PgcPacked *constant)
{
	PgcPacked	packed;

	if (!decode((const struct varlena *) DatumGetPointer(value), &packed))
		return PGC_PACKED_UNKNOWN;
	return compare(&packed, constant);
}
