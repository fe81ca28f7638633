/*
 * src/catalog/prune.c
 *		SQL function prune: history is capped by age and by rows.
 *
 * The last audit of a dataset stays, since the scorecard shows it, and so does
 * the quarantine, which is data.
 */
#include "postgres.h"

#include "catalog/annotate.h"
#include "catalog/contract.h"
#include "catalog/pg_type.h"
#include "compat.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_prune);

/* Parameters: 1 dataset, 2 age or null, 3 newest violations to keep or null. */
static const char *const statements[] = {
	"DELETE FROM contract.violation WHERE dataset_id = $1 AND at < now() - $2",
	"DELETE FROM contract.violation WHERE dataset_id = $1 AND id <="
	" (SELECT id FROM contract.violation WHERE dataset_id = $1 ORDER BY id DESC OFFSET $3 LIMIT 1)",
	"DELETE FROM contract.result r USING contract.run n WHERE r.run_id = n.run_id AND n.dataset_id = $1"
	" AND n.at < now() - $2 AND n.run_id IS DISTINCT FROM (SELECT run_id FROM contract.run"
	" WHERE dataset_id = $1 AND source = 'audit' AND operation IS NULL ORDER BY at DESC, run_id DESC LIMIT 1)"
	" AND NOT EXISTS (SELECT FROM contract.violation v WHERE v.run_id = n.run_id)",
	"DELETE FROM contract.metric m USING contract.run n WHERE m.run_id = n.run_id AND n.dataset_id = $1"
	" AND n.at < now() - $2 AND n.run_id IS DISTINCT FROM (SELECT run_id FROM contract.run"
	" WHERE dataset_id = $1 AND source = 'audit' ORDER BY at DESC, run_id DESC LIMIT 1)",
	"DELETE FROM contract.run n WHERE dataset_id = $1 AND at < now() - $2"
	" AND NOT EXISTS (SELECT FROM contract.result r WHERE r.run_id = n.run_id)"
	" AND n.run_id IS DISTINCT FROM (SELECT run_id FROM contract.run"
	" WHERE dataset_id = $1 AND source = 'audit' AND operation IS NULL ORDER BY at DESC, run_id DESC LIMIT 1)",
};

/* may_prune: does the user own the dataset's relation, or the extension? */
static bool
may_prune(int32 dataset_id)
{
	Oid			relid = pgc_contract_relation(dataset_id);

	if (has_privs_of_role(GetUserId(), pgc_catalog_owner()))
		return true;
	return OidIsValid(relid) && pgc_compat_owns_relation(relid, GetUserId());
}

/* prune_dataset prunes one dataset and returns the rows deleted. */
static uint64
prune_dataset(FunctionCallInfo fcinfo, int32 dataset_id)
{
	const Oid	types[] = {INT4OID, INTERVALOID, INT8OID};
	char		nulls[4] = "   ";
	Datum		values[3];
	uint64		deleted = 0;

	values[0] = Int32GetDatum(dataset_id);
	values[1] = pgc_argument_or_null(fcinfo, 0, &nulls[1]);
	values[2] = pgc_argument_or_null(fcinfo, 1, &nulls[2]);
	for (int i = 0; i < lengthof(statements); i++)
	{
		bool		by_count = i == 1;

		if (nulls[by_count ? 2 : 1] == ' ')
			deleted += pgc_catalog_execute(statements[i], 3, types, values, nulls);
	}
	return deleted;
}

/* pgc_prune is contract.prune(older_than, keep_violations, dataset). */
Datum
pgc_prune(PG_FUNCTION_ARGS)
{
	uint64		deleted = 0;
	ListCell   *cell;

	if (!PG_ARGISNULL(1) && PG_GETARG_INT64(1) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("keep_violations must not be negative")));
	if (!PG_ARGISNULL(2))
	{
		PgcContract *contract = pgc_dataset_open(pgc_argument_text(fcinfo, 2));

		PG_RETURN_INT64((int64) prune_dataset(fcinfo, contract->dataset_id));
	}
	foreach(cell, pgc_contract_list())
	{
		int32		dataset_id = ((PgcBound *) lfirst(cell))->dataset_id;

		if (may_prune(dataset_id))
			deleted += prune_dataset(fcinfo, dataset_id);
	}
	PG_RETURN_INT64((int64) deleted);
}
