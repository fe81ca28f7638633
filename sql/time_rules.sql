-- Rules about time: fresh at a deadline and at any time, volume.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_contract;
SET pg_contract.ddl_guard = off;
RESET client_min_messages;
SET TimeZone = 'America/New_York';

CREATE TABLE loads (id int, at timestamptz, seen timestamp, day date, t text);
CREATE FUNCTION found(dataset text)
RETURNS TABLE (rule text, status text, observed jsonb, expected jsonb, message text) LANGUAGE sql AS $$
	SELECT rule, status, observed, expected, message FROM contract.check(dataset)
$$;

-- what is stored, and what is said of it
SELECT contract.fresh('loads', 'at', by => '6:00', days => 'MON-Fri', time_zone => 'europe/berlin');
SELECT contract.fresh('loads', 'at', '36 hours', by => '23:30', name => 'both');
SELECT contract.fresh('loads', 'day', by => '06:00', time_zone => '-08:00', days => '*');
SELECT contract.fresh('loads', 'seen', '1 day', time_zone => '+5:30');
SELECT contract.fresh('loads', by => '06:00');
SELECT contract.volume('loads', 'at', '1 hour', 10);
SELECT contract.volume('loads', 'seen', '1 day', maximum => 10, time_zone => 'UTC', tolerance => 0.1);
SELECT contract.volume('loads', 'day', '7 days', 1, 5, filter => 'id > 0 -- of the filter');
SELECT rule, kind, columns, parameters, action FROM contract.rules WHERE dataset = 'public.loads' ORDER BY rule;
SELECT rule, status, observed, message FROM found('loads') ORDER BY rule;

-- not preview, nor rows that fail
SELECT * FROM contract.preview('loads', 'volume', '{at}', '{"per": "1 day", "minimum": 3}');
SELECT * FROM contract.preview('loads', 'fresh', '{at}', '{"by": "06:00"}');
SELECT contract.failing_rows('loads', 'volume_at');
SELECT contract.failing_rows('loads', 'both');
SELECT contract.drop_contract('loads');

-- mistakes
SELECT contract.fresh('loads', 'at');
SELECT contract.fresh('loads', 'at', days => 'mon-fri');
SELECT contract.fresh('loads', 'at', '1 day', days => 'mon-fri');
SELECT contract.fresh('loads', 'at', by => '06:00', days => 'montag');
SELECT contract.fresh('loads', 'at', by => '06:00', days => '1 2');
SELECT contract.fresh('loads', 'at', by => '06:00:30');
SELECT contract.fresh('loads', 'at', by => '24:00');
SELECT contract.fresh('loads', 'at', by => '06:00', time_zone => 'Europe/Nowhere');
SELECT contract.fresh('loads', 'at', by => '06:00', time_zone => '+16:00');
SELECT contract.fresh('loads', 'at', by => '06:00', time_zone => '+5');
SELECT contract.fresh('loads', 'at', '0', by => '06:00');
SELECT contract.fresh('loads', 'at', '170000000 years');
SELECT contract.fresh('loads', 't', by => '06:00');
SELECT contract.add_rule('loads', 'fresh', '{at}', '{"by": "noon"}');
SELECT contract.add_rule('loads', 'fresh', '{at}', '{"by": "06:00Z"}');
SELECT contract.fresh('loads', 'at', by => '06:00', on_violation => 'reject');
SELECT contract.volume('loads', 'at', '1 hour');
SELECT contract.volume('loads', 'at', '0', 1);
SELECT contract.volume('loads', 'at', NULL, 1);
SELECT contract.volume('loads', 'at', '-1 day', 1);
SELECT contract.volume('loads', 't', '1 day', 1);
SELECT contract.volume('loads', NULL, '1 day', 1);
SELECT contract.volume('loads', 'at', '1 day', 5, 1);
SELECT contract.volume('loads', 'at', '1 day', 5, time_zone => 'nowhere');

/*
 * A deadline against its definition in SQL: for zones, times of day, days of the week and types of column, the oldest value that
 * passes passes, and the one before it does not.
 */
-- SQL takes distances from UTC as positive to the west
CREATE FUNCTION sql_zone(zone text) RETURNS text LANGUAGE sql AS $$
	SELECT CASE WHEN zone ~ '^[+-]' THEN translate(zone, '+-', '-+') ELSE zone END
$$;
CREATE FUNCTION deadline(zone text, at time, days int[]) RETURNS timestamp LANGUAGE sql AS $$
	SELECT max(d + at) FROM generate_series(date_trunc('day', now() AT TIME ZONE sql_zone(zone)) - interval '8 days',
		now() AT TIME ZONE sql_zone(zone), '1 day') d
	WHERE extract(dow FROM d) = ANY (days) AND (d + at) AT TIME ZONE sql_zone(zone) <= now()
