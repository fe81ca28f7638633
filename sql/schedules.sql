SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_contract;
SET pg_contract.ddl_guard = off;
SET TimeZone = 'UTC';
SET DateStyle = ISO;
/*
 * Schedules: what cron expressions mean, when datasets are audited, what becomes of the audits.  Time is moved in our tables.
 */
CREATE SCHEMA regress_sched;
SET search_path = regress_sched, public;
CREATE ROLE regress_sched_owner;
GRANT CREATE, USAGE ON SCHEMA regress_sched TO regress_sched_owner;

-- cron: more in test/t/022_schedules.pl
SELECT cron, contract.next_run(cron, 'UTC', '2026-01-31 23:59:30') FROM unnest('{* * * * *,*/20 6-8 * * *,"0,30 12 1 * *","0 0 * * 7","0 0 * * sun",
	"0 6 * * MON-fri","0 6 13 * 5","0 6 */2 * mon","15 10 * feb,apr *","0 0 29 2 *","0 0 30 2 *","0 0 * * fri-sun",@hourly,@daily,@midnight,@weekly,
	@Monthly,@yearly,@annually,"  5	4  * *  * "}'::text[]) cron;
-- the clock is put forward over 02:30, and back over 02:30
SELECT cron, contract.next_run(cron, 'Europe/Berlin', at) AT TIME ZONE 'Europe/Berlin' AS local, contract.next_run(cron, 'Europe/Berlin', at)
FROM (VALUES ('30 2 * * *', '2026-03-28 12:00'::timestamptz), ('30 2 * * *', '2026-10-24 12:00'), ('30 2 * * *', '2026-10-25 00:30'),
	('30 2 * * *', '2026-10-25 01:00'), ('0 6 * * *', '2026-07-01'), ('0 6 * * *', '2026-12-01')) v (cron, at);
SELECT contract.next_run('0 6 * * *', NULL, '2026-07-01'), contract.next_run(NULL), contract.next_run('* * * * *', 'UTC', 'infinity');
\set VERBOSITY terse
SELECT contract.next_run('');
SELECT contract.next_run('0 6 * *');
SELECT contract.next_run('0 0 6 * * ?');
SELECT contract.next_run('60 * * * *');
SELECT contract.next_run('* 24 * * *');
SELECT contract.next_run('* * 0 * *');
SELECT contract.next_run('* * L * *');
SELECT contract.next_run('* * * 13 *');
SELECT contract.next_run('* * * january *');
SELECT contract.next_run('* * * * 8');
SELECT contract.next_run('* * * * mon#1');
SELECT contract.next_run('30-10 * * * *');
SELECT contract.next_run('*/0 * * * *');
SELECT contract.next_run('5/10 * * * *');
SELECT contract.next_run('1, * * * *');
SELECT contract.next_run('1- * * * *');
SELECT contract.next_run('-1 * * * *');
SELECT contract.next_run('99999999999 * * * *');
SELECT contract.next_run('@reboot');
\set VERBOSITY sqlstate
SELECT contract.next_run(repeat('1,', 600) || '1 * * * *');
\set VERBOSITY terse
SELECT contract.next_run('* * * * *', 'Mars/Olympus');
\set VERBOSITY default

