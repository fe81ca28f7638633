-- View clean: :rows rows of orders that break no rule, the same on every run; noise() is what they are made of.
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
