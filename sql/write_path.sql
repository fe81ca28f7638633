-- The write path: every way a row can come in, the actions and their precedence.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_contract;
SET pg_contract.ddl_guard = off;
RESET client_min_messages;

-- what was recorded, without times and ids
CREATE VIEW seen AS
	SELECT rule, action, operation, key, value FROM contract.violations WHERE dataset = 'public.w' ORDER BY id;

CREATE TABLE w (id int PRIMARY KEY, a int, b int, t text, g int GENERATED ALWAYS AS (b * 2) STORED);
SELECT contract.between('w', 'a', 0, 10);                                       -- warn
SELECT contract.between('w', 'b', 0, 10, on_violation => 'quarantine');
SELECT contract.accepted_values('w', 't', '{x,y}', on_violation => 'reject');

-- precedence: reject before quarantine before warn
INSERT INTO w VALUES (1, 99, 99, 'bad');
INSERT INTO w VALUES (1, 99, 99, 'x') RETURNING id;
INSERT INTO w VALUES (1, 99, 1, 'x') RETURNING id;
INSERT INTO w VALUES (2, 1, 1, NULL) RETURNING id;
SELECT * FROM seen;
SELECT rules, "row" FROM contract.quarantined ORDER BY id;

-- multi-row INSERT, INSERT .. SELECT, COPY
INSERT INTO w VALUES (3, 1, 1, 'x'), (4, -1, 1, 'x'), (5, 1, -1, 'y'), (6, -1, -1, 'y');
INSERT INTO w SELECT i, i, 1, 'x' FROM generate_series(8, 12) i;
COPY w (id, a, b, t) FROM stdin;
20	1	1	x
21	11	1	x
22	1	11	x
\.
COPY w (id, a, b, t) FROM stdin;
23	1	1	x
24	1	1	z
\.
SELECT id, a, b, t, g FROM w ORDER BY id;
SELECT "row" ->> 'id' AS id, rules FROM contract.quarantined ORDER BY contract.quarantined.id;

-- UPDATE: the new row, and only rules whose columns changed
UPDATE w SET b = 2 WHERE id = 1;                -- a = 99 stays as it was: not recorded again
UPDATE w SET a = 98 WHERE id = 1;               -- recorded
UPDATE w SET b = 50 WHERE id = 1;               -- the old row stays in place
UPDATE w SET t = 'bad' WHERE id = 1;
ALTER TABLE w DISABLE TRIGGER ALL;
UPDATE w SET t = 'bad' WHERE id = 2;            -- behind our back
ALTER TABLE w ENABLE TRIGGER ALL;
SELECT contract.enforce('w');
UPDATE w SET b = 3 WHERE id = 2;                -- touching another column is not refused
SELECT id, a, b, t FROM w WHERE id < 3 ORDER BY id;
SELECT operation, rules, key, changed, "row" ->> 'b' AS b FROM contract.quarantined WHERE operation = 'UPDATE';

-- ON CONFLICT, both kinds
TRUNCATE w;
SELECT contract.discard('w', array_agg(id)) FROM contract.quarantined;
INSERT INTO w VALUES (1, 1, 1, 'x');
SELECT max(id) AS mark FROM contract.violations \gset
INSERT INTO w VALUES (1, 99, 1, 'x') ON CONFLICT DO NOTHING;                    -- never landed: not recorded
INSERT INTO w VALUES (1, 99, 1, 'x') ON CONFLICT (id) DO UPDATE SET a = 50;     -- an update
INSERT INTO w VALUES (1, 1, 99, 'x') ON CONFLICT (id) DO UPDATE SET a = 51;     -- the proposed row is diverted
INSERT INTO w VALUES (1, 1, 1, 'x') ON CONFLICT (id) DO UPDATE SET t = 'bad';
SELECT rule, action, operation, value FROM contract.violations WHERE id > :mark ORDER BY id;
SELECT id, a, b, t FROM w;

-- MERGE
CREATE TABLE source (id int, a int, b int, t text);
INSERT INTO source VALUES (1, 77, 1, 'x'), (2, 78, 1, 'x'), (3, 1, 78, 'x');
SELECT max(id) AS mark FROM contract.violations \gset
MERGE INTO w USING source s ON w.id = s.id
WHEN MATCHED THEN UPDATE SET a = s.a
WHEN NOT MATCHED THEN INSERT (id, a, b, t) VALUES (s.id, s.a, s.b, s.t);
SELECT rule, action, operation, value FROM contract.violations WHERE id > :mark ORDER BY id;
SELECT id, a, b, t FROM w ORDER BY id;
DROP TABLE source;

