-- Retention: history by age and by rows, by settings and for single datasets; what stays; totals; indexes are used.
SET client_min_messages = warning;
SET datestyle = iso;
CREATE TABLE orders (id integer PRIMARY KEY, amount integer);
CREATE TABLE others (id integer PRIMARY KEY, amount integer);
SELECT contract.between('orders', 'amount', 0, 100), contract.forbidden_values('orders', 'amount', '{666}', on_violation => 'quarantine', name => 'beast');
SELECT contract.between('others', 'amount', 0, 100);

-- What the tables hold, by dataset.
CREATE VIEW kept AS
SELECT d.name AS dataset, (SELECT count(*) FROM contract.run n WHERE n.dataset_id = d.dataset_id) AS runs,
	(SELECT count(*) FROM contract.run n JOIN contract.result USING (run_id) WHERE n.dataset_id = d.dataset_id) AS results,
	(SELECT count(*) FROM contract.violation v WHERE v.dataset_id = d.dataset_id) AS violations,
	(SELECT count(*) FROM contract.metric m WHERE m.dataset_id = d.dataset_id) AS metrics,
	(SELECT count(*) FROM contract.quarantine q WHERE q.dataset_id = d.dataset_id) AS quarantined
FROM contract.dataset d ORDER BY 1;

-- The counters, without those that are 0.
CREATE VIEW totals AS
SELECT metric, labels ->> 'dataset' AS dataset, labels ->> 'action' AS action, value FROM contract.prometheus
WHERE metric IN ('pg_contract_audits_total', 'pg_contract_failed_rows_total', 'pg_contract_violations_total') AND value > 0
ORDER BY 1, 2, 3;

-- Time goes by: moves all that there is into the past.
CREATE PROCEDURE go_by(by interval) LANGUAGE sql AS $$
	UPDATE contract.run SET at = at - by;
	UPDATE contract.violation SET at = at - by;
	UPDATE contract.metric SET at = at - by;
	UPDATE contract.quarantine SET at = at - by;
$$;

-- Has the worker look at once, though it did a moment ago.
CREATE PROCEDURE look() LANGUAGE plpgsql AS $$ BEGIN
	UPDATE contract.retention_state SET next_look = '-infinity';
	COMMIT;
	CALL contract.tend();
END $$;

-- a dataset without history: nothing happens, and the next look is in an hour
CALL contract.tend();
SELECT count(*), bool_and(next_look BETWEEN now() + '50 minutes' AND now() + '1 hour') FROM contract.retention_state;

/*
 * by age
 */
INSERT INTO orders SELECT n, -n FROM generate_series(1, 5) n;
SELECT status, failed FROM contract.check('orders', profile => true);
CALL go_by('50 days');
INSERT INTO orders VALUES (11, -1), (12, 666);
SELECT status, failed FROM contract.check('orders', profile => true);
CALL go_by('50 days');
INSERT INTO orders VALUES (21, -1), (22, -2), (23, 666);
SELECT * FROM kept;
SELECT dataset, open_violations, quarantined, status FROM contract.scorecard;
CREATE VIEW numbers AS SELECT dataset, status, failing, evaluated, good_fraction, last_audit, open_violations, quarantined FROM contract.scorecard;
CREATE TABLE numbers_before AS TABLE numbers;
CREATE TABLE totals_before AS TABLE totals;
-- no time has come
CALL contract.tend();
SELECT * FROM kept;
-- of the old history, the last audit stays, with its samples and the last profile, and so does the quarantine
CALL look();
SELECT * FROM kept;
SELECT source, rule, failed FROM contract.results ORDER BY at, rule;
SELECT source, value, count(*) FROM contract.violations GROUP BY 1, 2 ORDER BY 1, 2;
-- nobody sees a difference
SELECT count(*) FROM (TABLE numbers_before EXCEPT TABLE numbers) s;
-- nor in the counters
SELECT count(*) FROM (TABLE totals_before EXCEPT TABLE totals) s;
SELECT * FROM totals;

/*
 * what was written since the last audit is counted, though it went
 */
