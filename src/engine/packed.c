/*
 * src/engine/packed.c
 *		Tells whether numerics are stored as packed.h believes.
 *
 * The first use in a backend compares all pairs of a list of values with
 * numeric_cmp; on any difference no constant can be decoded, and numeric_cmp
 * decides everything.
 */
#include "postgres.h"

#include "engine/packed.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

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

	if (!pgc_packed_read(left, &a) || !pgc_packed_read(right, &b))
		return false;
	return pgc_packed_compare(&a, &b) == (expected > 0) - (expected < 0);
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
 * pgc_packed_decode decodes a constant, which must stay where it is; false if it
 * is special or this server stores numerics in another way.
 */
bool
pgc_packed_decode(Datum numeric, PgcPacked *packed)
{
	return layout_is_known() && pgc_packed_read(numeric, packed);
}
