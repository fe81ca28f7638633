SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_contract;
SET pg_contract.ddl_guard = off;

/*
 * Who may do what, and who sees what.
 */
CREATE ROLE regress_owner;
CREATE ROLE regress_member IN ROLE regress_owner;
CREATE ROLE regress_reader;
CREATE ROLE regress_partly;
CREATE ROLE regress_writer;
CREATE ROLE regress_column_writer;
CREATE ROLE regress_nobody;
CREATE SCHEMA regress_priv AUTHORIZATION regress_owner;
GRANT USAGE ON SCHEMA regress_priv TO PUBLIC;
RESET client_min_messages;

SET ROLE regress_owner;
CREATE TABLE regress_priv.person (id integer PRIMARY KEY, name text, email text, secret text);
GRANT SELECT ON regress_priv.person TO regress_reader;
GRANT SELECT (id, name) ON regress_priv.person TO regress_partly;
GRANT INSERT ON regress_priv.person TO regress_writer;
GRANT INSERT (id, name), UPDATE (name) ON regress_priv.person TO regress_column_writer;
SELECT contract.describe('regress_priv.person', owner => 'people team');
SELECT contract.not_blank('regress_priv.person', 'name');
SELECT contract.format('regress_priv.person', 'email', 'email');
SELECT contract.satisfies('regress_priv.person', 'name <> secret', name => 'name is not the secret');
SELECT contract.length_between('regress_priv.person', 'secret', 3, 10, on_violation => 'quarantine');
SELECT contract.between('regress_priv.person', 'id', 0, 1000, on_violation => 'reject');
SELECT contract.pii('regress_priv.person', 'email');
RESET ROLE;

/*
 * Writing needs no more than the right to write
 */
SET ROLE regress_writer;
INSERT INTO regress_priv.person VALUES (1, '', 'bad email', 'hidden'), (2, 'open sesame', 'a@b.co', 'open sesame'), (3, 'same', NULL, 'same');
INSERT INTO regress_priv.person VALUES (2000, 'x', NULL, 'hidden');
SELECT count(*) FROM contract.violations;
RESET ROLE;
SET ROLE regress_column_writer;
INSERT INTO regress_priv.person (id, name) VALUES (4, ' ');
UPDATE regress_priv.person SET name = 'someone';
-- neither may see the values of others' columns in an error
INSERT INTO regress_priv.person (id, name) VALUES (-1, 'x');
-- nor switch the evidence off
SET pg_contract.violation_samples = 0;
-- through a view of the owner's, the right to write to the view is enough
SET ROLE regress_owner;
CREATE VIEW regress_priv.names AS SELECT id, name FROM regress_priv.person;
GRANT INSERT, UPDATE ON regress_priv.names TO regress_nobody;
SET ROLE regress_nobody;
INSERT INTO regress_priv.names VALUES (50, ' '), (51, 'fine');
INSERT INTO regress_priv.names VALUES (-50, 'x');
SET ROLE regress_owner;
DROP VIEW regress_priv.names;
DELETE FROM regress_priv.person WHERE id >= 50;
RESET ROLE;
SELECT role, rule, key FROM contract.violations ORDER BY id;

/*
 * Reading. The contract was audited once.
 */
SET ROLE regress_owner;
SELECT rule, status, considered, failed FROM contract.check('regress_priv.person') ORDER BY rule;
CREATE FUNCTION pg_temp.show() RETURNS TABLE (what text) LANGUAGE sql AS $$
	SELECT * FROM (SELECT 'violation: ' || concat_ws(' | ', source, rule, key::text, "row"::text, value, message) FROM contract.violations ORDER BY id) AS a
	UNION ALL SELECT * FROM (SELECT 'quarantined: ' || concat_ws(' | ', rules::text, key::text, "row"::text, role) FROM contract.quarantined ORDER BY id) AS b
	UNION ALL SELECT * FROM (SELECT 'result: ' || concat_ws(' | ', source, rule, status, failed, message) FROM contract.results ORDER BY run_id, rule) AS c
	UNION ALL SELECT * FROM (SELECT 'rule: ' || concat_ws(' | ', rule, parameters::text, filter) FROM contract.rules ORDER BY rule) AS d
	UNION ALL SELECT 'pii: ' || concat_ws(' | ', dataset, column_name, category) FROM contract.pii_columns
	UNION ALL SELECT 'scorecard: ' || concat_ws(' | ', dataset, owner, status, rules, failing, open_violations, quarantined) FROM contract.scorecard
