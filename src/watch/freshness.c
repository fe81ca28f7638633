/*
 * src/watch/freshness.c
 *		Task of the database's worker: rules about time are looked at when that is due,
 *		and accounted at least once an hour.
 *
 * When that is follows from the last look (audit/timely.c), so a step with nothing due
 * reads one entry of an index.  A look is an audit of the rules that are due, so
 * it is with the same rights, and says the same.  It never waits long for a lock, and one
 * that is broken off by an error is an error of its rules.
 *
 * A round takes only what was due when it began: what wants to be looked at all the time
 * cannot keep the worker from its other tasks.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "audit/finding.h"
#include "audit/limits.h"
#include "audit/progress.h"
#include "catalog/pg_type.h"
#include "engine/rights.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "watch/watch.h"

/* So many datasets are looked for in one go: enough to get past those that others hold. */
#define BATCH 100

/* For how long a look waits for a lock, and how long it may take at most (ms): the other tasks wait for it. */
#define LOCK_TIMEOUT "1s"
#define LOOK_TIMEOUT (60 * 1000)

/* When this round began; 0: between rounds.  Up to which dataset states are in line with their rules since then. */
static TimestampTz round_began = 0;
static int32 reconciled;

/* Datasets that were due at its beginning, the one that waits longest first; what comes after them, and when. */
static int32 due[BATCH];
static int	ndue;
static int	nvisited;
static TimestampTz next_due;

/* Was there a look in this round?  What it found may have its table's writes sampled, which the next round does. */
static bool looked;

/*
 * reconcile brings states in line with rules where they are not, of some datasets: a rule was made, changed or
 * dropped, a contract came into force, a dump was restored.  Returns whether there may be more.
 */
static bool
reconcile(void)
{
	static const char sql[] =
	"SELECT DISTINCT COALESCE(s.dataset_id, w.dataset_id) FROM " PGC_WATCHED
	" FULL JOIN contract.freshness_state s ON s.rule_id = w.rule_id"
	" WHERE (s.rule_id IS NULL OR w.rule_id IS NULL OR w.definition <> s.definition)"
	" AND COALESCE(s.dataset_id, w.dataset_id) > $1 ORDER BY 1 LIMIT $2";
	const Oid	types[] = {INT4OID, INT4OID};
	const Datum values[] = {Int32GetDatum(reconciled), Int32GetDatum(BATCH)};
	List	   *datasets = NIL;
	ListCell   *cell;

	pgc_catalog_query(sql, 2, types, values, NULL, pgc_take_ids, &datasets);
	foreach(cell, datasets)
	{
		if (pgc_states_lock(lfirst_int(cell)))
			pgc_states_sync(lfirst_int(cell));
	}
	reconciled = list_length(datasets) < BATCH ? PG_INT32_MAX : llast_int(datasets);
	return datasets != NIL;
}

/* take_due is the PgcRowFunction of find_due: rows come in the order of their time. */
static void
take_due(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	bool		isnull;
	int32		dataset_id = DatumGetInt32(heap_getattr(tuple, 1, descriptor, &isnull));
	TimestampTz at = DatumGetTimestampTz(heap_getattr(tuple, 2, descriptor, &isnull));

	if (at > round_began)
		next_due = Min(next_due, at);
	else if (ndue == 0 || due[ndue - 1] != dataset_id)
		due[ndue++] = dataset_id;
}

/* find_due finds what is due in this round. */
static void
find_due(void)
{
	const Oid	types[] = {INT4OID};
	const Datum values[] = {Int32GetDatum(BATCH)};

	ndue = nvisited = 0;
	next_due = DT_NOEND;
	pgc_catalog_query("SELECT dataset_id, due FROM contract.freshness_state ORDER BY due, dataset_id LIMIT $1",
					  1, types, values, NULL, take_due, NULL);
}

/* Rules of a dataset. */
typedef struct Rules
{
	List	   *due;			/* names (char *) of those to be looked at */
	List	   *quiet;			/* of those to be accounted only */
} Rules;

/* take_rule is the PgcRowFunction of find_rules. */
static void
take_rule(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	Rules	   *rules = arg;
	bool		isnull;
	char	   *name = TextDatumGetCString(heap_getattr(tuple, 1, descriptor, &isnull));

	if (DatumGetBool(heap_getattr(tuple, 2, descriptor, &isnull)))
		rules->due = lappend(rules->due, name);
	else
		rules->quiet = lappend(rules->quiet, name);
}

/* find_rules returns what is due of a dataset; gone: there is no relation to look at. */
static Rules
find_rules(int32 dataset_id, TimestampTz now, bool gone)
{
	const Oid	types[] = {INT4OID, TIMESTAMPTZOID, BOOLOID};
	const Datum values[] = {Int32GetDatum(dataset_id), TimestampTzGetDatum(now), BoolGetDatum(gone)};
	Rules		rules = {NIL, NIL};

	pgc_catalog_query("SELECT rule, next_check <= $2 OR ($3 AND status <> 'error') FROM contract.freshness_state"
					  " WHERE dataset_id = $1 AND due <= $2", 3, types, values, NULL, take_rule, &rules);
	return rules;
}

