-- The ten rules as a contract on :table, with :action and :write_path.
SELECT contract.describe(:'table', write_path => :'write_path');
SELECT contract.not_null(:'table', 'id', :'action', name => 'id');
SELECT contract.between(:'table', 'customer_id', 1, NULL, on_violation => :'action', name => 'customer_id');
SELECT contract.accepted_values(:'table', 'status', '{new,paid,shipped,cancelled,returned}'::text[],
    :'action', name => 'status');
SELECT contract.between(:'table', 'amount', 0, 1000000, on_violation => :'action', name => 'amount');
SELECT contract.between(:'table', 'qty', 1, 1000, on_violation => :'action', name => 'qty');
SELECT contract.between(:'table', 'price', 0, NULL, on_violation => :'action', name => 'price');
SELECT contract.between(:'table', 'created_at', NULL, timestamptz '2030-01-01 00:00:00+00',
    on_violation => :'action', name => 'created_at');
SELECT contract.length_between(:'table', 'country', 2, 2, :'action', name => 'country');
SELECT contract.matches(:'table', 'email', '^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}$',
    :'action', name => 'email');
SELECT contract.length_between(:'table', 'note', NULL, 200, :'action', name => 'note');

CREATE OR REPLACE VIEW failures AS
SELECT 'warned' AS fate, rule, sum(failed)::bigint AS failed FROM contract.result WHERE action = 'warn' GROUP BY rule
UNION ALL
SELECT 'sampled', rule, count(*) FROM contract.violation WHERE action = 'warn' GROUP BY rule
UNION ALL
SELECT 'quarantined', rule, count(*) FROM contract.quarantine, unnest(rules) rule GROUP BY rule;
CREATE OR REPLACE PROCEDURE reset() LANGUAGE sql AS $$
    TRUNCATE orders, orders_part, source;
    TRUNCATE contract.run, contract.result, contract.violation, contract.quarantine;
$$;
