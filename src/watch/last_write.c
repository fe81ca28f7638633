/*
 * src/watch/last_write.c
 */
#include "postgres.h"

#include "watch/watch.h"

bool
pgc_last_write_step(PgcStep *step)
{
	return false;
}
