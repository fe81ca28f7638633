/*
 * src/worker/schedule.c
 *		When datasets are audited: SQL functions.
 */
#include "postgres.h"

#include "engine/cron.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "worker/worker.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_next_run);

int			pgc_audit_timeout = 3600 * 1000;

bool
pgc_schedule_step(PgcStep *step)
{
	return false;
}

/* zone_named returns the zone of an argument; the setting's if it is null. */
static pg_tz *
zone_named(FunctionCallInfo fcinfo, int argument)
{
	return pgc_time_zone(PG_ARGISNULL(argument) ? pgc_default_zone :
						 text_to_cstring(PG_GETARG_TEXT_PP(argument)));
}

/* pgc_next_run is contract.next_run(cron, time_zone, after). */
Datum
pgc_next_run(PG_FUNCTION_ARGS)
{
	pg_tz	   *zone = zone_named(fcinfo, 1);
	TimestampTz next;
	PgcCron		cron;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(2))
		PG_RETURN_NULL();
	pgc_cron_parse(text_to_cstring(PG_GETARG_TEXT_PP(0)), &cron);
	next = pgc_cron_next(&cron, PG_GETARG_TIMESTAMPTZ(2), zone);
	if (TIMESTAMP_NOT_FINITE(next))
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(next);
}
