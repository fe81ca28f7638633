/*
 * src/engine/batch.h
 *		Makes a comparator's PgcFails of its PgcPasses.
 *
 * A comparator is written once, as an always inlined PgcPasses; its PgcFails is
 * a loop that the compiler makes of it here.  So a write and an audit cannot
 * disagree.
 */
#ifndef PGC_BATCH_H
#define PGC_BATCH_H

#include "engine/engine.h"

/* pgc_batch_by_row asks about each row. */
static pg_attribute_always_inline int
pgc_batch_by_row(PgcPasses passes, const PgcOp *op, const PgcVector *column,
				 bool has_nulls, int nrows, uint16 *failing)
{
	int			nfailing = 0;

	for (int i = 0; i < nrows; i++)
	{
		bool		passed = has_nulls && column->nulls[i] ? op->null_passes :
		passes(op, column->values[i]);

		if (unlikely(!passed))
			failing[nfailing++] = i;
	}
	return nfailing;
}

/*
 * pgc_batch_by_value is for types passed by value, comparisons without branches
 * and nulls that pass: first it looks whether any row fails, without a branch a
 * row, which takes in what lies behind nulls; only then it asks about each row.
 */
static pg_attribute_always_inline int
pgc_batch_by_value(PgcPasses passes, const PgcOp *op, const PgcVector *column,
				   bool has_nulls, int nrows, uint16 *failing)
{
	bool		any = false;

	for (int i = 0; i < nrows; i++)
		any |= !passes(op, column->values[i]);
	return any ? pgc_batch_by_row(passes, op, column, has_nulls, nrows, failing) : 0;
}

/* PGC_BATCH defines the PgcFails name as the loop over passes. */
#define PGC_BATCH(name, loop, passes) \
static int \
name(const PgcOp *op, const PgcVector *column, bool has_nulls, int nrows, uint16 *failing) \
{ \
	return loop(passes, op, column, has_nulls, nrows, failing); \
} \
StaticAssertDecl(true, "takes the semicolon")

#endif							/* PGC_BATCH_H */
