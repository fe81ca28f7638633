/*
 * Lineage of definitions: views, materialized views, generated columns, functions.  It is there without anything
 * being run, and event triggers keep it up.
 */
CREATE SCHEMA regress_definitions;
SET search_path = regress_definitions;

-- what was there before the extension is derived with it
CREATE TABLE orders (id int PRIMARY KEY, customer int, amount int NOT NULL, tax int, total int GENERATED ALWAYS AS (amount + tax) STORED);
CREATE VIEW big AS SELECT id, amount AS value, total FROM orders WHERE tax > 0;
CREATE VIEW sums AS SELECT id, sum(value) AS value FROM big GROUP BY id;
CREATE MATERIALIZED VIEW daily AS SELECT max(value) AS most FROM sums;
CREATE FUNCTION amount_of(wanted int) RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT amount FROM orders WHERE id = wanted; END;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_contract;
RESET client_min_messages;

CREATE FUNCTION edges(target text DEFAULT '.*') RETURNS TABLE (source text, "column" text, into_table text, into_column text, subtype text, hops text)
LANGUAGE sql SET search_path = regress_definitions AS $$
	SELECT source_table, source_column, target_table, target_column, subtype, string_agg(hop, ',' ORDER BY hop)
	FROM contract.lineage WHERE target_schema = 'regress_definitions' AND executions IS NULL AND target_table ~ target
	GROUP BY 1, 2, 3, 4, 5
$$;
SELECT * FROM edges() ORDER BY into_table, into_column, source, "column", subtype;

-- what belongs to the server or to an extension is left out
SELECT count(*) FROM contract.lineage_definition
WHERE target_objid IN (SELECT oid FROM pg_class WHERE relnamespace IN ('contract'::regnamespace, 'pg_catalog'::regnamespace));

-- a view that is replaced, and what depends on it
CREATE OR REPLACE VIEW big AS SELECT id, tax AS value, total FROM orders;
SELECT * FROM edges('^(big|sums|daily)$') ORDER BY into_table, into_column, source, "column", subtype;
-- a column more
CREATE OR REPLACE VIEW big AS SELECT id, tax AS value, total, customer FROM orders;
SELECT * FROM edges('^big$') ORDER BY into_column, source, "column", subtype;
-- the same again changes nothing, nor what is rolled back
CREATE TABLE before AS SELECT ctid AS place, * FROM contract.lineage_definition;
CREATE OR REPLACE VIEW big AS SELECT id, tax AS value, total, customer FROM orders;
BEGIN;
CREATE OR REPLACE VIEW big AS SELECT customer AS id, tax AS value, total, customer FROM orders;
SELECT count(*) > 0 AS changed FROM (TABLE before EXCEPT SELECT ctid, * FROM contract.lineage_definition) d;
ROLLBACK;
SELECT count(*) FROM (TABLE before EXCEPT SELECT ctid, * FROM contract.lineage_definition) d;
DROP TABLE before;

-- names are those of now
ALTER TABLE orders RENAME COLUMN tax TO vat;
ALTER VIEW big RENAME TO large;
ALTER VIEW large RENAME COLUMN value TO amount;
SELECT * FROM edges('^(large|sums)$') ORDER BY into_table, into_column, source, "column", subtype;

-- generated columns come and go
ALTER TABLE orders ADD COLUMN double int GENERATED ALWAYS AS (amount * 2) STORED;
SELECT * FROM edges('^orders$') ORDER BY into_column, source, "column", subtype;
ALTER TABLE orders ALTER COLUMN double DROP EXPRESSION;
SELECT * FROM edges('^orders$') ORDER BY into_column, source, "column", subtype;
CREATE TABLE copy (LIKE orders INCLUDING GENERATED);
CREATE TABLE child () INHERITS (orders);
ALTER TABLE orders ADD COLUMN triple int GENERATED ALWAYS AS (amount * 3) STORED;
SELECT * FROM edges('^(copy|child)$') ORDER BY into_table, into_column, source, "column", subtype;
DROP TABLE copy, child;

-- whether a null may arrive is asked anew when that changes
SELECT DISTINCT source_column, nullable FROM contract.lineage
WHERE target_schema = 'regress_definitions' AND target_table = 'large' AND kind = 'direct' ORDER BY 1;
ALTER TABLE orders ALTER COLUMN vat SET NOT NULL, ALTER COLUMN amount DROP NOT NULL;
SELECT DISTINCT source_column, nullable FROM contract.lineage
WHERE target_schema = 'regress_definitions' AND target_table = 'large' AND kind = 'direct' ORDER BY 1;

-- functions, and what looks through them
CREATE FUNCTION vats() RETURNS TABLE (order_id int, vat int) LANGUAGE sql BEGIN ATOMIC SELECT id, vat FROM orders; END;
CREATE FUNCTION old_style() RETURNS int LANGUAGE sql AS 'SELECT amount FROM regress_definitions.orders';
CREATE VIEW through AS SELECT order_id, vat FROM vats();
CREATE VIEW through_old AS SELECT old_style() AS value;
SELECT * FROM edges('^(vats|old_style|through)') ORDER BY into_table, into_column, source, "column", subtype;
CREATE OR REPLACE FUNCTION vats() RETURNS TABLE (order_id int, vat int) LANGUAGE sql BEGIN ATOMIC SELECT customer, vat FROM orders; END;
CREATE OR REPLACE FUNCTION old_style() RETURNS int LANGUAGE sql AS 'SELECT customer FROM regress_definitions.orders';
SELECT * FROM edges('^(vats|old_style|through)') ORDER BY into_table, into_column, source, "column", subtype;
CREATE OR REPLACE FUNCTION vats() RETURNS TABLE (order_id int, vat int) LANGUAGE sql AS 'SELECT 1, 2';
SELECT * FROM edges('^vats') ORDER BY into_table, into_column, source, "column", subtype;

