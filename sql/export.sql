-- contract.export: contracts made in SQL, documents with what was added in SQL, who may.
CREATE SCHEMA regress_export;
CREATE SCHEMA regress_elsewhere;
SET search_path = regress_export;
\pset format unaligned
\pset tuples_only on

-- a document, without what depends on the server
CREATE FUNCTION exported(name text) RETURNS text LANGUAGE sql
RETURN regexp_replace(regexp_replace(contract.export(name), 'port: \d+', 'port: ...'), '(server|database): \w+', '\1: ...', 'g');

-- what applying the export of a contract changes
CREATE FUNCTION changes(name text) RETURNS SETOF text LANGUAGE sql
BEGIN ATOMIC
	SELECT r.path || ': ' || r.change || COALESCE(' to ' || r.new, '') FROM contract.apply(contract.export(name)) r WHERE r.change <> 'none';
END;

-- made in SQL: fields where they say the same, else checks, else rules of our own
CREATE TABLE customers (id integer PRIMARY KEY, region text);
CREATE TABLE regress_elsewhere.partners (id integer PRIMARY KEY);
CREATE TABLE orders (id integer, number text, customer_id integer, partner integer, amount numeric(10,2),
	status text, email text, at timestamptz, twice numeric GENERATED ALWAYS AS (amount * 2) STORED);
SELECT contract.describe('orders', owner => 'sales-data', description => 'One row per order', version => '1.10',
	write_path => 'oltp', on_apply => 'warn', contract_id => 'shop');
SELECT contract.describe_column('orders', 'amount', 'Euro', tags => '{money,no}');
SELECT contract.pii('orders', 'email', 'email', 'confidential');
SELECT contract.describe_column('orders', 'status', classification => 'restricted');
SELECT contract.not_null('orders', 'id', on_violation => 'reject');
SELECT contract.not_null('orders', 'amount', filter => 'id > 10', tolerance => 0.01, description => 'so be it');
SELECT contract.between('orders', 'amount', 0, 1000.50, exclusive_minimum => true, on_violation => 'quarantine');
SELECT contract.between('orders', 'twice', 0, NULL);
SELECT contract.multiple_of('orders', 'amount', 0.01, on_violation => 'quarantine');
SELECT contract.length_between('orders', 'number', 1, 10);
SELECT contract.matches('orders', 'number', '^SO');
SELECT contract.matches('orders', 'email', '\m.@');
SELECT contract.format('orders', 'email', 'email', on_violation => 'reject');
SELECT contract.accepted_values('orders', 'status', '{new,no,1.10}'::text[], severity => 'warning');
SELECT contract.not_blank('orders', 'status');
SELECT contract.satisfies('orders', 'amount < 5 OR partner IS NULL', name => 'partners are dear');
SELECT contract.unique('orders', '{id}');
SELECT contract.unique('orders', '{number,partner}');
SELECT contract.references('orders', '{customer_id}', 'customers', '{id}');
SELECT contract.references('orders', '{partner}', 'regress_elsewhere.partners', '{id}');
SELECT contract.row_count('orders', 10, 100);
SELECT contract.fresh('orders', 'at', '1 hour');
SELECT contract.metric('orders', 'amount', 'avg', 5, 10);
SELECT contract.query('orders', 'SELECT id FROM regress_export.orders WHERE amount > 5');
SELECT contract.query('orders', 'SELECT count(*) FROM regress_export.orders WHERE amount > 5', maximum => 10);
SELECT exported('shop');
SELECT exported('orders') = exported('shop') AND contract.export('orders'::regclass) = contract.export('shop');
SELECT changes('shop');
SELECT version FROM contract.history('shop');
-- now it is a document; what was added since is added to it
SELECT contract.export('shop') = document FROM contract.history('shop');
SELECT contract.not_null('orders', 'number');
SELECT exported('shop') = document FROM contract.history('shop');
SELECT contract.drop_rule('orders', 'not_null_number');
SELECT contract.export('shop') = document FROM contract.history('shop');

