/*
 * src/worker/drain.c
 */
#include "postgres.h"

#include "worker/worker.h"

bool
pgc_drain_step(PgcStep *step)
{
	return false;
}
