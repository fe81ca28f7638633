\echo '=== 4. Audit =================================================================='
\echo
\echo '-- What would a new rule say of the rows that are there? A preview stores nothing.'
SELECT considered, failed, examples -> 0 ->> 'order_no' AS example, examples -> 0 ->> 'items' AS items
FROM contract.preview('orders', 'between', '{items}', '{"minimum": 1, "maximum": 50}');
\echo '-- All rules on all rows, in one pass. A rule passes if no more than its tolerance fails. What the primary key'
\echo '-- guarantees is not read.'
SELECT rule, status, considered, failed, expected ->> 'failed_fraction' AS tolerated, executor FROM contract.check('orders');
SELECT rule, status, considered, failed, expected ->> 'failed_fraction' AS tolerated, executor FROM contract.check('customers');
\echo '-- Again, after a small change: only the pages that were touched are read.'
UPDATE orders SET ship_to = '' WHERE order_no = 'SO-00000100';
SELECT rule, status, considered, failed, executor FROM contract.check('orders') WHERE rule IN ('not_blank_ship_to', 'format_email');
\echo '-- All failing rows of a rule: a query to be run with one''s own rights.'
SELECT contract.failing_rows('customers', 'not_blank_name');
SELECT contract.failing_rows('customers', 'not_blank_name') || ' LIMIT 3' \gexec
\echo '-- Who keeps the contract? A row per dataset.'
SELECT dataset, owner, status, rules, failing, good_fraction, open_violations, quarantined FROM contract.scorecard;
