-- What the catalogs prove is not read: executor "proof".
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_contract;
SET pg_contract.ddl_guard = off;
CREATE EXTENSION IF NOT EXISTS postgres_fdw;
CREATE EXTENSION IF NOT EXISTS citext;
RESET client_min_messages;
CREATE SCHEMA regress_proofs;
SET search_path = regress_proofs;

-- adds a rule that is only audited
CREATE FUNCTION rule(relation regclass, kind text, columns name[], parameters jsonb DEFAULT '{}', filter text DEFAULT NULL, name text DEFAULT NULL)
RETURNS text LANGUAGE sql RETURN contract.add_rule(relation, kind, columns, parameters, 'audit', filter => filter, name => name);
CREATE FUNCTION proofs(dataset text) RETURNS TABLE (rule text, status text, considered bigint, failed bigint, executor text, message text) LANGUAGE sql
BEGIN ATOMIC
	SELECT rule, status, considered, failed, executor, message FROM contract.check(dataset, 'full') ORDER BY rule COLLATE "C";
END;

/*
 * NOT NULL
 */
CREATE TABLE t (id integer PRIMARY KEY, a integer NOT NULL, b integer, "strange ""name" text NOT NULL);
INSERT INTO t VALUES (1, 1, 1, ''), (2, 2, NULL, 'x');
SELECT rule('t', 'not_null', ARRAY[c]::name[]) FROM unnest('{id,a,b,"strange \"name"}'::text[]) AS c;
SELECT rule('t', 'not_null', '{a}', filter => 'b > 0', name => 'filtered');
SELECT rule('t', 'not_blank', '{"strange \"name"}');
SELECT rule('t', 'satisfies', '{}', '{"expression": "a IS NOT NULL AND t.id IS NOT NULL"}', name => 'two columns');
SELECT rule('t', 'satisfies', '{}', '{"expression": "a IS NOT NULL OR b > 5"}', name => 'either');
SELECT rule('t', 'satisfies', '{}', '{"expression": "a > 0"}', name => 'not known');
SELECT * FROM proofs('t');
ALTER TABLE t ALTER a DROP NOT NULL;
UPDATE t SET a = NULL WHERE id = 2;
SELECT * FROM proofs('t') WHERE executor <> 'proof';
SELECT contract.drop_contract('regress_proofs.t');
DROP TABLE t;

/*
 * CHECK: true or null for every row is what a rule wants too
 */
CREATE DOMAIN word AS varchar(8);
CREATE TABLE t (id integer PRIMARY KEY, qty integer CHECK (qty BETWEEN 0 AND 100), price numeric CONSTRAINT price CHECK (price > 0),
	status text CHECK (status IN ('new', 'paid', 'sent')), tag varchar CHECK (tag ~ '^[a-z]+$'), w word CHECK (w <> ''),
	opened date, closed date, CHECK (closed >= opened), CHECK (opened >= '2020-01-01'), CHECK (opened < '2030-01-01'),
	step integer CHECK (step % 5 = 0), f float8 CHECK (f >= 0), ratio integer CHECK (100 / ratio > 2));
INSERT INTO t VALUES (1);
INSERT INTO t VALUES (2, 1, 1, 'new', 'a', 'w', '2024-01-01', '2024-01-01', 5, 'NaN', 7);
SELECT rule('t', 'between', '{qty}', '{"minimum": 0, "maximum": 100}', name => 'qty same');
SELECT rule('t', 'between', '{qty}', '{"minimum": -1}', name => 'qty wider');
SELECT rule('t', 'between', '{qty}', '{"minimum": -1, "exclusive_minimum": true}', name => 'qty just as wide');
SELECT rule('t', 'between', '{qty}', '{"minimum": 0, "exclusive_minimum": true}', name => 'qty narrower');
SELECT rule('t', 'between', '{qty}', '{"maximum": 99}', name => 'qty narrower above');
SELECT rule('t', 'between', '{price}', '{"minimum": 0}', name => 'price');
SELECT rule('t', 'between', '{price}', '{"minimum": 0.01}', name => 'price narrower');
SELECT rule('t', 'between', '{f}', '{"minimum": -1}', name => 'float');
SELECT rule('t', 'between', '{f}', '{"maximum": 1}', name => 'float above');
SELECT rule('t', 'accepted_values', '{status}', '{"values": ["sent", "new", "paid", "lost"]}', name => 'status more');
SELECT rule('t', 'accepted_values', '{status}', '{"values": ["new", "paid"]}', name => 'status fewer');
SELECT rule('t', 'forbidden_values', '{status}', '{"values": ["lost"]}', name => 'status not lost');
SELECT rule('t', 'forbidden_values', '{qty}', '{"values": [-5, 200]}', name => 'qty not -5');
SELECT rule('t', 'forbidden_values', '{qty}', '{"values": [50]}', name => 'qty not 50');
SELECT rule('t', 'matches', '{tag}', '{"pattern": "^[a-z]+$"}', name => 'tag');
SELECT rule('t', 'matches', '{tag}', '{"pattern": "^[a-z]*$"}', name => 'tag more');
SELECT rule('t', 'multiple_of', '{step}', '{"divisor": 5}', name => 'step');
SELECT rule('t', 'forbidden_values', '{w}', '{"values": [""]}', name => 'word');
SELECT rule('t', 'between', '{opened}', '{"minimum": "2020-01-01", "maximum": "2030-01-01"}', name => 'two constraints together');
SELECT rule('t', 'satisfies', '{}', '{"expression": "t.closed >= t.opened"}', name => 'closed');
SELECT rule('t', 'satisfies', '{}', '{"expression": "closed > opened"}', name => 'closed later');
SELECT rule('t', 'satisfies', '{}', '{"expression": "opened <= now()"}', name => 'not immutable');
SELECT rule('t', 'satisfies', '{}', '{"expression": "100 / ratio > 2"}', name => 'ratio');
SELECT rule('t', 'not_null', '{qty}', name => 'qty null');
SELECT * FROM proofs('t');

