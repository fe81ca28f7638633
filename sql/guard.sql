-- DDL that breaks a contract is refused at commit; what drifted all the same is found.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_contract;
RESET client_min_messages;
CREATE SCHEMA regress_guard;
SET search_path = regress_guard;

-- names of triggers have a number in them
CREATE FUNCTION drift(dataset text) RETURNS TABLE (column_name name, problem text, expected text, found text, message text)
LANGUAGE sql SET search_path = regress_guard AS $$
	SELECT column_name, problem, expected, found, regexp_replace(message, '_\d+_', '_N_', 'g') FROM contract.drift(dataset)
$$;

CREATE TABLE orders (id int PRIMARY KEY, amount int, status varchar(10) NOT NULL, note text, junk int);
SELECT contract.describe('orders', owner => 'sales', version => '1.2.0', contract_id => 'sales');
SELECT contract.between('orders', 'amount', 0, 10, on_violation => 'reject');
SELECT contract.satisfies('orders', 'length(note) < amount', name => 'short_note');
SELECT contract.not_null('orders', 'status');
SELECT contract.query('orders', 'SELECT id FROM regress_guard.orders WHERE amount < id', name => 'amounts');
SELECT * FROM drift('orders');

-- what no rule is about may go, come and change
ALTER TABLE orders DROP COLUMN junk;
ALTER TABLE orders ADD COLUMN fresh int;
ALTER TABLE orders ALTER COLUMN fresh TYPE text;
ALTER TABLE orders ALTER COLUMN id TYPE bigint, ALTER COLUMN amount TYPE bigint;
CREATE INDEX ON orders (amount);
ALTER TABLE orders RENAME COLUMN status TO state;
ALTER TABLE orders RENAME COLUMN state TO status;
ALTER TABLE orders RENAME TO bookings;
ALTER TABLE bookings RENAME TO orders;
SELECT * FROM drift('orders');

-- a column, its type, NOT NULL, the table; a query cannot follow a rename
ALTER TABLE orders RENAME COLUMN amount TO total;
ALTER TABLE orders DROP COLUMN amount;
ALTER TABLE orders DROP COLUMN note, DROP COLUMN amount;
ALTER TABLE orders ALTER COLUMN amount TYPE text;
ALTER TABLE orders ALTER COLUMN note TYPE int USING 1;
ALTER TABLE orders ALTER COLUMN status DROP NOT NULL;
DROP TABLE orders;
DROP SCHEMA regress_guard CASCADE;
ALTER TABLE orders RENAME TO other;
BEGIN;
ALTER TABLE other RENAME COLUMN amount TO total;
ALTER TABLE other DROP COLUMN total;
COMMIT;
ALTER TABLE other RENAME TO orders;
SELECT dataset, problem FROM contract.scorecard WHERE dataset ~ 'guard';

-- what counts is what the transaction leaves behind
BEGIN;
SAVEPOINT s;
DROP TABLE orders;
ROLLBACK TO s;
ALTER TABLE orders DROP COLUMN amount;
ALTER TABLE orders ADD COLUMN amount int;
COMMIT;
BEGIN;
DROP TABLE orders;
CREATE TABLE orders (note text, status text NOT NULL, amount numeric, id int);
COMMIT;
BEGIN;
DROP TABLE orders;
CREATE TABLE orders (note text, status text, amount text, id int);
COMMIT;
BEGIN;
DROP TABLE orders;
CREATE VIEW orders AS SELECT 1 AS id, 2 AS amount, ''::text AS status, ''::text AS note;
COMMIT;
-- a swap as dbt does it, with what fits and what does not
CREATE TABLE orders__dbt_tmp AS SELECT 1 AS id, 2 AS amount, 'new' AS status, 'a' AS note;
ALTER TABLE orders__dbt_tmp ALTER status SET NOT NULL;
BEGIN;
ALTER TABLE orders RENAME TO orders__dbt_backup;
ALTER TABLE orders__dbt_tmp RENAME TO orders;
COMMIT;
DROP TABLE orders__dbt_backup;
CREATE TABLE orders__dbt_tmp AS SELECT 1 AS id, 'new' AS status, 'a' AS note;
BEGIN;
ALTER TABLE orders RENAME TO orders__dbt_backup;
ALTER TABLE orders__dbt_tmp RENAME TO orders;
COMMIT;
DROP TABLE orders__dbt_tmp;
INSERT INTO orders VALUES (2, 11, 'new', 'a');
-- the contract may change with the table
BEGIN;
ALTER TABLE orders DROP COLUMN amount;
SELECT contract.drop_rule('orders', 'between_amount'), contract.drop_rule('orders', 'amounts');
COMMIT;
BEGIN;
SELECT contract.drop_rule('orders', 'between_amount'), contract.drop_rule('orders', 'amounts'), contract.drop_rule('orders', 'short_note');
ALTER TABLE orders DROP COLUMN amount;
COMMIT;
BEGIN;
DROP TABLE orders;
SELECT contract.drop_contract('orders');
COMMIT;

