/*
 * src/catalog/freshness.c
 *		What was found last for rules about time: contract.freshness_state.
 *
 * Audits and the database's worker write states.  Who does holds the dataset's lock of
 * states until commit, and never waits for it: two looks at the same time say
 * the same, and one that is lost is made up for.  Who changes rules does not touch
 * states: they are brought in line with the rules when they are written next.
 */
#include "postgres.h"

#include "catalog/contract.h"
#include "catalog/pg_type.h"
#include "catalog/tables.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/* pgc_states_lock takes a dataset's lock of states until the end of the transaction unless another has it. */
bool
pgc_states_lock(int32 dataset_id)
{
	return pgc_catalog_try_lock("freshness_state", (uint32) dataset_id);
}

/* pgc_states_hold waits for it. */
void
pgc_states_hold(int32 dataset_id)
{
	LockDatabaseObject(pgc_table_oid("freshness_state"), (uint32) dataset_id, 0, ExclusiveLock);
}

/*
 * pgc_states_sync brings a dataset's states, which are locked, in line with its rules: of
 * rules about time, while the contract is in force.  A rule that was changed is looked at
 * again, one that was renamed keeps its state.
 */
void
pgc_states_sync(int32 dataset_id)
{
	static const char *const statements[] = {
		"DELETE FROM contract.freshness_state s WHERE dataset_id = $1 AND NOT EXISTS"
		" (SELECT FROM " PGC_WATCHED " WHERE w.rule_id = s.rule_id)",
		"UPDATE contract.freshness_state s SET definition = w.definition,"
		" next_check = '-infinity', due = '-infinity', rule = CASE WHEN EXISTS"
		" (SELECT FROM contract.freshness_state o WHERE o.dataset_id = $1 AND o.rule = w.rule) THEN s.rule ELSE w.rule END"
		" FROM " PGC_WATCHED " WHERE s.dataset_id = $1 AND w.rule_id = s.rule_id AND w.definition <> s.definition",
		/* two rules changed their names with each other */
		"DELETE FROM contract.freshness_state s USING " PGC_WATCHED
		" WHERE s.dataset_id = $1 AND w.rule_id = s.rule_id AND w.rule <> s.rule",
		"INSERT INTO contract.freshness_state (dataset_id, rule, status, since, checked_at, next_check, message,"
		" rule_id, definition, accounted_at, due)"
		" SELECT dataset_id, rule, 'unknown', now(), now(), '-infinity', 'not looked at yet', rule_id, definition,"
		" now(), '-infinity' FROM " PGC_WATCHED " WHERE dataset_id = $1"
		" AND NOT EXISTS (SELECT FROM contract.freshness_state s WHERE s.rule_id = w.rule_id)",
	};
	const Oid	types[] = {INT4OID};
	const Datum values[] = {Int32GetDatum(dataset_id)};

	for (int i = 0; i < lengthof(statements); i++)
		pgc_catalog_execute(statements[i], 1, types, values, NULL);
}

/* What is stored. */
typedef struct State
{
	char	   *status;
	TimestampTz deadline;		/* DT_NOBEGIN: it had none */
	TimestampTz checked_at;
} State;

/* take_state is the PgcRowFunction of recall. */
static void
take_state(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	State	   *state = arg;
	bool		isnull;
	Datum		deadline;

	state->status = TextDatumGetCString(heap_getattr(tuple, 1, descriptor, &isnull));
	deadline = heap_getattr(tuple, 2, descriptor, &isnull);
	state->deadline = isnull ? DT_NOBEGIN : DatumGetTimestampTz(deadline);
	state->checked_at = DatumGetTimestampTz(heap_getattr(tuple, 3, descriptor, &isnull));
}

/* recall fills the state that is stored; returns false if there is none. */
static bool
recall(int32 dataset_id, const char *rule, State *state)
{
	const Oid	types[] = {INT4OID, TEXTOID};
	const Datum values[] = {Int32GetDatum(dataset_id), CStringGetTextDatum(rule)};

	return pgc_catalog_query("SELECT status, deadline, checked_at FROM contract.freshness_state"
							 " WHERE dataset_id = $1 AND rule = $2",
							 2, types, values, NULL, take_state, state) > 0;
}

/* store writes a look over the state that is stored. */
static void
store(int32 dataset_id, TimestampTz now, const PgcLook *look)
{
	static const char sql[] =
	"UPDATE contract.freshness_state SET status = $3, newest = $4, rows = $5, message = $6, zone = $7,"
	" good_until = $8, deadline = NULLIF($9, '-infinity'), next_deadline = NULLIF($10, 'infinity'),"
	" next_check = $11, not_before = $12, checked_at = $13, accounted_at = $13,"
	" due = LEAST($11, $13 + '1 hour'::interval),"
	" since = CASE WHEN status = $3 THEN since"
	" WHEN $3 = 'late' AND status = 'fresh' AND isfinite($8) THEN GREATEST(checked_at, $8)"
	" WHEN $3 = 'late' AND status = 'unknown' AND isfinite($8) THEN $8 ELSE $13 END"
	" WHERE dataset_id = $1 AND rule = $2";
	const Oid	types[] = {INT4OID, TEXTOID, TEXTOID, TIMESTAMPTZOID, INT8OID, TEXTOID, TEXTOID, TIMESTAMPTZOID,
	TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID};
	char		nulls[14] = "             ";
	Datum		values[13];

	values[0] = Int32GetDatum(dataset_id);
	values[1] = CStringGetTextDatum(look->rule);
	values[2] = CStringGetTextDatum(look->status);
	values[3] = look->newest.value;
	nulls[3] = look->newest.isnull ? 'n' : ' ';
	values[4] = Int64GetDatum(look->rows);
	nulls[4] = look->rows < 0 ? 'n' : ' ';
	nulls[5] = look->message == NULL ? 'n' : ' ';
	values[5] = look->message ? CStringGetTextDatum(look->message) : (Datum) 0;
	values[6] = CStringGetTextDatum(look->zone);
	values[7] = TimestampTzGetDatum(look->good_until);
	values[8] = TimestampTzGetDatum(look->deadline);
	values[9] = TimestampTzGetDatum(look->next_deadline);
	values[10] = TimestampTzGetDatum(look->next_check);
	values[11] = TimestampTzGetDatum(look->not_before);
	values[12] = TimestampTzGetDatum(now);
	pgc_catalog_execute(sql, 13, types, values, nulls);
}

