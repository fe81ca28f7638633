SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_contract;
SET pg_contract.ddl_guard = off;
RESET client_min_messages;

/*
 * Annotating: what is said of datasets, columns and rules; which triggers the
 * rules make; the views rules, pii_columns and scorecard.
 */
CREATE TABLE orders (
	id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	customer_id integer,
	status text,
	email text,
	amount numeric(12,2),
	code char(4),
	placed date,
	created_at timestamptz,
	shipped_at timestamptz
);

-- the triggers of the rules on a table, by what their names end in
CREATE VIEW made AS
SELECT t.tgrelid::regclass::text AS relation, regexp_replace(t.tgname, '^zz_contract_[0-9]+_', '') AS what, t.tgenabled AS enabled,
	CASE WHEN t.tgtype & 2 = 2 THEN 'before' ELSE 'after' END AS timing,
	concat_ws(' or ', CASE WHEN t.tgtype & 4 = 4 THEN 'insert' END, CASE WHEN t.tgtype & 16 = 16 THEN 'update' END,
		CASE WHEN t.tgtype & 8 = 8 THEN 'delete' END) AS events,
	t.tgfoid::regproc AS function, t.tgqual IS NOT NULL AS has_when,
	-- the dataset's id is left out
	(string_to_array(encode(t.tgargs, 'escape'), '\000'))[2:t.tgnargs] AS arguments,
	EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_trigger'::regclass AND d.objid = t.oid
		AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'x') AS of_extension
FROM pg_trigger AS t
WHERE NOT t.tgisinternal AND t.tgname ~ '^zz_contract_[0-9]+_(insert|update|write|divert)$';
-- and as they were, for seeing that none was made anew
CREATE TABLE seen (oid oid, xmin_then text);

/*
 * describe
 */
SELECT contract.describe('orders', owner => 'sales-data', description => 'One row per order', version => '1.0.0');
SELECT d.name, d.description, d.write_path, d.on_apply, d.contract_id, c.version, c.status, c.owner
FROM contract.dataset AS d JOIN contract.contract AS c USING (contract_id);
-- null keeps, each of the others changes
SELECT contract.describe('orders');
SELECT contract.describe('orders', status => 'deprecated');
SELECT contract.describe('orders', write_path => 'oltp', on_apply => 'warn');
SELECT contract.describe('orders', version => '1.1.0');
SELECT contract.describe('orders', description => 'Orders, one a row', owner => 'sales');
SELECT d.name, d.description, d.write_path, d.on_apply, d.contract_id, c.version, c.status, c.owner
FROM contract.dataset AS d JOIN contract.contract AS c USING (contract_id);
SELECT contract.describe('orders', status => s.status, write_path => 'bulk', on_apply => 'enforce')
FROM unnest('{proposed,draft,retired,active}'::text[]) AS s (status);
SELECT d.write_path, d.on_apply, c.status
FROM contract.dataset AS d JOIN contract.contract AS c USING (contract_id);
-- a contract may cover several datasets: what is said of it is said for all of them
CREATE TABLE order_items (order_id integer, price numeric);
SELECT contract.describe('orders', contract_id => 'urn:sales', owner => 'sales-data', version => '2.0.0');
SELECT contract.describe('order_items', contract_id => 'urn:sales', description => 'Lines of orders');
SELECT contract.describe('order_items', version => '2.1.0');
SELECT d.name, d.description, d.contract_id, c.version, c.status, c.owner
FROM contract.dataset AS d LEFT JOIN contract.contract AS c USING (contract_id) ORDER BY d.name;
SELECT dataset, contract_id, owner, status, rules, failing, evaluated, good_fraction, last_audit, open_violations, quarantined, problem
FROM contract.scorecard ORDER BY dataset;
-- no contract without a dataset is left behind
SELECT c.contract_id FROM contract.contract AS c ORDER BY 1;
-- no rules, no triggers
SELECT * FROM made ORDER BY relation, what;

