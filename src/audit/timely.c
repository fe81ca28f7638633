/*
 * src/audit/timely.c
 *		Rules about time (fresh, volume): how they stand, in one word and in many,
 *		and until when that is so.
 *
 * The audit's look at them is stored as their state, which the database's worker goes by.
 * Nothing here reads rows but pgc_timely_explain.
 */
#include "postgres.h"

#include "audit/ask.h"
#include "audit/finding.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

/* Looks take at most one in so many parts of the time. */
#define SHARE 20

/* What is as it is for now is looked at again after so long, what could not be evaluated sooner (microseconds). */
#define LONG USECS_PER_HOUR
#define SOON USECS_PER_MINUTE

/* pgc_timely_is: is a rule of these kinds? */
bool
pgc_timely_is(const PgcRuleSpec *spec)
{
	return strcmp(spec->kind, "fresh") == 0 || strcmp(spec->kind, "volume") == 0;
}

/* make_look makes the look of a tally, of something that is not known. */
static PgcLook *
make_look(PgcTally *tally, const PgcMeasure *measure)
{
	PgcLook    *look = palloc0(sizeof(PgcLook));

	look->status = "unknown";
	look->newest.isnull = true;
	look->rows = -1;
	look->zone = measure->zone ? pstrdup(pg_get_timezone_name(measure->zone)) : pgc_default_zone;
	look->good_until = look->deadline = DT_NOBEGIN;
	look->next_deadline = look->next_check = DT_NOEND;
	tally->look = look;
	return look;
}

/* span_text returns the time between two as text (palloc'd), or NULL if it has no end. */
static char *
span_text(TimestampTz from, TimestampTz until)
{
	if (TIMESTAMP_NOT_FINITE(from) || TIMESTAMP_NOT_FINITE(until))
		return NULL;
	return pgc_ask_text(INTERVALOID, DirectFunctionCall2(timestamp_mi, TimestampTzGetDatum(until), TimestampTzGetDatum(from)));
}

/* limit_text says how old data may be: "older than 00:05:00 by 06:00, UTC". */
static char *
limit_text(const PgcMeasure *measure)
{
	return psprintf("%s%s%s%s", measure->max_age ? "older than " : "not of the day",
					measure->max_age ? pgc_ask_text(INTERVALOID, IntervalPGetDatum(measure->max_age)) : "",
					measure->due ? " " : "", measure->due ? measure->due : "");
}

/*
 * judge judges a newest time and fills the tally's look: late or fresh, and until when.  What lies
 * in the future counts as of now, when it comes to how long that is enough.
 */
static void
judge(PgcAudit *audit, PgcTally *tally, const PgcMeasure *measure, TimestampTz newest)
{
	PgcLook    *look = make_look(tally, measure);
	TimestampTz oldest = pgc_measure_oldest(measure, audit->as_of, &look->next_deadline);

	tally->missed = newest < oldest;
	look->status = tally->missed ? "late" : "fresh";
	look->newest.value = TimestampTzGetDatum(newest);
	look->newest.isnull = false;
	if (measure->deadline == NULL)
		look->good_until = pgc_measure_until(measure, Min(newest, audit->as_of));
	else
	{
		look->deadline = pgc_cron_previous(measure->deadline, audit->as_of, measure->zone);
		look->good_until = tally->missed ? look->deadline : look->next_deadline;
	}
}

/* show puts newest and age into the tally, and says if it is late; masked: not when. */
static void
show(PgcAudit *audit, PgcTally *tally, const PgcMeasure *measure, const char *what, bool masked)
{
	PgcLook    *look = tally->look;
	TimestampTz newest = DatumGetTimestampTz(look->newest.value);
	char	   *age = look->newest.isnull ? NULL : span_text(newest, audit->as_of);
	char	   *late = span_text(look->good_until, audit->as_of);
	StringInfoData observed;

	initStringInfo(&observed);
	pgc_ask_field(&observed, "newest", look->newest.isnull ? NULL : masked ? PGC_MASK :
				  pgc_ask_text(TIMESTAMPTZOID, look->newest.value), false);
	pgc_ask_field(&observed, "age", age && masked ? PGC_MASK : age, false);
	tally->observed = pgc_ask_object(&observed);
	if (tally->missed && !look->newest.isnull)
		tally->message = psprintf("%s is %s old, %s%s%s", what, masked ? PGC_MASK : age ? age : "infinitely",
								  limit_text(measure), late && !masked ? ": late by " : "", late && !masked ? late : "");
	look->newest.isnull |= masked;
}