-- triggers
CREATE TABLE orders (id int, amount int, status text);
SELECT contract.describe('orders', contract_id => 'sales', owner => 'sales');
SELECT contract.between('orders', 'amount', 0, 10);
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TRIGGER mine BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION nothing();
SELECT tgname AS insert FROM pg_trigger WHERE tgrelid = 'orders'::regclass AND tgname LIKE '%insert' \gset
-- whose error names a trigger, which has a number
CREATE FUNCTION anonymous() RETURNS text LANGUAGE sql AS $$ SELECT regexp_replace(problem, '\d{4,}', 'N') FROM contract.scorecard WHERE dataset ~ 'guard' $$;
ALTER TABLE orders DISABLE TRIGGER mine;
DROP TRIGGER mine ON orders;
\set VERBOSITY terse
ALTER TABLE orders DISABLE TRIGGER :insert;
ALTER TABLE orders DISABLE TRIGGER ALL;
ALTER TABLE orders ENABLE TRIGGER :insert;
DROP TRIGGER :insert ON orders;
ALTER TRIGGER :insert ON orders RENAME TO innocent;
ALTER TABLE orders DISABLE TRIGGER USER, DROP COLUMN status;
\set VERBOSITY default
SELECT anonymous();
BEGIN;
ALTER TABLE orders DISABLE TRIGGER :insert;
ALTER TABLE orders ENABLE ALWAYS TRIGGER :insert;
COMMIT;
BEGIN;
DROP TRIGGER :insert ON orders;
SELECT contract.enforce('orders');
COMMIT;
-- of a partition, too
CREATE TABLE parts (id int, day date) PARTITION BY RANGE (day);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
SELECT contract.between('parts', 'id', 0, 10);
\set VERBOSITY terse
ALTER TABLE parts_1 DISABLE TRIGGER ALL;
\set VERBOSITY default
SET pg_contract.ddl_guard = off;
ALTER TABLE parts_1 DISABLE TRIGGER ALL;
SET pg_contract.ddl_guard = refuse;
SELECT * FROM drift('parts');
ALTER TABLE parts_1 DISABLE TRIGGER ALL;
SELECT contract.enforce('parts');
SELECT * FROM drift('parts');
-- partitions
ALTER TABLE parts DETACH PARTITION parts_1;
ALTER TABLE parts DETACH PARTITION parts_1 CONCURRENTLY;
BEGIN;
ALTER TABLE parts DETACH PARTITION parts_1;
ALTER TABLE parts ATTACH PARTITION parts_1 FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
COMMIT;
BEGIN;
ALTER TABLE parts DETACH PARTITION parts_1;
DROP TABLE parts_1;
COMMIT;
DROP TABLE parts_2;
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM ('2025-01-01') TO ('2026-01-01') PARTITION BY RANGE (day);
CREATE TABLE parts_2_1 PARTITION OF parts_2 FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');
ALTER TABLE parts_2 DETACH PARTITION parts_2_1;
DROP TABLE parts_2;
-- what others write to a foreign partition is not seen here
CREATE FOREIGN DATA WRAPPER regress_guard;
CREATE SERVER regress_guard FOREIGN DATA WRAPPER regress_guard;
CREATE FOREIGN TABLE parts_3 PARTITION OF parts FOR VALUES FROM ('2026-01-01') TO ('2027-01-01') SERVER regress_guard;
SELECT * FROM drift('parts');
\set VERBOSITY terse
ALTER FOREIGN TABLE parts_3 DISABLE TRIGGER ALL;
\set VERBOSITY default
BEGIN;
ALTER TABLE parts DETACH PARTITION parts_3;
CREATE TABLE archive (id int, day date) PARTITION BY RANGE (day);
ALTER TABLE archive ATTACH PARTITION parts_3 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
COMMIT;
SET client_min_messages = warning;
DROP FOREIGN DATA WRAPPER regress_guard CASCADE;
RESET client_min_messages;
SELECT contract.drop_contract('parts');
DROP TABLE parts;

