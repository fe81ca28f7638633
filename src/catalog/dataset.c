/*
 * src/catalog/dataset.c
 *		SQL functions about datasets and their columns: describe,
 *		describe_column, pii, enforce, drop_contract.
 *
 * Definers of one dataset wait for each other on a lock of the dataset's own,
 * not on its table.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/annotate.h"
#include "catalog/catalog.h"
#include "catalog/contract.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "catalog/tables.h"
#include "catalog/total.h"
#include "common/hashfn.h"
#include "compat.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_describe);
PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_describe_column);
PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_pii);
PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_enforce);
PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_drop_contract);

static const char *const statuses[] = {"proposed", "draft", "active", "deprecated", "retired", NULL};
static const char *const write_paths[] = {"bulk", "oltp", NULL};
static const char *const apply_modes[] = {"enforce", "warn", NULL};


/* pgc_argument_text returns a text argument (palloc'd), or NULL. */
char *
pgc_argument_text(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(argument));
}

/* pgc_argument_or_null returns an argument and its null flag as SPI wants it. */
Datum
pgc_argument_or_null(FunctionCallInfo fcinfo, int argument, char *isnull)
{
	*isnull = PG_ARGISNULL(argument) ? 'n' : ' ';
	return PG_ARGISNULL(argument) ? (Datum) 0 : PG_GETARG_DATUM(argument);
}

/* pgc_text_or_null returns a text and its null flag as SPI wants it. */
Datum
pgc_text_or_null(const char *string, char *isnull)
{
	*isnull = string ? ' ' : 'n';
	return string ? CStringGetTextDatum(string) : (Datum) 0;
}

/* pgc_require_word refuses a word that is not one of a closed vocabulary. */
void
pgc_require_word(const char *what, const char *word, const char *const *words)
{
	StringInfoData valid;

	initStringInfo(&valid);
	for (int i = 0; words[i] != NULL; i++)
	{
		if (strcmp(words[i], word) == 0)
			return;
		appendStringInfo(&valid, "%s%s", i > 0 ? ", " : "", words[i]);
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown %s \"%s\"", what, word),
			 errhint("Valid values are %s.", valid.data)));
}

/* pgc_dataset_require_possible refuses what cannot be a dataset. */
void
pgc_dataset_require_possible(Oid relid)
{
	char		kind = get_rel_relkind(relid);
	const char *reason = NULL;

	if (kind == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relid)));
	if (IsCatalogRelationOid(relid))
		reason = "It is a system catalog.";
	else if (get_rel_namespace(relid) == get_namespace_oid("contract", true))
		reason = "It belongs to pg_contract itself.";
	else if (get_rel_persistence(relid) == RELPERSISTENCE_TEMP)
		reason = "It is a temporary table.";
	else if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE &&
			 kind != RELKIND_FOREIGN_TABLE && kind != RELKIND_VIEW && kind != RELKIND_MATVIEW)
		reason = "It is not a table, partitioned table, foreign table, view or materialized view.";
	if (reason != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("relation \"%s\" cannot have a contract", get_rel_name(relid)),
				 errdetail_internal("%s", reason)));
}

/* pgc_dataset_require_possible_name refuses schemas in which no dataset can ever be. */
void
pgc_dataset_require_possible_name(const char *name, const char *schema)
{
	if (IsReservedName(schema) || strcmp(schema, "contract") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("relation \"%s\" cannot have a contract", name),
				 errdetail("Schema \"%s\" is not for tables of users.", schema)));
}

/* pgc_dataset_lock makes definers of this relation's contract wait for each other. */
void
pgc_dataset_lock(Oid relid)
{
	LockDatabaseObject(pgc_table_oid("dataset"), relid, 0, ExclusiveLock);
}

/* lock_name locks a name; others may have the same lock, and wait in vain. */
static void
lock_name(const char *name, LOCKMODE mode)
{
	LockDatabaseObject(pgc_table_oid("dataset"), hash_bytes((const unsigned char *) name, strlen(name)), 1, mode);
}

/*
 * pgc_dataset_lock_name does so where there is no relation yet, and makes those
 * wait who make one of this name.
 */
void
pgc_dataset_lock_name(const char *name)
{
	lock_name(name, ExclusiveLock);
}

/* pgc_dataset_await_name is for those who make a relation: they wait for definers, not for each other. */
void
pgc_dataset_await_name(const char *name)
{
	lock_name(name, ShareLock);
}

