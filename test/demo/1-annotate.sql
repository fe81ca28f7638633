\echo
\echo '=== 1. Annotate ==============================================================='
\echo
\echo '-- Two tables of a warehouse, as they are everywhere: no constraint but the keys.'
CREATE EXTENSION pg_contract;
CREATE TABLE customers (id integer PRIMARY KEY, name text, email text, country text);
CREATE TABLE orders (
	order_no text PRIMARY KEY, customer_id integer, channel text, items integer, amount numeric, currency text,
	status text, created_at timestamptz, shipped_at timestamptz, country text, ship_to text, email text);

\pset tuples_only on
\pset format unaligned
\echo
\echo '-- Who answers for them, and what is personal data. Functions return the dataset or the rule.'
SELECT contract.describe('customers', owner => 'customer-care', description => 'One row per customer');
SELECT contract.describe('orders', owner => 'sales-data', version => '1.0.0', description => 'One row per order');
SELECT contract.pii('customers', 'email', category => 'email');
SELECT contract.pii('orders', 'email', category => 'email');
\echo
\echo '-- Reject: what means that the file is not ours. The description is the hint of the error.'
SELECT contract.matches('orders', 'order_no', '^SO-[0-9]{8}$', on_violation => 'reject', name => 'our_order_number',
	description => 'Another shop''s order: load the file from the sales-data bucket.');
\echo
\echo '-- Quarantine: rows that would spoil the sums, to be repaired before anybody adds them up.'
SELECT contract.not_null('orders', 'customer_id', on_violation => 'quarantine');
SELECT contract.between('orders', 'amount', 0, 100000, on_violation => 'quarantine');
SELECT contract.satisfies('orders', 'amount <= items * 500', name => 'plausible_price', on_violation => 'quarantine');
SELECT contract.accepted_values('orders', 'status', '{new,paid,shipped,cancelled,returned}',
	on_violation => 'quarantine');
SELECT contract.format('orders', 'currency', 'currency_code', on_violation => 'quarantine');
\echo
\echo '-- Warn (the default): rows that stay, with a record of what is wrong.'
SELECT contract.format('orders', 'email', 'email');
SELECT contract.format('orders', 'country', 'country_code', severity => 'warning');
SELECT contract.not_blank('orders', 'ship_to');
SELECT contract.satisfies('orders', 'shipped_at >= created_at', name => 'ships_after_order');
SELECT contract.not_blank('customers', 'name');
SELECT contract.format('customers', 'email', 'email', tolerance => 0.001);
SELECT contract.format('customers', 'country', 'country_code');
\echo
\echo '-- Audit: not looked at on write. One shipped order in a hundred may lack its time.'
SELECT contract.not_null('orders', 'shipped_at', filter => $$status = 'shipped'$$, tolerance => 0.01,
	on_violation => 'audit');
\echo
\echo '-- About more than one row, so for audits only: keys, references, what a quarter must bring in.'
SELECT contract.unique('orders', '{order_no}');
SELECT contract.unique('customers', '{email}');
SELECT contract.references('orders', '{customer_id}', 'customers', '{id}');
SELECT contract.row_count('orders', 100000);
SELECT contract.metric('orders', 'amount', 'avg', 50, 500, name => 'average_amount');