$$;
SELECT pg_temp.show() AS owner;
SET ROLE regress_member;
SELECT count(*) AS member FROM pg_temp.show();
RESET ROLE;
SELECT count(*) AS superuser FROM pg_temp.show();
SET ROLE regress_reader;
SELECT count(*) AS reader FROM pg_temp.show();
SELECT "row" FROM contract.quarantined;
-- columns that the role may not read are masked, also under today's rights
SET ROLE regress_partly;
SELECT pg_temp.show() AS partly;
-- no right to read, no rows
SET ROLE regress_writer;
SELECT count(*) AS writer FROM pg_temp.show();
SET ROLE regress_nobody;
SELECT count(*) AS nobody FROM pg_temp.show();
-- a leaky function in a query does not see more
CREATE FUNCTION pg_temp.leak(text) RETURNS boolean COST 0.0000001 LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'saw %', $1; RETURN true; END $$;
SELECT count(*) FROM contract.rules WHERE pg_temp.leak(rule);
SELECT count(*) FROM contract.violations WHERE pg_temp.leak(value);
SET ROLE regress_partly;
SELECT count(*) FROM contract.quarantined WHERE pg_temp.leak("row" ->> 'secret');
RESET ROLE;
-- rights that come and go
GRANT SELECT (secret) ON regress_priv.person TO regress_partly;
SET ROLE regress_partly;
SELECT "row" FROM contract.quarantined;
RESET ROLE;
REVOKE SELECT (id, name, secret) ON regress_priv.person FROM regress_partly;
SET ROLE regress_partly;
SELECT count(*) AS partly FROM pg_temp.show();
RESET ROLE;
GRANT SELECT (id, name) ON regress_priv.person TO regress_partly;

/*
 * Row security: no values for those for whom it is active
 */
ALTER TABLE regress_priv.person ENABLE ROW LEVEL SECURITY;
SET ROLE regress_reader;
SELECT count(*) AS violations, count(key) AS keys, count("row") AS rows, count(value) AS values, count(message) AS messages FROM contract.violations;
SELECT count(*) AS quarantined, count(key) AS keys, count("row") AS rows FROM contract.quarantined;
SELECT count(*) AS results, count(message) AS messages FROM contract.results;
SELECT rule, status, considered, failed, executor FROM contract.check('regress_priv.person');
SET ROLE regress_owner;
SELECT count(*) AS violations, count("row") AS rows FROM contract.violations;
SELECT count(*) FROM contract.check('regress_priv.person');
-- where it is forced upon the owner, an audit would not see all rows, and says so
ALTER TABLE regress_priv.person FORCE ROW LEVEL SECURITY;
SELECT count(*) AS violations, count("row") AS rows FROM contract.violations;
\set VERBOSITY terse
SELECT rule, status, considered, message FROM contract.check('regress_priv.person') ORDER BY rule;
RESET ROLE;
SELECT rule, status, considered, message FROM contract.check('regress_priv.person') ORDER BY rule;
\set VERBOSITY default
ALTER TABLE regress_priv.person NO FORCE ROW LEVEL SECURITY;
ALTER TABLE regress_priv.person DISABLE ROW LEVEL SECURITY;

/*
 * The error of a refused row shows no more than the role may read
 */
SET ROLE regress_writer;
INSERT INTO regress_priv.person (id) VALUES (5000);
SET ROLE regress_reader;
INSERT INTO regress_priv.person (id) VALUES (5000);
SET ROLE regress_partly;
SELECT contract.preview('regress_priv.person', 'not_null', '{secret}');
SELECT contract.preview('regress_priv.person', 'not_null', '{id}');
SET ROLE regress_reader;
SELECT considered, failed FROM contract.preview('regress_priv.person', 'not_null', '{name}');
RESET ROLE;

/*
 * Changing a contract is for the owner and its members
 */
SET ROLE regress_member;
SELECT contract.describe('regress_priv.person', version => '1.1');
SELECT contract.not_null('regress_priv.person', 'name', name => 'by a member');
SELECT contract.drop_rule('regress_priv.person', 'by a member');
SELECT contract.enforce('regress_priv.person');
RESET ROLE;
CREATE FUNCTION pg_temp.attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'allowed';
EXCEPTION WHEN others THEN
	RETURN SQLERRM;
