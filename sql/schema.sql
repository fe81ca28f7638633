-- Kind schema: the columns that a dataset is declared to have.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_contract;
SET pg_contract.ddl_guard = off;
RESET client_min_messages;

CREATE FUNCTION found(dataset text) RETURNS TABLE (rule text, status text, considered bigint, failed bigint, observed jsonb,
	message text, executor text)
LANGUAGE sql AS $$ SELECT rule, status, considered, failed, observed, message, executor FROM contract.check(dataset) $$;
-- which of these types does a column have that is declared so?
CREATE FUNCTION fitting(declared jsonb, types text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	one text;
	verdict text;
	result text;
BEGIN
	FOREACH one IN ARRAY types LOOP
		EXECUTE format('CREATE TABLE probe (c %s)', one);
		PERFORM contract.add_rule('probe', 'schema', '{}', jsonb_build_object('columns', jsonb_build_array(declared || '{"name": "c"}')));
		SELECT status INTO verdict FROM contract.check('probe');
		IF verdict = 'pass' THEN
			result := concat_ws(', ', result, one);
		END IF;
		PERFORM contract.drop_contract('probe');
		DROP TABLE probe;
	END LOOP;
	RETURN result;
END $$;

CREATE DOMAIN short AS varchar(20);
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TYPE pair AS (a int, b int);
CREATE TABLE items (id int, label varchar(20), price numeric(10,2), at timestamptz, tags text[], extra jsonb, gone int, m mood);
ALTER TABLE items DROP COLUMN gone;

-- kept: parameters are stored in canonical form
SELECT contract.add_rule('items', 'schema', '{}', '{"columns": [{"name": "id", "type": "int4", "logicalType": "integer"},
	{"name": "label", "type": "varchar"}, {"name": "price", "type": "decimal(10, 2)"}, {"name": "at", "type": "timestamp", "timezone": true},
	{"name": "tags", "logicalType": "array"}, {"name": "extra", "logicalType": "object", "type": null}, {"name": "m", "type": "public.mood"}],
	"exact": true}');
SELECT rule, columns, action, parameters FROM contract.rules WHERE dataset = 'public.items';
SELECT * FROM found('items');
SELECT rule, expected = parameters AS expects_parameters FROM contract.check('items') JOIN contract.rules USING (rule);
-- not kept
SELECT contract.alter_rule('items', 'schema', '{"columns": [{"name": "price", "type": "numeric(12,2)"}, {"name": "id", "type": "bigint"},
	{"name": "colour"}, {"name": "at", "logicalType": "timestamp", "timezone": false}, {"name": "label", "logicalType": "number"}]}');
SELECT * FROM found('items');
SELECT contract.alter_rule('items', 'schema', '{"columns": [{"name": "id"}, {"name": "m"}, {"name": "price"}], "exact": true}', severity => 'warning');
SELECT * FROM found('items');
SELECT contract.alter_rule('items', 'schema', '{"columns": []}');
SELECT status, message FROM found('items');
-- no column is read, so it is settled in a sample, and for who may not read all of it
GRANT SELECT (id) ON items TO PUBLIC;
CREATE ROLE regress_reader;
SET ROLE regress_reader;
SELECT rule, status, executor FROM contract.check('items');
RESET ROLE;
SELECT status, executor FROM contract.check('items', 'sample');
SELECT contract.failing_rows('items', 'schema');
SELECT * FROM contract.preview('items', 'schema', '{}', '{"columns": [{"name": "colour"}]}');
SELECT * FROM contract.preview('items', 'schema', '{}', '{"columns": [{"name": "id"}]}');
-- a view, too
CREATE VIEW seen AS SELECT id, label FROM items;
SELECT contract.add_rule('seen', 'schema', '{}', '{"columns": [{"name": "id", "type": "integer"}, {"name": "label", "type": "text"}]}');
SELECT * FROM found('seen');
-- a type that is gone
SELECT contract.alter_rule('seen', 'schema', '{"columns": [{"name": "id", "type": "public.pair"}]}');
DROP TYPE pair;
SELECT rule, status, message FROM found('seen');