/*
 * pgc_timely_judge_newest judges a rule of kind fresh by the newest value (timestamptz) of its
 * column; masked: the value is not to be shown.
 */
void
pgc_timely_judge_newest(PgcAudit *audit, int rule, const PgcMeasure *measure, NullableDatum newest, bool masked)
{
	PgcTally   *tally = pgc_metric_tally(audit, rule);

	judge(audit, tally, measure, newest.isnull ? DT_NOBEGIN : DatumGetTimestampTz(newest.value));
	if (newest.isnull)
	{
		tally->missed = true;
		tally->look->status = "empty";
		tally->look->newest.isnull = true;
		tally->look->good_until = DT_NOBEGIN;
	}
	show(audit, tally, measure, psprintf("newest %s", measure->title), masked);
}

/* pace_of returns how often the number of rows in a time is looked at (microseconds). */
static int64
pace_of(const Interval *per)
{
	int64		days = per->day + DAYS_PER_MONTH * (int64) per->month;

	return Min(LONG, Max(USECS_PER_SEC, (per->time + days * USECS_PER_DAY) / SHARE));
}

/* pgc_timely_judge_volume judges a rule of kind volume by its number of rows (bigint). */
void
pgc_timely_judge_volume(PgcAudit *audit, int rule, const PgcMeasure *measure, NullableDatum rows)
{
	double		tolerance = audit->of_contract ? audit->contract->rules[rule].tolerance : 0;
	PgcBounds	minimum = *measure->bounds;
	PgcTally   *tally;
	PgcLook    *look;

	pgc_metric_judge(audit, rule, measure->title, measure->bounds, INT8OID, rows, false);
	tally = &audit->tallies[rule];
	look = make_look(tally, measure);
	look->rows = DatumGetInt64(rows.value);
	minimum.maximum.given = false;
	if (!tally->missed)
		look->status = "fresh";
	else if (pgc_bounds_hold(&minimum, pgc_bounds_convert(INT8OID, rows.value), tolerance))
		look->status = "high";
	else
		look->status = "low";
	/* rows come and go with time alone */
	look->good_until = tally->missed ? audit->as_of : DT_NOEND;
	look->next_check = audit->as_of + pace_of(measure->per);
}

/* skip notes why a rule about the last write is not evaluated. */
static void
skip(PgcAudit *audit, int rule, const PgcMeasure *measure, const char *reason)
{
	pgc_metric_skip(audit, rule, pstrdup(reason));
	make_look(&audit->tallies[rule], measure);
}

/*
 * judge_unwritten deals with a dataset that nobody has written to since sampling began: that may be
 * too long, else it is not known.
 */
static void
judge_unwritten(PgcAudit *audit, int rule, const PgcMeasure *measure, TimestampTz since)
{
	PgcTally   *tally = pgc_metric_tally(audit, rule);
	char	   *age = span_text(since, audit->as_of);

	judge(audit, tally, measure, since);
	if (tally->missed)
	{
		show(audit, tally, measure, "last write", false);
		tally->message = psprintf("nothing was written for at least %s, %s", age, limit_text(measure));
	}
	else
	{
		TimestampTz again = tally->look->good_until;

		skip(audit, rule, measure, psprintf("nothing was written since sampling began %s ago", age));
		tally->look->next_check = again;
	}
	tally->look->newest.isnull = true;
}

/* pgc_timely_judge_writes judges a rule of kind fresh without a column by the last write. */
void
pgc_timely_judge_writes(PgcAudit *audit, int rule, const PgcMeasure *measure)
{
	const PgcContract *contract = audit->contract;
	Oid			relid = RelationGetRelid(audit->relation);
	const char *reason = pgc_writes_why_not(relid);
	PgcWrites	writes;

	if (reason != NULL)
		skip(audit, rule, measure, reason);
	else if (!pgc_writes_find(contract->dataset_id, relid, audit->as_of, &writes))
	{
		skip(audit, rule, measure, "nobody samples what is written: the database's worker does, and CALL contract.tend()");
		audit->tallies[rule].look->next_check = audit->as_of;
	}
	else if (TIMESTAMP_IS_NOBEGIN(writes.written_at))
		judge_unwritten(audit, rule, measure, writes.since);
	else
	{
		PgcTally   *tally = pgc_metric_tally(audit, rule);

		judge(audit, tally, measure, writes.written_at);
		show(audit, tally, measure, "last write", false);
	}
	if (audit->tallies[rule].executor != NULL)
		audit->tallies[rule].executor = "statistics";
}

