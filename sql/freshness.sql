/*
 * Watching rules about time: how they stand, when they are looked at, attainment
 * by day.  Time is moved in the tables.  Last writes, and what a worker does by
 * itself, are in test/t/023_freshness.pl.
 */
CREATE SCHEMA regress_freshness;
SET search_path = regress_freshness;
CREATE ROLE regress_freshness_owner;
CREATE ROLE regress_freshness_reader;
GRANT ALL ON SCHEMA regress_freshness TO regress_freshness_owner, regress_freshness_reader;
\pset null '-'

CREATE TABLE loads (id integer, at timestamptz, seen timestamptz);
ALTER TABLE loads OWNER TO regress_freshness_owner;
GRANT SELECT (id, at) ON loads TO regress_freshness_reader;

-- what is said, without the times
CREATE FUNCTION plain(message text) RETURNS text LANGUAGE sql IMMUTABLE RETURN
	regexp_replace(message, '(\d+ days? )?\d\d:\d\d:\d\d(\.\d+)?( old| ago|, |$)', '...\3', 'g');
CREATE VIEW state AS
SELECT rule, column_name AS "column", status, rows, plain(message) AS message FROM contract.freshness
WHERE dataset LIKE 'regress_freshness.%' ORDER BY rule;
CREATE VIEW states AS SELECT * FROM contract.freshness_state s
WHERE EXISTS (SELECT FROM contract.dataset d WHERE d.dataset_id = s.dataset_id AND d.schema_name = 'regress_freshness');
CREATE VIEW days AS SELECT * FROM contract.sla_day s
WHERE EXISTS (SELECT FROM contract.dataset d WHERE d.dataset_id = s.dataset_id AND d.schema_name = 'regress_freshness');
-- as if everything had been looked at so much earlier, and be it due
CREATE PROCEDURE later(by interval) LANGUAGE sql AS $$
	UPDATE states SET since = since - by, checked_at = checked_at - by, accounted_at = accounted_at - by,
		next_check = next_check - by, not_before = not_before - by, good_until = good_until - by,
		deadline = deadline - by, next_deadline = next_deadline - by, due = due - by
$$;
-- what was written is known to the statistics when the statement ends
CREATE FUNCTION flush() RETURNS void LANGUAGE sql RETURN pg_stat_force_next_flush();

SELECT contract.fresh('loads', 'at', '1 hour');
SELECT contract.fresh('loads', 'seen', '1 day', filter => 'id > 10 -- seen', severity => 'warning');
SELECT contract.volume('loads', 'at', '1 hour', 1, 3, filter => 'id > 0');
SELECT * FROM state;

-- nothing: empty is not late
CALL contract.tend();
SELECT * FROM state;
SELECT rule, status, message FROM contract.check('regress_freshness.loads') ORDER BY rule;
-- no value
INSERT INTO loads VALUES (1), (11);
SELECT flush();
CALL later('1 minute');
CALL contract.tend();
SELECT * FROM state;
-- late: by how much
INSERT INTO loads VALUES (2, now() - interval '3 hours', now() - interval '3 hours'), (12, NULL, now() - interval '3 days');
SELECT flush();
CALL later('1 minute');
CALL contract.tend();
SELECT * FROM state;
SELECT rule, status, plain(message) FROM contract.check('regress_freshness.loads') ORDER BY rule;
SELECT rule, age > interval '3 hours' AND age < interval '4 hours' AS three, age > interval '3 days' AS days, max_age, per, minimum, maximum, checked_at > now() - interval '1 minute' AS looked
FROM contract.freshness WHERE dataset LIKE 'regress_freshness.%' ORDER BY rule;
-- good
INSERT INTO loads SELECT i, now() - interval '10 minutes', now() FROM generate_series(11, 13) i;
SELECT flush();
CALL later('1 minute');
CALL contract.tend();
SELECT * FROM state;
SELECT rule, next_check - now() BETWEEN interval '49 minutes' AND interval '50 minutes' AS when_it_can_be_late,
	next_check - now() BETWEEN interval '23 hours' AND interval '1 day' AS tomorrow, next_check - now() BETWEEN '2 minutes' AND '3 minutes' AS soon