-- data-modifying CTE, view, prepared statement
SELECT max(id) AS mark FROM contract.violations \gset
WITH ins AS (INSERT INTO w VALUES (30, -5, 1, 'x') RETURNING id) SELECT id FROM ins;
CREATE VIEW w_view AS SELECT id, a, b, t FROM w;
INSERT INTO w_view VALUES (31, -6, 1, 'x');
PREPARE p AS INSERT INTO w VALUES ($1, $2, 1, 'x');
EXECUTE p (32, -7);
EXECUTE p (33, 7);
SELECT rule, action, operation, value FROM contract.violations WHERE id > :mark ORDER BY id;
DEALLOCATE p;
DROP VIEW w_view;

-- other triggers: before ours they are seen, after ours they cannot smuggle
CREATE FUNCTION set_a() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.a := 5; RETURN NEW; END $$;
CREATE FUNCTION set_b() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.b := 500; RETURN NEW; END $$;
CREATE FUNCTION set_t() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.t := 'bad'; RETURN NEW; END $$;
CREATE TRIGGER a_first BEFORE INSERT ON w FOR EACH ROW EXECUTE FUNCTION set_a();
INSERT INTO w VALUES (40, 99, 1, 'x');
SELECT a FROM w WHERE id = 40;
CREATE TRIGGER zzz_last BEFORE INSERT ON w FOR EACH ROW EXECUTE FUNCTION set_b();
INSERT INTO w VALUES (41, 1, 1, 'x');
DROP TRIGGER zzz_last ON w;
CREATE TRIGGER zzz_last BEFORE INSERT ON w FOR EACH ROW EXECUTE FUNCTION set_t();
INSERT INTO w VALUES (41, 1, 1, 'x');
DROP TRIGGER zzz_last ON w;
DROP TRIGGER a_first ON w;
DROP FUNCTION set_a(), set_b(), set_t();

-- generated columns are judged on the final row
SELECT contract.between('w', 'g', 0, 10, name => 'g_small');
INSERT INTO w VALUES (42, 1, 9, 'x');
SELECT rule, value FROM contract.violations ORDER BY id DESC LIMIT 1;
SELECT contract.alter_rule('w', 'g_small', on_violation => 'reject');
INSERT INTO w VALUES (43, 1, 9, 'x');
SELECT contract.alter_rule('w', 'g_small', on_violation => 'quarantine');
SELECT contract.drop_rule('w', 'g_small');

-- the oltp write path judges the same
SELECT contract.describe('w', write_path => 'oltp');
SELECT regexp_replace(tgname, '.*_', '') AS trigger, tgqual IS NOT NULL AS has_when
FROM pg_trigger WHERE tgrelid = 'w'::regclass ORDER BY 1;
SELECT max(id) AS mark FROM contract.violations \gset
INSERT INTO w VALUES (50, -8, 1, 'x'), (51, 1, -8, 'x'), (52, 1, 1, 'x');
INSERT INTO w VALUES (53, 1, 1, 'bad');
UPDATE w SET a = -9 WHERE id = 52;
UPDATE w SET b = 2 WHERE id = 52;
SELECT rule, action, operation, value FROM contract.violations WHERE id > :mark ORDER BY id;
SELECT contract.describe('w', write_path => 'bulk');

-- session_replication_role does not switch a contract off
SET session_replication_role = replica;
INSERT INTO w VALUES (60, 1, 1, 'bad');
INSERT INTO w VALUES (60, 1, 99, 'x');
INSERT INTO w VALUES (60, 99, 1, 'x');
RESET session_replication_role;
SELECT rule, action, operation, value FROM contract.violations ORDER BY id DESC LIMIT 1;

-- unlogged table, row security
CREATE UNLOGGED TABLE u (a int);
SELECT contract.between('u', 'a', 0, 10);
INSERT INTO u VALUES (11);
SELECT rule, key, value FROM contract.violations WHERE dataset = 'public.u';
CREATE ROLE regress_writer;
ALTER TABLE w ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON w USING (id < 1000);
GRANT SELECT, INSERT ON w TO regress_writer;
SET ROLE regress_writer;
INSERT INTO w VALUES (70, 1, 1, 'bad');
INSERT INTO w VALUES (70, 99, 1, 'x');
INSERT INTO w VALUES (1070, 99, 1, 'x');
RESET ROLE;
SELECT rule, role, value FROM contract.violations ORDER BY id DESC LIMIT 1;

DROP VIEW seen;
DROP TABLE w, u;
SELECT contract.drop_contract('w', true), contract.drop_contract('u');
DROP ROLE regress_writer;
