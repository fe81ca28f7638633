/*
 * src/worker/audits.c
 *		Task of the worker: scheduled audits, one a step.
 *
 * contract.schedule_state says when each schedule runs next.  An audit takes two
 * steps: the first claims the run and commits that, the second audits, and stores
 * what it found and when it runs next.  A run that was cut off by a crash is known by its
 * claim: it is run again at once, and if that crashes, too, later and later, so
 * that what kills the server does not do so all the time.
 *
 * What is due is looked up; state and schedules are compared when nothing is, which is when a
 * round ends.  So a thousand audits do not look at a thousand schedules each.
 *
 * Whatever becomes of an audit is recorded and ends here, else one that fails would keep
 * all others waiting.  Only who cancels CALL contract.tend() means all of it.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "audit/audit.h"
#include "audit/limits.h"
#include "catalog/annotate.h"
#include "catalog/pg_type.h"
#include "engine/cron.h"
#include "engine/rights.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/timestamp.h"
#include "worker/schedule.h"
#include "worker/worker.h"

/* How long to wait for a lock; a relation that is locked longer, or wanted by others, is tried again later, so many times. */
#define LOCK_TIMEOUT "10s"
#define RETRY_MS (60 * 1000)
#define MAX_RETRIES 5

/* A run that crashed waits at most so long before the next attempt. */
#define MAX_PAUSE_MS (3600 * 1000)

int			pgc_audit_timeout = 3600 * 1000;

/* A run: which, and how. */
typedef struct Run
{
	PgcSchedule schedule;
	char	   *dataset;		/* name */
	PgcMode		mode;
	bool		profile;
	int			timeout;		/* ms; 0: none */
	int			attempts;		/* begun for this run, with this one */
	bool		has_others;		/* the dataset has other schedules, too */
} Run;

/* What became of it. */
typedef struct Outcome
{
	const char *status;
	char	   *message;		/* or NULL */
} Outcome;

/* The run that this process claimed in its last step; attempts is 0 if none. */
static struct
{
	int32		dataset_id;
	char		expression[1400];	/* a cron expression and a time zone */
	int			attempts;
}			claim;

/* interval_of returns a column as interval (palloc'd), or NULL. */
static Interval *
interval_of(HeapTuple tuple, TupleDesc descriptor, int column)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, column, descriptor, &isnull);
	Interval   *result = isnull ? NULL : palloc(sizeof(Interval));

	if (result != NULL)
		*result = *DatumGetIntervalP(value);
	return result;
}

/* take_claim fills the claim from a row: dataset, expression, attempts. */
static void
take_claim(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	bool		isnull;

	claim.dataset_id = DatumGetInt32(heap_getattr(tuple, 1, descriptor, &isnull));
	strlcpy(claim.expression, pgc_row_text(tuple, descriptor, 2), sizeof(claim.expression));
	claim.attempts = DatumGetInt32(heap_getattr(tuple, 3, descriptor, &isnull));
}

/*
 * claim_due claims the run that has been due for longest; false: none is.  Should this
 * process not finish it, it is due again at once the first time, then in a
 * minute, two, four ...  What somebody is changing right now is passed over.
 */
static bool
claim_due(TimestampTz now)
{
	static const char sql[] =
	"WITH due AS (SELECT dataset_id, expression FROM contract.schedule_state WHERE next_run <= $1"
	"  ORDER BY next_run, dataset_id, expression LIMIT 1 FOR UPDATE SKIP LOCKED)"
	" UPDATE contract.schedule_state t SET attempts = attempts + 1,"
	"  next_run = CASE WHEN attempts = 0 THEN next_run ELSE $1"
	"   + LEAST($2 * pg_catalog.power(2, LEAST(attempts, 10) - 1), $3) * interval '1 ms' END"
	" FROM due WHERE t.dataset_id = due.dataset_id AND t.expression = due.expression"
	" RETURNING t.dataset_id, t.expression, t.attempts";
	const Oid	types[] = {TIMESTAMPTZOID, INT4OID, INT4OID};
	const Datum values[] = {TimestampTzGetDatum(now), Int32GetDatum(RETRY_MS), Int32GetDatum(MAX_PAUSE_MS)};

	return pgc_catalog_query(sql, 3, types, values, NULL, take_claim, NULL) > 0;
}