/* take_flag is the PgcAskRow of a statement that answers with one boolean. */
static void
take_flag(const Datum *values, const bool *nulls, TupleDesc descriptor, void *arg)
{
	*(bool *) arg = DatumGetBool(values[0]);
}

/* pgc_timely_explain finds out, where there is no newest value, whether there are rows. */
void
pgc_timely_explain(PgcAudit *audit, int rule, const PgcMeasure *measure)
{
	PgcTally   *tally = &audit->tallies[rule];
	bool		filtered = measure->where != NULL;
	bool		any = false;
	char	   *error;

	if (strcmp(tally->look->status, "empty") != 0)
		return;
	error = pgc_ask_run(audit, psprintf("SELECT EXISTS (SELECT %s%s%s\n)", pgc_select_from(audit->relation),
										filtered ? " WHERE " : "", filtered ? measure->where : ""), take_flag, &any);
	if (error != NULL)
	{
		pgc_metric_tally(audit, rule)->error = error;
		return;
	}
	if (any)
		tally->look->status = "all_null";
	if (any)
		tally->message = psprintf("%s has no value in any row%s", measure->title, filtered ? " that passes the filter" : "");
	else
		tally->message = psprintf("no rows%s", filtered ? " pass the filter" : "");
}

/* is_uncounted: does nobody count what is written, so that only another look tells? */
static bool
is_uncounted(const PgcCheck *check)
{
	return check->audit == NULL || pgc_writes_why_not(RelationGetRelid(check->audit->relation)) != NULL;
}

/* next_look returns when a rule is to be looked at again, by how it stands. */
static TimestampTz
next_look(const PgcCheck *check, const PgcLook *look, TimestampTz now)
{
	if (strcmp(look->status, "error") == 0)
		return now + SOON;
	if (look->next_check != DT_NOEND)
		return look->next_check;	/* the judge has said */
	if (strcmp(look->status, "fresh") == 0)
		return look->good_until > now ? look->good_until : now + SOON;
	if (strcmp(look->status, "unknown") != 0 && is_uncounted(check))
		return Min(look->next_deadline, look->not_before);
	return Min(look->next_deadline, now + LONG);
}

/* plan_next plans the next look; what a user's audit takes is not the worker's time. */
static void
plan_next(const PgcCheck *check, PgcLook *look, TimestampTz now)
{
	look->not_before = now + (check->operation ? SHARE * (GetCurrentTimestamp() - check->started) : 0);
	/* at the very end of its time something is still fresh */
	look->next_check = Max(Min(next_look(check, look, now), DT_NOEND - 1) + 1, look->not_before);
}

/*
 * look_of fills the look at a rule from what was found, for a check that is stored; false: nobody
 * looked.
 */
static bool
look_of(const PgcCheck *check, int rule, PgcLook *look, TimestampTz now)
{
	const PgcFinding *finding = &check->findings[rule];
	PgcMeasure	nothing = {0};
	PgcTally	none = {0};
	PgcTally   *tally = check->audit ? &check->audit->tallies[rule] : &none;

	if (tally->look == NULL && strcmp(finding->status, "error") != 0 && check->operation == NULL)
		return false;
	if (tally->look == NULL || tally->error != NULL)
		make_look(tally, &nothing)->status = strcmp(finding->status, "error") == 0 ? "error" : "unknown";
	*look = *tally->look;
	look->rule = finding->rule->spec.name;
	look->message = finding->message;
	plan_next(check, look, now);
	return true;
}

/*
 * pgc_timely_store stores how the rules about time stand that a check has looked at; returns whether
 * one stands otherwise than before.  Not if another transaction is about to.
 */
bool
pgc_timely_store(const PgcCheck *check)
{
	const PgcContract *contract = check->contract;
	TimestampTz now = check->audit ? check->audit->as_of : check->started;
	PgcLook    *looks = palloc(Max(contract->nrules, 1) * sizeof(PgcLook));
	int			n = 0;

	for (int i = 0; i < contract->nrules; i++)
	{
		if (pgc_timely_is(&contract->rules[i].spec) && look_of(check, i, &looks[n], now))
			n++;
	}
	if (n == 0 || !pgc_states_lock(contract->dataset_id))
		return false;
	return pgc_states_write(contract->dataset_id, now, looks, n);
}
