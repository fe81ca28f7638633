\echo '=== 4. Audit =================================================================='
\echo
\echo '-- What would a new rule say of the rows that are there? A preview stores nothing.'
SELECT considered, failed, examples -> 0 ->> 'order_no' AS example, examples -> 0 ->> 'items' AS items
FROM contract.preview('orders', 'between', '{items}', '{"minimum": 1, "maximum": 50}');
\echo '-- All rules on all rows. A rule passes if no more than its tolerance fails.'
SELECT rule, status, considered, failed, expected ->> 'failed_fraction' AS tolerated FROM contract.check('orders');
SELECT rule, status, considered, failed, expected ->> 'failed_fraction' AS tolerated FROM contract.check('customers');
\echo '-- Who keeps the contract? A row per dataset.'
SELECT dataset, owner, status, rules, failing, good_fraction, open_violations, quarantined FROM contract.scorecard;