/* new_id returns a free id made from the name, so that it stays over restores. */
static int32
new_id(const char *name)
{
	int32		id = (int32) (hash_bytes((const unsigned char *) name, strlen(name)) & PG_INT32_MAX);

	while (id == 0 || pgc_contract_load(id) != NULL)
		id = (id + 1) & PG_INT32_MAX;
	return id;
}

/* pgc_dataset_rename gives a dataset another name; false: another dataset has it. */
bool
pgc_dataset_rename(int32 dataset_id, const NameData *schema_name, const NameData *table_name)
{
	const Oid	types[] = {INT4OID, NAMEOID, NAMEOID};
	Datum		values[3];

	values[0] = Int32GetDatum(dataset_id);
	values[1] = NameGetDatum(schema_name);
	values[2] = NameGetDatum(table_name);
	return pgc_catalog_execute("UPDATE contract.dataset SET schema_name = $2, table_name = $3"
							   " WHERE dataset_id = $1 AND NOT EXISTS (SELECT FROM contract.dataset d"
							   " WHERE d.schema_name = $2 AND d.table_name = $3 AND d.dataset_id <> $1)",
							   3, types, values, NULL) > 0;
}

/* refuse_waiting raises if the relation's name has a contract that its owner has not accepted. */
static void
refuse_waiting(Oid relid)
{
	int32		waiting = pgc_contract_waiting(relid);
	const PgcContract *contract = waiting != 0 ? pgc_contract_load(waiting) : NULL;

	if (contract != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("dataset \"%s\" has a contract that waits", contract->name),
				 errdetail("Its rules are those of role \"%s\", and the relation has another owner.",
						   NameStr(contract->author)),
				 errhint("To accept them: SELECT contract.enforce(%s); to end the contract: SELECT contract.drop_contract(%s).",
						 quote_literal_cstr(contract->name), quote_literal_cstr(contract->name))));
}

/*
 * pgc_dataset_create makes a dataset of a name and binds it to its relation, if
 * that is there; else it waits for one, and its author is the user.  Without a
 * contract it gets one of its own.  Returns its id.
 */
int32
pgc_dataset_create(const NameData *schema_name, const NameData *table_name, Oid relid,
				   const char *contract_id)
{
	const Oid	types[] = {INT4OID, NAMEOID, NAMEOID, TEXTOID, OIDOID};
	char	   *name = pgc_catalog_name(NameStr(*schema_name), NameStr(*table_name));
	int32		id = new_id(name);
	Datum		values[5];

	if (OidIsValid(relid))
		refuse_waiting(relid);
	if (contract_id == NULL)
		contract_id = pgc_contract_make(name, true);
	values[0] = Int32GetDatum(id);
	values[1] = NameGetDatum(schema_name);
	values[2] = NameGetDatum(table_name);
	values[3] = CStringGetTextDatum(contract_id);
	values[4] = ObjectIdGetDatum(GetUserId());
	pgc_catalog_execute("INSERT INTO contract.dataset (dataset_id, schema_name, table_name, contract_id, author)"
						" VALUES ($1, $2, $3, $4, pg_catalog.pg_get_userbyid($5))", 5, types, values, NULL);
	CommandCounterIncrement();
	if (OidIsValid(relid))
		pgc_binding_write(id, relid);
	return id;
}

/*
 * pgc_dataset_ensure returns the contract of a relation that the user may
 * annotate, made if there is none, and holds off other definers until commit.
 */
PgcContract *
pgc_dataset_ensure(Oid relid)
{
	int32		id;

	PreventCommandIfReadOnly("changing a contract");
	pgc_dataset_require_possible(relid);
	pgc_privilege_require_owner(relid);
	pgc_dataset_lock(relid);
	id = pgc_contract_of_relation(relid);
	if (id == 0)
	{
		NameData	schema_name;
		NameData	table_name;

		namestrcpy(&schema_name, get_namespace_name(get_rel_namespace(relid)));
		namestrcpy(&table_name, get_rel_name(relid));
		id = pgc_dataset_create(&schema_name, &table_name, relid, NULL);
	}
	return pgc_contract_load(id);
}

/*
 * owns_waiting: may the user change a dataset that has no relation?  Its author
 * may, the owner of a relation of its name, and the extension's owner.
 */
static bool
owns_waiting(const PgcContract *contract)
{
	Oid			named = pgc_contract_named(&contract->schema_name, &contract->table_name);
	Oid			author = get_role_oid(NameStr(contract->author), true);

	return has_privs_of_role(GetUserId(), pgc_catalog_owner()) ||
		(OidIsValid(author) && has_privs_of_role(GetUserId(), author)) ||
		(OidIsValid(named) && pgc_compat_owns_relation(named, GetUserId()));
}

