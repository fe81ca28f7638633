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
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
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
	return OidIsValid(pgc_table_oid("quarantine_pkey"));
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

bool		pgc_catalog_keeps_plans = false;

/*
 * plan_of prepares a statement, or returns the plan that is kept of it.  Statements
 * are constants, so their address tells them apart.
 */
static SPIPlanPtr
plan_of(const char *sql, int nargs, const Oid *types)
{
	typedef struct
	{
		const char *sql;
		SPIPlanPtr	plan;		/* or NULL */
	} Kept;
	static HTAB *plans = NULL;
	Kept	   *kept = NULL;
	SPIPlanPtr	plan;

	if (pgc_catalog_keeps_plans)
	{
		const HASHCTL control = {.keysize = sizeof(const char *),.entrysize = sizeof(Kept),.hcxt = CacheMemoryContext};
		bool		found;

		if (plans == NULL)
			plans = hash_create("pg_contract plans", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
		kept = hash_search(plans, &sql, HASH_ENTER, &found);
		if (!found)
			kept->plan = NULL;
		if (kept->plan != NULL)
			return kept->plan;
	}
	plan = SPI_prepare(sql, nargs, unconstify(Oid *, types));
	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\": %s", sql, SPI_result_code_string(SPI_result));
	if (kept != NULL && SPI_keepplan(plan) == 0)
		kept->plan = plan;
	return plan;
}

/* A statement on our tables. */
typedef struct Statement
{
	const char *sql;
	int			nargs;
	const Oid  *types;
	const Datum *values;
	const char *nulls;
	bool		before;			/* sees nothing that this transaction did */
} Statement;

/* execute runs a prepared statement with the latest snapshot; see below. */
static uint64
execute(const Statement *statement, PgcRowFunction row, void *arg, MemoryContext caller)
{
	SPIPlanPtr	plan;
	Snapshot	snapshot;
	int			result;
	uint64		processed;

	SPI_connect();
	plan = plan_of(statement->sql, statement->nargs, statement->types);
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	if (statement->before)
		snapshot->curcid = FirstCommandId;
	result = SPI_execute_snapshot(plan, unconstify(Datum *, statement->values), statement->nulls, snapshot,
								  InvalidSnapshot, statement->before, true, 0);
	if (result < 0)
		elog(ERROR, "could not execute \"%s\": %s", statement->sql, SPI_result_code_string(result));
	UnregisterSnapshot(snapshot);
	processed = SPI_processed;
	for (uint64 i = 0; row != NULL && i < processed; i++)
	{
		MemoryContext spi = MemoryContextSwitchTo(caller);

		row(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, arg);
		MemoryContextSwitchTo(spi);
	}
	SPI_finish();
	return processed;
}

bool		pgc_catalog_is_running = false;

/* execute_as_owner runs a statement with the rights of our tables' owner. */
static uint64
execute_as_owner(const Statement *statement, PgcRowFunction row, void *arg)
{
	Oid			role;
	int			context;
	int			nestlevel = NewGUCNestLevel();
	volatile uint64 processed = 0;
	bool		was_running = pgc_catalog_is_running;

	GetUserIdAndSecContext(&role, &context);
	SetUserIdAndSecContext(pgc_catalog_owner(), context | SECURITY_LOCAL_USERID_CHANGE);
	pgc_compat_restrict_search_path();
	pgc_catalog_is_running = true;
	PG_TRY();
	{
		processed = execute(statement, row, arg, CurrentMemoryContext);
	}
	PG_FINALLY();
	{
		pgc_catalog_is_running = was_running;
	}
	PG_END_TRY();
	AtEOXact_GUC(false, nestlevel);
	SetUserIdAndSecContext(role, context);
	return processed;
}

/*
 * pgc_catalog_query runs one statement on our tables with the rights of their
 * owner and the latest snapshot, whatever the isolation level, as DDL does; so
 * no change by others is overlooked.  row (or NULL) is called for each row of
 * the result in the current context.  Returns the number of rows processed.
 * Values are parameters only: sql is a constant of the caller's.
 */
uint64
pgc_catalog_query(const char *sql, int nargs, const Oid *types, const Datum *values,
				  const char *nulls, PgcRowFunction row, void *arg)
{
	const Statement statement = {
		.sql = sql,.nargs = nargs,.types = types,.values = values,.nulls = nulls
	};

	return execute_as_owner(&statement, row, arg);
}

/*
 * pgc_catalog_query_before runs a query that sees our tables, and the system's, as they were
 * before this transaction changed anything; what others have committed it sees.
 */
uint64
pgc_catalog_query_before(const char *sql, int nargs, const Oid *types, const Datum *values,
						 const char *nulls, PgcRowFunction row, void *arg)
{
	const Statement statement = {
		.sql = sql,.nargs = nargs,.types = types,.values = values,.nulls = nulls,.before = true
	};

	return execute_as_owner(&statement, row, arg);
}

/* pgc_catalog_execute is pgc_catalog_query for statements without result. */
uint64
pgc_catalog_execute(const char *sql, int nargs, const Oid *types, const Datum *values,
					const char *nulls)
{
	return pgc_catalog_query(sql, nargs, types, values, nulls, NULL, NULL);
}

/* pgc_catalog_name returns schema.table, quoted where necessary (palloc'd). */
char *
pgc_catalog_name(const char *schema, const char *table)
{
	return quote_qualified_identifier(schema, table);
}

/*
 * pgc_catalog_try_lock takes an object lock until the end of the transaction, named after
 * one of our tables, unless another transaction has it; never waits.
 */
bool
pgc_catalog_try_lock(const char *table, uint32 object)
{
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, pgc_table_oid(table), object, 0);
	return LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
}
