/*
 * Using lineage: personal data and nulls follow the data, duplicates, root causes.
 */
LOAD 'pg_contract';
CREATE SCHEMA regress_use;
SET search_path = regress_use;
CREATE ROLE regress_use_reader;
GRANT USAGE ON SCHEMA regress_use TO regress_use_reader;
SET pg_contract.lineage_sync = on;
SET pg_contract.track_lineage = contracts;
\pset null '-'
-- schemas are long
CREATE VIEW pii AS
SELECT replace(dataset, 'regress_use.', '') AS dataset, column_name, category, classification, derived,
	replace(array_to_string(path, ' > '), 'regress_use.', '') AS path
FROM contract.pii_columns WHERE dataset LIKE 'regress_use.%' ORDER BY dataset COLLATE "C", column_name COLLATE "C", category;

CREATE TABLE people (id integer PRIMARY KEY, email text, phone text, born date, city text NOT NULL);
SELECT contract.pii('people', 'email', 'email', 'confidential');
SELECT contract.pii('people', 'phone', 'phone');

/* Derived: through views and materialized views, not through what masks or what only decides. */
CREATE VIEW contacts AS
SELECT id, lower(email) AS mail, md5(email) AS key, COALESCE(phone, email) AS reach, city FROM people WHERE born > '2000-01-01';
CREATE VIEW cities AS SELECT city, count(email) AS emails, max(phone) AS last_phone FROM contacts JOIN people USING (id, city) GROUP BY city;
CREATE MATERIALIZED VIEW mailing AS SELECT mail, 'x' || reach AS reach FROM contacts ORDER BY key;
SELECT * FROM pii;
-- statements
CREATE TABLE stage (id integer, mail text, hash text);
INSERT INTO stage SELECT id, mail, key FROM contacts;
CREATE TABLE mart AS SELECT id, upper(mail) AS contact FROM stage;
SELECT * FROM pii WHERE dataset IN ('stage', 'mart');
-- what has passed on personal data is remembered
DROP TABLE stage;
SELECT * FROM pii WHERE dataset IN ('stage', 'mart');
-- names follow
ALTER TABLE mart RENAME COLUMN contact TO address;
ALTER VIEW contacts RENAME TO contact;
SELECT * FROM pii WHERE dataset = 'mart';
-- a tag says what a column holds, from there on
SELECT contract.pii('mart', 'address', 'address');
CREATE VIEW addresses AS SELECT address FROM mart;
SELECT * FROM pii WHERE dataset IN ('mart', 'addresses');
SELECT contract.describe_column('mart', 'address', description => 'Where to write to', tags => '{mail}');
SELECT contract.pii('mart', 'address', '');
SELECT * FROM pii WHERE dataset IN ('mart', 'addresses');
SELECT description, tags, derived FROM contract.pii_columns WHERE dataset = 'regress_use.mart';
-- functions of one's own that mask
CREATE FUNCTION scramble(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT left(md5($1), 8)';
CREATE FUNCTION blur(value text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN left(value, 1); END';
CREATE VIEW masked AS SELECT scramble(email) AS scrambled, blur(phone) AS blurred FROM people;
SELECT * FROM pii WHERE dataset = 'masked';
SET pg_contract.masking_functions = 'regress_use.blur';
CREATE OR REPLACE VIEW masked AS SELECT scramble(email) AS scrambled, blur(phone) AS blurred FROM people;
SELECT * FROM pii WHERE dataset = 'masked';
RESET pg_contract.masking_functions;
-- partitions are their table
CREATE TABLE parts (id integer, mail text) PARTITION BY LIST (id);
CREATE TABLE parts1 (mail text, id integer);
ALTER TABLE parts ATTACH PARTITION parts1 FOR VALUES IN (1);
INSERT INTO parts1 (mail, id) SELECT address, 1 FROM mart;
CREATE VIEW all_parts AS SELECT * FROM parts;
SELECT * FROM pii WHERE dataset LIKE '%parts%';
-- around in circles
INSERT INTO people (id, phone, city) SELECT -id, address, '' FROM mart;
SELECT count(*) FROM pii;
-- shown to who may select from it
GRANT SELECT (reach) ON mailing TO regress_use_reader;
GRANT SELECT ON pii TO regress_use_reader;
SET ROLE regress_use_reader;
SELECT DISTINCT dataset, derived FROM contract.pii_columns;
RESET ROLE;

/* pg_contract.pii_policy */
CREATE FUNCTION error_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	message text;
	detail text;
	hint text;
	schema_name text;
	table_name text;
	column_name text;
BEGIN
	EXECUTE statement;
	RETURN 'none';
EXCEPTION WHEN insufficient_privilege THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT,
		schema_name = SCHEMA_NAME, table_name = TABLE_NAME, column_name = COLUMN_NAME;
	RETURN concat_ws(E'\n', SQLSTATE || ': ' || message, detail, hint, concat_ws(' ', schema_name, table_name, column_name));
END $$;
CREATE TABLE plain (id integer, mail text, note text, PRIMARY KEY (id));
CREATE TABLE tagged (id integer, mail text, note text, PRIMARY KEY (id));
SELECT contract.pii('tagged', 'mail', 'email');
\t
SET pg_contract.pii_policy = 'reject';
SELECT error_of('INSERT INTO plain SELECT id, mail FROM contact');
SELECT error_of('CREATE TABLE leads AS SELECT mail, reach FROM contact');
SELECT error_of('CREATE MATERIALIZED VIEW leads AS SELECT address FROM mart');
SELECT error_of('COPY (SELECT id, email FROM people) TO ''/dev/null''');
SELECT error_of('COPY mart (address) TO PROGRAM ''cat''');
SELECT error_of('UPDATE tagged SET note = mail');
SELECT error_of('UPDATE plain p SET mail = q.email FROM people q WHERE p.id = q.id');
SELECT error_of('MERGE INTO plain p USING people q ON p.id = q.id WHEN NOT MATCHED THEN INSERT VALUES (q.id, q.phone)');
SELECT error_of('INSERT INTO plain VALUES (1, ''a'') ON CONFLICT (id) DO UPDATE SET mail = (SELECT max(email) FROM people)');
SELECT error_of('WITH moved AS (INSERT INTO plain SELECT id, email FROM people RETURNING id) SELECT count(*) FROM moved');
SELECT error_of('REFRESH MATERIALIZED VIEW mailing');
\t
SELECT * INTO leads FROM mart;
-- what is let pass
INSERT INTO tagged SELECT id, mail FROM contact;
INSERT INTO plain SELECT id, md5(mail), city FROM contact;
INSERT INTO plain SELECT 0, count(mail)::text FROM contact;
INSERT INTO plain SELECT id FROM people WHERE email IS NULL AND id > 0;
UPDATE people SET email = lower(email);
UPDATE mart SET address = trim(address);
COPY (SELECT email FROM people WHERE false) TO STDOUT;
EXPLAIN (COSTS off) INSERT INTO plain SELECT id, email FROM people;
CREATE VIEW more_contacts AS SELECT * FROM contact;
-- through a temporary table
CREATE TEMPORARY TABLE scratch AS SELECT id, email AS e FROM people;
\set VERBOSITY terse
INSERT INTO plain SELECT id, e FROM scratch;
INSERT INTO tagged SELECT id + 1000, e FROM scratch;
-- judged anew when tags change
PREPARE copy_mail AS INSERT INTO plain SELECT id + 100, mail FROM contact;
EXECUTE copy_mail;
SELECT contract.pii('plain', 'mail', 'email');
EXECUTE copy_mail;
SELECT contract.pii('plain', 'mail', '');
EXECUTE copy_mail;
SELECT contract.pii('people', 'email', '');
SELECT contract.pii('people', 'phone', '');
EXECUTE copy_mail;
SELECT contract.pii('people', 'email', 'email');
SELECT contract.pii('people', 'phone', 'phone');
-- in functions
CREATE PROCEDURE copy_it() LANGUAGE plpgsql AS $$
DECLARE
	person people;
BEGIN
	FOR person IN SELECT * FROM people LOOP
		INSERT INTO plain VALUES (person.id + 500, person.email);
	END LOOP;
END $$;
INSERT INTO people VALUES (77, 'a@example.com', '1', '2001-01-01', 'Bonn');
CALL copy_it();
\set VERBOSITY default
-- many columns
CREATE TABLE wide AS SELECT i AS a1, i AS a2, i AS a3, i AS a4, i AS a5, i AS a6, i AS a7, i AS a8, i AS a9, i AS a10, i AS a11, i AS a12
FROM generate_series(1, 0) i;
SELECT count(contract.pii('wide', 'a' || i, 'number')) FROM generate_series(1, 12) i;
SELECT * INTO wider FROM wide;
-- who has the settings of a dump's script without being one who restores is judged all the same
GRANT CREATE ON SCHEMA regress_use TO regress_use_reader;
GRANT SELECT ON people TO regress_use_reader;
SET SESSION AUTHORIZATION regress_use_reader;
SET check_function_bodies = off;
SET row_security = off;
CREATE TABLE mine AS SELECT email FROM people;
RESET check_function_bodies;
RESET row_security;
RESET SESSION AUTHORIZATION;
REVOKE SELECT ON people FROM regress_use_reader;
-- warned once a session
SET pg_contract.pii_policy = 'warn';
INSERT INTO plain SELECT id + 200, mail FROM contact;
INSERT INTO plain SELECT id + 300, mail FROM contact;
CREATE TABLE leads AS SELECT mail FROM contact;
INSERT INTO plain (id, note) SELECT id + 400, reach FROM contact;
SELECT * FROM pii WHERE dataset IN ('plain', 'leads');
RESET pg_contract.pii_policy;

/* Nulls: said when a statement is new and when a view is defined. */
CREATE TABLE strict (id integer, mail text, city text, note text);
SELECT contract.not_null('strict', 'mail'), contract.not_blank('strict', 'city', on_violation => 'audit'),
	contract.not_null('strict', 'note', filter => 'id > 0', name => 'noted');
INSERT INTO strict SELECT id, email, city, phone FROM people WHERE false;
INSERT INTO strict SELECT id, email, city, phone FROM people WHERE false;
INSERT INTO strict SELECT id, COALESCE(email, 'none'), city FROM people WHERE false;
INSERT INTO strict SELECT id, email, city FROM people WHERE email IS NOT NULL AND false;
INSERT INTO strict (city) SELECT p.city FROM mart m LEFT JOIN people p ON p.id = m.id WHERE false;
CREATE VIEW strict_view AS SELECT mail FROM strict;
SELECT contract.not_null('strict_view', 'mail', on_violation => 'audit');
CREATE OR REPLACE VIEW strict_view AS SELECT mail FROM strict WHERE id > 0;
SELECT dataset, column_name, rule, action, filter, source_table, source_column, subtype, operation FROM contract.nullable_feeds
WHERE dataset LIKE 'regress_use.%' ORDER BY 1, 2, 3, 6, 7;
SET ROLE regress_use_reader;
SELECT count(*) FROM contract.nullable_feeds;
RESET ROLE;

/* Duplicates */
CREATE TABLE sales (id integer, at timestamp, amount numeric, tax numeric, region text, item text);
CREATE TABLE daily AS SELECT at::date AS day, sum(amount) AS revenue, count(*) AS n FROM sales GROUP BY 1;
-- in contracts mode, lineage is that of datasets
SELECT contract.describe('sales');
CREATE TABLE daily_sales AS SELECT sum(amount) AS total, at::date AS d, max(tax) AS most_tax FROM sales GROUP BY 2;
CREATE TABLE day_totals AS SELECT at::date AS the_day, sum(amount) AS the_sum FROM sales WHERE region <> '' GROUP BY 1;
CREATE MATERIALIZED VIEW by_day AS SELECT at::date AS day, sum(amount) AS revenue FROM sales GROUP BY 1;
-- these are none: another expression, a few columns of the same table, a table made of the other
CREATE TABLE hourly AS SELECT date_trunc('hour', at) AS hour, sum(amount) AS revenue FROM sales GROUP BY 1;
CREATE TABLE some_columns AS SELECT id, region FROM sales;
CREATE TABLE other_columns AS SELECT id, region, item, tax FROM sales;
CREATE TABLE same_days AS SELECT d, total FROM daily_sales;
CREATE VIEW day_view AS SELECT * FROM by_day;
-- a copy is one
CREATE TABLE backup AS SELECT * FROM sales;
CREATE TABLE backup2 AS SELECT id, region, item, tax, at FROM sales WHERE id > 0;
SELECT replace(dataset, 'regress_use.', '') AS dataset, replace(other, 'regress_use.', '') AS other, columns, other_columns, same_columns,
	fraction, same_filters, copied, matches
FROM contract.duplicate_pipelines WHERE dataset LIKE 'regress_use.%' ORDER BY 1, 2;
GRANT SELECT ON by_day TO regress_use_reader;
GRANT SELECT (the_day) ON day_totals TO regress_use_reader;
SET ROLE regress_use_reader;
SELECT dataset, other FROM contract.duplicate_pipelines;
RESET ROLE;

/* Root causes */
CREATE TABLE raw (id integer, amount integer);
CREATE TABLE clean (id integer, amount integer);
CREATE TABLE report (id integer, total bigint);
CREATE TABLE end_of_way (id integer, total bigint);
SELECT contract.not_null('end_of_way', 'total', on_violation => 'audit');
SELECT contract.not_null('raw', 'amount', on_violation => 'audit'), contract.not_null('clean', 'amount', on_violation => 'audit'),
	contract.not_null('report', 'total', on_violation => 'audit');
CREATE FUNCTION audit(VARIADIC tables text[]) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(r.status, ' ') FROM unnest(tables) t, contract.check('regress_use.' || t) r
$$;
CREATE VIEW causes AS
SELECT i.dataset, i.status, i.root_cause->>'dataset' AS root_cause, i.root_cause->'path' AS path,
	(SELECT o.dataset FROM contract.incidents o WHERE o.id = (i.root_cause->>'incident')::bigint) AS incident_of,
	(i.root_cause->>'opened_at')::timestamptz = (SELECT o.opened_at FROM contract.incidents o WHERE o.id = (i.root_cause->>'incident')::bigint) AS opened_at
FROM contract.incidents i WHERE i.dataset LIKE 'regress_use.%' ORDER BY i.id;
INSERT INTO raw VALUES (1, NULL);
SET client_min_messages = error;
CREATE TABLE stage AS SELECT * FROM raw;
INSERT INTO clean SELECT * FROM stage;
DROP TABLE stage;
INSERT INTO report SELECT id, sum(amount) FROM clean GROUP BY id;
RESET client_min_messages;
-- downstream is audited first
SELECT audit('report');
CALL contract.tend();
SELECT * FROM causes;
-- then upstream: nobody judges the one downstream, but its root cause follows
SELECT audit('clean');
CALL contract.tend();
SELECT * FROM causes;
SELECT audit('raw');
CALL contract.tend();
SELECT * FROM causes;
-- two that feed each other are not each other's cause
INSERT INTO clean SELECT id, total FROM report WHERE false;
CREATE VIEW report_view AS SELECT * FROM report;
UPDATE raw SET amount = 1;
SELECT audit('raw');
CALL contract.tend();
SELECT * FROM causes;
-- through a table that is gone
UPDATE raw SET amount = NULL;
CREATE TABLE hop AS SELECT * FROM raw;
SET client_min_messages = error;
INSERT INTO end_of_way SELECT id, amount FROM hop;
RESET client_min_messages;
DROP TABLE hop;
SELECT audit('end_of_way');
SELECT audit('raw');
CALL contract.tend();
SELECT * FROM causes;

SET client_min_messages = error;
SELECT count(contract.drop_contract(name)) FROM contract.dataset WHERE schema_name = 'regress_use';
DROP SCHEMA regress_use CASCADE;
DROP ROLE regress_use_reader;
DELETE FROM contract.lineage_statement WHERE statement_id IN (
	SELECT e.statement_id FROM contract.lineage_edge e JOIN contract.lineage_node n ON n.node_id IN (e.source_id, e.target_id)
	WHERE n.schema_name = 'regress_use');
DELETE FROM contract.lineage_edge e WHERE NOT EXISTS (SELECT FROM contract.lineage_statement s WHERE s.statement_id = e.statement_id);
DELETE FROM contract.lineage_node n WHERE NOT EXISTS (SELECT FROM contract.lineage_edge e WHERE n.node_id IN (e.source_id, e.target_id));
