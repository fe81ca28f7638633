/*
 * contract.apply: first and second time, versions, rules of SQL beside, rights.
 */
\set VERBOSITY default
\pset format unaligned
CREATE SCHEMA regress_apply;
SET search_path = regress_apply;
CREATE TABLE orders (id int PRIMARY KEY, amount numeric, email text, customer int, note text);
CREATE TABLE customers (id int, name text);

-- the documents of this test
CREATE TABLE document (name text PRIMARY KEY, source text);
INSERT INTO document VALUES ('v1', $$apiVersion: v3.1.0
kind: DataContract
id: shop
version: 1.0.0
status: active
description:
  purpose: What the shop sells
customProperties:
- {property: owner, value: sales}
servers:
- {server: here, type: postgres, host: localhost, port: 5432, database: contrib_regression, schema: regress_apply}
schema:
- name: orders
  description: One row per order
  properties:
  - name: id
    required: true
    customProperties:
    - {property: onViolation, value: reject}
  - name: amount
    logicalType: number
    logicalTypeOptions: {minimum: 0, maximum: 1000}
  - name: email
    description: where to write to
    classification: confidential
    tags: [contact, "two words"]
  quality:
  - name: some_rows
    metric: rowCount
    mustBeGreaterThan: 0
    severity: warning
    schedule: 0 6 * * *
    scheduler: cron
- name: customers
  properties:
  - name: id
    required: true
  quality:
  - type: text
    description: Names are what customers call themselves
$$);

-- what a document leaves in the catalog
CREATE VIEW catalog AS
SELECT 'contract' AS what, contract_id AS name,
	concat_ws(' ', version, status, owner, description, documented) AS says FROM contract.contract
UNION ALL
SELECT 'version', contract_id, concat_ws(' ', version, status, level, changes, applied_by, left(md5(source), 6))
FROM contract.contract_version
UNION ALL
SELECT 'dataset', name, concat_ws(' ', contract_id, description, write_path, on_apply, documented, author) FROM contract.dataset
UNION ALL
SELECT 'rule', d.name || '.' || r.name,
	concat_ws(' ', kind, columns, parameters, filter, severity, action, tolerance, r.description, source, schedule)
FROM contract.rule r JOIN contract.dataset d USING (dataset_id)
UNION ALL
SELECT 'column', d.name || '.' || column_name,
	concat_ws(' ', a.description, classification, pii_category, tags, a.documented)
FROM contract.column_annotation a JOIN contract.dataset d USING (dataset_id);

-- nothing of a trial is left
SELECT * FROM contract.apply((SELECT source FROM document WHERE name = 'v1'), dry_run => true);
SELECT * FROM catalog;
SELECT tgname FROM pg_trigger WHERE tgrelid = 'orders'::regclass AND NOT tgisinternal;

-- the first time, and it is enforced
SELECT * FROM contract.apply((SELECT source FROM document WHERE name = 'v1'));
SELECT * FROM catalog ORDER BY what COLLATE "C", name COLLATE "C", says COLLATE "C";
INSERT INTO orders VALUES (1, -1);
INSERT INTO orders VALUES (2000, 1001);
SELECT dataset, rule, kind, message FROM contract.violations ORDER BY id;
SELECT rule, schedule FROM contract.rules WHERE schedule IS NOT NULL;

-- a second time, and in other words: only the text is kept anew
SELECT * FROM contract.apply((SELECT source FROM document WHERE name = 'v1'));
SELECT * FROM contract.apply((SELECT source || '# the end' FROM document WHERE name = 'v1'));
SELECT version, status, level, changes, applied_by = current_user AS mine, right(document, 9) AS ends
FROM contract.history('shop');

/*
 * Versions
 */
