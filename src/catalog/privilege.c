/*
 * src/catalog/privilege.c
 *		Who may annotate, who may read, and what is masked.
 *
 * Annotating is for the owner of the relation or a member of its role.  A row
 * of history is shown to those who may select from the dataset, without the
 * columns they may not read, and without any values if row security would
 * hide rows from them.
 */
#include "postgres.h"

#include "catalog/contract.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "compat.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_visible);
PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_masked_row);
PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_masked_value);
PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_problem);

/* What the caller may read of a dataset; kept in fn_extra for the next row. */
typedef struct Reader
{
	int32		dataset_id;
	Oid			relid;
	bool		visible;		/* any of it */
	bool		whole;			/* every column */
	bool		hidden;			/* row security: no values at all */
} Reader;

/* pgc_privilege_require_owner raises unless the user owns the relation. */
void
pgc_privilege_require_owner(Oid relid)
{
	if (!pgc_compat_owns_relation(relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(get_rel_relkind(relid)),
					   get_rel_name(relid));
}

/* pgc_privilege_require_create raises unless the user may make a relation in a schema, perhaps with the schema. */
void
pgc_privilege_require_create(const char *schema)
{
	Oid			oid = get_namespace_oid(schema, true);
	AclResult	result;

	if (!OidIsValid(oid))
	{
		result = pgc_compat_may_create(DatabaseRelationId, MyDatabaseId);
		if (result != ACLCHECK_OK)
			aclcheck_error(result, OBJECT_DATABASE, get_database_name(MyDatabaseId));
		return;
	}
	result = pgc_compat_may_create(NamespaceRelationId, oid);
	if (result != ACLCHECK_OK)
		aclcheck_error(result, OBJECT_SCHEMA, schema);
}

/* pgc_privilege_require_read raises unless the user sees all rows and columns. */
void
pgc_privilege_require_read(Oid relid)
{
	if (pgc_compat_owns_relation(relid, GetUserId()))
		return;
	if (pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, get_relkind_objtype(get_rel_relkind(relid)),
					   get_rel_name(relid));
	if (get_rel_relkind(relid) == RELKIND_VIEW)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of view %s", get_rel_name(relid)),
				 errdetail("A view may show its owner more than it shows you.")));
	if (check_enable_rls(relid, InvalidOid, true) == RLS_ENABLED)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("row security of \"%s\" hides rows from you", get_rel_name(relid)),
				 errhint("Only the owner, or a role with BYPASSRLS, may audit this relation.")));
}

/* pgc_privilege_require_some raises unless the user may select some column. */
void
pgc_privilege_require_some(Oid relid)
{
	if (pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) != ACLCHECK_OK &&
		pg_attribute_aclcheck_all(relid, GetUserId(), ACL_SELECT, ACLMASK_ANY) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, get_relkind_objtype(get_rel_relkind(relid)), get_rel_name(relid));
}

/* pgc_privilege_may_read_column: may the user select this column? */
bool
pgc_privilege_may_read_column(Oid relid, const char *column)
{
	AttrNumber	attno;

	if (pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) == ACLCHECK_OK)
		return true;
	attno = get_attnum(relid, column);
	return attno != InvalidAttrNumber &&
		pg_attribute_aclcheck(relid, attno, GetUserId(), ACL_SELECT) == ACLCHECK_OK;
}

/*
 * read_rights_without_relation fills what the caller may read of a dataset that
 * waits: its author and those who may read everything, all of it; the owner of a
 * relation of its name, what there is to be accepted, but no value of rows.
 */
static void
read_rights_without_relation(Reader *reader)
{
	const PgcContract *contract = pgc_contract_load(reader->dataset_id);
	Oid			role = GetUserId();
	Oid			author = contract ? get_role_oid(NameStr(contract->author), true) : InvalidOid;
	Oid			named = contract ? pgc_contract_named(&contract->schema_name, &contract->table_name) : InvalidOid;

	reader->visible = reader->whole = has_privs_of_role(role, pgc_catalog_owner()) ||
		has_privs_of_role(role, ROLE_PG_READ_ALL_DATA) ||
		(OidIsValid(author) && has_privs_of_role(role, author));
	if (!reader->visible && OidIsValid(named))
		reader->visible = reader->hidden = pgc_compat_owns_relation(named, role);
}

