/*
 * src/worker/schedule.c
 */
#include "postgres.h"

#include "worker/worker.h"

bool
pgc_schedule_step(PgcStep *step)
{
	return false;
}
