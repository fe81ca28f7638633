-- Quarantine: every type comes back as it was; release, repair, discard.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_contract;
SET pg_contract.ddl_guard = off;
CREATE EXTENSION IF NOT EXISTS hstore;
RESET client_min_messages;

CREATE TYPE mood AS ENUM ('sad', 'ok', 'it''s "fine"');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TABLE every (
	id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	gate int,
	arr int[], arr2 text[], hs hstore, js json, jb jsonb, rng int4range, mrng int4multirange, tsr tstzrange,
	comp pair, comps pair[], raw bytea, dom positive, num numeric, f4 float4, f8 float8, m mood, mon money,
	ts timestamp, tz timestamptz, d date, tm time, ttz timetz, iv interval, b bit(3), vb varbit, u uuid, ip inet,
	mac macaddr, pt point, path path, tsv tsvector, tsq tsquery, x xml, c char(5), vc varchar(10), ch "char",
	nm name, rc regclass, rp regproc, o oid, l pg_lsn, bl bool, nothing text, empty text,
	doubled int GENERATED ALWAYS AS (gate * 2) STORED,
	filled text DEFAULT 'by default');
SELECT contract.between('every', 'gate', 0, 10, on_violation => 'quarantine');
\set columns 'gate, arr, arr2, hs, js, jb, rng, mrng, tsr, comp, comps, raw, dom, num, f4, f8, m, mon, ts, tz, d, tm, ttz, iv, b, vb, u, ip, mac, pt, path, tsv, tsq, x, c, vc, ch, nm, rc, rp, o, l, bl, nothing, empty'
CREATE TABLE source AS SELECT :columns FROM every;
INSERT INTO source
SELECT 99, '[5:7]={1,NULL,3}', ARRAY['a,b', 'c"d', NULL, '\e', ''], '"k"=>"v=>w", "n"=>NULL', '{"a": 1, "a":  2}', '{"x": [1.50, null]}',
	'[1,5)', '{[1,3),[7,9)}', '["2020-01-01 00:00+00",infinity)', ROW(1, 'x,"y')::pair, ARRAY[ROW(1, NULL)::pair, NULL], '\x00ff5c27', 5,
	n, 0.1::float4, fl, 'it''s "fine"', '1234.56', '2020-02-29 12:34:56.789012', 'infinity', '0044-03-15 BC', '23:59:60', '12:00:00.5-08:30',
	'-1 year 2 mons -3 days 04:05:06.000007', B'101', B'1', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '10.1.2.3/8', '08:00:2b:01:02:03',
	'(1.5,-2)', '[(0,0),(1,1),(2,0)]', 'a:1A fat:2B,4C cat', 'fat & (rat | cat:AB)', '<a b="c">&lt;</a>', 'ab', 'é€𝄞', 'z', 'Na"me', 'pg_class', 'now',
	4294967295, '16/B374D848', true, NULL, ''
FROM (VALUES ('NaN'::numeric, '-0'::float8), ('Infinity', 'NaN'), ('1e-30', '1e-310'), ('123456789012345678901234567890.000', '0.1')) v (n, fl);
SET DateStyle = 'German'; SET IntervalStyle = 'sql_standard'; SET extra_float_digits = -5; SET bytea_output = 'escape';
SET TimeZone = 'Asia/Tokyo';
INSERT INTO every (:columns) SELECT * FROM source;
RESET DateStyle; RESET IntervalStyle; RESET extra_float_digits; RESET bytea_output; RESET TimeZone;
SELECT count(*) FROM every;
SELECT contract.repair(id, '{"gate": 1}') FROM contract.quarantined ORDER BY id;
SET DateStyle = 'SQL, MDY'; SET search_path = pg_catalog, public;
SELECT released, rules, message FROM contract.release('public.every') ORDER BY id;
RESET DateStyle; RESET search_path;
UPDATE source SET gate = 1;
SELECT count(*) AS same FROM (SELECT ROW(:columns)::text FROM every INTERSECT ALL SELECT ROW(:columns)::text FROM source) s;
SELECT id, gate, arr, arr2, hs, js, num, f8, tz, iv, comps, rc, doubled, filled FROM every ORDER BY id;
DROP TABLE source, every;

-- who stays, and why
CREATE TABLE other (id int PRIMARY KEY);
CREATE TABLE q (id int PRIMARY KEY, v int, w text NOT NULL, ref int REFERENCES other);
SELECT contract.between('q', 'v', 0, 10, on_violation => 'quarantine');
SELECT contract.length_between('q', 'w', 1, 3);
INSERT INTO q VALUES (1, 99, 'a', NULL), (2, 99, 'b', NULL), (3, 99, 'c', 1), (4, 5, 'd', NULL), (4, 99, 'e', NULL),
	(6, 99, 'toolong', NULL), (7, 99, 'x', NULL);