/*
 * describe_column, pii
 */
SELECT contract.describe_column('orders', 'status', 'Where the order is', 'internal', '{state,enum}');
SELECT contract.describe_column('orders', 'status', tags => '{state}');
SELECT contract.describe_column('orders', 'status', classification => 'public');
SELECT contract.describe_column('orders', 'email', 'Where to write to');
SELECT contract.pii('orders', 'email', category => 'email', classification => 'confidential');
SELECT contract.pii('orders', 'customer_id');
SELECT contract.describe_column('orders', 'customer_id', description => 'Who ordered', tags => '{key}');
SELECT contract.pii('orders', 'customer_id', classification => 'restricted');
SELECT column_name, description, classification, pii_category, tags FROM contract.column_annotation ORDER BY column_name;
SELECT * FROM contract.pii_columns ORDER BY dataset, column_name;
-- an empty text clears, and so does a category that is null
SELECT contract.describe_column('orders', 'status', '', '', '{}');
SELECT contract.pii('orders', 'customer_id', category => NULL);
SELECT contract.pii('orders', 'email', category => '', classification => '');
SELECT column_name, description, classification, pii_category, tags FROM contract.column_annotation ORDER BY column_name;
SELECT * FROM contract.pii_columns ORDER BY dataset, column_name;

/*
 * Rules: default names, canonical parameters, everything that is said of them
 */
SELECT contract.not_null('orders', 'customer_id', on_violation => 'reject', description => 'Nobody orders anonymously.');
SELECT contract.not_null('orders', 'customer_id', severity => 'info');
SELECT contract.not_null('orders', 'customer_id', severity => 'warning', on_violation => 'audit');
SELECT contract.not_blank('orders', 'status', filter => '', tolerance => 0.05);
SELECT contract.between('orders', 'amount', 0, 1000000, on_violation => 'quarantine');
SELECT contract.between('orders', 'amount', '-01.50', '1e3', exclusive_minimum => true);
SELECT contract.between('orders', 'amount', NULL, 7, exclusive_minimum => true, exclusive_maximum => true, name => 'below seven');
SELECT contract.between('orders', 'placed', 'January 2, 2020', NULL);
SELECT contract.between('orders', 'created_at', '2020-01-01 00:00:00+00', '2030-01-01T00:00:00+02:00'::timestamptz);
SELECT contract.between('orders', 'customer_id', 1::smallint, 99999999999::bigint - 99999999900);
SELECT contract.accepted_values('orders', 'status', '{new,paid,shipped,cancelled,returned}');
SELECT contract.accepted_values('orders', 'customer_id', ARRAY[3, 1, 2, 1]);
SELECT contract.accepted_values('orders', 'code', ARRAY['A', 'AB', 'ABCD']);
SELECT contract.forbidden_values('orders', 'placed', ARRAY['1970-01-01'::date, 'epoch']);
SELECT contract.length_between('orders', 'code', 2, 4);
SELECT contract.length_between('orders', 'email', NULL, 254);
SELECT contract.length_between('orders', 'email', 3, NULL);
SELECT contract.length_between('orders', 'email', 3, 3, name => 'length_between_email_4');
SELECT contract.length_between('orders', 'email', 3, 4);
SELECT contract.length_between('orders', 'email', 3, 5);
SELECT contract.matches('orders', 'email', '^[^@ ]+@[^@ ]+$', filter => 'status <> ''new''', tolerance => 0.1);
SELECT contract.not_matches('orders', 'email', '(?i)@example\.');
SELECT contract.format('orders', 'email', 'email');
SELECT contract.multiple_of('orders', 'amount', 0.010);
SELECT contract.multiple_of('orders', 'customer_id', 5);
SELECT contract.satisfies('orders', 'shipped_at >= created_at', name => 'ships_after_order');
SELECT contract.satisfies('orders', 'placed = date ''2020-01-01'' OR amount > 0 OR status IS NULL');
-- the generic function
SELECT contract.add_rule('orders', 'between', '{amount}', '{"minimum": 1, "maximum": "0002", "exclusive_maximum": "yes"}');
SELECT contract.add_rule('orders', 'between', '{amount}', '{"minimum": 1, "maximum": null, "exclusive_minimum": false}');
SELECT contract.add_rule('orders', 'not_null', '{status}');
SELECT contract.add_rule('orders', 'not_null', '{status}', '{}', 'audit', 'info', 'amount > 10', 1, 'Status, of "big" orders', '');
SELECT contract.add_rule('orders', 'satisfies', '{}', '{"expression": "orders.amount < 10 -- cheap"}');
SELECT rule, kind, columns, parameters, filter, severity, action, tolerance, source, contract_id, description
FROM contract.rules WHERE dataset = 'public.orders' ORDER BY rule COLLATE "C";
SELECT dataset, rules, status FROM contract.scorecard ORDER BY dataset;

