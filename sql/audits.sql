SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_contract;
SET pg_contract.ddl_guard = off;
RESET client_min_messages;

/*
 * A tour of audits: modes and executors, evaluate and tally by hand, previews,
 * check_all, who is told what, and what cannot be read.
 */
CREATE ROLE regress_audits_owner;
CREATE ROLE regress_audits_reader;
CREATE ROLE regress_audits_clerk;
CREATE ROLE regress_audits_stranger;
CREATE SCHEMA shop AUTHORIZATION regress_audits_owner;
GRANT USAGE ON SCHEMA shop TO PUBLIC;
SET client_min_messages = warning;
SET ROLE regress_audits_owner;
SET search_path = shop, public;

CREATE TABLE customer (id integer PRIMARY KEY);
INSERT INTO customer SELECT g FROM generate_series(1, 50) AS g;
CREATE TABLE orders (id integer NOT NULL, customer_id integer, amount numeric, email text);
INSERT INTO orders SELECT g, g % 60, CASE WHEN g % 10 = 0 THEN NULL ELSE g END, CASE WHEN g % 4 = 0 THEN 'nobody' ELSE 'a' || g || '@example.com' END
FROM generate_series(1, 200) AS g;
SELECT contract.describe('orders', owner => 'sales', contract_id => 'sales');
SELECT contract.not_null('orders', 'id');
SELECT contract.between('orders', 'amount', 0, 100, filter => 'id > 20', tolerance => 0.6);
SELECT contract.matches('orders', 'email', '@', severity => 'warning');
SELECT contract.satisfies('orders', '100 / (id - 7) < 1000', name => 'divides');
SELECT contract.unique('orders', '{email}', filter => 'email <> ''nobody''');
SELECT contract.references('orders', '{customer_id}', 'shop.customer', '{id}');
SELECT contract.row_count('orders', 1, 100);
SELECT contract.metric('orders', 'amount', 'max', maximum => 500);
SELECT contract.query('orders', 'SELECT id, amount AS much FROM shop.orders WHERE amount > 198', name => 'too much');
SELECT contract.fresh('orders', max_age => '1 day', name => 'written');

/*
 * Modes
 */
SELECT rule, status, considered, failed, observed, message, executor FROM contract.check('orders', mode => 'full');
SELECT rule, failed, executor FROM contract.check('orders') WHERE executor <> 'proof' LIMIT 2;
SELECT contract.drop_rule('orders', 'divides');
SELECT rule, failed, executor FROM contract.check('orders', mode => 'full') LIMIT 3;
UPDATE orders SET amount = 1000 WHERE id = 100;
SELECT rule, failed, executor FROM contract.check('orders', mode => 'incremental') LIMIT 3;
SELECT rule, status, message FROM contract.check('orders', mode => 'sample') WHERE status = 'skipped';
-- what comes on every fourth page, of which one in four is read
CREATE TABLE pages (id integer, a integer, filler text);
ALTER TABLE pages ALTER COLUMN filler SET STORAGE PLAIN;
INSERT INTO pages SELECT g, CASE WHEN g % 4 <> 0 THEN g END, repeat('x', 5000) FROM generate_series(1, 4000) AS g;
SELECT contract.not_null('pages', 'a');
SELECT considered BETWEEN 999 AND 1001 AS considered, failed BETWEEN 150 AND 350 AS failed, (observed ->> 'low')::numeric < 0.3 AND (observed ->> 'high')::numeric > 0.2 AS "interval",
	regexp_replace(message, '[0-9.]+', 'N', 'g') AS message, executor
FROM contract.check('pages', mode => 'sample');
SELECT contract.drop_contract('pages');
DROP TABLE pages;
SELECT contract.check('orders', mode => 'quick');
SELECT contract.check('lost');
SELECT * FROM contract.progress;

/*
 * Executors: what is no heap is queried
 */
CREATE VIEW recent AS SELECT * FROM orders WHERE id > 100;
SELECT contract.not_null('recent', 'amount');
SELECT contract.matches('recent', 'email', '@', filter => 'amount < 150');
SELECT contract.unique('recent', '{customer_id}');
SELECT rule, status, considered, failed, executor FROM contract.check('recent');
SELECT contract.satisfies('recent', '100 / (id - 7) < 1000', name => 'divides');
SELECT rule, status, considered, failed, executor FROM contract.check('recent');

/*
 * A query that raises an error ends the rules that it is for, not the audit
 */
CREATE VIEW broken AS SELECT id AS good, 1 / (id - 7) AS bad, id % 3 AS third FROM orders;
SELECT contract.between('broken', 'good', 1, 150);
SELECT contract.not_null('broken', 'bad');
SELECT contract.unique('broken', '{third}');
SELECT contract.unique('broken', '{bad}');
SELECT contract.row_count('broken', 1, 1000);
SELECT rule, status, considered, failed, message, executor FROM contract.check('broken');
SELECT contract.satisfies('broken', '1 / good < 2', name => 'divides');
SELECT rule, status, considered, failed, message, executor FROM contract.check('broken');
CREATE MATERIALIZED VIEW empty AS SELECT id FROM orders WITH NO DATA;
SELECT contract.not_null('empty', 'id');
SELECT contract.unique('empty', '{id}');
SELECT rule, status, considered, failed, message FROM contract.check('empty');
REFRESH MATERIALIZED VIEW empty;
SELECT rule, status, considered, failed, executor FROM contract.check('empty');

