/*
 * Incidents: opened once, updated, closed; flapping; acknowledged, muted;
 * runbooks.  What is told is in columns notified and notified_at; payloads
 * are in test/t/024_incidents.pl.
 */
CREATE SCHEMA regress_incidents;
SET search_path = regress_incidents;
CREATE ROLE regress_incident_owner;
CREATE ROLE regress_incident_reader;
GRANT USAGE ON SCHEMA regress_incidents TO regress_incident_owner, regress_incident_reader;
\pset null '-'

CREATE TABLE orders (id integer, amount integer, status text);
ALTER TABLE orders OWNER TO regress_incident_owner;
GRANT SELECT ON orders TO regress_incident_reader;
SELECT contract.describe('orders', owner => 'sales');
SELECT contract.add_rule('orders', 'not_null', '{amount}', severity => 'warning', runbook => 'Ask the till.');
SELECT contract.add_rule('orders', 'between', '{amount}', '{"minimum": 0}', on_violation => 'audit', name => 'positive');
SELECT contract.alter_rule('orders', 'positive', runbook => 'https://example.com/positive');
SELECT contract.not_blank('orders', 'status', severity => 'info');
SELECT rule, severity, runbook FROM contract.rules WHERE dataset = 'regress_incidents.orders' ORDER BY rule;

-- an audit, then a round of the worker; what changed, in words
CREATE FUNCTION audit() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM contract.check('regress_incidents.orders') WHERE status <> 'pass' $$;
CREATE VIEW state AS
SELECT i.status, i.severity, i.rules, i.all_rules, i.reopened, i.notified, i.notified_at > now() - interval '5 minutes' AS just_now,
	i.passing_since IS NOT NULL AS passing, i.acknowledged_by AS by, i.note, i.muted_until IS NOT NULL AS muted
FROM contract.incidents i WHERE i.dataset = 'regress_incidents.orders' ORDER BY i.id;
-- as if so much time had passed
CREATE PROCEDURE later(by interval) LANGUAGE sql AS $$
	UPDATE contract.incident SET opened_at = opened_at - by, updated_at = updated_at - by, closed_at = closed_at - by,
		passing_since = passing_since - by, notified_at = notified_at - by, muted_until = muted_until - by, judge_at = judge_at - by;
$$;

CREATE FUNCTION error_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'none';
EXCEPTION WHEN others THEN
	RETURN SQLSTATE || ': ' || regexp_replace(SQLERRM, '\d+', 'N');
END $$;

-- nothing fails, and info alone is no incident
CALL contract.tend();
INSERT INTO orders VALUES (1, 1, '');
SELECT audit();
CALL contract.tend();
SELECT * FROM state;

-- a warning opens one; it is told once
INSERT INTO orders VALUES (2, NULL, 'new');
SELECT audit();
CALL contract.tend();
SELECT * FROM state;
CALL later('1 hour');
SELECT audit(), audit();
SELECT count(*) AS due FROM contract.incident_due WHERE dataset_id IS NOT NULL;
CALL contract.tend();
SELECT * FROM state;
SELECT updated_at < now() - interval '30 minutes' AS unchanged, runbooks, root_cause, owner, contract_id
FROM contract.incidents WHERE dataset = 'regress_incidents.orders';
SELECT incident IS NOT NULL AS incident, failing FROM contract.scorecard WHERE dataset = 'regress_incidents.orders';

-- an error makes it worse, which is told at once
INSERT INTO orders VALUES (3, -1, 'new');
SELECT audit();
CALL contract.tend();
SELECT * FROM state;
SELECT runbooks FROM contract.incidents WHERE dataset = 'regress_incidents.orders';
-- it stays as bad as it was; fewer rules are not told
CALL later('1 hour');
UPDATE orders SET amount = 3 WHERE id = 3;
SELECT audit();
CALL contract.tend();
SELECT * FROM state;
-- a sample is no verdict
UPDATE orders SET amount = 2 WHERE id = 2;
SELECT count(*) FROM contract.check('orders', 'sample');
CALL contract.tend();
SELECT * FROM state;
-- all pass: closed
SELECT audit();
CALL contract.tend();
SELECT * FROM state;
SELECT incident FROM contract.scorecard WHERE dataset = 'regress_incidents.orders';

