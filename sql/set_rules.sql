-- Rules about a table as a whole: row_count, fresh, metric and query.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_contract;
SET pg_contract.ddl_guard = off;
RESET client_min_messages;

CREATE FUNCTION found(dataset text) RETURNS TABLE (rule text, status text, considered bigint, failed bigint, observed jsonb,
	expected jsonb, message text, executor text)
LANGUAGE sql AS $$ SELECT rule, status, considered, failed, observed, expected, message, executor FROM contract.check(dataset) $$;

CREATE TABLE sales (id int, amount numeric(10,2), price float8, rate float4, shop text, note varchar(20), day date,
	at timestamp, seen timestamptz);
INSERT INTO sales SELECT i, i * 1.5, i / 4.0, i, 'shop ' || i % 7, CASE WHEN i % 10 <> 0 THEN 'n' || i END,
	date '2024-01-01' + i % 366, timestamp '2024-01-01' + i * interval '1 hour', now() - i * interval '1 hour'
FROM generate_series(0, 99) i;

-- row_count: counted by the pass if there is one, else by a statement
SELECT contract.row_count('sales', 100);
SELECT contract.row_count('sales', maximum => 99, name => 'at_most_99');
SELECT contract.row_count('sales', 105, tolerance => 0.05, name => 'about_105');
SELECT contract.row_count('sales', 106, tolerance => 0.05, severity => 'warning', name => 'about_106');
SELECT contract.row_count('sales', 1, 50, filter => 'sales.amount < 75 -- the cheap ones', name => 'cheap');
SELECT contract.row_count('sales', 1, filter => 'id < 0', name => 'none');
SELECT * FROM found('sales');
SELECT contract.not_null('sales', 'id');
SELECT rule, status, executor FROM found('sales');
SELECT rule, columns, action, parameters, filter FROM contract.rules WHERE dataset = 'public.sales' ORDER BY rule;
SELECT contract.drop_contract('sales');

-- metric
SELECT contract.metric('sales', 'id', 'min', 0, 0);
SELECT contract.metric('sales', 'id', 'max', maximum => 99, exclusive_maximum => true, name => 'max_id');
SELECT contract.metric('sales', 'day', 'min', date '2024-01-01');
SELECT contract.metric('sales', 'day', 'max', maximum => '2024-04-01', name => 'max_day');
SELECT contract.metric('sales', 'note', 'max', maximum => 'n98', name => 'max_note');
SELECT contract.metric('sales', 'rate', 'max', 99, 99, name => 'max_rate');
SELECT contract.metric('sales', 'amount', 'avg', 74.25, 74.25, name => 'avg_amount');
SELECT contract.metric('sales', 'amount', 'avg', 80, tolerance => 0.1, name => 'avg_about_80');
SELECT contract.metric('sales', 'amount', 'avg', 80, tolerance => 0.01, name => 'avg_closer_to_80');
SELECT contract.metric('sales', 'price', 'avg', 12, exclusive_minimum => true, name => 'avg_price');
SELECT contract.metric('sales', 'id', 'avg', 49.5, 49.5, name => 'avg_id');
SELECT contract.metric('sales', 'id', 'sum', 4950, 4950, name => 'sum_id');
SELECT contract.metric('sales', 'rate', 'sum', 4950, 4950, name => 'sum_rate');
SELECT contract.metric('sales', 'id', 'stddev', 29, 29.1, name => 'stddev_id');
SELECT contract.metric('sales', 'amount', 'quantile', 70, 80, quantile => 0.5, name => 'median');
SELECT contract.metric('sales', 'amount', 'quantile', maximum => 10, quantile => 0.99, name => 'p99');
SELECT contract.metric('sales', 'shop', 'distinct_count', 7, 7, name => 'shops');
SELECT contract.metric('sales', 'note', 'null_fraction', maximum => 0.1, name => 'tenth');
SELECT contract.metric('sales', 'note', 'null_fraction', maximum => 0.05, name => 'twentieth');
SELECT contract.metric('sales', 'note', 'null_fraction', maximum => 0, filter => 'id % 10 <> 0', name => 'no_nulls');
SELECT contract.metric('sales', 'amount', 'max', maximum => 10, filter => 'shop = ''shop 0''', name => 'max_of_shop');
SELECT rule, status, observed, expected, message FROM found('sales');
SELECT rule, columns, parameters FROM contract.rules WHERE dataset = 'public.sales' ORDER BY rule;

