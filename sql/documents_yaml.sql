/*
 * Reading documents: what is no YAML, or none that a contract should be, is
 * refused with line and column.
 */
\pset null ''
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_contract;
RESET client_min_messages;
CREATE FUNCTION refused(document text) RETURNS TABLE(line int, "column" int, severity text, path text, message text, hint text)
LANGUAGE sql AS 'SELECT * FROM contract.lint(document)';

-- keys
SELECT * FROM refused(E'a: 1\nb:\n  c: 2\n  d: 3\n  c: 4\n');
SELECT * FROM refused(E'{a: 1, "a": 2}');
SELECT * FROM refused(E'1: a\n"1": b\n');
SELECT * FROM refused(E'z: 1\ny: 1\ny: 2\nz: 2\ny: 3\n');
SELECT * FROM refused('x: {' || (SELECT string_agg('k' || n, ', ' ORDER BY n) FROM generate_series(1, 1000) n) || ', k7}');
SELECT * FROM refused(repeat('k', 100) || E': 1\n' || repeat('k', 100) || E': 2\n');
SELECT * FROM refused(E'a: 1\n[b, c]: 2\n');
SELECT * FROM refused(E'? {b: c}\n: 2\n');
SELECT * FROM refused(E'a: &x [b]\n*x : c\n');
SELECT * FROM refused(E'a: &x b\nb: 1\n*x : c\n');
SELECT * FROM refused(E'a: 1\n? \n: 2\n');
SELECT * FROM refused(E'{a: 1, : 2}');
SELECT * FROM refused(E'a: &x {b: 1}\nc:\n  <<: *x\n');

-- tags
SELECT * FROM refused(E'a: !thing 1\n');
SELECT * FROM refused(E'a: !!python/object:os.system ls\n');
SELECT * FROM refused(E'a: !<tag:yaml.org,2002:binary> eA==\n');
SELECT * FROM refused(E'a: ! x\n');
SELECT * FROM refused(E'%TAG !e! tag:example.com,2026:\n---\na: !e!thing {}\n');
SELECT * FROM refused(E'a: !e!thing {}\n');
SELECT * FROM refused(E'a: !!int 1.5\n');
SELECT * FROM refused(E'a: !!bool "yes"\n');
SELECT * FROM refused(E'a: !!float x\n');
SELECT * FROM refused(E'a: !!null x\n');
SELECT * FROM refused(E'a: !!map [1]\n');
SELECT * FROM refused(E'a: !!str [1]\n');
SELECT * FROM refused(E'a: !!seq x\n');
SELECT * FROM refused((SELECT string_agg('%TAG !t' || n || E'! tag:x,\n', '') FROM generate_series(1, 17) n) || '--- 1');
SELECT * FROM refused(E'a\n...\n' || (SELECT string_agg('%TAG !t' || n || E'! tag:x,\r', '') FROM generate_series(1, 17) n) || '--- 1');

-- anchors and aliases
SELECT * FROM refused(E'a: *nowhere\n');
SELECT * FROM refused('a: *' || repeat('x', 100));
SELECT * FROM refused(E'a: &x\n  - *x\n');
SELECT * FROM refused(E'a: &x {b: [1, {c: *x}]}\n');
SELECT * FROM refused(E'&x a: 1\nb: *x\nc: &x [&x 1, *x]\nc: 1\n');
SELECT * FROM refused(E'a: &x [1, &y [*x]]\n');
SELECT * FROM refused(E'a: *x\nb: &x 1\n');

-- documents
SELECT * FROM refused('');
SELECT * FROM refused(E'# only a comment\n');
SELECT * FROM refused(E'---\n...\n');
SELECT * FROM refused(E'a: 1\n---\nb: 2\n');
SELECT * FROM refused(E'a: 1\n...\n# more\n---\nb: 2\n');
SELECT * FROM refused(E'%YAML 1.3\n---\na: 1\n');

-- syntax
SELECT * FROM refused(E'a: 1\n\tb: 2\n');
SELECT * FROM refused(E'a:\n\t- b\n');
SELECT * FROM refused(E'a: b: c\n');
SELECT * FROM refused(E'a: [1, 2\nb: 3\n');
SELECT * FROM refused(E'a: "open\n');
SELECT * FROM refused(E'a: "\\q"\n');
SELECT * FROM refused(E'a: 1\n b: 2\n');
SELECT * FROM refused(E'a: @b\n');
SELECT * FROM refused(E'a: %b\n');
SELECT * FROM refused(E'- a\nb: c\n');
SELECT * FROM refused(repeat('k', 1100) || ': 1');

-- characters: a column counts characters, not bytes; a byte order mark is none
SELECT * FROM refused(E'\ufeffä: &x 1\nöü: [€, *y]\n');
SELECT * FROM refused(E'a: 1\r\nb: "ü\u0085\u2028x"\rc: \u0007\n');
SELECT * FROM refused(E'a: 1\nb: ü\u0001\n');
SELECT * FROM refused(E'a: "x\\0y"\n');
SELECT * FROM refused(E'a: "\\ud83d\\ude00"\n');

