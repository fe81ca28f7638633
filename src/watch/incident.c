/*
 * src/watch/incident.c
 *		Incidents: the failing rules of a dataset, from when the first fails until
 *		all pass.
 *
 * Judged by state, by the tending worker alone, so there are no races.  A rule fails
 * that did in the dataset's last audit or, if that is newer, in contract.freshness_state;
 * one that was not evaluated since (skipped, renamed) stays what it was in the open
 * incident.  Severity info is no incident's business: nobody has to act.
 *
 *	incident		something fails					nothing fails
 *	--------		---------------					-------------
 *	none			a new one: open					-
 *	closed less		the same: open, reopened + 1,	-
 *	  than quiet	  acknowledged no more
 *	open			follows rules and severity		closed; passing if it was reopened twice
 *	passing			open							closed after quiet
 *
 * "Quiet" is pg_contract.incident_quiet.  Messages follow from what was told last:
 *
 *	told			open							closed
 *	----			----							------
 *	nothing			open							-
 *	open, escalate,	escalate if the severity rose,	close
 *	  reopen		  else none
 *	close			reopen, when the last message	-
 *					  is older than quiet; escalate
 *					  if the severity rose
 *
 * A passing incident sends none.  A muted one does not either; when that is over and
 * rules fail, open.  The row and the message are of one transaction.
 *
 * Which datasets: who stores an audit or changes a rule puts the dataset into
 * contract.incident_due in the same transaction, or locks the row that is there
 * (pgc_incident_due).  A step takes what it sees there and nobody has locked, so each change
 * is judged once it is committed, in whatever order that happens, and nothing new costs
 * nothing.  Every five minutes all datasets are looked at, in case something changed that
 * nobody noted (a restore, a contract's status), or somebody keeps a row locked for long.
 * incident.judge_at is when time alone changes something.
 *
 * Must never wait for a user's transaction: an incident that somebody is about to
 * acknowledge or mute is judged later.
 *
 * Once all that is due is judged, root causes are found (root_cause.c), and then it is told.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "watch/incident.h"
#include "watch/watch.h"

/* After so much time all datasets are judged, and one that was locked is again (microseconds). */
#define SWEEP (5 * 60 * USECS_PER_SEC)
#define LATER (5 * USECS_PER_SEC)

int			pgc_incident_quiet = 15 * 60;

/* What becomes of an incident. */
typedef struct Decision
{
	bool		open;
	const char *severity;
	int			reopened;
	TimestampTz passing_since;	/* DT_NOBEGIN: something fails */
	TimestampTz judge_at;		/* DT_NOEND: when something happens */
	const char *event;			/* to be told, or NULL */
} Decision;

/* $1: the datasets, null for all; $2: those closed after this count. */
static const char find_failing[] =
"SELECT d.dataset_id, d.name, d.contract_id, pg_catalog.left(c.owner, 255), f.rules,"
" COALESCE(f.details, (SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('rule', u)) FROM pg_catalog.unnest(i.rules) u)),"
" f.severity, i.incident_id, i.status = 'open', i.severity, i.rules = f.rules, i.reopened, i.notified,"
" i.opened_at, i.passing_since, i.notified_at, i.muted_until, i.judge_at"
" FROM contract.dataset d JOIN contract.contract c USING (contract_id)"
" LEFT JOIN LATERAL (SELECT * FROM contract.incident o WHERE o.dataset_id = d.dataset_id"
" AND (o.status = 'open' OR o.closed_at > $2) ORDER BY o.closed_at DESC NULLS FIRST LIMIT 1) i ON true"
" LEFT JOIN LATERAL (SELECT n.run_id, n.at FROM contract.run n WHERE n.dataset_id = d.dataset_id"
" AND n.source = 'audit' AND n.operation IS NULL ORDER BY n.at DESC, n.run_id DESC LIMIT 1) a ON true"
" CROSS JOIN LATERAL (SELECT pg_catalog.array_agg(v.name ORDER BY v.name COLLATE \"C\") AS rules,"
" pg_catalog.jsonb_agg(pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object('rule', v.name, 'kind', v.kind,"
" 'severity', v.severity, 'failed', v.failed, 'runbook', pg_catalog.left(v.runbook, 500))) ORDER BY v.severity, v.name) AS details,"
" pg_catalog.min(v.severity) AS severity"	/* error comes before warning */
" FROM (SELECT r.name, r.kind, r.runbook,"
" CASE WHEN c.status IN ('proposed', 'draft', 'retired') THEN 'warning' ELSE r.severity END AS severity,"
" CASE WHEN t.rule IS NULL THEN s.failed END AS failed,"
" CASE WHEN COALESCE(t.status, s.status) IN ('pass', 'fresh') THEN false"
" WHEN COALESCE(t.status, s.status) NOT IN ('skipped', 'unknown') THEN true END AS fails"
" FROM contract.rule r"
" LEFT JOIN contract.result s ON s.run_id = a.run_id AND s.rule = r.name"
" LEFT JOIN contract.freshness_state t ON t.dataset_id = r.dataset_id AND t.rule = r.name"
" AND (t.checked_at >= a.at OR s.rule IS NULL)"
" WHERE r.dataset_id = d.dataset_id AND r.severity <> 'info') v"
" WHERE COALESCE(v.fails, i.status = 'open' AND i.passing_since IS NULL AND v.name = ANY (i.rules))) f"
" WHERE ($1 IS NULL OR d.dataset_id = ANY ($1)) AND (f.rules IS NOT NULL OR i.status = 'open')";