END
$$;
SET ROLE regress_reader;
SELECT s AS statement, pg_temp.attempt('SELECT contract.' || s) AS result FROM unnest(ARRAY[
	'describe(''regress_priv.person'')',
	'describe_column(''regress_priv.person'', ''id'', ''x'')',
	'pii(''regress_priv.person'', ''id'')',
	'add_rule(''regress_priv.person'', ''not_null'', ''{id}'')',
	'not_null(''regress_priv.person'', ''id'')',
	'alter_rule(''regress_priv.person'', ''between_id'', on_violation => ''warn'')',
	'drop_rule(''regress_priv.person'', ''between_id'')',
	'drop_contract(''regress_priv.person'')',
	'enforce(''regress_priv.person'')',
	'prune(''0'', 0, ''regress_priv.person'')',
	'release(''regress_priv.person'')',
	'discard(''regress_priv.person'', ''{1}'')',
	'repair((SELECT min(id) FROM contract.quarantined), ''{"name": "x"}'')',
	'check(''regress_priv.person'')',
	'prune(''0'', 0)']) AS s;
SELECT count(*) > 0 AS still_there FROM contract.violations;
SET ROLE regress_nobody;
SELECT s AS statement, pg_temp.attempt('SELECT contract.' || s) AS result FROM unnest(ARRAY[
	'describe(''regress_priv.person'')',
	'check(''regress_priv.person'')',
	'check(''regress_priv.no_such_table'')',
	'preview(''regress_priv.person'', ''not_null'', ''{id}'')',
	'repair(-1, ''{}'')',
	'follow_ddl()',
	'prune()']) AS s;
SET ROLE regress_partly;
SELECT rule, status, message FROM contract.check('regress_priv.person') ORDER BY rule;
RESET ROLE;
-- a contract of several datasets cannot be taken over through one's own table
SET ROLE regress_nobody;
CREATE TEMPORARY TABLE mine (id integer);
RESET ROLE;
CREATE TABLE regress_priv.mine (id integer);
ALTER TABLE regress_priv.mine OWNER TO regress_nobody;
SET ROLE regress_nobody;
SELECT contract.describe('regress_priv.mine', contract_id => 'regress_priv.person', owner => 'me');
SELECT contract.describe('regress_priv.mine', contract_id => 'mine');
SELECT dataset, contract_id FROM contract.scorecard;
RESET ROLE;
SELECT dataset, owner FROM contract.scorecard ORDER BY dataset;

/*
 * Nobody writes to the extension's tables but the extension; other than through
 * the views nobody reads them
 */
CREATE TABLE regress_priv.tables AS SELECT c.oid::regclass::text AS name, c.relkind FROM pg_class AS c
WHERE c.relnamespace = 'contract'::regnamespace AND c.relkind IN ('r', 'S', 'v');
GRANT SELECT ON regress_priv.tables TO PUBLIC;
SET ROLE regress_owner;
SELECT relkind, string_agg(DISTINCT regexp_replace(pg_temp.attempt(format('INSERT INTO %s DEFAULT VALUES', name)), '(table|view|sequence) .*', '\1'), '; ') AS insert,
	string_agg(DISTINCT regexp_replace(pg_temp.attempt(format('DELETE FROM %s', name)), '(table|view|sequence) .*', '\1'), '; ') AS delete,
	string_agg(DISTINCT regexp_replace(pg_temp.attempt(format('SELECT FROM %s LIMIT 0', name)), '(table|view|sequence) .*', '\1'), '; ') AS read
FROM regress_priv.tables WHERE relkind <> 'S' GROUP BY relkind ORDER BY relkind;
SELECT string_agg(DISTINCT regexp_replace(pg_temp.attempt(format('SELECT nextval(%L)', name)), '(table|view|sequence) .*', '\1'), '; ') AS nextval
FROM regress_priv.tables WHERE relkind = 'S';
CREATE TABLE contract.mine (id integer);
ALTER TABLE contract.rule DISABLE TRIGGER ALL;
CREATE TRIGGER mine AFTER INSERT ON contract.violation FOR EACH ROW EXECUTE FUNCTION contract.record('1', 'warn');
RESET ROLE;

/*
 * The trigger functions by hand: no record of what the dataset's own relation
 * did not do
 */
