\echo
\echo '=== 2. Load ==================================================================='
\echo
\echo '-- A batch of 1,000 orders, one of them from the test shop: the whole COPY is refused.'
\set ON_ERROR_STOP off
\copy orders FROM 'orders_first.csv' (FORMAT csv, HEADER)
\set ON_ERROR_STOP on
SELECT count(*) AS orders FROM orders;
\set ECHO none
SELECT 1 / (count(*) = 0)::int AS refused FROM orders \gset
\set ECHO queries
\echo '-- The full load. PostgreSQL counts the rows in the table: fewer than the file has.'
\set QUIET off
\copy customers FROM 'customers.csv' (FORMAT csv, HEADER)
\copy orders FROM 'orders.csv' (FORMAT csv, HEADER)
\set QUIET on
\echo
\echo '-- Nothing is lost: loaded and quarantined are the 300,000 of the file.'
SELECT loaded, quarantined, loaded + quarantined AS sent, warnings
FROM (SELECT count(*) AS loaded FROM orders) AS l,
	(SELECT count(*) AS quarantined FROM contract.quarantined WHERE dataset = 'public.orders') AS q,
	(SELECT sum(failed) AS warnings FROM contract.results WHERE dataset = 'public.orders' AND action = 'warn') AS w;
\set ECHO none
SELECT 1 / (count(*) = 300000)::int AS complete
FROM (SELECT order_no FROM orders UNION ALL SELECT "row" ->> 'order_no' FROM contract.quarantined) AS o \gset
