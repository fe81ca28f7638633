/*
 * src/audit/check.c
 *		SQL functions check and check_all.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "audit/finding.h"
#include "audit/progress.h"
#include "catalog/annotate.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "compat.h"
#include "engine/rights.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rls.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_check);
PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_check_all);

/* In the order of PgcMode. */
static const char *const modes[] = {"auto", "full", "incremental", "sample", NULL};

/* pgc_mode_parse returns the mode of a name, or raises with the right ones. */
PgcMode
pgc_mode_parse(const char *name)
{
	int			mode = 0;

	pgc_require_word("mode", name, modes);
	while (strcmp(modes[mode], name) != 0)
		mode++;
	return (PgcMode) mode;
}

/* sees_all: may the user see all rows and columns? */
static bool
sees_all(Oid relid)
{
	if (pgc_compat_owns_relation(relid, GetUserId()))
		return true;
	/* a view may show its owner more than it shows others */
	return pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) == ACLCHECK_OK &&
		get_rel_relkind(relid) != RELKIND_VIEW &&
		check_enable_rls(relid, InvalidOid, true) != RLS_ENABLED;
}

/*
 * audit_of audits the contract's relation as its owner; for a caller who does
 * not see all of it, as the caller, who learns no more than SELECT would tell.
 */
static PgcAudit *
audit_of(const PgcContract *contract, PgcMode mode, bool stored, bool profile)
{
	Relation	relation = table_open(contract->relid, AccessShareLock);
	bool		partial = !sees_all(contract->relid);
	Oid			owner = relation->rd_rel->relowner;
	int			nspecs;
	PgcRuleSpec *specs = pgc_contract_specs(contract, PGC_AUDIT, &nspecs, NULL);
	PgcAudit   *audit = pgc_audit_begin(contract, specs, nspecs, relation,
										partial ? GetUserId() : owner, owner,
										partial ? 0 : pgc_violation_samples);

	audit->of_contract = true;
	audit->mode = mode;
	audit->partial = audit->row_security = partial;
	audit->stored = stored && !partial;
	audit->profile = profile && audit->stored;
	pgc_audit_run(audit);
	table_close(relation, NoLock);
	return audit;
}

/* executors_of lists what ran, without repetition. */
static const char *
executors_of(const PgcCheck *check)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < check->contract->nrules; i++)
	{
		const char *executor = check->findings[i].executor;

		if (executor != NULL && strstr(list.data, executor) == NULL)
			appendStringInfo(&list, "%s%s", list.len > 0 ? ", " : "", executor);
	}
	return list.len > 0 ? list.data : "none";
}

/* pgc_check_run audits the relation of check->contract by its rules, and judges what was found. */
void
pgc_check_run(PgcCheck *check, PgcMode mode, bool profile)
{
	const PgcContract *contract = check->contract;

	check->started = GetCurrentTimestamp();
	check->findings = palloc0(Max(contract->nrules, 1) * sizeof(PgcFinding));
	if (OidIsValid(contract->relid))
		check->audit = audit_of(contract, mode, !RecoveryInProgress() && !XactReadOnly, profile);
	check->elapsed = DirectFunctionCall2(timestamp_mi, TimestampTzGetDatum(GetCurrentTimestamp()),
										 TimestampTzGetDatum(check->started));
	for (int i = 0; i < contract->nrules; i++)
	{
		check->findings[i].rule = &contract->rules[i];
		pgc_finding_make(&check->findings[i], check->audit, i, check->problem);
	}
	check->executor = executors_of(check);
}

/* pgc_check_fail makes a check of one that an error broke off: an error for each rule. */
void
pgc_check_fail(PgcCheck *check, const char *error)
{
	check->audit = NULL;
	check->executor = "none";
	check->findings = palloc0(Max(check->contract->nrules, 1) * sizeof(PgcFinding));
	check->elapsed = DirectFunctionCall3(interval_in, CStringGetDatum("0"), ObjectIdGetDatum(InvalidOid),
										 Int32GetDatum(-1));
	for (int i = 0; i < check->contract->nrules; i++)
	{
		check->findings[i].rule = &check->contract->rules[i];
		pgc_finding_make(&check->findings[i], NULL, i, error);
	}
}

/* is_stored: can the result be kept, and is it about all rows?  Says if not. */
static bool
is_stored(const PgcCheck *check)
{
	const char *reason = NULL;

	if (RecoveryInProgress())
		reason = "This server is a standby.";
	else if (XactReadOnly)
		reason = "The transaction is read-only.";
	else if (check->audit != NULL && check->audit->partial)
		reason = "You do not see all rows and columns of the relation.";
	else
		return true;
	ereport(NOTICE,
			(errmsg("the results for \"%s\" are returned only, not stored", check->contract->name),
			 errdetail_internal("%s", reason)));
	return false;
}

