-- What is recorded, and that it shares the fate of the rows.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_contract;
SET pg_contract.ddl_guard = off;
RESET client_min_messages;

CREATE TABLE r (id int, v int);
SELECT contract.between('r', 'v', 0, 10);
SELECT contract.not_null('r', 'id', on_violation => 'quarantine');
CREATE VIEW counts AS
	SELECT (SELECT count(*) FROM r) AS rows, (SELECT count(*) FROM r WHERE v NOT BETWEEN 0 AND 10) AS bad,
		(SELECT sum(failed) FROM contract.results WHERE dataset = 'public.r' AND rule = 'between_v' AND action = 'warn') AS failed,
		(SELECT count(*) FROM contract.violations WHERE dataset = 'public.r' AND rule = 'between_v' AND action = 'warn') AS samples,
		(SELECT count(*) FROM contract.quarantined WHERE dataset = 'public.r') AS quarantined;
CREATE PROCEDURE reset_history() LANGUAGE plpgsql AS $$
BEGIN
	TRUNCATE r, contract.run, contract.result, contract.violation, contract.quarantine;
END $$;

-- exact counts, few samples
INSERT INTO r SELECT i, i FROM generate_series(1, 1000) i;
SELECT * FROM counts;
SET pg_contract.violation_samples = 3;
INSERT INTO r SELECT i, i FROM generate_series(1, 1000) i;
SELECT * FROM counts;
SET pg_contract.violation_samples = 0;
INSERT INTO r VALUES (1, 11);
SELECT * FROM counts;
RESET pg_contract.violation_samples;
SET pg_contract.violation_samples = -1;
SELECT considered, failed, operation FROM contract.results WHERE rule = 'between_v' ORDER BY run_id;

-- rolled back: no trace; committed: seen in the same transaction
CALL reset_history();
BEGIN;
INSERT INTO r VALUES (1, 11), (NULL, 1);
SELECT * FROM counts;
ROLLBACK;
SELECT * FROM counts;

-- savepoints, nested, released and rolled back
BEGIN;
INSERT INTO r VALUES (1, 11);
SAVEPOINT a;
INSERT INTO r VALUES (2, 12), (NULL, 2);
SAVEPOINT b;
INSERT INTO r VALUES (3, 13), (NULL, 3);
ROLLBACK TO b;
INSERT INTO r VALUES (4, 14);
RELEASE a;
SAVEPOINT c;
INSERT INTO r VALUES (5, 15);
SELECT * FROM counts;
ROLLBACK TO c;
COMMIT;
SELECT * FROM counts;

-- PL/pgSQL: exception blocks, loops, reading its own violations
CALL reset_history();
DO $$
DECLARE n int;
BEGIN
	FOR i IN 1..2000 LOOP
		BEGIN
			INSERT INTO r VALUES (i, 11);
			INSERT INTO r VALUES (NULL, i);
			IF i % 2 = 0 THEN RAISE EXCEPTION 'even'; END IF;
		EXCEPTION WHEN raise_exception THEN NULL;
		END;
	END LOOP;
	SELECT sum(failed) INTO n FROM contract.results WHERE rule = 'between_v';
	RAISE NOTICE 'recorded so far: %', n;
	INSERT INTO r VALUES (1, 12);
	SELECT sum(failed) INTO n FROM contract.results WHERE rule = 'between_v';
	RAISE NOTICE 'recorded so far: %', n;
END $$;
SELECT * FROM counts;

-- a function that fails inside a statement, a statement that fails at its end
CALL reset_history();
CREATE FUNCTION failing_insert() RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO r VALUES (1, 99);
	RETURN 1 / 0;
EXCEPTION WHEN division_by_zero THEN RETURN 0;
END $$;
INSERT INTO r SELECT i, 50 + failing_insert() FROM generate_series(1, 3) i;
SELECT * FROM counts;
CREATE TABLE k (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, v int);
SELECT contract.between('k', 'v', 0, 10);
BEGIN;
INSERT INTO k VALUES (1, 11), (1, 12);
COMMIT;
SELECT count(*) FROM contract.results WHERE dataset = 'public.k';

-- triggers that write to another table under contract; deferred triggers at commit
CREATE FUNCTION copy_to_k() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO k VALUES (NEW.id, NEW.v); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER later AFTER INSERT ON r DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION copy_to_k();
CALL reset_history();
INSERT INTO r VALUES (7, 70);
SELECT dataset, rule, value FROM contract.violations ORDER BY dataset;
DROP TRIGGER later ON r;

