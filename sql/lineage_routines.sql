-- Lineage in routines: which one runs, where the values of variables and arguments come from, bodies of SQL functions.
LOAD 'pg_contract';
SET pg_contract.lineage_sync = on;
SET pg_contract.track_lineage = 'all';
SET client_min_messages = warning;
CREATE SCHEMA routines;
SET search_path = routines;

-- what was seen since the last :forget
CREATE VIEW seen AS
SELECT routine, executions, string_agg(format('%s.%s>%s.%s %s', source_table, source_column, target_table, target_column, subtype),
	', ' ORDER BY target_table, target_column, source_table, source_column, subtype) FILTER (WHERE kind = 'direct') AS edges
FROM contract.lineage
WHERE executions IS NOT NULL AND hop = 'base'
GROUP BY query_id, statement, routine, executions, first_seen
ORDER BY routine COLLATE "C", 3, executions;
\set forget 'DELETE FROM contract.lineage_edge; DELETE FROM contract.lineage_statement;'
:forget

CREATE TABLE a (x int, y int, z int, t text);
CREATE TABLE b (p int, q int, r text);
CREATE TABLE c (k int);
CREATE VIEW v AS SELECT x AS vx, y + z AS vs FROM a;
INSERT INTO a VALUES (1, 2, 3, 't'), (4, 5, 6, 'u');
INSERT INTO c VALUES (1), (2);

-- the outermost routine: PL/pgSQL, SQL, procedures, triggers; after errors, in blocks with handlers, over COMMIT
CREATE FUNCTION inner_one() RETURNS void LANGUAGE plpgsql AS $$BEGIN INSERT INTO c SELECT x FROM a; END$$;
CREATE FUNCTION in_sql() RETURNS void LANGUAGE sql AS $$INSERT INTO c SELECT x FROM a; SELECT inner_one()$$;
CREATE FUNCTION outer_one() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM inner_one();
	BEGIN
		PERFORM inner_one();
		PERFORM 1 / 0;
	EXCEPTION WHEN division_by_zero THEN NULL;
	END;
	PERFORM in_sql();
END$$;
CREATE FUNCTION fails() RETURNS void LANGUAGE sql AS $$INSERT INTO c SELECT x / 0 FROM a$$;
CREATE FUNCTION with_rights() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET work_mem = '1MB' AS $$BEGIN PERFORM in_sql(); END$$;
CREATE PROCEDURE steps() LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO c SELECT x FROM a;
	COMMIT;
	INSERT INTO c SELECT y FROM a;
	ROLLBACK;
	CALL sql_steps();
END$$;
CREATE PROCEDURE sql_steps() LANGUAGE sql AS $$INSERT INTO c SELECT z FROM a$$;
SELECT inner_one();
SELECT in_sql();
SELECT outer_one();
SELECT with_rights();
SELECT fails();
INSERT INTO c SELECT x FROM a;
DO $$BEGIN INSERT INTO c SELECT y FROM a; PERFORM in_sql(); PERFORM inner_one(); BEGIN PERFORM fails(); EXCEPTION WHEN OTHERS THEN NULL; END; INSERT INTO c SELECT z FROM a; END$$;
CALL steps();
CALL sql_steps();
SELECT * FROM seen;
:forget
-- a function that is only an expression is still inlined
CREATE FUNCTION add_one(i int) RETURNS int LANGUAGE sql AS $$SELECT i + 1$$;
EXPLAIN (COSTS OFF) SELECT 1 FROM a WHERE add_one(x) = 2;

-- loops, INTO, assignments, fields, cursors, arrays, RETURNING
CREATE FUNCTION loops() RETURNS void LANGUAGE plpgsql AS $$
DECLARE r record; m int; n int;
BEGIN
	FOR r IN SELECT x, y AS other FROM a LOOP INSERT INTO b (p, q) VALUES (r.other, r.x); END LOOP;
	FOR m, n IN SELECT vx, vs FROM v LOOP INSERT INTO b (p, q) VALUES (m, n); END LOOP;
	FOR i IN (SELECT min(x) FROM a) .. (SELECT max(y) FROM a) LOOP INSERT INTO c VALUES (i); END LOOP;
END$$;
CREATE FUNCTION chains() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	first int := (SELECT max(x) FROM a);
	second int; third int; swapped int; hashed text; whole a; again a%ROWTYPE;
BEGIN
	SELECT y, z INTO second, third FROM a LIMIT 1;
	WHILE third > 100 LOOP	-- never, but it might
		swapped := second; second := third; third := swapped + first;
	END LOOP;
	SELECT md5(t) INTO STRICT hashed FROM a LIMIT 1;
	UPDATE b SET p = second, q = third, r = hashed WHERE q = first;
	SELECT * INTO whole FROM a LIMIT 1;
	whole.z := whole.x;
	again := whole;
	INSERT INTO b SELECT again.y, again.z, again.t;
	again := ROW(1, first, 3, hashed);
	INSERT INTO b (p) VALUES (CASE WHEN first > 0 THEN again.y END);
