-- The ten rules as a contract on orders.
SELECT contract.not_null('orders', 'id', 'audit', name => 'id');
SELECT contract.between('orders', 'customer_id', 1, NULL, on_violation => 'audit', name => 'customer_id');
SELECT contract.accepted_values('orders', 'status', '{new,paid,shipped,cancelled,returned}'::text[], 'audit',
    name => 'status');
SELECT contract.between('orders', 'amount', 0, 1000000, on_violation => 'audit', name => 'amount');
SELECT contract.between('orders', 'qty', 1, 1000, on_violation => 'audit', name => 'qty');
SELECT contract.between('orders', 'price', 0, NULL, on_violation => 'audit', name => 'price');
SELECT contract.matches('orders', 'email', '^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}$', 'audit', name => 'email');
SELECT contract.between('orders', 'created_at', NULL, timestamptz '2030-01-01 00:00:00+00', on_violation => 'audit',
    name => 'created_at');
SELECT contract.length_between('orders', 'country', 2, 2, 'audit', name => 'country');
SELECT contract.length_between('orders', 'note', NULL, 200, 'audit', name => 'note');
