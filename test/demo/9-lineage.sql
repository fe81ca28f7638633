\echo
\echo '=== 9. Lineage ================================================================'
\echo
\echo '-- A pipeline: staging views clean, marts add up, a job in PL/pgSQL loads one of them. No word about lineage in it.'
CREATE SCHEMA staging;
CREATE SCHEMA mart;
CREATE VIEW staging.orders AS
	SELECT order_no, customer_id, created_at::date AS day, upper(country) AS country, amount FROM orders WHERE status <> 'cancelled';
CREATE VIEW staging.customers AS SELECT id, name, lower(email) AS email FROM customers;

CREATE TABLE mart.revenue AS
	SELECT day, country, sum(amount) AS revenue, count(*) AS orders FROM staging.orders GROUP BY day, country;

CREATE TABLE mart.buyers (customer_id integer, name text, spent numeric, contact text, contact_key text);
CREATE PROCEDURE mart.load_buyers(threshold numeric) LANGUAGE plpgsql AS $$
DECLARE
	best record;
BEGIN
	CREATE TEMP TABLE spent ON COMMIT DROP AS
		SELECT customer_id, sum(amount) AS spent FROM staging.orders GROUP BY customer_id;
	FOR best IN SELECT s.*, c.name, c.email FROM spent s JOIN staging.customers c ON c.id = s.customer_id WHERE s.spent >= threshold LOOP
		EXECUTE format('INSERT INTO mart.%I VALUES ($1, $2, $3, $4, md5($4))', 'buyers')
		USING best.customer_id, best.name, best.spent, best.email;
	END LOOP;
END $$;
\set ECHO none
SET pg_contract.track_lineage = 'all';
\set ECHO queries
CALL mart.load_buyers(threshold => 5000);
CREATE VIEW mart.report AS
	SELECT r.day, r.country, r.revenue / nullif(r.orders, 0) AS per_order, rank() OVER (ORDER BY r.revenue DESC) AS place FROM mart.revenue r;
\set ECHO none
CALL wait_for($$SELECT count(DISTINCT target_table) = 2 FROM contract.lineage WHERE target_schema = 'mart' AND executions > 0$$);
\set ECHO queries
\echo
\echo '-- Where a number comes from, through the view, the table and the view before it.'
SELECT depth, source_schema, source_table, source_column, kind, subtype FROM contract.upstream('mart.report', 'per_order') ORDER BY 1, 2, 3, 4;
\echo
\echo '-- Who did it: the statement, the routine, how many rows. The temporary table and the variables of the job are looked through.'
SELECT source_table, source_column, target_column, subtype, masking, routine, rows FROM contract.lineage
WHERE target_schema = 'mart' AND target_table = 'buyers' AND kind = 'direct' AND hop = 'base' ORDER BY 1, 2, 3;
\echo
\echo '-- Personal data went along, though nobody said so; the hash did not.'
SELECT dataset, column_name, category, path FROM contract.pii_columns WHERE derived ORDER BY 1, 2;
\echo
\echo '-- It can be refused.'
SET pg_contract.pii_policy = 'reject';
\set ON_ERROR_STOP off
CREATE TABLE mart.mailing AS SELECT DISTINCT email FROM staging.customers;
\set ON_ERROR_STOP on
RESET pg_contract.pii_policy;
\echo
\echo '-- Before a column is dropped: what would break, and who would notice.'
SELECT object_type, object, column_name, depth FROM contract.impact('orders', 'amount') ORDER BY depth, 1, 2, 3;
\set ON_ERROR_STOP off
ALTER TABLE orders DROP COLUMN amount CASCADE;
\set ON_ERROR_STOP on
\echo
\echo '-- A statement can be asked about before it runs.'
SELECT source_table, source_column, target_column, subtype FROM contract.statement_lineage(
	'CREATE TABLE mart.top AS SELECT country, max(revenue) AS best FROM mart.revenue WHERE day > now() - interval ''30 days'' GROUP BY country')
WHERE hop = 'immediate' ORDER BY 2, 3, 4;
\echo
\echo '-- A picture: for Markdown; contract.lineage_dot gives the same for graphviz.'
\pset tuples_only on
\pset format unaligned
SELECT contract.lineage_mermaid('mart.report', 'per_order');
\echo
\echo '-- And for tools that read OpenLineage: what wrote the revenue.'
SELECT jsonb_pretty(event #> '{outputs,0,facets,columnLineage,fields,revenue}') FROM contract.openlineage() AS event
WHERE event #>> '{outputs,0,name}' = 'shop.mart.revenue' AND event ->> 'eventType' = 'COMPLETE' LIMIT 1;
\pset tuples_only off
\pset format aligned
