/*
 * src/catalog/sla.c
 *		For how long rules about time were kept, day by day: contract.sla_day.
 *
 * Time is accounted from one visit of the database's worker to the next, at least once an
 * hour.  It was observed if both were at most an hour and PGC_SLA_DELAY apart, and it was known
 * how the rule stood; else nobody was there to see.  What was found late was kept until the moment
 * at which it turned late; what was found out of bounds or empty, until it was found;
 * what was bad is so until it is found good.
 *
 * The caller holds the dataset's lock of states (freshness.c).
 */
#include "postgres.h"

#include "catalog/contract.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/*
 * pgc_sla_account accounts the time up to now of a rule of a dataset by its state as it was until
 * now.  What was fresh was so at least until good_until.
 * Days are those of the rule's zone, however many hours they have.
 */
void
pgc_sla_account(int32 dataset_id, TimestampTz now, const char *rule, TimestampTz good_until)
{
	static const char sql[] =
	"INSERT INTO contract.sla_day AS d (dataset_id, rule, day, observed, attained, breaches, deadlines, deadlines_met)"
	" SELECT $1, p.rule, p.day, make_interval(secs => date_part('epoch', p.until - p.since)),"
	" make_interval(secs => date_part('epoch', LEAST(p.until, GREATEST(p.good, p.since)) - p.since)), 0, 0, 0"
	" FROM (SELECT s.rule, midnight::date AS day, s.good,"
	"  CASE WHEN midnight <= s.since AT TIME ZONE s.zone THEN s.since ELSE midnight AT TIME ZONE s.zone END AS since,"
	"  LEAST($2, (midnight + '1 day'::interval) AT TIME ZONE s.zone) AS until"
	"  FROM (SELECT rule, zone, accounted_at AS since, CASE WHEN status = 'fresh' THEN GREATEST(good_until, $4)"
	"   ELSE '-infinity' END AS good"
	"   FROM contract.freshness_state WHERE dataset_id = $1 AND rule = $3"
	"   AND status NOT IN ('unknown', 'error') AND accounted_at < $2 AND accounted_at >= $2 - '1 hour'::interval - $5) s,"
	"  generate_series(date_trunc('day', s.since AT TIME ZONE s.zone),"
	"   GREATEST(s.since AT TIME ZONE s.zone, $2 AT TIME ZONE s.zone), '1 day'::interval) midnight) p"
	" WHERE p.until > p.since"
	" ON CONFLICT (dataset_id, rule, day) DO UPDATE SET observed = d.observed + EXCLUDED.observed,"
	" attained = d.attained + EXCLUDED.attained";
	const Oid	types[] = {INT4OID, TIMESTAMPTZOID, TEXTOID, TIMESTAMPTZOID, INTERVALOID};
	Interval	delay = {.time = PGC_SLA_DELAY};
	Datum		values[5];

	values[0] = Int32GetDatum(dataset_id);
	values[1] = TimestampTzGetDatum(now);
	values[2] = CStringGetTextDatum(rule);
	values[3] = TimestampTzGetDatum(good_until);
	values[4] = IntervalPGetDatum(&delay);
	pgc_catalog_execute(sql, 5, types, values, NULL);
}

/* add adds to the numbers of the day of a moment. */
static void
add(int32 dataset_id, const PgcLook *look, TimestampTz at, int breaches, int deadlines, int deadlines_met)
{
	const Oid	types[] = {INT4OID, TEXTOID, TIMESTAMPTZOID, TEXTOID, INT4OID, INT4OID, INT4OID};
	Datum		values[7];

	values[0] = Int32GetDatum(dataset_id);
	values[1] = CStringGetTextDatum(look->rule);
	values[2] = TimestampTzGetDatum(at);
	values[3] = CStringGetTextDatum(look->zone);
	values[4] = Int32GetDatum(breaches);
	values[5] = Int32GetDatum(deadlines);
	values[6] = Int32GetDatum(deadlines_met);
	pgc_catalog_execute("INSERT INTO contract.sla_day AS d"
						" (dataset_id, rule, day, observed, attained, breaches, deadlines, deadlines_met)"
						" VALUES ($1, $2, ($3 AT TIME ZONE $4)::date, '0', '0', $5, $6, $7)"
						" ON CONFLICT (dataset_id, rule, day) DO UPDATE SET breaches = d.breaches + $5,"
						" deadlines = d.deadlines + $6, deadlines_met = d.deadlines_met + $7",
						7, types, values, NULL);
}

/* pgc_sla_breach counts that a rule turned bad, at a moment. */
void
pgc_sla_breach(int32 dataset_id, const PgcLook *look, TimestampTz at)
{
	add(dataset_id, look, at, 1, 0, 0);
}

/* pgc_sla_deadline counts that the deadline passed that a look was at. */
void
pgc_sla_deadline(int32 dataset_id, const PgcLook *look)
{
	add(dataset_id, look, look->deadline, 0, 1, strcmp(look->status, "fresh") == 0);
}