-- in one command; in a temporary schema
CREATE SCHEMA regress_more CREATE TABLE t (a int) CREATE VIEW v AS SELECT a FROM t;
SELECT source_table, source_column, target_table, target_column, hop FROM contract.lineage WHERE target_schema = 'regress_more' ORDER BY hop;
ALTER SCHEMA regress_more RENAME TO regress_less;
SELECT source_schema, target_schema, hop FROM contract.lineage WHERE target_schema = 'regress_less' ORDER BY hop;
CREATE TEMPORARY VIEW mine AS SELECT a + 1 AS b FROM regress_less.t;
SELECT source_table, source_column, target_table, target_column, subtype, hop FROM contract.lineage WHERE target_table = 'mine' ORDER BY hop;

-- what is dropped is gone, with what goes with it
DROP SCHEMA regress_less CASCADE;
SELECT count(*) FROM contract.lineage WHERE source_schema = 'regress_less' OR target_table = 'mine';
DROP VIEW large CASCADE;
SELECT * FROM edges('^(large|sums|daily)$');

-- anew: what is missing comes back, what should not be there goes
DELETE FROM contract.lineage_derived WHERE classid <> 0;
DELETE FROM contract.lineage_definition WHERE target_column > 2;
INSERT INTO contract.lineage_derived VALUES ('pg_class'::regclass, 1, 1);
INSERT INTO contract.lineage_definition VALUES ('pg_class'::regclass, 1, 'view', 'orders'::regclass, 1, 'pg_class'::regclass, 1, 1, 'identity',
	true, true, false, false, 0);
SELECT contract.refresh_lineage() AS derived \gset
SELECT count(*) = :derived AS all_of_them FROM contract.lineage_derived WHERE classid <> 0;
SELECT * FROM edges() ORDER BY into_table, into_column, source, "column", subtype;
SELECT count(*) FROM contract.lineage_definition WHERE objid = 1;
CREATE ROLE regress_nobody;
SET ROLE regress_nobody;
SELECT contract.refresh_lineage();
RESET ROLE;
BEGIN READ ONLY;
SELECT contract.refresh_lineage();
ROLLBACK;

-- what cannot be derived is said, and stops no DDL
BEGIN;
ALTER TABLE contract.lineage_derived RENAME TO hidden;
CREATE VIEW unseen AS SELECT id FROM orders;
DROP VIEW unseen;
ROLLBACK;
BEGIN;
ALTER TABLE contract.lineage_definition ADD CONSTRAINT none CHECK (subtype <> 'aggregation');
CREATE VIEW unseen AS SELECT id AS id FROM orders;
CREATE VIEW other AS SELECT max(id) AS id FROM unseen;
SELECT * FROM edges('^(unseen|other)$');
ROLLBACK;

-- the guard names what a column fed before the transaction began, whatever has become of it
DROP VIEW through_old;
CREATE VIEW joined AS SELECT o.id, o.amount AS net, o.customer FROM orders o WHERE o.vat > 0;
CREATE VIEW counted AS SELECT count(*) AS n FROM orders;
CREATE MATERIALIZED VIEW report AS SELECT max(net) AS most, count(DISTINCT customer) AS customers FROM joined;
CREATE ROLE regress_bi;
ALTER VIEW joined OWNER TO regress_bi;
ALTER VIEW counted OWNER TO regress_bi;
SELECT contract.describe('report', owner => 'finance', contract_id => 'regress report');
SELECT contract.describe('orders', owner => 'sales', contract_id => 'regress orders', status => 'active');
SELECT contract.not_null('orders', 'vat'), contract.not_null('orders', 'customer'), contract.between('orders', 'amount', 0, 10);
SET client_min_messages = warning;
ALTER TABLE orders DROP COLUMN customer CASCADE;
ALTER TABLE orders DROP COLUMN vat CASCADE;
BEGIN;
ALTER TABLE orders RENAME TO bookings;
ALTER TABLE bookings DROP COLUMN customer CASCADE;
COMMIT;
BEGIN;
DROP VIEW joined CASCADE;
DROP FUNCTION amount_of;
ALTER TABLE orders DROP COLUMN total, DROP COLUMN triple, ALTER COLUMN amount TYPE text;
COMMIT;
BEGIN;
DROP VIEW joined CASCADE;
DROP VIEW counted;
DROP TABLE orders CASCADE;
COMMIT;
-- so many and no more
SELECT format('CREATE VIEW v%s AS SELECT customer AS c FROM orders; ALTER VIEW v%1$s OWNER TO regress_bi', i) FROM generate_series(1, 12) i
\gexec
ALTER TABLE orders DROP COLUMN customer CASCADE;
RESET client_min_messages;

SET pg_contract.ddl_guard = off;
SET client_min_messages = warning;
DROP SCHEMA regress_definitions CASCADE;
SELECT contract.drop_contract('regress orders'), contract.drop_contract('regress report');
RESET client_min_messages;
RESET pg_contract.ddl_guard;
DROP ROLE regress_nobody, regress_bi;
SELECT count(*) FROM contract.lineage_definition d WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = d.source_relid)
	OR NOT EXISTS (SELECT FROM contract.lineage_derived x WHERE (x.classid, x.objid) = (d.classid, d.objid));