-- types: which are accepted
SELECT fitting('{"type": "integer"}', '{int4,int8,int2,numeric,text}');
SELECT fitting('{"type": "varchar(20)"}', '{varchar(20),varchar,varchar(30),text,short,char(20)}');
SELECT fitting('{"type": "varchar"}', '{varchar(20),varchar,text,short}');
SELECT fitting('{"type": "public.short"}', '{varchar(20),varchar(30),varchar,short}');
SELECT fitting('{"type": "text"}', '{varchar,text,name,text[]}');
SELECT fitting('{"type": "numeric(8)"}', '{numeric(8),"numeric(8,0)","numeric(8,2)",numeric}');
SELECT fitting('{"type": "timestamp"}', '{timestamp,timestamptz,timestamp(3),date}');
SELECT fitting('{"type": "timestamptz(3)"}', '{timestamp,timestamptz,timestamp(3),timestamptz(3)}');
SELECT fitting('{"type": "timestamp", "timezone": true}', '{timestamp,timestamptz}');
SELECT fitting('{"type": "timestamptz", "timezone": false}', '{timestamp,timestamptz}');
SELECT fitting('{"type": "time"}', '{time,timetz}');
SELECT fitting('{"type": "varchar(20)[]"}', '{varchar(20)[],varchar(20)[][],varchar[],text[],varchar(20)}');
SELECT fitting('{"type": "integer[]"}', '{int4[],int8[],int4}');
SELECT fitting('{}', '{int4,text,json}');
SELECT fitting('{"logicalType": "string"}', '{text,varchar(3),char(3),name,uuid,mood,short,int4,bytea,json}');
SELECT fitting('{"logicalType": "integer"}', '{int2,int4,int8,numeric,float4,float8,text,oid,money}');
SELECT fitting('{"logicalType": "number"}', '{int2,int4,int8,numeric,float4,float8,text}');
SELECT fitting('{"logicalType": "boolean"}', '{bool,int4,bit}');
SELECT fitting('{"logicalType": "date"}', '{date,timestamp,text}');
SELECT fitting('{"logicalType": "timestamp"}', '{timestamp,timestamptz,date,time}');
SELECT fitting('{"logicalType": "time", "timezone": true}', '{time,timetz,timestamptz}');
SELECT fitting('{"logicalType": "array"}', '{int4[],text[],json,text}');
SELECT fitting('{"logicalType": "object"}', '{json,jsonb,items,int4[],text}');
SELECT fitting('{"logicalType": "map"}', '{json,jsonb,text}');
SELECT fitting('{"logicalType": "vector"}', '{float4[],text}');
SELECT fitting('{"type": "bigint", "logicalType": "string"}', '{int8,text}');

-- wrong parameters
SELECT contract.add_rule('items', 'schema', '{}');
SELECT contract.add_rule('items', 'schema', '{}', '{"columns": 1}');
SELECT contract.add_rule('items', 'schema', '{}', '{"columns": ["id"]}');
SELECT contract.add_rule('items', 'schema', '{}', '{"columns": [{"type": "int"}]}');
SELECT contract.add_rule('items', 'schema', '{}', '{"columns": [{"name": ""}]}');
SELECT contract.add_rule('items', 'schema', '{}', '{"columns": [{"name": 1}]}');
SELECT contract.add_rule('items', 'schema', '{}', jsonb_build_object('columns', jsonb_build_array(jsonb_build_object('name', repeat('x', 64)))));
SELECT contract.add_rule('items', 'schema', '{}', '{"columns": [{"name": "id"}, {"name": "id"}]}');
SELECT contract.add_rule('items', 'schema', '{}', '{"columns": [{"name": "id", "physicalType": "int"}]}');
SELECT contract.add_rule('items', 'schema', '{}', '{"columns": [{"name": "id", "type": "intt"}]}');
SELECT contract.add_rule('items', 'schema', '{}', '{"columns": [{"name": "id", "type": "mood"}]}');
SELECT contract.add_rule('items', 'schema', '{}', '{"columns": [{"name": "id", "type": "record"}]}');
SELECT contract.add_rule('items', 'schema', '{}', '{"columns": [{"name": "id", "type": 1}]}');
SELECT contract.add_rule('items', 'schema', '{}', '{"columns": [{"name": "id", "logicalType": "int"}]}');
SELECT contract.add_rule('items', 'schema', '{}', '{"columns": [{"name": "at", "logicalType": "time", "timezone": "yes"}]}');
SELECT contract.add_rule('items', 'schema', '{}', '{"columns": [{"name": "id", "type": "int", "timezone": true}]}');
SELECT contract.add_rule('items', 'schema', '{}', '{"columns": [], "exact": "yes"}');
SELECT contract.add_rule('items', 'schema', '{}', (SELECT jsonb_build_object('columns', jsonb_agg(jsonb_build_object('name', i::text))) FROM generate_series(1, 1601) i));
SELECT contract.add_rule('items', 'schema', '{id}', '{"columns": []}');
SELECT contract.add_rule('items', 'schema', '{}', '{"columns": []}', filter => 'id > 0');
SELECT contract.add_rule('items', 'schema', '{}', '{"columns": []}', on_violation => 'warn');
\set VERBOSITY terse
SELECT contract.add_rule('items', 'schema', '{}', '{"columns": [{"name": "id", "type": "varchar(0)"}]}');
\set VERBOSITY default

SELECT contract.drop_contract('seen'), contract.drop_contract('items');
DROP VIEW seen;
DROP TABLE items;
DROP TYPE mood;
DROP DOMAIN short;
DROP FUNCTION found(text), fitting(jsonb, text[]);
DROP ROLE regress_reader;
