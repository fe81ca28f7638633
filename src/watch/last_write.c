/*
 * src/watch/last_write.c
 *		Task of the database's worker: samples what the server's statistics count of writes.
 */
#include "postgres.h"

#include "watch/watch.h"

/* pgc_last_write_step samples some datasets; the next step goes on where this one ends. */
bool
pgc_last_write_step(PgcStep *step)
{
	static int32 after = PG_INT32_MIN;
	bool		first = after == PG_INT32_MIN;

	if (first)
		pgc_worker_doing("sampling of writes");
	after = pgc_writes_sample_some(after, step->now);
	if (after != PG_INT32_MIN)
		return true;
	if (!first)
		step->next = step->now + pgc_naptime * (int64) 1000;
	return false;
}