/*
 * alter_rule: null keeps
 */
SELECT contract.alter_rule('orders', 'not_null_customer_id');
SELECT contract.alter_rule('orders', 'not_null_customer_id', on_violation => 'warn', severity => 'warning');
SELECT contract.alter_rule('orders', 'not_null_customer_id', filter => 'amount > 0', tolerance => 0.25);
SELECT contract.alter_rule('orders', 'not_null_customer_id', description => 'Somebody ordered');
SELECT contract.alter_rule('orders', 'not_null_customer_id', name => 'has_customer');
SELECT contract.alter_rule('orders', 'has_customer', name => 'has_customer');
SELECT rule, kind, columns, parameters, filter, severity, action, tolerance, description
FROM contract.rules WHERE rule = 'has_customer';
-- an empty filter or description clears
SELECT contract.alter_rule('orders', 'has_customer', filter => '', description => '', tolerance => 0);
SELECT contract.alter_rule('orders', 'between_amount', parameters => '{"minimum": "+5"}');
SELECT contract.alter_rule('orders', 'ships_after_order', parameters => '{"expression": "shipped_at > created_at AND amount > 0"}');
SELECT rule, kind, columns, parameters, filter, severity, action, tolerance, description
FROM contract.rules WHERE rule IN ('has_customer', 'between_amount', 'ships_after_order') ORDER BY rule;

/*
 * drop_rule, drop_contract
 */
SELECT contract.drop_rule('orders', 'Status, of "big" orders');
SELECT contract.drop_rule('public.orders', 'below seven');
SELECT count(*) FROM contract.rules;
SELECT contract.drop_contract('orders');
SELECT contract.drop_contract('public.order_items');
SELECT (SELECT count(*) FROM contract.contract) AS contract, (SELECT count(*) FROM contract.dataset) AS dataset,
	(SELECT count(*) FROM contract.rule) AS rule, (SELECT count(*) FROM contract.column_annotation) AS annotation,
	(SELECT count(*) FROM contract.binding) AS binding, (SELECT count(*) FROM made) AS triggers;

/*
 * Triggers: exactly those that the rules need, made anew only when they must be
 */