/* pgc_dataset_has_rights: may the user change what is said of a dataset? */
bool
pgc_dataset_has_rights(int32 dataset_id)
{
	const PgcContract *contract = pgc_contract_load(dataset_id);

	return contract != NULL && (OidIsValid(contract->relid) ?
								pgc_compat_owns_relation(contract->relid, GetUserId()) : owns_waiting(contract));
}

/* pgc_dataset_require_rights raises unless the user may change what is said of a dataset. */
void
pgc_dataset_require_rights(int32 dataset_id)
{
	const PgcContract *contract = pgc_contract_load(dataset_id);

	if (OidIsValid(contract->relid))
		pgc_privilege_require_owner(contract->relid);
	else if (!owns_waiting(contract))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of extension pg_contract to change dataset \"%s\"", contract->name),
				 errdetail("It has no relation, and its rules are those of role \"%s\".", NameStr(contract->author))));
}

/*
 * open_dataset returns the contract of a dataset, whose table may be gone, for a
 * user who may change it, and holds off other definers.
 */
static PgcContract *
open_dataset(int32 dataset_id)
{
	Oid			relid = pgc_contract_relation(dataset_id);

	PreventCommandIfReadOnly("changing a contract");
	pgc_dataset_require_rights(dataset_id);
	if (OidIsValid(relid))
		pgc_dataset_lock(relid);
	return pgc_contract_load(dataset_id);
}

/* pgc_dataset_open is open_dataset for a dataset's name as a user writes it. */
PgcContract *
pgc_dataset_open(const char *name)
{
	return open_dataset(pgc_contract_find(name, false));
}

/* check_description refuses wrong arguments of contract.describe. */
static void
check_description(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("relation must not be null")));
	if (!PG_ARGISNULL(4))
		pgc_require_word("status", pgc_argument_text(fcinfo, 4), statuses);
	if (!PG_ARGISNULL(5))
		pgc_contract_require_id("contract_id", pgc_argument_text(fcinfo, 5));
	if (!PG_ARGISNULL(6))
		pgc_require_word("write_path", pgc_argument_text(fcinfo, 6), write_paths);
	if (!PG_ARGISNULL(7))
		pgc_require_word("on_apply", pgc_argument_text(fcinfo, 7), apply_modes);
}

/* require_stays refuses to take a dataset out of the contract whose document declares it. */
static void
require_stays(const PgcContract *contract, const char *contract_id)
{
	if (contract->in_document && strcmp(contract->contract_id, contract_id) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("dataset \"%s\" is in the document of contract \"%s\"",
						contract->name, contract->contract_id),
				 errhint("Take it out of the document, and apply that with contract.apply.")));
}

/*
 * pgc_describe is contract.describe(relation, owner, description, version,
 * status, contract_id, write_path, on_apply).  What is set here is from now on
 * not the document's any more, but its next apply sets what it says.
 */
Datum
pgc_describe(PG_FUNCTION_ARGS)
{
	const Oid	types[] = {INT4OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID};
	PgcContract *contract;
	const char *contract_id;
	Datum		values[8];
	char		nulls[9] = "        ";

	check_description(fcinfo);
	PreventCommandIfReadOnly("changing a contract");
	if (!PG_ARGISNULL(5))
		pgc_contract_lock(pgc_argument_text(fcinfo, 5));
	contract = pgc_dataset_ensure(PG_GETARG_OID(0));
	contract_id = PG_ARGISNULL(5) ? contract->contract_id : pgc_argument_text(fcinfo, 5);
	require_stays(contract, contract_id);
	pgc_contract_require_rights(contract_id);
	values[0] = Int32GetDatum(contract->dataset_id);
	for (int i = 1; i < 8; i++)
		values[i] = pgc_argument_or_null(fcinfo, i, &nulls[i]);
	values[5] = CStringGetTextDatum(contract_id);
	nulls[5] = ' ';

	pgc_contract_make(contract_id, false);
	pgc_catalog_execute("UPDATE contract.contract SET owner = COALESCE($2, owner),"
						" version = COALESCE($4, version), status = COALESCE($5, status),"
						" changed_at = pg_catalog.now(), documented = array_remove(array_remove(array_remove("
						"documented, CASE WHEN $2 IS NOT NULL THEN 'owner' END),"
						" CASE WHEN $4 IS NOT NULL THEN 'version' END),"
						" CASE WHEN $5 IS NOT NULL THEN 'status' END) WHERE contract_id = $6",
						8, types, values, nulls);
	pgc_catalog_execute("UPDATE contract.dataset SET description = COALESCE($3, description),"
						" contract_id = $6, write_path = COALESCE($7, write_path),"
						" on_apply = COALESCE($8, on_apply), documented = array_remove(array_remove(array_remove("
						"documented, CASE WHEN $3 IS NOT NULL THEN 'description' END),"
						" CASE WHEN $7 IS NOT NULL THEN 'write_path' END),"
						" CASE WHEN $8 IS NOT NULL THEN 'on_apply' END) WHERE dataset_id = $1",
						8, types, values, nulls);
	pgc_contract_drop_orphans();
	CommandCounterIncrement();
	contract = pgc_contract_load(contract->dataset_id);
	pgc_binding_make_triggers(contract);
	PG_RETURN_TEXT_P(cstring_to_text(contract->name));
}

