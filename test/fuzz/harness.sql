-- What the other files share. Each of them makes random values and rules, and compares what the engine says, row by row
-- as on write and in chunks as in an audit, with the same condition in SQL.
SET client_min_messages = warning;
CREATE EXTENSION pg_contract;
SELECT setseed(:seed % 32768 / 32768.0) \gset

CREATE FUNCTION any_of(VARIADIC choices text[]) RETURNS text LANGUAGE sql VOLATILE
RETURN choices[1 + floor(random() * cardinality(choices))];

CREATE FUNCTION any_integer(low int, high int) RETURNS int LANGUAGE sql VOLATILE
RETURN low + floor(random() * (high - low + 1));

-- A table of values of a type. The rule keeps the trigger there, whatever rules come and go.
CREATE PROCEDURE make_table(type text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE TABLE %I (v %s)', 'fuzz ' || type, type);
	PERFORM contract.satisfies(format('%I', 'fuzz ' || type)::regclass, 'v IS NULL OR v IS NOT NULL');
END $$;

-- The values of a table: those of a query, and nulls in half of all cases.
CREATE PROCEDURE fill_table(type text, query text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('TRUNCATE %1$I; INSERT INTO %1$I %2$s', 'fuzz ' || type, query);
	IF random() < 0.5 THEN
		EXECUTE format('UPDATE %I SET v = NULL WHERE random() < 0.1', 'fuzz ' || type);
	END IF;
END $$;

-- Raises if a rule on the table of a type says anything but what the condition on v says.
CREATE PROCEDURE compare(type text, kind text, parameters jsonb, condition text) LANGUAGE plpgsql AS $$
DECLARE
	relation regclass := format('%I', 'fuzz ' || type)::regclass;
	told bigint;
	must bigint;
	dataset int;
	example text;
BEGIN
	SELECT failed INTO told FROM contract.preview(relation, kind, '{v}', parameters);
	EXECUTE format('SELECT count(*) FROM %s WHERE NOT (%s)', relation, condition) INTO must;
	IF told <> must THEN
		RAISE EXCEPTION '% on % with %: the audit says that % rows fail, must be %', kind, type, parameters, told, must;
	END IF;

	PERFORM contract.add_rule(relation, kind, '{v}', parameters, name => 'fuzz');
	SELECT dataset_id INTO dataset FROM contract.dataset WHERE table_name = 'fuzz ' || type;
	EXECUTE format('SELECT count(*), min(v::text) FROM %s WHERE contract.conforms($1, v) <> coalesce(%s, true)',
		relation, condition) INTO told, example USING dataset;
	IF told > 0 THEN
		RAISE EXCEPTION '% on % with %: % rows misjudged on write, as %', kind, type, parameters, told, quote_literal(example);
	END IF;
	PERFORM contract.drop_rule(format('public.%I', 'fuzz ' || type), 'fuzz');
END $$;

SELECT format('CALL make_table(%L)', type) FROM unnest(ARRAY[:types]) type \gexec