-- errors
CREATE TABLE plain (id int);
SELECT contract.schedule('plain', every => '1 hour');
CREATE TABLE t (id int, v int);
ALTER TABLE t OWNER TO regress_sched_owner;
INSERT INTO t SELECT i, i FROM generate_series(1, 100) i;
SELECT contract.between('t', 'v', 1, 90, on_violation => 'audit', name => 'v_is_small');
SELECT contract.schedule(NULL, every => '1 hour');
SELECT contract.schedule('t', every => '1 hour', mode => NULL);
SELECT contract.schedule('t', every => '1 hour', profile => NULL);
SELECT contract.schedule('t');
SELECT contract.schedule('t', every => '1 hour', cron => '@daily');
SELECT contract.schedule('t', every => '0.9 seconds');
SELECT contract.schedule('t', every => '-1 hour');
SELECT contract.schedule('t', every => '1 month -1 day');
SELECT contract.schedule('t', every => '11 years');
SELECT contract.schedule('t', every => '2147483647 days');
SELECT contract.schedule('t', cron => '0 6 * *');
SELECT contract.schedule('t', cron => '0 0 30 2 *');
SELECT contract.schedule('t', cron => '@daily', time_zone => 'Mars/Olympus');
SELECT contract.schedule('t', cron => '@daily', mode => 'quick');
SELECT contract.schedule('t', cron => '@daily', timeout => '0');
SELECT contract.schedule('t', cron => '@daily', timeout => '25 days');
SELECT contract.schedule('t', cron => '@yearly', timeout => '24 days 1 ms');
SELECT contract.unschedule('nothing');
SELECT contract.unschedule('t');
CREATE ROLE regress_sched_other;
GRANT USAGE ON SCHEMA regress_sched TO regress_sched_other;
GRANT SELECT (id) ON t TO regress_sched_other;
SET ROLE regress_sched_other;
SELECT contract.schedule('t', every => '1 hour');
SELECT contract.unschedule('t');
CALL contract.tend();
RESET ROLE;
BEGIN;
CALL contract.tend();
ROLLBACK;
BEGIN READ ONLY;
SELECT contract.schedule('t', every => '1 hour');
ROLLBACK;

-- a schedule: its first run comes within an hour; what is said again changes nothing
SET ROLE regress_sched_owner;
SELECT contract.schedule('t', every => '1 day', time_zone => 'Europe/Berlin') BETWEEN now() AND now() + interval '1 hour' AS soon;
SELECT contract.schedule('t', every => '1 day', time_zone => 'Europe/Berlin') AS next \gset
SELECT contract.schedule('t', every => '1 day', time_zone => 'Europe/Berlin', timeout => '1 minute', profile => true) = :'next' AS same;
SELECT contract.schedule('t', every => '1 hour') = :'next' AS same;
RESET ROLE;
CREATE VIEW schedules AS SELECT dataset, source, every, cron, time_zone, mode, profile, timeout, next_run > now() AS ahead, last_run IS NOT NULL AS ran, last_status, last_message, rules
	FROM contract.schedules ORDER BY dataset, source DESC, cron;
TABLE schedules;
CREATE FUNCTION due(dataset text, ago interval DEFAULT '3 hours') RETURNS void LANGUAGE sql AS
$$ UPDATE contract.schedule_state s SET next_run = now() - ago FROM contract.dataset d WHERE d.dataset_id = s.dataset_id AND d.name = 'regress_sched.' || dataset $$;
CREATE VIEW audits AS SELECT d.name AS dataset, count(*) AS audits, array_agg(DISTINCT r.application) AS application
	FROM contract.run r JOIN contract.dataset d USING (dataset_id) WHERE source = 'audit' GROUP BY 1 ORDER BY 1;

-- nothing is due; missed runs run once
CALL contract.tend();
TABLE audits;
SELECT due('t');
CALL contract.tend();
CALL contract.tend();
TABLE audits;
TABLE schedules;
SELECT next_run - last_run < interval '1 hour' AS within_the_hour, extract(epoch FROM next_run - s.since)::int % 3600 < 3600 AS on_the_grid
FROM contract.schedules v JOIN contract.schedule s USING (dataset_id);
SELECT rule, status, failed, role = current_user AS by_extension_owner FROM contract.results WHERE dataset = 'regress_sched.t';
-- who may read a column sees it, others do not
SET ROLE regress_sched_other;
SELECT dataset, last_status FROM contract.schedules;
RESET ROLE;
REVOKE SELECT (id) ON t FROM regress_sched_other;
SET ROLE regress_sched_other;
SELECT dataset, last_status FROM contract.schedules;
RESET ROLE;