/*
 * Domains over types whose operators are polymorphic, compared by SQL
 */
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE DOMAIN feeling AS mood;
CREATE TABLE feelings (id integer, f feeling);
CREATE TABLE allowed (f feeling);
INSERT INTO feelings VALUES (1, 'sad'), (2, 'happy'), (3, 'sad');
INSERT INTO allowed VALUES ('happy');
CREATE VIEW felt AS SELECT * FROM feelings;
SELECT contract.unique(r, '{f}'), contract.references(r, '{f}', 'shop.allowed', '{f}') FROM (VALUES ('feelings'::regclass), ('felt')) AS v (r);
SELECT rule, status, considered, failed, message, executor FROM contract.check('feelings');
SELECT rule, status, considered, failed, message, executor FROM contract.check('felt');
SELECT contract.failing_rows('felt', 'references_f') AS query \gset
:query ORDER BY id;

/*
 * Numbers too long to be shown
 */
CREATE TABLE long_numbers (n numeric, c numeric(1000, 999));
INSERT INTO long_numbers VALUES (10::numeric ^ 1500 + 1, 5), (-7, NULL);
SELECT contract.metric('long_numbers', 'n', 'max', maximum => 1);
SELECT contract.metric('long_numbers', 'n', 'min', maximum => 1);
SELECT contract.query('long_numbers', 'SELECT max(n) FROM shop.long_numbers', maximum => 1);
SELECT rule, status, left(observed::text, 20) AS observed, length(observed::text) AS observed_length, left(message, 30) AS message FROM contract.check('long_numbers', profile => true);
SELECT metric, number, left(value, 10) AS value, length(value) FROM contract.metrics WHERE column_name = 'n' ORDER BY metric;
SELECT contract.drop_contract('long_numbers');
DROP TABLE long_numbers;

/*
 * A rule that raises an error does not end the report of the audit
 */
CREATE FUNCTION reported(id integer) RETURNS boolean STABLE LANGUAGE plpgsql AS
$$ BEGIN RETURN id < 2000 OR EXISTS (SELECT FROM contract.progress WHERE dataset = 'shop.many' AND phase = 'scanning' AND blocks_total > blocks_done); END $$;
CREATE TABLE many (id integer);
INSERT INTO many SELECT generate_series(1, 2000);
SELECT contract.satisfies('many', '1 / (id - 1) IS NOT NULL', name => 'divides');
SELECT contract.satisfies('many', 'shop.reported(id)', name => 'reported');
SELECT rule, status, failed FROM contract.check('many');
SELECT contract.drop_contract('many');
DROP TABLE many;

/*
 * evaluate and tally by hand
 */
RESET ROLE;
SELECT dataset_id AS id FROM contract.dataset WHERE name = 'shop.orders' \gset
SET ROLE regress_audits_owner;
-- two bits a rule: 1 fails, 2 passed over by the filter
SELECT id, contract.evaluate(:id, '{matches_email,between_amount}', '{email,amount,id}'::name[], email, amount, id) AS bits
FROM orders WHERE id IN (1, 4, 20, 21, 100, 104) ORDER BY id;
SELECT t[1] AS rows, t[2] AS failing, t[3] AS matches, t[4] AS between, t[34] AS matches_passed_over, t[35] AS between_passed_over
FROM (SELECT contract.tally(contract.evaluate(:id, '{matches_email,between_amount}', '{email,amount,id}'::name[], email, amount, id)) AS t FROM orders) AS s;
SELECT contract.tally(contract.evaluate(:id, '{matches_email}', '{email}'::name[], email)) = array_fill(0::bigint, ARRAY[64]) AS zeros FROM orders WHERE false;
SELECT contract.evaluate(:id, '{no rule}', '{email}'::name[], email) FROM orders;
SELECT contract.evaluate(:id, '{unique_email}', '{email}'::name[], email) FROM orders;
SELECT contract.evaluate(:id, '{matches_email}', '{amount}'::name[], amount) FROM orders;
SELECT contract.evaluate(:id, '{matches_email}', '{email}'::name[], id) FROM orders;
SELECT contract.evaluate(0, '{matches_email}', '{email}'::name[], email) FROM orders;
SELECT contract.evaluate(NULL, '{matches_email}', '{email}'::name[], email) FROM orders;
SELECT contract.evaluate(id, '{matches_email}', '{email}'::name[], email) FROM orders;
-- a number that evaluate does not make
SELECT contract.tally(-1) AS t;
-- an aggregate of one's own around our functions
CREATE AGGREGATE own_tally (bigint) (SFUNC = contract.tally_step, STYPE = bytea, INITCOND = '\x00');
SELECT own_tally(g) FROM generate_series(1, 1000) AS g;
SELECT contract.tally_step(NULL, 1);
SELECT contract.tally_combine('\x00', NULL);
SELECT contract.tally_final('\x00');
SELECT contract.distinct_result('\x00');

