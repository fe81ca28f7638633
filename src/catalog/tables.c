/*
 * src/catalog/tables.c
 *		Where the extension's tables are, and how SQL is run on them.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/contract.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/tables.h"
#include "compat.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

/* pgc_table_oid returns the OID of a relation of schema contract, or InvalidOid. */
Oid
pgc_table_oid(const char *name)
{
	Oid			schema = get_namespace_oid("contract", true);

	return OidIsValid(schema) ? get_relname_relid(name, schema) : InvalidOid;
}

/* pgc_catalog_exists: is the extension in this database, whole? */
bool
pgc_catalog_exists(void)
{
	return OidIsValid(pgc_table_oid("quarantine_dataset_idx"));
}

/* pgc_catalog_owner returns the role that owns the extension's tables. */
Oid
pgc_catalog_owner(void)
{
	Oid			relid = pgc_table_oid("dataset");
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("the tables of extension pg_contract are missing"),
				 errhint("Run CREATE EXTENSION pg_contract.")));
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/*
 * pgc_catalog_execute runs one statement on our tables with the rights of
 * their owner and returns the number of rows processed.  Values are parameters
 * only: sql is a constant of the caller's.  Needs no grants of the user.
 */
uint64
pgc_catalog_execute(const char *sql, int nargs, const Oid *types,
					const Datum *values, const char *nulls)
{
	Oid			role;
	int			context;
	int			nestlevel = NewGUCNestLevel();
	uint64		processed;

	GetUserIdAndSecContext(&role, &context);
	SetUserIdAndSecContext(pgc_catalog_owner(), context | SECURITY_LOCAL_USERID_CHANGE);
	pgc_compat_restrict_search_path();
	SPI_connect();
	if (SPI_execute_with_args(sql, nargs, unconstify(Oid *, types), unconstify(Datum *, values),
							  nulls, false, 0) < 0)
		elog(ERROR, "statement on the catalog of pg_contract failed: %s", sql);
	processed = SPI_processed;
	SPI_finish();
	AtEOXact_GUC(false, nestlevel);
	SetUserIdAndSecContext(role, context);
	return processed;
}

/* pgc_catalog_name returns schema.table, quoted where necessary (palloc'd). */
char *
pgc_catalog_name(const char *schema, const char *table)
{
	return quote_qualified_identifier(schema, table);
}