FROM contract.freshness WHERE dataset LIKE 'regress_freshness.%' ORDER BY rule;
-- too much, found without a write
INSERT INTO loads VALUES (14, now() - interval '10 minutes');
CALL contract.tend();
SELECT rule, status FROM state;
CALL later('10 minutes');
CALL contract.tend();
SELECT * FROM state WHERE rule LIKE 'volume%';
-- each change is a run with its results, a look that finds nothing new is none; audits are others
SELECT r.at IS NOT NULL AS at, r.operation, array_agg(r.rule || ' ' || r.status ORDER BY r.rule) AS results FROM contract.results r
WHERE dataset = 'regress_freshness.loads' GROUP BY r.run_id, r.at, r.operation, r.source ORDER BY r.run_id;
CALL later('70 minutes');
CALL contract.tend();
SELECT count(*) FROM contract.results WHERE dataset = 'regress_freshness.loads';
SELECT status, failing FROM contract.scorecard WHERE dataset = 'regress_freshness.loads';

-- an audit says how they stand, too; a sample does not
DELETE FROM loads;
SELECT count(*) FROM contract.check('regress_freshness.loads', 'sample');
SELECT rule, status FROM state;
SELECT count(*) FROM contract.check('regress_freshness.loads');
SELECT * FROM state;
-- ... unless it is rolled back
BEGIN;
INSERT INTO loads VALUES (20, now(), now());
SELECT count(*) FROM contract.check('regress_freshness.loads');
SELECT rule, status FROM state;
ROLLBACK;
SELECT rule, status FROM state;
-- each audit that reads all rows says how many
SELECT contract.not_null('loads', 'id');
SELECT count(*) FROM contract.check('regress_freshness.loads');
SELECT column_name, metric, number, value FROM contract.metrics WHERE dataset = 'regress_freshness.loads';

-- rules that change, get other names, go; contracts out of force
SELECT contract.drop_rule('regress_freshness.loads', 'volume_at');
SELECT contract.alter_rule('loads', 'fresh_at', name => 'fresh_one');
INSERT INTO loads VALUES (20, now() - interval '2 hours', now());
CALL later('1 minute');
CALL contract.tend();
SELECT * FROM state;
SELECT rule, status FROM states WHERE rule ~ '_(at|one|seen)$' ORDER BY rule;
SELECT contract.alter_rule('loads', 'fresh_one', parameters => '{"max_age": "3 hours"}');
CALL contract.tend();
SELECT rule, status, max_age FROM contract.freshness WHERE dataset = 'regress_freshness.loads' ORDER BY rule;
SELECT contract.alter_rule('loads', 'fresh_one', name => 'swap');
SELECT contract.alter_rule('loads', 'fresh_seen', name => 'fresh_one');
SELECT contract.alter_rule('loads', 'swap', name => 'fresh_seen');
CALL contract.tend();
SELECT * FROM state;
UPDATE contract.contract SET status = 'draft' WHERE contract_id = 'regress_freshness.loads';
SELECT * FROM state;
CALL contract.tend();
SELECT count(*) FROM contract.freshness_state s JOIN contract.dataset d USING (dataset_id) WHERE d.name = 'regress_freshness.loads';
UPDATE contract.contract SET status = 'active' WHERE contract_id = 'regress_freshness.loads';
CALL contract.tend();
SELECT rule, status FROM state;