/* require_column raises unless the relation has such a column. */
static void
require_column(Oid relid, const char *column)
{
	Relation	relation = table_open(relid, AccessShareLock);

	(void) pgc_layout_find(pgc_layout_of(relation), column);
	table_close(relation, NoLock);
}

/*
 * annotate_column makes sure that there is a row for the column, and updates it
 * with the statement, whose parameters are the dataset and the SQL function's
 * arguments from the second on (types of them all, ntypes).
 */
static void
annotate_column(FunctionCallInfo fcinfo, const char *sql, int ntypes, const Oid *types)
{
	PgcContract *contract;
	Datum		values[8];
	char		nulls[9] = "        ";

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("relation and column must not be null")));
	contract = pgc_dataset_ensure(PG_GETARG_OID(0));
	require_column(contract->relid, NameStr(*PG_GETARG_NAME(1)));
	values[0] = Int32GetDatum(contract->dataset_id);
	for (int i = 1; i < ntypes; i++)
		values[i] = pgc_argument_or_null(fcinfo, i, &nulls[i]);
	pgc_catalog_execute("INSERT INTO contract.column_annotation (dataset_id, column_name)"
						" VALUES ($1, $2) ON CONFLICT DO NOTHING", 2, types, values, NULL);
	pgc_catalog_execute(sql, ntypes, types, values, nulls);
	pgc_cache_invalidate(contract->relid);
}

/*
 * pgc_describe_column is contract.describe_column(relation, column_name,
 * description, classification, tags).
 */
Datum
pgc_describe_column(PG_FUNCTION_ARGS)
{
	const Oid	types[] = {INT4OID, NAMEOID, TEXTOID, TEXTOID, TEXTARRAYOID};

	annotate_column(fcinfo,
					"UPDATE contract.column_annotation"
					" SET description = NULLIF(COALESCE($3, description), ''),"
					" classification = NULLIF(COALESCE($4, classification), ''),"
					" tags = NULLIF(COALESCE($5, tags), '{}'),"
					" documented = array_remove(array_remove(array_remove(documented,"
					" CASE WHEN $3 IS NOT NULL THEN 'description' END),"
					" CASE WHEN $4 IS NOT NULL THEN 'classification' END),"
					" CASE WHEN $5 IS NOT NULL THEN 'tags' END)"
					" WHERE dataset_id = $1 AND column_name = $2",
					lengthof(types), types);
	PG_RETURN_VOID();
}

/* pgc_pii is contract.pii(relation, column_name, category, classification). */
Datum
pgc_pii(PG_FUNCTION_ARGS)
{
	const Oid	types[] = {INT4OID, NAMEOID, TEXTOID, TEXTOID};

	annotate_column(fcinfo,
					"UPDATE contract.column_annotation SET pii_category = NULLIF($3, ''),"
					" classification = NULLIF(COALESCE($4, classification), ''),"
					" documented = array_remove(array_remove(documented, 'pii_category'),"
					" CASE WHEN $4 IS NOT NULL THEN 'classification' END)"
					" WHERE dataset_id = $1 AND column_name = $2",
					lengthof(types), types);
	PG_RETURN_VOID();
}

/* has_uncovered: has a partition lost its triggers, which making those of the whole table does not bring back? */
static bool
has_uncovered(const PgcContract *contract)
{
	ListCell   *cell;

	foreach(cell, pgc_binding_uncovered(contract))
	{
		if (!((const PgcUncovered *) lfirst(cell))->foreign)
			return true;
	}
	return false;
}