-- warn, off, and what is not in force
SET pg_contract.ddl_guard = warn;
BEGIN;
ALTER TABLE orders DROP COLUMN amount;
ROLLBACK;
ALTER TABLE orders ALTER amount TYPE text;
SELECT * FROM drift('orders');
-- what had drifted is not held against later DDL
SET pg_contract.ddl_guard = refuse;
ALTER TABLE orders ADD COLUMN more int;
ALTER TABLE orders ALTER amount TYPE varchar(5);
ALTER TABLE orders ALTER amount TYPE int USING 1;
ALTER TABLE orders ADD COLUMN status text NOT NULL DEFAULT '';
SELECT contract.not_null('orders', 'status'), contract.matches('orders', 'status', '^n', on_violation => 'audit');
SET pg_contract.ddl_guard = off;
ALTER TABLE orders DROP COLUMN status;
\set VERBOSITY terse
DROP TRIGGER :insert ON orders;
\set VERBOSITY default
SET pg_contract.ddl_guard = refuse;
SELECT * FROM drift('orders');
ALTER TABLE orders DISABLE TRIGGER ALL;
ALTER TABLE orders ADD COLUMN evenmore int;
SELECT contract.describe('orders', status => 'draft');
ALTER TABLE orders DROP COLUMN amount;
SELECT contract.describe('orders', status => 'deprecated');
DROP TABLE orders;
SELECT contract.describe('orders', status => 'retired');
DROP TABLE orders;
SELECT * FROM drift('orders');
SELECT contract.drop_contract('orders');
SET pg_contract.ddl_guard = sometimes;
CREATE ROLE regress_guarded;
GRANT ALL ON SCHEMA regress_guard TO regress_guarded;
SET ROLE regress_guarded;
SET pg_contract.ddl_guard = off;
RESET ROLE;

-- the rule kind schema
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TABLE items (id int, label varchar(10), m mood, price numeric(6,2), extra int);
SELECT contract.add_rule('items', 'schema', '{}', '{"columns": [{"name": "id", "type": "integer"}, {"name": "label", "type": "varchar(10)"},
	{"name": "m", "type": "regress_guard.mood"}, {"name": "price", "logicalType": "number"}]}');
ALTER TABLE items DROP COLUMN extra;
ALTER TABLE items ADD COLUMN more int;
ALTER TABLE items DROP COLUMN id;
ALTER TABLE items ALTER COLUMN id TYPE smallint;
ALTER TABLE items ALTER COLUMN price TYPE text;
ALTER TABLE items ALTER COLUMN price TYPE bigint;
ALTER TABLE items ALTER COLUMN label TYPE varchar(9);
DROP TYPE mood CASCADE;
-- widened
ALTER TABLE items ALTER COLUMN id TYPE bigint;
ALTER TABLE items ALTER COLUMN label TYPE text;
SELECT * FROM drift('items');
-- ... which excuses no other change of the type
ALTER TABLE items ALTER COLUMN id TYPE text;
ALTER TABLE items ADD COLUMN evenmore int;
-- a rename is followed in what SQL made
ALTER TABLE items RENAME COLUMN price TO cost;
SELECT parameters FROM contract.rules WHERE dataset = 'regress_guard.items';
-- no other columns
SELECT contract.alter_rule('items', 'schema', '{"columns": [{"name": "cost"}, {"name": "id"}, {"name": "label"}, {"name": "m"}, {"name": "more"}, {"name": "evenmore"}], "exact": true}');
SELECT * FROM drift('items');
ALTER TABLE items ADD COLUMN one int;
ALTER TABLE items DROP COLUMN m;
-- a document's words are its own: a rename breaks them
SELECT contract.not_null('items', 'cost');
SELECT contract.alter_rule('items', 'schema', '{"columns": [{"name": "cost"}, {"name": "id"}]}');
UPDATE contract.rule SET source = 'document' WHERE dataset_id IN (SELECT dataset_id FROM contract.rules WHERE dataset = 'regress_guard.items');
UPDATE contract.dataset SET documented = '{}' WHERE name = 'regress_guard.items';
ALTER TABLE items RENAME COLUMN cost TO price;
ALTER TABLE items RENAME TO goods;
ALTER SCHEMA regress_guard RENAME TO regress_guarded;
BEGIN;
ALTER TABLE items RENAME TO goods;
ALTER TABLE goods RENAME TO items;
COMMIT;
SET pg_contract.ddl_guard = warn;
ALTER TABLE items RENAME COLUMN cost TO price;
SELECT rule, columns, parameters FROM contract.rules WHERE dataset = 'regress_guard.items' ORDER BY rule;
SELECT * FROM drift('items');
RESET pg_contract.ddl_guard;
DROP TABLE items;
SELECT contract.describe('items', status => 'draft');
DROP TABLE items;
SELECT contract.drop_contract('items');
DROP TYPE mood;

