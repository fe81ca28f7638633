/*
 * The rules unique and references: what fails, by whichever way it is found.
 */
CREATE SCHEMA keys;
SET search_path = keys, public;
SET pg_contract.ddl_guard = off;

-- the answers of an audit, without what may differ
CREATE FUNCTION audit(dataset text) RETURNS TABLE (rule text, status text, considered bigint, failed bigint,
	observed jsonb, executor text, message text) LANGUAGE sql AS $$
	SELECT rule, status, considered, failed, observed, executor, message FROM contract.check(dataset) ORDER BY rule
$$;

-- unique: all rows of a key that occurs more than once fail, nulls pass as in SQL
CREATE TABLE people (id int, email text, code char(8), weight numeric, speed float8, tag uuid, a int, b int, c text);
INSERT INTO people VALUES
	(1, 'a@x', 'k', 1.0, '-0', '00000000-0000-0000-0000-000000000001', 1, 1, 'x'),
	(2, 'A@x', 'k  ', 1.00, '0', '00000000-0000-0000-0000-000000000001', 1, 2, 'x'),
	(2, 'a@x', 'l', 2, 'NaN', '00000000-0000-0000-0000-000000000002', 1, 1, 'x'),
	(2, NULL, NULL, 'NaN', 'NaN', NULL, NULL, 1, 'y'),
	(NULL, NULL, 'm', 'NaN', 1, NULL, NULL, 1, 'y'),
	(NULL, 'a@x ', 'n', NULL, NULL, '00000000-0000-0000-0000-000000000003', 2, NULL, NULL);
SELECT contract.unique('people', '{id}');
SELECT contract.unique('people', '{email}');
SELECT contract.unique('people', '{code}');
SELECT contract.unique('people', '{weight}');
SELECT contract.unique('people', '{speed}');
SELECT contract.unique('people', '{tag}');
SELECT contract.unique('people', '{a,b}');
SELECT contract.unique('people', '{a,c}');
SELECT contract.unique('people', '{a,b,c}', filter => 'people.id = 2 OR b = 1', name => 'filtered');
SELECT contract.unique('people', '{id}', tolerance => 0.5, name => 'tolerated');
SELECT contract.unique('people', '{id}', filter => '10 / (id - 2) > 0', name => 'broken_filter');
SELECT contract.unique('people', '{id}', filter => 'id > 100', name => 'nobody');
SELECT contract.unique('people', '{id}', severity => 'warning', name => 'gentle');
SELECT * FROM audit('keys.people');
SELECT rule, key ? 'ctid' AS has_key, "row" ->> 'id' AS id, value, message FROM contract.violations
WHERE dataset = 'keys.people' AND rule IN ('unique_id', 'unique_a_b', 'unique_email') ORDER BY rule, 4, 3;

-- samples are at most so many, and personal data is masked
SET pg_contract.violation_samples = 2;
SELECT contract.pii('people', 'email');
SELECT failed FROM contract.check('keys.people') WHERE rule = 'unique_id';
SELECT rule, count(*), max("row" ->> 'email') AS email, max(value) FILTER (WHERE rule = 'unique_email') AS value
FROM contract.violations WHERE dataset = 'keys.people' AND at = (SELECT max(at) FROM contract.violations)
GROUP BY rule ORDER BY rule;
RESET pg_contract.violation_samples;
SELECT considered, failed FROM contract.preview('people', 'unique', '{id}', '{}');

-- a view is asked by SQL, with the same answers
CREATE VIEW people_view AS SELECT * FROM people;
SELECT contract.unique('people_view', '{id}');
SELECT contract.unique('people_view', '{email}');
SELECT contract.unique('people_view', '{a,b}', filter => 'people_view.b < 3');
SELECT * FROM audit('keys.people_view');
SELECT rule, key, "row" ->> 'id' AS id, value FROM contract.violations WHERE dataset = 'keys.people_view' ORDER BY 1, 4, 3;