-- cursors
CALL reset_history();
BEGIN;
INSERT INTO r VALUES (1, 11);
DECLARE c CURSOR FOR SELECT value FROM contract.violations WHERE dataset = 'public.r' ORDER BY id;
INSERT INTO r VALUES (2, 12);
FETCH ALL FROM c;
COMMIT;
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM r FOR UPDATE;
FETCH 1 FROM c;
UPDATE r SET v = 21 WHERE CURRENT OF c;
COMMIT;
SELECT operation, value FROM contract.violations WHERE dataset = 'public.r' ORDER BY id;

-- two-phase commit
CALL reset_history();
BEGIN;
INSERT INTO r VALUES (1, 11), (NULL, 5);
PREPARE TRANSACTION 'regress_a';
BEGIN;
INSERT INTO r VALUES (2, 12), (NULL, 6);
PREPARE TRANSACTION 'regress_b';
SELECT * FROM counts;
COMMIT PREPARED 'regress_a';
ROLLBACK PREPARED 'regress_b';
SELECT * FROM counts;

-- many statements in one transaction
CALL reset_history();
DO $$ BEGIN FOR i IN 1..3000 LOOP INSERT INTO r VALUES (i, 100), (NULL, 1); END LOOP; END $$;
SELECT * FROM counts;

-- a procedure that commits on its way
CALL reset_history();
CREATE PROCEDURE commits() LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO r VALUES (1, 11);
	COMMIT;
	INSERT INTO r VALUES (2, 12);
	ROLLBACK;
	INSERT INTO r VALUES (3, 13);
END $$;
CALL commits();
SELECT * FROM counts;

-- parallel plans feed the write
CALL reset_history();
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
CREATE TABLE many AS SELECT i AS id, i % 20 AS v FROM generate_series(1, 20000) i;
ALTER TABLE many ALTER id SET NOT NULL;
ANALYZE many;
INSERT INTO r SELECT id, v FROM many WHERE v > 5;
SELECT * FROM counts;
RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size; RESET max_parallel_workers_per_gather;
DROP TABLE many;

-- what a violation says of its statement
CALL reset_history();
SET application_name = 'loader';
INSERT INTO r VALUES (1, 11);
SELECT source, operation, role = current_user AS role, application, query_id IS NOT NULL AS query_id,
	xid IS NOT NULL AS xid, at <= now() AS at, "row" FROM contract.violations;
RESET application_name;

-- a transaction that began before a rule is judged by it: see also the isolation tests
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM r;
SELECT contract.forbidden_values('r', 'v', '{7}', on_violation => 'reject');
INSERT INTO r VALUES (1, 7);
ROLLBACK;
INSERT INTO r VALUES (1, 7);

-- a transaction that becomes read only after it has written
CALL reset_history();
BEGIN;
INSERT INTO r VALUES (1, 11), (NULL, 1);
SET TRANSACTION READ ONLY;
COMMIT;
SELECT * FROM counts;

-- a function in a rule that raised an error is run again
CREATE TABLE f (id int, a int);
CREATE FUNCTION ten_by(x int) RETURNS boolean LANGUAGE sql IMMUTABLE SECURITY DEFINER AS $$ SELECT 10 / x > 0 $$;
SELECT contract.satisfies('f', 'public.ten_by(a)', on_violation => 'reject');
BEGIN;
INSERT INTO f VALUES (1, 1);
SAVEPOINT s;
INSERT INTO f VALUES (2, 0);
ROLLBACK TO s;
INSERT INTO f VALUES (3, 2);
COMMIT;
SELECT * FROM f;
-- and one that writes to its own dataset is refused
CREATE FUNCTION writes(x int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
	IF x = 7 THEN INSERT INTO public.f VALUES (100, 1); END IF; RETURN true; END $$;
CREATE FUNCTION lies(x int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN public.writes(x); END $$;
SELECT contract.satisfies('f', 'public.lies(a)', on_violation => 'reject');
INSERT INTO f VALUES (4, 7);
INSERT INTO f VALUES (5, 8);
SELECT * FROM f;
DROP TABLE f;
DROP FUNCTION ten_by(int), writes(int), lies(int);

DROP VIEW counts;
SET client_min_messages = warning;
DROP TABLE r, k;
DROP FUNCTION failing_insert(), copy_to_k();
DROP PROCEDURE reset_history(), commits();
SELECT contract.drop_contract(dataset, true) FROM contract.scorecard ORDER BY dataset;
