-- between and accepted_values on numbers and timestamps against their operators, with bounds and members among the values.
\set types '''smallint'', ''integer'', ''bigint'', ''real'', ''double precision'', ''numeric'', ''timestamptz'', ''date'''
\ir harness.sql
ALTER TABLE "fuzz numeric" ALTER v SET STORAGE EXTERNAL;
SET datestyle = ISO;

-- A number of any size and scale, often near a power of ten or of 10000, sometimes special.
CREATE FUNCTION any_numeric() RETURNS numeric LANGUAGE sql VOLATILE AS $$
	SELECT CASE
		WHEN random() < 0.3 THEN (any_of('0', '1', '-1', '10000', '123456789') || '.' || any_of('0', '1', '0001', '00010', '00010001'))::numeric
		WHEN random() < 0.02 THEN ('{NaN,Infinity,-Infinity,0,-0,0.0000}'::numeric[])[any_integer(1, 6)]
		WHEN random() < 0.3 THEN 10::numeric ^ any_integer(-40, 40) * any_integer(-2, 2)
			+ round((random() - 0.5)::numeric, any_integer(0, 11))
		WHEN random() < 0.02 THEN (repeat('9', any_integer(1, 9000)) || '.' || any_integer(0, 1000000))::numeric
		ELSE round(((random() - 0.5) * 10 ^ any_integer(0, 23))::numeric, any_integer(0, 19))
	END
$$;

CREATE FUNCTION any_number(type text) RETURNS text LANGUAGE sql VOLATILE AS $$
	SELECT CASE
		WHEN type = 'numeric' THEN any_numeric()::text
		WHEN type = 'smallint' THEN any_of('-32768', '32767', '0', any_integer(-100, 100)::text, any_integer(-32768, 32767)::text)
		WHEN type = 'integer' THEN any_of('-2147483648', '2147483647', any_integer(-100, 100)::text, any_integer(-100000, 99999)::text)
		WHEN type = 'bigint' THEN any_of('-9223372036854775808', '9223372036854775807', any_integer(-100, 100)::text,
			((random() - 0.5) * 1e18)::bigint::text)
		WHEN type = 'timestamptz' THEN any_of('infinity', '-infinity', (timestamptz '2000-01-01' + (random() - 0.5) * interval '99 years')::text)
		WHEN type = 'date' THEN any_of('infinity', '-infinity', (date '2000-01-01' + any_integer(-999, 999))::text)
		WHEN random() < 0.3 THEN any_of('NaN', 'Infinity', '-Infinity', '0', '-0', '1e-37', '-1e-37', '3e38', '-3e38', '0.1')
		ELSE (round(((random() - 0.5) * 100)::numeric, any_integer(0, 3)))::text
	END
$$;

CREATE PROCEDURE compare_range(type text) LANGUAGE plpgsql AS $$
DECLARE
	low text;
	high text;
	open_low boolean := random() < 0.3;
	open_high boolean := random() < 0.3;
BEGIN
	EXECUTE format('SELECT min(v)::text, max(v)::text FROM (SELECT v FROM %I WHERE v IS NOT NULL ORDER BY random() LIMIT %s) s',
		'fuzz ' || type, any_integer(1, 2)) INTO low, high;
	low := CASE WHEN random() < 0.8 THEN low END;
	high := CASE WHEN random() < 0.8 OR low IS NULL THEN high END;
	CALL compare(type, 'between', jsonb_strip_nulls(jsonb_build_object('minimum', low, 'maximum', high,
			'exclusive_minimum', open_low, 'exclusive_maximum', open_high)),
		concat_ws(' AND ', CASE WHEN open_low THEN 'v > ' ELSE 'v >= ' END || quote_literal(low),
			CASE WHEN open_high THEN 'v < ' ELSE 'v <= ' END || quote_literal(high)));
END $$;

CREATE PROCEDURE compare_members(type text) LANGUAGE plpgsql AS $$
DECLARE
	members text[];
BEGIN
	EXECUTE format('SELECT array_agg(v::text) FROM (SELECT v FROM %I WHERE v IS NOT NULL ORDER BY random() LIMIT %s) s',
		'fuzz ' || type, any_integer(1, 12)) INTO members;
	CALL compare(type, 'accepted_values', jsonb_build_object('values', members), format('v = ANY (%L)', members));
END $$;

CREATE PROCEDURE compare_numbers(rounds int, types text[]) LANGUAGE plpgsql AS $$
DECLARE
	type text;
BEGIN
	FOR i IN 1 .. rounds LOOP
		FOREACH type IN ARRAY types LOOP
			CALL fill_table(type, format('SELECT any_number(%1$L)::%1$s FROM generate_series(1, 700)', type));
			FOR j IN 1 .. 4 LOOP
				CALL compare_range(type);
			END LOOP;
			CALL compare_members(type);
			COMMIT;
		END LOOP;
	END LOOP;
END $$;
CALL compare_numbers(:rounds, ARRAY[:types]);
