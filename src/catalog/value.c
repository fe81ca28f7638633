/*
 * src/catalog/value.c
 *		Lineage as values: order, copies, digests, bytes.
 */
#include "postgres.h"

#include "catalog/lineage.h"

const char *
pgc_subtype_name(PgcSubtype subtype)
{
	static const char *const names[] = {
		"identity", "transformation", "aggregation", "join", "filter", "group_by", "sort", "window", "conditional"
	};

	return names[subtype];
}

void
pgc_lineage_sort(PgcLineage *lineage)
{
}

PgcLineage *
pgc_lineage_copy(const PgcLineage *lineage)
{
	return NULL;
}

void
pgc_statement_digest(const PgcStatement *statement, PgcDigest *digest)
{
}

bytea *
pgc_statement_serialize(const PgcStatement *statement)
{
	return NULL;
}

PgcStatement *
pgc_statement_deserialize(const bytea *bytes)
{
	return NULL;
}
