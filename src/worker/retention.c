/*
 * src/worker/retention.c
 */
#include "postgres.h"

#include "worker/worker.h"

int			pgc_history_max_age = 90 * 24 * 60;
int			pgc_history_max_rows = 100000;

bool
pgc_retention_step(PgcStep *step)
{
	return false;
}
