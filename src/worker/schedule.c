/*
 * src/worker/schedule.c
 */
#include "postgres.h"

#include "worker/worker.h"

int			pgc_audit_timeout = 3600 * 1000;

bool
pgc_schedule_step(PgcStep *step)
{
	return false;
}
