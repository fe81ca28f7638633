-- Lineage of statements as they run, recorded in the transaction itself.
LOAD 'pg_contract';
SET pg_contract.lineage_sync = on;
SET pg_contract.track_lineage = 'all';
SET client_min_messages = warning;
CREATE SCHEMA runs;
SET search_path = runs;

-- what was seen since the last :forget
CREATE VIEW seen AS
SELECT operation, string_agg(format('%s%s>%s%s %s', source_table, '.' || source_column, target_table, '.' || target_column, subtype),
	', ' ORDER BY target_table, target_column, source_table, source_column, subtype) AS edges,
	executions, rows, routine, statement
FROM contract.lineage
WHERE executions IS NOT NULL AND hop = 'immediate'
GROUP BY query_id, statement, routine, operation, executions, rows, first_seen, last_seen
ORDER BY statement COLLATE "C", operation, routine;
\set forget 'DELETE FROM contract.lineage_edge; DELETE FROM contract.lineage_statement;'

CREATE TABLE a (id int PRIMARY KEY, x int, y int);
CREATE TABLE b (id int, x int, y int);
CREATE TABLE c (id int PRIMARY KEY, x int);
INSERT INTO a SELECT i, i * 10, i * 100 FROM generate_series(1, 10) i;
SELECT * FROM seen;

-- each kind of statement that writes; rows and executions are counted
INSERT INTO b SELECT * FROM a WHERE y > 300;
INSERT INTO b SELECT * FROM a WHERE y > 400;
UPDATE b SET x = a.y FROM a WHERE a.id = b.id;
DELETE FROM b USING c WHERE c.id = b.id;
INSERT INTO c SELECT id, x FROM a ON CONFLICT (id) DO UPDATE SET x = excluded.x + c.x;
MERGE INTO c USING (SELECT DISTINCT id, x, y FROM b) b ON c.id = b.id WHEN MATCHED THEN UPDATE SET x = b.y WHEN NOT MATCHED THEN INSERT VALUES (b.id, b.x);
WITH gone AS (DELETE FROM b WHERE id > 5 RETURNING id, x) INSERT INTO c SELECT id + 100 + random() * 1000000, x FROM gone;
WITH new AS (INSERT INTO b SELECT * FROM a RETURNING id) SELECT count(*) FROM new;
WITH new AS (INSERT INTO b (x) SELECT x FROM a), more AS (INSERT INTO b (y) SELECT y FROM a) SELECT 1 AS one;
SELECT operation, edges, executions, rows FROM seen ORDER BY statement COLLATE "C";
:forget

-- nothing to record: no column feeds another
INSERT INTO b VALUES (1, 2, 3);
SELECT count(*) FROM a;
INSERT INTO b (id) SELECT relpages FROM pg_class LIMIT 0;
SELECT * FROM seen;

-- constants and comments are not kept
INSERT INTO c (id, x) /* of Smith */ SELECT id + 1000, x -- 'Smith'
FROM a WHERE x = 10 AND y::text <> 'Smith' AND y::text <> $q$Smith$q$ AND y::text <> E'Smi\'th' AND y > 1.5e0 AND y::text <> U&'Smith';
PREPARE with_parameters (int) AS INSERT INTO c SELECT id + 2000, $1 + 5 FROM a WHERE y = $1;
EXECUTE with_parameters (3);
SELECT statement FROM seen;
:forget