SELECT contract.not_null('orders', 'status', on_violation => 'audit');
SELECT * FROM made ORDER BY relation, what;
SELECT contract.alter_rule('orders', 'not_null_status', on_violation => 'warn');
SELECT * FROM made ORDER BY relation, what;
-- one more column, one more action
SELECT contract.between('orders', 'amount', 0, 10, on_violation => 'reject', filter => 'customer_id > 0');
SELECT * FROM made ORDER BY relation, what;
-- nothing that the triggers would have to know
INSERT INTO seen SELECT oid, xmin::text FROM pg_trigger WHERE tgrelid = 'orders'::regclass;
SELECT contract.not_blank('orders', 'status');
SELECT contract.alter_rule('orders', 'between_amount', parameters => '{"minimum": 1}');
SELECT contract.alter_rule('orders', 'not_blank_status', severity => 'info', name => 'blank', tolerance => 0.5);
SELECT contract.drop_rule('orders', 'blank');
SELECT contract.describe('orders', owner => 'somebody');
SELECT contract.pii('orders', 'status');
SELECT count(*) AS kept FROM seen JOIN pg_trigger AS t USING (oid) WHERE t.xmin::text = xmin_then;
SELECT count(*) AS triggers FROM made;
-- quarantine, and no longer
SELECT contract.length_between('orders', 'code', 1, 3, on_violation => 'quarantine');
SELECT * FROM made ORDER BY relation, what;
SELECT contract.alter_rule('orders', 'length_between_code', on_violation => 'warn');
SELECT relation, what, enabled, arguments[1] AS strongest FROM made ORDER BY relation, what;
SELECT contract.alter_rule('orders', 'between_amount', on_violation => 'quarantine');
SELECT relation, what, enabled, arguments[1] AS strongest FROM made ORDER BY relation, what;
-- the other write path, and back
SELECT contract.describe('orders', write_path => 'oltp');
SELECT relation, what, enabled, timing, events, function, has_when, of_extension FROM made ORDER BY relation, what;
SELECT contract.drop_rule('orders', 'between_amount');
SELECT relation, what, enabled, timing, events, function, has_when, of_extension FROM made ORDER BY relation, what;
INSERT INTO orders (status, code) VALUES (NULL, 'ABCD') RETURNING id, status, code;
UPDATE orders SET code = 'ABCE' RETURNING id, status, code;
SELECT rule, source, operation, action, value, message FROM contract.violations ORDER BY id;
SELECT contract.describe('orders', write_path => 'bulk');
SELECT relation, what, enabled, timing, events, function, has_when, of_extension FROM made ORDER BY relation, what;
UPDATE orders SET code = 'ABCF' RETURNING id, status, code;
SELECT rule, source, operation, action, value, message FROM contract.violations ORDER BY id;
-- dropped or disabled by hand: the scorecard and the next audit say so, enforce makes them anew
DO $$
DECLARE
	name text;
BEGIN
	SELECT tgname INTO name FROM pg_trigger WHERE tgrelid = 'orders'::regclass AND tgname ~ '_insert$';
	EXECUTE format('ALTER TABLE orders DISABLE TRIGGER %I', name);
END
$$;
SELECT dataset, status, regexp_replace(problem, '_[0-9]+_', '_N_') AS problem FROM contract.scorecard ORDER BY dataset;
\set VERBOSITY terse
SELECT rule, status, regexp_replace(message, '_[0-9]+_', '_N_') AS message FROM contract.check('orders') ORDER BY rule;
SELECT contract.enforce('orders');
SELECT relation, what, enabled FROM made ORDER BY relation, what;
DO $$
DECLARE
	name text;
BEGIN
	SELECT tgname INTO name FROM pg_trigger WHERE tgrelid = 'orders'::regclass AND tgname ~ '_update$';
	EXECUTE format('DROP TRIGGER %I ON orders', name);
END
$$;
\set VERBOSITY default
SELECT dataset, status, regexp_replace(problem, '_[0-9]+_', '_N_') AS problem FROM contract.scorecard ORDER BY dataset;
SELECT contract.enforce('orders');
SELECT relation, what, enabled FROM made ORDER BY relation, what;
SELECT dataset, status, problem FROM contract.scorecard ORDER BY dataset;
-- what only fires for origin is not good enough either
DO $$
DECLARE
	name text;
BEGIN
	SELECT tgname INTO name FROM pg_trigger WHERE tgrelid = 'orders'::regclass AND tgname ~ '_insert$';
	EXECUTE format('ALTER TABLE orders ENABLE TRIGGER %I', name);