/* timeout_of returns a schedule's timeout in ms. */
static int
timeout_of(const Interval *timeout)
{
	if (timeout == NULL)
		return pgc_audit_timeout;
	return (int) ((timeout->month * DAYS_PER_MONTH * USECS_PER_DAY + timeout->day * USECS_PER_DAY + timeout->time) / 1000);
}

/* take_run fills a run from a row. */
static void
take_run(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	Run		   *run = arg;
	bool		isnull;
	Datum		since = heap_getattr(tuple, 5, descriptor, &isnull);

	run->dataset = pgc_row_text(tuple, descriptor, 1);
	run->schedule.every = interval_of(tuple, descriptor, 2);
	run->schedule.cron = pgc_row_text(tuple, descriptor, 3);
	run->schedule.time_zone = pgc_row_text(tuple, descriptor, 4);
	run->schedule.since = isnull ? 0 : DatumGetTimestampTz(since);
	run->mode = pgc_mode_parse(pgc_row_text(tuple, descriptor, 6));
	run->profile = DatumGetBool(heap_getattr(tuple, 7, descriptor, &isnull));
	run->timeout = timeout_of(interval_of(tuple, descriptor, 8));
	run->has_others = DatumGetBool(heap_getattr(tuple, 9, descriptor, &isnull));
}

/* load_run returns the run that was claimed; NULL: somebody else has claimed it since, or there is no such schedule any more. */
static Run *
load_run(void)
{
	static const char sql[] =
	"SELECT d.name, s.every, s.cron, s.time_zone, s.since, s.mode, s.profile, s.timeout,"
	" EXISTS (SELECT FROM contract.schedule_state o WHERE o.dataset_id = t.dataset_id AND o.expression <> t.expression)"
	" FROM contract.schedule_state t JOIN contract.dataset d USING (dataset_id) JOIN LATERAL ("
	"  SELECT every, cron, time_zone, since, mode, profile, timeout FROM contract.schedule s"
	"  WHERE s.dataset_id = t.dataset_id AND t.expression = 'sql'"
	"  UNION ALL"
	"  SELECT NULL, r.schedule, $4, NULL, 'auto', false, NULL FROM contract.rule r"
	"  WHERE r.dataset_id = t.dataset_id AND pg_catalog.concat(r.schedule, ' ', $4) = t.expression"
	"  LIMIT 1) s ON true"
	" WHERE t.dataset_id = $1 AND t.expression = $2 AND t.attempts = $3";
	const Oid	types[] = {INT4OID, TEXTOID, INT4OID, TEXTOID};
	Run		   *run = palloc0(sizeof(Run));
	Datum		values[4];

	run->schedule.dataset_id = claim.dataset_id;
	run->schedule.expression = pstrdup(claim.expression);
	run->attempts = claim.attempts;
	values[0] = Int32GetDatum(claim.dataset_id);
	values[1] = CStringGetTextDatum(claim.expression);
	values[2] = Int32GetDatum(claim.attempts);
	values[3] = CStringGetTextDatum(pgc_default_zone);
	return pgc_catalog_query(sql, 4, types, values, NULL, take_run, run) > 0 ? run : NULL;
}