-- again within quiet: the same one; that it was closed was told just now, so this is told later
UPDATE orders SET amount = -1 WHERE id = 3;
SELECT audit();
CALL contract.tend();
SELECT * FROM state;
SELECT judge_at > now() + interval '14 minutes' AS told_later FROM contract.incidents JOIN contract.incident ON incident_id = id
WHERE dataset = 'regress_incidents.orders';
CALL later('15 minutes');
CALL contract.tend();
SELECT * FROM state;
-- closed again, told; failing again; the next time it is on probation
UPDATE orders SET amount = 1;
SELECT audit();
CALL contract.tend();
SELECT * FROM state;
UPDATE orders SET amount = -1 WHERE id = 3;
SELECT audit();
CALL contract.tend();
UPDATE orders SET amount = 1;
SELECT audit();
CALL contract.tend();
SELECT * FROM state;
-- to fail now tells nothing but for what was not told yet
CALL later('10 minutes');
UPDATE orders SET amount = -1 WHERE id = 3;
SELECT audit();
CALL contract.tend();
SELECT * FROM state;
CALL later('10 minutes');
CALL contract.tend();
SELECT * FROM state;
-- on and off
UPDATE orders SET amount = 1;
SELECT audit();
CALL contract.tend();
CALL later('14 minutes');
CALL contract.tend();
SELECT * FROM state;
CALL later('1 minute');
CALL contract.tend();
SELECT * FROM state;
-- later than quiet it is another one
CALL later('16 minutes');
UPDATE orders SET amount = NULL WHERE id = 3;
SELECT audit();
CALL contract.tend();
SELECT * FROM state;

-- acknowledged, by the owner
SELECT max(id) AS incident, min(id) AS closed FROM contract.incidents WHERE dataset = 'regress_incidents.orders' \gset
SET ROLE regress_incident_reader;
SELECT count(*) FROM contract.incidents;
\set VERBOSITY terse
SELECT contract.acknowledge(0);
SELECT error_of(format('SELECT contract.acknowledge(%s)', :incident));
RESET ROLE;
SET ROLE regress_incident_owner;
SELECT contract.acknowledge(:incident, 'on it');
SELECT contract.acknowledge(NULL);
SELECT contract.mute(:incident, NULL);
SELECT contract.mute(:incident, now() - interval '1 second');
SELECT contract.unmute(NULL);
SELECT error_of(format('SELECT contract.mute(%s, ''infinity'')', :closed));
BEGIN READ ONLY;
SELECT contract.unmute(:incident);
ROLLBACK;
RESET ROLE;
\set VERBOSITY default
CALL contract.tend();
SELECT * FROM state OFFSET 1;
-- worse is told all the same
CALL later('1 hour');
UPDATE orders SET amount = -1 WHERE id = 2;
SELECT audit();
CALL contract.tend();
SELECT * FROM state OFFSET 1;
-- muted: nothing is told, neither that it is closed nor that it is open again; which is nobody's any more
SET ROLE regress_incident_owner;
SELECT contract.mute(:incident, now() + interval '3 hours');
RESET ROLE;
CALL later('1 hour');
UPDATE orders SET amount = 1;
SELECT audit();
CALL contract.tend();
SELECT * FROM state OFFSET 1;
UPDATE orders SET amount = -1 WHERE id = 2;
SELECT audit();
CALL contract.tend();
SELECT * FROM state OFFSET 1;
SELECT judge_at = muted_until AS judged_then FROM contract.incident WHERE incident_id = :incident;
CALL later('2 hours');
CALL contract.tend();
SELECT * FROM state OFFSET 1;
-- unmuted
SELECT contract.mute(:incident, 'infinity');
CALL contract.tend();
CALL later('1 hour');
CALL contract.tend();
SELECT * FROM state OFFSET 1;
SELECT contract.unmute(:incident);
CALL contract.tend();
SELECT * FROM state OFFSET 1;

-- rules: renamed, followed; not evaluated, kept; less severe, dropped
SELECT contract.alter_rule('orders', 'positive', name => 'not negative');
CALL contract.tend();
SELECT status, rules, all_rules FROM state OFFSET 1;
SELECT contract.alter_rule('orders', 'not negative', severity => 'info');
CALL contract.tend();
SELECT status, severity, rules, passing FROM state OFFSET 1;
SELECT contract.alter_rule('orders', 'not negative', severity => 'error');
SELECT audit();
CALL contract.tend();
SELECT status, severity, rules, reopened, passing FROM state OFFSET 1;
SELECT contract.drop_rule('orders', 'not negative');
CALL contract.tend();
SELECT status, severity, rules, passing FROM state OFFSET 1;

