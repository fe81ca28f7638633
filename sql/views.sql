SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_contract;
SET pg_contract.ddl_guard = off;
RESET client_min_messages;

/*
 * What the views show of what happened, seen by the owner. Who else sees what
 * is the test privileges.
 */
CREATE TABLE customer (id integer PRIMARY KEY, name text, email text, born date, score float8, active boolean, notes json, tags text[]);
CREATE TABLE nokey (a integer, b text);
CREATE TABLE two_keys (a integer, b date, c text, PRIMARY KEY (b, a));
SELECT contract.describe('customer', owner => 'crm', description => 'Who buys', version => '2.1', contract_id => 'crm');
SELECT contract.describe('nokey', contract_id => 'crm');
SELECT contract.not_null('customer', 'name', description => 'Everybody has one');
SELECT contract.format('customer', 'email', 'email', severity => 'warning');
SELECT contract.between('customer', 'born', '1900-01-01', NULL, on_violation => 'quarantine');
SELECT contract.between('customer', 'score', 0, 100, tolerance => 0.5);
SELECT contract.satisfies('customer', 'active OR score < 10', name => 'inactive', on_violation => 'audit');
SELECT contract.not_null('nokey', 'a');
SELECT contract.not_null('two_keys', 'c');

SET application_name = 'loader';
SET compute_query_id = on;
BEGIN;
INSERT INTO customer VALUES
	(1, 'Ann', 'ann@example.com', '1980-02-29', 99.5, true, '{"a": 1, "a": 2}', '{x,y}'),
	(2, NULL, 'nobody', NULL, 'NaN', false, NULL, NULL),
	(3, 'Old', 'old', '1812-01-01', 1e30, NULL, '[1]', '{}');
UPDATE customer SET score = -1, email = 'still nobody' WHERE id = 2;
INSERT INTO nokey VALUES (NULL, 'x');
INSERT INTO two_keys VALUES (1, '2024-01-01', NULL);
COMMIT;
RESET application_name;

SELECT dataset, rule, kind, source, action, operation, role = current_user AS me, application, key, value, message
FROM contract.violations WHERE dataset <> 'public.nokey' ORDER BY id;
SELECT DISTINCT dataset, rule, "row" FROM contract.violations WHERE operation = 'INSERT' ORDER BY dataset, rule, "row";
SELECT key ? 'ctid' AS by_ctid, "row" FROM contract.violations WHERE dataset = 'public.nokey';
-- one transaction, a query for each statement
SELECT count(DISTINCT xid) AS transactions, count(DISTINCT query_id) AS queries, bool_and(query_id IS NOT NULL) AS all_known,
	bool_and(at BETWEEN now() - interval '1 hour' AND now()) AS recent
FROM contract.violations;
SELECT dataset, rules, operation, role = current_user AS me, application, key, changed, "row", xid = (SELECT min(xid) FROM contract.violations) AS same_transaction
FROM contract.quarantined;
-- exact counts a statement, action and rule
SELECT dataset, source, operation, rule, action, status, considered, failed, observed, expected, message, executor
FROM contract.results ORDER BY run_id, rule;
SELECT dataset, contract_id, owner, status, rules, failing, evaluated, good_fraction, last_audit IS NULL AS never, open_violations, quarantined, problem
FROM contract.scorecard ORDER BY dataset;

-- audits
SELECT rule, kind, columns, status, considered, failed, observed, expected, message, executor, elapsed >= '0' AS elapsed
FROM contract.check('customer') ORDER BY rule;
SELECT rule, status FROM contract.check('public.customer', 'full') ORDER BY rule;
SELECT rule, status, failed FROM contract.check('two_keys', profile => false);
SELECT dataset, rule, operation, key, value FROM contract.violations WHERE source = 'audit' ORDER BY id;
SELECT DISTINCT dataset, source, rule, status, considered, failed, executor FROM contract.results WHERE source = 'audit' ORDER BY dataset, rule;
SELECT dataset, status, rules, failing, evaluated, good_fraction, last_audit IS NULL AS never, open_violations, quarantined, problem
FROM contract.scorecard ORDER BY dataset;
-- what is written after the audit is added
INSERT INTO customer (id, score) VALUES (10, 1000), (11, 1000);
SELECT dataset, status, open_violations FROM contract.scorecard WHERE dataset = 'public.customer';
UPDATE customer SET name = 'x', email = 'x@example.com', score = 1, active = true, born = '2000-01-01';
SELECT rule, status, failed FROM contract.check('customer') ORDER BY rule;
SELECT dataset, status, failing, good_fraction, open_violations, quarantined FROM contract.scorecard ORDER BY dataset;
-- a rule that fails within its tolerance, only warnings
UPDATE customer SET score = 101 WHERE id = 1;
UPDATE customer SET email = 'x' WHERE id = 2;
SELECT rule, status, failed FROM contract.check('customer') ORDER BY rule;
SELECT dataset, status, failing, good_fraction, open_violations FROM contract.scorecard WHERE dataset = 'public.customer';

