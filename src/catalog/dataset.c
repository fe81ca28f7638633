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

/* A contract goes when its last dataset has left it. */
static const char drop_orphans[] =
"DELETE FROM contract.contract c"
" WHERE NOT EXISTS (SELECT FROM contract.dataset d WHERE d.contract_id = c.contract_id)";

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

/* require_relation refuses what cannot be a dataset, and users who may not. */
static void
require_relation(Oid relid)
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
	pgc_privilege_require_owner(relid);
}

/* lock_definers makes definers of this relation's contract wait for each other. */
static void
lock_definers(Oid relid)
{
	LockDatabaseObject(pgc_table_oid("dataset"), relid, 0, ExclusiveLock);
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

/* new_contract_id returns the name, or the name with a number, free. */
static char *
new_contract_id(const char *name)
{
	char	   *id = pstrdup(name);

	for (int i = 2; pgc_contract_datasets(id) != NIL; i++)
		id = psprintf("%s %d", name, i);
	return id;
}

/* refuse_waiting raises: the name has a contract that its relation's owner has not accepted. */
pg_noreturn static void
refuse_waiting(const PgcContract *contract)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("dataset \"%s\" has a contract that waits", contract->name),
			 errdetail("Its rules are those of role \"%s\", and the relation has another owner.", NameStr(contract->author)),
			 errhint("To accept them: SELECT contract.enforce(%s); to end the contract: SELECT contract.drop_contract(%s).",
					 quote_literal_cstr(contract->name), quote_literal_cstr(contract->name))));
}

/*
 * pgc_dataset_create makes a dataset, and a contract of its name, and returns its
 * id.  Without a relation (InvalidOid) it waits for one; its author is the user then.
 */
int32
pgc_dataset_create(const NameData *schema_name, const NameData *table_name, Oid relid)
{
	const Oid	types[] = {INT4OID, NAMEOID, NAMEOID, TEXTOID, OIDOID};
	char	   *name = pgc_catalog_name(NameStr(*schema_name), NameStr(*table_name));
	int32		id = new_id(name);
	Datum		values[5];

	values[0] = Int32GetDatum(id);
	values[1] = NameGetDatum(schema_name);
	values[2] = NameGetDatum(table_name);
	values[3] = CStringGetTextDatum(new_contract_id(name));
	values[4] = ObjectIdGetDatum(GetUserId());
	pgc_catalog_execute("INSERT INTO contract.contract (contract_id) VALUES ($4) ON CONFLICT DO NOTHING",
						5, types, values, NULL);
	pgc_catalog_execute("INSERT INTO contract.dataset (dataset_id, schema_name, table_name, contract_id, author)"
						" VALUES ($1, $2, $3, $4, pg_catalog.pg_get_userbyid($5))", 5, types, values, NULL);
	CommandCounterIncrement();
	if (OidIsValid(relid))
		pgc_binding_write(id, relid);
	return id;
}

/* create_dataset makes the dataset of a relation. */
static int32
create_dataset(Oid relid)
{
	int32		waiting = pgc_contract_waiting(relid);
	NameData	schema_name;
	NameData	table_name;

	if (waiting != 0)
		refuse_waiting(pgc_contract_load(waiting));
	namestrcpy(&schema_name, get_namespace_name(get_rel_namespace(relid)));
	namestrcpy(&table_name, get_rel_name(relid));
	return pgc_dataset_create(&schema_name, &table_name, relid);
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
	require_relation(relid);
	lock_definers(relid);
	id = pgc_contract_of_relation(relid);
	if (id == 0)
		id = create_dataset(relid);
	return pgc_contract_load(id);
}

/*
 * owns: may the user change a dataset?  The owner of its relation may; of one that
 * waits, the owner of the relation of its name, its author and the extension's owner.
 */
static bool
owns(const PgcContract *contract)
{
	Oid			named = pgc_contract_named(&contract->schema_name, &contract->table_name);
	Oid			author = get_role_oid(NameStr(contract->author), true);

	if (OidIsValid(contract->relid))
		return pgc_compat_owns_relation(contract->relid, GetUserId());
	return has_privs_of_role(GetUserId(), pgc_catalog_owner()) ||
		(OidIsValid(author) && has_privs_of_role(GetUserId(), author)) ||
		(OidIsValid(named) && pgc_compat_owns_relation(named, GetUserId()));
}

/*
 * pgc_dataset_open returns the contract of a dataset, whose table may be gone,
 * for a user who may change it, and holds off other definers.
 */
PgcContract *
pgc_dataset_open(const char *name)
{
	int32		id = pgc_contract_find(name, false);
	PgcContract *contract = pgc_contract_load(id);

	PreventCommandIfReadOnly("changing a contract");
	if (OidIsValid(contract->relid))
	{
		pgc_privilege_require_owner(contract->relid);
		lock_definers(contract->relid);
	}
	else if (!owns(contract))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of extension pg_contract to change dataset \"%s\"", name),
				 errdetail("It has no relation, and its rules are those of role \"%s\".", NameStr(contract->author))));
	return pgc_contract_load(id);
}

/* require_contract_rights: changing a contract changes it for all its datasets. */
static void
require_contract_rights(const char *contract_id)
{
	ListCell   *cell;

	foreach(cell, pgc_contract_datasets(contract_id))
	{
		const PgcContract *contract = pgc_contract_load(lfirst_int(cell));

		if (OidIsValid(contract->relid))
			pgc_privilege_require_owner(contract->relid);
		else if (!owns(contract))
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("must be owner of extension pg_contract to change contract \"%s\"", contract_id),
					 errdetail("Its dataset \"%s\" has no relation, and its rules are those of role \"%s\".",
							   contract->name, NameStr(contract->author))));
	}
}