-- as long as it is validated
ALTER TABLE t DROP CONSTRAINT price;
SELECT * FROM proofs('t') WHERE rule = 'price';
INSERT INTO t (id, price) VALUES (3, -1);
ALTER TABLE t ADD CONSTRAINT price CHECK (price > 0) NOT VALID;
SELECT * FROM proofs('t') WHERE rule = 'price';
DELETE FROM t WHERE id = 3;
ALTER TABLE t VALIDATE CONSTRAINT price;
SELECT * FROM proofs('t') WHERE rule = 'price';

-- a snapshot of the whole transaction may be older than a constraint
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT DISTINCT executor FROM proofs('t');
COMMIT;
SELECT contract.drop_contract('regress_proofs.t');
DROP TABLE t;

-- functions that are not built in may change
CREATE FUNCTION positive(integer) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1 > 0; END';
CREATE TABLE t (id integer PRIMARY KEY CHECK (positive(id)), c public.citext CHECK (c IN ('a', 'B')), d text CHECK (contract.has_format(d, 'date')));
INSERT INTO t VALUES (1, 'a', '2024-01-01');
CREATE OR REPLACE FUNCTION positive(integer) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1 < 0; END';
SELECT rule('t', 'satisfies', '{}', '{"expression": "regress_proofs.positive(id)"}', name => 'positive');
SELECT rule('t', 'accepted_values', '{c}', '{"values": ["a", "b"]}', name => 'citext');
SELECT rule('t', 'format', '{d}', '{"format": "date"}', name => 'format');
SELECT * FROM proofs('t');
SELECT contract.drop_contract('regress_proofs.t');
DROP TABLE t;

-- an owner who may not use the schema of a type: nothing is proven, and that is no error
CREATE ROLE regress_proofs_owner;
CREATE SCHEMA regress_proofs_hidden;
CREATE TYPE regress_proofs_hidden.mood AS ENUM ('sad', 'ok');
CREATE TABLE t (id integer PRIMARY KEY, m regress_proofs_hidden.mood NOT NULL CHECK (m IN ('sad', 'ok')));
GRANT ALL ON SCHEMA regress_proofs TO regress_proofs_owner;
ALTER TABLE t OWNER TO regress_proofs_owner;
INSERT INTO t VALUES (1, 'sad');
SELECT rule('t', 'not_null', '{m}'), rule('t', 'accepted_values', '{m}', '{"values": ["ok"]}');
SELECT * FROM proofs('t');
SELECT contract.drop_contract('regress_proofs.t');
DROP TABLE t;
SET client_min_messages = warning;
DROP SCHEMA regress_proofs_hidden CASCADE;
RESET client_min_messages;
REVOKE ALL ON SCHEMA regress_proofs FROM regress_proofs_owner;
DROP ROLE regress_proofs_owner;

/*
 * Lengths
 */
CREATE DOMAIN code AS char(4);
CREATE TABLE t (v varchar(10), w word, c char(3), d code, u varchar, x text CHECK (length(x) < 20), y text);
INSERT INTO t VALUES ('x');
SELECT rule('t', 'length_between', ARRAY[c]::name[], jsonb_build_object('minimum', min, 'maximum', max), name => concat_ws(' ', c, min, max))
FROM (VALUES ('v', NULL, 10), ('v', NULL, 11), ('v', NULL, 9), ('v', 1, 10), ('v', 0, 10), ('w', NULL, 8), ('w', NULL, 7), ('c', NULL, 3),
	('c', NULL, 2), ('d', NULL, 4), ('d', 0, NULL), ('u', NULL, 10), ('x', NULL, 19), ('x', NULL, 18), ('y', NULL, 10)) AS v (c, min, max);
SELECT * FROM proofs('t');
SELECT contract.drop_contract('regress_proofs.t');
DROP TABLE t;