/*
 * Previews of set rules
 */
SELECT * FROM contract.preview('orders', 'unique', '{customer_id}', filter => 'id < 62');
SELECT considered, failed FROM contract.preview('orders', 'references', '{customer_id}', '{"referenced_relation": "shop.customer", "referenced_columns": ["id"]}');
SELECT * FROM contract.preview('orders', 'query', '{}', '{"query": "SELECT id FROM shop.orders WHERE id < 3"}');
SET client_min_messages = notice;
SELECT * FROM contract.preview('orders', 'row_count', '{}', '{"minimum": 500}');
SELECT * FROM contract.preview('orders', 'metric', '{amount}', '{"metric": "min", "minimum": 1}');
SELECT * FROM contract.preview('orders', 'metric', '{amount}', '{"metric": "min", "minimum": 2}', filter => 'id > 500');
SELECT * FROM contract.preview('orders', 'query', '{}', '{"query": "SELECT 7", "maximum": 5}');
SET client_min_messages = warning;
SELECT * FROM contract.preview('orders', 'fresh', '{}', '{"max_age": "1 day"}');
SELECT * FROM contract.preview('broken', 'not_null', '{bad}');

/*
 * check_all, with a dataset whose audit breaks off
 */
SELECT contract.describe_column('customer', 'id', tags => '{key}');
SELECT contract.not_null('customer', 'id');
SELECT dataset, count(*), count(*) FILTER (WHERE status = 'error') AS errors FROM contract.check_all() GROUP BY 1 ORDER BY 1;
SELECT DISTINCT dataset FROM contract.check_all(owner => 'sales');
SELECT DISTINCT dataset FROM contract.check_all(tag => 'key');
SELECT DISTINCT dataset FROM contract.check_all(contract_id => 'sales', mode => 'full');
SELECT contract.check_all(owner => 'nobody');
SELECT contract.check_all(mode => NULL);
SELECT dataset, status, evaluated, failing FROM contract.scorecard ORDER BY dataset;

/*
 * A caller who may read some columns only
 */
GRANT SELECT (id, amount) ON orders TO regress_audits_clerk;
CREATE FUNCTION looks(integer) RETURNS boolean STABLE LANGUAGE plpgsql AS
$$ BEGIN IF $1 = 1 THEN RAISE WARNING 'running as %', current_user; END IF; RETURN true; END $$;
SELECT contract.satisfies('orders', '100 / (id - 7) < 1000', name => 'divides');
SELECT contract.unique('orders', '{id}', filter => 'shop.looks(id)', name => 'looked at');
SELECT contract.query('orders', 'SELECT max(length(email)) FROM shop.orders', minimum => 0, maximum => 1, name => 'longest');
SELECT rule, status, failed FROM contract.check('orders') WHERE rule IN ('divides', 'looked at', 'longest');
SET ROLE regress_audits_clerk;
SELECT rule, status, considered, failed, message, executor FROM contract.check('orders');
SELECT DISTINCT rule, kind, status, observed, message FROM contract.results WHERE rule IN ('longest', 'too much', 'metric_amount') ORDER BY 1, 2, 5;
SELECT contract.evaluate(:id, '{matches_email}', '{email}'::name[], 'x'::text);
SELECT contract.evaluate(:id, '{between_amount}', '{amount,id}'::name[], 1000::numeric, 30);

/*
 * A caller from whom row security hides rows
 */
SET ROLE regress_audits_owner;
SELECT contract.satisfies('orders', 'shop.looks(id)', name => 'looks');
GRANT SELECT ON orders TO regress_audits_reader;
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY small ON orders FOR SELECT TO regress_audits_reader USING (id <= 30);
SET ROLE regress_audits_reader;
SELECT rule, status, considered, failed, executor FROM contract.check('orders');
-- values that are in no row are not passed to the owner's functions
SELECT contract.evaluate(:id, '{looks}', '{id}'::name[], 42);
SELECT rule, observed, message FROM contract.results WHERE kind IN ('query', 'metric') AND (observed IS NOT NULL OR message IS NOT NULL);

/*
 * A caller who may read nothing
 */
SET ROLE regress_audits_stranger;
SELECT contract.check('orders');
SELECT contract.evaluate(:id, '{looks}', '{}'::name[], 1);
SELECT count(*) FROM contract.check_all();
SELECT count(*) FROM contract.results;

RESET ROLE;
RESET search_path;
SELECT count(contract.drop_contract(name)) FROM contract.dataset WHERE schema_name = 'shop';
SET client_min_messages = warning;
DROP SCHEMA shop CASCADE;
DROP ROLE regress_audits_owner, regress_audits_reader, regress_audits_clerk, regress_audits_stranger;
