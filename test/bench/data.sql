-- Writes the files :clean and :bad, :rows rows each, the same on every run.  In the second, every tenth row fails one
-- rule, in turn: row 10 the one on customer_id, row 20 the one on status, ... row 100 the one on id.
CREATE FUNCTION pg_temp.noise(i bigint, seed int, upto int) RETURNS int LANGUAGE sql IMMUTABLE
RETURN (hashint8extended(i, seed) & 2147483647) % upto;

CREATE TEMP VIEW clean AS
SELECT i AS id,
    1 + pg_temp.noise(i, 1, 100000) AS customer_id,
    ('{new,paid,shipped,cancelled,returned}'::text[])[1 + pg_temp.noise(i, 2, 5)] AS status,
    (pg_temp.noise(i, 3, 100000001) / 100.0)::numeric(9, 2) AS amount,
    1 + pg_temp.noise(i, 4, 1000) AS qty,
    pg_temp.noise(i, 5, 1000000) / 100.0::float8 AS price,
    timestamptz '2024-01-01 00:00:00+00' + pg_temp.noise(i, 6, 31536000) * interval '1 second' AS created_at,
    ('{AT,CH,DE,FR,GB,IT,JP,US}'::text[])[1 + pg_temp.noise(i, 7, 8)] AS country,
    'user' || pg_temp.noise(i, 8, 1000000) || '@mail' || pg_temp.noise(i, 9, 1000) || '.example.com' AS email,
    CASE WHEN pg_temp.noise(i, 10, 5) > 0 THEN left(repeat(md5(i::text), 4), pg_temp.noise(i, 11, 121)) END AS note
FROM generate_series(1, :rows::bigint) i;

CREATE TEMP VIEW bad AS
SELECT CASE WHEN rule IS DISTINCT FROM 0 THEN id END AS id,
    CASE rule WHEN 1 THEN 0 ELSE customer_id END AS customer_id,
    CASE rule WHEN 2 THEN 'lost' ELSE status END AS status,
    CASE rule WHEN 3 THEN 1000000.01 ELSE amount END AS amount,
    CASE rule WHEN 4 THEN 1001 ELSE qty END AS qty,
    CASE rule WHEN 5 THEN -price - 1 ELSE price END AS price,
    CASE rule WHEN 6 THEN timestamptz '2030-01-01 00:00:01+00' ELSE created_at END AS created_at,
    CASE rule WHEN 7 THEN country || 'X' ELSE country END AS country,
    CASE rule WHEN 8 THEN replace(email, '@', ' at ') ELSE email END AS email,
    CASE rule WHEN 9 THEN repeat('x', 201) ELSE note END AS note
FROM (SELECT *, CASE WHEN id % 10 = 0 THEN id / 10 % 10 END AS rule FROM clean) c;

COPY (SELECT * FROM clean) TO :'clean';
COPY (SELECT * FROM bad) TO :'bad';