-- several tables in several schemas, and one that is gone
CREATE TABLE regress_elsewhere.orders (id integer, note text);
CREATE TABLE gone (id integer, note text);
SELECT contract.describe(t, contract_id => 'both') FROM (VALUES ('customers'::regclass), ('regress_elsewhere.orders')) AS v (t);
SELECT contract.describe('gone', contract_id => 'both');
SELECT contract.not_null('gone', 'id');
SELECT contract.references('regress_elsewhere.orders', '{id}', 'customers', '{id}');
SET pg_contract.ddl_guard = off;
DROP TABLE gone;
RESET pg_contract.ddl_guard;
SELECT exported('both');
SELECT changes('both');

-- added to a document that the export did not write: order, comments gone, what it says stays
SELECT change, message FROM contract.apply($$
# hand-made
id: parts
kind: DataContract
apiVersion: v3.0.2
version: 2.1.0
status: active
team: [{username: anna, role: Owner}]
schema:
  - name: Parts
    physicalName: regress_export.parts
    properties: &columns
      - {name: Key, physicalName: id, logicalType: integer, required: true}
      - {name: price, logicalType: number, logicalTypeOptions: {minimum: 1.10}}
    quality:
      - {type: text, description: Must be nice}
    customProperties: [{property: onViolation, value: quarantine}]
  - name: Old
    physicalName: regress_export.old_parts
    properties: *columns
$$);
CREATE TABLE parts (id integer, price numeric);
SELECT contract.export('parts') LIKE '%# hand-made%';
SELECT contract.not_null('parts', 'id', on_violation => 'reject', name => 'of my own');
SELECT contract.not_null('parts', 'price');
SELECT contract.metric('parts', 'price', 'avg', 1, 2, description => 'two');
SELECT contract.describe('parts', owner => 'ben', description => 'Parts', write_path => 'oltp');
SELECT contract.describe_column('parts', 'price', 'In euros', 'internal', '{a}');
SELECT contract.pii('parts', 'id', 'number');
CREATE TABLE more (day date);
SELECT contract.describe('more', contract_id => 'parts');
SELECT contract.between('more', 'day', '2020-01-01'::date, NULL);
SELECT contract.export('parts');
SELECT count(*) FROM contract.lint(contract.export('parts')) WHERE severity <> 'info';

-- rules that a document would not make as they are
CREATE TABLE planned (id integer, gone integer);
SELECT contract.describe('planned', status => 'draft');
SELECT contract.not_null('planned', 'id', on_violation => 'reject');
SELECT exported('planned');
SELECT contract.describe('planned', status => 'active');
SELECT contract.not_null('planned', 'gone', on_violation => 'audit');
SET client_min_messages = error;
SET pg_contract.ddl_guard = off;
ALTER TABLE planned DROP COLUMN gone;
RESET pg_contract.ddl_guard;
RESET client_min_messages;
SELECT exported('planned');

-- who may
CREATE ROLE regress_export_reader;
GRANT USAGE ON SCHEMA regress_export, regress_elsewhere TO regress_export_reader;
GRANT SELECT (id) ON regress_elsewhere.orders TO regress_export_reader;
SET ROLE regress_export_reader;
SELECT contract.export('both');
SELECT contract.export('orders'::regclass);
RESET ROLE;
GRANT SELECT ON customers TO regress_export_reader;
GRANT pg_read_all_data TO regress_export_reader;
SET ROLE regress_export_reader;
SELECT contract.export('both') LIKE '%id: both%';
RESET ROLE;
SELECT contract.export('nothing');
SELECT contract.export('regress_elsewhere.partners'::regclass);
SELECT contract.export(NULL::text) IS NULL;

SET client_min_messages = error;
SET pg_contract.ddl_guard = off;
SELECT count(contract.drop_contract(name)) > 0 AS dropped FROM contract.dataset;
SELECT count(contract.drop_contract(contract_id)) > 0 AS dropped FROM contract.contract;
DROP SCHEMA regress_export, regress_elsewhere CASCADE;
DROP ROLE regress_export_reader;
