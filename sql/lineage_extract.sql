-- What statements do to columns, by contract.statement_lineage: they are analysed, not run.
SET client_min_messages = warning;
CREATE SCHEMA lineage_extract;
SET search_path = lineage_extract;
-- an edge a line: source -> target subtype; [hop] where it is not both; (null): a null may arrive
CREATE FUNCTION lin(statement text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT format('%s -> %s %s%s%s%s',
		concat_ws('.', nullif(source_schema, 'lineage_extract'), source_table, source_column),
		concat_ws('.', nullif(regexp_replace(target_schema, '^pg_temp.*', 'pg_temp'), 'lineage_extract'), target_table, coalesce(target_column, '*')),
		subtype,
		CASE WHEN count(*) = 1 THEN ' [' || min(hop) || ']' END,
		CASE WHEN bool_or(masking) THEN ' masking' END,
		CASE WHEN bool_or(nullable) AND current_setting('lineage_extract.nullable', true) = 'on' THEN ' (null)' END)
	FROM contract.statement_lineage(statement)
	GROUP BY source_schema, source_table, source_column, target_schema, target_table, target_column, kind, subtype
	ORDER BY kind, target_table, target_column NULLS LAST, source_table, source_column, subtype
$$;
CREATE TABLE a(id int, x int, y int, t text, j jsonb, arr int[]);
CREATE TABLE b(id int, x int, z int, t text);
CREATE TABLE d(p int, q int, r text, w int);
CREATE VIEW v AS SELECT id, x+y AS s, t FROM a WHERE y > 0;
CREATE VIEW v2 AS SELECT v.id, v.s, b.z FROM v JOIN b USING (id);
CREATE VIEW upd AS SELECT x AS xx, id, t FROM a WHERE y > 5;
CREATE MATERIALIZED VIEW mv AS SELECT id, sum(x) AS sx FROM b GROUP BY id;
\pset format unaligned
\pset tuples_only on
-- left using / right / full
SELECT lin('CREATE TABLE r AS SELECT id, x FROM a LEFT JOIN b USING (id, x)');
SELECT lin('CREATE TABLE r AS SELECT id FROM a RIGHT JOIN b USING (id)');
SELECT lin('CREATE TABLE r AS SELECT id FROM a FULL JOIN b USING (id)');
-- using different types
SELECT lin('CREATE TABLE r AS SELECT id FROM a JOIN (SELECT id::bigint AS id FROM b) b USING (id)');
-- lateral
SELECT lin('CREATE TABLE r AS SELECT a.x, s.m FROM a, LATERAL (SELECT max(b.z) AS m FROM b WHERE b.id = a.id GROUP BY b.t ORDER BY b.t) s');
-- nested set ops
SELECT lin('CREATE TABLE r AS (SELECT x FROM a EXCEPT SELECT x FROM b) UNION ALL (SELECT p FROM d INTERSECT SELECT q FROM d ORDER BY 1 LIMIT 3)');
-- recursive
SELECT lin('CREATE TABLE r AS WITH RECURSIVE c(n, m, k) AS (SELECT id, x, y FROM a UNION ALL SELECT c.m, c.k, b.z FROM c JOIN b ON b.id = c.n) SELECT n, m FROM c');
SELECT lin('CREATE TABLE r AS WITH RECURSIVE c(n, m) AS (SELECT id, x FROM a UNION SELECT m, n + 1 FROM c) SELECT * FROM c');
-- search cycle
SELECT lin('CREATE TABLE r AS WITH RECURSIVE c(n, m) AS (SELECT id, x FROM a UNION ALL SELECT b.id, b.x FROM c JOIN b ON b.id = c.m) SEARCH DEPTH FIRST BY n SET seq CYCLE m SET cyc USING path SELECT * FROM c');
-- dml ctes
SELECT lin('WITH moved AS (DELETE FROM a WHERE y < 0 RETURNING id, x) INSERT INTO d(p, q) SELECT id, x FROM moved');
SELECT lin('WITH i AS (INSERT INTO d(p) SELECT id FROM a RETURNING p AS np), u AS (UPDATE b SET z = i.np FROM i WHERE b.id = i.np RETURNING b.z) SELECT z FROM u');
SELECT lin('WITH u AS (UPDATE b SET z = z + 1 RETURNING *) SELECT 1');
-- grouping sets / window / agg
SELECT lin('CREATE TABLE r AS SELECT x, GROUPING(x), count(*), count(y) c, sum(DISTINCT y) s, string_agg(t, '','' ORDER BY id) ag, percentile_cont(0.5) WITHIN GROUP (ORDER BY y) pc, array_agg(id) FILTER (WHERE t = ''q'') FROM a GROUP BY CUBE(x) HAVING max(y) > 1');
SELECT lin('CREATE TABLE r AS SELECT sum(x) OVER w, lag(y) OVER w, count(*) OVER (PARTITION BY id), first_value(t) OVER (w ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM a WINDOW w AS (PARTITION BY id ORDER BY y)');
-- values
SELECT lin('INSERT INTO d(p, r) VALUES (1, ''a''), ((SELECT max(id) FROM a), (SELECT t FROM b WHERE id = 1))');
SELECT lin('INSERT INTO d(p, r) VALUES (1, ''a'')');
-- srfs
SELECT lin('CREATE TABLE r AS SELECT f.* FROM a, ROWS FROM (generate_series(1, a.x), unnest(a.arr), jsonb_to_record(a.j) AS (k text, l int)) WITH ORDINALITY AS f(g, u, k, l, o)');
SELECT lin('CREATE TABLE r AS SELECT id, unnest(arr) AS u, jsonb_array_elements(j) FROM a');
SELECT lin('CREATE TABLE r AS SELECT e.key, e.value, jt.* FROM a, jsonb_each(j) e, jsonb_to_recordset(e.value) AS jt(c int)');
-- whole rows, composites
SELECT lin('CREATE TABLE r AS SELECT a, (w).x AS wx, (w).t AS wt FROM a, (SELECT b AS w FROM b) s');
SELECT lin('CREATE TABLE r AS SELECT (s.w).x AS wx FROM (SELECT b AS w FROM b) s');
SELECT lin('CREATE TABLE r AS SELECT (s.r).f1, (s.r).f2 FROM (SELECT ROW(x, y) r FROM a UNION ALL SELECT ROW(p, q) FROM d) s');
SELECT lin('CREATE TABLE r AS SELECT to_jsonb(s) FROM (SELECT x, t FROM a) s');
-- multiexpr
SELECT lin('UPDATE d SET (p, r) = (SELECT x, t FROM a WHERE a.id = d.w)');
SELECT lin('UPDATE d SET (p, q) = ROW(b.x, b.z) FROM b WHERE b.id = d.w');
SELECT lin('UPDATE a SET arr[1] = b.x, arr[b.z] = 4 FROM b');
SELECT lin('UPDATE a SET j[''k''] = to_jsonb(b.t) FROM b');
-- merge
SELECT lin('MERGE INTO d USING (SELECT id, max(x) AS mx FROM a GROUP BY id) s ON d.p = s.id WHEN MATCHED AND d.w > s.mx THEN UPDATE SET q = s.mx + d.q WHEN MATCHED THEN DELETE WHEN NOT MATCHED AND s.mx > 0 THEN INSERT (p, q) VALUES (s.id, s.mx)');
-- on conflict
ALTER TABLE d ADD UNIQUE (p);
SELECT lin('INSERT INTO d (p, q, r) SELECT id, x, t FROM a ON CONFLICT (p) DO UPDATE SET q = excluded.q + d.q, (r, w) = (SELECT t, z FROM b WHERE b.id = excluded.p) WHERE d.w < excluded.q');
SELECT lin('INSERT INTO d SELECT id, x, t FROM a ON CONFLICT DO NOTHING');
-- views
SELECT lin('CREATE TABLE r AS SELECT id, s, z FROM v2 WHERE z > 1');
SELECT lin('INSERT INTO d(p, q) SELECT id, sx FROM mv');
SELECT lin('INSERT INTO upd (xx, id) SELECT x, id FROM b');
SELECT lin('UPDATE upd SET xx = b.x FROM b WHERE b.id = upd.id');
SELECT lin('DELETE FROM upd USING b WHERE b.id = upd.id AND b.z = 0');
SELECT lin('MERGE INTO d USING v ON v.id = d.p WHEN MATCHED THEN UPDATE SET q = v.s');
-- sublinks
SELECT lin('CREATE TABLE r AS SELECT x IN (SELECT z FROM b WHERE b.t = a.t) AS i, EXISTS (SELECT 1 FROM b WHERE b.id = a.id) AS e, ARRAY(SELECT z FROM b ORDER BY t) AS arr, (x, y) = ANY (SELECT p, q FROM d) AS rc FROM a');
SELECT lin('CREATE TABLE r AS SELECT t FROM a WHERE (x, y) IN (SELECT x, z FROM b) AND NOT EXISTS (SELECT FROM d WHERE d.p = a.id) ORDER BY (SELECT max(z) FROM b)');
-- case etc
SELECT lin('CREATE TABLE r AS SELECT CASE x WHEN 1 THEN t WHEN y THEN ''b'' END c, COALESCE(x, y, 0) co, NULLIF(x, y) n, GREATEST(x, y) g, x IS NULL isn, md5(t) m, t::varchar(3) tv, (t COLLATE "C")::varchar tc, x BETWEEN 1 AND y btw, t LIKE ''a%'' FROM a');
-- distinct, limit
SELECT lin('CREATE TABLE r AS SELECT DISTINCT ON (x) x, y FROM a ORDER BY x, t LIMIT (SELECT max(z) FROM b)');
SELECT lin('CREATE TABLE r AS SELECT DISTINCT x, y FROM a');
-- xmltable
SELECT lin($$CREATE TABLE r AS SELECT x.* FROM a, XMLTABLE('/r/i' PASSING (a.t::xml) COLUMNS nm text PATH 'n' DEFAULT (a.id::text), o FOR ORDINALITY) x$$);
-- for update, cursors, prepare, explain, several
SELECT lin('SELECT x FROM a FOR UPDATE');
SELECT lin('DECLARE c CURSOR FOR SELECT x FROM a');
SELECT lin('PREPARE pp AS INSERT INTO d(p, q) SELECT x, $1 FROM a WHERE y = $2');
SELECT lin('EXPLAIN INSERT INTO d(p) SELECT x FROM a');
SELECT lin('INSERT INTO d(p) SELECT x FROM a; DELETE FROM d WHERE q = 3; CREATE VIEW vv(one) AS SELECT x FROM a');
SELECT lin('REFRESH MATERIALIZED VIEW mv');
SELECT lin('TABLE nosuch');
SELECT lin('SELEC');
-- on conflict
SELECT lin('INSERT INTO d (p, q, r) SELECT id, x, t FROM a ON CONFLICT (p) DO UPDATE SET q = excluded.q + d.q, (r, w) = (SELECT t, z FROM b WHERE b.id = excluded.p) WHERE d.w < excluded.q');
SELECT lin('MERGE INTO d USING a ON d.p = a.id WHEN MATCHED AND a.x = 1 THEN UPDATE SET (q, r) = (SELECT z, t FROM b WHERE b.id = a.id) WHEN MATCHED THEN UPDATE SET (q, r) = (SELECT x, t FROM b LIMIT 1)');
-- updatable
SELECT lin('INSERT INTO upd (xx, id) SELECT x, id FROM b');
SELECT lin('UPDATE upd SET xx = b.x + upd.xx FROM b WHERE b.id = upd.id');
SELECT lin('DELETE FROM upd USING b WHERE b.id = upd.id AND b.z = 0');
SELECT lin('WITH i AS (INSERT INTO upd (xx) SELECT x FROM b RETURNING xx, id) INSERT INTO d(p) SELECT xx FROM i');
CREATE VIEW upd2 AS SELECT xx AS xxx FROM upd WITH CHECK OPTION;
SELECT lin('INSERT INTO upd2 SELECT x FROM b ON CONFLICT DO NOTHING');
-- rules
CREATE TABLE log(n int, m text);
CREATE RULE ru AS ON INSERT TO b DO ALSO INSERT INTO log SELECT NEW.id, NEW.t;
SELECT lin('INSERT INTO b(id, t) SELECT id, t FROM a');
CREATE VIEW rv AS SELECT id, t FROM a;
CREATE RULE rr AS ON INSERT TO rv DO INSTEAD INSERT INTO log VALUES (NEW.id * 2, NEW.t);
SELECT lin('INSERT INTO rv SELECT x, t FROM d, b WHERE d.q = b.z');
CREATE RULE r3 AS ON UPDATE TO rv DO INSTEAD UPDATE a SET t = NEW.t WHERE a.id = OLD.id;
SELECT lin('UPDATE rv SET t = b.t FROM b WHERE b.id = rv.id');
CREATE RULE r4 AS ON DELETE TO rv DO INSTEAD NOTHING;
SELECT lin('DELETE FROM rv');
-- instead of
CREATE VIEW iv AS SELECT id, t FROM a WHERE x > 1;
CREATE FUNCTION trg() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER tr INSTEAD OF UPDATE OR INSERT ON iv FOR EACH ROW EXECUTE FUNCTION trg();
SELECT lin('UPDATE iv SET t = b.t || iv.t FROM b WHERE b.id = iv.id');
SELECT lin('INSERT INTO iv(id) SELECT z FROM b');
-- rls
CREATE TABLE sec(id int, own text, val int); ALTER TABLE sec ENABLE ROW LEVEL SECURITY; ALTER TABLE sec FORCE ROW LEVEL SECURITY;
CREATE TABLE allow(who text);
CREATE POLICY p ON sec USING (own IN (SELECT who FROM allow));
CREATE ROLE regress_lineage;
GRANT USAGE ON SCHEMA lineage_extract TO regress_lineage;
GRANT ALL ON ALL TABLES IN SCHEMA lineage_extract TO regress_lineage;
SET ROLE regress_lineage;
SELECT lin('INSERT INTO d(p) SELECT val FROM sec');
SELECT lin('UPDATE sec SET val = d.p FROM d WHERE d.q = sec.id');
RESET ROLE;
-- functions
CREATE FUNCTION f1(p int) RETURNS int LANGUAGE sql AS 'SELECT $1 + 1';
CREATE FUNCTION f2(i int) RETURNS TABLE (m int, n text) LANGUAGE sql AS 'SELECT z, t FROM b WHERE b.id = i';
CREATE FUNCTION f3(a_id int, k int DEFAULT 5) RETURNS b LANGUAGE sql BEGIN ATOMIC SELECT b FROM lineage_extract.b WHERE id = a_id AND z = k; END;
CREATE FUNCTION f4(x int) RETURNS int LANGUAGE sql AS 'SELECT lineage_extract.f4(x)';
CREATE FUNCTION f5(r a) RETURNS text LANGUAGE sql AS 'SELECT (r).t || $1.x';
CREATE FUNCTION f6(i int) RETURNS SETOF b LANGUAGE sql AS 'SELECT * FROM lineage_extract.b WHERE x = i';
SELECT lin('CREATE TABLE r AS SELECT f1(x) f, f4(y) FROM a');
SELECT lin('CREATE TABLE r AS SELECT f2.* FROM a, f2(a.id)');
SELECT lin('CREATE TABLE r AS SELECT (f3(a_id => a.id)).t, f3.x FROM a, f3(a.y)');
SELECT lin('CREATE TABLE r AS SELECT f5(a) f FROM a');
SELECT lin('CREATE TABLE r AS SELECT f.t, f.x FROM a, f6(a.x) f');
SELECT lin('CREATE TABLE r AS SELECT f6(a.x) FROM a');
-- prepared
PREPARE q AS SELECT x FROM a WHERE y = $1;
SELECT lin('CREATE TABLE r AS EXECUTE q(1)');
SELECT lin('EXECUTE q(1)');
CREATE TABLE passing AS SELECT x FROM a;
PREPARE stale AS INSERT INTO d(p) SELECT x FROM passing;
DROP TABLE passing;
SELECT lin('EXECUTE stale');
CREATE VIEW passing AS SELECT y AS x FROM a;
SELECT lin('EXECUTE stale');
DROP VIEW passing;
-- copy
SELECT lin('COPY (SELECT x, t FROM a) TO STDOUT');
SELECT lin('COPY a (x, t) FROM ''/tmp/x''');
-- domain, enum, casts
CREATE DOMAIN pos AS int CHECK (VALUE > 0);
CREATE TABLE dd(a pos, b varchar(5), c numeric(5,2), e bigint);
SELECT lin('INSERT INTO dd SELECT x, t, y, id FROM a');
-- partition, inherit, system columns
SELECT lin('CREATE TABLE r AS SELECT tableoid::regclass AS tt, ctid AS c, x FROM a');
-- select into, with
SELECT lin('WITH q AS MATERIALIZED (SELECT x FROM a), unused AS (SELECT z FROM b) SELECT x INTO rr FROM q');
SELECT lin('CREATE TABLE r(one, two) AS SELECT x, y FROM a');
SELECT lin('CREATE TEMP TABLE r AS SELECT x, y FROM a');
SELECT lin('CREATE VIEW nv AS VALUES (1), (2)');
SELECT lin('CREATE RECURSIVE VIEW nv(n) AS SELECT x FROM a UNION SELECT n + 1 FROM nv');
-- join trees
SELECT lin('CREATE TABLE r AS SELECT * FROM (a NATURAL JOIN b) AS jj(one, two)');
SELECT lin('CREATE TABLE r AS SELECT jj FROM (a JOIN b USING (id)) AS jj');
SELECT lin('CREATE TABLE r AS SELECT id FROM a FULL JOIN b USING (id) FULL JOIN (SELECT p AS id FROM d) d USING (id)');
SELECT lin('CREATE TABLE r AS SELECT u.id, b.x FROM a JOIN b USING (id) AS u, LATERAL (SELECT b.x) q');
-- subquery scalar in order/group/limit; nested aggregates of outer
SELECT lin('CREATE TABLE r AS SELECT (SELECT sum(a.x) FROM b LIMIT 1) FROM a');
SELECT lin('CREATE TABLE r AS SELECT x, (SELECT count(*) FROM b WHERE b.id = a.id) n FROM a GROUP BY x, id');
SELECT lin('CREATE TABLE r AS SELECT x + 1 AS k, sum(y) OVER (ORDER BY sum(y)) FROM a GROUP BY x + 1, y');
SELECT lin('CREATE TABLE r AS SELECT extract(year from now()) , current_date, random(), nextval(''contract.lineage_node_id_seq'') FROM a');
-- json/xml
SELECT lin('CREATE TABLE r AS SELECT xmlelement(name foo, xmlattributes(x AS q), t) xe, xmlforest(y) xf, xmlagg(xmlelement(name z, id)) FROM a GROUP BY x, t, y');
SELECT lin($$CREATE TABLE r AS SELECT x.* FROM a, XMLTABLE('/r/i' PASSING (a.t::xml) COLUMNS nm text PATH 'n' DEFAULT (a.id::text), o FOR ORDINALITY) x$$);
SELECT lin($$CREATE TABLE r AS SELECT j->>'k' k, j #>> ARRAY[t] p, j['x'] s, arr[x] e, arr[1:y] sl, (ARRAY[x,y])[1] c FROM a$$);

ALTER TABLE a ADD PRIMARY KEY (id);
-- upd conflict
SELECT lin('INSERT INTO upd(id, xx) SELECT id, z FROM b ON CONFLICT (id) DO UPDATE SET xx = excluded.xx + upd.xx WHERE excluded.t <> upd.t');
-- ctas with dml
SELECT lin('CREATE TABLE r AS WITH m AS (DELETE FROM b RETURNING id, x) SELECT * FROM m');
-- nested recursive
SELECT lin('CREATE TABLE r AS WITH RECURSIVE o AS (SELECT x AS n, y AS m FROM a UNION ALL (WITH RECURSIVE i AS (SELECT o.n AS k, b.z AS q FROM o JOIN b ON b.id = o.m UNION ALL SELECT i.q, i.k FROM i) SELECT k, q FROM i)) SELECT n FROM o');
SELECT lin('CREATE TABLE r AS SELECT a.id, s.n FROM a, LATERAL (WITH RECURSIVE c(n) AS (SELECT a.x UNION ALL SELECT c.n + a.y FROM c WHERE c.n < a.id) SELECT n FROM c) s');
SELECT lin('CREATE TABLE r AS WITH RECURSIVE c AS (SELECT id, x FROM a UNION ALL SELECT s.id, s.x FROM (SELECT c.x AS id, c.id AS x FROM c WHERE c.x > 1) s) SELECT * FROM c');
SELECT lin('CREATE TABLE r AS WITH RECURSIVE c1(n) AS (SELECT x FROM a UNION ALL SELECT n + 1 FROM c1), c2(m) AS (SELECT n FROM c1 UNION ALL SELECT m + z FROM c2, b) SELECT m, n FROM c2, c1');
-- whole-row of recursive / cte / values / setop
SELECT lin('CREATE TABLE r AS WITH c AS (SELECT x, t FROM a UNION SELECT p, r FROM d) SELECT c, row_to_json(c) j FROM c');
SELECT lin('CREATE TABLE r AS SELECT v FROM (VALUES (1, 2), (3, 4)) v(a, b)');
SELECT lin('CREATE TABLE r AS SELECT v FROM v');
SELECT lin('CREATE TABLE r AS SELECT (v).s, (v2.*)::text AS q FROM v, v2');
-- composite type columns
CREATE TYPE ct AS (m int, n text);
CREATE TABLE cc(id int, c ct, cs ct[]);
SELECT lin('CREATE TABLE r AS SELECT (c).m, (cs[1]).n FROM cc');
SELECT lin('INSERT INTO cc (id, c.m, cs[2].n) SELECT x, y, t FROM a');
SELECT lin('UPDATE cc SET c.m = a.x, c.n = a.t, cs[1].m = a.y FROM a WHERE a.id = cc.id');
SELECT lin('INSERT INTO cc (id, c) SELECT x, ROW(y, t)::ct FROM a');
SELECT lin('CREATE TABLE r AS SELECT (q).m, (q).n FROM (SELECT ROW(y, t)::ct AS q FROM a) s');
SELECT lin('CREATE TABLE r AS SELECT u.m, u.n FROM cc, unnest(cc.cs) u');
SELECT lin('CREATE TABLE r AS SELECT (jsonb_populate_record(NULL::ct, a.j)).* FROM a');
-- json each
SELECT lin('CREATE TABLE r AS SELECT jsonb_object_agg(k.key, k.value) o FROM a, jsonb_each(a.j) k GROUP BY a.id');
-- tablesample etc.
SELECT lin('CREATE TABLE r AS SELECT x FROM a TABLESAMPLE SYSTEM (10)');
SELECT lin('CREATE TABLE r AS SELECT x FROM ONLY a');
-- hypothetical, mode, within group direct args
SELECT lin('CREATE TABLE r AS SELECT rank(5) WITHIN GROUP (ORDER BY x) r1, mode() WITHIN GROUP (ORDER BY y) m, percentile_cont(ARRAY[0.1]) WITHIN GROUP (ORDER BY id) FROM a');
-- in select-list subquery with group/having/join
SELECT lin('CREATE TABLE r AS SELECT (SELECT max(b.z) FROM b JOIN d ON d.p = b.id GROUP BY b.t HAVING count(d.q) > a.y ORDER BY b.t LIMIT 1) AS mx FROM a');
-- any/all
SELECT lin('CREATE TABLE r AS SELECT x > ALL (SELECT z FROM b) al, ROW(x, y) < (SELECT id, z FROM b LIMIT 1) rc, x = ANY (arr) an FROM a');
-- default on target, identity
SELECT lin('INSERT INTO d DEFAULT VALUES');
SELECT lin('INSERT INTO d (p, q) SELECT x, NULL FROM a');
-- select distinct aggregate combos
SELECT lin('CREATE TABLE r AS SELECT DISTINCT count(*) c, x FROM a GROUP BY x');
-- delete
SELECT lin('DELETE FROM a USING b, d WHERE a.id = b.id AND b.z IN (SELECT q FROM d)');
SELECT lin('DELETE FROM a');
-- truncated: set op with order by expression, cte of dml with sets
SELECT lin('CREATE TABLE r AS SELECT x AS k FROM a UNION SELECT z FROM b ORDER BY k');
SELECT lin('SELECT x FROM a UNION ALL SELECT 1 UNION ALL SELECT NULL');
-- partitioned generated
CREATE TABLE gen(a int, b int GENERATED ALWAYS AS (a * 2) STORED, c text DEFAULT 'x');
SELECT lin('INSERT INTO gen(a) SELECT x FROM a');
SELECT lin('UPDATE gen SET a = b + 1');
-- ctes and window in filter
SELECT lin('CREATE TABLE r AS SELECT id FROM (SELECT id, rank() OVER (PARTITION BY x ORDER BY y) rk, count(*) OVER () n FROM a) s WHERE rk = 1 AND n > 2');

-- functions that mask: hash functions, and those of the setting
CREATE FUNCTION pseudonym(v text) RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN v; END';
CREATE FUNCTION "Odd.Name"(v text) RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN v; END';
CREATE VIEW masks AS SELECT md5(t) AS m, sha256(t::bytea) AS s, hashtext(t) AS h, pseudonym(t) AS p, "Odd.Name"(t) AS o, md5(t) || t AS mt,
	upper(md5(t)) AS u, length(t) AS l, count(*) OVER (PARTITION BY t) AS n FROM a;
SELECT lin('CREATE TABLE r AS SELECT m, s, h, p, o, mt, u, l, n FROM masks');
SET pg_contract.masking_functions = 'lineage_extract.pseudonym, lineage_extract."Odd.Name", nosuch, a.b.c';
SELECT lin('CREATE TABLE r AS SELECT p, o FROM masks');
RESET pg_contract.masking_functions;

-- may a null arrive?
SET lineage_extract.nullable = on;
CREATE TABLE nn(id int NOT NULL, x int NOT NULL, y int);
SELECT lin('CREATE TABLE r AS SELECT x c1, y c2, x + y c3, COALESCE(y, x) c4, COALESCE(y, 0) c5, COALESCE(y, NULL) c6, CASE WHEN y > 0 THEN x END c7, CASE WHEN y > 0 THEN x ELSE y END c8, NULLIF(x, 0) c9, x IS NULL ca, count(y) OVER () cb, lag(x) OVER () cc, ARRAY[y] cd, GREATEST(x, y) ce, lower(x::text) cf FROM nn');
SELECT lin('CREATE TABLE r AS SELECT n.x j1, m.x j2 FROM nn n LEFT JOIN nn m ON n.id = m.id');
SELECT lin('CREATE TABLE r AS SELECT n.x j1, m.x j2 FROM nn n LEFT JOIN nn m ON n.id = m.id WHERE m.x > 0');
SELECT lin('CREATE TABLE r AS SELECT y w1 FROM nn WHERE y IS NOT NULL');
SELECT lin('CREATE TABLE r AS SELECT y w2 FROM nn WHERE y IN (1,2) AND x = 3');
SELECT lin('CREATE TABLE r AS SELECT y w3 FROM nn WHERE y = 1 OR x = 3');
SELECT lin('CREATE TABLE r AS SELECT s.y s1 FROM (SELECT y FROM nn WHERE y > 0) s');
SELECT lin('CREATE TABLE r AS SELECT sum(x) a1, max(y) a2, count(y) a3 FROM nn');
SELECT lin('CREATE TABLE r AS SELECT sum(x) a1, max(y) a2, sum(x) FILTER (WHERE y = 1) a4 FROM nn GROUP BY id');
SELECT lin('CREATE TABLE r AS SELECT (SELECT x FROM nn LIMIT 1) q1, EXISTS (SELECT 1 FROM nn) q2');
SELECT lin('CREATE TABLE r AS SELECT x u FROM nn UNION ALL SELECT y FROM nn');
SELECT lin('CREATE TABLE r AS SELECT id f, x g FROM nn FULL JOIN (SELECT id FROM nn) z USING (id)');
SELECT lin('UPDATE nn SET x = b.x FROM b');
SELECT lin('CREATE TABLE r AS SELECT nn.x jn FROM nn JOIN b ON b.id = nn.id RIGHT JOIN d ON d.p = b.z');
SELECT lin('CREATE TABLE r AS SELECT y k FROM nn JOIN b ON b.id = nn.y');

-- levels of queries that read each other twice: linear, not 2^30
SELECT count(*) FROM contract.statement_lineage((
	SELECT 'CREATE TABLE r AS WITH c0 AS (SELECT x AS v, y AS w FROM a), '
		|| string_agg(format('c%s AS (SELECT l.v + r.v AS v, CASE WHEN l.w > 0 THEN r.w ELSE l.v END AS w FROM c%s l JOIN c%s r ON l.w = r.w)', i, i - 1, i - 1), ', ' ORDER BY i)
		|| ' SELECT * FROM c30' FROM generate_series(1, 30) i));
-- a thousand columns through views
DO $$
DECLARE columns text := (SELECT string_agg(format('c%s', i), ', ') FROM generate_series(1, 1000) i);
BEGIN
	EXECUTE format('CREATE TABLE wide (%s)', (SELECT string_agg(format('c%s int', i), ', ') FROM generate_series(1, 1000) i));
	EXECUTE format('CREATE VIEW wide1 AS SELECT %s FROM wide', columns);
	EXECUTE format('CREATE VIEW wide2 AS SELECT %s FROM wide1 WHERE c1 > 0', columns);
END $$;
SELECT hop, kind, count(*) FROM contract.statement_lineage('CREATE TABLE r AS SELECT * FROM wide2') GROUP BY 1, 2 ORDER BY 1, 2;
-- a recursive query whose columns go round
SELECT count(*) FROM contract.statement_lineage((
	SELECT format('CREATE TABLE r AS WITH RECURSIVE c AS (SELECT %s FROM wide UNION ALL SELECT %s FROM c) SELECT * FROM c',
		string_agg(format('c%s', i), ', ' ORDER BY i), string_agg(format('c%s', i % 100 + 1), ', ' ORDER BY i))
	FROM generate_series(1, 100) i));

\pset format aligned
\pset tuples_only off
RESET search_path;
RESET lineage_extract.nullable;
DROP SCHEMA lineage_extract CASCADE;
DROP ROLE regress_lineage;
