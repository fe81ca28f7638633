/*
 * src/worker/activity.c
 *		What launcher and workers do: the function under the view contract.workers.
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "worker/shared.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_workers);

#define NCOLUMNS 11

/* put_text puts a text that may come from a database of another encoding; nothing if it is empty. */
static void
put_text(Datum *value, bool *null, char *string)
{
	*null = string[0] == '\0';
	if (!pg_verifymbstr(string, strlen(string), true))
	{
		for (char *c = string; *c != '\0'; c++)
			*c = IS_HIGHBIT_SET(*c) ? '?' : *c;
	}
	*value = CStringGetTextDatum(string);
}

/* put_time puts a time, or null for none. */
static void
put_time(Datum *value, bool *null, TimestampTz at)
{
	*null = at == 0 || at == DT_NOEND;
	*value = TimestampTzGetDatum(at);
}

/* pgc_workers is contract.worker_activity(). Names of datasets are for whoever may read what others' queries are. */
Datum
pgc_workers(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	bool		sees_all = has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS);
	int			nrows;
	PgcWorkerRow *rows = pgc_shared_rows(&nrows);

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < nrows; i++)
	{
		PgcWorkerRow *row = &rows[i];
		bool		is_launcher = !OidIsValid(row->database);
		Datum		values[NCOLUMNS] = {0};
		bool		nulls[NCOLUMNS] = {false};

		nulls[0] = row->pid == 0;
		values[0] = Int32GetDatum(row->pid);
		nulls[1] = is_launcher;
		values[1] = ObjectIdGetDatum(row->database);
		values[2] = CStringGetTextDatum(is_launcher ? "launcher" : pgc_duty_name(row->duty));
		values[3] = CStringGetTextDatum(row->state);
		put_text(&values[4], &nulls[4], row->doing);
		nulls[4] |= !sees_all;
		put_time(&values[5], &nulls[5], row->started_at);
		put_time(&values[6], &nulls[6], row->next_due);
		put_time(&values[7], &nulls[7], row->last_run);
		nulls[8] = row->last_end == 0;
		if (!nulls[8])
			values[8] = DirectFunctionCall2(timestamp_mi, TimestampTzGetDatum(row->last_end),
											TimestampTzGetDatum(row->last_run));
		nulls[9] = is_launcher;
		values[9] = Int32GetDatum(row->failures);
		put_text(&values[10], &nulls[10], row->last_error);
		nulls[10] |= !sees_all;
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
