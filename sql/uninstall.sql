SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_contract;
SET pg_contract.ddl_guard = off;
RESET client_min_messages;

/*
 * The extension goes: nothing of it stays on the users' tables, which work as
 * if it had never been there, and it can come again.
 */
CREATE TABLE orders (id integer PRIMARY KEY, amount numeric, status text, email text);
CREATE TABLE fast (id integer);
CREATE TABLE parted (id integer, day date) PARTITION BY RANGE (day);
CREATE TABLE parted_2024 PARTITION OF parted FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE VIEW seen AS SELECT * FROM orders;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.status := upper(NEW.status); RETURN NEW; END $$;
CREATE TRIGGER mine BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION touch();
SELECT contract.describe('orders', owner => 'sales', contract_id => 'sales');
SELECT contract.between('orders', 'amount', 0, 10, on_violation => 'reject');
SELECT contract.not_null('orders', 'status', on_violation => 'quarantine');
SELECT contract.format('orders', 'email', 'email');
SELECT contract.pii('orders', 'email');
SELECT contract.describe('fast', write_path => 'oltp');
SELECT contract.not_null('fast', 'id');
SELECT contract.not_null('parted', 'id', on_violation => 'quarantine');
SELECT contract.not_null('seen', 'id', on_violation => 'audit');
INSERT INTO orders VALUES (1, 1, 'new', 'a@b.co'), (2, 2, NULL, 'x'), (3, 3, 'new', 'y');
INSERT INTO orders VALUES (4, 11, 'new', 'a@b.co');
INSERT INTO fast VALUES (NULL);
INSERT INTO parted VALUES (NULL, '2024-06-01');
SELECT count(*) FROM contract.check('orders');
SELECT (SELECT count(*) FROM contract.violations) AS violations, (SELECT count(*) FROM contract.quarantined) AS quarantined,
	(SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'zz\_contract\_%') AS triggers;

-- what belongs to the extension cannot go alone
DROP SCHEMA contract;
DROP TABLE contract.rule;
DROP FUNCTION contract.record();
DROP FUNCTION contract.conforms(integer, "any");
DROP EVENT TRIGGER pg_contract_end;
-- the schema public is not the extension's
BEGIN;
SET LOCAL client_min_messages = error;
DROP SCHEMA public CASCADE;
SELECT dataset, status FROM contract.scorecard ORDER BY dataset;
ROLLBACK;
-- triggers go with the extension, without CASCADE
BEGIN;
DROP EXTENSION pg_contract;
INSERT INTO orders VALUES (5, 11, NULL, NULL);
ROLLBACK;
SELECT count(*) FROM contract.rules;
INSERT INTO orders VALUES (5, 11, NULL, NULL);

-- in the transaction that wrote
BEGIN;
INSERT INTO orders VALUES (6, 6, 'new', 'z'), (7, 7, NULL, NULL);
DROP EXTENSION pg_contract;
INSERT INTO orders VALUES (8, 11, NULL, 'z');
COMMIT;
SELECT id, amount, status FROM orders ORDER BY id;
SELECT tgrelid::regclass AS table, regexp_replace(tgname, '_\d+_', '_N_') AS trigger FROM pg_trigger
WHERE tgrelid IN ('orders'::regclass, 'fast'::regclass, 'parted'::regclass, 'parted_2024'::regclass) ORDER BY 1, 2;
SELECT nspname FROM pg_namespace WHERE nspname = 'contract';
SELECT evtname FROM pg_event_trigger;
SELECT count(*) AS settings FROM pg_db_role_setting AS s, unnest(setconfig) AS c WHERE c LIKE 'pg_contract.%';
SELECT classid::regclass AS catalog, count(*) FROM pg_depend WHERE NOT EXISTS (SELECT FROM pg_extension WHERE oid = refobjid)
	AND refclassid = 'pg_extension'::regclass GROUP BY classid;
INSERT INTO orders VALUES (9, -1, 'x', 'y') RETURNING *;
UPDATE orders SET amount = amount + 100, status = NULL;
INSERT INTO fast VALUES (NULL);
UPDATE fast SET id = NULL;
INSERT INTO parted VALUES (NULL, '2024-07-01');
UPDATE parted SET id = 1;
DROP VIEW seen;
ALTER TABLE orders RENAME COLUMN amount TO price;
ALTER TABLE orders ALTER COLUMN price TYPE integer;
ALTER TABLE orders RENAME TO old_orders;
DROP TABLE parted_2024;
CREATE TABLE orders (LIKE old_orders);
DELETE FROM old_orders;
-- this backend remembers nothing that could hurt
CREATE EXTENSION pg_contract;
SELECT (SELECT count(*) FROM contract.rules) AS rules, (SELECT count(*) FROM contract.violations) AS violations,
	(SELECT count(*) FROM contract.quarantined) AS quarantined, (SELECT count(*) FROM contract.scorecard) AS scorecard;
SELECT contract.between('orders', 'price', 0, 10, on_violation => 'quarantine');
INSERT INTO orders VALUES (1, 11, 'new', 'z'), (2, 9, 'new', 'z');
SELECT rule, value FROM contract.violations ORDER BY id;
SELECT id FROM orders;
DROP EXTENSION pg_contract CASCADE;
INSERT INTO orders VALUES (3, 11, 'new', 'z');
SELECT id FROM orders ORDER BY id;
CREATE EXTENSION pg_contract;
-- in one transaction
BEGIN;
SELECT contract.not_null('fast', 'id');
INSERT INTO fast VALUES (NULL);
DROP EXTENSION pg_contract;
CREATE EXTENSION pg_contract;
SELECT count(*) FROM contract.rules;
SELECT contract.not_null('fast', 'id', name => 'again');
INSERT INTO fast VALUES (NULL);
SELECT rule FROM contract.violations ORDER BY id;
ROLLBACK;
SELECT count(*) FROM contract.rules;
DROP EXTENSION pg_contract;
DROP TABLE orders, old_orders, fast, parted;
DROP FUNCTION touch();