/* text_or_null puts a text, or null, into a result row. */
static void
text_or_null(Datum *values, bool *nulls, int column, const char *text)
{
	nulls[column] = text == NULL;
	values[column] = text ? CStringGetTextDatum(text) : (Datum) 0;
}

/* count_or_null puts a count, or null if it is negative, into a result row. */
static void
count_or_null(Datum *values, bool *nulls, int column, int64 count)
{
	nulls[column] = count < 0;
	values[column] = Int64GetDatum(count);
}

/* datum_or_null puts a Datum, or null if it is 0, into a result row. */
static void
datum_or_null(Datum *values, bool *nulls, int column, Datum datum)
{
	nulls[column] = datum == (Datum) 0;
	values[column] = datum;
}

/* return_findings puts the findings into the result; check_all's begins with the dataset. */
static void
return_findings(const PgcCheck *check, ReturnSetInfo *result, bool with_dataset)
{
	for (int i = 0; i < check->contract->nrules; i++)
	{
		const PgcFinding *finding = &check->findings[i];
		Datum		values[12];
		bool		nulls[12] = {false};

		text_or_null(values, nulls, 0, check->contract->name);
		text_or_null(values, nulls, 1, finding->rule->spec.name);
		text_or_null(values, nulls, 2, finding->rule->spec.kind);
		datum_or_null(values, nulls, 3, finding->columns);
		text_or_null(values, nulls, 4, finding->status);
		count_or_null(values, nulls, 5, finding->considered);
		count_or_null(values, nulls, 6, finding->failed);
		datum_or_null(values, nulls, 7, finding->observed);
		datum_or_null(values, nulls, 8, finding->expected);
		text_or_null(values, nulls, 9, finding->message);
		text_or_null(values, nulls, 10, finding->executor ? finding->executor : "none");
		values[11] = check->elapsed;
		tuplestore_putvalues(result->setResult, result->setDesc, values + !with_dataset,
							 nulls + !with_dataset);
	}
}

/* load_contract returns the contract of a dataset that was there a moment ago, or raises. */
static const PgcContract *
load_contract(int32 dataset_id)
{
	const PgcContract *contract = pgc_contract_load(dataset_id);

	if (contract == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the contract was dropped while its audit waited for a lock")));
	return contract;
}

/*
 * pgc_check_lock returns a contract as it is once its relation is locked, so that a
 * swap or a rename that was waited for is followed.  Raises if the user may select nothing
 * or the contract was dropped meanwhile.
 */
const PgcContract *
pgc_check_lock(const PgcContract *contract)
{
	Oid			locked = InvalidOid;

	while (OidIsValid(contract->relid) && contract->relid != locked)
	{
		locked = contract->relid;
		pgc_privilege_require_some(locked);
		LockRelationOid(locked, AccessShareLock);
		contract = load_contract(contract->dataset_id);
	}
	return contract;
}

/* audit_and_store audits one dataset and stores what can be stored. */
static void
audit_and_store(PgcCheck *check, const PgcContract *contract, PgcMode mode, bool profile)
{
	check->contract = pgc_check_lock(contract);
	check->problem = pgc_binding_problem(check->contract);
	if (check->problem != NULL)
		ereport(WARNING,
				(errmsg("the contract of \"%s\" is not enforced on write", check->contract->name),
				 errdetail_internal("%s.", check->problem)));
	pgc_check_run(check, mode, profile);
	if (is_stored(check))
	{
		(void) pgc_store_check(check);
		(void) pgc_timely_store(check);
		CommandCounterIncrement();
	}
	pgc_progress_end();
}

/* check_dataset audits one dataset, stores what can be stored and returns the findings. */
static void
check_dataset(const PgcContract *contract, PgcMode mode, bool profile, ReturnSetInfo *result,
			  bool with_dataset)
{
	PgcCheck	check = {0};

	audit_and_store(&check, contract, mode, profile);
	return_findings(&check, result, with_dataset);
}

/* count returns how many rules have a status. */
static int
count(const PgcCheck *check, const char *status)
{
	int			result = 0;

	for (int i = 0; i < check->contract->nrules; i++)
		result += strcmp(check->findings[i].status, status) == 0;
	return result;
}

/*
 * pgc_check_dataset audits a dataset and stores what can be stored.  Returns the
 * worst status, as the scorecard has it; *message says how many rules are not kept, or is NULL.
 */
const char *
pgc_check_dataset(int32 dataset_id, PgcMode mode, bool profile, char **message)
{
	static const char *const statuses[] = {"error", "fail", "warn", "skipped"};
	PgcCheck	check = {0};
	StringInfoData counts;
	const char *worst = "pass";

	audit_and_store(&check, load_contract(dataset_id), mode, profile);
	initStringInfo(&counts);
	for (int i = lengthof(statuses) - 1; i >= 0; i--)
	{
		int			n = count(&check, statuses[i]);

		if (n > 0 && i < lengthof(statuses) - 1)
			worst = statuses[i];
		if (n > 0)
			appendStringInfo(&counts, "%s%d %s", counts.len > 0 ? ", " : "", n, statuses[i]);
	}
	*message = counts.len > 0 ? psprintf("%s of %d rules", counts.data, check.contract->nrules) : NULL;
	return worst;
}

/* pgc_check is contract.check(dataset, mode, profile). */
Datum
pgc_check(PG_FUNCTION_ARGS)
{
	PgcMode		mode = pgc_mode_parse(text_to_cstring(PG_GETARG_TEXT_PP(1)));

	PreventCommandIfParallelMode("contract.check()");
	InitMaterializedSRF(fcinfo, 0);
	pgc_recording_flush();
	check_dataset(pgc_contract_load(pgc_contract_find(text_to_cstring(PG_GETARG_TEXT_PP(0)), false)),
				  mode, PG_GETARG_BOOL(2), (ReturnSetInfo *) fcinfo->resultinfo, false);
	return (Datum) 0;
}

/* chosen_datasets returns the ids of the datasets of an owner, tag and contract, each null for any. */
static List *
chosen_datasets(FunctionCallInfo fcinfo)
{
	static const char sql[] =
	"SELECT d.dataset_id FROM contract.dataset d JOIN contract.contract c USING (contract_id)"
	" WHERE ($1 IS NULL OR c.owner = $1) AND ($3 IS NULL OR d.contract_id = $3)"
	" AND ($2 IS NULL OR EXISTS (SELECT FROM contract.column_annotation a"
	" WHERE a.dataset_id = d.dataset_id AND $2 = ANY (a.tags)))"
	" ORDER BY d.schema_name, d.table_name";
	const Oid	types[] = {TEXTOID, TEXTOID, TEXTOID};
	char		nulls[4] = "   ";
	Datum		values[3];
	List	   *datasets = NIL;

	for (int i = 0; i < 3; i++)
		values[i] = pgc_argument_or_null(fcinfo, i, &nulls[i]);
	pgc_catalog_query(sql, 3, types, values, nulls, pgc_take_ids, &datasets);
	if (datasets == NIL && strchr(nulls, ' ') != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("no dataset has this owner, tag and contract"),
				 errhint("See the views contract.scorecard and contract.rules.")));
	return datasets;
}