/* pgc_enforce is contract.enforce(relation).  It also accepts a contract that waits. */
Datum
pgc_enforce(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	PgcContract *contract;
	int32		waiting;

	PreventCommandIfReadOnly("changing a contract");
	pgc_dataset_require_possible(relid);
	pgc_privilege_require_owner(relid);
	pgc_dataset_lock(relid);
	waiting = pgc_contract_waiting(relid);
	contract = waiting != 0 ? pgc_contract_load(waiting) : pgc_contract_require(relid);
	pgc_binding_write(contract->dataset_id, relid);
	contract = pgc_contract_load(contract->dataset_id);
	if (has_uncovered(contract))
		pgc_binding_drop_triggers(contract->dataset_id, relid);
	pgc_binding_make_triggers(contract);
	PG_RETURN_TEXT_P(cstring_to_text(contract->name));
}

/*
 * pgc_dataset_write sets what is said of a dataset.  Not in a document:
 * documented does not matter.
 */
void
pgc_dataset_write(int32 dataset_id, const char *contract_id, const char *const *fields, bool in_document,
				  const List *documented)
{
	const Oid	types[] = {INT4OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTARRAYOID};
	char		nulls[7] = "      ";
	Datum		values[6];

	values[0] = Int32GetDatum(dataset_id);
	values[1] = CStringGetTextDatum(contract_id);
	for (int i = 0; i < PGC_DATASET_FIELDS; i++)
		values[2 + i] = pgc_text_or_null(fields[i], &nulls[2 + i]);
	values[5] = pgc_text_array(documented);
	nulls[5] = in_document ? ' ' : 'n';
	pgc_catalog_execute("UPDATE contract.dataset SET contract_id = $2, description = $3, write_path = $4,"
						" on_apply = $5, documented = $6 WHERE dataset_id = $1", 6, types, values, nulls);
}

/*
 * pgc_annotation_write sets what is known of a column; of nothing there is no
 * row.
 */
void
pgc_annotation_write(int32 dataset_id, const NameData *column, const char *const *fields,
					 const List *documented)
{
	const Oid	types[] = {INT4OID, NAMEOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTARRAYOID};
	char		nulls[8] = "       ";
	Datum		values[7];
	bool		nothing = true;

	values[0] = Int32GetDatum(dataset_id);
	values[1] = NameGetDatum(column);
	for (int i = 0; i < PGC_COLUMN_FIELDS; i++)
	{
		values[2 + i] = pgc_text_or_null(fields[i], &nulls[2 + i]);
		nothing = nothing && fields[i] == NULL;
	}
	values[6] = pgc_text_array(documented);
	if (nothing)
		pgc_catalog_execute("DELETE FROM contract.column_annotation WHERE dataset_id = $1 AND column_name = $2",
							2, types, values, NULL);
	else
		pgc_catalog_execute("INSERT INTO contract.column_annotation VALUES ($1, $2, $3, $4, $5, $6::text[], $7)"
							" ON CONFLICT (dataset_id, column_name) DO UPDATE SET description = $3,"
							" classification = $4, pii_category = $5, tags = $6::text[], documented = $7",
							7, types, values, nulls);
}

/* delete_dataset deletes everything that is kept of a dataset. */
static void
delete_dataset(const PgcContract *contract)
{
	static const char *const statements[] = {
		"DELETE FROM contract.quarantine WHERE dataset_id = $1",
		"DELETE FROM contract.violation WHERE dataset_id = $1",
		"DELETE FROM contract.result USING contract.run n WHERE result.run_id = n.run_id AND n.dataset_id = $1",
		"DELETE FROM contract.metric WHERE dataset_id = $1",
		"DELETE FROM contract.run WHERE dataset_id = $1",
		"DELETE FROM contract.schedule WHERE dataset_id = $1",
		"DELETE FROM contract.schedule_state WHERE dataset_id = $1",
		"DELETE FROM contract.last_write WHERE dataset_id = $1",
		"DELETE FROM contract.freshness_state WHERE dataset_id = $1",
		"DELETE FROM contract.sla_day WHERE dataset_id = $1",
		"DELETE FROM contract.incident WHERE dataset_id = $1",
		"DELETE FROM contract.retention WHERE dataset_id = $1",
		"DELETE FROM contract.retention_state WHERE dataset_id = $1",
		"DELETE FROM contract.total WHERE dataset_id = $1", /* after the runs */
		"DELETE FROM contract.audit_part WHERE dataset_id = $1",
		"DELETE FROM contract.audit_state WHERE dataset_id = $1",
		"DELETE FROM contract.binding WHERE dataset_id = $1",
		"DELETE FROM contract.rule WHERE dataset_id = $1",
		"DELETE FROM contract.column_annotation WHERE dataset_id = $1",
		"DELETE FROM contract.dataset WHERE dataset_id = $1",
	};
	const Oid	types[] = {INT4OID};
	const Datum values[] = {Int32GetDatum(contract->dataset_id)};

	pgc_total_hold();
	pgc_states_hold(contract->dataset_id);	/* the worker writes several of
											 * these under it */
	for (int i = 0; i < lengthof(statements); i++)
		pgc_catalog_execute(statements[i], 1, types, values, NULL);
}

