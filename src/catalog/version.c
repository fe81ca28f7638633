/*
 * src/catalog/version.c
 *		A contract's own row, and its documents as they were applied.
 *
 * A contract has a document if there is a row in contract.contract_version for
 * it; the newest is the one in force.  A contract without a document goes when
 * its last dataset has left it.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/annotate.h"
#include "catalog/contract.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_type.h"
#include "catalog/tables.h"
#include "common/hashfn.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_history);

/* pgc_contract_require_id refuses what cannot be the id of a contract. */
void
pgc_contract_require_id(const char *what, const char *contract_id)
{
	if (contract_id[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s must not be empty", what)));
	if (strlen(contract_id) > PGC_MAX_NAME)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be longer than %d bytes", what, PGC_MAX_NAME)));
}

/* applied_by: has the user the rights of who applied the document, or of the extension's owner? */
static bool
applied_by(const PgcVersion *version)
{
	Oid			role = get_role_oid(NameStr(version->applied_by), true);

	return (OidIsValid(role) && has_privs_of_role(GetUserId(), role)) ||
		has_privs_of_role(GetUserId(), pgc_catalog_owner());
}

/*
 * pgc_contract_require_rights: changing a contract changes it for all its
 * datasets.  A document without datasets is its author's.
 */
void
pgc_contract_require_rights(const char *contract_id)
{
	List	   *datasets = pgc_contract_datasets(contract_id);
	PgcVersion *version = datasets == NIL ? pgc_version_newest(contract_id) : NULL;
	ListCell   *cell;

	foreach(cell, datasets)
		pgc_dataset_require_rights(lfirst_int(cell));
	if (version != NULL && !applied_by(version))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for contract \"%s\"", contract_id),
				 errdetail("It has no datasets, and its document was applied by role \"%s\".",
						   NameStr(version->applied_by))));
}

/* pgc_contract_lock makes those who change a contract as a whole wait for each other. */
void
pgc_contract_lock(const char *contract_id)
{
	LockDatabaseObject(pgc_table_oid("contract"),
					   hash_bytes((const unsigned char *) contract_id, strlen(contract_id)), 0, ExclusiveLock);
}

/*
 * pgc_contract_make makes a contract if there is none of this id.  Of one's own:
 * the id is followed by a number if it is taken.  Returns the id.
 */
const char *
pgc_contract_make(const char *contract_id, bool own)
{
	const Oid	types[] = {TEXTOID};
	Datum		values[1];
	const char *name = contract_id;

	for (int i = 2; own && pgc_contract_agreement(contract_id) != NULL; i++)
		contract_id = psprintf("%s %d", name, i);
	values[0] = CStringGetTextDatum(contract_id);
	pgc_catalog_execute("INSERT INTO contract.contract (contract_id) VALUES ($1) ON CONFLICT DO NOTHING",
						1, types, values, NULL);
	CommandCounterIncrement();
	return contract_id;
}

/* pgc_contract_write sets what is said of a contract. */
void
pgc_contract_write(const char *contract_id, const char *const *fields, const List *documented)
{
	const Oid	types[] = {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTARRAYOID};
	char		nulls[7] = "      ";
	Datum		values[6];

	values[0] = CStringGetTextDatum(contract_id);
	for (int i = 0; i < PGC_CONTRACT_FIELDS; i++)
		values[1 + i] = pgc_text_or_null(fields[i], &nulls[1 + i]);
	values[5] = pgc_text_array(documented);
	pgc_catalog_execute("UPDATE contract.contract SET version = $2, status = $3, owner = $4, description = $5,"
						" documented = $6, changed_at = pg_catalog.now() WHERE contract_id = $1",
						6, types, values, nulls);
}

/* pgc_contract_drop_orphans drops contracts that have neither datasets nor a document. */
void
pgc_contract_drop_orphans(void)
{
	pgc_catalog_execute("DELETE FROM contract.contract c"
						" WHERE NOT EXISTS (SELECT FROM contract.dataset d WHERE d.contract_id = c.contract_id)"
						" AND NOT EXISTS (SELECT FROM contract.contract_version v WHERE v.contract_id = c.contract_id)",
						0, NULL, NULL, NULL);
}