CALL go_by('100 days');
CALL look();
SELECT * FROM kept;
SELECT dataset, open_violations FROM contract.scorecard;
SELECT * FROM totals;
INSERT INTO orders VALUES (31, -1);
SELECT dataset, open_violations FROM contract.scorecard;
-- the next audit counts anew
SELECT status, failed FROM contract.check('orders', profile => true);
SELECT dataset, open_violations FROM contract.scorecard;
CALL go_by('100 days');
CALL look();
SELECT dataset, open_violations FROM contract.scorecard;
SELECT * FROM totals;
-- a dataset that is never audited does not grow for ever, and forgets no number
INSERT INTO others VALUES (1, -1), (2, -1);
INSERT INTO others VALUES (3, -1);
CALL go_by('100 days');
CALL look();
SELECT * FROM kept;
SELECT dataset, open_violations FROM contract.scorecard WHERE dataset = 'public.others';
INSERT INTO others VALUES (4, -1);
SELECT dataset, open_violations FROM contract.scorecard WHERE dataset = 'public.others';
-- prune() counts, too
SELECT contract.prune('0', dataset => 'others');
SELECT dataset, open_violations FROM contract.scorecard WHERE dataset = 'public.others';
SELECT * FROM totals WHERE dataset = 'public.others';

/*
 * by rows, and for single datasets
 */
SELECT contract.retain('orders', 'violations', max_rows => 3), contract.retain('orders', 'results', max_rows => 7);
SELECT contract.retain('orders', 'metrics', max_rows => 1), contract.retain('orders', 'quarantine', max_rows => 1);
SELECT history, max_age, max_rows FROM contract.retention ORDER BY 1;
INSERT INTO orders SELECT n, -n FROM generate_series(101, 104) n;
INSERT INTO orders SELECT n, -n FROM generate_series(111, 112) n;
INSERT INTO others SELECT n, -n FROM generate_series(101, 110) n;
SELECT * FROM kept;
-- retain() has the worker look at once
CALL contract.tend();
SELECT * FROM kept;
SELECT value FROM contract.violations v WHERE source = 'write' AND dataset = 'public.orders' ORDER BY 1;
SELECT "row" ->> 'id' AS id FROM contract.quarantined;
-- 20 audits are 40 results
DO $$ BEGIN FOR i IN 1..20 LOOP PERFORM contract.check('orders'); END LOOP; END $$;
SELECT runs, results, violations FROM kept WHERE dataset = 'public.orders';
CALL look();
SELECT runs, results, violations FROM kept WHERE dataset = 'public.orders';
-- 0: no limit
SELECT contract.retain('orders', 'violations', '0', 0), contract.retain('orders', 'results', '0', 0);
CALL go_by('1000 days');
CALL look();
SELECT runs, results, violations, quarantined FROM kept WHERE dataset = 'public.orders';
-- null: the settings, which here say less than an age of the dataset's
SELECT contract.retain('orders', 'violations', '2000 days');
SELECT contract.retain('orders', 'results');
SELECT history, max_age, max_rows FROM contract.retention ORDER BY 1;
CALL look();
-- runs stay as long as violations of theirs
SELECT runs, results, violations, quarantined FROM kept WHERE dataset = 'public.orders';
SELECT count(*) FROM contract.violation v LEFT JOIN contract.run n USING (run_id) WHERE n.run_id IS NULL;
SELECT contract.retain('orders', 'violations', '1 day'), contract.retain('orders', 'quarantine', '1 day');
CALL contract.tend();
SELECT runs, results, violations, quarantined FROM kept WHERE dataset = 'public.orders';

/*
 * incidents that are closed (one is open, since the last audit failed), and service levels
 */
