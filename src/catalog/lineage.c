/*
 * src/catalog/lineage.c
 *		Statements with lineage, their edges and nodes, as tables.
 */
#include "postgres.h"

#include "catalog/lineage.h"

int64
pgc_lineage_store(const PgcStatement *statement)
{
	return 0;
}

bool
pgc_lineage_count(int64 statement_id, const PgcStatement *statement)
{
	return false;
}

void
pgc_lineage_dropped(Oid relid, AttrNumber column)
{
}

void
pgc_lineage_renamed(Oid relid)
{
}

bool
pgc_lineage_prune(TimestampTz oldest)
{
	return false;
}
