-- between on numeric (compared as stored) against PostgreSQL's operators, with random values and bounds among them.
CREATE EXTENSION pg_contract;
CREATE TABLE n (v numeric);
SELECT setseed(:seed % 32768 / 32768.0);

-- A number of any size and scale, often near a power of ten or of 10000, sometimes special.
CREATE FUNCTION any_number() RETURNS numeric LANGUAGE sql VOLATILE AS $$
	SELECT CASE
		WHEN random() < 0.02 THEN ('{NaN,Infinity,-Infinity,0,-0,0.0000}'::numeric[])[1 + floor(random() * 6)]
		WHEN random() < 0.3 THEN 10::numeric ^ (floor(random() * 80) - 40)::int * (floor(random() * 5) - 2)::int
			+ round((random() - 0.5)::numeric, floor(random() * 12)::int)
		WHEN random() < 0.02 THEN (repeat('9', 1 + floor(random() * 2000)::int) || '.' || floor(random() * 1e6)::int)::numeric
		ELSE round(((random() - 0.5) * 10 ^ floor(random() * 24))::numeric, floor(random() * 20)::int)
	END
$$;

CREATE PROCEDURE compare(rounds int) LANGUAGE plpgsql AS $$
DECLARE
	low numeric;
	high numeric;
	exclusive boolean;
	told bigint;
	right_count bigint;
BEGIN
	FOR i IN 1 .. rounds LOOP
		TRUNCATE n;
		INSERT INTO n SELECT any_number() FROM generate_series(1, 2000);
		FOR j IN 1 .. 20 LOOP
			SELECT min(v), max(v), random() < 0.5 INTO low, high, exclusive
			FROM (SELECT v FROM n ORDER BY random() LIMIT 2) b;
			SELECT failed INTO told FROM contract.preview('n', 'between', '{v}', jsonb_build_object(
				'minimum', low::text, 'maximum', high::text, 'exclusive_maximum', exclusive));
			SELECT count(*) INTO right_count FROM n
			WHERE NOT (v >= low AND CASE WHEN exclusive THEN v < high ELSE v <= high END);
			IF told <> right_count THEN
				RAISE EXCEPTION 'between % and % (exclusive: %): % fail, not %', low, high, exclusive, told, right_count;
			END IF;
		END LOOP;
		COMMIT;
	END LOOP;
END $$;
CALL compare(:rounds);