INSERT INTO contract.incident (dataset_id, status, severity, rules, all_rules, opened_at, updated_at, closed_at)
SELECT dataset_id, s, 'error', '{}', '{a}', now() - '200 days'::interval, now(), now() - a::interval
FROM contract.dataset, (VALUES ('closed', '150 days'), ('closed', '50 days'), ('closed', '49 days')) v (s, a) WHERE table_name = 'orders';
INSERT INTO contract.sla_day
SELECT dataset_id, 'r', current_date - n, '1 day', '1 day', 0, 0, 0 FROM contract.dataset, unnest('{1,100,400,2000}'::integer[]) n WHERE table_name = 'orders';
CALL look();
SELECT status, date_trunc('day', now() - closed_at) AS ago FROM contract.incident ORDER BY 2;
SELECT current_date - day AS days FROM contract.sla_day ORDER BY 1;
SELECT contract.retain('orders', 'incidents', max_rows => 1), contract.retain('orders', 'sla', '1 year', 1);
CALL contract.tend();
SELECT status, date_trunc('day', now() - closed_at) AS ago FROM contract.incident ORDER BY 2;
SELECT current_date - day AS days FROM contract.sla_day ORDER BY 1;

/*
 * errors
 */
SELECT contract.retain(NULL, 'violations');
SELECT contract.retain('orders', NULL);
SELECT contract.retain('orders', 'everything');
SELECT contract.retain('orders', 'results', '-1 day');
SELECT contract.retain('orders', 'results', max_rows => -1);
SELECT contract.retain('orders', 'results', '300000 years');
SELECT contract.retain('kept', 'results');
CREATE ROLE regress_retention;
SET ROLE regress_retention;
SELECT contract.retain('orders', 'results', '1 day');
RESET ROLE;
DROP ROLE regress_retention;
BEGIN READ ONLY;
SELECT contract.retain('orders', 'results', '1 day');
ROLLBACK;

/*
 * Batches find their rows by indexes: all rows are read a few times at most, however many batches there are.
 */
SELECT contract.retain('orders', h) FROM unnest('{violations,results,metrics,quarantine}'::text[]) h;
WITH run AS (
	INSERT INTO contract.run (dataset_id, source, operation, at, role, xid, failed)
	SELECT d.dataset_id, 'write', 'INSERT', now() - n * interval '10 minutes', current_user, pg_current_xact_id(), 1
	FROM contract.dataset d, generate_series(1, 20000) n RETURNING *),
violation AS (
	INSERT INTO contract.violation (run_id, dataset_id, rule, kind, columns, at, action)
	SELECT run_id, dataset_id, 'between_amount', 'between', '{amount}', at, 'warn' FROM run),
metric AS (
	INSERT INTO contract.metric SELECT run_id, dataset_id, NULL, 'rows', 1, '1', at FROM run)
INSERT INTO contract.result (run_id, rule, kind, columns, action, status, failed)
SELECT run_id, 'between_amount', 'between', '{amount}', 'warn', 'fail', 1 FROM run;
VACUUM ANALYZE contract.run, contract.result, contract.violation, contract.metric;
CREATE VIEW reads AS SELECT relname, seq_tup_read + COALESCE(idx_tup_fetch, 0) AS rows FROM pg_stat_all_tables
WHERE schemaname = 'contract' AND relname IN ('run', 'result', 'violation', 'metric');
SELECT pg_stat_force_next_flush();
CREATE TABLE reads_before AS TABLE reads;
-- the newest 1500, while 90 days are more
SELECT contract.retain('orders', h, max_rows => 1500) FROM unnest('{violations,results,metrics}'::text[]) h;
CALL look();
SELECT pg_stat_force_next_flush();
SELECT relname, r.rows - b.rows BETWEEN 25000 AND 10 * 40000 AS few FROM reads r JOIN reads_before b USING (relname) ORDER BY 1;
SELECT dataset, runs, results, violations FROM kept;

-- who drops a dataset has nothing left of it
SELECT contract.drop_contract('orders', discard_quarantine => true), contract.drop_contract('others');
SELECT (SELECT count(*) FROM contract.total) AS totals, (SELECT count(*) FROM contract.retention) AS retentions,
	(SELECT count(*) FROM contract.retention_state) AS states;
DROP TABLE orders, others, numbers_before, totals_before, reads_before;
DROP VIEW kept, reads, numbers, totals;
DROP PROCEDURE go_by, look;