/* is_visible: may the user select from the dataset, or is it gone? */
static bool
is_visible(const PgcContract *contract)
{
	return !OidIsValid(contract->relid) ||
		pg_class_aclcheck(contract->relid, GetUserId(), ACL_SELECT) == ACLCHECK_OK ||
		pg_attribute_aclcheck_all(contract->relid, GetUserId(), ACL_SELECT, ACLMASK_ANY) == ACLCHECK_OK;
}

/* try_dataset checks a dataset in a subtransaction: one that breaks off does not end the others. */
static void
try_dataset(const PgcContract *contract, PgcMode mode, bool profile, ReturnSetInfo *result)
{
	PgcAttempt	attempt;
	char	   *volatile error = NULL;

	pgc_attempt_begin(&attempt);
	PG_TRY();
	{
		check_dataset(contract, mode, profile, result, true);
		pgc_attempt_commit(&attempt);
	}
	PG_CATCH();
	{
		error = pgc_attempt_fail(&attempt);
	}
	PG_END_TRY();
	if (error != NULL)
	{
		PgcCheck	failed = {.contract = contract};

		pgc_check_fail(&failed, error);
		return_findings(&failed, result, true);
	}
}

/* pgc_check_all is contract.check_all(owner, tag, contract_id, mode, profile). */
Datum
pgc_check_all(PG_FUNCTION_ARGS)
{
	PgcMode		mode;
	ListCell   *cell;

	if (PG_ARGISNULL(3) || PG_ARGISNULL(4))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("mode and profile must not be null")));
	mode = pgc_mode_parse(text_to_cstring(PG_GETARG_TEXT_PP(3)));
	PreventCommandIfParallelMode("contract.check_all()");
	InitMaterializedSRF(fcinfo, 0);
	pgc_recording_flush();
	foreach(cell, chosen_datasets(fcinfo))
	{
		MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "pg_contract dataset",
													  ALLOCSET_DEFAULT_SIZES);
		MemoryContext caller = MemoryContextSwitchTo(context);
		PgcContract *contract = pgc_contract_load(lfirst_int(cell));

		if (contract != NULL && is_visible(contract))
			try_dataset(contract, mode, PG_GETARG_BOOL(4), (ReturnSetInfo *) fcinfo->resultinfo);
		MemoryContextSwitchTo(caller);
		MemoryContextDelete(context);
	}
	return (Datum) 0;
}