-- a rule that cannot be evaluated keeps no other from it
SELECT contract.metric('sales', 'amount', 'sum', maximum => 1, filter => '1 / id > 0', name => 'divides');
SELECT contract.row_count('sales', 1, filter => '100 / (id - 5) > 0', name => 'divides_too');
SELECT rule, status, observed, message FROM found('sales') WHERE status = 'error' OR rule = 'avg_id';
-- neither does a renamed table a filter that names it
SELECT contract.metric('sales', 'id', 'max', 10, 10, filter => 'sales . id <= 10 AND "sales"."amount" >= 0', name => 'qualified');
ALTER TABLE sales RENAME TO sold;
ALTER TABLE sold RENAME COLUMN note TO remark;
SELECT rule, columns, status, observed FROM contract.check('sold') WHERE rule IN ('qualified', 'tenth');
SELECT contract.drop_contract('sold');
ALTER TABLE sold RENAME TO sales;
ALTER TABLE sales RENAME COLUMN remark TO note;

-- a lone max is read from the end of an index
CREATE INDEX ON sales (id);
CREATE VIEW plans AS SELECT seq_scan, seq_tup_read FROM pg_stat_xact_user_tables WHERE relname = 'sales';
SELECT contract.metric('sales', 'id', 'max', 99, 99, name => 'max_id');
SET enable_seqscan = off;
BEGIN;
SELECT seq_tup_read AS before FROM plans \gset
SELECT rule, status FROM found('sales');
SELECT seq_tup_read - :before AS rows_read FROM plans;
COMMIT;
RESET enable_seqscan;
SELECT contract.drop_contract('sales');
DROP VIEW plans;

-- fresh
SELECT contract.fresh('sales', 'seen', max_age => '5 minutes');
SELECT contract.fresh('sales', 'at', max_age => '5 minutes');
SELECT contract.fresh('sales', 'day', max_age => '100 years');
SELECT contract.fresh('sales', 'seen', '1 hour', filter => 'id > 3', name => 'filtered');
SELECT contract.fresh('sales', 'seen', '1 hour', filter => 'id < 0', name => 'nothing');
SELECT contract.fresh('sales', max_age => '1 hour');
SELECT rule, status, considered, failed, observed ? 'newest' AND observed ? 'age' AS observed,
	expected, regexp_replace(message, 'is .* old, (.*: late by) .*', 'is ... old, \1 ...') AS message, executor
FROM found('sales') WHERE rule NOT LIKE 'fresh_%' OR rule = 'fresh_at';
SELECT rule, status, message FROM found('sales') WHERE rule IN ('fresh_seen', 'fresh_day');
UPDATE sales SET seen = 'infinity', at = '-infinity' WHERE id = 1;
DELETE FROM sales WHERE id > 1;
UPDATE sales SET at = '-infinity', day = '2024-06-01';
SET TimeZone = 'UTC';
SELECT rule, status, observed, message FROM found('sales') WHERE rule IN ('fresh_seen', 'fresh_at');
SELECT rule, status, observed - 'age' AS newest FROM found('sales') WHERE rule = 'fresh_day';
RESET TimeZone;
SELECT contract.drop_contract('sales');

-- no values, null values, NaN and infinities
CREATE TABLE odd (n numeric, f float8, t text, i int);
SELECT contract.row_count('odd', maximum => 10);
SELECT contract.metric('odd', c, m, 0, 1, name => m || '_' || c)
FROM (VALUES ('n', 'min'), ('n', 'max'), ('f', 'max'), ('f', 'min'), ('f', 'avg'), ('n', 'sum'), ('n', 'stddev'),
	('f', 'null_fraction'), ('n', 'distinct_count'), ('i', 'distinct_count')) v (c, m);