-- what cannot be evaluated is an error of that rule, and of nothing else
CREATE VIEW bad AS SELECT now() AS at, 1 / (SELECT 0 FROM loads LIMIT 1) AS x;
SELECT contract.fresh('bad', 'at', '1 hour', filter => 'x = 1');
SELECT contract.fresh('bad', 'at', '1 hour', name => 'fine');
CREATE TABLE broken (at timestamptz, gone int);
INSERT INTO broken VALUES (now());
SELECT contract.fresh('broken', 'at', '1 hour', filter => 'gone = 1', name => 'with_gone');
SET pg_contract.ddl_guard = off;
ALTER TABLE broken DROP COLUMN gone;
CREATE TABLE missing (at timestamptz);
SELECT contract.fresh('missing', 'at', '1 hour', name => 'of_missing');
CALL contract.tend();
SELECT rule, status FROM state WHERE rule = 'of_missing';
DROP TABLE missing;
RESET pg_contract.ddl_guard;
CALL later('1 hour');
CALL contract.tend();
SELECT rule, status, message FROM state WHERE rule IN ('fresh_at', 'fine', 'with_gone', 'of_missing');
SELECT contract.drop_contract('regress_freshness.bad');
SELECT contract.drop_contract('regress_freshness.broken');
SELECT contract.drop_contract('regress_freshness.missing');
SELECT count(*) FROM contract.freshness_state s WHERE NOT EXISTS (SELECT FROM contract.dataset d WHERE d.dataset_id = s.dataset_id);

-- with the owner's rights; where row security holds for the owner, too, it cannot be said
ALTER TABLE loads ENABLE ROW LEVEL SECURITY;
CALL later('2 days');
CALL contract.tend();
SELECT rule, status, message FROM state;
ALTER TABLE loads FORCE ROW LEVEL SECURITY;
CALL later('2 days');
CALL contract.tend();
SELECT rule, status, message FROM state;
ALTER TABLE loads DISABLE ROW LEVEL SECURITY;
CALL later('2 days');
CALL contract.tend();
SELECT rule, status FROM state;

-- who may not read the column does not learn its newest value, and nobody that of personal data
SET ROLE regress_freshness_reader;
SELECT rule, status, newest IS NULL AS newest, age > '1 hour' AS age, since IS NULL AS since, next_check IS NULL AS next_check, message
FROM contract.freshness WHERE dataset LIKE 'regress_freshness.%' ORDER BY rule;
RESET ROLE;
REVOKE SELECT (id, at) ON loads FROM regress_freshness_reader;
SET ROLE regress_freshness_reader;
SELECT count(*) FROM contract.freshness WHERE dataset LIKE 'regress_freshness.%';
SELECT count(*) FROM contract.sla_history WHERE dataset LIKE 'regress_freshness.%';
RESET ROLE;
SELECT contract.pii('loads', 'seen', 'birth');
UPDATE loads SET seen = now() - interval '2 days';
SELECT flush();
CALL later('2 days');
CALL contract.tend();
SELECT rule, status, newest, age, since, next_check, message FROM contract.freshness WHERE rule = 'fresh_one';
SELECT newest FROM states WHERE rule = 'fresh_one';
SELECT contract.drop_contract('regress_freshness.loads');

-- attainment: for how long of the time that was observed
CREATE FUNCTION minutes(i interval) RETURNS bigint LANGUAGE sql RETURN round(extract(epoch FROM i) / 60);
CREATE VIEW attained AS
SELECT h.rule, h.day - min(h.day) OVER () AS day, round(h.attainment, 2) AS attainment,
	minutes(h.observed) AS observed, minutes(h.attained) AS attained, breaches, deadlines AS due, deadlines_met AS met
FROM contract.sla_history h WHERE dataset = 'regress_freshness.kept' ORDER BY h.rule, h.day;
CREATE TABLE kept (at timestamptz);
SELECT contract.fresh('kept', 'at', '1 hour', time_zone => 'UTC');
INSERT INTO kept VALUES (now() - interval '30 minutes');
CALL contract.tend();
SELECT * FROM attained;
-- a zone in which it was midnight so long ago, by its standard time; perhaps summer began or ended then, by the clock
CREATE FUNCTION zone(midnight interval, summer text DEFAULT '') RETURNS text LANGUAGE sql AS $$
	SELECT '<x>' || CASE WHEN o > 0 THEN '-' ELSE '+' END || to_char(abs(o) * interval '1 second', 'HH24:MI:SS') || format(summer, day, other)
	FROM (SELECT CASE WHEN s > 43200 THEN s - 86400 ELSE s END AS o FROM (SELECT
		(86400 - extract(epoch FROM (now() - midnight) AT TIME ZONE 'UTC')::int % 86400) % 86400 AS s) s) o,
	LATERAL (SELECT (now() - midnight) AT TIME ZONE 'UTC' + o * interval '1 second' + interval '1 hour' AS local) l,
	LATERAL (SELECT to_char(local, '"M"FMMM') || '.' || (extract(day FROM local)::int + 6) / 7 || '.' || extract(dow FROM local) AS day,
		'M' || (extract(month FROM local)::int + 5) % 12 + 1 || '.2.0' AS other) d