-- CREATE TABLE AS and its like
CREATE TABLE d AS SELECT id, x + y AS z FROM a;
CREATE TABLE IF NOT EXISTS d AS SELECT id AS other FROM c;
SELECT id AS renamed INTO e FROM a;
CREATE TABLE f AS SELECT id FROM a WITH NO DATA;
CREATE TABLE g (first, second) AS SELECT id, x FROM a;
PREPARE source AS SELECT id, y FROM a WHERE x > 50;
CREATE TABLE h AS EXECUTE source;
CREATE VIEW v AS SELECT id, x FROM a;
CREATE TABLE i AS SELECT x FROM v;
CREATE MATERIALIZED VIEW m AS SELECT id, x FROM a;
CREATE UNIQUE INDEX ON m (id);
-- planning runs a query of its own
CREATE FUNCTION folded() RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RETURN (SELECT max(x) FROM a); END$$;
CREATE TABLE o AS SELECT id FROM a WHERE x < folded();
CREATE TABLE j AS WITH moved AS (DELETE FROM d WHERE id > 8 RETURNING id) SELECT id FROM moved;
SELECT operation, edges, executions, rows, statement FROM seen;
:forget
REFRESH MATERIALIZED VIEW m;
UPDATE a SET x = x + 1 WHERE id < 3;
REFRESH MATERIALIZED VIEW CONCURRENTLY m;
REFRESH MATERIALIZED VIEW m WITH NO DATA;
SELECT operation, edges, executions, rows FROM seen;
:forget

-- COPY
COPY a (id, x) TO PROGRAM 'PASSWORD=secret cat - secret >/dev/null || true';
COPY (SELECT id, x + y AS sum FROM a WHERE x > 50) TO '/dev/null';
COPY b (x, y) FROM '/dev/null';
COPY b TO STDOUT;
SELECT operation, edges, executions, rows, statement FROM seen;
:forget

-- a plan that is kept
PREPARE kept AS INSERT INTO b SELECT * FROM a WHERE id = $1;
SET plan_cache_mode = force_generic_plan;
EXECUTE kept (1);
EXECUTE kept (2);
EXECUTE kept (3);
SELECT operation, edges, executions, rows FROM seen;
RESET plan_cache_mode;
-- switched off, and on again: the plan is made anew
SET pg_contract.track_lineage = 'off';
EXECUTE kept (4);
SET pg_contract.track_lineage = 'all';
EXECUTE kept (5);
SELECT operation, executions, rows FROM seen;
:forget

-- EXPLAIN runs nothing, EXPLAIN ANALYZE does
EXPLAIN (COSTS off) INSERT INTO b SELECT * FROM a;
EXPLAIN (COSTS off) CREATE TABLE k AS SELECT id FROM a;
SELECT * FROM seen;
DO $$BEGIN
	EXECUTE 'EXPLAIN ANALYZE INSERT INTO b SELECT * FROM a';
	EXECUTE 'EXPLAIN ANALYZE CREATE TABLE k AS SELECT id FROM a';
END$$;
SELECT operation, edges, executions, rows FROM seen;
:forget

-- what is rolled back leaves no trace
BEGIN;
INSERT INTO b SELECT * FROM a;
ROLLBACK;
BEGIN;
INSERT INTO b (id) SELECT id FROM a;
SAVEPOINT s;
INSERT INTO b (x) SELECT x FROM a;
ROLLBACK TO s;
INSERT INTO b (y) SELECT y FROM a;
RELEASE s;
INSERT INTO b (id) SELECT id FROM a;
COMMIT;
DO $$BEGIN
	FOR n IN 1 .. 3 LOOP
		BEGIN
			INSERT INTO b (id) SELECT id FROM a WHERE id = n;
			INSERT INTO b (x) SELECT x FROM a WHERE 1 / (n - 2) < 100;
		EXCEPTION WHEN division_by_zero THEN
			INSERT INTO b (y) SELECT y FROM a;
		END;
	END LOOP;
END$$;
INSERT INTO b (x) SELECT 1 / (x - x) FROM a;
SELECT operation, edges, executions, rows, statement FROM seen;
:forget
-- a transaction of which nothing is left leaves nothing to the next one either
BEGIN;
SAVEPOINT s;
INSERT INTO b (id) SELECT id FROM a;
ROLLBACK TO s;
COMMIT;
BEGIN;
INSERT INTO b (y) SELECT y FROM a;
INSERT INTO b (x) SELECT x FROM a;
COMMIT;
SELECT operation, edges, executions, rows FROM seen;
:forget