SELECT dataset_id AS dataset FROM contract.dataset WHERE table_name = 'person' \gset
SELECT count(*) AS violations FROM contract.violations \gset
SET ROLE regress_nobody;
CREATE TABLE pg_temp.person (id integer, name text, email text, secret text);
SET client_min_messages = error;
CREATE TRIGGER forged AFTER INSERT OR UPDATE ON pg_temp.person FOR EACH ROW EXECUTE FUNCTION contract.record(:'dataset', 'warn');
CREATE TRIGGER forged_divert BEFORE INSERT OR UPDATE ON pg_temp.person FOR EACH ROW EXECUTE FUNCTION contract.divert(:'dataset', 'quarantine');
INSERT INTO pg_temp.person VALUES (1, '', 'forged', 'x');
UPDATE pg_temp.person SET email = 'forged again';
DROP TRIGGER forged ON pg_temp.person;
CREATE TRIGGER forged AFTER INSERT ON pg_temp.person FOR EACH ROW WHEN (NOT contract.conforms(:dataset, NEW.id, NEW.name, NEW.email, NEW.secret))
	EXECUTE FUNCTION contract.record(:'dataset', 'warn');
INSERT INTO pg_temp.person VALUES (2, '', 'forged', 'x');
RESET client_min_messages;
SELECT count(*) FROM pg_temp.person;
RESET ROLE;
SELECT count(*) - :violations AS forged FROM contract.violations;
SELECT count(*) AS quarantined FROM contract.quarantined;
-- an inheritance child is not covered either
SET ROLE regress_owner;
CREATE TABLE regress_priv.child () INHERITS (regress_priv.person);
INSERT INTO regress_priv.child VALUES (-1, '', 'child', 'x');
DROP TABLE regress_priv.child;
RESET ROLE;
SELECT count(*) - :violations AS forged FROM contract.violations;

/*
 * Expressions run with the rights of the table's owner, whoever writes or audits
 */
CREATE TABLE regress_priv.vault (k text);
INSERT INTO regress_priv.vault VALUES ('known');
REVOKE ALL ON regress_priv.vault FROM PUBLIC;
SET ROLE regress_owner;
CREATE TABLE regress_priv.log (who name, what text);
GRANT INSERT ON regress_priv.log TO PUBLIC;
CREATE TABLE regress_priv.lookup (k text);
INSERT INTO regress_priv.lookup VALUES ('known');
CREATE FUNCTION regress_priv.in_vault(text) RETURNS boolean STABLE LANGUAGE plpgsql AS $$
BEGIN
	RETURN EXISTS (SELECT FROM regress_priv.vault WHERE k = $1);
END
$$;
CREATE FUNCTION regress_priv.in_lookup(text) RETURNS boolean STABLE LANGUAGE plpgsql AS $$
BEGIN
	RETURN EXISTS (SELECT FROM regress_priv.lookup WHERE k = $1);
END
$$;
CREATE FUNCTION regress_priv.who_am_i(text) RETURNS boolean STABLE LANGUAGE plpgsql AS $$
BEGIN
	RAISE WARNING 'running as %, search_path %', current_user, current_setting('search_path');
	RETURN $1 <> 'bad';
END
$$;
CREATE FUNCTION regress_priv.escape(text) RETURNS boolean STABLE LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE 'SET ROLE ' || quote_ident(session_user);
	RETURN true;
END
$$;
CREATE TABLE regress_priv.guarded (a text);
GRANT INSERT ON regress_priv.guarded TO regress_writer;
-- what the owner may not read, the expression may not
SELECT contract.satisfies('regress_priv.guarded', 'regress_priv.in_vault(a)', name => 'vault');
RESET ROLE;
INSERT INTO regress_priv.guarded VALUES ('known');
SELECT rule, message FROM contract.violations WHERE dataset = 'regress_priv.guarded';
SELECT rule, status, message FROM contract.check('regress_priv.guarded');
SET ROLE regress_owner;
SELECT contract.alter_rule('regress_priv.guarded', 'vault', on_violation => 'reject');
RESET ROLE;
\set VERBOSITY terse
INSERT INTO regress_priv.guarded VALUES ('known');
\set VERBOSITY default
SET ROLE regress_owner;
SELECT contract.drop_rule('regress_priv.guarded', 'vault');
-- what the owner may read, it may for a writer who may not
SELECT contract.satisfies('regress_priv.guarded', 'regress_priv.in_lookup(a)', name => 'lookup', on_violation => 'reject');
SET ROLE regress_writer;
INSERT INTO regress_priv.guarded VALUES ('known');
INSERT INTO regress_priv.guarded VALUES ('unknown');
-- but it is no oracle for those who may not write
SET ROLE regress_nobody;
SELECT dataset FROM contract.rules WHERE rule = 'lookup';
RESET ROLE;
SELECT dataset_id AS guarded FROM contract.dataset WHERE table_name = 'guarded' \gset
SET ROLE regress_nobody;
SELECT contract.conforms(:guarded, 'known'::text), contract.conforms(:guarded, 'unknown'::text),
	contract.conforms_update(:guarded, 'known'::text), contract.conforms_update(:guarded, 'unknown'::text);