-- partitions are one relation
CREATE TABLE parts (id int, k int) PARTITION BY RANGE (k);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
CREATE TABLE parts_2 (k int, extra int, id int);
ALTER TABLE parts_2 DROP COLUMN extra;
ALTER TABLE parts ATTACH PARTITION parts_2 FOR VALUES FROM (10) TO (20);
INSERT INTO parts VALUES (1, 1), (1, 11), (2, 2), (3, 12);
SELECT contract.unique('parts', '{id}');
SELECT contract.references('parts', '{k}', 'parts', '{id}');
SELECT * FROM audit('keys.parts');
SELECT rule, key, "row" FROM contract.violations WHERE dataset = 'keys.parts' ORDER BY rule, ("row" ->> 'k')::int;

-- types of all sorts; what a user wrote is compared by SQL
CREATE EXTENSION citext;
CREATE TYPE colour AS ENUM ('red', 'green');
CREATE TYPE pair AS (x int, y int);
CREATE DOMAIN small AS smallint CHECK (VALUE < 100);
CREATE COLLATION ignore_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE sorts (i2 small, i8 bigint, d date, t timestamptz, o oid, e colour, n name, bool boolean, r real, iv interval,
	j jsonb, ci citext, nd text COLLATE ignore_case, p pair, arr int[], by bytea, vc varchar(3), bits bit(3), tz timetz);