-- DROP OWNED
CREATE TABLE owned (a int);
ALTER TABLE owned OWNER TO regress_guarded;
SET ROLE regress_guarded;
SELECT contract.not_null('owned', 'a');
DROP OWNED BY regress_guarded;
SELECT contract.drop_contract('owned');
DROP TABLE owned;
RESET ROLE;
-- two tables exchange their names, and one that does not fit takes another's
CREATE TABLE one (a int, b text);
CREATE TABLE two (a int, b text);
SELECT contract.between('one', 'a', 0, 1), contract.matches('two', 'b', 'x');
BEGIN;
ALTER TABLE one RENAME TO tmp;
ALTER TABLE two RENAME TO one;
ALTER TABLE tmp RENAME TO two;
COMMIT;
ALTER TABLE two DROP COLUMN b;
ALTER TABLE two DROP COLUMN a;
BEGIN;
ALTER TABLE one RENAME TO tmp;
ALTER TABLE two RENAME TO one;
ALTER TABLE tmp RENAME TO two;
COMMIT;
ALTER TABLE one ADD COLUMN c int;
ALTER TABLE two ADD COLUMN c int;
BEGIN;
DROP TABLE one;
ALTER TABLE two RENAME TO one;
COMMIT;
SELECT contract.drop_contract('one'), contract.drop_contract('two');
DROP TABLE one, two;

-- a document: its table made later, its words its own
CREATE FUNCTION document(version text, status text, columns text) RETURNS text LANGUAGE sql AS $$
	SELECT format(E'apiVersion: v3.1.0\nkind: DataContract\nid: mail\nversion: %s\nstatus: %s\nteam: {name: post}\nschema:\n- name: letters\n  physicalName: regress_guard.letters\n  properties:\n%s', version, status, columns)
$$;
\set columns1 '  - {name: id, physicalType: integer, required: true}\n  - {name: sender, logicalType: string, physicalType: text, logicalTypeOptions: {minLength: 2}}\n'
SELECT path, change, new FROM contract.apply(document('1.0.0', 'active', :'columns1')) WHERE enforced;
SELECT * FROM contract.drift('letters');
CREATE TABLE letters (id int NOT NULL, sender text, weight int);
SELECT * FROM contract.drift('letters');
INSERT INTO letters VALUES (1, 'x');
SELECT rule, value FROM contract.violations WHERE dataset = 'regress_guard.letters';
ALTER TABLE letters RENAME COLUMN sender TO origin;
ALTER TABLE letters ALTER COLUMN id DROP NOT NULL;
ALTER TABLE letters DROP COLUMN sender;
ALTER TABLE letters RENAME TO mails;
\set columns2 '  - {name: id, physicalType: bigint, required: true}\n  - {name: origin, logicalType: string, physicalType: text, logicalTypeOptions: {minLength: 2}}\n'
BEGIN;
ALTER TABLE letters RENAME COLUMN sender TO origin;
ALTER TABLE letters ALTER COLUMN id TYPE bigint;
SELECT path, change, old, new FROM contract.apply(document('2.0.0', 'active', :'columns2')) WHERE enforced;
COMMIT;
SELECT * FROM contract.drift('letters');
SELECT rule, columns FROM contract.rules WHERE dataset = 'regress_guard.letters' ORDER BY 1;
INSERT INTO letters VALUES (1, 'x');
SELECT rule, value FROM contract.violations WHERE dataset = 'regress_guard.letters' ORDER BY id;
-- renamed table with a new document
BEGIN;
ALTER TABLE letters RENAME TO mails;
SELECT path, change, old, new FROM contract.apply(replace(document('3.0.0', 'active', :'columns2'), 'regress_guard.letters', 'regress_guard.mails')) WHERE enforced;
COMMIT;
SELECT dataset, problem FROM contract.scorecard WHERE dataset ~ 'guard';
-- dropped with document that no longer has it
BEGIN;
DROP TABLE mails;
SELECT contract.drop_contract('mail');
COMMIT;
SELECT dataset, problem FROM contract.scorecard WHERE dataset ~ 'guard';
DROP FUNCTION document(text, text, text);

