/*
 * src/engine/packed.h
 *		Comparing numerics as they are stored, without unpacking them.
 *
 * The layout is private to PostgreSQL's numeric.c (struct NumericData there):
 * a header of two bytes (short form: sign, scale and weight; long form: sign
 * and scale, then two bytes of weight), then digits in base 10000 without
 * leading or trailing zeros.  It has not changed since 9.1, but nothing
 * promises that: packed.c tests it.  NaN, infinities and values that are
 * compressed or out of line cannot be read so; the caller then asks numeric_cmp.
 */
#ifndef PGC_PACKED_H
#define PGC_PACKED_H

#include "compat.h"

/* A decoded numeric. */
typedef struct PgcPacked
{
	int			sign;			/* -1, 1 */
	int			weight;			/* of the first digit, base 10000 */
	int			ndigits;		/* 0: zero */
	const int16 *digits;		/* in the numeric itself, perhaps not aligned */
} PgcPacked;

extern bool pgc_packed_decode(Datum numeric, PgcPacked *packed);

#define PGC_NUMERIC_FORM 0xC000
#define PGC_NUMERIC_NEGATIVE 0x4000 /* of the long form */
#define PGC_NUMERIC_SHORT 0x8000
#define PGC_NUMERIC_SPECIAL 0xC000
#define PGC_NUMERIC_SHORT_NEGATIVE 0x2000
#define PGC_NUMERIC_SHORT_WEIGHT_SIGN 0x0040
#define PGC_NUMERIC_SHORT_WEIGHT_MASK 0x003F

/*
 * pgc_packed_read decodes a stored numeric, which must stay where it is; false if
 * it is special, compressed or out of line.
 */
static inline bool
pgc_packed_read(Datum numeric, PgcPacked *packed)
{
	const struct varlena *value = (const struct varlena *) DatumGetPointer(numeric);
	const char *bytes;
	int			length;
	uint16		header;

	if (VARATT_IS_EXTERNAL(value) || VARATT_IS_COMPRESSED(value))
		return false;
	bytes = VARDATA_ANY(value);
	length = VARSIZE_ANY_EXHDR(value);
	memcpy(&header, bytes, sizeof(header));
	switch (header & PGC_NUMERIC_FORM)
	{
		case PGC_NUMERIC_SHORT:
			packed->sign = header & PGC_NUMERIC_SHORT_NEGATIVE ? -1 : 1;
			packed->weight = header & PGC_NUMERIC_SHORT_WEIGHT_MASK;
			if (header & PGC_NUMERIC_SHORT_WEIGHT_SIGN)
				packed->weight |= ~PGC_NUMERIC_SHORT_WEIGHT_MASK;
			packed->digits = (const int16 *) (bytes + sizeof(uint16));
			break;
		case PGC_NUMERIC_SPECIAL:
			return false;
		default:
			{
				int16		weight;

				packed->sign = (header & PGC_NUMERIC_FORM) == PGC_NUMERIC_NEGATIVE ? -1 : 1;
				memcpy(&weight, bytes + sizeof(uint16), sizeof(weight));
				packed->weight = weight;
				packed->digits = (const int16 *) (bytes + 2 * sizeof(uint16));
			}
	}
	packed->ndigits = (int) (bytes + length - (const char *) packed->digits) / (int) sizeof(int16);
	return true;
}

/* pgc_packed_digit reads a digit that need not be aligned. */
static inline int16
pgc_packed_digit(const int16 *digits, int i)
{
	int16		digit;

	memcpy(&digit, (const char *) digits + i * sizeof(int16), sizeof(digit));
	return digit;
}

/* pgc_packed_compare returns -1, 0 or 1 as a is below, equal to or above b. */
static inline int
pgc_packed_compare(const PgcPacked *a, const PgcPacked *b)
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
		int16		left = pgc_packed_digit(a->digits, i);
		int16		right = pgc_packed_digit(b->digits, i);

		if (left != right)
			return left > right ? a->sign : -a->sign;
	}
	if (a->ndigits == b->ndigits)
		return 0;
	return a->ndigits > b->ndigits ? a->sign : -a->sign;
}

#endif							/* PGC_PACKED_H */