SELECT id AS first FROM contract.quarantined ORDER BY id LIMIT 1 \gset
SELECT released, rules, message FROM contract.release('q', ARRAY[:first, :first + 1, 424242]) ORDER BY id;
SELECT contract.repair(:first, '{"v": "5"}');
SELECT contract.repair(:first + 1, '{"v": 6, "w": null}');
SELECT contract.repair(:first + 2, '{"v": 7}'), contract.repair(:first + 3, '{"v": 8}'), contract.repair(:first + 4, '{"v": 9}');
SELECT contract.repair(:first, '{"v": "many"}');
SELECT contract.repair(:first, '{"nope": 1}');
SELECT contract.repair(:first, '[1]');
SELECT contract.repair(424242, '{"v": 1}');
SELECT released, rules, message FROM contract.release('q') ORDER BY id;
SELECT * FROM q ORDER BY id;
SELECT rule, action, value FROM contract.violations WHERE dataset = 'public.q' AND action = 'warn';
-- today's rules, not yesterday's
SELECT contract.alter_rule('q', 'between_v', '{"minimum": 0, "maximum": 100}');
SELECT released, rules, message FROM contract.release('q') ORDER BY id;
-- a column that the table no longer has
ALTER TABLE q ADD COLUMN extra text;
INSERT INTO q VALUES (20, 999, 'x', NULL, 'kept');
ALTER TABLE q DROP COLUMN extra;
ALTER TABLE q ADD COLUMN added int DEFAULT 42;
SELECT contract.repair(max(id), '{"v": 1}') FROM contract.quarantined;
SELECT released, message FROM contract.release('q', (SELECT array_agg(max) FROM (SELECT max(id) FROM contract.quarantined) m));
SELECT * FROM q WHERE id = 20;

-- an UPDATE is released as one, by key and for the columns it wanted to change
UPDATE q SET v = 500, w = 'new' WHERE id = 20;
UPDATE q SET added = 43 WHERE id = 20;          -- meanwhile
SELECT contract.repair(max(id), '{"v": 50}') FROM contract.quarantined;
SELECT released, message FROM contract.release('q', (SELECT array_agg(max) FROM (SELECT max(id) FROM contract.quarantined) m));
SELECT * FROM q WHERE id = 20;
UPDATE q SET v = 501 WHERE id = 20;
DELETE FROM q WHERE id = 20;
SELECT contract.repair(max(id), '{"v": 51}') FROM contract.quarantined;
SELECT released, message FROM contract.release('q', (SELECT array_agg(max) FROM (SELECT max(id) FROM contract.quarantined) m));
CREATE TABLE nokey (a int, b int);
SELECT contract.between('nokey', 'a', 0, 10, on_violation => 'quarantine');
INSERT INTO nokey VALUES (1, 1);
UPDATE nokey SET a = 11;
SELECT contract.repair(id, '{"a": 2}') FROM contract.quarantined WHERE dataset = 'public.nokey';
SELECT released, message FROM contract.release('nokey');

-- an UPDATE is judged by what it changes, and never hits other rows than its own
CREATE TABLE keyed (id int PRIMARY KEY, a int, b text);
INSERT INTO keyed VALUES (1, 1, NULL), (2, 2, NULL), (3, 3, NULL);
SELECT contract.between('keyed', 'a', 0, 10, on_violation => 'quarantine'), contract.not_null('keyed', 'b', on_violation => 'quarantine');
UPDATE keyed SET a = 50 WHERE id < 3;
SELECT contract.alter_rule('keyed', 'between_a', '{"minimum": 0, "maximum": 100}');
SELECT min(id) AS one FROM contract.quarantined WHERE dataset = 'public.keyed' \gset
SELECT released, rules, message FROM contract.release('keyed', ARRAY[:one]);
ALTER TABLE keyed DROP COLUMN id;
SELECT released, rules, message FROM contract.release('keyed');
SELECT * FROM keyed ORDER BY a;
SELECT contract.discard('keyed', array_agg(id)) FROM contract.quarantined WHERE dataset = 'public.keyed';
DROP TABLE keyed;

-- a trigger that keeps the row out; all or nothing
CREATE FUNCTION keep_out() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER a BEFORE INSERT ON q FOR EACH ROW EXECUTE FUNCTION keep_out();
SELECT released, message FROM contract.release('q') ORDER BY id LIMIT 1;
DROP TRIGGER a ON q;
SELECT count(*) AS before FROM contract.quarantined \gset
BEGIN;
SELECT contract.discard('q', array_agg(id)) FROM contract.quarantined WHERE dataset = 'public.q';
ROLLBACK;
SELECT count(*) = :before AS same FROM contract.quarantined;
SELECT contract.drop_contract('q');
SELECT contract.discard('q', array_agg(id)) > 0 FROM contract.quarantined WHERE dataset = 'public.q';
SELECT contract.discard('q', '{1,2,3}');
SELECT contract.drop_contract('q');

SET client_min_messages = warning;
DROP TABLE q, other, nokey;
SELECT contract.drop_contract(dataset, true) FROM contract.scorecard ORDER BY dataset;
DROP FUNCTION keep_out();
DROP TYPE mood, pair;
DROP DOMAIN positive;
DROP EXTENSION hstore;