/*
 * Unique indexes
 */
CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE t (pk integer, a integer, b integer, c text, d text COLLATE nocase, e text, f integer, g integer, h integer, i integer, j varchar(9), k integer,
	PRIMARY KEY (pk), UNIQUE (a, b), UNIQUE (c), UNIQUE (g) DEFERRABLE, UNIQUE NULLS NOT DISTINCT (k));
CREATE UNIQUE INDEX d_bytes ON t (d COLLATE "C");
CREATE UNIQUE INDEX e_pattern ON t (e text_pattern_ops);
CREATE UNIQUE INDEX f_partial ON t (f) WHERE f > 0;
CREATE UNIQUE INDEX h_expression ON t (abs(h));
CREATE INDEX i_not_unique ON t (i);
CREATE UNIQUE INDEX j_other_collation ON t (j COLLATE "und-x-icu") INCLUDE (i);
INSERT INTO t SELECT n, n, n, n, n, n, n, n, n, n, n, n FROM generate_series(1, 2) AS n;
SELECT rule('t', 'unique', string_to_array(c, ',')::name[], name => c)
FROM unnest('{pk,a,"a,b","b,a","a,b,c",c,d,e,f,g,h,i,j,k}'::text[]) AS c;
SELECT rule('t', 'unique', '{pk}', filter => 'a > 0', name => 'pk filtered');
SELECT rule, status, failed, executor = 'proof' AS proven, message FROM proofs('t');
-- an index that is not valid
INSERT INTO t (pk, i) VALUES (3, 1);
CREATE UNIQUE INDEX CONCURRENTLY i_broken ON t (i);
SELECT rule, status, failed, executor = 'proof' AS proven FROM proofs('t') WHERE rule = 'i';
SELECT contract.drop_contract('regress_proofs.t');
DROP TABLE t;
CREATE TABLE t (id integer, n integer, UNIQUE (id)) PARTITION BY LIST (id);
CREATE TABLE t_1 PARTITION OF t FOR VALUES IN (1);
CREATE UNIQUE INDEX ON t_1 (n);
SELECT rule('t', 'unique', '{id}'), rule('t', 'unique', '{n}');
SELECT rule, status, failed, executor = 'proof' AS proven, message FROM proofs('t');
SELECT contract.drop_contract('regress_proofs.t');
DROP TABLE t;

/*
 * Where constraints are not enforced, or not everywhere
 */
CREATE TABLE remote (id integer, qty integer);
INSERT INTO remote VALUES (1, -1), (NULL, 5);
DO $$
BEGIN
	EXECUTE format('CREATE SERVER regress_proofs_loop FOREIGN DATA WRAPPER postgres_fdw OPTIONS (dbname %L, port %L, host %L)',
		current_database(), current_setting('port'), split_part(current_setting('unix_socket_directories'), ',', 1));
END
$$;
CREATE USER MAPPING FOR CURRENT_USER SERVER regress_proofs_loop OPTIONS (user :'USER');
CREATE FOREIGN TABLE promise (id integer NOT NULL, qty integer, CHECK (qty >= 0))
	SERVER regress_proofs_loop OPTIONS (schema_name 'regress_proofs', table_name 'remote');
SELECT rule('promise', 'not_null', '{id}'), rule('promise', 'between', '{qty}', '{"minimum": 0}');
SELECT * FROM proofs('promise');

CREATE TABLE parted (id integer NOT NULL, qty integer CHECK (qty >= 0), UNIQUE (id, qty)) PARTITION BY LIST (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1) PARTITION BY LIST (qty);
CREATE TABLE parted_1_1 PARTITION OF parted_1 DEFAULT;
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES IN (2);
SELECT rule('parted', 'not_null', '{id}'), rule('parted', 'between', '{qty}', '{"minimum": 0}');
SELECT * FROM proofs('parted');
ALTER TABLE parted DROP CONSTRAINT parted_id_qty_key;
CREATE FOREIGN TABLE parted_3 PARTITION OF parted FOR VALUES IN (3)
	SERVER regress_proofs_loop OPTIONS (schema_name 'regress_proofs', table_name 'remote');
SELECT * FROM proofs('parted');

CREATE TABLE base (id integer NOT NULL);
CREATE MATERIALIZED VIEW m AS SELECT id FROM base;
CREATE VIEW vw AS SELECT id FROM base;
SELECT rule('m', 'not_null', '{id}'), rule('vw', 'not_null', '{id}');
SELECT * FROM proofs('m');
SELECT * FROM proofs('vw');

SELECT contract.drop_contract(dataset) FROM contract.rules WHERE dataset LIKE 'regress_proofs.%' GROUP BY dataset ORDER BY dataset;
SET client_min_messages = warning;
DROP SCHEMA regress_proofs CASCADE;
DROP SERVER regress_proofs_loop CASCADE;
DROP EXTENSION postgres_fdw;
DROP EXTENSION citext;