$$;
CREATE PROCEDURE half_an_hour_in(zone text) LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM days;
	UPDATE states SET zone = half_an_hour_in.zone, accounted_at = now() - interval '30 minutes', next_check = 'infinity', good_until = 'infinity', due = now();
	COMMIT;
END $$;
CALL half_an_hour_in(zone('10 minutes'));
CALL contract.tend();
SELECT * FROM attained;
-- midnight did not exist: from 00:00 it was 01:00
SELECT (now() AT TIME ZONE zone('10 minutes', '<y>,%1$s/0,%2$s/0'))::time BETWEEN '01:09:59' AND '01:10:01' AS forward;
CALL half_an_hour_in(zone('10 minutes', '<y>,%1$s/0,%2$s/0'));
CALL contract.tend();
SELECT * FROM attained;
-- the hour before midnight was twice: at 01:00 of the next day it was 00:00 again
SELECT (now() AT TIME ZONE zone('10 minutes', '<y>,%2$s/0,%1$s/1'))::time BETWEEN '00:09:59' AND '00:10:01' AS back;
CALL half_an_hour_in(zone('10 minutes', '<y>,%2$s/0,%1$s/1'));
CALL contract.tend();
SELECT * FROM attained;
UPDATE states SET good_until = now() + interval '30 minutes', next_check = now() + interval '30 minutes';
-- it turned late 20 minutes ago, 5 minutes before anybody looked first
DELETE FROM days;
UPDATE kept SET at = at - interval '50 minutes';
UPDATE states SET zone = 'UTC';
CALL later('25 minutes');
UPDATE states SET good_until = now() - interval '20 minutes', next_check = now(), due = now();
CALL contract.tend();
SELECT rule, sum(observed) AS observed, sum(attained) AS attained, sum(breaches) AS breaches FROM attained GROUP BY 1;
SELECT rule, status FROM state;
-- late it remains, though there were no looks, and is not late again
CALL later('40 minutes');
UPDATE states SET due = now();
CALL contract.tend();
SELECT rule, sum(observed) AS observed, sum(attained) AS attained, sum(breaches) AS breaches FROM attained GROUP BY 1;
-- nobody was there
CALL later('1 hour 20 minutes');
CALL contract.tend();
SELECT rule, sum(observed) AS observed, sum(attained) AS attained, sum(breaches) AS breaches FROM attained GROUP BY 1;
-- fresh again: kept from when it was seen
INSERT INTO kept VALUES (now());
SELECT flush();
CALL later('30 minutes');
CALL contract.tend();
SELECT rule, sum(observed) AS observed, sum(attained) AS attained, sum(breaches) AS breaches FROM attained GROUP BY 1;
-- as long as it cannot be evaluated it is not observed
UPDATE states SET status = 'error';
CALL later('30 minutes');
CALL contract.tend();
SELECT rule, sum(observed) AS observed, sum(attained) AS attained, sum(breaches) AS breaches FROM attained GROUP BY 1;
SELECT contract.drop_contract('regress_freshness.kept');

-- deadlines: those that somebody saw
CREATE TABLE daily (at timestamptz);
INSERT INTO daily VALUES (now() - interval '1 day');
CREATE FUNCTION by_now(ago interval) RETURNS time LANGUAGE sql RETURN date_trunc('minute', now() AT TIME ZONE 'UTC' - ago)::time;
SELECT contract.fresh('daily', 'at', '12 hours', by => by_now('2 minutes'), time_zone => 'UTC', name => 'missed') AS "due",
	contract.fresh('daily', 'at', '2 days', by => by_now('2 minutes'), time_zone => 'UTC', name => 'met') AS "due, too";
