/*
 * src/catalog/version.c
 *		The documents of contracts, as they were applied.
 *
 * A contract has a document if there is a row in contract.contract_version for
 * it; the newest is the one in force.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/contract.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"

/* read_version adds a row of contract.contract_version to a list of PgcVersion. */
static void
read_version(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	List	  **versions = arg;
	PgcVersion *version = palloc0(sizeof(PgcVersion));
	Datum		values[9];
	bool		nulls[9];

	heap_deform_tuple(tuple, descriptor, values, nulls);
	version->id = DatumGetInt64(values[0]);
	version->version = TextDatumGetCString(values[1]);
	version->status = TextDatumGetCString(values[2]);
	version->source = DatumGetTextPCopy(values[3]);
	version->document = DatumGetJsonbPCopy(values[4]);
	version->level = nulls[5] ? NULL : TextDatumGetCString(values[5]);
	version->changes = DatumGetInt32(values[6]);
	version->applied_at = DatumGetTimestampTz(values[7]);
	version->applied_by = *DatumGetName(values[8]);
	*versions = lappend(*versions, version);
}

/* read_versions runs a query for versions of a contract. */
static List *
read_versions(const char *sql, const char *contract_id)
{
	const Oid	types[] = {TEXTOID};
	const Datum values[] = {CStringGetTextDatum(contract_id)};
	List	   *versions = NIL;

	pgc_catalog_query(sql, 1, types, values, NULL, read_version, &versions);
	return versions;
}

#define VERSION_QUERY \
	"SELECT version_id, version, status, source, document, level, changes, applied_at, applied_by" \
	" FROM contract.contract_version WHERE contract_id = $1 ORDER BY version_id DESC"

/* pgc_version_list returns a contract's documents, the newest first; NIL if it has none. */
List *
pgc_version_list(const char *contract_id)
{
	return read_versions(VERSION_QUERY, contract_id);
}

/* pgc_version_newest returns a contract's document in force; NULL if it has none. */
PgcVersion *
pgc_version_newest(const char *contract_id)
{
	List	   *versions = read_versions(VERSION_QUERY " LIMIT 1", contract_id);

	return versions == NIL ? NULL : linitial(versions);
}