$$;
CREATE FUNCTION boundary(zone text, by time, weekdays int[], age interval, type text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	oldest timestamp := coalesce(deadline(zone, by, weekdays) - age, date_trunc('day', deadline(zone, by, weekdays)));
	step interval := CASE type WHEN 'date' THEN '1 day' ELSE '1 microsecond' END;
	seen text := '';
BEGIN
	IF type = 'date' AND oldest <> date_trunc('day', oldest) THEN
		oldest := date_trunc('day', oldest) + interval '1 day';
	END IF;
	CREATE TABLE edge (v timestamp);
	INSERT INTO edge VALUES (oldest);
	EXECUTE format('ALTER TABLE edge ALTER v TYPE %s USING %s', type,
		CASE type WHEN 'timestamptz' THEN format('v AT TIME ZONE %L', sql_zone(zone)) ELSE 'v::' || type END);
	PERFORM contract.fresh('edge', 'v', age, by => by, days => array_to_string(weekdays, ','), time_zone => zone);
	seen := (SELECT status FROM contract.check('edge'));
	UPDATE edge SET v = v - step;
	seen := seen || ' ' || (SELECT status FROM contract.check('edge'));
	PERFORM contract.drop_contract('edge');
	DROP TABLE edge;
	RETURN seen;
END
$$;
SET client_min_messages = warning;
SELECT DISTINCT boundary(zone, by, days, age, type)
FROM unnest('{UTC,Europe/Berlin,Pacific/Auckland,America/St_Johns,Asia/Kathmandu,-08:00,+05:30}'::text[]) zone,
	unnest('{00:00,06:00,23:59}'::time[]) by, (VALUES ('{0,1,2,3,4,5,6}'::int[]), ('{1,3}'), ('{6}')) d (days),
	unnest('{NULL,1 day,30 minutes}'::interval[]) age, unnest('{date,timestamp,timestamptz}'::text[]) type
-- not one that passes meanwhile
WHERE (now() AT TIME ZONE sql_zone(zone) + interval '10 seconds')::time NOT BETWEEN by AND by + interval '10 seconds';
RESET client_min_messages;

-- without deadline: an age, of a column without zone in the rule's or the session's
INSERT INTO loads (id, at, seen, day) VALUES
	(1, now() - interval '50 minutes', (now() AT TIME ZONE 'Asia/Tokyo') - interval '50 minutes', NULL);
SELECT contract.fresh('loads', 'at', '1 hour');
SELECT contract.fresh('loads', 'seen', '1 hour', time_zone => 'Asia/Tokyo', name => 'tokyo');
SELECT contract.fresh('loads', 'seen', '1 hour', time_zone => 'Pacific/Kiritimati', name => 'kiritimati');
SELECT contract.fresh('loads', 'seen', '1 hour', name => 'session');
SELECT rule, status FROM found('loads');
SET TimeZone = 'Pacific/Kiritimati';
SELECT rule, status FROM found('loads');
SET TimeZone = 'America/New_York';
SELECT contract.drop_contract('loads');

-- volume: rows in the time before now, by all types; none of the future, none without time
TRUNCATE loads;
INSERT INTO loads (id, at, seen, day)
SELECT n, now() - n * interval '10 minutes', (now() AT TIME ZONE 'Asia/Tokyo') - n * interval '10 minutes', (now() AT TIME ZONE 'Asia/Tokyo')::date - n
FROM generate_series(-5, 20) n;
INSERT INTO loads (id) SELECT n FROM generate_series(1, 3) n;
SELECT contract.volume('loads', 'at', '55 minutes', 6, 6, name => 'at');
SELECT contract.volume('loads', 'at', '55 minutes', 7, name => 'low');
SELECT contract.volume('loads', 'at', '55 minutes', 7, tolerance => 0.2, name => 'tolerated');
SELECT contract.volume('loads', 'at', '55 minutes', maximum => 2, name => 'high');
SELECT contract.volume('loads', 'at', '55 minutes', 3, 3, filter => 'id > 2 -- of the filter', name => 'filtered');
SELECT contract.volume('loads', 'seen', '55 minutes', 6, 6, time_zone => 'Asia/Tokyo', name => 'seen');
SELECT contract.volume('loads', 'day', '7 days', 7, 7, time_zone => 'Asia/Tokyo', name => 'day');
SELECT * FROM found('loads') WHERE rule <> 'day';
SELECT status FROM found('loads') WHERE rule = 'day';
SELECT contract.drop_contract('loads');
DROP TABLE loads;
DROP FUNCTION found, deadline, boundary, sql_zone;