-- a rule that cannot be evaluated fails as well; a draft's is a warning at most
CREATE TABLE items (id integer, price integer, at timestamptz);
SELECT contract.describe('items', status => 'draft');
SELECT contract.satisfies('items', '1 / price > 0', on_violation => 'audit');
INSERT INTO items VALUES (1, 0, now());
SELECT status FROM contract.check('items');
CALL contract.tend();
SELECT dataset, status, severity, rules FROM contract.incidents WHERE dataset LIKE '%.items';
-- the next look at all datasets sees what nobody noted
SELECT contract.describe('items', status => 'active');
DELETE FROM contract.incident_due;
CALL contract.tend();
SELECT dataset, status, severity, notified FROM contract.incidents WHERE dataset LIKE '%.items';
SELECT dataset_id, due > now() + interval '4 minutes' AS next FROM contract.incident_due;

-- rules about time: the newer of audit and watch
SELECT contract.fresh('items', 'at', '1 day');
SELECT contract.drop_rule('items', 'satisfies_price');
SELECT status FROM contract.check('items');
CALL contract.tend();
SELECT status, rules FROM contract.incidents WHERE dataset LIKE '%.items';
INSERT INTO contract.freshness_state AS s (dataset_id, rule, status, since, checked_at, next_check)
SELECT dataset_id, 'fresh_at', 'late', now(), now(), 'infinity' FROM contract.dataset WHERE name LIKE '%.items'
ON CONFLICT (dataset_id, rule) DO UPDATE SET status = 'late', checked_at = now(), next_check = 'infinity';
DELETE FROM contract.incident_due;
CALL contract.tend();
SELECT status, rules, reopened FROM contract.incidents WHERE dataset LIKE '%.items';
-- not known is no verdict
UPDATE contract.freshness_state SET status = 'unknown', checked_at = clock_timestamp() WHERE rule = 'fresh_at';
DELETE FROM contract.incident_due;
CALL contract.tend();
SELECT status, rules FROM contract.incidents WHERE dataset LIKE '%.items';
UPDATE contract.freshness_state SET checked_at = checked_at - interval '1 day' WHERE rule = 'fresh_at';
DELETE FROM contract.incident_due;
CALL contract.tend();
SELECT status, rules FROM contract.incidents WHERE dataset LIKE '%.items';

-- a dataset that leaves takes its incidents along
SELECT contract.drop_contract('items');
SELECT DISTINCT dataset FROM contract.incidents WHERE dataset LIKE 'regress_incidents.%';
CALL contract.tend();

-- in documents: a custom property, or a definition of that type; written back
SELECT change, message FROM contract.apply($$
apiVersion: v3.1.0
kind: DataContract
id: shop
version: 1.0.0
status: active
schema:
- name: parts
  physicalName: regress_incidents.parts
  properties:
  - name: id
    quality:
    - {name: a, metric: nullValues, mustBe: 0, customProperties: [{property: runbook, value: Ask.}]}
    - name: b
      metric: duplicateValues
      mustBe: 0
      authoritativeDefinitions: [{type: article, url: https://example.com/a}, {type: Runbook, url: https://example.com/b}]
$$) WHERE change LIKE 'rule%';
CREATE TABLE parts (id integer);
SELECT rule, runbook FROM contract.rules WHERE dataset LIKE '%.parts' ORDER BY rule;
SELECT contract.add_rule('parts', 'between', '{id}', '{"minimum": 0}', name => 'c', runbook => E'Two\nlines.');
SELECT substring(contract.export('shop') FROM '    - name: c.*');
SELECT change, message FROM contract.apply(contract.export('shop'), allow_breaking => true) WHERE change LIKE 'rule%';
SELECT rule, runbook, source FROM contract.rules WHERE dataset LIKE '%.parts' ORDER BY rule;
SELECT path, change, old, new, level, message FROM contract.diff(contract.export('shop'), replace(contract.export('shop'), 'Ask.', 'Do not ask.'));
SELECT severity, message FROM contract.lint($$
apiVersion: v3.1.0
kind: DataContract
id: bad
version: 1.0.0
status: active
schema: [{name: t, properties: [{name: a, quality: [{metric: nullValues, mustBe: 0, customProperties: [{property: runbook, value: [a]}]}]}]}]
$$) WHERE severity = 'error';
SELECT contract.add_rule('orders', 'not_null', '{id}', name => 'id', runbook => '');
SELECT contract.alter_rule('orders', 'not_null_amount', runbook => '');
SELECT rule, runbook FROM contract.rules WHERE dataset LIKE '%.orders' ORDER BY rule;

SET client_min_messages = error;
SET pg_contract.ddl_guard = off;
SELECT contract.drop_contract('shop');
SELECT contract.drop_contract('orders');
DROP SCHEMA regress_incidents CASCADE;
DROP ROLE regress_incident_owner, regress_incident_reader;