/* pgc_contract_forget drops a contract without datasets, and its documents. */
void
pgc_contract_forget(const char *contract_id)
{
	const Oid	types[] = {TEXTOID};
	const Datum values[] = {CStringGetTextDatum(contract_id)};

	pgc_catalog_execute("DELETE FROM contract.contract_version WHERE contract_id = $1", 1, types, values, NULL);
	pgc_catalog_execute("DELETE FROM contract.contract WHERE contract_id = $1", 1, types, values, NULL);
	CommandCounterIncrement();
}

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

/* pgc_version_write adds a document, applied now by the user (applied_at and applied_by are not read). */
void
pgc_version_write(const char *contract_id, const PgcVersion *version)
{
	const Oid	types[] = {TEXTOID, TEXTOID, TEXTOID, TEXTOID, JSONBOID, TEXTOID, INT4OID, NAMEOID};
	char		nulls[9] = "        ";
	Datum		values[8];
	NameData	role;

	namestrcpy(&role, GetUserNameFromId(GetUserId(), false));
	values[0] = CStringGetTextDatum(contract_id);
	values[1] = CStringGetTextDatum(version->version);
	values[2] = CStringGetTextDatum(version->status);
	values[3] = PointerGetDatum(version->source);
	values[4] = JsonbPGetDatum(version->document);
	values[5] = pgc_text_or_null(version->level, &nulls[5]);
	values[6] = Int32GetDatum(version->changes);
	values[7] = NameGetDatum(&role);
	pgc_catalog_execute("INSERT INTO contract.contract_version (contract_id, version, status, source, document,"
						" level, changes, applied_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
						8, types, values, nulls);
}

/* pgc_version_amend replaces a document by one that says the same in other words. */
void
pgc_version_amend(int64 id, text *source, Jsonb *document)
{
	const Oid	types[] = {INT8OID, TEXTOID, JSONBOID};
	const Datum values[] = {Int64GetDatum(id), PointerGetDatum(source), JsonbPGetDatum(document)};

	pgc_catalog_execute("UPDATE contract.contract_version SET source = $2, document = $3 WHERE version_id = $1",
						3, types, values, NULL);
}

/*
 * may_see: may the user see what became of a contract?  Those who may see one of
 * its datasets; of a contract without any, those with the rights of who applied
 * it, and those who may read everything.  *whole: its documents too, which takes
 * all of its datasets, as for contract.export.
 */
static bool
may_see(const char *contract_id, const PgcVersion *newest, bool *whole)
{
	bool		some = applied_by(newest) || has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_DATA);
	ListCell   *cell;

	*whole = true;
	if (some)
		return true;
	foreach(cell, pgc_contract_datasets(contract_id))
	{
		bool		visible = pgc_privilege_is_visible(lfirst_int(cell));

		some |= visible;
		*whole &= visible;
	}
	return some;
}

/* pgc_history is contract.history(contract_id). */
Datum
pgc_history(PG_FUNCTION_ARGS)
{
	const char *contract_id = text_to_cstring(PG_GETARG_TEXT_PP(0));
	List	   *versions = pgc_version_list(contract_id);
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	bool		whole;
	ListCell   *cell;

	InitMaterializedSRF(fcinfo, 0);
	if (versions == NIL || !may_see(contract_id, linitial(versions), &whole))
		PG_RETURN_VOID();
	foreach(cell, versions)
	{
		const PgcVersion *version = lfirst(cell);
		bool		nulls[7] = {false};
		Datum		values[7];

		values[0] = CStringGetTextDatum(version->version);
		values[1] = CStringGetTextDatum(version->status);
		nulls[2] = version->level == NULL;
		values[2] = nulls[2] ? (Datum) 0 : CStringGetTextDatum(version->level);
		values[3] = Int32GetDatum(version->changes);
		values[4] = TimestampTzGetDatum(version->applied_at);
		values[5] = NameGetDatum(&version->applied_by);
		nulls[6] = !whole;
		values[6] = PointerGetDatum(version->source);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	PG_RETURN_VOID();
}
