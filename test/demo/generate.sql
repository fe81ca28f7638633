-- Writes customers.csv, orders.csv and orders_first.csv into the current folder. The same data each time.
SET timezone = 'UTC';
SELECT setseed(0.2024) \g /dev/null

CREATE TEMP TABLE person AS
SELECT id,
	(ARRAY['Anna','Ben','Clara','David','Emma','Felix','Greta','Hugo','Ines','Jonas','Karin','Louis','Mia','Noah',
		'Olga','Paul','Rosa','Samuel','Tilda','Victor'])[1 + floor(random() * 20)::int] AS first,
	(ARRAY['Bauer','Costa','Dubois','Evans','Fischer','Garcia','Hansen','Ivanova','Jansen','Kowalski','Lehmann',
		'Moreau','Novak','Olsen','Peeters','Rossi','Schmid','Taylor','Vogel','Wagner'])[1 + floor(random() * 20)::int] AS last,
	(ARRAY['DE','DE','DE','FR','FR','GB','NL','ES','IT','PL','AT','GR'])[1 + floor(random() * 12)::int] AS country
FROM generate_series(1, 20000) AS id;

CREATE TEMP TABLE customer AS
SELECT id, first || ' ' || last AS name, lower(first || '.' || last) || id || '@example.com' AS email, country
FROM person ORDER BY id;

-- 90 days of orders, the later the more; the amount is that of up to six items of 8 to 308.
CREATE TEMP TABLE orders AS
SELECT o.id, 'SO-' || lpad(o.id::text, 8, '0') AS order_no, c.id AS customer_id, c.email, c.name AS ship_to, c.country,
	channel, items, round((items * (8 + 300 * price ^ 3))::numeric, 2) AS amount,
	CASE c.country WHEN 'GB' THEN 'GBP' WHEN 'PL' THEN 'PLN' ELSE 'EUR' END AS currency,
	status, created_at, CASE WHEN status IN ('shipped', 'returned') THEN created_at + waits END AS shipped_at
FROM (
	SELECT id, 1 + floor(random() * 20000)::int AS customer_id, 1 + floor(6 * random() ^ 2)::int AS items,
		random() AS price,
		(ARRAY['web','web','web','app','app','phone','market'])[1 + floor(random() * 7)::int] AS channel,
		(ARRAY['new','paid','shipped','shipped','shipped','shipped','shipped','shipped','cancelled','returned'])
			[1 + floor(random() * 10)::int] AS status,
		timestamptz '2024-01-01 00:00Z' + interval '90 days' * sqrt(id / 300000.0) AS created_at,
		interval '4 hours' + date_trunc('second', interval '5 days' * random()) AS waits
	FROM generate_series(1, 300000) AS id) AS o
JOIN customer AS c ON c.id = o.customer_id
ORDER BY o.id;
UPDATE orders SET created_at = date_trunc('second', created_at), shipped_at = date_trunc('second', shipped_at);

-- The faults, each as such things happen.
UPDATE orders SET customer_id = NULL WHERE id % 4801 = 7;                     -- guests, lost in a join
UPDATE orders SET amount = -amount WHERE id % 3989 = 11;                      -- refunds booked as orders
UPDATE orders SET amount = amount * 100                                       -- a partner's feed in cents, one day
WHERE channel = 'market' AND created_at::date = '2024-03-14';
UPDATE orders SET status = upper(status) WHERE id % 6007 = 13;                -- an old client
UPDATE orders SET status = 'lost' WHERE id % 14009 = 17;                      -- a status nobody told us of
UPDATE orders SET currency = 'EURO' WHERE id % 5003 = 19 AND currency = 'EUR'; -- typed by hand
UPDATE orders SET email = replace(email, '@', ' at ') WHERE id % 2503 = 23;   -- typed by hand, too
UPDATE orders SET email = 'n/a' WHERE channel = 'phone' AND id % 211 = 29;    -- taken by phone
UPDATE orders SET shipped_at = created_at - interval '1 day' WHERE id % 2909 = 31 AND shipped_at IS NOT NULL;
UPDATE orders SET shipped_at = NULL WHERE id % 1499 = 37;                     -- scanners that were offline
UPDATE orders SET country = 'UK' WHERE country = 'GB' AND id % 101 = 41;      -- not the ISO code, which is GB
UPDATE orders SET country = 'EL' WHERE country = 'GR' AND id % 307 = 43;      -- nor this one, which is GR
UPDATE orders SET ship_to = ' ' WHERE id % 7001 = 47;
UPDATE orders SET items = items * 100 WHERE id % 49999 = 53;                  -- resellers, not a fault
UPDATE orders SET customer_id = NULL, currency = 'EURO' WHERE id = 123456;    -- two faults at once
UPDATE customer SET email = replace(email, '@', '') WHERE id % 1999 = 5;
UPDATE customer SET name = '' WHERE id % 2999 = 5;
UPDATE customer SET country = 'UK' WHERE country = 'GB' AND id % 199 = 5;

\copy (SELECT * FROM customer ORDER BY id) TO 'customers.csv' (FORMAT csv, HEADER)
\copy (SELECT order_no, customer_id, channel, items, amount, currency, status, created_at, shipped_at, country, ship_to, email FROM orders ORDER BY id) TO 'orders.csv' (FORMAT csv, HEADER)

-- The first try: the first 1,000 orders, and one that the test shop left in the file.
UPDATE orders SET order_no = 'TEST-1' WHERE id = 777;
\copy (SELECT order_no, customer_id, channel, items, amount, currency, status, created_at, shipped_at, country, ship_to, email FROM orders WHERE id <= 1000 ORDER BY id) TO 'orders_first.csv' (FORMAT csv, HEADER)
