\echo
\echo '=== 8. In the background ======================================================'
\echo
\echo '-- This server preloads the library: a launcher starts workers where something is due. Nobody has to run anything.'
\set ECHO none
-- waits until a query gives true, for a minute at most
CREATE PROCEDURE wait_for(query text) LANGUAGE plpgsql AS $$
DECLARE
	done boolean;
BEGIN
	FOR i IN 1 .. 600 LOOP
		EXECUTE query INTO done;
		EXIT WHEN done;
		COMMIT;
		PERFORM pg_sleep(0.1);
	END LOOP;
	IF done IS NOT TRUE THEN RAISE 'in vain: %', query; END IF;
END $$;
CALL wait_for($$SELECT count(*) > 0 FROM contract.results WHERE action = 'reject'$$);
\set ECHO queries
\echo
\echo '-- The COPY of chapter 2 was rolled back, and yet its refused row is on record: it came through shared memory.'
SELECT rule, action, failed, operation FROM contract.results WHERE action = 'reject' ORDER BY at LIMIT 1;
\echo
\echo '-- A table of payments: it must have data of today, at least 100 rows an hour, and it is audited every second.'
CREATE TABLE payments (id integer PRIMARY KEY, amount numeric, paid_at timestamptz);
\pset tuples_only on
\pset format unaligned
SELECT contract.describe('payments', owner => 'finance');
SELECT contract.between('payments', 'amount', 0, 10000, name => 'plausible');
SELECT contract.alter_rule('payments', 'plausible', runbook => 'Ask the bank for the file again.');
SELECT contract.fresh('payments', 'paid_at', max_age => '1 day');
SELECT contract.volume('payments', 'paid_at', per => '1 hour', minimum => 100);
SELECT contract.schedule('payments', every => '1 second') > now() AS scheduled;
\pset tuples_only off
\pset format aligned
\set ECHO none
CALL wait_for($$SELECT count(*) = 2 FROM contract.freshness WHERE dataset = 'public.payments' AND status <> 'unknown'$$);
\set ECHO queries
\echo
\echo '-- Empty, late and all null are different answers.'
SELECT rule, status, max_age, minimum, message FROM contract.freshness WHERE dataset = 'public.payments' ORDER BY rule;
\echo
\echo '-- Data come, one row wrong. A moment later an audit has run and found it.'
INSERT INTO payments SELECT i, CASE i WHEN 7 THEN -1 ELSE i END, now() FROM generate_series(1, 500) AS i;
\set ECHO none
CALL wait_for($$SELECT count(*) > 0 FROM contract.incidents WHERE dataset = 'public.payments' AND rules = '{plausible}'$$);
CALL wait_for($$SELECT last_status = 'fail' FROM contract.schedules WHERE dataset = 'public.payments'$$);
\set ECHO queries
SELECT dataset, every, mode, last_status, next_run - last_run < '3 seconds' AS again_soon FROM contract.schedules;
SELECT rule, status, rows, minimum FROM contract.freshness WHERE dataset = 'public.payments' ORDER BY rule;
\echo
\echo '-- One incident holds what fails, until all passes; who listens to channel pg_contract hears of it once.'
SELECT dataset, owner, status, severity, rules, runbooks FROM contract.incidents WHERE dataset = 'public.payments';
UPDATE payments SET amount = 7 WHERE id = 7;
\set ECHO none
CALL wait_for($$SELECT status = 'closed' FROM contract.incidents WHERE dataset = 'public.payments'$$);
\set ECHO queries
SELECT status, closed_at > opened_at AS closed_later FROM contract.incidents WHERE dataset = 'public.payments';
\echo
\echo '-- And for Prometheus (monitoring/ has the exporters'' configuration and alert rules):'
SELECT metric, labels, value FROM contract.prometheus
WHERE labels ->> 'dataset' = 'public.payments' AND metric IN ('pg_contract_dataset_rules', 'pg_contract_dataset_good_ratio');
SELECT duty, state, failures FROM contract.workers WHERE database = current_database() OR duty = 'launcher' ORDER BY duty DESC;
\echo