END
$$;
SELECT dataset, status, regexp_replace(problem, '_[0-9]+_', '_N_') AS problem FROM contract.scorecard ORDER BY dataset;
SELECT contract.enforce('orders');
SELECT relation, what, enabled FROM made ORDER BY relation, what;
-- no rule that is checked on write, no trigger
SELECT contract.drop_rule('orders', 'length_between_code');
SELECT contract.alter_rule('orders', 'not_null_status', on_violation => 'audit');
SELECT * FROM made ORDER BY relation, what;
-- a partitioned table has them on the parent; the partitions' own come with it
CREATE TABLE parted (id integer, day date) PARTITION BY RANGE (day);
CREATE TABLE parted_2024 PARTITION OF parted FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
SELECT contract.not_null('parted', 'id', on_violation => 'quarantine');
SELECT relation, what, enabled, timing, events, function, has_when FROM made ORDER BY relation, what;
SELECT contract.drop_contract('parted');
SELECT relation, what FROM made ORDER BY relation, what;

/*
 * preview stores nothing
 */
INSERT INTO orders (customer_id, status, amount) SELECT g, CASE WHEN g % 4 = 0 THEN 'lost' END, g FROM generate_series(1, 20) AS g;
SELECT contract.drop_contract('orders');
SELECT * FROM contract.preview('orders', 'not_null', '{status}', filter => 'customer_id > 10');
SELECT considered, failed, jsonb_array_length(examples) AS examples FROM contract.preview('orders', 'accepted_values', '{status}', '{"values": ["new"]}');
SELECT * FROM contract.preview('orders', 'satisfies', '{}', '{"expression": "amount <> 7 or status is null"}');
SELECT considered, failed, examples -> 0 ->> 'amount' AS amount FROM contract.preview('orders', 'satisfies', '{}', '{"expression": "amount <> 7"}');
SELECT * FROM contract.preview('orders', 'between', '{amount}', '{"minimum": 0}', filter => 'status = ''new''');
SELECT (SELECT count(*) FROM contract.contract) AS contract, (SELECT count(*) FROM contract.dataset) AS dataset,
	(SELECT count(*) FROM contract.run) AS run, (SELECT count(*) FROM contract.violation) AS violation,
	(SELECT count(*) FROM made) AS triggers;
-- personal data is masked there as well
SELECT contract.pii('orders', 'customer_id');
SELECT examples FROM contract.preview('orders', 'satisfies', '{}', '{"expression": "amount <> 7"}');

/*
 * prune
 */
SELECT contract.between('orders', 'amount', 100, NULL);
INSERT INTO orders (amount) VALUES (1), (2), (3);
INSERT INTO orders (amount) VALUES (4), (5);
SELECT count(*) FROM contract.check('orders');
SELECT source, count(*) FROM contract.violations GROUP BY source ORDER BY source;
SELECT contract.prune();
SELECT contract.prune(dataset => 'orders');
SELECT contract.prune(older_than => NULL, keep_violations => 3, dataset => 'orders');
SELECT source, value, count(*) FROM contract.violations GROUP BY source, value ORDER BY source, value;
SELECT contract.prune(NULL, NULL, 'orders');
SELECT contract.prune(NULL, 0);
SELECT count(*) FROM contract.violations;
-- exact counts go by age, the last audit stays
UPDATE contract.run SET at = at - interval '100 days';
SELECT contract.prune(older_than => '99 days', dataset => 'public.orders');
SELECT source, rule, considered, failed FROM contract.results ORDER BY source, rule;

SELECT contract.drop_contract('orders');
SELECT (SELECT count(*) FROM contract.run) AS run, (SELECT count(*) FROM contract.result) AS result,
	(SELECT count(*) FROM contract.violation) AS violation, (SELECT count(*) FROM contract.contract) AS contract;
DROP VIEW made;
DROP TABLE orders, order_items, parted, seen;
