-- Contracts follow what DDL does to their relations.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_contract;
SET pg_contract.ddl_guard = off;
RESET client_min_messages;

CREATE FUNCTION triggers(relation regclass) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(regexp_replace(tgname, '.*_', ''), ' ' ORDER BY tgname) FROM pg_trigger WHERE tgrelid = relation
$$;

CREATE TABLE orders (id int PRIMARY KEY, junk int, amount int, status text);
ALTER TABLE orders DROP COLUMN junk;
SELECT contract.between('orders', 'amount', 0, 10, filter => 'status <> ''free''');
SELECT contract.satisfies('orders', 'amount + length(status) < 100 AND orders.amount IS NOT NULL', name => 'sum');
SELECT contract.not_null('orders', 'status', on_violation => 'quarantine');
SELECT contract.pii('orders', 'status');
SELECT triggers('orders');

-- columns: retyped, renamed, added, dropped
ALTER TABLE orders ALTER COLUMN amount TYPE bigint;
ALTER TABLE orders RENAME COLUMN amount TO "Total €";
ALTER TABLE orders RENAME status TO state;
ALTER TABLE orders ADD COLUMN note text;
ALTER TABLE orders DROP COLUMN note;
SELECT rule, columns, parameters, filter FROM contract.rules WHERE dataset = 'public.orders' ORDER BY rule;
SELECT column_name FROM contract.pii_columns;
SELECT triggers('orders');
INSERT INTO orders VALUES (1, 11, 'new'), (2, 11, 'free'), (3, 5, NULL);
SELECT rule, key, value FROM contract.violations WHERE dataset = 'public.orders' ORDER BY id;
ALTER TABLE orders RENAME state TO status;
SELECT "row" FROM contract.quarantined;
SELECT contract.repair(id, '{"status": "new"}') FROM contract.quarantined;
SELECT released, message FROM contract.release('orders');
ALTER TABLE orders RENAME "Total €" TO amount;

-- the table and its schema are renamed and moved
CREATE SCHEMA sales;
ALTER TABLE orders RENAME TO bookings;
SELECT dataset FROM contract.rules GROUP BY 1;
ALTER TABLE bookings SET SCHEMA sales;
SELECT dataset FROM contract.rules GROUP BY 1;
ALTER SCHEMA sales RENAME TO "Sales 2";
SELECT dataset FROM contract.rules GROUP BY 1;
ALTER TABLE "Sales 2".bookings SET SCHEMA public;
ALTER TABLE bookings RENAME TO orders;
DROP SCHEMA "Sales 2";
INSERT INTO orders VALUES (10, 12, 'new');
SELECT dataset, rule, value FROM contract.violations ORDER BY id DESC LIMIT 1;

-- renamed and back in one transaction, and in a subtransaction that is rolled back
BEGIN;
ALTER TABLE orders RENAME TO x;
SAVEPOINT s;
ALTER TABLE x RENAME TO y;
ROLLBACK TO s;
INSERT INTO x VALUES (11, 13, 'new');
SELECT dataset FROM contract.scorecard;
COMMIT;
SELECT dataset FROM contract.scorecard;
BEGIN;
ALTER TABLE x RENAME TO orders;
ROLLBACK;
SELECT dataset FROM contract.scorecard;
ALTER TABLE x RENAME TO orders;

-- a swap as dbt does it
CREATE TABLE orders__dbt_tmp (status text, amount int, id int PRIMARY KEY);
BEGIN;
ALTER TABLE orders RENAME TO orders__dbt_backup;
INSERT INTO orders__dbt_backup VALUES (20, 14, 'new');          -- still under contract
ALTER TABLE orders__dbt_tmp RENAME TO orders;
INSERT INTO orders VALUES ('new', 15, 21);                      -- already under contract
COMMIT;
SELECT triggers('orders'), triggers('orders__dbt_backup');
DROP TABLE orders__dbt_backup;
INSERT INTO orders (id, amount, status) VALUES (22, 16, 'new');
SELECT dataset, rule, key, value FROM contract.violations ORDER BY id DESC LIMIT 3;
SELECT dataset, problem FROM contract.scorecard;

-- drop and create, in one transaction and in two
BEGIN;
DROP TABLE orders;
CREATE TABLE orders (id int, status text, amount numeric);
INSERT INTO orders VALUES (30, 'new', 17);
COMMIT;
DROP TABLE orders;
SELECT dataset, status, problem FROM contract.scorecard;
SELECT rule, status, message FROM contract.check('orders') ORDER BY rule;
SELECT rule FROM contract.rules ORDER BY rule;
CREATE TABLE orders AS SELECT 1 AS id, 'new'::text AS status, 1 AS amount;
INSERT INTO orders VALUES (31, 'new', 18);
SELECT key, rule, value FROM contract.violations WHERE source = 'write' ORDER BY id DESC LIMIT 2;
SELECT triggers('orders');
-- as a view: nothing to check on write, but audited
DROP TABLE orders;
CREATE VIEW orders AS SELECT 1 AS id, 'new'::text AS status, 99 AS amount;
SELECT rule, status, failed FROM contract.check('orders') ORDER BY rule;
DROP VIEW orders;

-- a column is gone: said at once; what guards stops writes, what observes does not
CREATE TABLE orders (id int, status text, amount numeric);
ALTER TABLE orders DROP COLUMN amount;
INSERT INTO orders VALUES (40, 'new');
SELECT rule, status, message FROM contract.check('orders') ORDER BY rule;
ALTER TABLE orders DROP COLUMN status;
INSERT INTO orders VALUES (41);
SELECT contract.drop_rule('orders', 'not_null_status');
INSERT INTO orders VALUES (41);
ALTER TABLE orders ADD COLUMN amount int, ADD COLUMN status text;
INSERT INTO orders VALUES (42, 19, 'new');
SELECT key, rule, value FROM contract.violations WHERE source = 'write' ORDER BY id DESC LIMIT 1;