/*
 * pgc_describe is contract.describe(relation, owner, description, version,
 * status, contract_id, write_path, on_apply).
 */
Datum
pgc_describe(PG_FUNCTION_ARGS)
{
	const Oid	types[] = {INT4OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID};
	PgcContract *contract;
	Datum		values[8];
	char		nulls[9] = "        ";

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("relation must not be null")));
	if (!PG_ARGISNULL(4))
		pgc_require_word("status", pgc_argument_text(fcinfo, 4), statuses);
	if (!PG_ARGISNULL(5) && pgc_argument_text(fcinfo, 5)[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("contract_id must not be empty")));
	if (!PG_ARGISNULL(5) && VARSIZE_ANY_EXHDR(PG_GETARG_TEXT_PP(5)) > PGC_MAX_NAME)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("contract_id must not be longer than %d bytes", PGC_MAX_NAME)));
	if (!PG_ARGISNULL(6))
		pgc_require_word("write_path", pgc_argument_text(fcinfo, 6), write_paths);
	if (!PG_ARGISNULL(7))
		pgc_require_word("on_apply", pgc_argument_text(fcinfo, 7), apply_modes);

	contract = pgc_dataset_ensure(PG_GETARG_OID(0));
	values[0] = Int32GetDatum(contract->dataset_id);
	for (int i = 1; i < 8; i++)
		values[i] = pgc_argument_or_null(fcinfo, i, &nulls[i]);
	if (PG_ARGISNULL(5))
	{
		values[5] = CStringGetTextDatum(contract->contract_id);
		nulls[5] = ' ';
	}
	require_contract_rights(TextDatumGetCString(values[5]));

	pgc_catalog_execute("INSERT INTO contract.contract (contract_id) VALUES ($6) ON CONFLICT DO NOTHING",
						8, types, values, nulls);
	pgc_catalog_execute("UPDATE contract.contract SET owner = COALESCE($2, owner),"
						" version = COALESCE($4, version), status = COALESCE($5, status),"
						" changed_at = pg_catalog.now() WHERE contract_id = $6",
						8, types, values, nulls);
	pgc_catalog_execute("UPDATE contract.dataset SET description = COALESCE($3, description),"
						" contract_id = $6, write_path = COALESCE($7, write_path),"
						" on_apply = COALESCE($8, on_apply) WHERE dataset_id = $1",
						8, types, values, nulls);
	pgc_catalog_execute(drop_orphans, 0, NULL, NULL, NULL);
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
					" tags = NULLIF(COALESCE($5, tags), '{}')"
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
					" classification = NULLIF(COALESCE($4, classification), '')"
					" WHERE dataset_id = $1 AND column_name = $2",
					lengthof(types), types);
	PG_RETURN_VOID();
}

/* pgc_enforce is contract.enforce(relation).  It also accepts a contract that waits. */
Datum
pgc_enforce(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	PgcContract *contract;
	int32		waiting;

	PreventCommandIfReadOnly("changing a contract");
	require_relation(relid);
	lock_definers(relid);
	waiting = pgc_contract_waiting(relid);
	contract = waiting != 0 ? pgc_contract_load(waiting) : pgc_contract_require(relid);
	pgc_binding_write(contract->dataset_id, relid);
	pgc_binding_make_triggers(pgc_contract_load(contract->dataset_id));
	PG_RETURN_TEXT_P(cstring_to_text(contract->name));
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
		"DELETE FROM contract.audit_part WHERE dataset_id = $1",
		"DELETE FROM contract.audit_state WHERE dataset_id = $1",
		"DELETE FROM contract.binding WHERE dataset_id = $1",
		"DELETE FROM contract.rule WHERE dataset_id = $1",
		"DELETE FROM contract.column_annotation WHERE dataset_id = $1",
		"DELETE FROM contract.dataset WHERE dataset_id = $1",
	};
	const Oid	types[] = {INT4OID};
	const Datum values[] = {Int32GetDatum(contract->dataset_id)};

	for (int i = 0; i < lengthof(statements); i++)
		pgc_catalog_execute(statements[i], 1, types, values, NULL);
	pgc_catalog_execute(drop_orphans, 0, NULL, NULL, NULL);
}

/* pgc_drop_contract is contract.drop_contract(dataset, discard_quarantine). */
Datum
pgc_drop_contract(PG_FUNCTION_ARGS)
{
	const Oid	types[] = {INT4OID};
	PgcContract *contract = pgc_dataset_open(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	const Datum values[] = {Int32GetDatum(contract->dataset_id)};

	if (!PG_GETARG_BOOL(1) &&
		pgc_catalog_execute("SELECT FROM contract.quarantine WHERE dataset_id = $1 LIMIT 1",
							1, types, values, NULL) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("dataset \"%s\" has rows in quarantine", contract->name),
				 errhint("Release or discard them first, or say discard_quarantine => true.")));
	if (OidIsValid(contract->relid))
		pgc_binding_drop_triggers(contract->dataset_id, contract->relid);
	delete_dataset(contract);
	CommandCounterIncrement();
	pgc_cache_invalidate(contract->relid);
	PG_RETURN_VOID();
}
