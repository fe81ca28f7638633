/*
 * src/audit/dense.c
 *		A set of integers of a narrow range: a bit each.
 */
#include "postgres.h"

#include "audit/dense.h"
#include "utils/memutils.h"

#define BITS 64
#define FIRST_WORDS 1024

/* pgc_dense_make returns an empty set, in the current context. */
PgcDense *
pgc_dense_make(Size memory)
{
	PgcDense   *dense = palloc0(sizeof(PgcDense));

	dense->context = CurrentMemoryContext;
	dense->most_words = Max(memory / sizeof(uint64), FIRST_WORDS);
	return dense;
}

/* extend makes the words reach from low to word or from word to high; false: that are too many. */
static bool
extend(PgcDense *dense, uint64 word)
{
	uint64		low = dense->nwords > 0 ? Min(dense->first, word) : word;
	uint64		high = dense->nwords > 0 ? Max(dense->first + dense->nwords - 1, word) : word;
	uint64		nwords = Min(Max(high - low + 1, Max(2 * dense->nwords, FIRST_WORDS)), dense->most_words);
	uint64	   *words;

	if (high - low >= dense->most_words)
		return false;
	/* the room is where the integers are growing to */
	if (dense->nwords > 0 && word < dense->first)
		low = high >= nwords ? high + 1 - nwords : 0;
	words = MemoryContextAllocExtended(dense->context, nwords * sizeof(uint64),
									   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	if (dense->nwords > 0)
	{
		memcpy(words + (dense->first - low), dense->words, dense->nwords * sizeof(uint64));
		pfree(dense->words);
	}
	dense->words = words;
	dense->first = low;
	dense->nwords = nwords;
	return true;
}

/* pgc_dense_add adds an integer; false: the range would be too wide. */
bool
pgc_dense_add(PgcDense *dense, int64 integer)
{
	uint64		bit = pgc_dense_bit(integer);
	uint64		word = bit / BITS;

	if (word - dense->first >= dense->nwords && !extend(dense, word))
		return false;
	dense->words[word - dense->first] |= UINT64CONST(1) << bit % BITS;
	return true;
}

/*
 * pgc_dense_next sets *integer to the first one of the set from *position on and
 * moves *position, 0 at first, behind it; false: there is none.
 */
bool
pgc_dense_next(const PgcDense *dense, uint64 *position, int64 *integer)
{
	for (; *position < dense->nwords * BITS; (*position)++)
	{
		if ((dense->words[*position / BITS] >> *position % BITS & 1) == 0)
			continue;
		*integer = (int64) ((dense->first * BITS + *position) ^ PGC_DENSE_SIGN);
		(*position)++;
		return true;
	}
	return false;
}

/* pgc_dense_free releases a set. */
void
pgc_dense_free(PgcDense *dense)
{
	if (dense->words != NULL)
		pfree(dense->words);
	pfree(dense);
}
