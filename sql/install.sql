/*
 * Creating the extension, and what it gives: an accidental change of the API
 * shows here.
 */
CREATE EXTENSION pg_contract;

-- everything is in a schema that belongs to the extension, whatever the search_path was
SELECT e.extname, n.nspname AS control_schema, e.extrelocatable AS relocatable
FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace
WHERE e.extname = 'pg_contract';
SELECT d.classid::regclass AS class, count(*) AS outside
FROM pg_depend AS d JOIN pg_extension AS e ON d.refobjid = e.oid AND d.refclassid = 'pg_extension'::regclass,
	pg_identify_object(d.classid, d.objid, d.objsubid) AS o
WHERE e.extname = 'pg_contract' AND d.deptype = 'e'
	AND COALESCE(o.schema, 'contract') <> 'contract'
GROUP BY 1 ORDER BY 1;

-- functions: \df+ contract.*, without what may differ
\a
SELECT p.proname AS name, pg_get_function_arguments(p.oid) AS arguments, pg_get_function_result(p.oid) AS result
FROM pg_proc AS p
WHERE p.pronamespace = 'contract'::regnamespace
ORDER BY p.proname, 2;
\a
SELECT p.proname AS name, p.pronargs AS args, l.lanname AS language, p.proisstrict AS strict, p.provolatile AS volatile,
	p.proparallel AS parallel, p.prosecdef AS secdef,
	has_function_privilege('public', p.oid, 'EXECUTE') AS public,
	obj_description(p.oid, 'pg_proc') IS NOT NULL AS comment
FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang
WHERE p.pronamespace = 'contract'::regnamespace
ORDER BY p.proname, p.pronargs;

-- views, column by column; security barriers, open to all
SELECT c.relname AS view, c.reloptions, has_table_privilege('public', c.oid, 'SELECT') AS public,
	obj_description(c.oid, 'pg_class') IS NOT NULL AS comment
FROM pg_class AS c
WHERE c.relnamespace = 'contract'::regnamespace AND c.relkind = 'v'
ORDER BY c.relname;
SELECT c.relname AS view, a.attname AS column, format_type(a.atttypid, a.atttypmod) AS type
FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'contract'::regnamespace AND c.relkind = 'v'
ORDER BY c.relname, a.attnum;

-- tables and sequences: closed to all, described, dumped (all but binding, which is rebuilt by name)
SELECT c.relname AS name, c.relkind AS kind, c.relacl IS NULL AS closed,
	c.oid = ANY (e.extconfig) AS dumped, c.relrowsecurity AS rls,
	c.relkind = 'S' OR obj_description(c.oid, 'pg_class') IS NOT NULL AS comment
FROM pg_class AS c, pg_extension AS e
WHERE c.relnamespace = 'contract'::regnamespace AND c.relkind IN ('r', 'S') AND e.extname = 'pg_contract'
ORDER BY c.relkind, c.relname;
SELECT c.relname AS table, a.attname AS column, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS not_null
FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'contract'::regnamespace AND c.relkind = 'r'
ORDER BY c.relname, a.attnum;

-- event triggers, which fire always
SELECT evtname, evtevent, evtenabled, evttags FROM pg_event_trigger ORDER BY evtname;

-- settings, but those that are there only with preload
SELECT name, boot_val, context FROM pg_settings WHERE name LIKE 'pg\_contract.%' AND context <> 'postmaster' ORDER BY name;
SET pg_contract.no_such_setting = 1;

-- and nothing to see yet
SELECT (SELECT count(*) FROM contract.rules) AS rules, (SELECT count(*) FROM contract.violations) AS violations,
	(SELECT count(*) FROM contract.results) AS results, (SELECT count(*) FROM contract.quarantined) AS quarantined,
	(SELECT count(*) FROM contract.pii_columns) AS pii_columns, (SELECT count(*) FROM contract.scorecard) AS scorecard;

CREATE EXTENSION pg_contract;
CREATE EXTENSION IF NOT EXISTS pg_contract;
