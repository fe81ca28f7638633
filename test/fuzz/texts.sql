-- accepted_values and forbidden_values against = ANY, length_between against length().
\set types '''text'', ''varchar(40)'', ''char(17)'''
\ir harness.sql

-- Texts with much in common, of lengths at which something changes.
CREATE FUNCTION any_text() RETURNS text LANGUAGE sql VOLATILE AS $$
	SELECT CASE
		WHEN random() < 0.1 THEN any_of('', ' ', 'new', 'paid', 'é', 'éé', '日本語', 'a' || U&'\0301', E'\x01', repeat('x', 16))
		WHEN random() < 0.1 THEN left('éßé日本日本日本日本日', any_integer(0, 12))
		WHEN random() < 0.5 THEN left('abcdefghijklmnopqrst', any_integer(13, 18)) || any_of('', '', ' ', 'é', 'z', chr(any_integer(97, 105)))
		ELSE left('abcdefgh', any_integer(0, 8)) || any_integer(0, 20)
	END
$$;

CREATE PROCEDURE compare_sets(type text) LANGUAGE plpgsql AS $$
DECLARE
	members text[];
	condition text;
BEGIN
	SELECT array_agg(left(any_text(), most)) INTO members
	FROM any_integer(15, 17) most, generate_series(1, any_of('1', '2', '5', '8', '9', '17', '100', '255', '400')::int);
	condition := format('v = ANY (%L::%s[])', members, CASE WHEN type = 'char(17)' THEN 'bpchar' ELSE 'text' END);
	CALL compare(type, 'accepted_values', jsonb_build_object('values', members), condition);
	CALL compare(type, 'forbidden_values', jsonb_build_object('values', members), 'NOT ' || condition);
END $$;

CREATE PROCEDURE compare_lengths(type text) LANGUAGE plpgsql AS $$
DECLARE
	minimum int := CASE WHEN random() < 0.7 THEN any_integer(0, 18) END;
	maximum int := CASE WHEN random() < 0.7 OR minimum IS NULL THEN coalesce(minimum, 0) + any_integer(0, 5) END;
BEGIN
	CALL compare(type, 'length_between', jsonb_strip_nulls(jsonb_build_object('minimum', minimum, 'maximum', maximum)),
		format('length(v) BETWEEN %s AND %s', coalesce(minimum, 0), coalesce(maximum, 100000)));
END $$;

CREATE PROCEDURE compare_texts(rounds int) LANGUAGE plpgsql AS $$
DECLARE
	type text;
BEGIN
	FOR i IN 1 .. rounds LOOP
		type := any_of('text', 'varchar(40)', 'char(17)');
		CALL fill_table(type, format('SELECT CASE WHEN %L AND random() < 0.01 THEN repeat(t, 500) WHEN %L THEN t ELSE left(t, 17) END
			FROM (SELECT any_text() AS t FROM generate_series(1, 600)) s', type = 'text', type <> 'char(17)'));
		FOR j IN 1 .. 5 LOOP
			CALL compare_sets(type);
			CALL compare_lengths(type);
		END LOOP;
		COMMIT;
	END LOOP;
END $$;
CALL compare_texts(:rounds);
