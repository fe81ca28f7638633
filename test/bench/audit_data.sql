-- Fills the table orders of tables.sql, logged, with :rows rows. One row in ten thousand breaks each of the ten rules, one
-- has the id of the row before it; customers holds the ids that orders refer to, but for the bad ones.
\ir clean.sql
ALTER TABLE orders SET LOGGED;

INSERT INTO orders
SELECT CASE bad WHEN 0 THEN NULL WHEN 10 THEN id - 1 ELSE id END,
    CASE bad WHEN 1 THEN 0 ELSE 1 + pg_temp.noise(id, 13, :rows / 10) END,
    CASE bad WHEN 2 THEN 'lost' || id ELSE status END,
    CASE bad WHEN 3 THEN 1000000.01 ELSE amount END,
    CASE bad WHEN 4 THEN 1001 ELSE qty END,
    CASE bad WHEN 5 THEN -price - 1 ELSE price END,
    CASE bad WHEN 6 THEN timestamptz '2030-01-01 00:00:01+00' ELSE created_at END,
    CASE bad WHEN 7 THEN country || 'X' ELSE country END,
    CASE bad WHEN 8 THEN replace(email, '@', '#') ELSE email END,
    CASE bad WHEN 9 THEN repeat('x', 201) ELSE note END
FROM (SELECT *, pg_temp.noise(id, 12, 10000) AS bad FROM clean) c;
CREATE TABLE appended AS SELECT * FROM orders WHERE id % 100 = 0;

CREATE TABLE customers (id bigint PRIMARY KEY);
INSERT INTO customers SELECT generate_series(1, :rows / 10);
VACUUM (FREEZE, ANALYZE) orders, customers;
