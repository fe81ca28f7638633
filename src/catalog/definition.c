/*
 * src/catalog/definition.c
 *		Lineage of definitions, as a table.
 */
#include "postgres.h"

#include "catalog/lineage.h"

void
pgc_definition_store(Oid classid, Oid objid, const PgcLineage *lineage)
{
}

void
pgc_definition_forget(Oid classid, Oid objid)
{
}