END$$;
CREATE FUNCTION cursors() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	bound CURSOR (low int) FOR SELECT vx, low AS l FROM v;
	free refcursor;
	m int; n int;
BEGIN
	FOR r IN bound((SELECT max(k) FROM c)) LOOP INSERT INTO b (p, q) VALUES (r.vx, r.l); END LOOP;
	OPEN bound(low := 7); FETCH bound INTO m, n; CLOSE bound;
	INSERT INTO c VALUES (m);
	OPEN free FOR SELECT z FROM a; FETCH free INTO n; CLOSE free;
	INSERT INTO c VALUES (n);
END$$;
CREATE FUNCTION arrays() RETURNS void LANGUAGE plpgsql AS $$
DECLARE list int[]; element int; kept int;
BEGIN
	list := ARRAY(SELECT x FROM a);
	list[1] := (SELECT max(y) FROM a);
	FOREACH element IN ARRAY list LOOP INSERT INTO c VALUES (element); END LOOP;
	INSERT INTO b (p) SELECT max(z) FROM a RETURNING q INTO kept;
	INSERT INTO c VALUES (kept);
END$$;
SELECT loops(), chains(), cursors(), arrays();
SELECT * FROM seen;
:forget

-- a plan that is kept has the same lineage as those made before
CREATE FUNCTION many() RETURNS void LANGUAGE plpgsql AS $$DECLARE n int; BEGIN FOR i IN 1 .. 20 LOOP SELECT x INTO n FROM a LIMIT 1; INSERT INTO c VALUES (n); END LOOP; END$$;
SELECT many();
SELECT * FROM seen;
-- what a variable is made of has changed
CREATE OR REPLACE FUNCTION many() RETURNS void LANGUAGE plpgsql AS $$DECLARE n int; BEGIN FOR i IN 1 .. 20 LOOP SELECT vs INTO n FROM v LIMIT 1; INSERT INTO c VALUES (n); END LOOP; END$$;
SELECT many();
CREATE OR REPLACE VIEW v AS SELECT x AS vx, 2 * x AS vs FROM a;
SELECT many();
SELECT * FROM seen;
CREATE OR REPLACE VIEW v AS SELECT x AS vx, y + z AS vs FROM a;
:forget

-- a branch that cannot be analysed is left out; nothing stays locked
CREATE FUNCTION broken() RETURNS text LANGUAGE plpgsql AS $$
DECLARE n int; r record;
BEGIN
	SELECT x INTO n FROM a LIMIT 1;
	IF n < 0 THEN n := (SELECT k FROM c LIMIT 1); SELECT nothing INTO n FROM no_such_table; n := r.field; END IF;
	INSERT INTO b (p) VALUES (n);
	RETURN (SELECT string_agg(relation::regclass::text, ' ') FROM pg_locks WHERE pid = pg_backend_pid() AND relation = 'c'::regclass);
END$$;
SELECT broken();
SELECT * FROM seen;
:forget