INSERT INTO sorts VALUES
	(1, 1, '2026-01-01', '2026-01-01 00:00+00', 4000000000, 'red', 'n', true, 1, '24:00', '{"a": 1, "b": 2}', 'Ab', 'Ab', (1, 2), '{1,2}', '\x01', 'x', '101', '00:00+00'),
	(1, 1, '2026-01-01', '2026-01-01 02:00+02', 4000000000, 'red', 'n', true, 1, '1 day', '{"b": 2, "a": 1}', 'aB', 'aB', (1, 2), '{1,2}', '\x01', 'x', '101', '02:00+02'),
	(2, -1, 'infinity', '-infinity', 1, 'green', 'm', false, 2, '1 mon', '[]', 'c', 'c', (1, NULL), '{2,1}', '\x', 'y', '100', '01:00+00'),
	(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
SELECT contract.unique('sorts', ARRAY[attname]) FROM pg_attribute WHERE attrelid = 'sorts'::regclass AND attnum > 0 ORDER BY attnum;
SELECT contract.unique('sorts', '{i2,d}');
SELECT contract.unique('sorts', '{i8,d}');
SELECT contract.unique('sorts', '{i2,nd,j}');
SELECT rule, status, considered, failed, executor FROM audit('keys.sorts');

-- keys whose hashes collide are compared (these do, on machines that store the low byte first)
CREATE TABLE colliding (by bytea);
INSERT INTO colliding VALUES ('\x01000000000000000200000000000000'), ('\x0300000000000000bf0562bd9702d6f2');
SELECT contract.unique('colliding', '{by}');
SELECT contract.references('colliding', '{by}', 'colliding', '{by}');
SELECT rule, status, failed, executor FROM audit('keys.colliding');
INSERT INTO colliding VALUES ('\x0300000000000000bf0562bd9702d6f2');
SELECT rule, status, failed, observed, executor FROM audit('keys.colliding');
SELECT value, count(*) FROM contract.violations WHERE dataset = 'keys.colliding' GROUP BY value;
CREATE TABLE colliding_parents AS SELECT by FROM colliding LIMIT 1;
SELECT contract.references('colliding', '{by}', 'colliding_parents', '{by}', name => 'other');
SELECT rule, failed, executor FROM audit('keys.colliding');

-- references: a row needs a parent unless a column of the key is null
CREATE TABLE countries (code char(2), name text, id bigint, region int, score numeric, ci citext, word text);
INSERT INTO countries VALUES ('DE', 'Germany', 1, 10, 1.0, 'De', 'de'), ('FR', 'France', 2, 20, 2, 'Fr', 'fr'),
	(NULL, NULL, NULL, 30, NULL, NULL, NULL);
CREATE TABLE cities (id int, country char(5), country_name varchar(20), region smallint, score numeric, ci citext,
	word text COLLATE ignore_case, country_text text);
INSERT INTO cities VALUES (1, 'DE', 'Germany', 10, 1.00, 'dE', 'de', 'DE'), (2, 'FR', 'France', 10, 2.0, 'FR', 'FR', 'FR'),
	(3, 'IT', 'Italy', 30, 3, 'it', 'it', 'IT'), (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL), (2, NULL, 'Spain', 20, NULL, NULL, NULL, NULL);
SELECT contract.references('cities', '{country}', 'countries', '{code}');
SELECT contract.references('cities', '{country_name}', 'countries', '{name}');
SELECT contract.references('cities', '{id}', 'countries', '{id}');
SELECT contract.references('cities', '{id,region}', 'countries', '{id,region}');
SELECT contract.references('cities', '{id,country_name}', 'countries', '{id,name}');
SELECT contract.references('cities', '{region,score}', 'countries', '{region,score}');
SELECT contract.references('cities', '{score}', 'countries', '{score}');
SELECT contract.references('cities', '{ci}', 'countries', '{ci}');
SELECT contract.references('cities', '{word}', 'countries', '{word}');
SELECT contract.references('cities', '{country_text}', 'countries', '{code}');
SELECT contract.references('cities', '{id}', 'countries', '{score}', name => 'other_type');
SELECT contract.references('cities', '{country}', 'countries', '{code}', filter => 'cities.id < 3', tolerance => 0.3, name => 'filtered');
SELECT contract.references('cities', '{id}', 'countries', '{id}', filter => '1 / (id - 2) > 0', name => 'broken_filter');
SELECT rule, status, considered, failed, observed, executor FROM audit('keys.cities');
SELECT rule, "row" ->> 'id' AS id, value, message FROM contract.violations
WHERE dataset = 'keys.cities' AND rule IN ('references_id_region', 'references_country_text') ORDER BY 1, 2;
SELECT rule, parameters FROM contract.rules WHERE dataset = 'keys.cities' AND rule = 'references_id_region';
SELECT considered, failed FROM contract.preview('cities', 'references', '{id}',
	'{"referenced_relation": "keys.countries", "referenced_columns": ["id"]}');

-- a referenced view is asked by SQL; so are inheritance children left out
CREATE VIEW "Odd countries" AS SELECT code AS "The ""code""", id FROM countries WHERE id = 1;
SELECT contract.references('cities', '{country}', '"Odd countries"', '{"The \"code\""}', name => 'odd');
CREATE TABLE countries_child () INHERITS (countries);
INSERT INTO countries_child (code, id) VALUES ('IT', 3);
SELECT rule, status, failed, executor FROM audit('keys.cities') WHERE rule IN ('odd', 'references_id');

-- the referenced relation changes its columns, is renamed, is gone: the rule says so, the audit goes on
ALTER TABLE countries RENAME COLUMN code TO kod;
SELECT rule, status, message FROM audit('keys.cities') WHERE rule IN ('filtered', 'references_id');
DROP TABLE countries CASCADE;
SELECT rule, status, message FROM audit('keys.cities') WHERE rule IN ('odd', 'references_id');
CREATE TABLE countries (id int);
SELECT rule, status, failed, message FROM audit('keys.cities') WHERE rule IN ('references_id');

-- audits read with the rights of the owner, here and there
CREATE ROLE regress_keys_owner;
GRANT USAGE, CREATE ON SCHEMA keys TO regress_keys_owner;
CREATE TABLE secrets (id int, word text);
INSERT INTO secrets VALUES (1, 'x');
GRANT SELECT (word) ON secrets TO regress_keys_owner;
SET ROLE regress_keys_owner;
CREATE TABLE keys.guesses (id int, word text);
INSERT INTO keys.guesses VALUES (1, 'x'), (2, 'y');
SELECT contract.references('keys.guesses', '{id}', 'keys.secrets', '{id}');
SELECT contract.references('keys.guesses', '{word}', 'keys.secrets', '{word}');
SELECT rule, status, failed, executor, message FROM contract.check('keys.guesses') ORDER BY rule;
RESET ROLE;
GRANT SELECT ON secrets TO regress_keys_owner;
ALTER TABLE secrets ENABLE ROW LEVEL SECURITY;
SELECT rule, status, failed, executor, message FROM contract.check('keys.guesses') ORDER BY rule;
ALTER TABLE secrets DISABLE ROW LEVEL SECURITY;
SELECT rule, status, failed, executor, message FROM contract.check('keys.guesses') ORDER BY rule;

-- mistakes of the author
CREATE TABLE wrong (id int, doc json, place point);
SELECT contract.unique('wrong', '{}');
SELECT contract.unique('wrong', '{nope}');
SELECT contract.unique('wrong', '{id,doc}');
SELECT contract.unique('wrong', '{id}', on_violation => 'reject');
SELECT contract.add_rule('wrong', 'unique', '{id}', on_violation => 'warn');
SELECT contract.add_rule('wrong', 'unique', '{id}', '{"x": 1}');
SELECT contract.add_rule('wrong', 'references', '{id}');
SELECT contract.add_rule('wrong', 'references', '{id}', '{"referenced_columns": ["id"]}');
SELECT contract.add_rule('wrong', 'references', '{id}', '{"referenced_columns": ["id"], "referenced_relation": "people"}');
SELECT contract.add_rule('wrong', 'references', '{id}', '{"referenced_columns": ["id"], "referenced_relation": "keys.nothing"}');
SELECT contract.add_rule('wrong', 'references', '{id}', '{"referenced_columns": ["id"], "referenced_relation": "a.b.c"}');
CREATE TEMPORARY TABLE fleeting (id int);
SELECT contract.references('wrong', '{id}', 'fleeting', '{id}');
SELECT contract.references('wrong', '{id}', 'people', '{nope}');
SELECT contract.references('wrong', '{id}', 'people', '{a,b}');
SELECT contract.references('wrong', '{id}', 'people', '{email}');
SELECT contract.references('wrong', '{place}', 'wrong', '{place}');
-- the default is audit for these, warn for rules about a row
SELECT contract.add_rule('wrong', 'unique', '{id}');
SELECT contract.add_rule('wrong', 'not_null', '{id}');
SELECT contract.alter_rule('wrong', 'unique_id', on_violation => 'quarantine');
SELECT rule, action FROM contract.rules WHERE dataset = 'keys.wrong' ORDER BY 1;
SELECT tgname IS NOT NULL AS has_triggers FROM pg_trigger WHERE tgrelid = 'people'::regclass;

-- duplicates far apart, and in several leaves: what is read again is next to nothing
CREATE TABLE far (id int, word text) WITH (autovacuum_enabled = off);
INSERT INTO far SELECT CASE WHEN i IN (19990, 11000) THEN 5 ELSE i END, CASE WHEN i > 19998 THEN '1' ELSE md5(i::text) END
FROM generate_series(1, 20000) AS i;
UPDATE far SET id = -id WHERE id BETWEEN 9000 AND 9010;
DELETE FROM far WHERE id BETWEEN 3000 AND 4000;
SELECT contract.unique('far', '{id}');
SELECT contract.unique('far', '{word}');
SELECT contract.unique('far', '{word,id}', filter => 'id > 100');
SELECT pg_stat_force_next_flush();
SELECT pg_stat_reset_single_table_counters('far'::regclass);
SELECT rule, considered, failed, observed -> 'duplicate_keys' AS duplicate_keys, executor FROM audit('keys.far');
SELECT pg_stat_force_next_flush();
SELECT (heap_blks_read + heap_blks_hit) * current_setting('block_size')::int < pg_relation_size('far') * 1.2 AS few_pages_again
FROM pg_statio_user_tables WHERE relid = 'far'::regclass;
SELECT rule, value, count(*) FROM contract.violations WHERE dataset = 'keys.far' GROUP BY 1, 2 ORDER BY 1, 2;
CREATE TABLE far_parts (k int, word text) PARTITION BY RANGE (k);
CREATE TABLE far_parts_1 PARTITION OF far_parts FOR VALUES FROM (1) TO (5001);
CREATE TABLE far_parts_2 PARTITION OF far_parts FOR VALUES FROM (5001) TO (10001);
CREATE TABLE far_parts_3 (gone int, word text, k int);
ALTER TABLE far_parts_3 DROP COLUMN gone;
ALTER TABLE far_parts ATTACH PARTITION far_parts_3 FOR VALUES FROM (10001) TO (15001);
CREATE TABLE far_parts_4 PARTITION OF far_parts DEFAULT;
INSERT INTO far_parts SELECT i, md5(CASE WHEN i % 4999 = 3 THEN i % 10000 ELSE i END::text) FROM generate_series(1, 20000) AS i;
SELECT contract.unique('far_parts', '{word}');
SELECT contract.unique('far_parts', '{k}');
SELECT rule, considered, failed, observed -> 'duplicate_keys' AS duplicate_keys, executor FROM audit('keys.far_parts');
SELECT sum(n) AS failed, count(*) AS duplicate_keys FROM (SELECT count(*) AS n FROM far_parts GROUP BY word HAVING count(*) > 1) AS d;
SELECT ("row" ->> 'k')::int AS k FROM contract.violations WHERE dataset = 'keys.far_parts' ORDER BY 1;

-- what does not fit into memory goes to disk, or to SQL: the answers are the same
SET maintenance_work_mem = '1MB';
CREATE TABLE many AS
SELECT CASE WHEN i % 1000 = 7 THEN i - 1 ELSE i END AS id, CASE WHEN i % 100000 = 5 THEN 'same' ELSE md5(i::text) END AS word,
	i % 3 AS few, (hashint8extended(i, 0) >> 4) * 16 AS wide, i % 50000 AS twice, (i % 50000)::text AS twice_text
FROM generate_series(1, 300000) AS i;
SELECT contract.unique('many', ARRAY[attname]) FROM pg_attribute WHERE attrelid = 'many'::regclass AND attnum > 0 ORDER BY attnum;
CREATE TABLE many_parents AS SELECT id, word, wide, few FROM many WHERE id % 11 > 0;
SELECT contract.references('many', ARRAY[c], 'many_parents', ARRAY[c]) FROM unnest('{id,word,wide,few}'::name[]) AS c;
SELECT rule, considered, failed, observed -> 'duplicate_keys' AS duplicate_keys, executor FROM audit('keys.many');
SET maintenance_work_mem = '1GB';
SELECT rule, considered, failed, observed -> 'duplicate_keys' AS duplicate_keys, executor FROM audit('keys.many');
SELECT count(*) - count(DISTINCT id) AS id, count(*) - count(DISTINCT word) AS word, count(*) - count(DISTINCT wide) AS wide FROM many;
SELECT count(*) FILTER (WHERE i.id IS NULL) AS id, count(*) FILTER (WHERE w.word IS NULL) AS word,
	count(*) FILTER (WHERE x.wide IS NULL) AS wide
FROM many AS m LEFT JOIN (SELECT DISTINCT id FROM many_parents) AS i USING (id)
	LEFT JOIN (SELECT DISTINCT word FROM many_parents) AS w USING (word)
	LEFT JOIN (SELECT DISTINCT wide FROM many_parents) AS x USING (wide);

-- where only the first pages are remembered, the others are read again
SET maintenance_work_mem = '1MB';
CREATE TABLE long AS SELECT i AS id, CASE WHEN i > 199950 THEN (i - 100000)::text WHEN i % 30000 = 9 THEN '9' ELSE md5(i::text) END AS word
FROM generate_series(1, 200000) AS i;
UPDATE long SET word = '199960' WHERE id IN (1, 100000);
INSERT INTO long SELECT id, id::text FROM long WHERE id BETWEEN 99970 AND 99990;
SELECT contract.unique('long', '{word}');
SELECT rule, considered, failed, observed -> 'duplicate_keys' AS duplicate_keys, executor FROM audit('keys.long');
SELECT sum(n) AS failed, count(*) AS duplicate_keys FROM (SELECT count(*) AS n FROM long GROUP BY word HAVING count(*) > 1) AS d;
RESET maintenance_work_mem;

-- an audit that remembers what did not change still sees every key
CREATE TABLE settled AS SELECT i AS id, i % 100 AS few FROM generate_series(1, 5000) AS i;
SELECT contract.not_null('settled', 'id'), contract.unique('settled', '{id}'), contract.references('settled', '{few}', 'settled', '{id}');
SELECT rule, status, considered, failed FROM audit('keys.settled');
SELECT rule, status, considered, failed FROM audit('keys.settled');
INSERT INTO settled VALUES (1, 1);
SELECT rule, status, considered, failed FROM audit('keys.settled');
RESET search_path;
SET client_min_messages = warning;
DROP SCHEMA keys CASCADE;
SELECT contract.drop_contract(name) FROM contract.dataset WHERE schema_name = 'keys' ORDER BY name;
DROP OWNED BY regress_keys_owner;
DROP ROLE regress_keys_owner;
DROP EXTENSION IF EXISTS citext;
