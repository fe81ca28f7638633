-- Partitioned tables, foreign tables, inheritance.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_contract;
SET pg_contract.ddl_guard = off;
CREATE EXTENSION IF NOT EXISTS postgres_fdw;
RESET client_min_messages;

CREATE TABLE p (id int, region text, a int, b int, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE p_eu PARTITION OF p FOR VALUES IN ('eu');
-- a leaf whose columns have another order and a dropped one between
CREATE TABLE p_us (b int, dropped text, region text NOT NULL, id int NOT NULL, a int);
ALTER TABLE p_us DROP COLUMN dropped;
ALTER TABLE p ATTACH PARTITION p_us FOR VALUES IN ('us');

SELECT contract.between('p', 'a', 0, 10);
SELECT contract.between('p', 'b', 0, 10, on_violation => 'quarantine');
SELECT contract.satisfies('p', 'a <> b', on_violation => 'reject', name => 'differ');

INSERT INTO p VALUES (1, 'eu', 1, 2), (2, 'us', 1, 2), (3, 'eu', 11, 2), (4, 'us', 11, 2), (5, 'eu', 1, 12), (6, 'us', 1, 12);
INSERT INTO p VALUES (7, 'us', 3, 3);
INSERT INTO p VALUES (7, 'eu', 3, 3);
-- directly into a leaf
INSERT INTO p_us (id, region, a, b) VALUES (8, 'us', 12, 3), (9, 'us', 1, 13);
COPY p FROM stdin;
10	us	13	1
11	us	1	14
12	eu	13	1
\.
INSERT INTO p_us (id, region, a, b) VALUES (13, 'us', 3, 3);
SELECT * FROM p ORDER BY id;
SELECT rule, action, key, value FROM contract.violations WHERE dataset = 'public.p' ORDER BY id;
SELECT rules, "row" FROM contract.quarantined WHERE dataset = 'public.p' ORDER BY id;

-- UPDATE in a leaf and across leaves
UPDATE p SET a = 20 WHERE id = 2;
UPDATE p SET b = 21 WHERE id = 2;               -- diverted, stays
UPDATE p SET region = 'eu' WHERE id = 4;        -- moves: judged as a new row
UPDATE p SET region = 'us', b = 99 WHERE id = 1;        -- diverted before it moves
SELECT tableoid::regclass, * FROM p WHERE id IN (1, 2, 4) ORDER BY id;
SELECT operation, rules, key, changed FROM contract.quarantined WHERE operation = 'UPDATE' ORDER BY id;
-- a trigger changes the row while it moves: the INSERT half cannot divert
CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.b := 77; RETURN NEW; END $$;
CREATE TRIGGER a_spoil BEFORE INSERT ON p_us FOR EACH ROW EXECUTE FUNCTION spoil();
UPDATE p SET region = 'us' WHERE id = 1;
INSERT INTO p VALUES (14, 'us', 1, 2);          -- an ordinary insert is diverted
SELECT tableoid::regclass, * FROM p WHERE id IN (1, 14) ORDER BY id;
DROP TRIGGER a_spoil ON p_us;
-- nor with a trigger that rolls back a subtransaction between the halves
CREATE FUNCTION catches() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	BEGIN PERFORM 1 / 0; EXCEPTION WHEN division_by_zero THEN NEW.b := 77; END; RETURN NEW; END $$;
CREATE TRIGGER a_catches BEFORE INSERT ON p_us FOR EACH ROW EXECUTE FUNCTION catches();
UPDATE p SET region = 'us' WHERE id = 1;
SELECT tableoid::regclass, * FROM p WHERE id = 1;
DROP TRIGGER a_catches ON p_us;
DROP FUNCTION catches();
-- an UPDATE that is diverted, and a DELETE and an INSERT later, are no move
INSERT INTO p VALUES (15, 'eu', 1, 2);
BEGIN;
UPDATE p SET b = 98 WHERE id = 15;
DELETE FROM p WHERE id = 15;
INSERT INTO p VALUES (15, 'us', 1, 97);
COMMIT;
SELECT operation, key FROM contract.quarantined WHERE "row" ->> 'id' = '15' ORDER BY id;
DELETE FROM contract.quarantine WHERE "row" ->> 'id' = '15';

-- a new partition, attached and detached ones
CREATE TABLE p_as PARTITION OF p FOR VALUES IN ('as');
INSERT INTO p VALUES (20, 'as', 30, 1);
INSERT INTO p_as VALUES (21, 'as', 3, 3);
CREATE TABLE p_af (LIKE p);
INSERT INTO p_af VALUES (22, 'af', 3, 3);
ALTER TABLE p ATTACH PARTITION p_af FOR VALUES IN ('af');
INSERT INTO p_af VALUES (23, 'af', 3, 3);
ALTER TABLE p DETACH PARTITION p_af;
INSERT INTO p_af VALUES (23, 'af', 3, 3);
DROP TABLE p_af;
SELECT count(*) AS triggers_on_as FROM pg_trigger WHERE tgrelid = 'p_as'::regclass;

-- contracts on the root and on a leaf together
SELECT contract.between('p_us', 'a', 0, 5, name => 'us_small');
SELECT max(id) AS mark FROM contract.violations \gset
INSERT INTO p VALUES (30, 'us', 7, 1), (31, 'eu', 7, 1), (32, 'us', 11, 1);
SELECT dataset, rule, value FROM contract.violations WHERE id > :mark ORDER BY dataset, rule, value;

-- releasing through the root
UPDATE p SET a = a WHERE false;
SELECT contract.repair(id, '{"b": 3}') FROM contract.quarantined WHERE dataset = 'public.p' AND operation = 'INSERT' ORDER BY id;
SELECT released, rules, message FROM contract.release('p') ORDER BY id;
SELECT tableoid::regclass, * FROM p WHERE id IN (5, 6, 9, 11) ORDER BY id;

SELECT rule, status, considered, failed FROM contract.check('p') ORDER BY rule;
-- type changes go through the partitions
ALTER TABLE p ALTER COLUMN a TYPE bigint;
INSERT INTO p VALUES (40, 'us', 50, 1);
SELECT dataset, rule, value FROM contract.violations ORDER BY id DESC LIMIT 2;

-- sub-partitioned
CREATE TABLE s (id int, x int, y int) PARTITION BY RANGE (x);
CREATE TABLE s1 PARTITION OF s FOR VALUES FROM (0) TO (10) PARTITION BY RANGE (y);
CREATE TABLE s11 PARTITION OF s1 FOR VALUES FROM (0) TO (10);
SELECT contract.not_null('s', 'id');
INSERT INTO s VALUES (NULL, 1, 1);
INSERT INTO s11 VALUES (NULL, 1, 2);
SELECT rule, "row" FROM contract.violations WHERE dataset = 'public.s' ORDER BY id;

-- inheritance children are not covered
CREATE TABLE parent (a int);
CREATE TABLE child () INHERITS (parent);
SELECT contract.between('parent', 'a', 0, 10);
INSERT INTO parent VALUES (11);
INSERT INTO child VALUES (12);
SELECT value FROM contract.violations WHERE dataset = 'public.parent';
SELECT rule, considered, failed FROM contract.check('parent');
ALTER TABLE parent ALTER COLUMN a TYPE bigint;

-- foreign tables
SELECT current_setting('port') AS port, current_setting('unix_socket_directories') AS dir \gset
CREATE SERVER loopback FOREIGN DATA WRAPPER postgres_fdw
	OPTIONS (host :'dir', port :'port', dbname :'DBNAME');
CREATE USER MAPPING FOR CURRENT_USER SERVER loopback OPTIONS (user :'USER');
CREATE TABLE far (id int, a int, b int);
CREATE FOREIGN TABLE near (id int, a int, b int) SERVER loopback OPTIONS (table_name 'far');
SELECT contract.between('near', 'a', 0, 10);
SELECT contract.between('near', 'b', 0, 10, on_violation => 'quarantine');
INSERT INTO near VALUES (1, 11, 1), (2, 1, 11), (3, 1, 1);
COPY near FROM stdin;
4	12	1
5	1	12
\.
UPDATE near SET a = 13 WHERE id = 3;
SELECT * FROM far ORDER BY id;
SELECT rule, action, operation, key, value FROM contract.violations WHERE dataset = 'public.near' ORDER BY id;
SELECT rule, status, considered, failed FROM contract.check('near') ORDER BY rule;

DROP SERVER loopback CASCADE;
DROP TABLE far, parent, child, p, s;
DROP FUNCTION spoil();
SET client_min_messages = warning;
SELECT contract.drop_contract(dataset, true) FROM contract.scorecard ORDER BY dataset;
DROP EXTENSION postgres_fdw;
