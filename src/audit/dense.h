/*
 * src/audit/dense.h
 *		A set of integers of a narrow range: a bit each.
 */
#ifndef PGC_DENSE_H
#define PGC_DENSE_H

#include "postgres.h"

typedef struct PgcDense
{
	MemoryContext context;
	uint64	   *words;
	uint64		first;			/* number of the first word that is there */
	uint64		nwords;
	uint64		most_words;
} PgcDense;

#define PGC_DENSE_SIGN (UINT64CONST(1) << 63)

/* pgc_dense_bit returns the number of an integer's bit, in the order of integers. */
static inline uint64
pgc_dense_bit(int64 integer)
{
	return (uint64) integer ^ PGC_DENSE_SIGN;
}

/* pgc_dense_has: is the integer in the set? */
static inline bool
pgc_dense_has(const PgcDense *dense, int64 integer)
{
	uint64		bit = pgc_dense_bit(integer);
	uint64		word = bit / 64 - dense->first;

	return word < dense->nwords && (dense->words[word] >> bit % 64 & 1) != 0;
}

extern PgcDense *pgc_dense_make(Size memory);
extern bool pgc_dense_add(PgcDense *dense, int64 integer);
extern bool pgc_dense_next(const PgcDense *dense, uint64 *position, int64 *integer);
extern void pgc_dense_free(PgcDense *dense);

#endif							/* PGC_DENSE_H */