/* is_bad: is the rule broken by the data? */
static bool
is_bad(const char *status)
{
	return strcmp(status, "fresh") != 0 && strcmp(status, "unknown") != 0 && strcmp(status, "error") != 0;
}

/*
 * count counts in the history of service levels what a look found since the one before: that the
 * rule turned bad, that a deadline passed.  A deadline that nobody was there to see is not counted.
 */
static void
count(int32 dataset_id, TimestampTz now, const State *before, const PgcLook *look)
{
	bool		turned = strcmp(before->status, "fresh") == 0 && is_bad(look->status);

	if (turned)
		pgc_sla_breach(dataset_id, look, TIMESTAMP_NOT_FINITE(look->good_until) ? now : look->good_until);
	if (look->deadline > before->deadline && strcmp(before->status, "unknown") != 0 &&
		(strcmp(look->status, "fresh") == 0 || is_bad(look->status)) &&
		now - look->deadline <= PGC_SLA_DELAY)
		pgc_sla_deadline(dataset_id, look);
}

/* find recalls the state of a rule, whose states are brought in line with the rules if there is none. */
static bool
find(int32 dataset_id, const char *rule, State *state)
{
	if (recall(dataset_id, rule, state))
		return true;
	pgc_states_sync(dataset_id);
	return recall(dataset_id, rule, state);
}

/*
 * pgc_states_write stores looks at rules of a dataset, whose states are locked, in the
 * states and in the history of service levels; rules that are not watched, or have been looked at
 * later, are left out.  Returns whether a status changed.
 */
bool
pgc_states_write(int32 dataset_id, TimestampTz now, const PgcLook *looks, int nlooks)
{
	bool		changed = false;

	for (int i = 0; i < nlooks; i++)
	{
		State		before;

		if (!find(dataset_id, looks[i].rule, &before) || before.checked_at > now)
			continue;
		pgc_sla_account(dataset_id, now, looks[i].rule, looks[i].good_until);
		count(dataset_id, now, &before, &looks[i]);
		store(dataset_id, now, &looks[i]);
		changed |= strcmp(before.status, looks[i].status) != 0;
	}
	return changed;
}

/* pgc_states_wake has the rules of a dataset that are not fresh looked at again: it was written to. */
void
pgc_states_wake(int32 dataset_id, TimestampTz now)
{
	const Oid	types[] = {INT4OID, TIMESTAMPTZOID};
	const Datum values[] = {Int32GetDatum(dataset_id), TimestampTzGetDatum(now)};

	pgc_catalog_execute("UPDATE contract.freshness_state SET next_check = GREATEST(not_before, $2),"
						" due = LEAST(due, GREATEST(not_before, $2))"
						" WHERE dataset_id = $1 AND status <> 'fresh' AND next_check > GREATEST(not_before, $2)",
						2, types, values, NULL);
}

/* pgc_states_touch accounts the time up to now of a rule that needs no look: it stands as it stood. */
void
pgc_states_touch(int32 dataset_id, TimestampTz now, const char *rule)
{
	const Oid	types[] = {INT4OID, TIMESTAMPTZOID, TEXTOID};
	const Datum values[] = {Int32GetDatum(dataset_id), TimestampTzGetDatum(now), CStringGetTextDatum(rule)};

	pgc_sla_account(dataset_id, now, rule, DT_NOBEGIN);
	pgc_catalog_execute("UPDATE contract.freshness_state SET accounted_at = $2,"
						" due = LEAST(next_check, $2 + '1 hour'::interval) WHERE dataset_id = $1 AND rule = $3",
						3, types, values, NULL);
}

/* pgc_states_postpone puts off the looks at a dataset that are due now. */
void
pgc_states_postpone(int32 dataset_id, TimestampTz now, TimestampTz until)
{
	const Oid	types[] = {INT4OID, TIMESTAMPTZOID, TIMESTAMPTZOID};
	const Datum values[] = {Int32GetDatum(dataset_id), TimestampTzGetDatum(now), TimestampTzGetDatum(until)};

	pgc_catalog_execute("UPDATE contract.freshness_state SET next_check = $3, due = $3"
						" WHERE dataset_id = $1 AND next_check <= $2", 3, types, values, NULL);
}