SELECT contract.problem(:guarded), contract.visible(:guarded), contract.masked(:guarded, '{"a": 1}'), contract.masked(:guarded, '{a}', 'x');
SET ROLE regress_owner;
SELECT contract.drop_rule('regress_priv.guarded', 'lookup');
SELECT contract.satisfies('regress_priv.guarded', 'regress_priv.who_am_i(a)', name => 'who');
\set VERBOSITY terse
SET ROLE regress_writer;
INSERT INTO regress_priv.guarded VALUES ('good');
RESET ROLE;
INSERT INTO regress_priv.guarded VALUES ('bad');
SELECT status, failed FROM contract.check('regress_priv.guarded');
SELECT current_user = session_user AS myself_again, current_setting('search_path') AS search_path;
SET ROLE regress_owner;
SELECT contract.drop_rule('regress_priv.guarded', 'who');
SELECT contract.satisfies('regress_priv.guarded', 'regress_priv.escape(a)', name => 'escape');
RESET ROLE;
INSERT INTO regress_priv.guarded VALUES ('x');
SELECT rule, status, message FROM contract.check('regress_priv.guarded');
SELECT message FROM contract.violations WHERE rule = 'escape' ORDER BY id;
SELECT current_user = session_user AS myself;
\set VERBOSITY default
SET ROLE regress_owner;
SELECT contract.drop_contract('regress_priv.guarded');
-- also through the column's type: the check of a domain is the owner's code
CREATE FUNCTION regress_priv.spy(integer) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO regress_priv.log VALUES (current_user, current_setting('application_name'));
	RETURN true;
END
$$;
CREATE DOMAIN regress_priv.spied AS integer CHECK (regress_priv.spy(value));
CREATE TABLE regress_priv.spied_on (id integer PRIMARY KEY, a regress_priv.spied[]);
SELECT contract.accepted_values('regress_priv.spied_on', 'a', '{"{1}"}'::text[]);
SELECT contract.not_null('regress_priv.spied_on', 'a', on_violation => 'quarantine');
RESET ROLE;
SET application_name = 'scorecard';
SELECT dataset, status FROM contract.scorecard WHERE dataset = 'regress_priv.spied_on';
SET application_name = 'check';
SELECT rule, status FROM contract.check('regress_priv.spied_on') ORDER BY rule;
SET application_name = 'preview';
SELECT considered FROM contract.preview('regress_priv.spied_on', 'accepted_values', '{a}', '{"values": ["{2}"]}');
SET application_name = 'rules';
SELECT contract.not_null('regress_priv.spied_on', 'id', name => 'by the superuser');
SELECT contract.accepted_values('regress_priv.spied_on', 'a', '{"{2}"}'::text[]);
SELECT contract.alter_rule('regress_priv.spied_on', 'accepted_values_a', severity => 'info');
SELECT contract.enforce('regress_priv.spied_on');
SET application_name = 'DDL';
ALTER TABLE regress_priv.spied_on ADD COLUMN b integer;
SET application_name = 'INSERT';
INSERT INTO regress_priv.spied_on VALUES (1, NULL);
SET application_name = 'repair';
SELECT contract.repair(id, '{"a": "{1}"}') FROM contract.quarantined WHERE dataset = 'regress_priv.spied_on';
RESET application_name;
SELECT DISTINCT who, what FROM regress_priv.log WHERE who <> 'regress_owner' ORDER BY what;
SELECT count(*) > 0 AS ran FROM regress_priv.log;

/*
 * Looking at somebody's document, contract or table runs none of his code with
 * the rights of who looks.
 */