static const char insert_incident[] =
"INSERT INTO contract.incident (dataset_id, status, severity, rules, all_rules, opened_at, updated_at, notified, notified_at)"
" VALUES ($1, 'open', $2, $3, $3, $4, $4, $5, CASE WHEN $5 IS NOT NULL THEN $4 END) RETURNING incident_id";

/* $3: rules, null if nothing fails; an event is sent only if it is not muted. */
static const char update_incident[] =
"UPDATE contract.incident SET status = CASE WHEN $4 THEN 'open' ELSE 'closed' END,"
" closed_at = CASE WHEN NOT $4 THEN $2 END, rules = COALESCE($3, rules),"
" all_rules = CASE WHEN $3 <@ all_rules IS NOT FALSE THEN all_rules"
" ELSE (SELECT pg_catalog.array_agg(DISTINCT u ORDER BY u) FROM pg_catalog.unnest(all_rules || $3) u) END,"
" updated_at = CASE WHEN (status = 'open') = $4 AND severity = $5 AND rules = COALESCE($3, rules)"
" THEN updated_at ELSE $2 END,"
" severity = $5, passing_since = $6, reopened = $7, judge_at = $8, notified = COALESCE($9, notified),"
" notified_at = CASE WHEN $9 IS NULL THEN notified_at ELSE $2 END,"
" muted_until = CASE WHEN $9 IS NULL THEN muted_until END,"
" acknowledged_at = CASE WHEN reopened = $7 THEN acknowledged_at END,"
" acknowledged_by = CASE WHEN reopened = $7 THEN acknowledged_by END,"
" note = CASE WHEN reopened = $7 THEN note END"
" WHERE incident_id = (SELECT o.incident_id FROM contract.incident o WHERE o.incident_id = $1 FOR UPDATE SKIP LOCKED)";

/* time_at returns a column's time, or DT_NOBEGIN. */
static TimestampTz
time_at(HeapTuple tuple, TupleDesc descriptor, int column)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, column, descriptor, &isnull);

	return isnull ? DT_NOBEGIN : DatumGetTimestampTz(value);
}

/* add_failing puts a row of find_failing on a list. */
static void
add_failing(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	List	  **list = arg;
	PgcFailing *failing = palloc0(sizeof(PgcFailing));
	Datum		value;
	bool		isnull;

	failing->dataset_id = DatumGetInt32(heap_getattr(tuple, 1, descriptor, &isnull));
	failing->dataset = pgc_row_text(tuple, descriptor, 2);
	failing->contract_id = pgc_row_text(tuple, descriptor, 3);
	failing->owner = pgc_row_text(tuple, descriptor, 4);
	value = heap_getattr(tuple, 5, descriptor, &isnull);
	failing->rules = isnull ? (Datum) 0 : PointerGetDatum(DatumGetArrayTypePCopy(value));
	value = heap_getattr(tuple, 6, descriptor, &isnull);
	failing->details = isnull ? NULL : DatumGetJsonbPCopy(value);
	failing->severity = pgc_row_text(tuple, descriptor, 7);
	value = heap_getattr(tuple, 8, descriptor, &isnull);
	failing->incident_id = isnull ? 0 : DatumGetInt64(value);
	failing->open = DatumGetBool(heap_getattr(tuple, 9, descriptor, &isnull)) && !isnull;
	failing->had_severity = pgc_row_text(tuple, descriptor, 10);
	failing->same_rules = DatumGetBool(heap_getattr(tuple, 11, descriptor, &isnull)) && !isnull;
	value = heap_getattr(tuple, 12, descriptor, &isnull);
	failing->reopened = isnull ? 0 : DatumGetInt32(value);
	failing->notified = pgc_row_text(tuple, descriptor, 13);
	failing->opened_at = time_at(tuple, descriptor, 14);
	failing->passing_since = time_at(tuple, descriptor, 15);
	failing->notified_at = time_at(tuple, descriptor, 16);
	failing->muted_until = time_at(tuple, descriptor, 17);
	failing->judge_at = time_at(tuple, descriptor, 18);
	*list = lappend(*list, failing);
}