/* has_rows: does a statement about the dataset, $1, find something? */
static bool
has_rows(int32 dataset_id, const char *sql)
{
	const Oid	types[] = {INT4OID};
	const Datum values[] = {Int32GetDatum(dataset_id)};

	return pgc_catalog_execute(sql, 1, types, values, NULL) > 0;
}

/* drop takes a dataset out of contract with everything that is kept of it. */
static void
drop(const PgcContract *contract, bool discard_quarantine)
{
	if (!discard_quarantine &&
		has_rows(contract->dataset_id, "SELECT FROM contract.quarantine WHERE dataset_id = $1 LIMIT 1"))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("dataset \"%s\" has rows in quarantine", contract->name),
				 errhint("Release or discard them first, or say discard_quarantine => true.")));
	if (OidIsValid(contract->relid))
		pgc_binding_drop_triggers(contract->dataset_id, contract->relid);
	delete_dataset(contract);
	CommandCounterIncrement();
	pgc_cache_invalidate(contract->relid);
}

/*
 * pgc_dataset_is_empty: is nothing kept of a dataset but its name, neither rules
 * nor annotations nor history?
 */
bool
pgc_dataset_is_empty(int32 dataset_id)
{
	return !has_rows(dataset_id,
					 "SELECT FROM contract.rule WHERE dataset_id = $1"
					 " UNION ALL SELECT FROM contract.column_annotation WHERE dataset_id = $1"
					 " UNION ALL SELECT FROM contract.quarantine WHERE dataset_id = $1"
					 " UNION ALL SELECT FROM contract.run WHERE dataset_id = $1 LIMIT 1");
}

/* pgc_dataset_drop drops a dataset of which the caller says that it may go. */
void
pgc_dataset_drop(const PgcContract *contract)
{
	drop(contract, false);
}

/* order_names compares two list elements, PgcContract, by name. */
static int
order_names(const ListCell *left, const ListCell *right)
{
	return strcmp(((const PgcContract *) lfirst(left))->name, ((const PgcContract *) lfirst(right))->name);
}

/*
 * drop_agreement drops a contract with its datasets, in the order of their names,
 * and its documents.
 */
static void
drop_agreement(const char *contract_id, bool discard_quarantine)
{
	List	   *datasets = NIL;
	ListCell   *cell;

	pgc_contract_require_rights(contract_id);
	pgc_contract_lock(contract_id);
	foreach(cell, pgc_contract_datasets(contract_id))
		datasets = lappend(datasets, pgc_contract_load(lfirst_int(cell)));
	list_sort(datasets, order_names);
	foreach(cell, datasets)
		drop(open_dataset(((PgcContract *) lfirst(cell))->dataset_id), discard_quarantine);
	pgc_contract_forget(contract_id);
}

/*
 * pgc_drop_contract is contract.drop_contract(dataset, discard_quarantine).
 * Without a dataset of that name it is a contract's id; a contract of the same
 * name goes with its last dataset.
 */
Datum
pgc_drop_contract(PG_FUNCTION_ARGS)
{
	const char *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	bool		is_contract = pgc_contract_agreement(name) != NULL;
	PgcContract *dataset;

	PreventCommandIfReadOnly("changing a contract");
	if (is_contract && pgc_contract_find(name, true) == 0)
	{
		drop_agreement(name, PG_GETARG_BOOL(1));
		PG_RETURN_VOID();
	}
	dataset = pgc_dataset_open(name);
	drop(dataset, PG_GETARG_BOOL(1));
	if (strcmp(dataset->contract_id, name) == 0 && pgc_contract_datasets(name) == NIL)
		pgc_contract_forget(name);
	pgc_contract_drop_orphans();
	CommandCounterIncrement();
	PG_RETURN_VOID();
}