-- EXECUTE: arguments, rows, and what is in neither
CREATE FUNCTION dynamic(tab text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE r record; whole a; n int;
BEGIN
	FOR r IN EXECUTE format('SELECT x AS s, y + $1 AS w FROM %I', tab) USING 1 LOOP
		INSERT INTO b (p, q) VALUES (r.s, r.w);
	END LOOP;
	EXECUTE 'SELECT max(z) FROM a' INTO n;
	INSERT INTO c VALUES (n);
	SELECT * INTO whole FROM a LIMIT 1;
	EXECUTE 'INSERT INTO b SELECT $1, ($2).z, ($2).t' USING n + whole.y, whole;
	EXECUTE 'INSERT INTO c SELECT x FROM a';
END$$;
SELECT dynamic('a');
CREATE TABLE a2 AS TABLE a;
:forget
SELECT dynamic('a2');
SELECT * FROM seen;
:forget

-- NEW and OLD: of a table, of a partition whose parent has the trigger, of a view
CREATE TABLE log (op text, x int, y int, z int, t text);
CREATE FUNCTION logs() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE before a;
BEGIN
	IF TG_OP = 'DELETE' THEN
		INSERT INTO log SELECT 'D', OLD.*;
	ELSE
		INSERT INTO log (op, x) VALUES (TG_OP, NEW.x);
		before := NEW;
		INSERT INTO log (y) VALUES (before.y);
		EXECUTE 'INSERT INTO log (z, t) SELECT ($1).z, ($1).t' USING NEW;
	END IF;
	RETURN NULL;
END$$;
CREATE TRIGGER logs AFTER INSERT OR DELETE ON a FOR EACH ROW EXECUTE FUNCTION logs();
INSERT INTO a VALUES (9, 9, 9, '9');
DELETE FROM a WHERE x = 9;
CREATE TABLE parent (id int, x int) PARTITION BY RANGE (id);
CREATE TABLE part (gone int, x int, id int);
ALTER TABLE part DROP gone;
ALTER TABLE parent ATTACH PARTITION part DEFAULT;
CREATE FUNCTION logs_x() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO log (x) VALUES (NEW.x + 1); RETURN NEW; END$$;
CREATE TRIGGER logs_x AFTER INSERT ON parent FOR EACH ROW EXECUTE FUNCTION logs_x();
INSERT INTO parent VALUES (1, 1);
CREATE FUNCTION instead() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO a (x, y) SELECT NEW.vx, k FROM c LIMIT 1; RETURN NEW; END$$;
CREATE TRIGGER instead INSTEAD OF INSERT ON v FOR EACH ROW EXECUTE FUNCTION instead();
DROP TRIGGER logs ON a;
INSERT INTO v SELECT k FROM c LIMIT 2;
SELECT * FROM seen;
:forget

-- arguments: from the client's query, from a caller, from CALL; composite, by name; a recursion
CREATE FUNCTION put(n int, whole a) RETURNS int LANGUAGE plpgsql AS $$BEGIN INSERT INTO b VALUES (n, whole.z, whole.t); RETURN 1; END$$;
DELETE FROM a;
INSERT INTO a VALUES (1, 2, 3, 't'), (4, 5, 6, 'u');
SELECT sum(put(x + 1, a)) FROM a;
PREPARE puts AS SELECT sum(put(whole => a, n => vs)) FROM v, a WHERE vx = x;
SET plan_cache_mode = force_generic_plan;
EXECUTE puts;
EXECUTE puts;
RESET plan_cache_mode;
SELECT * FROM seen;
:forget
CREATE FUNCTION puts() RETURNS void LANGUAGE plpgsql AS $$
DECLARE whole a;
BEGIN
	SELECT * INTO whole FROM a LIMIT 1;
	PERFORM put(whole.y, whole);
	PERFORM put(whole => NULL, n => (SELECT max(k) FROM c));
END$$;
SELECT puts();
CREATE PROCEDURE put_one(n int) LANGUAGE plpgsql AS $$BEGIN INSERT INTO c VALUES (n); END$$;
CREATE PROCEDURE put_two() LANGUAGE plpgsql AS $$DECLARE n int; BEGIN SELECT y INTO n FROM a LIMIT 1; CALL put_one(n); COMMIT; CALL put_one(n => n); END$$;
CALL put_two();
CREATE FUNCTION count_down(n int, value int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF n > 0 THEN
		PERFORM count_down(n - 1, value * 2);
		INSERT INTO c VALUES (value);
	END IF;
END$$;
SELECT count_down(3, x) FROM a WHERE x = 1;
SELECT * FROM seen;
:forget

-- DO, and CREATE TABLE AS
DO $$DECLARE n int; BEGIN SELECT x INTO n FROM a LIMIT 1; INSERT INTO c VALUES (n); CREATE TABLE made AS SELECT n AS taken, k FROM c; END$$;
SELECT * FROM seen;
:forget

-- bodies of SQL functions
CREATE FUNCTION rows_of(n int) RETURNS TABLE (o int, w int) LANGUAGE sql AS $$SELECT y + n, z FROM a$$;
CREATE FUNCTION atomic_rows(n int) RETURNS TABLE (o int, w int) LANGUAGE sql BEGIN ATOMIC SELECT y + n, z FROM a; END;
CREATE FUNCTION atomic_value(n int) RETURNS int LANGUAGE sql RETURN (SELECT max(y) FROM a WHERE x = n);
CREATE FUNCTION elsewhere() RETURNS SETOF int LANGUAGE sql SET search_path = routines, pg_catalog AS $$SELECT x FROM a$$;
CREATE FUNCTION any_of(anyelement, VARIADIC anyarray) RETURNS anyelement LANGUAGE sql AS $$SELECT $1$$;
CREATE FUNCTION sum_of(VARIADIC numbers int[]) RETURNS int LANGUAGE sql AS $$SELECT sum(n)::int FROM unnest(numbers) n$$;
CREATE FUNCTION again(n int) RETURNS int LANGUAGE sql AS $$SELECT CASE WHEN n > 0 THEN again(n - 1) END$$;
CREATE TABLE to_drop (i int);
CREATE FUNCTION orphan(n int) RETURNS SETOF int LANGUAGE sql AS $$SELECT i + n FROM to_drop$$;
DROP TABLE to_drop;
CREATE TABLE s1 AS SELECT f.w, f.o FROM c, rows_of(c.k) f;
CREATE TABLE s2 AS SELECT f.w, f.o FROM c, atomic_rows(n => c.k) f;
CREATE TABLE s3 AS SELECT atomic_value(k) AS m FROM c;
SET search_path = pg_catalog;
CREATE TABLE routines.s4 AS SELECT * FROM routines.elsewhere() f;
SET search_path = routines;
CREATE TABLE s5 AS SELECT any_of(x, y, z) AS one, sum_of(y, z) AS two, again(x) AS three FROM a;
CREATE TABLE s6 AS SELECT o FROM (SELECT orphan(k) AS o FROM c WHERE false) s;
SELECT * FROM seen;
:forget

DEALLOCATE ALL;
SET client_min_messages = error;
DROP SCHEMA routines CASCADE;
DELETE FROM contract.lineage_binding;
DELETE FROM contract.lineage_node;
