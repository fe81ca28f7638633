/*
 * src/lineage/track.c
 *		Statements as they run.
 */
#include "postgres.h"

#include "lineage/lineage.h"

void
pgc_track_init(void)
{
}

bool
pgc_track_is_on(void)
{
	return false;
}

void
pgc_track_pre_commit(void)
{
}

void
pgc_track_end(XactEvent event)
{
}

void
pgc_track_subtransaction(SubXactEvent event, SubTransactionId subid, SubTransactionId parent)
{
}
