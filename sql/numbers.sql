-- Numerics are compared as they are stored: the same verdicts as PostgreSQL's operators.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_contract;
SET pg_contract.ddl_guard = off;
RESET client_min_messages;

CREATE TABLE n (v numeric);
INSERT INTO n SELECT (i % 2001 - 1000) * 10::numeric ^ (i % 61 - 30) FROM generate_series(1, 5000) i;
INSERT INTO n SELECT round((i * 7919 % 20011 - 10005) / 7.0, i % 9) FROM generate_series(1, 5000) i;
INSERT INTO n SELECT x::numeric FROM unnest('{0,-0,0.000,1,-1,NaN,Infinity,-Infinity,1e100,-1e100,1e-100,10000,9999.9999,
	10000.0001,99999999,100000000,0.0001,0.00009999,1e63,1e64,1e255,1e256,-1e-63}'::text[]) x;
INSERT INTO n VALUES (('1' || repeat('0', 3000) || '.5')::numeric), (('-' || repeat('9', 40000))::numeric), (NULL);
DO $$
DECLARE
	bounds numeric[] := '{-Infinity,-1e100,-10000,-9999.9999,-1,-0.0001,0,0.00009999,0.0001,1,142.857142857,9999.9999,10000,1e20,1e63,1e256,Infinity,NaN}';
	told bigint;
	true_count bigint;
	compared int := 0;
	wrong int := 0;
BEGIN
	FOR i IN 1 .. cardinality(bounds) LOOP
		FOR j IN i .. cardinality(bounds) LOOP
			FOR exclusive IN 0 .. 1 LOOP
				SELECT failed INTO told FROM contract.preview('n', 'between', '{v}', jsonb_build_object(
					'minimum', bounds[i]::text, 'maximum', bounds[j]::text, 'exclusive_minimum', exclusive = 1));
				SELECT count(*) INTO true_count FROM n
				WHERE NOT (v <= bounds[j] AND CASE exclusive WHEN 1 THEN v > bounds[i] ELSE v >= bounds[i] END);
				compared := compared + 1;
				IF told <> true_count THEN
					wrong := wrong + 1;
					RAISE WARNING '% .. % %: % instead of %', bounds[i], bounds[j], exclusive, told, true_count;
				END IF;
			END LOOP;
		END LOOP;
	END LOOP;
	RAISE NOTICE '% ranges compared, % wrong', compared, wrong;
END $$;
DROP TABLE n;
