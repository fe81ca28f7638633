-- matches and not_matches against the operators ~ and !~.
\set types '''text'', ''bpchar'', ''text COLLATE "C"'''
\ir harness.sql
ALTER TABLE "fuzz text COLLATE ""C""" ALTER v SET STORAGE EXTERNAL;

-- A regular expression, perhaps not a valid one.
CREATE FUNCTION any_part(depth int) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	form float := random();
BEGIN
	IF depth = 0 OR form < 0.35 THEN
		RETURN any_of('a', 'b', 'ab', 'A', '1', '_', ' ', '@', '\.', '.', '.*', '\d', '\w', '\s', '\D', '\W', '\S', '[a-c]', '[aé]',
			'[^a]', '[[:upper:]]', '[[:lower:][:digit:]]', '[^[:alpha:]]', '[[:space:]]', 'é', 'ß', '[à-ü]', '日', 'K', '\n',
			'[^\n]', '[.@]', '[A-Za-z0-9._%+-]', '[^\x01-\x7f]', '\u0130', '\m', '\M', '\y', '\Y', '^', '$', '\A', '\Z', '');
	ELSIF form < 0.60 THEN
		RETURN any_part(depth - 1) || any_part(depth - 1);
	ELSIF form < 0.70 THEN
		RETURN any_of('(', '(?:') || any_part(depth - 1) || '|' || any_part(depth - 1) || ')';
	ELSIF form < 0.90 THEN
		RETURN '(?:' || any_part(depth - 1) || ')' || any_of('*', '+', '?', '{2}', '{0,2}', '{1,3}', '{2,}', '{12}', '*?', '{1,2}?');
	ELSIF form < 0.97 THEN
		RETURN any_of('(?=', '(?!', '(?<=', '(?<!') || any_part(depth - 1) || ')' || any_part(depth - 1);
	END IF;
	RETURN '(' || any_part(depth - 1) || ')' || any_part(depth - 1) || '\1';
END $$;

CREATE FUNCTION any_regex() RETURNS text LANGUAGE sql VOLATILE AS $$
	SELECT any_of('', '', '', '', '', '', '(?i)', '(?n)', '(?ni)', '(?p)', '(?w)', '(?x)', '***=', '(?e)')
		|| any_of('', '', '^', '\A') || any_part(any_integer(0, 5)) || any_of('', '', '$', '\Z')
$$;

-- A text that such expressions may match; sometimes one that is stored compressed or out of line.
CREATE FUNCTION any_text(other_than_ascii boolean, perhaps_long boolean) RETURNS text LANGUAGE sql VOLATILE AS $$
	SELECT CASE WHEN perhaps_long AND random() < 0.01 THEN repeat(t, 300) ELSE t END
	FROM (SELECT coalesce(string_agg(CASE
			WHEN other_than_ascii AND random() < 0.2 THEN any_of('é', 'ß', 'É', '日', 'K', 'İ', '�', '𝒳', U&'\00A0')
			ELSE any_of('a', 'b', 'a', 'b', 'ab', 'A', 'B', 'c', '1', '2', '_', ' ', '@', '.', E'\n', '-', 'k') END, ''), '') AS t
		FROM generate_series(1, any_integer(0, 12))) s
$$;

-- Expressions that somebody may write, and some that no one should.
CREATE TABLE chosen (regex text);
INSERT INTO chosen VALUES (''), ('^$'), ('$^'), ('.'), ('x*'), ('^'), ('$'), ('\A\Z'), ('()'), ('a{0}'), ('a|'), ('(^a|b$)'),
	('(?n)^a$'), ('(?n)^$'), ('(?n).'), ('(?n)[^a]'), ('(?w)^b'), ('\Aa'), ('a\Z'), ('^.{0,200}$'), ('^.{3}$'), ('^.{256}$'),
	('(a|b)*a(a|b){9}'), ('^(a|b)*a(a|b){4}$'), ('(?i)k'), ('(?i)STRAßE|é'), ('[[:<:]]a[[:>:]]'), ('\ma\M'), ('\ya'), ('a\Y'),
	('^\s*\S+\s*$'), ('^\d{4}-\d{2}-\d{2}$'), ('^[^@]+@[^@]+$'), ('^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}$'),
	('^[[:alpha:]]+$'), ('^\w+$'), ('[^[:ascii:]]'), ('[^\x01-\x7f]'), ('^[\x01-\x7f]*$'), ('(.)\1'), ('^(.+)\1$'), ('a(?=b)'), ('(?<!a)b'), ('a(?=bb)'), ('(?<!ab)b'), ('^(?!.*ab)'),
	('***=a.b'), ('^(?!a)'), ('^[aé]+$'), ('(a*)*'), ('(a|ab)(c|bcd)(d*)'), ('^a.b$'), ('a\nb'), ('[\n]'), ('(?x)a b # c'), ('\D'), ('^\W$'),
	('^(?:a|b|c|d|e|f|g|h|i|j|k|l|m|n|o|p|q|r|s|t|u|v|w|x|y|z){1,40}$'), ('é'), ('^é'), ('é$'), ('^a*é*$'), ('^(ab)*\u0130?$');

CREATE FUNCTION is_regex(regex text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	PERFORM 'a' ~ regex;
	RETURN true;
EXCEPTION WHEN invalid_regular_expression THEN
	RETURN false;
END $$;

-- The chosen expressions once, then random ones.
CREATE PROCEDURE compare_regexes(rounds int) LANGUAGE plpgsql AS $$
DECLARE
	regex text;
	type text;
BEGIN
	FOR i IN 0 .. rounds LOOP
		type := any_of('text', 'text', 'text', 'bpchar', 'text COLLATE "C"');
		CALL fill_table(type, format('SELECT any_text(random() < 0.3, %L) FROM generate_series(1, 400)', i % 4 = 1));
		FOR regex IN SELECT c.regex FROM chosen c WHERE i = 0 UNION ALL
			SELECT any_regex() FROM generate_series(1, 20) WHERE i > 0
		LOOP
			-- a back reference in a long text may take PostgreSQL minutes
			CONTINUE WHEN NOT is_regex(regex) OR (i % 4 = 1 AND regex ~ '\\1');
			IF random() < 0.8 THEN
				CALL compare(type, 'matches', jsonb_build_object('pattern', regex), format('v ~ %L', regex));
			ELSE
				CALL compare(type, 'not_matches', jsonb_build_object('pattern', regex), format('v !~ %L', regex));
			END IF;
		END LOOP;
		COMMIT;
	END LOOP;
END $$;
CALL compare_regexes(:rounds);