-- routines: static and dynamic statements, triggers, functions in language SQL, procedures that commit
CREATE FUNCTION static() RETURNS void LANGUAGE plpgsql AS $$BEGIN INSERT INTO b SELECT * FROM a; END$$;
CREATE FUNCTION dynamic(t text) RETURNS void LANGUAGE plpgsql AS
$$BEGIN EXECUTE format('INSERT INTO %I (id) SELECT id FROM a', t); END$$;
CREATE FUNCTION in_sql() RETURNS void LANGUAGE sql AS $$INSERT INTO b (x) SELECT x FROM a; SELECT static()$$;
CREATE FUNCTION atomic() RETURNS void LANGUAGE sql BEGIN ATOMIC INSERT INTO b (y) SELECT y FROM a; END;
CREATE PROCEDURE steps() LANGUAGE plpgsql AS $$BEGIN
	INSERT INTO b (id) SELECT id FROM a;
	COMMIT;
	INSERT INTO b (id) SELECT id FROM a;
	ROLLBACK;
	INSERT INTO b (id, x) SELECT id, x FROM a;
END$$;
CREATE FUNCTION on_c() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO b (x) SELECT y FROM a LIMIT 1; RETURN NEW; END$$;
SELECT static();
SELECT static();
SELECT dynamic('b');
SELECT in_sql();
SELECT atomic();
CALL steps();
CREATE TRIGGER t AFTER INSERT ON c FOR EACH ROW EXECUTE FUNCTION on_c();
INSERT INTO c VALUES (-1, -1), (-2, -2);
DROP TRIGGER t ON c;
SELECT operation, edges, executions, rows, routine, statement FROM seen;
:forget

-- foreign keys' own statements are not anybody's
CREATE TABLE child (a_id int REFERENCES a ON DELETE CASCADE ON UPDATE CASCADE);
INSERT INTO child SELECT id FROM a;
UPDATE a SET id = id + 1000 WHERE id = 1;
DELETE FROM a WHERE id = 1001;
SELECT operation, edges, executions FROM seen;
:forget

-- rules: what they make of a statement
CREATE TABLE log (id int, x int);
CREATE RULE also AS ON INSERT TO b DO ALSO INSERT INTO log VALUES (new.id, new.x);
INSERT INTO b SELECT * FROM a;
DROP RULE also ON b;
CREATE RULE instead AS ON INSERT TO v DO INSTEAD INSERT INTO b VALUES (new.id, new.x);
INSERT INTO v SELECT id, y FROM a;
SELECT operation, edges, executions, statement FROM seen;
:forget

-- temporary tables are looked through
CREATE TEMP TABLE step1 AS SELECT id, x + y AS sum FROM a WHERE x > 0;
CREATE TEMP TABLE step2 (id int, sum int, n bigint);
INSERT INTO step2 SELECT id, max(sum), count(*) FROM step1 GROUP BY id;
CREATE TEMP VIEW step3 AS SELECT id AS key, sum FROM step2;
INSERT INTO b (id, x) SELECT key, sum FROM step3;
SELECT operation, edges, executions, rows, statement FROM seen;
:forget
-- what is emptied has no past
TRUNCATE step2;
INSERT INTO b (id, x) SELECT key, sum FROM step3;
SELECT * FROM seen;
INSERT INTO step2 SELECT id, x FROM c;
INSERT INTO b (id, x) SELECT id, sum FROM step2;
SELECT operation, edges FROM seen;
:forget
-- transactions
BEGIN;
TRUNCATE step2;
INSERT INTO step2 (sum) SELECT y FROM a;
ROLLBACK;
BEGIN;
SAVEPOINT s;
INSERT INTO step2 (id) SELECT y FROM a;
ROLLBACK TO s;
COMMIT;
INSERT INTO b (id, x) SELECT id, sum FROM step2;
SELECT operation, edges FROM seen;
:forget
CREATE TEMP TABLE emptied (id int) ON COMMIT DELETE ROWS;
INSERT INTO emptied SELECT id FROM a;
INSERT INTO b (id) SELECT id FROM emptied;
BEGIN;
INSERT INTO emptied SELECT x FROM a;
INSERT INTO b (id) SELECT id FROM emptied;
COMMIT;
SELECT operation, edges FROM seen;
:forget
DROP VIEW step3;
DROP TABLE step1, step2, emptied;
-- whatever they are called, it is the same statement
CREATE TEMP TABLE today AS SELECT id, x FROM a;
INSERT INTO b (id, x) SELECT id, x + 1 FROM today;
ALTER TABLE today RENAME TO yesterday;
INSERT INTO b (id, x) SELECT id, x + 1 FROM yesterday;
CREATE TEMP TABLE today AS SELECT id, x FROM a;
INSERT INTO b (id, x) SELECT id, x + 1 FROM today;
SELECT operation, edges, executions FROM seen;
:forget
DROP TABLE today, yesterday;