SELECT contract.metric('odd', 'f', 'quantile', 0, 1, quantile => 0.5, name => 'median');
SELECT contract.metric('odd', 'i', 'quantile', 0, 1, quantile => 0, name => 'lowest');
SELECT rule, status, observed, message FROM found('odd');
INSERT INTO odd DEFAULT VALUES;
SELECT rule, status, observed, message FROM found('odd');
INSERT INTO odd (n, f) VALUES ('NaN', 'NaN'), ('0.00', '-0'), (0, 0), ('-Infinity', '-Infinity'), (NULL, 'Infinity');
SELECT rule, status, observed, message FROM found('odd');
SELECT contract.drop_contract('odd');

-- the count of distinct values is approximate: standard error 0.81 %
SELECT contract.approximate_distinct_count(i) AS none FROM generate_series(1, 0) i;
SELECT contract.approximate_distinct_count(NULL::int) AS nulls FROM generate_series(1, 10) i;
SELECT n, bool_and(abs(d - n) <= n * 0.03) AS close FROM (VALUES (1), (10), (100), (1000), (30000), (100000)) v (n),
	LATERAL (SELECT unnest(ARRAY[contract.approximate_distinct_count(i), contract.approximate_distinct_count(i::bigint << 32),
		contract.approximate_distinct_count(i::text), contract.approximate_distinct_count(i / 7.0),
		contract.approximate_distinct_count(md5(i::text)::uuid), contract.approximate_distinct_count(now() + i * interval '1 day'),
		contract.approximate_distinct_count(i::float8), contract.approximate_distinct_count(ARRAY[i, NULL])]) AS d
		FROM generate_series(1, n) i, generate_series(1, CASE WHEN n < 1000 THEN 20 ELSE 1 END)) s
GROUP BY n ORDER BY n;
SELECT i % 2 AS half, contract.approximate_distinct_count(i % 10) FROM generate_series(1, 1000) i GROUP BY 1 ORDER BY 1;
SELECT i, contract.approximate_distinct_count(i / 2) OVER (ORDER BY i) FROM generate_series(1, 5) i;
SELECT contract.approximate_distinct_count(x) FROM (VALUES (1.0), (1.00), (1), (2)) v (x);
SELECT contract.approximate_distinct_count(x) FROM (VALUES (float8 '0'), ('-0'), ('NaN'), ('NaN')) v (x);
SELECT contract.approximate_distinct_count(x) FROM (VALUES (point '(1,2)')) v (x);
SELECT contract.distinct_add('\x00'::bytea, 1);
SELECT contract.distinct_combine('\x00', '\x00');
CREATE AGGREGATE odd_state(int) (SFUNC = contract.distinct_add, STYPE = bytea, INITCOND = '\x00', FINALFUNC = contract.distinct_result);
SELECT odd_state(1);
DROP AGGREGATE odd_state(int);
-- workers' states are combined
CREATE TABLE many AS SELECT i, i::text AS t FROM generate_series(1, 50000) i;
ALTER TABLE many SET (parallel_workers = 2);
ANALYZE many;
SELECT contract.approximate_distinct_count(i) AS i, contract.approximate_distinct_count(t) AS t FROM many \gset one_
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
EXPLAIN (COSTS OFF) SELECT contract.approximate_distinct_count(i) FROM many;
SELECT contract.approximate_distinct_count(i) = :one_i AS i, contract.approximate_distinct_count(t) = :one_t AS t FROM many;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
DROP TABLE many;

