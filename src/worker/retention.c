/*
 * src/worker/retention.c
 */
#include "postgres.h"

#include "worker/worker.h"

bool
pgc_retention_step(PgcStep *step)
{
	return false;
}