-- only datasets: written, read into something, also through a view or a temporary table
SET pg_contract.track_lineage = 'contracts';
SELECT contract.describe('c');
INSERT INTO b SELECT * FROM a;
CREATE TABLE l AS SELECT id FROM a;
SELECT * FROM seen;
INSERT INTO c SELECT id + 3000, x FROM a;
CREATE VIEW of_c AS SELECT id FROM c;
INSERT INTO b (id) SELECT id FROM of_c;
CREATE TEMP TABLE step AS SELECT x FROM c;
INSERT INTO b (x) SELECT x FROM step;
CREATE TABLE n AS SELECT x FROM c;
EXECUTE kept (3);
SELECT operation, edges, executions FROM seen;
:forget
SELECT contract.drop_contract('runs.c');
INSERT INTO c SELECT id + 4000, x FROM a;
SELECT * FROM seen;
SELECT contract.describe('b');
EXECUTE kept (3);	-- its plan is made anew
SELECT operation, edges, executions FROM seen;
SELECT contract.drop_contract('runs.b');
CREATE TABLE parted (id int) PARTITION BY RANGE (id);
CREATE TABLE part PARTITION OF parted DEFAULT;
SELECT contract.describe('parted');
INSERT INTO part SELECT id FROM a;
SELECT operation, edges, executions FROM seen;
:forget

-- what has fed a table that is swapped for another one goes with it
SET pg_contract.track_lineage = 'all';
CREATE VIEW names AS SELECT edges, (SELECT bool_or(historic_since IS NOT NULL) FROM contract.lineage l WHERE l.statement = seen.statement) AS historic FROM seen;
CREATE TABLE swap AS SELECT id, x FROM c;
UPDATE swap SET x = x + 1;
CREATE TABLE swap__new AS SELECT id, y AS x FROM a;
INSERT INTO b (id) SELECT id FROM swap;
BEGIN;
ALTER TABLE swap RENAME TO swap__old;
ALTER TABLE swap__new RENAME TO swap;
COMMIT;
SELECT * FROM names;
DROP TABLE swap__old;
SELECT * FROM names;
BEGIN;
DROP TABLE swap;
CREATE TABLE swap AS SELECT x AS id FROM a;
COMMIT;
SELECT * FROM names;
DROP VIEW names;
:forget

-- a prepared transaction has run
SET pg_contract.track_lineage = 'all';
BEGIN;
INSERT INTO b SELECT * FROM a;
PREPARE TRANSACTION 'lineage';
COMMIT PREPARED 'lineage';
SELECT operation, edges, executions FROM seen;
:forget

-- where it is not certain what is a constant, no text is kept
SET standard_conforming_strings = off;
SET escape_string_warning = off;
PREPARE escaped AS INSERT INTO b SELECT a.* FROM a WHERE 'a\' secret \'' <> '';
RESET standard_conforming_strings;
RESET escape_string_warning;
EXECUTE escaped;
SELECT DISTINCT statement IS NULL AS no_text, executions FROM contract.lineage WHERE operation = 'INSERT';
:forget

DEALLOCATE ALL;
SET client_min_messages = error;
SELECT contract.drop_contract('runs.parted');
DROP SCHEMA runs CASCADE;
DELETE FROM contract.lineage_binding;
DELETE FROM contract.lineage_node;