-- limits
SHOW pg_contract.document_max_size;
SHOW pg_contract.document_max_depth;
SHOW pg_contract.document_max_nodes;
SELECT * FROM refused(repeat('[', 64) || 'x, *y' || repeat(']', 64));
SELECT * FROM refused(repeat('[', 65) || repeat(']', 65));
SELECT * FROM refused(E'a:\n- ' || repeat('- ', 62) || '*y');
SELECT * FROM refused(E'a:\n- ' || repeat('- ', 63) || '*y');
SELECT * FROM refused('a: &x [[[1]]]' || E'\nb: ' || repeat('[', 60) || '*x' || repeat(']', 60) || E'\nb: 1');
SELECT * FROM refused('a: &x [[[1]]]' || E'\nb: ' || repeat('[', 61) || '*x' || repeat(']', 61) || E'\nb: 1');
SELECT * FROM refused('a: "' || repeat('x', 256 * 1024) || E'"\na: 1');
SELECT * FROM refused('a: "' || repeat('x', 256 * 1024 + 1) || '"');
SELECT * FROM refused('#' || repeat('x', 1024 * 1024 - 1));
SELECT * FROM refused('#' || repeat('x', 1024 * 1024));
SET pg_contract.document_max_size = 1;
SET pg_contract.document_max_depth = 2;
SET pg_contract.document_max_nodes = 10;
SELECT * FROM refused(repeat('x', 1025));
SELECT * FROM refused('[[[]]]');
SELECT * FROM refused('[1, 2, 3, 4, 5, 6, 7, 8, 9, *x]');
SELECT * FROM refused('[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]');
SELECT * FROM refused('[&x [1, 2], *x, 3, 4, *y]');
SELECT * FROM refused('[&x [1, 2], *x, *x, *x]');
SELECT * FROM refused('[&x "' || repeat('x', 320) || '", *x, *x]');
SELECT * FROM refused('[&x [a, "' || repeat('x', 319) || '"], *x]');
RESET pg_contract.document_max_size;
RESET pg_contract.document_max_depth;
RESET pg_contract.document_max_nodes;

-- what reads a document that must be one raises the same
\set VERBOSITY sqlstate
SELECT * FROM contract.diff('a: {', 'a: 1');
SELECT * FROM contract.diff(repeat('[', 65), 'a: 1');
\set VERBOSITY default
SELECT * FROM contract.diff('a: {', 'a: 1');
SELECT * FROM contract.diff(repeat('[', 65), 'a: 1');

