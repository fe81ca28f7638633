-- Reading lineage: the view, walks, impact, pictures, events.
LOAD 'pg_contract';
SET pg_contract.lineage_sync = on;
SET pg_contract.track_lineage = 'all';
SET client_min_messages = warning;
CREATE SCHEMA flow;
SET search_path = flow;
DELETE FROM contract.lineage_edge;
DELETE FROM contract.lineage_statement;

-- raw -> clean (view) -> loaded -> daily (materialized view), and a function of it
CREATE TABLE raw (id int, email text, amount int, country text);
CREATE VIEW clean AS SELECT id, lower(email) AS email, amount FROM raw WHERE country = 'DE';
CREATE TABLE loaded (id int, contact text, hashed text, amount int);
CREATE MATERIALIZED VIEW daily AS SELECT count(contact) AS contacts, sum(amount) AS total FROM loaded;
CREATE FUNCTION total_of(customer int) RETURNS TABLE (total bigint, most int) LANGUAGE sql STABLE
BEGIN ATOMIC SELECT sum(amount), max(amount) FROM loaded WHERE id = customer; END;
CREATE FUNCTION load(first int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO flow.loaded SELECT id, email, md5(email), amount FROM flow.clean WHERE id >= first;
END$$;
INSERT INTO raw SELECT i, 'a@b', i, 'DE' FROM generate_series(1, 3) i;
SELECT load(2);
SELECT load(1);
SELECT format('%s.%s', source_table, source_column) AS source, concat_ws('.', target_table, target_column) AS target, kind, subtype, hop,
	masking, operation, routine, executions, rows, statement IS NULL AS is_definition, digest IS NULL AS has_no_digest, target_place
FROM contract.lineage
WHERE target_schema = 'flow' AND (executions > 1 OR executions IS NULL)
ORDER BY operation, target, source, subtype, hop;

-- one step, all of them; a column is there once, on the best of its shortest paths
SELECT depth, concat_ws('.', target_table, target_column) AS target, kind, subtype, masking, path FROM contract.downstream('raw', 'email', 1);
SELECT depth, concat_ws('.', target_table, target_column) AS target, kind, subtype, masking, path FROM contract.downstream('raw', 'email');
SELECT depth, concat_ws('.', target_table, target_column) AS target, kind, subtype, masking, path FROM contract.downstream('raw', 'country');
SELECT depth, source_schema, source_table, source_column, target_table, target_column, kind, subtype, masking, path
FROM contract.upstream('daily', 'contacts');
SELECT depth, format('%s.%s', source_table, source_column) AS source, target_column, kind, subtype FROM contract.upstream('loaded');
SELECT count(*) FROM contract.upstream('raw');
SELECT count(*) FROM contract.upstream(NULL);

-- files
CREATE TABLE moved (LIKE loaded);
SELECT format('/tmp/pg_contract_flow.%s', pg_backend_pid()) AS file \gset
COPY (SELECT id, contact FROM loaded) TO :'file';
COPY moved (id, contact) FROM :'file';
SELECT depth, source_schema, regexp_replace(source_table, '\d+$', 'PID') AS source_table, source_column, target_column
FROM contract.upstream('moved', 'contact', 1);
\setenv FLOW_FILE :file
\! rm "$FLOW_FILE"

-- cycles end; of two ways at the same depth the one that carries the values
CREATE TABLE a (x int, y int);
CREATE TABLE b (x int);
CREATE TABLE c (x text, z int);
INSERT INTO b SELECT x FROM a;
INSERT INTO a (x) SELECT x FROM b;
UPDATE a SET x = x + 1;
INSERT INTO c (x) SELECT CASE WHEN x > 1 THEN 'more' END FROM b;
INSERT INTO c (x) SELECT md5(x::text) FROM b;
SELECT depth, concat_ws('.', target_table, target_column) AS target, kind, subtype, masking, path FROM contract.downstream('a', 'x');
INSERT INTO c (x) SELECT x FROM b;
SELECT depth, concat_ws('.', target_table, target_column) AS target, kind, subtype, masking FROM contract.downstream('a', 'x');
-- a longer way that carries them is better than a short one that does not
INSERT INTO c (z) SELECT CASE WHEN a.x > 0 THEN a.y END FROM a;
INSERT INTO c (z) SELECT x FROM b;
SELECT depth, concat_ws('.', target_table, target_column) AS target, kind, subtype, path FROM contract.downstream('a', 'x');

-- wide diamonds: each column once
SELECT format('CREATE VIEW w%s AS SELECT %s', i, string_agg(format('%s AS c%s', CASE WHEN i = 0 THEN 'a.x' ELSE
	format('p.c%s + p.c%s', j, 1 + j % 10) END, j), ', ')) || CASE WHEN i = 0 THEN ' FROM a' ELSE format(' FROM w%s p', i - 1) END
FROM generate_series(0, 12) i, generate_series(1, 10) j GROUP BY i ORDER BY i \gexec
SELECT depth, count(*), count(DISTINCT (target_table, target_column)) AS columns FROM contract.downstream('a', 'x', 20)
WHERE target_table LIKE 'w%' GROUP BY 1 ORDER BY 1;
SELECT depth, count(*) FROM contract.upstream('w12', 'c3', 20) GROUP BY 1 ORDER BY 1;
SELECT count(*) FROM contract.downstream('a', 'x', NULL) WHERE target_table LIKE 'w%';
DROP VIEW w0 CASCADE;

-- what came through variables is known as base edges only, and followed all the same
CREATE FUNCTION by_hand() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	r record;
BEGIN
	FOR r IN SELECT amount FROM flow.loaded LOOP
		INSERT INTO flow.b VALUES (r.amount);
	END LOOP;
END$$;
SELECT by_hand();
SELECT depth, target_table, target_column, path FROM contract.downstream('loaded', 'amount', 1) WHERE target_table = 'b';

-- names follow; what is gone is not walked to
ALTER TABLE loaded RENAME amount TO cents;
ALTER TABLE b RENAME TO "B";
SELECT depth, path FROM contract.downstream('loaded', 'cents', 1) WHERE target_table = 'B';
DROP TABLE "B";
SELECT depth, path FROM contract.downstream('loaded', 'cents', 1) WHERE target_table = 'B';
SELECT DISTINCT target_table, historic_since IS NULL AS alive FROM contract.lineage WHERE source_table = 'loaded' AND target_place <> 'file' ORDER BY 1;

-- but walked through: a staging table that is dropped after the load
CREATE TABLE src (id int, kind text, note text);
INSERT INTO src VALUES (1, 'a', 'b');
CREATE TABLE fin (id int, note text);
CREATE TABLE stg AS SELECT id, upper(note) AS note, kind FROM src WHERE kind <> 'x';
CREATE TABLE "Stg2" AS SELECT id, note FROM stg WHERE kind <> 'y';
INSERT INTO fin SELECT id, note FROM "Stg2";
DROP TABLE stg;
DROP TABLE "Stg2";
CREATE VIEW routes AS
	SELECT 'up' AS way, depth, concat_ws('.', source_table, source_column) AS "end", kind, subtype, path FROM contract.upstream('fin')
	UNION ALL SELECT 'down', depth, concat_ws('.', target_table, target_column), kind, subtype, path FROM contract.downstream('src');
SELECT * FROM routes ORDER BY 1, 2, 3;
SELECT object_type, object, column_name, depth FROM contract.impact('src', 'kind');
SELECT contract.lineage_mermaid('fin', 'note', 5);
SELECT contract.describe('src', owner => 'sales'), contract.describe('fin', owner => 'reports'), contract.not_null('src', 'id');
ALTER TABLE src DROP COLUMN id;
SELECT contract.drop_contract('src'), contract.drop_contract('fin');
-- who may select from one end sees the edge; from none, not
CREATE ROLE regress_stage;
GRANT USAGE ON SCHEMA flow TO regress_stage;
GRANT SELECT ON src TO regress_stage;
SET ROLE regress_stage;
SELECT count(*) FROM contract.downstream('src');
RESET ROLE;
-- who has the name next is fed by others and feeds others
CREATE TABLE stg AS SELECT 2 AS id, x AS note FROM c;
SELECT * FROM routes ORDER BY 1, 2, 3;
SELECT depth, path FROM contract.upstream('stg', 'note', 1);
SELECT depth, path FROM contract.downstream('stg');
-- as is the target; also if the staging table had gone before it
DROP TABLE fin CASCADE;
CREATE TABLE fin (id int, note text);
SELECT count(*) FROM contract.upstream('fin');
SELECT depth, path FROM contract.downstream('src');
INSERT INTO fin SELECT id, note FROM stg;
SELECT depth, path FROM contract.upstream('fin', 'note', 1);
DROP TABLE stg;
SELECT depth, path FROM contract.upstream('fin', 'note', 2);
CREATE TABLE fin_new (id int, note text);
BEGIN;
ALTER TABLE fin RENAME TO fin_old;
ALTER TABLE fin_new RENAME TO fin;
COMMIT;
SELECT count(*) FROM contract.upstream('fin');
SELECT depth, path FROM contract.upstream('fin_old', 'note', 2);
DROP TABLE fin, fin_old;
DELETE FROM contract.lineage_edge WHERE historic_since IS NOT NULL;
-- what led nowhere is not there
CREATE TABLE nowhere AS SELECT id AS one, id AS two FROM src;
UPDATE nowhere SET one = two;
DROP TABLE nowhere;
SELECT object_type, object FROM contract.impact('src', 'id');
SELECT contract.lineage_mermaid('src', 'id');
DROP TABLE src;
DELETE FROM contract.lineage_edge WHERE historic_since IS NOT NULL;
DROP OWNED BY regress_stage;
DROP ROLE regress_stage;

-- wrong arguments
SELECT * FROM contract.upstream('loaded', 'nothing');
SELECT * FROM contract.downstream('loaded', 'ctid');
SELECT * FROM contract.downstream('loaded', 'id', 0);
SELECT * FROM contract.impact(4294967295);
SELECT contract.lineage_dot('loaded', 'nothing');
SELECT contract.lineage_mermaid('loaded', depth => -1);

-- impact: columns, relations, functions, statements, contracts, rules, schedules
CREATE TABLE other (id int, loaded_id int);
SELECT contract.describe('loaded', owner => 'sales', version => '2.0.0', contract_id => 'sales');
SELECT contract.not_null('loaded', 'contact'), contract.between('loaded', 'id', 1, 9, filter => 'cents > 0'),
	contract.satisfies('loaded', 'cents < 10 * id', name => 'cents_of_id'), contract.row_count('loaded', 1),
	contract.not_null('other', 'id'), contract.references('other', '{loaded_id}', 'loaded', '{id}'),
	contract.query('other', 'SELECT 1 FROM flow.daily WHERE total < 0', name => 'no_debts'),
	contract.query('other', 'SELECT 1 FROM flow.a', name => 'unconcerned'), contract.row_count('daily', 1);
SELECT contract.schedule('loaded', every => '1 day') > now() AS scheduled;
SELECT object_type, object, column_name, depth, path, detail - 'last_seen' - 'application' - 'role' AS detail FROM contract.impact('raw', 'amount');
SELECT object_type, regexp_replace(object, '(/tmp/\D*)\d+', '\1PID') AS object, column_name, depth FROM contract.impact('raw', 'country');
SELECT object_type, object, column_name, depth FROM contract.impact('loaded', 'hashed');
SELECT object_type, object, column_name, depth FROM contract.impact('other');
SELECT detail ?& '{role,application,last_seen}' AS told, CAST(detail->>'last_seen' AS timestamptz) > now() - interval '1 hour' AS recent
FROM contract.impact('raw', 'amount') WHERE object_type = 'statement';

-- jobs of pg_cron, if its table is there and a superuser's
CREATE SCHEMA cron;
CREATE TABLE cron.job (jobid bigint, schedule text, command text, database text, username text, jobname text);
INSERT INTO cron.job VALUES (1, '@daily', 'SELECT flow.load(2)', current_database(), current_user, 'nightly'),
	(2, '@daily', 'SELECT 1', current_database(), current_user, NULL);
SET application_name = 'pg_cron';
SET client_min_messages = error;	-- nulls may arrive
SELECT load(3);
INSERT INTO loaded (id) SELECT id FROM other;
RESET application_name;
SET client_min_messages = warning;
SELECT object, detail->>'scheduled_by' AS scheduled_by, detail->>'job' AS job FROM contract.impact('loaded', 'id') WHERE object_type = 'statement';
INSERT INTO cron.job VALUES (3, '@daily', 'INSERT INTO loaded (id) SELECT id FROM other', current_database(), current_user);
SELECT object, detail->>'scheduled_by' AS scheduled_by, detail->>'job' AS job FROM contract.impact('other', 'id') WHERE object_type = 'statement';
INSERT INTO cron.job SELECT jobid + 3, schedule, command, database, username FROM cron.job;
SELECT detail->>'scheduled_by' AS scheduled_by, detail->>'job' AS job FROM contract.impact('other', 'id') WHERE object_type = 'statement';
CREATE ROLE regress_flow;
ALTER TABLE cron.job OWNER TO regress_flow;
DELETE FROM cron.job WHERE jobid > 3;
SELECT detail->>'scheduled_by' AS scheduled_by, detail->>'job' AS job FROM contract.impact('other', 'id') WHERE object_type = 'statement';
DROP SCHEMA cron CASCADE;

-- who sees what: an edge, who may select from either of its ends; texts, members of the role that ran them
GRANT USAGE ON SCHEMA flow TO regress_flow;
GRANT SELECT (id) ON clean TO regress_flow;
SET ROLE regress_flow;
SELECT DISTINCT source_table, target_table, statement, query_id, application FROM contract.lineage WHERE target_schema = 'flow' ORDER BY 1, 2;
SELECT depth, path FROM contract.downstream('raw', 'amount');
SELECT depth, path FROM contract.upstream('loaded', 'cents');
SET client_min_messages = notice;
SELECT object_type, object, column_name, depth, detail - 'last_seen' - 'role' AS detail FROM contract.impact('raw', 'amount');
SET client_min_messages = warning;
SELECT contract.lineage_mermaid('loaded', 'cents');
SELECT e->>'eventType' AS type, e->'job'->'facets'->'sql' AS sql, jsonb_path_query_array(e, '$.inputs[*].name') AS inputs,
	jsonb_path_query_array(e, '$.outputs[*].facets.columnLineage.fields.keyvalue().key') AS outputs
FROM contract.openlineage() e;
RESET ROLE;
GRANT SELECT ON loaded TO regress_flow;
SET ROLE regress_flow;
SELECT depth, path FROM contract.downstream('raw', 'amount');
SELECT dataset, contract_id, version, owner FROM contract.datasets;
RESET ROLE;

-- pictures: names can be anything
CREATE TABLE "<b>&" ("end" int, "a""]|b" int, "\" int, "#35;" int, U&"new\000Aline" int, "ä{}%%{init}%%" int, "1. `x`" int, "style:#;" int);
CREATE VIEW "graph" AS SELECT *, md5("end"::text) AS "-->" FROM "<b>&" WHERE "1. `x`" > 0;
SELECT contract.lineage_dot('graph');
SELECT contract.lineage_mermaid('"<b>&"', 'end');
SELECT contract.lineage_mermaid('graph', depth => 1);
SELECT contract.lineage_dot('a', 'y');
SELECT contract.lineage_mermaid('"<b>&"', U&'new\000Aline');
SELECT contract.lineage_dot() LIKE '%>flow.raw<%' AS dot, contract.lineage_mermaid(depth => NULL) LIKE '%"flow.raw"%' AS mermaid;

-- events of OpenLineage; test/t/032_openlineage.pl validates them
SELECT contract.pii('raw', 'email', category => 'email', classification => 'confidential');
SET pg_contract.lineage_namespace = 'postgres://db1:5432';
SELECT e->>'eventType' AS type, replace(e->'job'->>'name', current_database(), 'DB') ~ '^DB\.query\.[0-9a-f-]+$' AS named,
	e->'job'->>'namespace' AS namespace, e->'run'->'facets'->'parent'->'job'->>'name' = current_database() || '.flow.load(integer)' AS parent,
	e->'run'->'facets'->'processing_engine'->>'name' AS engine, e->'job'->'facets'->'sql'->>'dialect' AS dialect,
	jsonb_path_query_array(e, '$.inputs[*].name') = jsonb_build_array(current_database() || '.flow.clean') AS inputs,
	jsonb_path_query(e, '$.outputs[*].facets.columnLineage.fields.hashed.inputFields[*].transformations') AS transformations,
	jsonb_path_query(e, '$.outputs[*].facets.columnLineage.dataset[*].field') AS dataset,
	jsonb_path_query(e, '$.outputs[*].facets.ownership.owners[*].name') AS owner
FROM contract.openlineage() e WHERE e->'job'->'facets'->'sql'->>'query' LIKE '%flow.clean%' ORDER BY 1 DESC;
SELECT e->'dataset'->'facets'->'datasetType'->>'datasetType' AS type, e->'dataset'->'facets'->'datasetType'->>'subType' AS subtype,
	jsonb_path_query_array(e, '$.dataset.facets.schema.fields[*].name') AS columns,
	jsonb_path_query_array(e, '$.dataset.facets.columnLineage.fields.keyvalue().key') AS derived,
	jsonb_path_query_array(e, '$.dataset.facets.tags.tags[*].field') AS tagged
FROM contract.openlineage() e WHERE e->'dataset'->>'name' LIKE '%.flow.%' AND e->'dataset'->>'name' NOT LIKE '%.graph' ORDER BY e->'dataset'->>'name';
-- the same again is the same
SELECT count(*) > 2 AS some, count(DISTINCT e->'run'->>'runId') * 2 = count(*) AS pairs FROM contract.openlineage() e WHERE e ? 'run';
SELECT count(*) FROM (SELECT e - 'eventTime' FROM contract.openlineage() e EXCEPT SELECT e - 'eventTime' FROM contract.openlineage() e) e;
-- since when: statements only
SELECT count(*) FILTER (WHERE e ? 'run') AS runs, count(*) FILTER (WHERE e ? 'dataset') > 2 AS datasets FROM contract.openlineage('infinity') e;
RESET pg_contract.lineage_namespace;
SELECT DISTINCT e->'job'->>'namespace' = 'postgres://localhost:' || current_setting('port') AS namespace FROM contract.openlineage() e WHERE e ? 'run';

SET client_min_messages = error;
SELECT contract.drop_contract(dataset) FROM contract.datasets WHERE schema_name = 'flow' ORDER BY dataset;
DROP SCHEMA flow CASCADE;
DROP OWNED BY regress_flow;
DROP ROLE regress_flow;
DELETE FROM contract.lineage_edge;
DELETE FROM contract.lineage_statement;
DELETE FROM contract.lineage_binding;
DELETE FROM contract.lineage_node;