-- prepared transactions
CREATE TABLE prepared (a int);
SELECT contract.not_null('prepared', 'a');
BEGIN;
DROP TABLE prepared;
PREPARE TRANSACTION 'regress_guard';
BEGIN;
ALTER TABLE prepared ADD COLUMN b int;
PREPARE TRANSACTION 'regress_guard';
COMMIT PREPARED 'regress_guard';
-- what pg_dump writes drops what it makes again
SET check_function_bodies = off;
SET row_security = off;
BEGIN;
DROP TABLE prepared;
SET client_min_messages = error;
COMMIT;
RESET client_min_messages;
RESET check_function_bodies;
RESET row_security;
SELECT contract.drop_contract('prepared');

-- a contract that waits: for a table, and for its owner's word
CREATE TABLE later (a int, b text);
ALTER TABLE later OWNER TO regress_guarded;
SET ROLE regress_guarded;
SELECT contract.between('later', 'a', 0, 10, on_violation => 'reject');
SELECT contract.matches('later', 'b', '^x');
RESET ROLE;
SET pg_contract.ddl_guard = off;
DROP TABLE later;
SET pg_contract.ddl_guard = refuse;
SET ROLE regress_guarded;
SELECT * FROM drift('later');
CREATE TABLE later (a int);
SELECT rule, status, message FROM contract.check('later');
INSERT INTO later VALUES (11);
ALTER TABLE later ADD COLUMN b text;
SELECT * FROM drift('later');
-- made by somebody else
RESET ROLE;
BEGIN;
DROP TABLE later;
CREATE TABLE later (a int, b text);
COMMIT;
SET pg_contract.ddl_guard = off;
DROP TABLE later;
CREATE TABLE later (a int, b text);
SET pg_contract.ddl_guard = refuse;
INSERT INTO later VALUES (11);
SELECT problem FROM contract.scorecard WHERE dataset = 'regress_guard.later';
SELECT * FROM drift('later');
SELECT rule, status FROM contract.check('later');
SELECT contract.not_null('later', 'a');
CREATE TABLE innocent (a int);
SET ROLE regress_guarded;
SELECT rule FROM contract.rules WHERE dataset = 'regress_guard.later' ORDER BY rule;
SELECT contract.enforce('later');
RESET ROLE;
BEGIN;
ALTER TABLE later OWNER TO regress_guarded;
INSERT INTO later VALUES (11);
ROLLBACK;
-- its owner accepts it
SELECT contract.enforce('later');
INSERT INTO later VALUES (11);
SELECT author FROM contract.dataset WHERE name = 'regress_guard.later';
-- whoever has the owner's rights is trusted
ALTER TABLE later OWNER TO regress_guarded;
CREATE ROLE regress_guard_member IN ROLE regress_guarded;
ALTER TABLE later OWNER TO regress_guard_member;
BEGIN;
DROP TABLE later;
CREATE TABLE later (a int, b text);
ALTER TABLE later OWNER TO regress_guarded;
INSERT INTO later VALUES (11);
ROLLBACK;
-- an author who is gone binds nobody's hands
SET pg_contract.ddl_guard = off;
DROP TABLE later;
SET pg_contract.ddl_guard = refuse;
DROP ROLE regress_guard_member;
CREATE TABLE later (a int, b text);
INSERT INTO later VALUES (11);
-- drop_contract ends one that waits
ALTER TABLE later OWNER TO regress_guarded;
SET pg_contract.ddl_guard = off;
DROP TABLE later;
SET ROLE regress_guarded;
SELECT contract.drop_contract('later');
RESET ROLE;

-- who may see the dataset may ask how it drifted
CREATE TABLE mine (id int NOT NULL, a int, b int);
SELECT contract.not_null('mine', 'a', on_violation => 'reject'), contract.not_null('mine', 'b'), contract.pii('mine', 'b');
SELECT contract.add_rule('mine', 'schema', '{}', '{"columns": [{"name": "b"}, {"name": "a", "type": "text"}]}');
SET ROLE regress_guarded;
SELECT * FROM drift('mine');
RESET ROLE;
GRANT SELECT (id) ON mine TO regress_guarded;
SET ROLE regress_guarded;
SELECT * FROM drift('mine');
RESET ROLE;
SELECT * FROM contract.drift('nothing');
SET client_min_messages = warning;
ALTER TABLE mine DROP COLUMN b;
RESET client_min_messages;
SELECT * FROM drift('mine');

SET client_min_messages = error;
SELECT contract.drop_contract('mine');
DROP SCHEMA regress_guard CASCADE;
DROP ROLE regress_guarded;
