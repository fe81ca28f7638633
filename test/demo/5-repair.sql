\echo '=== 5. Repair ================================================================='
\echo
\echo '-- Most of the quarantine comes from one channel, on one day: it was sent in cents.'
SELECT "row" ->> 'channel' AS channel, left("row" ->> 'created_at', 10) AS day, count(*),
	round(avg(("row" ->> 'amount')::numeric), 2) AS average
FROM contract.quarantined WHERE rules = '{plausible_price}' GROUP BY 1, 2;
\echo '-- Repair the rows where they are: first the refunds, then the cents, then the spellings.'
SELECT count(contract.repair(id, jsonb_build_object('amount', -("row" ->> 'amount')::numeric))) AS amounts
FROM contract.quarantined WHERE ("row" ->> 'amount')::numeric < 0;
SELECT count(contract.repair(id, jsonb_build_object('amount', ("row" ->> 'amount')::numeric / 100))) AS amounts
FROM contract.quarantined WHERE 'plausible_price' = ANY (rules);
SELECT count(contract.repair(id, jsonb_build_object('status', lower("row" ->> 'status')))) AS statuses
FROM contract.quarantined WHERE 'accepted_values_status' = ANY (rules);
SELECT count(contract.repair(id, '{"currency": "EUR"}')) AS currencies
FROM contract.quarantined WHERE "row" ->> 'currency' = 'EURO';
\echo '-- Release judges all rows by the rules of today: those that pass go into the table, the rest stays.'
SELECT released, rules, count(*) FROM contract.release('orders') GROUP BY 1, 2 ORDER BY 1 DESC, 3 DESC;
\echo '-- Nobody knows who these customers were, or what "lost" means: the rest is discarded, for good.'
SELECT contract.discard('orders', ARRAY(SELECT id FROM contract.quarantined WHERE dataset = 'public.orders'))
	AS discarded;
\echo '-- Rows that were only warned of are in the table: correct some, and audit again.'
\set QUIET off
UPDATE orders SET country = CASE country WHEN 'UK' THEN 'GB' ELSE 'GR' END WHERE country IN ('UK', 'EL');
UPDATE orders SET email = NULLIF(replace(email, ' at ', '@'), 'n/a') WHERE email LIKE '% at %' OR email = 'n/a';
\set QUIET on
SELECT rule, status, considered, failed FROM contract.check('orders') WHERE failed > 0;
SELECT dataset, owner, status, rules, failing, good_fraction, open_violations, quarantined FROM contract.scorecard;
