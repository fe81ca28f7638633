/*
 * src/catalog/incident.c
 *		What users and definers of rules do to incidents: SQL functions
 *		acknowledge, mute, unmute.
 *
 * Whether there is an incident is for the worker to say (src/watch/incident.c).
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/annotate.h"
#include "catalog/contract.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_acknowledge);
PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_mute);
PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_unmute);

/*
 * pgc_incident_due has the worker judge a dataset's incident once this transaction
 * has committed: an audit was stored, or a rule changed.  One row a dataset is enough,
 * so that they are few where no worker takes them; the lock on it makes the worker
 * leave it until then.
 */
void
pgc_incident_due(int32 dataset_id)
{
	const Oid	types[] = {INT4OID};
	const Datum values[] = {Int32GetDatum(dataset_id)};

	pgc_catalog_execute("INSERT INTO contract.incident_due SELECT $1 WHERE NOT EXISTS"
						" (SELECT FROM contract.incident_due WHERE dataset_id = $1 FOR KEY SHARE SKIP LOCKED)",
						1, types, values, NULL);
	pgc_nudge(PGC_TENDING);
}

/* pgc_incident_rename_rule has a dataset's incidents follow a rule's name. */
void
pgc_incident_rename_rule(int32 dataset_id, const char *oldname, const char *newname)
{
	const Oid	types[] = {INT4OID, TEXTOID, TEXTOID};
	Datum		values[3];

	values[0] = Int32GetDatum(dataset_id);
	values[1] = CStringGetTextDatum(oldname);
	values[2] = CStringGetTextDatum(newname);
	pgc_catalog_execute("UPDATE contract.incident SET rules = array_replace(rules, $2, $3),"
						" all_rules = array_replace(all_rules, $2, $3)"
						" WHERE dataset_id = $1 AND $2 = ANY (all_rules)", 3, types, values, NULL);
}

/* An incident that a user wants to change. */
typedef struct Named
{
	int32		dataset_id;		/* 0: there is none */
	bool		open;
} Named;

/* take_named keeps what was found of an incident. */
static void
take_named(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	Named	   *named = arg;
	bool		isnull;

	named->dataset_id = DatumGetInt32(heap_getattr(tuple, 1, descriptor, &isnull));
	named->open = DatumGetBool(heap_getattr(tuple, 2, descriptor, &isnull));
}

/*
 * change_incident changes an open incident with a statement whose parameters are
 * the incident, the user and, of that type, the SQL function's second argument if it has one.
 * Raises unless the user owns the dataset, in the same words if there is no such incident.
 */
static void
change_incident(FunctionCallInfo fcinfo, const char *sql, Oid type)
{
	const Oid	types[] = {INT8OID, TEXTOID, type};
	int64		id = PG_GETARG_INT64(0);
	Named		named = {0};
	Datum		values[3];
	char		nulls[4] = "  n";

	PreventCommandIfReadOnly("changing an incident");
	values[0] = PG_GETARG_DATUM(0);
	values[1] = CStringGetTextDatum(GetUserNameFromId(GetUserId(), false));
	if (PG_NARGS() > 1)
		values[2] = pgc_argument_or_null(fcinfo, 1, &nulls[2]);
	pgc_catalog_query("SELECT dataset_id, status = 'open' FROM contract.incident WHERE incident_id = $1 FOR UPDATE",
					  1, types, values, NULL, take_named, &named);
	if (named.dataset_id == 0 || !pgc_dataset_has_rights(named.dataset_id))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("there is no incident " INT64_FORMAT " of a dataset that you own", id),
				 errhint("See the view contract.incidents.")));
	if (!named.open)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("incident " INT64_FORMAT " is closed", id)));
	pgc_catalog_execute(sql, 3, types, values, nulls);
	pgc_incident_due(named.dataset_id);
}

/* require_arguments raises if one of the first so many arguments is null. */
static void
require_arguments(FunctionCallInfo fcinfo, int count)
{
	static const char *const names[] = {"incident", "until"};

	for (int i = 0; i < count; i++)
	{
		if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("%s must not be null", names[i])));
	}
}

/* pgc_acknowledge is contract.acknowledge(incident, note). */
Datum
pgc_acknowledge(PG_FUNCTION_ARGS)
{
	require_arguments(fcinfo, 1);
	change_incident(fcinfo, "UPDATE contract.incident SET acknowledged_at = pg_catalog.now(),"
					" acknowledged_by = $2, note = $3 WHERE incident_id = $1", TEXTOID);
	PG_RETURN_VOID();
}

/* pgc_mute is contract.mute(incident, until). */
Datum
pgc_mute(PG_FUNCTION_ARGS)
{
	require_arguments(fcinfo, 2);
	if (PG_GETARG_TIMESTAMPTZ(1) <= GetCurrentTimestamp())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("until must be in the future"),
				 errhint("contract.unmute ends it now.")));
	change_incident(fcinfo, "UPDATE contract.incident SET muted_until = $3 WHERE incident_id = $1", TIMESTAMPTZOID);
	PG_RETURN_VOID();
}

/* pgc_unmute is contract.unmute(incident).  It makes the mute one that is over. */
Datum
pgc_unmute(PG_FUNCTION_ARGS)
{
	require_arguments(fcinfo, 1);
	change_incident(fcinfo, "UPDATE contract.incident SET muted_until = LEAST(muted_until, pg_catalog.now())"
					" WHERE incident_id = $1 AND muted_until IS NOT NULL", TIMESTAMPTZOID);
	PG_RETURN_VOID();
}
