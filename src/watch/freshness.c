/*
 * src/watch/freshness.c
 */
#include "postgres.h"

#include "watch/watch.h"

bool
pgc_freshness_step(PgcStep *step)
{
	return false;
}
