\echo '=== 7. Contracts as code ======================================================'
\echo
\echo '-- A contract that was made in SQL, as a document of the Open Data Contract Standard, to be kept in git.'
\pset tuples_only on
\pset format unaligned
SELECT contract.export('customers');
\pset tuples_only off
\pset format aligned
\echo '-- From now on the documents in contracts/ hold, in place of what was made in SQL.'
SELECT contract.drop_contract('customers', true), contract.drop_contract('orders', true) \g /dev/null
\echo '-- A slip of the pen is found before anything is applied.'
SELECT line, severity, message, hint
FROM contract.lint(replace(pg_read_file('../contracts/orders.odcs.yaml'), 'required: true', 'requierd: true'))
WHERE severity = 'error';
\echo '-- Applied in one transaction, with a row per change. What cannot be enforced is named.'
SELECT change, count(*) FROM contract.apply_file('../contracts/customers.odcs.yaml') GROUP BY change ORDER BY change;
SELECT path, enforced, message FROM contract.apply_file('../contracts/orders.odcs.yaml') WHERE change = 'none';
\echo '-- Again: nothing to do.'
SELECT count(*) AS changes FROM contract.apply_file('../contracts/orders.odcs.yaml') WHERE change <> 'none';
\echo '-- The order from the test shop is refused, as before: the hint is the rule''s description.'
\set ON_ERROR_STOP off
INSERT INTO orders (order_no, customer_id, items, amount, currency, status) VALUES ('TEST-2', 1, 1, 9.90, 'EUR', 'new');
\set ON_ERROR_STOP on
\echo '-- The audit knows of service levels, too: these orders are not of yesterday.'
SELECT rule, kind, status, considered, failed FROM contract.check('orders') WHERE status <> 'pass';
\echo '-- The next version lets a status in and a column go. Who breaks?'
SELECT path, change, breaks_producer AS producer, breaks_consumer AS consumer, level, message
FROM contract.diff(pg_read_file('../contracts/orders.odcs.yaml'), pg_read_file('../contracts/orders-2.odcs.yaml'));
\echo '-- So it cannot pass for a minor version ...'
\set ON_ERROR_STOP off
SELECT * FROM contract.apply(replace(pg_read_file('../contracts/orders-2.odcs.yaml'), 'version: 2.0.0', 'version: 1.1.0'));
\echo '-- ... nor can the column go while the contract in force promises it.'
ALTER TABLE orders DROP COLUMN email;
\set ON_ERROR_STOP on
\echo '-- The new version and its DDL, in one transaction.'
BEGIN;
SELECT path, change, level, message FROM contract.apply_file('../contracts/orders-2.odcs.yaml') WHERE level IS NOT NULL;
ALTER TABLE orders DROP COLUMN email;
COMMIT;
SELECT version, status, level, changes FROM contract.history('shop-orders');
\set ECHO none
SELECT 1 / (count(*) = 2)::int AS applied FROM contract.history('shop-orders') \gset