CREATE VIEW deadlines AS SELECT h.rule, sum(deadlines) AS due, sum(deadlines_met) AS met, sum(breaches) AS breaches
FROM contract.sla_history h WHERE dataset = 'regress_freshness.daily' GROUP BY 1 ORDER BY 1;
CALL contract.tend();
SELECT rule, status, now() - deadline BETWEEN '1 minute' AND '4 minutes' AS deadline, next_deadline - now() BETWEEN '23 hours' AND '24 hours' AS next,
	next_check - next_deadline < '1 second' AS in_time, regexp_replace(plain(message), 'by \d\d:\d\d', 'by ...') AS message
FROM contract.freshness WHERE dataset = 'regress_freshness.daily' ORDER BY rule;
SELECT * FROM deadlines;
-- as if the last look had been before it
UPDATE states SET deadline = deadline - interval '1 day', status = 'fresh', good_until = next_deadline - interval '1 day',
	accounted_at = now() - interval '10 minutes', next_check = next_deadline - interval '1 day', due = next_deadline - interval '1 day';
CALL contract.tend();
SELECT * FROM deadlines;
SELECT h.rule, sum(extract(epoch FROM attained)) BETWEEN 6 * 60 AND 9 * 60 AS until_then, sum(extract(epoch FROM attained)) > 9.9 * 60 AS kept
FROM contract.sla_history h WHERE dataset = 'regress_freshness.daily' GROUP BY 1 ORDER BY 1;
-- a look an hour after it says nothing about it
SELECT contract.alter_rule('daily', 'missed', parameters => jsonb_build_object('by', by_now('1 hour'), 'max_age', '12 hours', 'time_zone', 'UTC'));
UPDATE states SET deadline = deadline - interval '2 days', status = 'fresh' WHERE rule = 'missed';
CALL contract.tend();
SELECT * FROM deadlines;
SELECT contract.drop_contract('regress_freshness.daily');

-- the last write: sampled by the worker
CREATE TABLE fed (id int);
CREATE VIEW view_of_fed AS SELECT * FROM fed;
SELECT contract.fresh('fed', max_age => '1 hour'), contract.fresh('view_of_fed', max_age => '1 hour', name => 'of_view');
SELECT rule, status, message FROM contract.check('regress_freshness.fed');
CALL contract.tend();
SELECT * FROM state;
SELECT rule, status, plain(message) FROM contract.check('regress_freshness.fed');
UPDATE contract.last_write SET since = since - interval '2 hours';
SELECT rule, status, plain(message), executor FROM contract.check('regress_freshness.fed');
INSERT INTO fed VALUES (1);
SELECT flush();
SELECT rule, status, message FROM contract.check('regress_freshness.fed');
CALL contract.tend();
SELECT rule, status, age < '1 minute' AS just_now FROM contract.freshness WHERE rule = 'fresh';
UPDATE contract.last_write SET written_at = written_at - interval '2 hours';
CALL later('2 hours');
CALL contract.tend();
SELECT * FROM state WHERE rule = 'fresh';
SELECT contract.fresh('fed', max_age => '1 hour', filter => 'id > 0');
SET track_counts = off;
SELECT rule, status, message FROM contract.check('regress_freshness.fed');
RESET track_counts;

SET client_min_messages = warning;
SELECT contract.drop_contract('regress_freshness.fed');
SELECT contract.drop_contract('regress_freshness.view_of_fed');
SELECT count(*) FROM (SELECT dataset_id FROM contract.freshness_state UNION ALL SELECT dataset_id FROM contract.last_write) s
WHERE NOT EXISTS (SELECT FROM contract.dataset d WHERE d.dataset_id = s.dataset_id);
DROP SCHEMA regress_freshness CASCADE;
DROP ROLE regress_freshness_owner, regress_freshness_reader;