/* read_rights fills what the caller may read of a dataset. */
static void
read_rights(Reader *reader, int32 dataset_id)
{
	Oid			role = GetUserId();

	reader->dataset_id = dataset_id;
	reader->relid = pgc_contract_relation(dataset_id);
	reader->whole = reader->hidden = false;
	if (!OidIsValid(reader->relid))
	{
		read_rights_without_relation(reader);
		return;
	}
	reader->whole = pg_class_aclcheck(reader->relid, role, ACL_SELECT) == ACLCHECK_OK;
	reader->visible = reader->whole ||
		pg_attribute_aclcheck_all(reader->relid, role, ACL_SELECT, ACLMASK_ANY) == ACLCHECK_OK;
	/* a view may show its owner, for whom it was audited, more than others */
	reader->hidden = check_enable_rls(reader->relid, InvalidOid, true) == RLS_ENABLED ||
		(get_rel_relkind(reader->relid) == RELKIND_VIEW && !pgc_compat_owns_relation(reader->relid, role));
}

/* reader_of returns the caller's rights on the dataset in the first argument. */
static Reader *
reader_of(FunctionCallInfo fcinfo)
{
	Reader	   *reader = fcinfo->flinfo->fn_extra;
	int32		dataset_id = PG_GETARG_INT32(0);

	if (reader == NULL)
	{
		reader = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(Reader));
		fcinfo->flinfo->fn_extra = reader;
		read_rights(reader, dataset_id);
	}
	else if (reader->dataset_id != dataset_id)
		read_rights(reader, dataset_id);
	return reader;
}

/* pgc_privilege_is_visible: may the user select some of a dataset? */
bool
pgc_privilege_is_visible(int32 dataset_id)
{
	Reader		reader;

	read_rights(&reader, dataset_id);
	return reader.visible;
}

/* pgc_visible is contract.visible(dataset_id). */
Datum
pgc_visible(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(reader_of(fcinfo)->visible);
}

/* mask_columns returns the object with unreadable columns masked. */
static Jsonb *
mask_columns(const Reader *reader, Jsonb *row)
{
	JsonbParseState *state = NULL;
	JsonbIterator *iterator = JsonbIteratorInit(&row->root);
	JsonbIteratorToken token;
	JsonbValue	value;
	JsonbValue *result = NULL;
	bool		mask = false;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			mask = !pgc_privilege_may_read_column(reader->relid,
												  pnstrdup(value.val.string.val, value.val.string.len));
		else if (token == WJB_VALUE && mask && value.type != jbvNull)
		{
			value.type = jbvString;
			value.val.string.val = PGC_MASK;
			value.val.string.len = strlen(PGC_MASK);
		}
		result = pushJsonbValue(&state, token, token < WJB_BEGIN_ARRAY ? &value : NULL);
	}
	return JsonbValueToJsonb(result);
}

/* pgc_masked_row is contract.masked(dataset_id, row). */
Datum
pgc_masked_row(PG_FUNCTION_ARGS)
{
	const Reader *reader = reader_of(fcinfo);
	Jsonb	   *row = PG_GETARG_JSONB_P(1);

	if (reader->hidden || !reader->visible)
		PG_RETURN_NULL();
	if (reader->whole || !JB_ROOT_IS_OBJECT(row))
		PG_RETURN_JSONB_P(row);
	PG_RETURN_JSONB_P(mask_columns(reader, row));
}

/* pgc_masked_value is contract.masked(dataset_id, columns, value). */
Datum
pgc_masked_value(PG_FUNCTION_ARGS)
{
	const Reader *reader = reader_of(fcinfo);
	Datum	   *columns;
	int			ncolumns;

	if (reader->hidden || !reader->visible)
		PG_RETURN_NULL();
	if (reader->whole)
		PG_RETURN_DATUM(PG_GETARG_DATUM(2));
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR,
					  &columns, NULL, &ncolumns);
	for (int i = 0; i < ncolumns; i++)
	{
		if (!pgc_privilege_may_read_column(reader->relid, NameStr(*DatumGetName(columns[i]))))
			PG_RETURN_TEXT_P(cstring_to_text(PGC_MASK));
	}
	PG_RETURN_DATUM(PG_GETARG_DATUM(2));
}

/* pgc_problem is contract.problem(dataset_id).  Who watches over the server may know, too. */
Datum
pgc_problem(PG_FUNCTION_ARGS)
{
	bool		may_know = reader_of(fcinfo)->visible || has_privs_of_role(GetUserId(), ROLE_PG_MONITOR);
	PgcContract *contract = may_know ? pgc_contract_load(PG_GETARG_INT32(0)) : NULL;
	char	   *problem = contract ? pgc_binding_problem(contract) : NULL;

	if (problem == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(problem));
}