/* is_worse: is a severity, or none (NULL), worse than another? */
static bool
is_worse(const char *severity, const char *than)
{
	return severity != NULL && (than == NULL || strcmp(severity, than) < 0);
}

/* choose_event chooses what is told of an incident as it was decided; see the head of the file. */
static void
choose_event(const PgcFailing *failing, TimestampTz now, int64 quiet, Decision *decision)
{
	bool		is_told = failing->notified != NULL && strcmp(failing->notified, "close") != 0;
	bool		rose = is_worse(failing->severity, failing->had_severity);

	if (failing->muted_until > now)
		decision->judge_at = decision->open ? Min(decision->judge_at, failing->muted_until) : DT_NOEND;
	else if (!decision->open)
		decision->event = is_told ? "close" : NULL;
	else if (failing->rules == (Datum) 0)
		return;
	else if (failing->notified == NULL || failing->muted_until != DT_NOBEGIN)
		decision->event = "open";
	else if (rose)
		decision->event = "escalate";
	else if (!is_told && now >= failing->notified_at + quiet)
		decision->event = "reopen";
	else if (!is_told)
		decision->judge_at = failing->notified_at + quiet;
}

/* decide decides what becomes of an incident; see the head of the file. */
static Decision
decide(const PgcFailing *failing, TimestampTz now)
{
	int64		quiet = pgc_incident_quiet * USECS_PER_SEC;
	Decision	decision = {.open = true,.reopened = failing->reopened,
	.passing_since = DT_NOBEGIN,.judge_at = DT_NOEND};

	decision.severity = is_worse(failing->severity, failing->had_severity) ? failing->severity : failing->had_severity;
	if (failing->rules == (Datum) 0)
	{
		decision.passing_since = failing->passing_since == DT_NOBEGIN ? now : failing->passing_since;
		decision.judge_at = decision.passing_since + quiet;
		decision.open = failing->reopened >= 2 && decision.judge_at > now;
	}
	else if (!failing->open && failing->incident_id != 0)
		decision.reopened++;
	if (!decision.open)
	{
		decision.passing_since = DT_NOBEGIN;
		decision.judge_at = DT_NOEND;
	}
	choose_event(failing, now, quiet, &decision);
	return decision;
}

/* changes: does a decision change anything of what is stored? */
static bool
changes(const PgcFailing *failing, const Decision *decision)
{
	TimestampTz judge_at = failing->judge_at == DT_NOBEGIN ? DT_NOEND : failing->judge_at;

	return decision->open != failing->open || decision->event != NULL ||
		decision->passing_since != failing->passing_since || decision->judge_at != judge_at ||
		(failing->rules != (Datum) 0 && !failing->same_rules) ||
		is_worse(decision->severity, failing->had_severity);
}

/* set_time fills a parameter with a time, or null if it is not finite. */
static void
set_time(Datum *values, char *nulls, int parameter, TimestampTz time)
{
	values[parameter] = TimestampTzGetDatum(time);
	nulls[parameter] = TIMESTAMP_NOT_FINITE(time) ? 'n' : ' ';
}

/* make opens a new incident. */
static void
make(PgcFailing *failing, const Decision *decision, TimestampTz now)
{
	const Oid	types[] = {INT4OID, TEXTOID, TEXTARRAYOID, TIMESTAMPTZOID, TEXTOID};
	char		nulls[6] = "     ";
	Datum		values[5];

	values[0] = Int32GetDatum(failing->dataset_id);
	values[1] = CStringGetTextDatum(decision->severity);
	values[2] = failing->rules;
	values[3] = TimestampTzGetDatum(now);
	values[4] = CStringGetTextDatum(decision->event);
	failing->opened_at = now;
	pgc_catalog_query(insert_incident, 5, types, values, nulls, pgc_take_int64, &failing->incident_id);
}

/* change changes an incident; false: somebody has it locked. */
static bool
change(const PgcFailing *failing, const Decision *decision, TimestampTz now)
{
	const Oid	types[] = {INT8OID, TIMESTAMPTZOID, TEXTARRAYOID, BOOLOID, TEXTOID, TIMESTAMPTZOID, INT4OID,
	TIMESTAMPTZOID, TEXTOID};
	char		nulls[10] = "         ";
	Datum		values[9];

	values[0] = Int64GetDatum(failing->incident_id);
	values[1] = TimestampTzGetDatum(now);
	values[2] = failing->rules;
	nulls[2] = failing->rules == (Datum) 0 ? 'n' : ' ';
	values[3] = BoolGetDatum(decision->open);
	values[4] = CStringGetTextDatum(decision->severity);
	set_time(values, nulls, 5, decision->passing_since);
	values[6] = Int32GetDatum(decision->reopened);
	set_time(values, nulls, 7, decision->judge_at);
	values[8] = decision->event ? CStringGetTextDatum(decision->event) : (Datum) 0;
	nulls[8] = decision->event ? ' ' : 'n';
	return pgc_catalog_execute(update_incident, 9, types, values, nulls) > 0;
}

