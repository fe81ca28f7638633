/*
 * src/lineage/extract.c
 *		Lineage of a query.
 */
#include "postgres.h"

#include "lineage/lineage.h"

PgcLineage *
pgc_extract_query(const Query *query, const PgcExtraction *how)
{
	return NULL;
}

PgcLineage *
pgc_extract_view(Oid relid)
{
	return NULL;
}

PgcLineage *
pgc_extract_generated(Oid relid)
{
	return NULL;
}

PgcLineage *
pgc_extract_function(Oid funcid)
{
	return NULL;
}

int
pgc_lineage_add_node(PgcLineage *lineage, PgcPlace place, Oid oid)
{
	return 0;
}

void
pgc_lineage_set_relation(PgcLineage *lineage, int node, Oid relid)
{
}
