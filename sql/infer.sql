-- contract.infer: a first document of a relation, from the catalogs.
CREATE SCHEMA regress_infer;
CREATE SCHEMA regress_other;
SET search_path = regress_infer;
\pset format unaligned
\pset tuples_only on

-- the document, without what depends on the server
CREATE FUNCTION inferred(relation regclass) RETURNS text LANGUAGE sql
RETURN regexp_replace(regexp_replace(contract.infer(relation), 'port: \d+', 'port: ...'), '(server|database): \w+', '\1: ...', 'g');

-- types, and what they say of values
CREATE TYPE mood AS ENUM ('sad', 'ok', 'no');
CREATE TYPE address AS (street text, zip varchar(5), place point);
CREATE DOMAIN short_text AS varchar(80);
CREATE DOMAIN email AS short_text NOT NULL CHECK (VALUE ~ '@');
CREATE TABLE types (
	i2 smallint, i4 integer, i8 bigint GENERATED ALWAYS AS IDENTITY, dropped integer,
	n numeric, n2 numeric(10,2), f4 real, f8 double precision, yes boolean,
	t text, v varchar(36), c char(3), nm name, u uuid,
	d date, ts timestamp(3), tz timestamptz, ti time, tiz timetz, iv interval,
	j json, jb jsonb, x xml, by bytea, ip inet, r int4range,
	m mood, a address, e email, arr varchar(5)[], moods mood[], emails email[],
	g numeric GENERATED ALWAYS AS (n * 2) STORED);
ALTER TABLE types DROP COLUMN dropped;
COMMENT ON TABLE types IS E'One of each:\n  no more, no less';
COMMENT ON COLUMN types.yes IS 'no';
SELECT inferred('types');

-- constraints
CREATE TABLE regions (region text PRIMARY KEY);
CREATE TABLE regress_other.partners (id integer PRIMARY KEY);
CREATE TABLE customers (id integer, region text NOT NULL REFERENCES regions, PRIMARY KEY (region, id));
CREATE TABLE orders (
	id integer PRIMARY KEY,
	number text UNIQUE CHECK (number <> ''),
	region text,
	customer integer,
	partner integer REFERENCES regress_other.partners ON DELETE CASCADE,
	parent integer REFERENCES orders,
	state mood DEFAULT 'ok',
	UNIQUE (region, number),
	FOREIGN KEY (region, customer) REFERENCES customers (region, id),
	CONSTRAINT right_mood CHECK (state <> 'no'),
	CONSTRAINT of_this_table CHECK (tableoid > 0));
CREATE UNIQUE INDEX ON orders (customer) WHERE partner IS NULL;
CREATE UNIQUE INDEX ON orders (lower(number));
CREATE UNIQUE INDEX partner_once ON orders (partner) INCLUDE (region);
SELECT inferred('orders');

-- names that only quotes let pass
CREATE TABLE "Ta.b""le é" (
	"no" integer UNIQUE, "a.b ""c""" text PRIMARY KEY, "$&" integer REFERENCES orders, "ä" integer UNIQUE CHECK ("ä" > 0),
	twelve_characters_five_times_over_and_then_three_more_is_sixty3 integer CHECK (
		twelve_characters_five_times_over_and_then_three_more_is_sixty3 > 0),
	UNIQUE ("no", "ä"));
CREATE TABLE referencing (key text REFERENCES "Ta.b""le é", "a b" integer REFERENCES orders);
SELECT inferred('"Ta.b""le é"');
SELECT inferred('referencing');

-- other relations
CREATE TABLE parts (part text NOT NULL, at date, note text, PRIMARY KEY (part, at)) PARTITION BY LIST (part);
CREATE TABLE part_a PARTITION OF parts FOR VALUES IN ('a') PARTITION BY RANGE (part, at);
CREATE TABLE by_expression (part text, note text) PARTITION BY RANGE (lower(note), part);
CREATE TABLE to_parts (part text, at date, FOREIGN KEY (part, at) REFERENCES parts);
CREATE VIEW seen AS SELECT id, state FROM orders;
CREATE MATERIALIZED VIEW kept AS SELECT id FROM orders;
CREATE TABLE nothing ();
SELECT inferred('part_a');
SELECT inferred('by_expression');
SELECT inferred('to_parts');
SELECT inferred('seen');
SELECT inferred('kept');
SELECT inferred('nothing');

-- constants of a CHECK are written so that every session reads them alike
CREATE TABLE constants (d date CHECK (d > '1900-02-03'), i interval CHECK (i < '1 day 2 hours'), r float8 CHECK (r < 0.1));
SET datestyle = 'German';
SET intervalstyle = 'sql_standard';
SET extra_float_digits = -15;
SELECT substring(line FROM 'expression: (.*)') FROM string_to_table(contract.infer('constants'), e'\n') AS line WHERE line LIKE '%expression:%';
SHOW datestyle;
RESET extra_float_digits;
RESET intervalstyle;
RESET datestyle;

-- who may, and of what
CREATE ROLE regress_infer_reader;
GRANT USAGE ON SCHEMA regress_infer TO regress_infer_reader;
SET ROLE regress_infer_reader;
SELECT contract.infer('kept');
RESET ROLE;
GRANT SELECT (id) ON kept TO regress_infer_reader;
SET ROLE regress_infer_reader;
SELECT contract.infer('kept') LIKE '%kept%';
RESET ROLE;
CREATE TEMP TABLE passing (a integer);
CREATE SEQUENCE counter;
SELECT contract.infer('passing');
SELECT contract.infer('counter');
SELECT contract.infer('pg_class');
SELECT contract.infer('contract.rule');
SELECT contract.infer(1);
SELECT contract.infer(NULL) IS NULL;

SET client_min_messages = warning;
DROP SCHEMA regress_infer, regress_other CASCADE;
DROP ROLE regress_infer_reader;
