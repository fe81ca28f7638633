-- The tables of the benchmark: plain, partitioned, and the source of INSERT .. SELECT.
CREATE UNLOGGED TABLE orders (
    id bigint,
    customer_id bigint,
    status text,
    amount numeric,
    qty integer,
    price double precision,
    created_at timestamptz,
    country text,
    email text,
    note text
);
CREATE UNLOGGED TABLE source (LIKE orders);

CREATE TABLE orders_part (LIKE orders) PARTITION BY HASH (id);
CREATE UNLOGGED TABLE orders_part0 PARTITION OF orders_part FOR VALUES WITH (MODULUS 4, REMAINDER 0);
CREATE UNLOGGED TABLE orders_part1 PARTITION OF orders_part FOR VALUES WITH (MODULUS 4, REMAINDER 1);
CREATE UNLOGGED TABLE orders_part2 PARTITION OF orders_part FOR VALUES WITH (MODULUS 4, REMAINDER 2);
CREATE UNLOGGED TABLE orders_part3 PARTITION OF orders_part FOR VALUES WITH (MODULUS 4, REMAINDER 3);

-- What became of failing rows, and how to start afresh; variants that keep books replace both.
CREATE VIEW failures AS
SELECT NULL::text AS fate, NULL::text AS rule, NULL::bigint AS failed WHERE false;
CREATE PROCEDURE reset() LANGUAGE sql AS $$
    TRUNCATE orders, orders_part, source;
$$;

-- What must become of them: the bad rows of data.sql, of whose violations warn keeps a hundred samples a rule.
CREATE TABLE expected AS
SELECT fate, ('{id,customer_id,status,amount,qty,price,created_at,country,email,note}'::text[])[1 + bad % 10] AS rule,
    least(count(*), most) AS failed
FROM generate_series(1, :rows / 10) bad,
    (VALUES ('warned', NULL), ('sampled', 100), ('quarantined', NULL)) f (fate, most)
GROUP BY fate, bad % 10, most;