-- views, materialized views, partitioned tables, inheritance, domains, other types
CREATE VIEW odd_view AS SELECT n AS "N", f FROM odd WHERE f < 1;
CREATE MATERIALIZED VIEW odd_copy AS SELECT * FROM odd;
CREATE TABLE parts (id int, at timestamptz) PARTITION BY LIST (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES IN (2);
INSERT INTO parts VALUES (1, now()), (2, now() - interval '1 day'), (2, NULL);
CREATE TABLE parent (v int);
CREATE TABLE child () INHERITS (parent);
INSERT INTO parent VALUES (1);
INSERT INTO child VALUES (100);
SELECT contract.row_count('odd_view', 3), contract.metric('odd_view', 'N', 'max', maximum => 0),
	contract.query('odd_view', 'SELECT 1 FROM public.odd_view WHERE "N" IS NULL'),
	contract.row_count('odd_copy', 6), contract.row_count('parts', 3, 3), contract.metric('parts', 'id', 'avg', 1.6, 1.7),
	contract.fresh('parts', 'at', '1 hour'), contract.row_count('parent', 1, 1), contract.metric('parent', 'v', 'max', 1, 1);
SELECT dataset, c.* FROM unnest('{odd_view,odd_copy,parts,parent}'::text[]) AS dataset,
	LATERAL (SELECT rule, status, observed - 'newest' - 'age' AS observed, message FROM found(dataset)) c;
CREATE DOMAIN amount AS numeric CHECK (VALUE >= 0);
CREATE TYPE size AS ENUM ('small', 'large');
CREATE TABLE types (a amount, s size, n name, b bpchar, i interval, arr int[], ip inet, o oid, "char" "char");
INSERT INTO types VALUES (5, 'small', 'x', 'b ', '1 day', '{1,2}', '10.0.0.1', 5, 'c'), (6, 'large', 'y', 'c', '2 days', '{3}', '10.0.0.2', 6, 'd');
SELECT contract.metric('types', c, 'max', v, v, name => c)
FROM (VALUES ('a', '6'), ('s', 'large'), ('n', 'y'), ('b', 'c  '), ('i', '48:00'), ('arr', '{3}'), ('ip', '10.0.0.2'), ('o', '6'), ('char', 'd')) t (c, v);
SELECT contract.metric('types', 's', 'max', maximum => 'small', name => 'only_small');
SELECT rule, status, observed, expected, message FROM found('types');

-- query: its rows are the failures
SELECT contract.query('parts', 'SELECT p.id, count(*) AS n FROM public.parts AS p GROUP BY p.id HAVING count(*) > 1', name => 'groups');
SELECT contract.query('parts', 'SELECT FROM public.parts WHERE id > 5 ', name => 'no_column');
SELECT contract.query('parts', 'TABLE public.parent EXCEPT SELECT 1; ', name => 'nothing');
SELECT contract.query('parts', 'WITH p AS (SELECT id FROM public.parts) SELECT * FROM p UNION ALL SELECT 7 -- all', name => 'all');
SELECT contract.query('parts', 'SELECT count(*) FROM public.parts', 3, 3, name => 'number');
SELECT contract.query('parts', 'SELECT avg(id)::float4 FROM public.parts', 2, exclusive_minimum => true, name => 'avg');
SELECT contract.query('parts', 'SELECT id FROM public.parts', 2, name => 'several');
SELECT contract.query('parts', 'SELECT id FROM public.parts WHERE id > 5', maximum => 2, name => 'no_row');
SELECT contract.query('parts', 'SELECT sum(id) FROM public.parts WHERE id > 5', maximum => 2, name => 'null');
SELECT contract.query('parts', 'SELECT 1 / (id - 1) FROM public.parts', name => 'divides');
SELECT * FROM found('parts') WHERE rule NOT IN ('fresh_at');
SELECT rule, key, "row", value, message FROM contract.violations WHERE dataset = 'public.parts' ORDER BY id;
SET pg_contract.violation_samples = 1;
SELECT rule, status, failed FROM found('parts') WHERE rule = 'all';
SELECT count(*) FROM contract.violations WHERE dataset = 'public.parts' AND rule = 'all';
RESET pg_contract.violation_samples;
DROP TABLE parent CASCADE;
SELECT rule, status, message FROM found('parts') WHERE rule = 'nothing';

-- a query only reads, whatever it calls
CREATE TABLE written (v int);
CREATE FUNCTION public.writes() RETURNS int LANGUAGE sql AS 'INSERT INTO public.written VALUES (1) RETURNING v';
SELECT contract.query('parts', 'SELECT public.writes()', name => 'writes');
SELECT rule, status, message FROM found('parts') WHERE rule = 'writes';
SELECT count(*) FROM written;
INSERT INTO written VALUES (2);
DROP FUNCTION writes;
DROP TABLE written;

-- mistakes of the author
SELECT contract.row_count('sales');
SELECT contract.row_count('sales', 5, 4);
SELECT contract.row_count('sales', 5, filter => 'nosuch > 1');
SELECT contract.row_count('sales', 5, filter => 'id +');
SELECT contract.add_rule('sales', 'row_count', '{id}', '{"minimum": 1}', on_violation => 'audit');
SELECT contract.add_rule('sales', 'row_count', '{}', '{"minimum": "many"}', on_violation => 'audit');
SELECT contract.add_rule('sales', 'row_count', '{}', '{"minimum": 1, "exclusive_minimum": true}', on_violation => 'audit');
SELECT contract.metric('sales', 'id', 'median', 1);
SELECT contract.metric('sales', 'id', 'avg');
SELECT contract.metric('sales', 'nosuch', 'avg', 1);
SELECT contract.metric('sales', 'id', 'avg', 'NaN');
SELECT contract.metric('sales', 'id', 'avg', 2, 1);
SELECT contract.metric('sales', 'day', 'min', 'yesterday or so');
SELECT contract.metric('sales', 'day', 'avg', 1);
SELECT contract.metric('sales', 'shop', 'quantile', 1, quantile => 0.5);
SELECT contract.metric('sales', 'id', 'quantile', 1);
SELECT contract.metric('sales', 'id', 'quantile', 1, quantile => 1.5);
SELECT contract.metric('sales', 'id', 'max', 1, quantile => 0.5);
CREATE TABLE shapes (p point, u uuid, j json);
SELECT contract.metric('shapes', 'p', 'max', '(1,1)');
SELECT contract.metric('shapes', 'j', 'distinct_count', 1);
SELECT contract.fresh('sales', 'seen');
SELECT contract.fresh('sales', 'seen', '-1 hour');
SELECT contract.fresh('sales', 'shop', '1 hour');
SELECT contract.add_rule('sales', 'fresh', '{at,seen}', '{"max_age": "1 hour"}', on_violation => 'audit');
SELECT contract.query('sales', 'SELECT 1; SELECT 2');
SELECT contract.query('sales', '');
SELECT contract.query('sales', NULL);
SELECT contract.query('sales', 'SELEC 1');
SELECT contract.query('sales', 'DELETE FROM public.sales');
SELECT contract.query('sales', 'SELECT * INTO public.copy FROM public.sales');
SELECT contract.query('sales', 'SELECT * FROM public.sales FOR UPDATE');
SELECT contract.query('sales', '(SELECT 1) UNION (SELECT id FROM public.sales FOR SHARE)');
SELECT contract.query('sales', 'WITH d AS (DELETE FROM public.sales RETURNING id) SELECT * FROM d');
SELECT contract.query('sales', 'SELECT * FROM sales');
SELECT contract.query('sales', 'SELECT nosuch FROM public.sales');
SELECT contract.query('sales', 'SELECT public.nosuch(id) FROM public.sales');
SELECT contract.query('sales', 'SELECT $1 FROM public.sales');
SELECT contract.query('sales', 'SELECT shop FROM public.sales', 1);
SELECT contract.query('sales', 'SELECT 1, 2', 1);
SELECT contract.add_rule('sales', 'query', '{}', '{"query": "SELECT 1"}', on_violation => 'audit', filter => 'id > 0');
SELECT contract.add_rule('sales', 'query', '{id}', '{"query": "SELECT 1"}', on_violation => 'audit');
SELECT count(*) FROM contract.rules WHERE dataset = 'public.sales';
DROP TABLE shapes;

-- personal data, and who may read what
CREATE FUNCTION is_low(i int) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT i < 100';
CREATE ROLE regress_owner;
CREATE ROLE regress_reader;
CREATE ROLE regress_partial;
CREATE SCHEMA shop AUTHORIZATION regress_owner;
SET ROLE regress_owner;
CREATE TABLE shop.people (id int, email text, born date, salary int);
INSERT INTO shop.people VALUES (1, 'a@example.org', '1990-01-01', 10), (2, 'b@example.org', '1991-01-01', 20);
GRANT SELECT ON shop.people TO regress_reader;
GRANT SELECT (id) ON shop.people TO regress_partial;
GRANT USAGE ON SCHEMA shop TO regress_reader, regress_partial;
SELECT contract.pii('shop.people', 'email', 'email');
SELECT contract.pii('shop.people', 'born', 'birth date');
SELECT contract.metric('shop.people', 'email', 'max', maximum => 'a', name => 'max_email');
SELECT contract.metric('shop.people', 'email', 'distinct_count', 5, name => 'emails');
SELECT contract.metric('shop.people', 'salary', 'max', maximum => 5, name => 'max_salary');
SELECT contract.fresh('shop.people', 'born', '1 day');
SELECT contract.query('shop.people', 'SELECT id, email, email AS alias, upper(email) FROM shop.people', name => 'rows');
SELECT contract.query('shop.people', 'SELECT id + 1 AS next FROM shop.people', name => 'impersonal');
SELECT contract.query('shop.people', 'SELECT email::int FROM shop.people', name => 'casts');
SELECT rule, status, observed, message FROM public.found('shop.people');
SELECT rule, "row" FROM contract.violations WHERE dataset = 'shop.people' ORDER BY id;
-- what the owner wrote is not run with the rights of others
SELECT contract.row_count('shop.people', 1, filter => 'public.is_low(id)', name => 'low');
SELECT contract.row_count('shop.people', 1, filter => 'id < 100', name => 'plain');
SELECT contract.query('shop.people', 'SELECT 1 WHERE false', name => 'constant');
-- a query may not read what the owner may not
SELECT contract.query('shop.people', 'SELECT id FROM public.sales');
RESET ROLE;
GRANT SELECT ON sales TO regress_owner;
SET ROLE regress_owner;
SELECT contract.query('shop.people', 'SELECT id FROM public.sales', name => 'of_another');
RESET ROLE;
REVOKE SELECT ON sales FROM regress_owner;
SELECT rule, status, message FROM found('shop.people') WHERE rule = 'of_another';
SET ROLE regress_reader;
SELECT rule, observed, message FROM contract.results WHERE dataset = 'shop.people' AND rule = 'max_salary' ORDER BY run_id LIMIT 1;
SET ROLE regress_partial;
SELECT rule, observed, message FROM contract.results WHERE dataset = 'shop.people' AND rule IN ('max_salary', 'emails') ORDER BY run_id, rule LIMIT 2;
SELECT rule, status, message FROM contract.check('shop.people');
SELECT * FROM contract.preview('shop.people', 'query', '{}', '{"query": "SELECT id FROM shop.people"}');
SELECT * FROM contract.preview('shop.people', 'query', '{}', '{"query": "SELECT email FROM shop.people"}');
RESET ROLE;
SELECT contract.drop_contract('shop.people');
DROP SCHEMA shop CASCADE;
DROP ROLE regress_owner, regress_reader, regress_partial;
DROP TABLE sales, odd, parts, types CASCADE;
DROP TYPE size;
DROP DOMAIN amount;
DROP FUNCTION found;
DROP FUNCTION is_low;
SELECT contract.drop_contract(dataset) FROM contract.scorecard ORDER BY dataset;