-- triggers dropped or disabled by hand
SELECT tgname FROM pg_trigger WHERE tgrelid = 'orders'::regclass AND tgname LIKE '%insert' \gset
ALTER TABLE orders DISABLE TRIGGER :tgname;
SELECT regexp_replace(problem, '\d{4,}', 'N') AS problem, status FROM contract.scorecard;
ALTER TABLE orders ENABLE TRIGGER :tgname;
SELECT regexp_replace(problem, '\d{4,}', 'N') AS problem FROM contract.scorecard;
SET client_min_messages = error;
DROP TRIGGER :tgname ON orders;
SELECT rule, regexp_replace(message, '\d{4,}', 'N') AS message FROM contract.check('orders') ORDER BY rule;
RESET client_min_messages;
SELECT regexp_replace(problem, '\d{4,}', 'N') AS problem FROM contract.scorecard;
SELECT contract.enforce('orders');
SELECT problem FROM contract.scorecard;

-- two tables exchange their names: contracts stay with the names
CREATE TABLE other (id int, amount int, status text);
SELECT contract.between('other', 'amount', 100, 200);
BEGIN;
ALTER TABLE orders RENAME TO tmp;
ALTER TABLE other RENAME TO orders;
ALTER TABLE tmp RENAME TO other;
COMMIT;
INSERT INTO orders VALUES (50, 50, 'new');
INSERT INTO other VALUES (51, 50, 'new');
SELECT dataset, rule, key FROM contract.violations WHERE source = 'write' ORDER BY id DESC LIMIT 2;
SELECT triggers('orders'), triggers('other'), (SELECT count(DISTINCT tgfoid) FROM pg_trigger WHERE tgrelid = 'other'::regclass);

-- renamed onto the name of a dataset whose table is gone
DROP TABLE other;
ALTER TABLE orders RENAME TO other;
SELECT dataset, problem FROM contract.scorecard ORDER BY dataset;
INSERT INTO other VALUES (52, 50, 'new');
SELECT dataset, rule, key FROM contract.violations WHERE source = 'write' ORDER BY id DESC LIMIT 1;
DROP TABLE other;
-- a typed table whose type's attribute is renamed
CREATE TYPE booking AS (id int, amount int);
CREATE TABLE typed OF booking;
SELECT contract.between('typed', 'amount', 0, 10);
ALTER TYPE booking RENAME ATTRIBUTE amount TO total CASCADE;
INSERT INTO typed VALUES (1, 11);
SELECT message, value, "row" FROM contract.violations WHERE dataset = 'public.typed';
DROP TABLE typed;
DROP TYPE booking;

-- a column that goes by CASCADE takes our triggers with it: they come back
CREATE DOMAIN code AS text;
CREATE TABLE coded (id int, c code, amount int);
SELECT contract.not_null('coded', 'c'), contract.between('coded', 'amount', 0, 10, on_violation => 'reject');
SET client_min_messages = warning;
DROP DOMAIN code CASCADE;
RESET client_min_messages;
INSERT INTO coded VALUES (1, 99);
SELECT triggers('coded');
SELECT contract.drop_rule('coded', 'not_null_c');

-- a rule that names its table, and the table is renamed, also with ALTER INDEX
SELECT contract.satisfies('coded', 'coded.amount <> 5', on_violation => 'reject', name => 'not_five');
ALTER INDEX coded RENAME TO encoded;
INSERT INTO encoded VALUES (1, 5);
INSERT INTO encoded VALUES (1, 6);
SELECT dataset FROM contract.scorecard WHERE dataset LIKE '%coded';

-- a column replaced by another of its name; what is stored of rows follows names
ALTER TABLE encoded ADD COLUMN fresh int;
SELECT contract.pii('encoded', 'amount'), contract.pii('encoded', 'fresh');
SELECT contract.between('encoded', 'id', 0, 10);
INSERT INTO encoded VALUES (11, 1, 2);
SET client_min_messages = error;
ALTER TABLE encoded DROP COLUMN fresh;
ALTER TABLE encoded RENAME COLUMN amount TO fresh;
ALTER TABLE encoded RENAME COLUMN id TO number;
RESET client_min_messages;
SELECT column_name FROM contract.pii_columns;
SELECT "row" FROM contract.violations WHERE dataset = 'public.encoded';
SELECT columns FROM contract.results WHERE dataset = 'public.encoded';
DROP TABLE encoded;

-- what is no table cannot stand in for one
CREATE TABLE base (a int);
CREATE INDEX encoded ON base (a);
SELECT dataset, status FROM contract.scorecard WHERE dataset = 'public.encoded';
DROP TABLE base;
CREATE TYPE encoded AS (x int);
SELECT dataset, status FROM contract.scorecard WHERE dataset = 'public.encoded';
DROP TYPE encoded;

-- triggers that were disabled stay so after an ALTER TABLE that failed
CREATE TABLE once (a int);
SELECT contract.not_null('once', 'a');
BEGIN;
SAVEPOINT s;
ALTER TABLE once ALTER COLUMN a TYPE smallint USING 1 / 0, ADD COLUMN b int DEFAULT 1 / 0;
ROLLBACK TO s;
ALTER TABLE once DISABLE TRIGGER ALL;
COMMIT;
SELECT DISTINCT tgenabled FROM pg_trigger WHERE tgrelid = 'once'::regclass;
DROP TABLE once;

DROP FUNCTION triggers(regclass);
SELECT contract.drop_contract(dataset, true) FROM contract.scorecard ORDER BY dataset;
