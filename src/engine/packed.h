/*
 * src/engine/packed.h
 *		Comparing numerics as they are stored, without unpacking them.
 */
#ifndef PGC_PACKED_H
#define PGC_PACKED_H

#include "postgres.h"

/* A numeric constant, decoded once. */
typedef struct PgcPacked
{
	bool		usable;			/* finite, and this server's layout is known */
	int			sign;			/* -1, 1 */
	int			weight;			/* of the first digit, base 10000 */
	int			ndigits;		/* 0: zero */
	const int16 *digits;		/* in the constant itself */
} PgcPacked;

/* What pgc_packed_compare answers when it cannot tell. */
#define PGC_PACKED_UNKNOWN 2

extern PgcPacked pgc_packed_decode(Datum numeric);
extern int	pgc_packed_compare(Datum value, const PgcPacked *constant);

#endif							/* PGC_PACKED_H */