-- by the clock of the zone: a month after 31 January is 28 February, and two are 31 March
SELECT contract.schedule('t', every => '1 month') IS NOT NULL AS scheduled;
UPDATE contract.schedule SET since = '2026-01-31 12:00', time_zone = 'Europe/Berlin' WHERE every = '1 month';
DELETE FROM contract.schedule_state;
CALL contract.tend();
SELECT extract(day FROM next_run AT TIME ZONE 'Europe/Berlin') IN (28, 29, 30, 31) AND next_run > now() AND next_run < now() + interval '32 days' AS month,
	date_trunc('hour', next_run AT TIME ZONE 'Europe/Berlin')::time AS local
FROM contract.schedules;

-- profile and mode
SELECT contract.schedule('t', cron => '0 6 1 1 *', profile => true, mode => 'full') IS NOT NULL AS scheduled;
SELECT due('t');
CALL contract.tend();
SELECT count(*) > 0 AS profiled FROM contract.metrics WHERE dataset = 'regress_sched.t' AND column_name = 'v';
TABLE schedules;

-- a timeout: of the schedule, not of the statement
CREATE TABLE slow (id int, word text);
INSERT INTO slow SELECT i, repeat('p', 4999) FROM generate_series(1, 100) i;
SELECT contract.not_matches('slow', 'word', '^(pp+)\1+$', on_violation => 'audit');
SELECT contract.schedule('slow', cron => '@yearly', timeout => '100 ms') IS NOT NULL AS scheduled;
SELECT due('slow'), due('t', '1 hour');
CALL contract.tend();
TABLE schedules;
SELECT last_elapsed BETWEEN '90 ms' AND '5 s' AS stopped FROM contract.schedules WHERE dataset = 'regress_sched.slow';
TABLE audits;
-- who cancels the statement cancels the statement
UPDATE contract.schedule SET timeout = NULL;
SELECT due('slow');
SET statement_timeout = '500 ms';
CALL contract.tend();
RESET statement_timeout;
SELECT last_status, next_run < now() AS still_due FROM contract.schedules WHERE dataset = 'regress_sched.slow';
TABLE audits;
SELECT count(*) AS in_progress FROM contract.progress;
SHOW lock_timeout;
SELECT current_setting('application_name') = 'pg_contract' AS left_behind;
TRUNCATE slow;
CALL contract.tend();
SELECT last_status, next_run < now() AS still_due FROM contract.schedules WHERE dataset = 'regress_sched.slow';

-- a run that was cut off runs again at once, then later and later
CREATE VIEW attempts AS SELECT s.attempts, round(extract(epoch FROM next_run - now()) / 60) AS minutes FROM contract.schedule_state s JOIN contract.dataset d USING (dataset_id) WHERE d.name = 'regress_sched.slow';
INSERT INTO slow SELECT i, repeat('p', 4999) FROM generate_series(1, 100) i;
SET statement_timeout = '500 ms';
SELECT due('slow', '0'); CALL contract.tend(); SELECT attempts FROM attempts;
SELECT due('slow', '0'); CALL contract.tend(); TABLE attempts;
SELECT due('slow', '0'); CALL contract.tend(); TABLE attempts;
SELECT due('slow', '0'); CALL contract.tend(); TABLE attempts;
RESET statement_timeout;
TRUNCATE slow;
SELECT due('slow', '0'); CALL contract.tend(); SELECT attempts, minutes BETWEEN 0 AND 60 AS regular FROM attempts;
SELECT contract.drop_contract('slow');

