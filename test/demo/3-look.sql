\echo '=== 3. Look ==================================================================='
\echo
\echo '-- What the two loads did, rule by rule: exact counts.'
SELECT dataset, rule, action, failed FROM contract.results ORDER BY dataset, action, failed DESC, rule;
\echo '-- A failing row of each rule, as evidence. The e-mail is personal data, and masked.'
SELECT DISTINCT ON (rule) key ->> 'order_no' AS order_no, rule, value, message FROM contract.violations
WHERE dataset = 'public.orders' AND kind <> 'satisfies' ORDER BY rule, id;
\echo '-- All of one such row: the e-mail is masked here, too.'
SELECT jsonb_pretty("row") AS "row" FROM contract.violations
WHERE dataset = 'public.orders' AND rule = 'format_email' AND action = 'warn' ORDER BY id LIMIT 1;
\echo '-- Quarantined rows, with every rule that they fail.'
SELECT rules, count(*), min("row" ->> 'order_no') AS example FROM contract.quarantined
WHERE dataset = 'public.orders' GROUP BY rules ORDER BY count(*) DESC, rules;
