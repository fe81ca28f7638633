\echo '=== 6. Swap ==================================================================='
\echo
\echo '-- dbt builds a new table and swaps the names. A contract belongs to the name: the new table has it.'
BEGIN;
CREATE TABLE orders__dbt_tmp AS
	SELECT * FROM orders WHERE created_at >= '2024-03-01';
ALTER TABLE orders RENAME TO orders__dbt_backup;
ALTER TABLE orders__dbt_tmp RENAME TO orders;
COMMIT;
DROP TABLE orders__dbt_backup;
\echo
\echo '-- A bad row goes to quarantine, as before. The client sees INSERT 0 0.'
\set QUIET off
INSERT INTO orders (order_no, customer_id, items, amount, currency, status)
VALUES ('SO-00300001', 1, 1, -9.90, 'EUR', 'new');
\set QUIET on
SELECT dataset, rules, "row" ->> 'amount' AS amount FROM contract.quarantined;