-- an audit that breaks off, and rules that fail or cannot be evaluated
CREATE VIEW broken AS SELECT 1 / (id - 5) AS x FROM t;
SELECT contract.not_null('broken', 'x', on_violation => 'audit');
SELECT contract.schedule('broken', cron => '@yearly') IS NOT NULL AS scheduled;
SELECT due('broken'), due('t', '2 hours');
CALL contract.tend();
TABLE schedules;
-- a table that is gone, renamed, made again
ALTER TABLE t RENAME TO u;
SELECT due('u');
CALL contract.tend();
SELECT dataset, last_status, last_message FROM schedules WHERE dataset LIKE '%u';
DROP TABLE u CASCADE;
SELECT due('u');
CALL contract.tend();
SELECT dataset, last_status, last_message FROM schedules WHERE dataset LIKE '%u';
CREATE TABLE u (id int, v int);
SELECT due('u');
CALL contract.tend();
SELECT dataset, last_status, last_message FROM schedules WHERE dataset LIKE '%u';
DROP TABLE u;
-- what has no table can be unscheduled, and what has no contract has no schedule
SELECT contract.unschedule('regress_sched.u'), contract.unschedule('regress_sched.u');
SELECT contract.drop_contract('regress_sched.u'), contract.drop_contract('regress_sched.broken');
SELECT (SELECT count(*) FROM contract.schedule) AS schedules, (SELECT count(*) FROM contract.schedule_state) AS states;

-- a zone that is not known any more is an error of that schedule only
CREATE TABLE t (id int, v int);
SELECT contract.not_null('t', 'id', on_violation => 'audit');
SELECT contract.schedule('t', cron => '@yearly') IS NOT NULL AS scheduled;
UPDATE contract.schedule SET time_zone = 'Mars/Olympus';
SELECT due('t');
CALL contract.tend();
SELECT last_status, next_run FROM contract.schedules;
DELETE FROM contract.schedule_state;
CALL contract.tend();
SELECT last_status, last_message, next_run FROM contract.schedules;
SELECT contract.drop_contract('t');

-- documents: each cron expression is a schedule of the dataset; what cannot be run is said
CREATE TABLE orders (id int, amount numeric, at timestamptz);
SELECT format($$apiVersion: v3.1.0
kind: DataContract
id: sched
version: 1.0.0
status: active
schema:
- name: regress_sched.orders
  properties:
  - {name: id, physicalType: integer, quality: [{metric: nullValues, mustBe: 0, name: ids, schedule: %s, scheduler: cron}]}
  - {name: amount, physicalType: numeric, quality: [{metric: nullValues, mustBe: 0, name: amounts, schedule: 0 6 1 jan *}]}
  quality:
  - {metric: rowCount, mustBeGreaterThan: 0, name: some, schedule: '@yearly', scheduler: cron}
  - {metric: rowCount, mustBeLessThan: 1000, name: few, schedule: 0 6 * *, scheduler: cron}
  - {metric: rowCount, mustBeLessThan: 1001, name: fewer, schedule: 0 0 31 4 *}
  - {metric: rowCount, mustBeLessThan: 1002, name: fewest, schedule: PT1H, scheduler: airflow}
$$, '0 6 1 jan *') AS document \gset
SELECT line, column_number, severity, path, message, hint FROM contract.lint(:'document');
SET client_min_messages = error;
SELECT change, enforced, message FROM contract.apply(:'document') WHERE change = 'rule added';
RESET client_min_messages;
TABLE schedules;
CALL contract.tend();
TABLE schedules;
UPDATE contract.schedule_state SET next_run = now() - interval '1 day';
CALL contract.tend();
TABLE schedules;
TABLE audits;
-- a schedule that is not in the document any more ends
SET client_min_messages = error;
SELECT change, enforced, message FROM contract.apply(replace(replace(:'document', '1.0.0', '1.0.1'), '''@yearly''', '30 0 1 1 *')) WHERE change <> 'version changed';
RESET client_min_messages;
UPDATE contract.schedule_state SET next_run = now() - interval '1 day';
CALL contract.tend();
TABLE schedules;
TABLE audits;
SELECT contract.drop_contract('sched');
SELECT (SELECT count(*) FROM contract.schedule) AS schedules, (SELECT count(*) FROM contract.schedule_state) AS states;

RESET search_path;
SET client_min_messages = error;
DROP SCHEMA regress_sched CASCADE;
DROP ROLE regress_sched_owner, regress_sched_other;
