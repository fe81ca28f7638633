SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_contract;
SET pg_contract.ddl_guard = off;
RESET client_min_messages;

/*
 * Every error that a user can cause: it names what is wrong and says what is
 * allowed, at the moment when the rule is made.
 */
CREATE SCHEMA regress_errors;
SET search_path = regress_errors, public;
CREATE TABLE t (id integer PRIMARY KEY, n integer, small smallint, big bigint, num numeric(6,2), f float8, txt text, vc varchar(3),
	day date, at timestamptz, flag boolean, doc json, xy point, net inet, items text[], gone text,
	twice integer GENERATED ALWAYS AS (n * 2) STORED);
ALTER TABLE t DROP COLUMN gone;
CREATE VIEW v AS SELECT id, n FROM t;
CREATE MATERIALIZED VIEW mv AS SELECT id, n FROM t;
CREATE TEMPORARY TABLE temporary_table (id integer);
CREATE SEQUENCE seq;
CREATE TYPE composite AS (id integer);

/*
 * Which relation
 */
SELECT contract.not_null('no_such_table', 'id');
SELECT contract.not_null(NULL, 'id');
SELECT contract.not_null(0, 'id');
SELECT contract.describe('pg_class');
SELECT contract.not_null('pg_catalog.pg_proc', 'proname', on_violation => 'audit');
SELECT contract.describe('contract.rule');
SELECT contract.describe('contract.rules');
SELECT contract.describe('temporary_table');
SELECT contract.not_null('temporary_table', 'id');
SELECT contract.describe('seq');
SELECT contract.describe('t_pkey');
SELECT contract.describe('composite');
SELECT contract.enforce('t');
SELECT contract.enforce('temporary_table');
SELECT contract.enforce(NULL) IS NULL AS strict;
SELECT contract.alter_rule('t', 'some_rule');
SELECT contract.drop_rule('t', 'some_rule');
SELECT contract.drop_contract('t');
SELECT contract.check('t');
SELECT contract.check('no_such_table');
SELECT contract.check('no_such_schema.no_such_table');
SELECT contract.check('');
SELECT contract.check('a.b.c.d');
SELECT contract.check('postgres_.regress_errors.t');
SELECT contract.check('"unclosed');
SELECT contract.drop_contract('no_such_table');
SELECT contract.prune(dataset => 'no_such_table');
SELECT contract.release('t');
SELECT contract.discard('t', '{1}');
SELECT contract.preview('no_such_table', 'not_null', '{id}');
-- PostgreSQL's own words, which differ between versions
\set VERBOSITY sqlstate
SELECT contract.preview('t_pkey', 'not_null', '{id}');
SELECT contract.preview('composite', 'not_null', '{id}');
\set VERBOSITY default

/*
 * Views: audits only
 */
SELECT contract.not_null('v', 'n');
SELECT contract.not_null('mv', 'n');
SELECT contract.not_null('v', 'n', on_violation => 'audit', name => 'quiet');
SELECT contract.not_null('v', 'n', on_violation => 'reject');
SELECT contract.not_null('mv', 'n', on_violation => 'quarantine');
SELECT contract.alter_rule('v', 'quiet', on_violation => 'reject');
SELECT contract.alter_rule('v', 'quiet', on_violation => 'warn');
SELECT dataset, rule, action FROM contract.rules ORDER BY dataset, rule;
SELECT rule, status, message FROM contract.check('v') ORDER BY rule;
SELECT rule, status, message FROM contract.check('mv') ORDER BY rule;

/*
 * Which column
 */
SELECT contract.not_null('t', 'no_such_column');
SELECT contract.not_null('t', 'gone');
SELECT contract.not_null('t', '........pg.dropped.16........');
SELECT contract.not_null('t', 'ctid');
SELECT contract.not_null('t', 'N');
SELECT contract.not_null('t', '');
SELECT contract.not_null('t', NULL);
SELECT contract.add_rule('t', 'not_null', '{}');
SELECT contract.add_rule('t', 'not_null', '{id,n}');
SELECT contract.add_rule('t', 'satisfies', '{id,n}', '{"expression": "id > 0"}', name => 'columns are found out');
SELECT columns FROM contract.rules WHERE rule = 'columns are found out';
SELECT contract.preview('t', 'not_null', '{no_such_column}');
SELECT contract.preview('t', 'not_null', '{NULL}');
SELECT contract.describe_column('t', 'no_such_column', 'text');
SELECT contract.describe_column('t', 'gone', 'text');
SELECT contract.describe_column('t', 'ctid', 'text');
SELECT contract.describe_column('t', NULL);
SELECT contract.describe_column(NULL, 'id');
SELECT contract.pii('t', 'no_such_column');
SELECT contract.pii('t', NULL);