/* put_back has a dataset judged later. */
static void
put_back(const PgcFailing *failing, TimestampTz now)
{
	const Oid	types[] = {INT4OID, TIMESTAMPTZOID};
	Datum		values[2];

	values[0] = Int32GetDatum(failing->dataset_id);
	values[1] = TimestampTzGetDatum(now + LATER);
	pgc_catalog_execute("INSERT INTO contract.incident_due VALUES ($1, $2)", 2, types, values, NULL);
}

/* judge brings the incident of a dataset up to date, and says what is to be told of it. */
static void
judge(PgcFailing *failing, TimestampTz now)
{
	Decision	decision = decide(failing, now);

	if (!changes(failing, &decision))
		return;
	if (failing->incident_id == 0)
		make(failing, &decision, now);
	else if (!change(failing, &decision, now))
	{
		put_back(failing, now);
		return;
	}
	failing->had_severity = decision.severity;
	failing->event = decision.event;
}

/* take_due returns the datasets that are to be judged now, which are not due any more. */
static List *
take_due(TimestampTz now)
{
	const Oid	types[] = {TIMESTAMPTZOID};
	const Datum values[] = {TimestampTzGetDatum(now)};
	List	   *datasets = NIL;

	pgc_catalog_query("WITH taken AS (SELECT ctid FROM contract.incident_due WHERE due <= $1 FOR UPDATE SKIP LOCKED)"
					  " DELETE FROM contract.incident_due d USING taken t WHERE d.ctid = t.ctid RETURNING dataset_id",
					  1, types, values, NULL, pgc_take_ids, &datasets);
	pgc_catalog_query("SELECT dataset_id FROM contract.incident WHERE status = 'open' AND judge_at <= $1",
					  1, types, values, NULL, pgc_take_ids, &datasets);
	CommandCounterIncrement();
	return datasets;
}

/* is_sweep: is it time to judge all datasets?  Then incidents of datasets that are gone are deleted, too. */
static bool
is_sweep(TimestampTz now)
{
	const Oid	types[] = {TIMESTAMPTZOID};
	const Datum values[] = {TimestampTzGetDatum(now + SWEEP)};

	if (pgc_catalog_execute("INSERT INTO contract.incident_due SELECT NULL, $1 WHERE NOT EXISTS"
							" (SELECT FROM contract.incident_due WHERE dataset_id IS NULL)", 1, types, values, NULL) == 0)
		return false;
	/* one that was opened while its dataset was being dropped */
	pgc_catalog_execute("DELETE FROM contract.incident i WHERE NOT EXISTS"
						" (SELECT FROM contract.dataset d WHERE d.dataset_id = i.dataset_id)", 0, NULL, NULL, NULL);
	return true;
}

/* id_array makes an integer[] of a list. */
static Datum
id_array(const List *ids)
{
	Datum	   *elements = palloc(Max(list_length(ids), 1) * sizeof(Datum));
	int			count = 0;
	ListCell   *cell;

	foreach(cell, ids)
		elements[count++] = Int32GetDatum(lfirst_int(cell));
	return PointerGetDatum(construct_array(elements, count, INT4OID, sizeof(int32), true, TYPALIGN_INT));
}

/* pgc_incident_step judges all that is due; see worker.h. */
bool
pgc_incident_step(PgcStep *step)
{
	const Oid	types[] = {INT4ARRAYOID, TIMESTAMPTZOID};
	List	   *due = take_due(step->now);
	bool		all = is_sweep(step->now);
	List	   *found = NIL;
	Datum		values[2];
	ListCell   *cell;

	if (all || due != NIL)
	{
		values[0] = id_array(due);
		values[1] = TimestampTzGetDatum(step->now - pgc_incident_quiet * USECS_PER_SEC);
		pgc_catalog_query(find_failing, 2, types, values, all ? "n " : NULL, add_failing, &found);
	}
	foreach(cell, found)
		judge(lfirst(cell), step->now);
	CommandCounterIncrement();
	if (found != NIL)
		pgc_root_causes(found);
	foreach(cell, found)
	{
		if (((PgcFailing *) lfirst(cell))->event != NULL)
			pgc_incident_notify(lfirst(cell));
	}
	pgc_catalog_query("SELECT LEAST((SELECT min(judge_at) FROM contract.incident WHERE status = 'open'),"
					  " (SELECT min(due) FROM contract.incident_due WHERE dataset_id IS NOT NULL))",
					  0, NULL, NULL, NULL, pgc_take_int64, &step->next);
	return false;
}