SET ROLE regress_owner;
CREATE FUNCTION regress_priv.peek(integer) RETURNS integer IMMUTABLE LANGUAGE plpgsql
	AS $$BEGIN IF current_user <> 'regress_owner' THEN RAISE WARNING 'runs as %', current_user; END IF; RETURN 1; END$$;
CREATE DOMAIN regress_priv.peeking AS integer CHECK (regress_priv.peek(VALUE) = 1);
RESET ROLE;
SELECT '
apiVersion: v3.1.0
kind: DataContract
id: peeking
version: 1.0.0
status: active
schema:
  - name: peeked
    physicalName: regress_priv.peeked
    properties:
      - {name: id, physicalType: integer}
      - {name: many, physicalType: "regress_priv.peeking[]"}
    quality:
      - {type: custom, engine: pg_contract, name: values, implementation: {kind: accepted_values, columns: [many], parameters: {values: ["{1}"]}}}
      - {type: custom, engine: pg_contract, name: literal, implementation: {kind: satisfies, parameters: {expression: "many = ''{1}''"}}}
  - name: peeked_2
    physicalName: regress_priv.peeked_2
    properties:
      - {name: id, physicalType: integer}
    quality:
      - {type: custom, engine: pg_contract, name: filter, implementation: {kind: not_null, columns: [id], filter: regress_priv.peek(1) = 1}}
      - {type: custom, engine: pg_contract, name: function, implementation: {kind: satisfies, parameters: {expression: id = regress_priv.peek(1)}}}
      - {type: custom, engine: pg_contract, name: domain, implementation: {kind: satisfies, parameters: {expression: "id = ANY (''{1}''::regress_priv.peeking[])"}}}
' AS document \gset
SELECT line, severity, path, message FROM contract.lint(:'document');
SELECT path, change, message FROM contract.apply(:'document', dry_run => true) WHERE change = 'none';
SET ROLE regress_owner;
SELECT path, change, message FROM contract.apply(:'document');
RESET ROLE;
SELECT contract.export('peeking') = :'document' AS verbatim;
-- what is wrong all the same
SELECT line, severity, message FROM contract.lint(replace(:'document', 'peek(1) = 1', 'peek(1'));
SELECT line, severity, message FROM contract.lint(replace(:'document', 'regress_priv.peek(1) = 1', '(SELECT 1) = 1'));
-- with the owner's rights, once there is a relation
SET ROLE regress_owner;
CREATE TABLE regress_priv.peeked_2 (id integer CHECK (regress_priv.peek(2) = 1));
RESET ROLE;
SELECT rule, status FROM contract.check('regress_priv.peeked_2');
SELECT contract.drop_contract('peeking');

/*
 * Owners change, tables and owners go
 */
DROP TABLE regress_priv.spied_on;
SET ROLE regress_nobody;
SELECT contract.drop_contract('regress_priv.spied_on');
SET ROLE regress_owner;
SELECT contract.drop_contract('regress_priv.spied_on');
SELECT contract.drop_contract('regress_priv.spied_on', discard_quarantine => true);
RESET ROLE;
ALTER TABLE regress_priv.person OWNER TO regress_reader;
SET ROLE regress_owner;
SELECT contract.describe('regress_priv.person', owner => 'old owner');
SET ROLE regress_reader;
SELECT contract.describe('regress_priv.person', owner => 'new owner');
-- a release writes with the rights of who releases
RESET ROLE;
ALTER TABLE regress_priv.person OWNER TO regress_owner;
SET ROLE regress_member;
SELECT contract.repair(id, '{"secret": "abcd"}') FROM contract.quarantined;
SELECT released, rules, message FROM contract.release('regress_priv.person');
RESET ROLE;
SELECT contract.drop_contract('regress_priv.person', true), contract.drop_contract('regress_priv.mine');

SET client_min_messages = warning;
DROP SCHEMA regress_priv CASCADE;
DROP OWNED BY regress_owner, regress_member, regress_reader, regress_partly, regress_writer, regress_column_writer, regress_nobody;
DROP ROLE regress_owner, regress_member, regress_reader, regress_partly, regress_writer, regress_column_writer, regress_nobody;
SELECT (SELECT count(*) FROM contract.dataset) AS dataset, (SELECT count(*) FROM contract.contract) AS contract,
	(SELECT count(*) FROM contract.run) AS run, (SELECT count(*) FROM contract.quarantine) AS quarantine;