/*
 * A rule on a column of the wrong type
 */
SELECT contract.not_blank('t', 'n');
SELECT contract.length_between('t', 'n', 1, 2);
SELECT contract.matches('t', 'day', 'x');
SELECT contract.not_matches('t', 'flag', 'x');
SELECT contract.format('t', 'net', 'ipv4');
SELECT contract.format('t', 'items', 'email');
SELECT contract.multiple_of('t', 'txt', 5);
SELECT contract.multiple_of('t', 'day', 7);
SELECT contract.between('t', 'xy', '(1,1)', '(2,2)');
SELECT contract.between('t', 'doc', '1', '2');
SELECT contract.accepted_values('t', 'doc', '{1}');
-- a point knows = as little as a json does
SELECT contract.accepted_values('t', 'xy', '{"(1,2)"}');

/*
 * Bounds and values
 */
SELECT contract.between('t', 'n', 'one', 'two');
SELECT contract.between('t', 'n', 0.5, 2);
SELECT contract.between('t', 'small', 0, 40000);
SELECT contract.between('t', 'num', '', NULL);
SELECT contract.between('t', 'num', 0, 1000000);
SELECT contract.between('t', 'day', '2024-02-30', NULL);
SELECT contract.between('t', 'day', '2024-01-02'::timestamptz, timestamptz '2024-01-01');
SELECT contract.between('t', 'at', 'yesterdayish', NULL);
SELECT contract.between('t', 'flag', 'maybe', NULL);
SELECT contract.between('t', 'n', 10, 1);
SELECT contract.between('t', 'txt', 'b', 'a', on_violation => 'reject');
SELECT contract.between('t', 'f', 'NaN'::float8, 1);
-- unknown literals beside a number are PostgreSQL's to resolve
SELECT contract.between('t', 'f', 'NaN', 1);
SELECT contract.between('t', 'n', NULL::integer, NULL);
SELECT contract.add_rule('t', 'between', '{n}');
SELECT contract.add_rule('t', 'between', '{n}', '{"minimum": [1]}');
SELECT contract.add_rule('t', 'between', '{n}', '{"minimum": {"a": 1}}');
SELECT contract.add_rule('t', 'between', '{n}', '{"minimum": 1, "exclusive_minimum": "perhaps"}');
SELECT contract.add_rule('t', 'between', '{n}', '{"minimum": true}');
SELECT contract.add_rule('t', 'between', '{n}', '{"min": 1}');
SELECT contract.add_rule('t', 'between', '{n}', '[1, 2]');
SELECT contract.add_rule('t', 'between', '{n}', '1');
SELECT contract.add_rule('t', 'between', '{n}', 'null');
SELECT contract.add_rule('t', 'not_null', '{n}', '{"minimum": 1}');
SELECT contract.accepted_values('t', 'n', '{1,two}');
SELECT contract.accepted_values('t', 'vc', '{abc,abcd}');
SELECT contract.accepted_values('t', 'txt', '{}'::text[]);
SELECT contract.accepted_values('t', 'txt', '{a,NULL}');
SELECT contract.accepted_values('t', 'txt', ARRAY[['a', 'b'], ['c', 'd']]);
SELECT contract.accepted_values('t', 'txt', NULL::text[]);
SELECT contract.forbidden_values('t', 'day', '{2024-01-01,never}');
SELECT contract.add_rule('t', 'accepted_values', '{txt}');
SELECT contract.add_rule('t', 'accepted_values', '{txt}', '{"values": "a"}');
SELECT contract.add_rule('t', 'accepted_values', '{txt}', '{"values": {"a": 1}}');
SELECT contract.add_rule('t', 'accepted_values', '{txt}', '{"values": ["a", {"b": 1}]}');
SELECT contract.length_between('t', 'txt', NULL, NULL);
SELECT contract.length_between('t', 'txt', 5, 4);
SELECT contract.length_between('t', 'txt', -1, 4);
SELECT contract.length_between('t', 'txt', NULL, -1);
SELECT contract.add_rule('t', 'length_between', '{txt}', '{"minimum": 1.5}');
SELECT contract.add_rule('t', 'length_between', '{txt}', '{"minimum": "few"}');
SELECT contract.add_rule('t', 'length_between', '{txt}', '{"minimum": ""}');
SELECT contract.add_rule('t', 'length_between', '{txt}', '{"maximum": 3000000000}');
SELECT contract.multiple_of('t', 'n', 0);
SELECT contract.multiple_of('t', 'n', -2);
SELECT contract.multiple_of('t', 'n', 'NaN');
SELECT contract.multiple_of('t', 'num', 'Infinity');
SELECT contract.multiple_of('t', 'n', NULL);
SELECT contract.add_rule('t', 'multiple_of', '{n}', '{"divisor": "two"}');
SELECT contract.matches('t', 'txt', '(');
SELECT contract.matches('t', 'txt', '[z-a]');
SELECT contract.not_matches('t', 'txt', 'a{2,1}');
SELECT contract.matches('t', 'txt', '\');
SELECT contract.matches('t', 'txt', NULL);
SELECT contract.add_rule('t', 'matches', '{txt}');
SELECT contract.format('t', 'txt', 'zip');
SELECT contract.format('t', 'txt', NULL);

/*
 * Closed vocabularies: the hint lists what is right
 */
SELECT contract.add_rule('t', 'is_nice', '{n}');
SELECT contract.add_rule('t', 'NOT_NULL', '{n}');
SELECT contract.add_rule('t', '', '{n}');
SELECT contract.not_null('t', 'n', on_violation => 'ignore');
SELECT contract.not_null('t', 'n', on_violation => '');
SELECT contract.not_null('t', 'n', severity => 'fatal');
SELECT contract.not_null('t', 'n', tolerance => 1.01);
SELECT contract.not_null('t', 'n', tolerance => -0.1);
SELECT contract.not_null('t', 'n', tolerance => 'NaN');
SELECT contract.describe('t', status => 'fine');
SELECT contract.describe('t', write_path => 'fast');
SELECT contract.describe('t', on_apply => 'ignore');
SELECT contract.describe(NULL);
SELECT contract.describe('t', contract_id => '');
SELECT contract.check('v', mode => 'quick');
SELECT contract.prune(keep_violations => -1);

/*
 * Null where there must be something
 */
SELECT contract.add_rule('t', NULL, '{n}');
SELECT contract.add_rule('t', 'not_null', NULL);
SELECT contract.add_rule('t', 'not_null', '{NULL}');
SELECT contract.add_rule('t', 'not_null', '{n}', NULL);
SELECT contract.not_null('t', 'n', severity => NULL);
SELECT contract.not_null('t', 'n', tolerance => NULL);
SELECT contract.alter_rule(NULL, 'r');
SELECT contract.alter_rule('t', NULL);
SELECT contract.preview(NULL, 'not_null', '{n}');
SELECT contract.preview('t', NULL, '{n}');
SELECT contract.preview('t', 'not_null', NULL);
SELECT contract.preview('t', 'not_null', '{n}', NULL);
SELECT contract.release(NULL);
-- strict functions
SELECT contract.drop_rule('t', NULL) IS NULL AS drop_rule, contract.drop_contract(NULL) IS NULL AS drop_contract,
	contract.repair(1, NULL) IS NULL AS repair, contract.discard('t', NULL) IS NULL AS discard;
SELECT count(*) FROM contract.check(NULL);

/*
 * Names
 */
SELECT contract.not_null('t', 'n', name => 'taken', on_violation => 'audit');
SELECT contract.not_null('t', 'n', name => 'taken');
SELECT contract.not_null('t', 'n', name => '');
SELECT contract.not_null('t', 'n', name => repeat('x', 256));
SELECT contract.not_null('t', 'n', name => repeat('ü', 128));
SELECT length(contract.not_null('t', 'n', name => repeat('x', 255), on_violation => 'audit'));
SELECT contract.describe('t', contract_id => repeat('x', 256));
SELECT contract.not_null('t', 'n', name => 'other', on_violation => 'audit');
SELECT contract.alter_rule('t', 'other', name => repeat('x', 256));
SELECT contract.alter_rule('t', 'other', name => 'taken');
SELECT contract.alter_rule('t', 'other', name => '');
SELECT contract.alter_rule('t', 'no_such_rule');
SELECT contract.alter_rule('t', 'other', on_violation => 'ignore');
SELECT contract.alter_rule('t', 'other', severity => 'fatal');
SELECT contract.alter_rule('t', 'other', tolerance => 2);
SELECT contract.alter_rule('t', 'other', parameters => '{"a": 1}');
SELECT contract.alter_rule('t', 'other', filter => 'no_such_column > 0');
SELECT contract.drop_rule('t', 'no_such_rule');
SELECT contract.drop_rule('no_such_table', 'taken');
SELECT contract.drop_rule('t', 'other');
SELECT contract.drop_rule('t', 'other');

/*
 * Expressions
 */
CREATE FUNCTION volatile_function(integer) RETURNS boolean VOLATILE LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION set_function(integer) RETURNS SETOF boolean IMMUTABLE LANGUAGE sql AS 'SELECT true';
SELECT contract.satisfies('t', 'n IN (SELECT id FROM regress_errors.t)');
SELECT contract.satisfies('t', 'EXISTS (SELECT FROM pg_class WHERE relpages > n)');
SELECT contract.satisfies('t', '(SELECT n > 0)');
SELECT contract.satisfies('t', 'n > 0 AND n = ANY (ARRAY(SELECT 1))');
SELECT contract.satisfies('t', 'count(n) > 0');
SELECT contract.satisfies('t', 'n < max(n) FILTER (WHERE n > 0)');
SELECT contract.satisfies('t', 'n < sum(n) OVER ()');
SELECT contract.satisfies('t', 'row_number() OVER () > n');
SELECT contract.satisfies('t', 'GROUPING(n) = 0');
SELECT contract.satisfies('t', 'regress_errors.set_function(n)');
SELECT contract.satisfies('t', 'generate_series(1, n) > 0');
SELECT contract.satisfies('t', 'n > random()');
SELECT contract.satisfies('t', 'regress_errors.volatile_function(n)');
SELECT contract.satisfies('t', 'at > clock_timestamp()');
SELECT contract.satisfies('t', 'n > nextval(''regress_errors.seq'')');
SELECT contract.satisfies('t', 'n > $1');
SELECT contract.satisfies('t', 'n > :limit');
SELECT contract.satisfies('t', 'n > 0; DROP TABLE regress_errors.t');
SELECT contract.satisfies('t', 'n > 0;');
SELECT contract.satisfies('t', 'DELETE FROM regress_errors.t');
SELECT contract.satisfies('t', 'n > 0 FROM regress_errors.t');
SELECT contract.satisfies('t', 'n > 0 WHERE true');
SELECT contract.satisfies('t', 'n > 0 UNION SELECT true');
SELECT contract.satisfies('t', 'n > 0, n > 1');
SELECT contract.satisfies('t', 'n > 0 AS positive');
SELECT contract.satisfies('t', 'DISTINCT n > 0');
SELECT contract.satisfies('t', 'n > 0 ORDER BY 1 LIMIT 1');
SELECT contract.satisfies('t', '*');
SELECT contract.satisfies('t', 't.*');
SELECT contract.satisfies('t', 't IS NOT NULL');
SELECT contract.satisfies('t', 'other.n > 0');
SELECT contract.satisfies('t', 'regress_errors.t.n > 0');
SELECT contract.satisfies('t', 'no_such_column > 0');
SELECT contract.satisfies('t', 'n > 0 AND noo > 1');
SELECT contract.satisfies('t', 'gone IS NULL');
SELECT contract.satisfies('t', 'ctid IS NOT NULL');
SELECT contract.satisfies('t', 'new.n > 0');
SELECT contract.satisfies('t', '1 = 1');
SELECT contract.satisfies('t', 'current_date > ''2020-01-01''');
SELECT contract.satisfies('t', 'NULL');
-- these are null or true whatever the row
SELECT contract.satisfies('t', 'n = NULL');
SELECT contract.satisfies('t', 'n > 0 OR true');
SELECT contract.satisfies('t', 'n + 1');
SELECT contract.satisfies('t', 'txt');
SELECT contract.satisfies('t', 'n');
SELECT contract.satisfies('t', 'n >');
SELECT contract.satisfies('t', 'n > ''unclosed');
SELECT contract.satisfies('t', 'n /* unclosed');
SELECT contract.satisfies('t', '');
SELECT contract.satisfies('t', '   ');
SELECT contract.satisfies('t', NULL);
SELECT contract.satisfies('t', 'n = ''x''');
SELECT contract.satisfies('t', 'no_such_function(n)');
-- functions are found in pg_catalog only, unless qualified
SELECT contract.satisfies('t', 'volatile_function(n)');
SELECT contract.satisfies('t', 'n::no_such_type > 0');
SELECT contract.satisfies('t', 'txt COLLATE "no_such_collation" > ''a''');
SELECT contract.satisfies('t', 'txt COLLATE "C" > txt COLLATE "POSIX"');
SELECT contract.satisfies('t', 'DEFAULT');
SELECT contract.satisfies('t', 'n = current_setting(''no.such'')::integer', on_violation => 'audit', name => 'fails when evaluated only');
-- filters likewise; they need no column
SELECT contract.not_null('t', 'n', filter => 'n IN (SELECT 1)');
SELECT contract.not_null('t', 'n', filter => 'max(n) > 0');
SELECT contract.not_null('t', 'n', filter => 'lag(n) OVER () > 0');
SELECT contract.not_null('t', 'n', filter => 'unnest(items) = ''a''');
SELECT contract.not_null('t', 'n', filter => 'random() < 0.5');
SELECT contract.not_null('t', 'n', filter => 'n > $1');
SELECT contract.not_null('t', 'n', filter => 'true; SELECT 1');
SELECT contract.not_null('t', 'n', filter => 'true FROM regress_errors.t');
SELECT contract.not_null('t', 'n', filter => 'nn > 0');
SELECT contract.not_null('t', 'n', filter => 'n + 1');
SELECT contract.not_null('t', 'n', filter => '   ');
SELECT contract.not_null('t', 'n', filter => 'current_date > ''2020-01-01''', on_violation => 'audit', name => 'no column');
SELECT contract.preview('t', 'not_null', '{n}', filter => 'nn > 0');
INSERT INTO t (id, n) VALUES (1, 0);
SELECT contract.preview('t', 'satisfies', '{}', '{"expression": "1 / n > 0"}');
SELECT contract.preview('t', 'not_null', '{n}', filter => '1 / n > 0');

/*
 * Generated columns are not there yet when quarantine has to decide
 */
SELECT contract.between('t', 'twice', 0, 10, on_violation => 'quarantine');
SELECT contract.satisfies('t', 'twice > 0', on_violation => 'quarantine');
SELECT contract.not_null('t', 'n', filter => 'twice > 0', on_violation => 'quarantine');
SELECT contract.between('t', 'twice', 0, 10, on_violation => 'reject');
SELECT contract.alter_rule('t', 'between_twice', on_violation => 'quarantine');
INSERT INTO t (id, n) VALUES (2, 6);

/*
 * The error of a refused row
 */
SELECT contract.describe('t', owner => 'the team that owns t');
SELECT contract.not_null('t', 'txt', on_violation => 'reject', filter => 'id > 100');
SELECT contract.accepted_values('t', 'txt', '{a,b}', on_violation => 'reject', description => 'Letters come from the alphabet team.');
SELECT contract.satisfies('t', 'small < big OR num > 1', on_violation => 'reject', name => 'several columns');
INSERT INTO t (id) VALUES (101);
INSERT INTO t (id, txt) VALUES (3, 'c');
UPDATE t SET txt = 'd' WHERE id = 1;
INSERT INTO t (id, small, big, num) VALUES (4, 2, 1, 0.5);
INSERT INTO t (id, small, big, num) VALUES (5, 2, 1, NULL), (6, 2, 1, 0.5);
-- the fields that a driver reads
CREATE FUNCTION fields(statement text) RETURNS TABLE (field text, value text) LANGUAGE plpgsql AS $$
DECLARE
	a text; b text; c text; d text; e text; f text; g text; h text; i text;
BEGIN
	EXECUTE statement;
EXCEPTION WHEN others THEN
	GET STACKED DIAGNOSTICS a = RETURNED_SQLSTATE, b = MESSAGE_TEXT, c = PG_EXCEPTION_DETAIL, d = PG_EXCEPTION_HINT,
		e = SCHEMA_NAME, f = TABLE_NAME, g = COLUMN_NAME, h = CONSTRAINT_NAME, i = PG_DATATYPE_NAME;
	RETURN QUERY SELECT * FROM unnest('{sqlstate,message,detail,hint,schema,table,column,constraint,datatype}'::text[],
		ARRAY[a, b, c, d, e, f, g, h, i]);
END
$$;
SELECT * FROM fields('INSERT INTO t (id, txt) VALUES (3, ''c'')');
SELECT * FROM fields('UPDATE t SET small = 2, big = 1, num = 0.5');
-- personal data is not shown
SELECT contract.pii('t', 'txt');
SELECT contract.pii('t', 'num');
INSERT INTO t (id, txt) VALUES (3, 'c');
INSERT INTO t (id, small, big, num) VALUES (4, 2, 1, 0.5);
-- nor in the error of an expression, in what is recorded
SELECT contract.satisfies('t', 'vc::integer > 0', name => 'number');
SELECT contract.pii('t', 'vc');
INSERT INTO t (id, vc) VALUES (7, 'xyz');
SELECT rule, value, message FROM contract.violations ORDER BY id;
SELECT rule, status, message FROM contract.check('t') WHERE rule = 'number';
SELECT source, rule, message FROM contract.results WHERE rule = 'number' ORDER BY run_id;

/*
 * Quarantine
 */
SELECT contract.between('t', 'n', 0, 10, on_violation => 'quarantine', name => 'few');
INSERT INTO t (id, n) VALUES (8, 11), (9, 12) RETURNING id;
SELECT contract.drop_contract('t');
SELECT contract.repair(-1, '{}');
SELECT contract.repair(9223372036854775807, '{"n": 1}');
SELECT min(id) AS held FROM contract.quarantined \gset
SELECT contract.repair(:held, '{"no_such_column": 1}');
SELECT contract.repair(:held, '{"twice": 1}');
SELECT contract.repair(:held, '{"n": "many"}');
SELECT contract.repair(:held, '{"n": [1]}');
SELECT contract.repair(:held, '{"num": 123456}');
SELECT contract.repair(:held, '[1]');
SELECT contract.repair(:held, '1');
SELECT contract.repair(:held, 'null');
SELECT contract.repair(:held, '{"n": 15}');
SELECT id = :held AS repaired, released, rules, message FROM contract.release('t') ORDER BY id;
SELECT id, released, rules, message FROM contract.release('t', '{-1,-2,NULL}') ORDER BY id;
SELECT count(*) FROM contract.release('t', '{}');
SELECT contract.discard('t', '{-1,NULL}');
SELECT contract.discard('t', '{}');
SELECT contract.release('v');
SELECT count(*) FROM contract.quarantined;
BEGIN;
SELECT contract.drop_contract('t', discard_quarantine => true);
ROLLBACK;
SELECT contract.repair(:held, '{"n": 5}');
SELECT id = :held AS repaired, released, rules, message FROM contract.release('t', ARRAY[:held, -1]) ORDER BY id;
SELECT regexp_replace(value, '\d+', 'N') AS gone FROM fields(format('SELECT contract.repair(%s, ''{"n": 5}'')', :held)) WHERE field = 'message';
-- read only
BEGIN READ ONLY;
SELECT contract.release('t');
ROLLBACK;
BEGIN READ ONLY;
SELECT contract.discard('t', '{1}');
ROLLBACK;
BEGIN READ ONLY;
SELECT contract.repair(:held + 1, '{"n": 1}');
ROLLBACK;
BEGIN READ ONLY;
SELECT DISTINCT status FROM contract.check('t') ORDER BY status;
ROLLBACK;
BEGIN READ ONLY;
\set VERBOSITY terse
SELECT contract.not_null('t', 'n');
\set VERBOSITY default
ROLLBACK;

/*
 * What is not for users to call
 */
SELECT contract.record();
SELECT contract.divert();
SELECT contract.follow_ddl();
CREATE TABLE other (id integer);
CREATE TRIGGER nothing AFTER INSERT ON other FOR EACH ROW EXECUTE FUNCTION contract.record();
INSERT INTO other VALUES (1);
DROP TRIGGER nothing ON other;
CREATE TRIGGER statement AFTER INSERT ON other EXECUTE FUNCTION contract.record('1', 'warn');
INSERT INTO other VALUES (1);
DROP TRIGGER statement ON other;
CREATE TRIGGER word BEFORE INSERT ON other FOR EACH ROW EXECUTE FUNCTION contract.divert('one', 'warn');
INSERT INTO other VALUES (1);
DROP TRIGGER word ON other;
CREATE TRIGGER unknown AFTER INSERT ON other FOR EACH ROW EXECUTE FUNCTION contract.record('1', 'warn');
INSERT INTO other VALUES (1), (2);
INSERT INTO other VALUES (3);
DROP TRIGGER unknown ON other;
CREATE TRIGGER unknown AFTER INSERT ON other FOR EACH ROW EXECUTE FUNCTION contract.record('1', 'reject');
INSERT INTO other VALUES (4);
DROP TRIGGER unknown ON other;
CREATE TRIGGER wrong_time BEFORE INSERT OR UPDATE ON other FOR EACH ROW EXECUTE FUNCTION contract.record('1', 'warn');
INSERT INTO other VALUES (5);
UPDATE other SET id = 6 WHERE id = 3;
DROP TRIGGER wrong_time ON other;
CREATE TRIGGER wrong_time AFTER INSERT ON other FOR EACH ROW EXECUTE FUNCTION contract.divert('1', 'warn');
INSERT INTO other VALUES (6);
DROP TRIGGER wrong_time ON other;
CREATE TRIGGER wrong_event AFTER DELETE ON other FOR EACH ROW EXECUTE FUNCTION contract.record('1', 'warn');
DELETE FROM other;
DROP TRIGGER wrong_event ON other;
SELECT id FROM other ORDER BY id;
CREATE EVENT TRIGGER regress_follow ON ddl_command_start EXECUTE FUNCTION contract.follow_ddl();
CREATE TABLE another (id integer);
DROP EVENT TRIGGER regress_follow;
SELECT contract.conforms(0, 1, 2), contract.conforms(0, VARIADIC ARRAY[1, 2]), contract.conforms_update(NULL, NULL::integer),
	contract.conforms(dataset_id, 1) AS too_few, contract.conforms(dataset_id, ROW(1, 2)) AS a_row
FROM contract.dataset WHERE table_name = 't';
SELECT contract.visible(0), contract.masked(0, '{"a": 1}'), contract.masked(0, '{a}', 'text'), contract.problem(0);
SELECT contract.masked(dataset_id, '[1]'), contract.masked(dataset_id, '{"a": {"b": [1]}}') FROM contract.dataset WHERE table_name = 't';

/*
 * A rule whose column goes: what guards rows fails closed, an audit says so
 */
SELECT contract.drop_contract('t', true);
SELECT contract.not_null('t', 'day', on_violation => 'reject');
SELECT contract.satisfies('t', 'flag OR day IS NULL');
ALTER TABLE t DROP COLUMN day;
INSERT INTO t (id) VALUES (10);
SELECT rule, status, message FROM contract.check('t') ORDER BY rule;
SELECT contract.alter_rule('t', 'not_null_day', severity => 'info');
SELECT contract.drop_rule('t', 'not_null_day');
INSERT INTO t (id) VALUES (10);
-- its table goes
DROP VIEW v;
DROP MATERIALIZED VIEW mv;
DROP TABLE t;
SELECT rule, status, considered, failed, message FROM contract.check('regress_errors.t') ORDER BY rule;
SELECT dataset, status, problem FROM contract.scorecard ORDER BY dataset;
SELECT contract.drop_contract('regress_errors.t');
SELECT contract.drop_contract('v');
SELECT contract.drop_contract('mv');

SELECT (SELECT count(*) FROM contract.dataset) AS dataset, (SELECT count(*) FROM contract.contract) AS contract,
	(SELECT count(*) FROM contract.run) AS run, (SELECT count(*) FROM contract.quarantine) AS quarantine;
\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA regress_errors CASCADE;
DROP TABLE temporary_table;