-- which plain scalars are strings: those that are the same in quotes
CREATE FUNCTION document(value text) RETURNS text
LANGUAGE sql AS $$SELECT format(E'apiVersion: v3.1.0\nkind: DataContract\nid: x\nversion: 1.0.0\nstatus: active\ncustomProperties:\n- property: p\n  value: %s\n', value)$$;
CREATE FUNCTION same(one text, other text) RETURNS boolean
LANGUAGE sql AS 'SELECT NOT EXISTS (SELECT FROM contract.diff(document(one), document(other)))';
SELECT same(plain, quote_literal(plain)) AS string, string_agg(plain, '  ' ORDER BY n) AS plain
FROM regexp_split_to_table('~ null Null NULL nULL none true True FALSE tRUE yes No on OFF y n
	0 7 -1 +12 -0 00 007 -01 1_000 0x1F 0X1F -0x1 0x 0xG 0o17 0o8 0o 0b1 12:30 12:30:00 190:20:30
	1.10 -.5 +5. . + .e1 1e3 1E+3 1e-3 1e 1e+ 1.5e3x 01.5 0.5 1.2.3 1__0.5 .inf -.Inf +.INF .iNF .nan .NaN -.nan inf nan
	2026-11-20 2026-11-20T10:00:00Z v3.1.0 = a é', '\s+') WITH ORDINALITY AS p (plain, n)
GROUP BY 1 ORDER BY 1;
SELECT same('~', 'null'), same('', 'null'), same('TRUE', 'true'), same('true', 'false'), same('1', '01'), same('1.0', '1.00'), same('0x10', '16');
SELECT same('!!str 1', '"1"'), same('!!int "1"', '1'), same('!!float 1', '1'), same('!!float "1.5"', '1.5'), same('!!bool "true"', 'true'),
	same('!!null ""', 'null'), same('!!seq [1]', '[1]'), same('!!map {a: 1}', '{a: 1}'), same('!<tag:yaml.org,2002:str> no', '"no"');

-- the same in other words
SELECT same('[1, "x", {a: b, c: []}]', E'\n  - 1\n  - x\n  -\n    c: []\n    "a": ''b''');
SELECT same(E'|\n    a\n     b\n\n    c', E'"a\\n b\\n\\nc\\n"'), same(E'|-\n    a\n    b', E'"a\\nb"'), same(E'|+\n    a\n', E'"a\\n\\n"'),
	same(E'>\n    a\n    b\n\n    c\n', E'"a b\\nc\\n"'), same(E'|2\n      a\n', E'"  a\\n"');
SELECT same(E'"a\\tb\\u20ac\\x41\\U0001F600\\"\\\\\\/"', E'|-\n    a\tb€A😀"\\/'), same(E'''it''''s\n    so\n\n    on''', E'"it''s so\\non"'),
	same('a # b', 'a'), same('a# b', '"a# b"');
SELECT same('[&a [1, 2], *a, &a 3, *a, {*a : *a}]', '[[1, 2], [1, 2], 3, 3, {3: 3}]');
SELECT same('{"a":1,"b":{"c":[null,true,-1.5e-3,"\n"]}}', E'\n    a: 1\n    b:\n      c: [~, true, -1.5e-3, "\\n"]');
SELECT bool_and(same(replace('[1,{a: $},"c"]', '$', word), replace('[1, {a: "$"}, c]', '$', word)))
FROM unnest('{http://x.y/z,a:b,a-b,"a b",x&y,x*y,x!y,50%,a@b,a?b}'::text[]) AS word;

-- writing: what a reader of YAML 1.1 or 1.2 would take for something else is quoted, several lines are a block
CREATE TABLE written ();
DO $$
DECLARE c record;
BEGIN
	FOR c IN SELECT format('c%s', to_char(n, 'FM00')) AS name, comment
	FROM unnest(ARRAY['no', 'Y', '1', '1.10', '014', '0o17', '0b1', '1_000', '1e3', '.inf', '12:30', '2026-11-20', '2026-11-20 10:00:00', '~', 'null', 'true', '<<', '=',
	'plain', 'two words', 'a: b', 'a #b', '- a', '[a', '{a', '*a', '&a', '!a', '|', '@a', '%a', ' a', 'a ', 'it''s', '"a"', '---', '...', 'http://x.y/?a=b#c', 'é€',
	E'a\tb', E'a\u00a0b', E'a\u0085b', E'a\u2028b', U&'\+01F600', E'a\u0001b', E'one\n  two\n\nthree', E'one\ntwo\n', E'one\n\n', E' one\ntwo', E'\none', E'one \ntwo', E'one\r\ntwo',
	E'# one\n--- two', repeat('long ', 40)])
	WITH ORDINALITY AS c (comment, n)
	LOOP
		EXECUTE format('ALTER TABLE written ADD %1$I int; COMMENT ON COLUMN written.%1$I IS %2$L', c.name, c.comment);
	END LOOP;
END $$;
\pset format unaligned
\pset tuples_only
SELECT line
FROM regexp_split_to_table(contract.infer('written'), '\n') WITH ORDINALITY AS l (line, n)
WHERE line !~ '^ *(- )?(name|logicalType|physicalType|physicalName|schema|kind|apiVersion|id|version|status|properties|servers?|type|host|port|database):'
ORDER BY n;
\pset format aligned
\pset tuples_only
SELECT * FROM contract.lint(contract.infer('written'));
DROP TABLE written;

-- what would be slow if it was not refused, or not read in linear time
SELECT "column", message FROM refused(repeat('[', 1000000));
SELECT line, "column", message FROM refused(repeat(E'{a:\n', 250000));
SELECT "column", message FROM refused(repeat('- ', 500000));
SELECT "column", message FROM refused(repeat('? ', 500000));
SELECT line, message FROM refused(repeat(E'a: &a\n', 150000));
SELECT line, message FROM refused(repeat(E'- &a\n', 200000));
SELECT line, message FROM refused(E'- &a x\n' || repeat(E'- *a\n', 200000));
SELECT line, message FROM refused((SELECT string_agg('- &a' || n || E' x\n', '' ORDER BY n) FROM generate_series(1, 80000) n) || '- *a0');
SELECT line, message FROM refused('- &a ' || repeat('x', 200000) || E'\n' || repeat(E'- *a\n', 100000));
SELECT line, "column", message FROM refused(E'a0: &a0 [x,x,x,x,x,x,x,x,x]\n' ||
	(SELECT string_agg(format(E'a%s: &a%s [*a%s,*a%3$s,*a%3$s,*a%3$s,*a%3$s,*a%3$s,*a%3$s,*a%3$s,*a%3$s]\n', n, n, n - 1), '' ORDER BY n)
	FROM generate_series(1, 20) n));
SELECT line, message FROM refused((SELECT string_agg('k' || n || E': 1\n', '' ORDER BY n DESC) FROM generate_series(1, 49000) n) || 'k1: 2');
SELECT line, message FROM refused((SELECT string_agg(repeat('k', 900) || n || E': 1\n', '' ORDER BY n) FROM generate_series(1, 1000) n) ||
	repeat('k', 900) || '1: 1');
SELECT line, message FROM refused(repeat(E'---\n', 250000));
SELECT line, message FROM refused((SELECT string_agg('%TAG !t' || n || E'! tag:x,\u2028', '') FROM generate_series(1, 40000) n) || '--- 1');
SELECT line, "column", message FROM refused('"' || repeat(E'\n', 1000000));
SELECT line, "column", message FROM refused(E'a: |\n' || repeat(E' \n', 500000) || '*');

DROP FUNCTION refused(text), same(text, text), document(text);