/* audit does the audit of a run, as the extension's owner. */
static void
audit(const Run *run, Outcome *outcome)
{
	int			nestlevel = NewGUCNestLevel();
	Oid			role;
	int			context;

	GetUserIdAndSecContext(&role, &context);
	SetUserIdAndSecContext(pgc_catalog_owner(), context | SECURITY_LOCAL_USERID_CHANGE);
	(void) set_config_option("lock_timeout", LOCK_TIMEOUT, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("application_name", "pg_contract", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	outcome->status = pgc_check_dataset(run->schedule.dataset_id, run->mode, run->profile, &outcome->message);
	AtEOXact_GUC(false, nestlevel);
	SetUserIdAndSecContext(role, context);
}

/*
 * outcome_of_error says what became of an audit that raised an error.  Who cancels or ends a session that
 * calls contract.tend() means all of it, so that is thrown again; who cancels a worker means this audit.
 */
static void
outcome_of_error(ErrorData *error, PgcLimitHit limit, const Run *run, Outcome *outcome)
{
	if (limit == PGC_UNLIMITED && MyBackendType != B_BG_WORKER &&
		ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION)
		ReThrowError(error);
	outcome->message = error->message;
	if (limit == PGC_TIMED_OUT)
	{
		outcome->status = "timeout";
		outcome->message = psprintf("the audit was stopped after %g s", run->timeout / 1000.0);
	}
	else if (limit == PGC_GAVE_WAY)
		outcome->status = "yielded";
	else if (error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE)
		outcome->status = "locked";
	else
		outcome->status = "error";
}

/* try_audit does the audit of a run in a subtransaction, within its limits. */
static void
try_audit(const Run *run, Outcome *outcome)
{
	PgcAttempt	attempt;

	pgc_attempt_begin(&attempt);
	PG_TRY();
	{
		pgc_limits_begin(run->timeout, run->attempts <= MAX_RETRIES);
		audit(run, outcome);
		(void) pgc_limits_end(false);
		pgc_attempt_commit(&attempt);
	}
	PG_CATCH();
	{
		PgcLimitHit limit = pgc_limits_end(geterrcode() == ERRCODE_QUERY_CANCELED);

		outcome_of_error(pgc_attempt_fail_any(&attempt), limit, run, outcome);
		ereport(LOG,
				(errmsg("scheduled audit of %s: %s", run->dataset, outcome->status),
				 errdetail_internal("%s", outcome->message)));
	}
	PG_END_TRY();
}

/*
 * record stores what became of a run, and when the schedule runs next; not if the schedule
 * was changed since the run was claimed, or is being changed.
 */
static void
record(const Run *run, TimestampTz began, const Outcome *outcome)
{
	static const char sql[] =
	"WITH claimed AS (SELECT dataset_id, expression FROM contract.schedule_state"
	"  WHERE dataset_id = $1 AND expression = $2 AND attempts = $9 FOR UPDATE SKIP LOCKED)"
	" UPDATE contract.schedule_state t SET next_run = $3, attempts = $4, last_run = $5, last_elapsed = $6 - $5,"
	"  last_status = $7, last_message = $8"
	" FROM claimed WHERE t.dataset_id = claimed.dataset_id AND t.expression = claimed.expression";
	const Oid	types[] = {INT4OID, TEXTOID, TIMESTAMPTZOID, INT4OID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID, TEXTOID,
	INT4OID};
	char		nulls[10] = "         ";
	Datum		values[9];
	TimestampTz now = GetCurrentTimestamp();
	char	   *problem;
	TimestampTz next = pgc_schedule_next(&run->schedule, now, &problem);
	bool		again = run->attempts <= MAX_RETRIES &&
	(strcmp(outcome->status, "yielded") == 0 || strcmp(outcome->status, "locked") == 0);

	if (again)
		next = Min(next, TimestampTzPlusMilliseconds(now, RETRY_MS));
	values[0] = Int32GetDatum(run->schedule.dataset_id);
	values[1] = CStringGetTextDatum(run->schedule.expression);
	values[2] = TimestampTzGetDatum(next);
	nulls[2] = next == DT_NOEND ? 'n' : ' ';
	values[3] = Int32GetDatum(again ? run->attempts : 0);
	values[4] = TimestampTzGetDatum(began);
	values[5] = TimestampTzGetDatum(now);
	values[6] = CStringGetTextDatum(outcome->status);
	values[7] = pgc_text_or_null(outcome->message ? outcome->message : problem, &nulls[7]);
	values[8] = Int32GetDatum(run->attempts);
	pgc_catalog_execute(sql, 9, types, values, nulls);
}

/* take_covered adds a run of a document's schedule to a list of Run. */
static void
take_covered(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	Run		   *run = palloc0(sizeof(Run));
	List	  **runs = arg;
	bool		isnull;

	run->schedule.expression = pgc_row_text(tuple, descriptor, 1);
	run->schedule.cron = pgc_row_text(tuple, descriptor, 2);
	run->schedule.time_zone = pgc_default_zone;
	run->attempts = DatumGetInt32(heap_getattr(tuple, 3, descriptor, &isnull));
	*runs = lappend(*runs, run);
}

/*
 * record_covered stores the same for other schedules of the dataset that were due
 * when the audit began: those of its document, which want all rules checked and no more.
 */
static void
record_covered(const Run *run, TimestampTz began, const Outcome *outcome)
{
	static const char sql[] =
	"SELECT DISTINCT t.expression, r.schedule, t.attempts FROM contract.schedule_state t JOIN contract.rule r USING (dataset_id)"
	" WHERE t.dataset_id = $1 AND t.expression <> $2 AND t.next_run <= $3"
	" AND t.expression = pg_catalog.concat(r.schedule, ' ', $4)";
	const Oid	types[] = {INT4OID, TEXTOID, TIMESTAMPTZOID, TEXTOID};
	List	   *runs = NIL;
	ListCell   *cell;
	Datum		values[4];

	values[0] = Int32GetDatum(run->schedule.dataset_id);
	values[1] = CStringGetTextDatum(run->schedule.expression);
	values[2] = TimestampTzGetDatum(began);
	values[3] = CStringGetTextDatum(pgc_default_zone);
	pgc_catalog_query(sql, 4, types, values, NULL, take_covered, &runs);
	foreach(cell, runs)
	{
		Run		   *covered = lfirst(cell);

		covered->schedule.dataset_id = run->schedule.dataset_id;
		record(covered, began, outcome);
	}
}

/* run_claimed does the run that was claimed. */
static void
run_claimed(void)
{
	Run		   *run = load_run();
	Outcome		outcome = {0};
	TimestampTz began = GetCurrentTimestamp();

	claim.attempts = 0;
	if (run == NULL)
		return;
	pgc_worker_doing(psprintf("audit of %s", run->dataset));
	try_audit(run, &outcome);
	record(run, began, &outcome);
	if (run->has_others && run->mode != PGC_MODE_SAMPLE)
		record_covered(run, began, &outcome);
	pgc_worker_doing("audits");
}

/* add_schedule makes the state of a schedule, given by a row. */
static void
add_schedule(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	PgcSchedule *schedule = palloc0(sizeof(PgcSchedule));
	List	  **schedules = arg;
	bool		isnull;

	schedule->dataset_id = DatumGetInt32(heap_getattr(tuple, 1, descriptor, &isnull));
	schedule->expression = pgc_row_text(tuple, descriptor, 2);
	schedule->every = interval_of(tuple, descriptor, 3);
	schedule->cron = pgc_row_text(tuple, descriptor, 4);
	schedule->time_zone = pgc_row_text(tuple, descriptor, 5);
	schedule->since = DatumGetTimestampTz(heap_getattr(tuple, 6, descriptor, &isnull));
	*schedules = lappend(*schedules, schedule);
}

/* compare forgets the state of schedules that are gone, and makes that of new ones. */
static void
compare(void)
{
	static const char forget[] =
	"DELETE FROM contract.schedule_state t"
	" WHERE NOT EXISTS (SELECT FROM contract.schedule s WHERE s.dataset_id = t.dataset_id AND t.expression = 'sql')"
	" AND NOT EXISTS (SELECT FROM contract.rule r WHERE r.dataset_id = t.dataset_id"
	"  AND pg_catalog.concat(r.schedule, ' ', $1) = t.expression)";
	static const char find[] =
	"SELECT * FROM ("
	" SELECT s.dataset_id, 'sql' AS expression, s.every, s.cron, s.time_zone, s.since FROM contract.schedule s"
	" UNION ALL"
	" SELECT DISTINCT r.dataset_id, pg_catalog.concat(r.schedule, ' ', $1), NULL::interval, r.schedule, $1, pg_catalog.now()"
	" FROM contract.rule r WHERE r.schedule IS NOT NULL) s"
	" WHERE NOT EXISTS (SELECT FROM contract.schedule_state t"
	"  WHERE t.dataset_id = s.dataset_id AND t.expression = s.expression)";
	const Oid	types[] = {TEXTOID};
	const Datum values[] = {CStringGetTextDatum(pgc_default_zone)};
	List	   *schedules = NIL;
	ListCell   *cell;

	pgc_catalog_execute(forget, 1, types, values, NULL);
	pgc_catalog_query(find, 1, types, values, NULL, add_schedule, &schedules);
	foreach(cell, schedules)
		pgc_schedule_begin(lfirst(cell));
}

/* pgc_schedule_step is the step of task "audits": a claim, the audit that was claimed, or a look at the schedules. */
bool
pgc_schedule_step(PgcStep *step)
{
	if (claim.attempts > 0)
	{
		run_claimed();
		return true;
	}
	if (claim_due(step->now))
		return true;
	compare();
	pgc_catalog_query("SELECT pg_catalog.min(next_run) FROM contract.schedule_state", 0, NULL, NULL, NULL,
					  pgc_take_int64, &step->next);
	/* what is due was passed over, or came due meanwhile */
	step->next = Max(step->next, step->now + USECS_PER_SEC);
	return false;
}
