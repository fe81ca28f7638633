-- The dataset of soak.sh, and what makes a worker come.
CREATE EXTENSION pg_contract;
CREATE TABLE orders (id int, amount int, at timestamptz);
INSERT INTO orders SELECT i, i, now() FROM generate_series(1, 100) i;
SELECT contract.between('orders', 'amount', 0, 50);
SELECT contract.fresh('orders', 'at', max_age => '1 day');
SELECT contract.fresh('orders', max_age => '1 day', name => 'written');
SELECT contract.schedule('orders', every => '1 second');
-- a round: what the dataset is like changes, it is audited, a worker hears of it and is waited for
CREATE PROCEDURE rounds(n int) LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1 .. n LOOP
		UPDATE orders SET amount = CASE WHEN i % 20 < 10 THEN 1 ELSE 100 END WHERE id = 1;
		PERFORM contract.check('orders');
		COMMIT;
		FOR j IN 1 .. 10000 LOOP
			EXIT WHEN NOT EXISTS (SELECT FROM contract.incident_due WHERE due <= clock_timestamp());
			PERFORM pg_sleep(0.001);
			IF j = 10000 THEN RAISE 'no worker came in 10 seconds'; END IF;
		END LOOP;
		COMMIT;
	END LOOP;
END $$;
