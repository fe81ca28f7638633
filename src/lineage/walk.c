/*
 * src/lineage/walk.c
 *		Walking lineage, for the guard and for incidents.
 */
#include "postgres.h"

#include "lineage/lineage.h"

char *
pgc_lineage_downstream_text(Oid relid, const char *schema, const char *table, const char *column, int limit)
{
	return NULL;
}

List *
pgc_lineage_upstream_datasets(int32 dataset_id)
{
	return NIL;
}
