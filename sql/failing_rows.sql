-- contract.failing_rows(): the SELECT of all rows that fail a rule; contract.has_format().
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_contract;
SET pg_contract.ddl_guard = off;
RESET client_min_messages;
CREATE SCHEMA regress_failing;
CREATE SCHEMA "regress ""case";
SET client_min_messages = warning;
CREATE EXTENSION citext SCHEMA "regress ""case";
RESET client_min_messages;
SET search_path = regress_failing;

-- adds a rule that is only audited
CREATE FUNCTION rule(relation regclass, name text, kind text, columns name[], parameters jsonb DEFAULT '{}', filter text DEFAULT NULL)
RETURNS text LANGUAGE sql RETURN contract.add_rule(relation, kind, columns, parameters, 'audit', filter => filter, name => name);
-- how many rows the queries return, and where an audit counts otherwise
CREATE FUNCTION counts(relation regclass) RETURNS TABLE (rule text, failing bigint, audited bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
	r record;
BEGIN
	FOR r IN SELECT c.rule, failed FROM contract.check((SELECT dataset FROM contract.rules
		WHERE dataset::regclass = relation LIMIT 1)) AS c ORDER BY c.rule LOOP
		rule := r.rule;
		EXECUTE format('SELECT count(*) FROM (%s) AS f', contract.failing_rows(relation, r.rule)) INTO failing;
		audited := NULLIF(r.failed, failing);
		RETURN NEXT;
	END LOOP;
END
$$;

/*
 * The text, and what it finds
 */
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN code AS char(4);
CREATE DOMAIN tags AS text[];
CREATE DOMAIN feeling AS mood;
CREATE TYPE pair AS (x integer, y text);
CREATE TABLE "Odd ""table" (b integer, a integer, qty integer, price numeric(8,2), f float8, "select" text, v varchar(9), c code, ci "regress ""case".citext,
	day date, span interval, feel feeling, words tags, pair pair, raw bytea, PRIMARY KEY (a, b));
INSERT INTO "Odd ""table" VALUES
	(1, 1, 1, 1, 1, E'it''s \\a', 'v', 'c', 'CI', '2024-02-29', '1 day', 'ok', '{a,b}', '(1,y)', '\x01'),
	(2, 1, NULL, 'NaN', 'NaN', E' \t\n\r\f\x0b', '', '', '', '2023-02-28', '-1 year', 'sad', '{}', '(,)', ''),
	(1, 2, -7, 1.01, '-Infinity', '', 'ü', 'ü', 'ci', '-infinity', '-1 mons +1 day', 'happy', '{NULL}', NULL, '\x00'),
	(2, 2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
SELECT rule('"Odd ""table"', n, k, c::name[], COALESCE(p, '{}'), filter) FROM (VALUES
	('a not null', 'not_null', '{qty}', NULL::jsonb, NULL),
	('b composite not null', 'not_null', '{pair}', NULL, NULL),
	('c not blank', 'not_blank', '{select}', NULL, NULL),
	('d not blank char', 'not_blank', '{c}', NULL, NULL),
	('e not blank citext', 'not_blank', '{ci}', NULL, NULL),
	('f accepted', 'accepted_values', '{select}', '{"values": ["it''s \\a", " "]}', NULL),
	('g accepted arrays', 'accepted_values', '{words}', '{"values": ["{a,b}", "{NULL}"]}', NULL),
	('h accepted enum', 'accepted_values', '{feel}', '{"values": ["ok", "happy"]}', NULL),
	('i accepted citext', 'accepted_values', '{ci}', '{"values": ["ci"]}', NULL),
	('j accepted composite', 'accepted_values', '{pair}', '{"values": ["(1,y)"]}', NULL),
	('k forbidden', 'forbidden_values', '{c}', '{"values": ["c   ", "ü"]}', NULL),
	('l forbidden arrays', 'forbidden_values', '{words}', '{"values": ["{a,b}", "{}"]}', NULL),
	('m forbidden bytes', 'forbidden_values', '{raw}', '{"values": ["\\x00"]}', NULL),
	('n between', 'between', '{qty}', '{"minimum": 0, "maximum": 10, "exclusive_maximum": true}', 'price > 0'),
	('o between float', 'between', '{f}', '{"minimum": "-inf", "exclusive_minimum": true}', NULL),
	('p between day', 'between', '{day}', '{"minimum": "2024-01-01"}', NULL),
	('q between span', 'between', '{span}', '{"minimum": "-1 year -2 mons"}', NULL),
	('r between enum', 'between', '{feel}', '{"maximum": "ok"}', NULL),
	('s length', 'length_between', '{v}', '{"minimum": 1, "maximum": 3}', NULL),
	('t length char', 'length_between', '{c}', '{"minimum": 1}', NULL),
	('u any length', 'length_between', '{c}', '{"minimum": 0}', NULL),
	('v matches', 'matches', '{select}', '{"pattern": "^[^\\\\]*$"}', NULL),
	('w not matches', 'not_matches', '{ci}', '{"pattern": "^c"}', NULL),
	('x format', 'format', '{c}', '{"format": "country_code"}', NULL),
	('y multiple', 'multiple_of', '{qty}', '{"divisor": 2}', NULL),
	('y multiple float', 'multiple_of', '{f}', '{"divisor": 0.5}', NULL),
	('y multiple numeric', 'multiple_of', '{price}', '{"divisor": "1e0"}', NULL),
	('z satisfies', 'satisfies', '{}', '{"expression": "\"Odd \"\"table\".qty / (a - 1) > 0 -- above \"Odd \"\"table\".a"}', '"Odd ""table".a > 1 -- or else')
) AS v (n, k, c, p, filter);
\a\t
SELECT rule || E':\n' || contract.failing_rows('"Odd ""table"', rule) FROM contract.rules WHERE dataset LIKE 'regress_failing.%' ORDER BY rule;
\a\t
SELECT * FROM counts('"Odd ""table"');
SELECT contract.failing_rows('"Odd ""table"', 'n between') \gexec
SELECT contract.failing_rows('"Odd ""table"', 'o between float') || ' LIMIT 1 OFFSET 0' \gexec

-- the same in any session
SET DateStyle = 'German, DMY';
SET IntervalStyle = sql_standard;
SET extra_float_digits = 0;
SET bytea_output = escape;
SET standard_conforming_strings = off;
SET escape_string_warning = off;
SELECT count(*), count(audited) AS different, sum(failing) AS failing FROM counts('"Odd ""table"');
RESET ALL;
SET pg_contract.ddl_guard = off;
-- also one with functions and operators of its own
CREATE SCHEMA regress_failing_own;
CREATE FUNCTION regress_failing_own.length(varchar) RETURNS integer LANGUAGE sql IMMUTABLE RETURN 0;
CREATE FUNCTION regress_failing_own.btrim(text, text) RETURNS text LANGUAGE sql IMMUTABLE RETURN '';
CREATE FUNCTION regress_failing_own.no(integer, integer) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN false;
CREATE OPERATOR regress_failing_own.>= (FUNCTION = regress_failing_own.no, LEFTARG = integer, RIGHTARG = integer);
CREATE OPERATOR regress_failing_own.= (FUNCTION = regress_failing_own.no, LEFTARG = integer, RIGHTARG = integer);
CREATE OPERATOR regress_failing_own.% (FUNCTION = regress_failing_own.no, LEFTARG = integer, RIGHTARG = integer);
CREATE DOMAIN regress_failing_own.int4 AS integer CHECK (VALUE < 0);
SET search_path = regress_failing_own, pg_catalog;
SELECT rule, failing, audited FROM regress_failing.counts('regress_failing."Odd ""table"')
	WHERE rule LIKE 'c %' OR rule LIKE 'n %' OR rule LIKE 's %' OR rule LIKE 'y multiple';
RESET search_path;
DROP SCHEMA regress_failing_own CASCADE;
SET search_path = regress_failing;

-- names follow
ALTER TABLE "Odd ""table" RENAME TO even;
ALTER TABLE even RENAME qty TO "New ""qty";
SELECT contract.failing_rows('even', 'z satisfies') AS query;
SELECT count(*), count(audited) AS different, sum(failing) AS failing FROM counts('even');

/*
 * Other relations
 */
CREATE TABLE parted (id integer, n integer) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (10);
CREATE TABLE parted_2 (n integer, gone integer, id integer);
ALTER TABLE parted_2 DROP gone;
ALTER TABLE parted ATTACH PARTITION parted_2 FOR VALUES FROM (10) TO (20);
INSERT INTO parted SELECT g, NULLIF(g % 5, 0) FROM generate_series(1, 19) AS g;
CREATE TABLE base (id integer PRIMARY KEY);
CREATE TABLE child (n integer) INHERITS (base);
INSERT INTO base VALUES (1), (-1);
INSERT INTO child VALUES (-2);
CREATE VIEW vw AS SELECT id, n FROM parted WHERE id > 9;
SELECT rule('parted', 'n', 'not_null', '{n}'), rule('base', 'n', 'between', '{id}', '{"minimum": 0}'), rule('vw', 'n', 'not_null', '{n}');
SELECT relation, contract.failing_rows(relation, 'n') AS query, (counts(relation)).* FROM unnest('{parted,base,vw}'::regclass[]) AS relation;

/*
 * Keys
 */
CREATE TABLE parent (x integer PRIMARY KEY);
CREATE TABLE kid (id integer PRIMARY KEY, x integer, y text, "the ""z" integer);
INSERT INTO parent VALUES (1), (2);
INSERT INTO kid VALUES (4, 1, 'a', 1), (3, 1, 'a', NULL), (2, 3, NULL, 1), (1, 3, NULL, 1), (5, NULL, 'b', 3), (6, NULL, 'b', 4);
SELECT contract.unique('kid', '{x,y}', name => 'u'), contract.unique('kid', ARRAY['the "z']::name[], filter => '"the ""z" > 0 AND kid.id < 5 -- few', name => 'uf'),
	contract.references('kid', '{x}', 'parent', '{x}', name => 'r'), contract.references('kid', '{x}', 'parent', '{x}', filter => 'id = 1', name => 'rf');
SELECT * FROM counts('kid');
SELECT contract.failing_rows('kid', 'u') AS query \gset
:query;
SELECT contract.failing_rows('kid', 'uf') \gexec
SELECT contract.failing_rows('kid', 'r') \gexec

/*
 * Who may, and what they see
 */
CREATE ROLE regress_failing_reader;
CREATE ROLE regress_failing_columns;
CREATE ROLE regress_failing_key;
GRANT USAGE ON SCHEMA regress_failing TO PUBLIC;
CREATE TABLE staff (id integer PRIMARY KEY, name text, salary integer);
INSERT INTO staff VALUES (1, 'a', 10), (2, NULL, -10), (3, NULL, -20);
SELECT rule('staff', 'name', 'not_null', '{name}'), rule('staff', 'salary', 'between', '{salary}', '{"minimum": 0}');
SET ROLE regress_failing_reader;
SELECT contract.failing_rows('staff', 'name');
RESET ROLE;
GRANT SELECT ON staff TO regress_failing_reader;
GRANT SELECT (id, name) ON staff TO regress_failing_columns;
GRANT SELECT (name) ON staff TO regress_failing_key;
SET ROLE regress_failing_reader;
SELECT contract.failing_rows('staff', 'salary') \gexec
SET ROLE regress_failing_columns;
SELECT contract.failing_rows('staff', 'name') AS query \gset
\echo :query
:query;
SELECT contract.failing_rows('staff', 'salary') \gexec
SET ROLE regress_failing_key;
SELECT contract.failing_rows('staff', 'name') AS query \gset
\echo :query
:query;
RESET ROLE;
-- row security is the caller's
ALTER TABLE staff ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON staff USING (id = 3);
SET ROLE regress_failing_reader;
SELECT contract.failing_rows('staff', 'salary') \gexec
RESET ROLE;

/*
 * Errors
 */
SELECT contract.failing_rows('staff', 'no such');
SELECT contract.failing_rows('child', 'n');
SELECT contract.failing_rows(NULL, 'n') IS NULL AS a, contract.failing_rows('staff', NULL) IS NULL AS b;
ALTER TABLE staff DROP salary;
SELECT contract.failing_rows('staff', 'salary');

/*
 * has_format
 */
SELECT contract.has_format('2024-02-29', 'date') AS a, contract.has_format('2023-02-29', 'date') AS b, contract.has_format(NULL, 'date') AS c,
	contract.has_format('x', NULL) AS d, contract.has_format('DE  '::char(4), 'country_code') AS e;
SELECT contract.has_format('x', 'no such');
SELECT provolatile, proisstrict, proparallel FROM pg_proc WHERE oid = 'contract.has_format'::regproc;

SELECT contract.drop_contract(dataset) FROM contract.rules WHERE dataset LIKE 'regress_failing.%' GROUP BY dataset ORDER BY dataset;
SET client_min_messages = warning;
DROP SCHEMA regress_failing CASCADE;
DROP SCHEMA "regress ""case" CASCADE;
DROP ROLE regress_failing_reader;
DROP ROLE regress_failing_columns;
DROP ROLE regress_failing_key;
