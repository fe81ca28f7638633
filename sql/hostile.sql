SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_contract;
SET pg_contract.ddl_guard = off;
RESET client_min_messages;

/*
 * Input that wants to do harm: names and texts full of quotes, semicolons,
 * backslashes and dollars, values and contracts that are very large, and bytes
 * that are no text. Each is an error or just a text, and nothing else happens.
 */
CREATE TABLE bystander AS SELECT 1 AS still_here;
CREATE FUNCTION attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE statement INTO result;
	RETURN COALESCE(result, 'null');
EXCEPTION WHEN others THEN
	RETURN 'ERROR:  ' || SQLERRM;
END
$$;

/*
 * Names
 */
CREATE SCHEMA "we""ird;'s\";
CREATE TABLE "we""ird;'s\"."weird""tab;le' -- $$ \" (
	"id" integer PRIMARY KEY,
	"quote""d" text,
	"apo'strophe" text,
	"semi;colon --" integer,
	"back\slash" text,
	"$$dollar$$" text,
	"CamelCase" text,
	"ünïcödé 日本語" text,
	"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx63" text,
	"select" boolean,
	"new" integer,
	" " text,
	"a b, c" text
);
\set weird '"we""ird;''s\\"."weird""tab;le'' -- $$ \\"'
SELECT :'weird' AS weird, :'weird'::regclass AS relation;
SELECT contract.describe(:'weird', owner => 'nobody');
SELECT contract.describe_column(:'weird', attname, 'Column ' || attname, tags => ARRAY[attname])
FROM pg_attribute WHERE attrelid = :'weird'::regclass AND attnum = 1;
SELECT contract.not_null(:'weird', 'quote"d');
SELECT contract.not_blank(:'weird', 'apo''strophe', on_violation => 'reject', filter => '"semi;colon --" > 10');
SELECT contract.between(:'weird', 'semi;colon --', 0, 100, on_violation => 'quarantine');
SELECT contract.accepted_values(:'weird', 'back\slash', ARRAY['a\b', 'a''b', 'a"b', '$$', 'a,b', '{}', ''], on_violation => 'quarantine');
SELECT contract.matches(:'weird', '$$dollar$$', '^\$[''";]*$');
SELECT contract.length_between(:'weird', 'CamelCase', 1, 3);
SELECT contract.forbidden_values(:'weird', 'ünïcödé 日本語', '{ß,é}');
SELECT contract.format(:'weird', 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx63', 'email');
SELECT contract.satisfies(:'weird', '"select" AND "new" > 0 OR "weird""tab;le'' -- $$ \"."quote""d" = $q$it''s$q$');
SELECT contract.pii(:'weird', 'quote"d', category => '"; --');
SELECT dataset, rule, columns, filter, parameters FROM contract.rules ORDER BY rule;
SELECT * FROM contract.pii_columns;
INSERT INTO :weird VALUES
	(1, 'q', 'a', 50, 'a\b', '$', 'abc', 'x', 'a@b.co', true, 1),
	(2, NULL, '', 5, 'a''b', '$";', 'abcd', 'é', 'a', false, 1),
	(3, 'secret', 'a', 500, 'a"b', '$', 'abc', 'ß', 'a', true, 1),
	(4, 'it''s', 'a', -1, 'c\d', 'x', '', NULL, NULL, false, -1);
INSERT INTO :weird VALUES (5, 'q', ' ', 11);
UPDATE :weird SET "CamelCase" = $$'; DROP TABLE bystander; --$$, "back\slash" = '$$' WHERE "id" = 2;
UPDATE :weird SET "back\slash" = 'nö' WHERE "id" = 1;
SELECT id, "back\slash" FROM :weird ORDER BY id;
SELECT dataset, rule, action, operation, key, value, message FROM contract.violations ORDER BY id;
SELECT dataset, rules, operation, key, changed, "row" FROM contract.quarantined ORDER BY id;
SELECT rule, status, considered, failed, message FROM contract.check(:'weird') ORDER BY rule;
SELECT considered, failed FROM contract.preview(:'weird', 'not_null', '{"a b, c"}', filter => '" " IS NULL');
SELECT contract.repair(id, '{"semi;colon --": "7", "back\\slash": "a,b", "$$dollar$$": "$$''\"; \\"}') AS fails FROM contract.quarantined ORDER BY id;
SELECT released, rules, message FROM contract.release(:'weird') ORDER BY id;
SELECT id, "semi;colon --", "back\slash", "$$dollar$$" FROM :weird ORDER BY id;
-- a column that is renamed takes its rules, expressions and quarantined rows along
INSERT INTO :weird (id, "semi;colon --", "quote""d", "apo'strophe") VALUES (6, 101, 'p', 'a');
ALTER TABLE :weird RENAME COLUMN "quote""d" TO "it's ""new""; --";
ALTER TABLE :weird RENAME COLUMN "semi;colon --" TO "semi";
ALTER TABLE :weird RENAME COLUMN "select" TO "from";
SELECT rule, columns, filter, parameters ->> 'expression' AS expression FROM contract.rules
WHERE rule IN ('not_null_quote"d', 'not_blank_apo''strophe', 'between_semi;colon --') OR kind = 'satisfies' ORDER BY rule;
SELECT rules, "row" FROM contract.quarantined;
SELECT column_name, category FROM contract.pii_columns;
INSERT INTO :weird (id, "it's ""new""; --", "apo'strophe", "semi", "from", "new") VALUES (7, NULL, 'a', 7, true, -1);
SELECT rule, value, message FROM contract.violations WHERE key ->> 'id' = '7' ORDER BY rule;
SELECT contract.repair(id, '{"semi": 100}') AS fails FROM contract.quarantined;
SELECT released, message FROM contract.release(:'weird');
-- swapped by name, as dbt does
BEGIN;
CREATE TABLE "we""ird;'s\"."tmp'; --" (LIKE :weird INCLUDING ALL);
ALTER TABLE :weird RENAME TO "backup'; --";
ALTER TABLE "we""ird;'s\"."tmp'; --" RENAME TO "weird""tab;le' -- $$ \";
DROP TABLE "we""ird;'s\"."backup'; --";
COMMIT;
INSERT INTO :weird (id, "semi") VALUES (1, -1), (2, 1);
SELECT id FROM :weird;
SELECT rules, "row" -> 'semi' AS semi FROM contract.quarantined;
SELECT dataset, status, problem FROM contract.scorecard;
-- table and schema renamed: the contract goes along
ALTER TABLE :weird RENAME TO "t;'2";
ALTER SCHEMA "we""ird;'s\" RENAME TO "S 2";
SELECT dataset, count(*) AS rules FROM contract.rules GROUP BY dataset;
\set weird '"S 2"."t;''2"'
INSERT INTO :weird (id, "semi") VALUES (3, -1);
SELECT count(*) FROM contract.quarantined;
SELECT contract.enforce(:'weird');
SELECT contract.discard(:'weird', array_agg(id)) FROM contract.quarantined;
SELECT contract.drop_rule(:'weird', 'not_null_quote"d');
SELECT contract.drop_contract(:'weird');
DROP TABLE :weird;
DROP SCHEMA "S 2";

/*
 * Injection into every text argument
 */
CREATE TABLE t (id integer PRIMARY KEY, a text);
CREATE TABLE attack (n integer GENERATED ALWAYS AS IDENTITY, text text NOT NULL);
INSERT INTO attack (text) VALUES
	('''; DROP TABLE bystander; --'),
	('"; DROP TABLE bystander; --'),
	('\''; DROP TABLE bystander; --'),
	(E'\\\\''; DROP TABLE bystander; --'),
	('); DROP TABLE bystander; --'),
	('$$; DROP TABLE bystander; $$'),
	('*/ DROP TABLE bystander; /*'),
	('true); DROP TABLE bystander; SELECT (true'),
	('id > 0; DROP TABLE bystander'),
	('%s %I %L %n $1 {} \x \u0000'),
	(E'two\nlines\t\r\\'),
	('public.t'' OR ''1''=''1');
-- texts that are only kept
SELECT contract.describe('t', owner => text, description => text, version => text, contract_id => text) FROM attack;
SELECT d.contract_id = a.text AND c.contract_id = a.text AND d.description = a.text AND c.owner = a.text AND c.version = a.text AS kept
FROM contract.dataset AS d JOIN contract.contract AS c USING (contract_id), (SELECT text FROM attack ORDER BY n DESC LIMIT 1) AS a;
SELECT count(contract.describe_column('t', 'a', text, text, ARRAY[text]::text[])), count(contract.pii('t', 'a', text, text)) FROM attack;
SELECT p.category = a.text AND p.classification = a.text AND p.description = a.text AND p.tags = ARRAY[a.text] AS kept
FROM contract.pii_columns AS p, (SELECT text FROM attack ORDER BY n DESC LIMIT 1) AS a;
SELECT contract.pii('t', 'a', NULL);
SELECT contract.not_null('t', 'a', name => text, description => text) = text AS kept FROM attack ORDER BY n;
SELECT contract.alter_rule('t', text, name => text || '!', description => text || '!') = text || '!' AS kept FROM attack ORDER BY n;
SELECT contract.drop_rule('t', text || '!') FROM attack WHERE n % 2 = 0;
-- values, patterns
SELECT contract.accepted_values('t', 'a', array_agg(text), name => 'v'), contract.forbidden_values('t', 'a', array_agg(text), name => 'f') FROM attack;
SELECT contract.between('t', 'a', min(text), max(text), name => 'b') FROM attack;
SELECT contract.matches('t', 'a', '***=' || text, name => 'm ' || n) FROM attack;
SET application_name = 'regress''; DROP TABLE bystander; --';
INSERT INTO t SELECT n, text FROM attack;
SELECT rule, count(*) AS failed, bool_and(v.value = t.a AND v."row" ->> 'a' = t.a) AS kept, min(application) AS application
FROM contract.violations AS v JOIN t ON v.key ->> 'id' = t.id::text GROUP BY rule ORDER BY rule;
RESET application_name;
SELECT contract.drop_contract('t');
-- values in the error of a refused row, and through quarantine and back
TRUNCATE t;
SELECT contract.not_matches('t', 'a', '.', on_violation => 'reject', description => (SELECT text FROM attack WHERE n = 1));
SELECT n, attempt(format('INSERT INTO t VALUES (%s, %L)', n, text)) FROM attack ORDER BY n;
SELECT contract.alter_rule('t', 'not_matches_a', on_violation => 'quarantine');
INSERT INTO t SELECT n, text FROM attack;
SELECT contract.repair(id, jsonb_build_object('a', "row" ->> 'a', 'id', "row" -> 'id')) FROM contract.quarantined ORDER BY id;
SELECT contract.alter_rule('t', 'not_matches_a', on_violation => 'audit');
SELECT count(*) FILTER (WHERE released) AS released FROM contract.release('t');
SELECT bool_and(t.a = attack.text) AS kept, count(*) FROM t JOIN attack ON n = id;
SELECT attempt(format('SELECT contract.repair(1, %L)', text)) FROM attack WHERE n <= 2;
-- texts that are parsed
SELECT n, attempt(format('SELECT contract.satisfies(''t'', %L)', text)) FROM attack ORDER BY n;
SELECT n, attempt(format('SELECT contract.not_null(''t'', ''a'', filter => %L)', text)) FROM attack ORDER BY n;
SELECT DISTINCT attempt(format('SELECT contract.add_rule(''t'', ''not_null'', ''{a}'', jsonb_build_object(%L, %L))', text, text)) FROM attack ORDER BY 1;
-- names of things
SELECT n, attempt(format('SELECT contract.not_null(%L, ''a'')', text)) FROM attack ORDER BY n;
SELECT n, attempt(format('SELECT contract.not_null(''t'', %L)', text)) FROM attack ORDER BY n;
SELECT n, attempt(format('SELECT contract.check(%L)', text)) FROM attack ORDER BY n;
SELECT count(*), min(attempt(format(f, text))), max(attempt(format(f, text)))
FROM attack, (VALUES
	(1, 'SELECT contract.add_rule(''t'', %L, ''{a}'')'),
	(2, 'SELECT contract.add_rule(''t'', ''not_null'', ''{a}'', on_violation => %L)'),
	(3, 'SELECT contract.not_null(''t'', ''a'', severity => %L)'),
	(4, 'SELECT contract.format(''t'', ''a'', %L)'),
	(5, 'SELECT contract.describe(''t'', status => %L)'),
	(6, 'SELECT contract.describe(''t'', write_path => %L)'),
	(7, 'SELECT contract.describe(''t'', on_apply => %L)'),
	(8, 'SELECT contract.check(''t'', %L)'),
	(9, 'SELECT contract.drop_rule(''t'', %L)'),
	(10, 'SELECT contract.alter_rule(''t'', %L)'),
	(11, 'SELECT contract.describe_column(''t'', %L, ''x'')'),
	(12, 'SELECT contract.pii(''t'', %L)')) AS v (i, f)
GROUP BY i ORDER BY i;
SELECT count(*), min(attempt(format(f, text))) LIKE 'ERROR: %' AS refused, max(attempt(format(f, text))) LIKE 'ERROR: %' AS all_refused
FROM attack, (VALUES
	(1, 'SELECT contract.drop_rule(%L, ''x'')'),
	(2, 'SELECT contract.drop_contract(%L)'),
	(3, 'SELECT contract.prune(dataset => %L)'),
	(4, 'SELECT contract.preview(''t'', %L, ''{a}'')'),
	(5, 'SELECT contract.preview(''t'', ''satisfies'', ''{}'', jsonb_build_object(''expression'', %L))'),
	(6, 'SELECT contract.preview(''t'', ''not_null'', ''{a}'', filter => %L)')) AS v (i, f)
GROUP BY i ORDER BY i;
-- a role with such a name
CREATE ROLE "regress_'; DROP TABLE bystander; --""";
GRANT INSERT ON t TO "regress_'; DROP TABLE bystander; --""";
SELECT contract.not_null('t', 'a', name => 'role');
SELECT contract.not_null('t', 'a', name => 'role 2', on_violation => 'quarantine', filter => 'id > 100');
SET ROLE "regress_'; DROP TABLE bystander; --""";
INSERT INTO t (id) VALUES (100), (101);
RESET ROLE;
SELECT role, rule, action FROM contract.violations WHERE rule LIKE 'role%' ORDER BY id;
SELECT role, rules FROM contract.quarantined;
-- objects of the same names as what the extension itself uses, first in the search path
CREATE SCHEMA regress_trap;
CREATE FUNCTION regress_trap.trap() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE FUNCTION regress_trap.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT CASE WHEN regress_trap.trap() THEN current_timestamp END';
CREATE FUNCTION regress_trap.jsonb_build_object(VARIADIC text[]) RETURNS jsonb LANGUAGE sql AS 'SELECT CASE WHEN regress_trap.trap() THEN ''{}''::jsonb END';
CREATE FUNCTION regress_trap.array_replace(name[], name, name) RETURNS name[] LANGUAGE sql AS 'SELECT CASE WHEN regress_trap.trap() THEN $1 END';
CREATE FUNCTION regress_trap.eq(integer, integer) RETURNS boolean LANGUAGE sql AS 'SELECT regress_trap.trap()';
CREATE FUNCTION regress_trap.eq(bigint, bigint) RETURNS boolean LANGUAGE sql AS 'SELECT regress_trap.trap()';
CREATE FUNCTION regress_trap.eq(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT regress_trap.trap()';
CREATE FUNCTION regress_trap.eq(name, name) RETURNS boolean LANGUAGE sql AS 'SELECT regress_trap.trap()';
CREATE OPERATOR regress_trap.= (LEFTARG = integer, RIGHTARG = integer, FUNCTION = regress_trap.eq);
CREATE OPERATOR regress_trap.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = regress_trap.eq);
CREATE OPERATOR regress_trap.= (LEFTARG = text, RIGHTARG = text, FUNCTION = regress_trap.eq);
CREATE OPERATOR regress_trap.= (LEFTARG = name, RIGHTARG = name, FUNCTION = regress_trap.eq);
CREATE OPERATOR regress_trap.~ (LEFTARG = text, RIGHTARG = text, FUNCTION = regress_trap.eq);
CREATE TABLE regress_trap.rule (id integer);
CREATE TYPE regress_trap.text AS ENUM ('trapped');
TRUNCATE t;
SET search_path = regress_trap, pg_catalog, public;
SELECT contract.drop_contract('t', discard_quarantine => true);
SELECT contract.describe('t', owner => 'me', contract_id => 'my');
SELECT contract.accepted_values('t', 'id', '{1,2}', on_violation => 'quarantine');
SELECT contract.between('t', 'id', 1, 2);
SELECT contract.satisfies('t', 'a = ''x'' AND id = 1 AND a ~ ''x'' AND now() = now()');
SELECT contract.pii('t', 'a');
INSERT INTO t VALUES (1001, 'x'), (2, 'x');
SELECT count(*) FROM contract.violations;
SELECT rule, status FROM contract.check('t') ORDER BY rule;
SELECT contract.alter_rule('t', 'accepted_values_id', on_violation => 'warn', parameters => '{"values": [1001]}');
SELECT released, message FROM contract.release('t');
ALTER TABLE t RENAME COLUMN a TO b;
SELECT status, problem FROM contract.scorecard;
SELECT contract.prune('0 days', 1, 't');
SELECT contract.drop_contract('t');
RESET search_path;
SET client_min_messages = warning;
DROP SCHEMA regress_trap CASCADE;
RESET client_min_messages;
SELECT * FROM bystander;
DROP TABLE t, attack;
DROP ROLE "regress_'; DROP TABLE bystander; --""";

/*
 * A value of 10 MB
 */
CREATE TABLE big (id integer PRIMARY KEY, a text, b bytea);
SELECT contract.length_between('big', 'a', 0, 1000);
SELECT contract.matches('big', 'a', '^[ab]*$');
SELECT contract.format('big', 'a', 'json');
SELECT contract.satisfies('big', 'length(a) < 1000 AND length(b) < 1000');
INSERT INTO big VALUES (1, repeat('ab', 5000000) || 'ü', decode(repeat('00ff', 1000000), 'hex'));
SELECT rule, length(value) < 3000 AS cut, pg_column_size("row") < 10000 AS row_cut, message FROM contract.violations ORDER BY rule;
SELECT rule, status, failed FROM contract.check('big') ORDER BY rule;
SELECT contract.alter_rule('big', 'length_between_a', on_violation => 'reject');
SELECT length(attempt('INSERT INTO big SELECT 2, a, b FROM big')) < 200 AS short;
\set VERBOSITY terse
INSERT INTO big SELECT 2, a, b FROM big;
\set VERBOSITY default
SELECT contract.alter_rule('big', 'length_between_a', on_violation => 'quarantine');
INSERT INTO big SELECT 2, a, b FROM big WHERE id = 1;
INSERT INTO big SELECT 3, a, b FROM big WHERE id = 1;
UPDATE big SET a = a || 'x', b = b || b WHERE id = 1;
SELECT operation, rules, length("row" ->> 'a') AS a, length("row" ->> 'b') AS b FROM contract.quarantined ORDER BY id;
SELECT contract.repair(id, jsonb_build_object('a', ("row" ->> 'a') || 'yz')) FROM contract.quarantined WHERE operation = 'INSERT' AND "row" ->> 'id' = '3';
SELECT contract.alter_rule('big', 'length_between_a', on_violation => 'audit');
SELECT released, message FROM contract.release('big') ORDER BY id;
SELECT id, length(a), md5(a) = md5(repeat('ab', 5000000) || 'ü' || (ARRAY['x', '', 'yz'])[id]) AS a,
	length(b), b = decode(repeat('00ff', CASE id WHEN 1 THEN 2000000 ELSE 1000000 END), 'hex') AS b
FROM big ORDER BY id;
-- the history's indexes know rows that were toasted
SET enable_seqscan = off;
SELECT count(*) FROM contract.violation WHERE dataset_id > 0;
SET enable_indexscan = off;
SET enable_bitmapscan = off;
SET enable_indexonlyscan = off;
RESET enable_seqscan;
SELECT count(*) FROM contract.violation WHERE dataset_id > 0;
RESET ALL;
SET pg_contract.ddl_guard = off;
SELECT contract.drop_contract('big');
DROP TABLE big;

/*
 * 1600 columns
 */
DO $$
BEGIN
	EXECUTE (SELECT format('CREATE TABLE wide (%s)', string_agg(format('c%s smallint', g), ', ' ORDER BY g)) FROM generate_series(1, 1600) AS g);
END
$$;
CREATE FUNCTION add_rules(first integer, last integer, on_violation text) RETURNS bigint LANGUAGE sql AS $$
	SELECT count(contract.between('wide', ('c' || g)::name, 0, g, on_violation => on_violation)) FROM generate_series(first, last) AS g
$$;
-- as many as a function takes beside the dataset, then the whole row
SELECT add_rules(1, 99, 'warn');
SELECT substring(pg_get_triggerdef(oid) FROM 'WHEN \(\(NOT contract\.(\w+)\(\d+, .*, new\.c99\)\)\)') AS function FROM pg_trigger WHERE tgrelid = 'wide'::regclass ORDER BY tgname;
INSERT INTO wide (c1, c98, c99) VALUES (2, 98, 100);
SELECT add_rules(100, 100, 'warn');
SELECT substring(pg_get_triggerdef(oid) FROM 'WHEN \(\(NOT contract\.(\w+)\(\d+, new\.\*\)\)\)') AS function FROM pg_trigger WHERE tgrelid = 'wide'::regclass ORDER BY tgname;
INSERT INTO wide (c1, c99, c100, c101) VALUES (2, 99, 101, 1000);
SELECT add_rules(1501, 1600, 'warn');
INSERT INTO wide (c1600, c1599, c1501) VALUES (1601, 1599, -1);
UPDATE wide SET c1600 = 1602, c2 = 3 WHERE c1600 = 1601;
SELECT count(contract.drop_rule('wide', 'between_c' || g)) FROM generate_series(90, 100) AS g;
-- a name made of 1600 columns is cut
SELECT length(contract.satisfies('wide', (SELECT string_agg('c' || g || ' IS NULL', ' OR ') FROM generate_series(1, 1600) AS g))) <= 255 AS cut
FROM (VALUES (1), (2)) AS v;
SELECT contract.drop_rule('wide', max(rule)) FROM contract.rules WHERE kind = 'satisfies';
SELECT contract.alter_rule('wide', rule, name => 'not all') FROM contract.rules WHERE kind = 'satisfies';
SELECT contract.between('wide', 'c800', 0, 10, on_violation => 'quarantine');
INSERT INTO wide (c1, c800, c1600) VALUES (1, 11, 2000);
SELECT operation, rule, action, value FROM contract.violations ORDER BY id;
SELECT rules, (SELECT count(*) FROM jsonb_object_keys("row")) AS columns, jsonb_strip_nulls("row") AS "row" FROM contract.quarantined;
SELECT contract.repair(id, '{"c800": 9}') FROM contract.quarantined;
SELECT released, message FROM contract.release('wide');
SELECT c1, c800, c1600 FROM wide WHERE c800 = 9;
SELECT count(*), count(*) FILTER (WHERE status = 'fail') AS failing, sum(failed) AS failed FROM contract.check('wide');
-- one that refuses, and another column is dropped
SELECT contract.not_null('wide', 'c1600', on_violation => 'reject');
INSERT INTO wide (c1) VALUES (1);
ALTER TABLE wide DROP COLUMN c700;
INSERT INTO wide (c1) VALUES (1);
INSERT INTO wide (c1600) VALUES (1);
COPY wide (c1600, c800) FROM stdin;
2	2
3	11
\.
SELECT count(*) FROM wide;
SELECT contract.drop_contract('wide', discard_quarantine => true);
DROP TABLE wide;
DROP FUNCTION add_rules(integer, integer, text);

/*
 * 1000 rules on one table
 */
CREATE TABLE ruled (id integer PRIMARY KEY, n integer, a text);
SELECT count(contract.between('ruled', 'n', 0, g % 500, on_violation => 'warn')) FROM generate_series(0, 699) AS g;
SELECT count(contract.length_between('ruled', 'a', g % 7, NULL, filter => 'n > ' || g)) FROM generate_series(1, 200) AS g;
SELECT count(contract.satisfies('ruled', 'n <> ' || g)) FROM generate_series(401, 500) AS g;
SELECT count(*) AS rules, count(DISTINCT rule) AS names, max(rule) FROM contract.rules;
INSERT INTO ruled VALUES (1, -1, 'abcdefg'), (2, 100, 'abc'), (3, 499, ''), (4, NULL, NULL);
SELECT v.key, count(*) AS failed, count(DISTINCT rule) AS rules FROM contract.violations AS v GROUP BY v.key ORDER BY v.key;
SELECT count(*) FILTER (WHERE n < 0 OR n > g % 500) AS between_bounds FROM ruled, generate_series(0, 699) AS g;
SELECT count(*) FILTER (WHERE n > g AND length(a) < g % 7) AS lengths FROM ruled, generate_series(1, 200) AS g;
SELECT count(*) FILTER (WHERE n = g) AS satisfies FROM ruled, generate_series(401, 500) AS g;
SELECT count(*) AS rules, sum(failed) AS failed, sum(considered) AS considered, count(*) FILTER (WHERE status = 'pass') AS pass FROM contract.check('ruled');
SELECT count(contract.alter_rule('ruled', rule, on_violation => 'reject')) FROM contract.rules WHERE rule IN ('between_n_500', 'satisfies_n_100');
INSERT INTO ruled VALUES (5, 500, 'abcdefg');
INSERT INTO ruled VALUES (5, 499, 'abcdefg');
SELECT contract.alter_rule('ruled', 'satisfies_n_100', on_violation => 'quarantine');
SELECT contract.alter_rule('ruled', 'between_n_500', on_violation => 'warn');
INSERT INTO ruled VALUES (5, 500, 'abcdefg') RETURNING id;
SELECT cardinality(rules) FROM contract.quarantined;
SELECT count(*) FROM ruled;
SELECT contract.drop_contract('ruled', discard_quarantine => true);
DROP TABLE ruled;

/*
 * Bytes that are no text in this encoding: refused before they get anywhere,
 * and what was recorded before stays recorded
 */
CREATE TABLE enc (id integer PRIMARY KEY, a text);
SELECT contract.length_between('enc', 'a', 0, 1);
SELECT contract.not_null('enc', 'a', on_violation => 'quarantine');
BEGIN;
INSERT INTO enc VALUES (1, 'long');
INSERT INTO enc VALUES (2, NULL);
SAVEPOINT s;
INSERT INTO enc VALUES (3, 'long'), (4, E'\xff\xfe');
ROLLBACK TO s;
INSERT INTO enc SELECT 5, convert_from('\xc3', 'UTF8');
ROLLBACK TO s;
COMMIT;
COPY enc FROM stdin;
6	long
7	\xc3\x28
\.
SELECT contract.matches('enc', 'a', E'\xc3\x28');
SELECT contract.satisfies('enc', E'a <> ''\xff''');
SELECT contract.describe('enc', owner => E'\xed\xa0\x80');
\set VERBOSITY terse
SELECT contract.add_rule('enc', 'matches', '{a}', '{"pattern": "\u0000"}');
SELECT contract.add_rule('enc', 'accepted_values', '{a}', '{"values": ["\ud800"]}');
SELECT contract.repair(id, '{"a": "\u0000"}') FROM contract.quarantined;
\set VERBOSITY default
SELECT contract.repair(id, '{"a": "\u00e9\ud83d\ude00"}') FROM contract.quarantined;
SELECT id FROM enc ORDER BY id;
SELECT rule, key, value FROM contract.violations ORDER BY id;
SELECT "row" FROM contract.quarantined;
SELECT contract.drop_contract('enc', discard_quarantine => true);
DROP TABLE enc;

SELECT (SELECT count(*) FROM contract.dataset) AS dataset, (SELECT count(*) FROM contract.contract) AS contract,
	(SELECT count(*) FROM contract.run) AS run, (SELECT count(*) FROM contract.quarantine) AS quarantine;
DROP FUNCTION attempt(text);
DROP TABLE bystander;
