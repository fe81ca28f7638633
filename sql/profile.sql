-- Profiles: an audit that also measures all columns.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_contract;
SET pg_contract.ddl_guard = off;
RESET client_min_messages;

CREATE DOMAIN money_amount AS numeric(10,2);
CREATE TABLE goods (id bigint PRIMARY KEY, "Price" money_amount, weight real, name text, dropped int, flag boolean, made date,
	tags text[], place point, doc json, data jsonb, code uuid, long text, owner_email text);
ALTER TABLE goods DROP COLUMN dropped;
INSERT INTO goods SELECT i, i % 10 + 0.5, CASE WHEN i > 1 THEN i END, 'good ' || i % 4, i % 2 = 0, date '2024-01-01' + i,
	ARRAY[i::text], point(i, i), '{}', to_jsonb(i % 3), md5(i::text)::uuid, repeat('x', 2000 + i), 'o' || i || '@example.org'
FROM generate_series(1, 20) i;
SELECT contract.pii('goods', 'owner_email', 'email');
SELECT contract.not_null('goods', 'id');
SELECT rule, status FROM contract.check('goods');
SELECT count(*) FROM contract.metrics;
SELECT rule, status FROM contract.check('goods', profile => true);
SELECT dataset, column_name, metric, number, CASE WHEN length(value) > 50 THEN left(value, 5) || length(value) ELSE value END AS value
FROM contract.metrics ORDER BY column_name NULLS FIRST, metric COLLATE "C";
SELECT count(DISTINCT m.run_id) AS runs, bool_and(m.at = r.at) AS at_its_time FROM contract.metrics m JOIN contract.results r USING (run_id);

-- an empty table has no values; NaN and infinities are numbers
DELETE FROM goods;
SELECT rule, status, message FROM contract.check('goods', profile => true);
SELECT column_name, metric, number, value FROM contract.metrics
WHERE run_id = (SELECT max(run_id) FROM contract.metrics) AND (column_name IS NULL OR column_name IN ('id', 'name'))
ORDER BY column_name NULLS FIRST, metric;
INSERT INTO goods (id, weight, made) VALUES (1, 'NaN', '-infinity'), (2, '-Infinity', 'infinity');
SELECT rule, status, message FROM contract.check('goods', profile => true);
SELECT column_name, metric, number, value FROM contract.metrics
WHERE run_id = (SELECT max(run_id) FROM contract.metrics) AND column_name IN ('weight', 'made') ORDER BY column_name, metric;

-- views, partitioned tables, tables without columns, very wide ones, datasets without rules
CREATE VIEW good_names AS SELECT DISTINCT name FROM goods;
CREATE TABLE pieces (id int, v int) PARTITION BY HASH (id);
CREATE TABLE pieces_0 PARTITION OF pieces FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE pieces_1 PARTITION OF pieces FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO pieces SELECT i, 7 FROM generate_series(1, 100) i;
CREATE TABLE bare ();
INSERT INTO bare DEFAULT VALUES;
DO $$ BEGIN
	EXECUTE (SELECT format('CREATE TABLE wide (%s)', string_agg('c' || i || ' int DEFAULT ' || i, ',' ORDER BY i)) FROM generate_series(1, 700) i);
END $$;
INSERT INTO wide DEFAULT VALUES;
SELECT contract.describe(d) FROM unnest('{good_names,pieces,bare,wide}'::regclass[]) d;
SELECT contract.check(d, profile => true) FROM unnest('{good_names,pieces,bare,wide}'::text[]) d;
SELECT dataset, column_name, metric, value FROM contract.metrics WHERE dataset IN ('public.good_names', 'public.pieces', 'public.bare')
ORDER BY dataset, column_name NULLS FIRST, metric;
SELECT count(*), count(DISTINCT column_name), sum(number) FILTER (WHERE metric = 'max') AS max FROM contract.metrics WHERE dataset = 'public.wide';

-- what cannot be measured does not end the audit
CREATE VIEW failing AS SELECT 1 / (id - 1) AS x FROM goods;
SELECT contract.row_count('failing', 1);
SELECT rule, status, message FROM contract.check('failing', profile => true);

-- who sees what: today's marks count, too
CREATE ROLE regress_all;
CREATE ROLE regress_some;
CREATE ROLE regress_none;
GRANT SELECT ON pieces TO regress_all;
GRANT SELECT (id) ON pieces TO regress_some;
SELECT contract.pii('pieces', 'id', 'number');
SET ROLE regress_all;
SELECT column_name, metric, number, value FROM contract.metrics ORDER BY column_name NULLS FIRST, metric;
SET ROLE regress_some;
SELECT column_name, metric, number, value FROM contract.metrics ORDER BY column_name NULLS FIRST, metric;
-- what one does not see whole is not stored
SELECT count(*) FROM contract.check('pieces', profile => true);
SET ROLE regress_none;
SELECT count(*) FROM contract.metrics;
SELECT count(*) FROM contract.metric;
RESET ROLE;
SELECT count(DISTINCT run_id) FROM contract.metrics WHERE dataset = 'public.pieces';

-- a profile goes with its run; that of the last audit stays
SELECT contract.check('pieces', profile => true);
SELECT contract.prune('0 seconds', dataset => 'pieces');
SELECT count(DISTINCT run_id) FROM contract.metrics WHERE dataset = 'public.pieces';
SELECT contract.drop_contract(d) FROM unnest('{good_names,pieces,bare,wide,failing,goods}'::text[]) d;
SELECT count(*) FROM contract.metric;
DROP ROLE regress_none;
DROP TABLE pieces, bare, wide, goods CASCADE;
DROP ROLE regress_all, regress_some;
DROP DOMAIN money_amount;