/* only returns a contract that has only some of its rules, by their names. */
static PgcContract *
only(const PgcContract *contract, const List *names)
{
	PgcContract *result = palloc(sizeof(PgcContract));
	ListCell   *cell;

	*result = *contract;
	result->rules = palloc(Max(contract->nrules, 1) * sizeof(PgcStoredRule));
	result->nrules = 0;
	for (int i = 0; i < contract->nrules; i++)
	{
		foreach(cell, names)
		{
			if (strcmp(contract->rules[i].spec.name, lfirst(cell)) == 0)
				result->rules[result->nrules++] = contract->rules[i];
		}
	}
	return result;
}

/* sample samples what is written to a dataset: what comes after this look is seen to. */
static void
sample(const PgcContract *contract, TimestampTz now)
{
	bool		often = false;

	if (!OidIsValid(contract->relid) || pgc_writes_why_not(contract->relid) != NULL)
		return;
	for (int i = 0; i < contract->nrules; i++)
		often |= pgc_timely_is(&contract->rules[i].spec) && contract->rules[i].spec.ncolumns == 0;
	pgc_writes_sample(contract->dataset_id, contract->relid, now, often);
}

/* limit returns how long a look may take (ms). */
static int
limit(void)
{
	return pgc_audit_timeout > 0 ? Min(pgc_audit_timeout, LOOK_TIMEOUT) : LOOK_TIMEOUT;
}

/*
 * fail_look, called in PG_CATCH, returns the error that ended a look.  Who cancels CALL contract.tend() means all
 * of it, so that is thrown again; who cancels a worker means this look.  A rule can raise the same, and would
 * else be looked at first again and again, and no other have its turn.
 */
static ErrorData *
fail_look(const PgcAttempt *attempt)
{
	bool		timed_out = pgc_limits_end(geterrcode() == ERRCODE_QUERY_CANCELED) == PGC_TIMED_OUT;
	ErrorData  *error = pgc_attempt_fail_any(attempt);

	if (timed_out)
		error->message = psprintf("a look takes longer than %d ms: the column needs an index", limit());
	else if (error->sqlerrcode == ERRCODE_QUERY_CANCELED && MyBackendType != B_BG_WORKER)
		ReThrowError(error);
	return error;
}

/* try_look audits rules of a contract, in a subtransaction; returns NULL or the error. */
static ErrorData *
try_look(PgcCheck *check, const PgcContract *contract, const List *rules)
{
	PgcAttempt	attempt;
	ErrorData  *volatile error = NULL;

	pgc_attempt_begin(&attempt);
	PG_TRY();
	{
		pgc_limits_begin(limit(), false);
		contract = pgc_check_lock(contract);
		check->contract = only(contract, rules);
		check->problem = pgc_binding_problem(contract);
		pgc_check_run(check, PGC_MODE_FULL, false);
		(void) pgc_limits_end(false);
		pgc_attempt_commit(&attempt);
	}
	PG_CATCH();
	{
		error = fail_look(&attempt);
	}
	PG_END_TRY();
	pgc_progress_end();
	return error;
}

/* gives_way: does an error say that others are in the way, nothing of the rules?  They stand as they stood. */
static bool
gives_way(int code)
{
	return code == ERRCODE_LOCK_NOT_AVAILABLE ||
		ERRCODE_TO_CATEGORY(code) == ERRCODE_TO_CATEGORY(ERRCODE_T_R_DEADLOCK_DETECTED);
}

/* look looks at rules of a dataset; what stands otherwise than before is stored as a run. */
static void
look(const PgcContract *contract, const List *rules, TimestampTz now)
{
	PgcCheck	check = {.contract = only(contract, rules),.operation = "freshness"};
	ErrorData  *error;

	check.started = now;
	pgc_worker_doing(psprintf("freshness of %s", contract->name));
	looked = true;
	/* whatever comes of it, the others have their turn first */
	pgc_states_postpone(contract->dataset_id, now, now + pgc_naptime * (int64) 1000);
	sample(contract, now);
	error = try_look(&check, contract, rules);
	if (error != NULL && gives_way(error->sqlerrcode))
		return;
	if (error != NULL)
		pgc_check_fail(&check, error->message);
	if (pgc_timely_store(&check))
		(void) pgc_store_check(&check);
}

/* visit does what is due of a dataset; false: others write its states. */
static bool
visit(int32 dataset_id, TimestampTz now)
{
	PgcContract *contract;
	Rules		rules;
	ListCell   *cell;

	if (!pgc_states_lock(dataset_id))
		return false;
	contract = pgc_contract_load(dataset_id);
	if (contract == NULL)
		return true;			/* its states are gone with it */
	(void) set_config_option("lock_timeout", LOCK_TIMEOUT, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
	rules = find_rules(dataset_id, now, !OidIsValid(contract->relid));
	foreach(cell, rules.quiet)
		pgc_states_touch(dataset_id, now, lfirst(cell));
	if (rules.due != NIL)
		look(contract, rules.due, now);
	return true;
}

/*
 * pgc_freshness_step visits the dataset that is due longest.  Where the first of many are held by others, those
 * behind them have their turn.
 */
bool
pgc_freshness_step(PgcStep *step)
{
	if (round_began == 0)
	{
		round_began = step->now;
		reconciled = PG_INT32_MIN;
		ndue = nvisited = 0;
		looked = false;
	}
	if (reconciled != PG_INT32_MAX && reconcile())
		return true;
	if (nvisited == ndue)
		find_due();
	while (nvisited < ndue)
	{
		if (visit(due[nvisited++], step->now))
			return true;
		next_due = 0;
	}
	round_began = 0;
	step->next = Max(looked ? 0 : next_due, step->now + pgc_naptime * (int64) 1000);
	return false;
}