/*
 * Samples: as many as the setting says, for each statement and rule; counts are exact
 */
TRUNCATE nokey;
SELECT contract.prune(NULL, 0);
SET pg_contract.violation_samples = 3;
INSERT INTO nokey SELECT NULL, g FROM generate_series(1, 1000) AS g;
INSERT INTO nokey VALUES (NULL, 'one'), (1, 'two');
SELECT rule, status, considered, failed FROM contract.check('nokey');
SELECT source, rule, count(*) AS samples FROM contract.violations GROUP BY source, rule, xid ORDER BY source, samples;
SET pg_contract.violation_samples = 0;
INSERT INTO nokey VALUES (NULL, 'three'), (NULL, 'four');
RESET pg_contract.violation_samples;
SELECT source, rule, failed FROM contract.results WHERE dataset = 'public.nokey' ORDER BY run_id;
SELECT count(*) FROM contract.violations;
SET pg_contract.violation_samples = -1;
SET pg_contract.violation_samples = 100001;

/*
 * What is recorded comes and goes with the transaction, and can be seen in it
 */
SELECT contract.prune(NULL, 0);
BEGIN;
INSERT INTO nokey VALUES (NULL, 'a');
SELECT count(*) FROM contract.violations;
SAVEPOINT s;
INSERT INTO nokey VALUES (NULL, 'b');
SELECT count(*) FROM contract.violations;
ROLLBACK TO s;
SELECT count(*) FROM contract.violations;
INSERT INTO nokey VALUES (NULL, 'c');
ROLLBACK;
SELECT count(*) FROM contract.violations;
-- values in the record do not depend on the session's settings
SET datestyle = 'German, DMY';
SET extra_float_digits = -10;
SET bytea_output = escape;
SET intervalstyle = sql_standard;
INSERT INTO customer (id, born, score, email) VALUES (20, '31.12.2024', 100.00000000000001, 'x'), (21, '31.12.1899', 1, NULL);
SELECT rule, value, "row" ->> 'born' AS born, "row" ->> 'score' AS score FROM contract.violations ORDER BY id;
SELECT "row" ->> 'born' AS born FROM contract.quarantined ORDER BY id;
SELECT rule, parameters FROM contract.rules WHERE kind = 'between' ORDER BY rule;
RESET datestyle;
RESET extra_float_digits;
RESET bytea_output;
RESET intervalstyle;

/*
 * Personal data is masked when it is recorded
 */
SELECT contract.prune(NULL, 0);
SELECT contract.pii('customer', 'email', 'email');
SELECT contract.pii('customer', 'id');
SELECT contract.satisfies('customer', 'email <> name', name => 'two columns');
INSERT INTO customer (id, name, email, score) VALUES (30, 'bad', 'bad', 1);
SELECT rule, key, value, message, "row" FROM contract.violations ORDER BY id;
SELECT rule, failed, message FROM contract.check('customer') WHERE rule IN ('two columns', 'format_email') ORDER BY rule;
SELECT rule, source, key, value FROM contract.violations ORDER BY id;
-- a column that was marked since: what was recorded before stays readable for who may read the column
SELECT contract.pii('customer', 'name');
SELECT DISTINCT "row" ->> 'name' AS name FROM contract.violations ORDER BY name;

SELECT contract.drop_contract('customer', true), contract.drop_contract('nokey'), contract.drop_contract('two_keys');
SELECT (SELECT count(*) FROM contract.rules) AS rules, (SELECT count(*) FROM contract.violations) AS violations,
	(SELECT count(*) FROM contract.results) AS results, (SELECT count(*) FROM contract.quarantined) AS quarantined,
	(SELECT count(*) FROM contract.pii_columns) AS pii_columns, (SELECT count(*) FROM contract.scorecard) AS scorecard;
DROP TABLE customer, nokey, two_keys;