CREATE FUNCTION changed(version text, VARIADIC edits text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text := (SELECT replace(source, 'version: 1.0.0', 'version: ' || version) FROM document WHERE name = 'v1');
BEGIN
	FOR i IN 1 .. cardinality(edits) BY 2 LOOP
		IF position(edits[i] IN result) = 0 THEN
			RAISE EXCEPTION 'the document has no "%"', edits[i];
		END IF;
		result := replace(result, edits[i], edits[i + 1]);
	END LOOP;
	RETURN result;
END $$;

-- nothing but the text of a description, which asks for a patch
SELECT * FROM contract.apply(changed('1.0.0', 'where to write', 'where to send letters'));
SELECT * FROM contract.apply(changed('0.9.0', 'where to write', 'where to send letters'));
SELECT * FROM contract.apply(changed('1.0.1', 'where to write', 'where to send letters'));
-- what breaks consumers or producers
SELECT * FROM contract.apply(changed('1.1.0', '    required: true', '    required: false', 'maximum: 1000', 'maximum: 500'));
SELECT * FROM contract.apply(changed('1.1.0', '    required: true', '    required: false', 'maximum: 1000', 'maximum: 500'), dry_run => true);
SELECT * FROM contract.apply(changed('2.0.0', '    required: true', '    required: false', 'maximum: 1000', 'maximum: 500'), dry_run => true);
SELECT * FROM contract.apply(changed('1.1.0', '    required: true', '    required: false', 'maximum: 1000', 'maximum: 500'), allow_breaking => true);
SELECT version, level, changes FROM contract.history('shop');
SELECT dataset, rule, kind, parameters, action FROM contract.rules ORDER BY 1, 2;
-- a version that is none, and back
SELECT * FROM contract.apply(changed('"2026"', 'maximum: 1000', 'maximum: 400'));
SELECT count(*) FROM contract.apply(changed('"2026"', 'maximum: 1000', 'maximum: 400'), allow_breaking => true);
SELECT * FROM contract.apply((SELECT source FROM document WHERE name = 'v1'));
SELECT count(*) FROM contract.apply((SELECT source FROM document WHERE name = 'v1'), allow_breaking => true);
SELECT version, level, changes FROM contract.history('shop');
SELECT * FROM contract.history('nothing');

-- status: drafts only warn, of what is retired nothing is enforced
SELECT path, change, old, new, message FROM contract.apply(changed('1.1.0', 'status: active', 'status: draft'), dry_run => true)
WHERE enforced IS NOT NULL OR change = 'none';
SELECT path, change, old, new, enforced, message FROM contract.apply(changed('2.0.0', 'status: active', 'status: retired'), dry_run => true)
WHERE enforced IS NOT NULL OR change = 'none';

/*
 * What was said in SQL
 */
SELECT contract.alter_rule('orders', 'not_null_id', on_violation => 'warn');
SELECT contract.drop_rule('orders', 'not_null_id');
SELECT contract.describe('orders', contract_id => 'another');
-- one rule like one that the document will have, one that has only the name, one of its own
SELECT contract.not_null('orders', 'note');
SELECT contract.not_null('orders', 'customer', on_violation => 'audit', name => 'not_null_amount');
SELECT contract.not_blank('orders', 'note', name => 'mine');
-- fields that the document says, and others
SELECT contract.describe('orders', owner => 'somebody', write_path => 'oltp');
SELECT contract.describe_column('orders', 'email', description => 'said in SQL', tags => '{sql}');
SELECT contract.pii('orders', 'email');
SELECT contract.pii('orders', 'note', 'letter', 'secret');
SELECT * FROM contract.apply(changed('2.0.0', '  - name: amount
', '  - name: note
    required: true
    description: what else there is to say
  - name: amount
    required: true
'));
SELECT * FROM catalog WHERE what <> 'version' ORDER BY what COLLATE "C", name COLLATE "C";
SELECT a.* FROM contract.history('shop') AS h, contract.apply(h.document) AS a LIMIT 1;
-- the document goes back, and takes away what it made
SELECT * FROM contract.apply(changed('3.0.0', '
    classification: confidential', '', '
    description: where to write to', '', '- {property: owner, value: sales}', '- {property: nothing, value: at all}'));
SELECT * FROM catalog WHERE what <> 'version' ORDER BY what COLLATE "C", name COLLATE "C";

/*
 * Datasets that come and go
 */
CREATE TABLE stock (id int, place text);
SELECT contract.describe('stock', owner => 'logistics', description => 'What is there', contract_id => 'warehouse', version => '4.0.0');
SELECT contract.not_blank('stock', 'place');
CREATE FUNCTION small(id text, version text, objects text) RETURNS text LANGUAGE sql AS $$
	SELECT format(E'apiVersion: v3.0.2\nkind: DataContract\nid: %s\nversion: %s\nstatus: active\nschema:\n', id, version)
		|| (SELECT string_agg(format(E'- name: %s\n  physicalName: regress_apply.%s\n  properties:\n  - name: id\n    required: true\n', o, o), '')
			FROM regexp_split_to_table(objects, ' ') o)
$$;
-- taken over from SQL, with the owner that only SQL knows
SELECT * FROM contract.apply(small('stocks', '1.0.0', 'stock'));
SELECT * FROM catalog WHERE name LIKE '%stock%' OR name = 'warehouse' ORDER BY what COLLATE "C", name COLLATE "C";
-- not from another document
SELECT * FROM contract.apply(small('other', '1.0.0', 'customers stock orders'));
-- it leaves: what SQL said of it stays, and what writes did to it
INSERT INTO stock VALUES (NULL, 'here'), (1, ' ');
SELECT * FROM contract.apply(small('stocks', '1.0.1', 'customers'));
CREATE TABLE parts (id int);
SELECT * FROM contract.apply(small('stocks', '2.0.0', 'parts'));
SELECT * FROM catalog WHERE name LIKE '%stock%' OR name LIKE '%parts%' ORDER BY what COLLATE "C", name COLLATE "C", says COLLATE "C";
SELECT rule, kind, message FROM contract.violations WHERE dataset = 'regress_apply.stock' ORDER BY rule;
SELECT tgname ~ '^zz_contract_\d+_(insert|update)$' AS ours FROM pg_trigger WHERE tgrelid = 'parts'::regclass AND NOT tgisinternal;
-- one that only a document made goes with it
SELECT change, old, message FROM contract.apply(small('stocks', '3.0.0', 'stock')) WHERE change LIKE 'dataset%';
SELECT * FROM catalog WHERE name LIKE '%parts%';
SELECT tgname FROM pg_trigger WHERE tgrelid = 'parts'::regclass AND NOT tgisinternal;
-- a dataset that SQL put into a document's contract is not the document's
SELECT contract.describe('parts', contract_id => 'stocks');
SELECT * FROM contract.apply(small('stocks', '3.0.0', 'stock'));
SELECT name, contract_id FROM contract.dataset WHERE name LIKE '%parts';
SELECT contract.drop_contract('parts');

/*
 * Tables that are not there yet, and their schema
 */
SELECT path, change, new, message FROM contract.apply(replace(small('future', '1.0.0', 'first second'), 'regress_apply.second', 'regress_later.second'));
SELECT * FROM contract.apply(replace(small('future', '1.0.0', 'first second'), 'regress_apply.second', 'regress_later.second'));
SELECT dataset, status, rules, problem FROM contract.scorecard WHERE contract_id = 'future' ORDER BY 1;
CREATE TABLE first (id int);
CREATE SCHEMA regress_later CREATE TABLE second (id int);
SELECT dataset, status, rules, problem FROM contract.scorecard WHERE contract_id = 'future' ORDER BY 1;
INSERT INTO first VALUES (NULL);
INSERT INTO regress_later.second VALUES (NULL);
SELECT dataset, rule FROM contract.violations WHERE dataset LIKE '%.first' OR dataset LIKE '%.second' ORDER BY 1;
SELECT * FROM contract.apply(replace(small('future', '1.0.0', 'first second'), 'regress_apply.second', 'regress_later.second'));
-- one that never came goes without a trace
SELECT change, old, new, message FROM contract.apply(small('future', '2.0.0', 'first never'))
WHERE change LIKE 'dataset%';
SELECT change, old, new, message FROM contract.apply(small('future', '3.0.0', 'first'))
WHERE change LIKE 'dataset%';
SELECT name, contract_id FROM contract.dataset WHERE name ~ 'first|second|never' ORDER BY 1;

/*
 * drop_contract of a contract
 */
SELECT contract.drop_contract('shop');
CREATE TABLE held (id int);
SELECT count(*) FROM contract.apply(replace(small('a contract. of . many.parts', '1.0.0', 'held'), '    required: true', '    required: true
    customProperties: [{property: onViolation, value: quarantine}]'));
INSERT INTO held VALUES (NULL);
SELECT contract.drop_contract('a contract. of . many.parts');
SELECT contract.drop_contract('a contract. of . many.parts', discard_quarantine => true);
SELECT contract.drop_contract('a contract. of . many.parts');
SELECT * FROM catalog WHERE name ~ 'held|many' ORDER BY 1, 2;
-- a dataset comes before a contract of its name, which goes with the last of its datasets
SELECT count(*) FROM contract.apply(small('regress_apply.held', '1.0.0', 'held parts'));
SELECT contract.drop_contract('regress_apply.held');
SELECT what, name FROM catalog WHERE name ~ 'held|parts' ORDER BY 1, 2;
SELECT contract.drop_contract('regress_apply.held');
SELECT what, name FROM catalog WHERE name ~ 'held|parts' ORDER BY 1, 2;
SELECT count(*) FROM contract.apply(small('regress_apply.held', '1.0.0', 'held'));
SELECT contract.drop_contract('held');
SELECT what, name FROM catalog WHERE name ~ 'held|parts' ORDER BY 1, 2;
SELECT contract.drop_contract('regress_apply.held');
SELECT what, name FROM catalog WHERE name ~ 'held|parts' ORDER BY 1, 2;

/*
 * Who may
 */
CREATE ROLE regress_apply_owner;
CREATE ROLE regress_apply_other;
CREATE ROLE regress_apply_reader;
GRANT ALL ON SCHEMA regress_apply TO regress_apply_owner;
GRANT USAGE ON SCHEMA regress_apply TO regress_apply_other, regress_apply_reader;
ALTER TABLE parts OWNER TO regress_apply_owner;
ALTER TABLE held OWNER TO regress_apply_other;
SET ROLE regress_apply_owner;
SELECT count(*) FROM contract.apply(small('rights', '1.0.0', 'parts waiting'));
SELECT count(*) FROM contract.apply(small('rights', '1.0.0', 'parts waiting'));
SELECT * FROM contract.apply(small('rights', '2.0.0', 'parts held waiting'));
SELECT * FROM contract.apply(replace(small('rights', '2.0.0', 'parts held'), 'regress_apply.held', 'regress_nowhere.held'));
SELECT * FROM contract.apply(replace(small('rights', '2.0.0', 'parts'), 'regress_apply.parts', 'pg_catalog.pg_class'));
SELECT version FROM contract.history('rights');
RESET ROLE;
-- neither another's contract, nor a table that one may not make, nor one that waits for somebody else
SET ROLE regress_apply_other;
SELECT * FROM contract.apply(small('rights', '2.0.0', 'held'));
SELECT * FROM contract.apply(small('mine', '1.0.0', 'held soon'));
SELECT * FROM contract.apply(small('mine', '1.0.0', 'held waiting'));
SELECT version FROM contract.history('rights');
SELECT contract.drop_contract('rights');
RESET ROLE;
GRANT SELECT ON parts TO regress_apply_reader;
SET ROLE regress_apply_reader;
-- the document is for those who may see all of its datasets
SELECT version, document IS NULL AS hidden FROM contract.history('rights');
RESET ROLE;
-- a document without datasets is its author's
SET ROLE regress_apply_owner;
SELECT count(*) FROM contract.apply(E'apiVersion: v3.1.0\nkind: DataContract\nid: empty\nversion: 1.0.0\nstatus: active\n');
SELECT contract.describe('parts', description => 'not the last');
RESET ROLE;
SELECT what, name FROM catalog WHERE name = 'empty' ORDER BY 1;
SET ROLE regress_apply_other;
SELECT * FROM contract.apply(small('empty', '2.0.0', 'held'));
SELECT contract.drop_contract('empty');
SELECT version FROM contract.history('empty');
RESET ROLE;
SET ROLE regress_apply_owner;
SELECT version FROM contract.history('empty');
SELECT contract.drop_contract('empty');
SELECT contract.drop_contract('rights');
RESET ROLE;
SELECT what, name FROM catalog WHERE name ~ 'empty|rights|parts|waiting' ORDER BY 1, 2;

/*
 * Errors: nothing is changed
 */
SELECT * FROM contract.apply(NULL);
SELECT * FROM contract.apply('x', dry_run => NULL);
SELECT * FROM contract.apply('x', allow_breaking => NULL);
SELECT * FROM contract.apply('x: [');
SELECT * FROM contract.apply('x: 1');
SELECT * FROM contract.apply(replace(small('wrong', '1.0.0', 'parts'), 'required: true', 'required: perhaps
    logicalType: odd
    unique: yes, please'));
SELECT a.* FROM (SELECT string_agg(format('t%s', n), ' ') AS objects FROM generate_series(1, 15) n) t,
	contract.apply(replace(small('wrong', '1.0.0', objects), 'required: true', 'required: 1')) a;
SELECT * FROM contract.apply(small('""', '1.0.0', 'parts'));
SELECT * FROM contract.apply(small(repeat('x', 256), '1.0.0', 'parts'));
SELECT * FROM contract.apply(small('wrong', '1.0.0', 'parts'), server => 'nowhere');
SELECT * FROM contract.apply(replace(small('wrong', '1.0.0', 'parts'), 'regress_apply.parts', 'contract.rule'));
CREATE TEMPORARY TABLE passing (id int);
SELECT change FROM contract.apply(replace(small('wrong', '1.0.0', 'passing'), 'regress_apply.passing', 'pg_temp.passing'));
SELECT change FROM contract.apply(small('wrong', '1.0.0', 'passing'), dry_run => true) WHERE change = 'dataset added';
SELECT * FROM contract.apply(replace(small('wrong', '1.0.0', 'parts'), 'regress_apply.parts', 'contract.no_such'));
SELECT * FROM contract.apply(small('wrong', '1.0.0', 'document_pkey'));
-- two objects that are one relation
SELECT * FROM contract.apply(replace(small('wrong', '1.0.0', 'parts stock'), 'regress_apply.stock', 'regress_apply.parts'));
-- a warning
SELECT change FROM contract.apply(replace(small('wrong', '1.0.0', 'parts'), '  properties:', '  physicalType: view
  properties:'), dry_run => true) WHERE change LIKE 'dataset%';
BEGIN READ ONLY;
SELECT * FROM contract.apply(small('wrong', '1.0.0', 'parts'), dry_run => true);
ROLLBACK;
SELECT * FROM catalog WHERE name = 'wrong';
-- caught, in a subtransaction of the caller's
DO $$
BEGIN
	PERFORM contract.apply(small('caught', '1.0.0', 'parts'), dry_run => true);
	BEGIN
		PERFORM contract.apply(replace(small('caught', '1.0.0', 'parts'), 'name: id', 'name: [id]'));
	EXCEPTION WHEN OTHERS THEN RAISE NOTICE 'caught: %', SQLERRM;
	END;
	BEGIN
		PERFORM contract.apply(small('caught', '1.0.0', 'parts stock'), dry_run => true);
	EXCEPTION WHEN OTHERS THEN RAISE NOTICE 'caught: %', SQLERRM;
	END;
END $$;
SELECT * FROM catalog WHERE name = 'caught';

-- files: for few, and with the file's name in every error
SELECT * FROM contract.apply_file(NULL);
\set SHOW_CONTEXT always
SELECT * FROM contract.apply_file('PG_VERSION');
SELECT * FROM contract.apply_file('no/such/file');
SELECT * FROM contract.apply_file('base');
SET pg_contract.document_max_size = 1;
SELECT * FROM contract.apply_file('postgresql.conf');
RESET pg_contract.document_max_size;
SET ROLE regress_apply_owner;
SELECT * FROM contract.apply_file('PG_VERSION');
RESET ROLE;
GRANT pg_read_server_files TO regress_apply_owner;
SET ROLE regress_apply_owner;
SELECT * FROM contract.apply_file('PG_VERSION');
RESET ROLE;
\set SHOW_CONTEXT errors

SET client_min_messages = warning;
SELECT contract.drop_contract(id) FROM (SELECT DISTINCT contract_id FROM contract.contract) c(id);
DROP SCHEMA regress_apply, regress_later CASCADE;
REVOKE pg_read_server_files FROM regress_apply_owner;
DROP ROLE regress_apply_owner, regress_apply_other, regress_apply_reader;
SELECT count(*) FROM contract.contract_version;
