/*
 * src/lineage/walk/jobs.c
 *		Of contract.impact: statements that pg_cron runs, and the jobs that they are of.
 *
 * cron.job is read with the rights of the caller, and only if a superuser owns it.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lineage/walk/impact.h"
#include "lineage/lineage.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

/* job_table_is_readable: is there a cron.job that may be read? */
static bool
job_table_is_readable(void)
{
	Oid			schema = get_namespace_oid("cron", true);
	Oid			relid = OidIsValid(schema) ? get_relname_relid("job", schema) : InvalidOid;
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		return false;
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return get_rel_relkind(relid) == RELKIND_RELATION && superuser_arg(owner) &&
		DatumGetBool(DirectFunctionCall2(has_schema_privilege_id, ObjectIdGetDatum(schema), CStringGetTextDatum("USAGE"))) &&
		pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) == ACLCHECK_OK;
}

/* runs: is a statement, or the routine that it ran in, part of a job's command? */
static bool
runs(const char *command, const PgcUse *use)
{
	const char *normalized = pgc_normalize(command, 0, strlen(command));
	List	   *names;
	char	   *call;

	if (use->routine == NULL)
		return normalized != NULL && use->statement != NULL && strstr(normalized, use->statement) != NULL;
	names = textToQualifiedNameList(cstring_to_text_with_len(use->routine, strcspn(use->routine, "(")));
	call = psprintf("%s(", quote_identifier(strVal(llast(names))));
	return strstr(command, call) != NULL;
}

/* find_job returns the name, or number, of the only job of the role that runs a statement, or NULL (palloc'd in the caller's context). */
static char *
find_job(const PgcUse *use)
{
	Oid			types[] = {TEXTOID};
	Datum		values[] = {CStringGetTextDatum(use->role)};
	MemoryContext caller = CurrentMemoryContext;
	char	   *job = NULL;
	int			count = 0;

	SPI_connect();
	SPI_execute_with_args("SELECT j.command, COALESCE(pg_catalog.jsonb_extract_path_text(pg_catalog.to_jsonb(j), 'jobname'),"
						  " j.jobid::pg_catalog.text)"
						  " FROM cron.job j WHERE j.username OPERATOR(pg_catalog.=) $1"
						  " AND j.database OPERATOR(pg_catalog.=) pg_catalog.current_database()",
						  lengthof(types), types, values, NULL, true, 0);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		char	   *command = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);

		if (command == NULL || !runs(command, use))
			continue;
		job = MemoryContextStrdup(caller, SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2));
		count++;
	}
	SPI_finish();
	return count == 1 ? job : NULL;
}

/* pgc_impact_mark_job says of a statement that pg_cron runs it, and as which job, if that is known. */
void
pgc_impact_mark_job(StringInfo detail, const PgcUse *use)
{
	if (use->application == NULL || strncmp(use->application, "pg_cron", strlen("pg_cron")) != 0)
		return;
	pgc_detail(detail, "scheduled_by", "pg_cron");
	if (use->role != NULL && job_table_is_readable())
		pgc_detail(detail, "job", find_job(use));
}
