/*
 * src/lineage/flush.c
 *		The task of the worker that records lineage.
 */
#include "postgres.h"

#include "lineage/lineage.h"

bool
pgc_lineage_step(PgcStep *step)
{
	return false;
}
