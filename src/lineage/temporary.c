/*
 * src/lineage/temporary.c
 *		Temporary tables are looked through.
 */
#include "postgres.h"

#include "lineage/lineage.h"

void
pgc_temporary_wrote(const PgcLineage *lineage)
{
}

PgcLineage *
pgc_temporary_resolve(PgcLineage *lineage)
{
	return lineage;
}

void
pgc_temporary_end(XactEvent event)
{
}

void
pgc_temporary_subtransaction(SubXactEvent event, SubTransactionId subid, SubTransactionId parent)
{
}
