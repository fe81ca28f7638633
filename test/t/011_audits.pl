# Every way to audit counts what plain SQL counts, whatever lies in the table and however it got there.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--locale=C', '--encoding=UTF8' ]);
$node->append_conf('postgresql.conf', $ENV{PGC_EXTRA_CONF} // '');
$node->append_conf('postgresql.conf', "wal_level = replica
	autovacuum = off
	log_statement = none");
$node->start;

sub run { return $node->safe_psql('postgres', $_[0]) }

# Tables, how they are made, and their rules: the call and what a row must not make false, in SQL; perhaps a filter.
my @tables = (
	{
		name => 'toasted',
		make => "CREATE TABLE toasted (id int, note text, inline text, code text);
			ALTER TABLE toasted ALTER note SET STORAGE EXTERNAL, ALTER inline SET STORAGE MAIN;
			INSERT INTO toasted SELECT n, CASE n % 5 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN 'short'
					ELSE (SELECT string_agg(md5(n || '-' || i), '') FROM generate_series(1, 40 * (n % 7)) i) END,
				repeat(chr(97 + n % 3), CASE n % 4 WHEN 0 THEN 5000 ELSE 10 END),
				repeat(CASE n % 3 WHEN 0 THEN 'a b' ELSE 'ab' END, 40000)
			FROM generate_series(1, 200) n;
			UPDATE toasted SET id = -id WHERE id % 3 = 0; DELETE FROM toasted WHERE id % 10 = 1",
		rules => [
			[ "length_between('note', 1, 3000)", 'length(note) BETWEEN 1 AND 3000' ],
			[ "matches('note', '^[a-f0-9]+\$')", "note ~ '^[a-f0-9]+\$'" ],
			[ "not_blank('note')", "note IS NOT NULL AND btrim(note) <> ''" ],
			[ "accepted_values('inline', ARRAY[repeat('a', 5000), 'bbbbbbbbbb'])", "inline IN (repeat('a', 5000), 'bbbbbbbbbb')" ],
			[ "not_matches('code', ' ')", "code !~ ' '", 'id > 100' ] ] },
	{
		name => 'grown',
		make => "CREATE TABLE grown (gone1 int, a smallint, gone2 text, b char(5));
			INSERT INTO grown SELECT n, n % 10, repeat('x', n % 20), 'b' || n % 7 FROM generate_series(1, 500) n;
			ALTER TABLE grown DROP gone1, ADD c bigint, ADD d text DEFAULT 'dear', ADD e int NOT NULL DEFAULT 7;
			INSERT INTO grown SELECT n % 10, NULL, repeat('y', n % 6), n, NULLIF('d' || n % 5, 'd0'), n % 20 FROM generate_series(1, 500) n;
			ALTER TABLE grown DROP gone2, ADD f date, ADD g timestamptz DEFAULT '2024-01-01 00:00+00', ADD h boolean DEFAULT false;
			INSERT INTO grown SELECT 3, 'b', 5, 'dear', 5, date '2024-01-01' + n, now(), n % 2 = 0 FROM generate_series(1, 100) n;
			ALTER TABLE grown ADD i int DEFAULT (random() * 10)::int",
		rules => [
			[ "between('a', 1, 8)", 'a BETWEEN 1 AND 8' ], [ "accepted_values('b', '{b1,b2,b}'::text[])", "b IN ('b1', 'b2', 'b')" ],
			[ "not_null('c')", 'c IS NOT NULL' ], [ "accepted_values('d', '{dear,d1,d2}'::text[])", "d IN ('dear', 'd1', 'd2')" ],
			[ "between('e', 7, 10)", 'e BETWEEN 7 AND 10', 'h IS NOT TRUE' ],
			[ "between('f', '2024-01-10'::date, '2024-02-01'::date)", "f BETWEEN '2024-01-10' AND '2024-02-01'" ],
			[ "between('g', '2024-06-01'::timestamptz, NULL)", "g >= '2024-06-01'" ],
			[ "satisfies('h OR a > 5')", 'h OR a > 5' ], [ "between('i', 0, 5)", 'i BETWEEN 0 AND 5' ] ] },
	{
		name => 'numbers',
		make => "CREATE TABLE numbers (f8 float8, f4 float4, n numeric, m numeric(10,2));
			INSERT INTO numbers SELECT x::float8, x::float4, x::numeric, NULLIF(x, 'infinity')::numeric::numeric(10,2)
			FROM unnest('{0,-0,1,-1,0.1,1e-30,1e30,100,100.001,99.999,NaN,infinity,12345678.9}'::text[]) x WHERE x NOT LIKE '%e30';
			INSERT INTO numbers SELECT '-infinity', '-infinity', '-infinity', NULL FROM generate_series(1, 3);
			INSERT INTO numbers SELECT 1e300, 1e30, 1e300, -5 UNION ALL SELECT NULL, NULL, NULL, NULL",
		rules => [
			(map { my $c = $_; ([ "between('$c', 0, 100)", "$c BETWEEN 0 AND 100" ], [ "between('$c', NULL, 100, exclusive_maximum => true, name => '${c}_high')", "$c < 100" ],
				[ "between('$c', 0, NULL, exclusive_minimum => true, name => '${c}_low')", "$c > 0" ]) } 'f8', 'f4', 'n', 'm'),
			[ "accepted_values('n', '{0,1,NaN,infinity}'::numeric[])", "n IN (0, 1, 'NaN', 'infinity')" ],
			[ "forbidden_values('f8', '{0,NaN}'::float8[])", "f8 NOT IN (0, 'NaN')" ] ] },
	{ name => 'nothing', make => 'CREATE TABLE nothing (a int, b text)', rules => [ [ "not_null('a')", 'a IS NOT NULL' ] ] },
	{
		name => 'dead', make => 'CREATE TABLE dead (a int); INSERT INTO dead SELECT generate_series(1, 5000); DELETE FROM dead',
		rules => [ [ "between('a', 10, 20)", 'a BETWEEN 10 AND 20' ] ] },
	{
		name => 'unlogged', make => 'CREATE UNLOGGED TABLE unlogged (a int); INSERT INTO unlogged SELECT generate_series(1, 5000)',
		rules => [ [ "between('a', 10, 20)", 'a BETWEEN 10 AND 20' ] ], unlogged => 1 },
	{
		name => 'materialized', make => 'CREATE MATERIALIZED VIEW materialized AS SELECT n AS a, NULLIF(n % 7, 0) AS b FROM generate_series(1, 5000) n',
		rules => [ [ "between('a', 10, 20, on_violation => 'audit')", 'a BETWEEN 10 AND 20' ], [ "not_null('b', on_violation => 'audit')", 'b IS NOT NULL' ] ] },
	{
		name => 'parts',
		make => "CREATE TABLE parts (id int, amount numeric, note text, doubled int GENERATED ALWAYS AS (id * 2) STORED) PARTITION BY RANGE (id);
			CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (1000);
			CREATE TABLE parts_2 (gone int, note text, id int, doubled int GENERATED ALWAYS AS (id * 2) STORED, amount numeric) PARTITION BY LIST (note);
			ALTER TABLE parts_2 DROP gone; ALTER TABLE parts ATTACH PARTITION parts_2 FOR VALUES FROM (1000) TO (2000);
			CREATE TABLE parts_2_x (amount numeric, gone text, id int, doubled int GENERATED ALWAYS AS (id * 2) STORED, note text);
			ALTER TABLE parts_2_x DROP gone; ALTER TABLE parts_2 ATTACH PARTITION parts_2_x FOR VALUES IN ('x');
			CREATE TABLE parts_2_y PARTITION OF parts_2 DEFAULT; CREATE TABLE parts_3 PARTITION OF parts DEFAULT;
			CREATE TABLE parts_4 PARTITION OF parts FOR VALUES FROM (3000) TO (4000);
			INSERT INTO parts SELECT n, CASE n % 9 WHEN 0 THEN -n::numeric WHEN 1 THEN 'NaN' WHEN 2 THEN NULL ELSE n END,
				CASE n % 5 WHEN 0 THEN 'x' WHEN 1 THEN NULL ELSE 'note ' || n END FROM generate_series(1, 2500) n",
		rules => [
			[ "between('amount', 0, 1500)", 'amount BETWEEN 0 AND 1500' ], [ "not_null('note')", 'note IS NOT NULL', 'id > 100' ],
			[ "between('doubled', 0, 4500)", 'doubled BETWEEN 0 AND 4500' ], [ "matches('note', '^(x|note 1.*)\$')", "note ~ '^(x|note 1.*)\$'" ] ],
		units => 4 },
	{
		name => 'large',
		make => "CREATE TABLE large (id int, amount int, pad text); ALTER TABLE large ALTER pad SET STORAGE PLAIN;
			INSERT INTO large SELECT n, n % 1000, repeat('p', 1300) FROM generate_series(1, 50000) n",
		rules => [ [ "between('amount', 0, 990)", 'amount BETWEEN 0 AND 990' ], [ "length_between('pad', 1, 10)", 'length(pad) < 10', 'id > 49000' ] ],
		units => 3 });

# The rules of a table by name, and what plain SQL says of them, as check() would print it.
sub make
{
	my ($table) = @_;
	my $name = $table->{name};

	run($table->{make});
	for my $rule (@{ $table->{rules} })
	{
		my ($call, $condition, $filter) = @$rule;
		my $arguments = $filter ? ", filter => '$filter')" : ')';
		$call =~ s/\)$/$arguments/;
		$call =~ s/\(/('$name', /;
		$rule->[3] = run("SELECT contract.$call");
		$rule->[4] = $filter // 'true';
	}
	$table->{rules} = [ sort { $a->[3] cmp $b->[3] } @{ $table->{rules} } ];
	return;
}

sub plain_sql
{
	my ($table) = @_;
	return join "\n", map { run("SELECT '$_->[3]', count(*), count(*) FILTER (WHERE ($_->[1]) IS FALSE) FROM $table->{name} WHERE $_->[4]") } @{ $table->{rules} };
}

# What an audit counts, after some settings; checks the executor, unless it may be any.
sub audit
{
	my ($table, $mode, $settings, $executor, $what) = @_;
	my @lines = split /\n/, run("$settings; SELECT rule, considered, failed, executor FROM contract.check('$table->{name}', mode => '$mode') ORDER BY rule");
	my @executors = map { s/\|([a-z ]+)$// ? $1 : 'none' } @lines;
	my %executors = map { $_ => 1 } @executors;

	is(join(', ', sort keys %executors), $executor, "$what: executor") if $executor;
	return join "\n", @lines;
}

# What contract.tally(contract.evaluate()) counts.
sub tally
{
	my ($table) = @_;
	my $name = $table->{name};
	my @columns = split /\n/, run("SELECT quote_ident(attname) FROM pg_attribute WHERE attrelid = '$name'::regclass AND attnum > 0 AND NOT attisdropped");
	my $names = join ', ', map { "'$_->[3]'" } @{ $table->{rules} };
	my @counts = split /,/, run("SET parallel_setup_cost = 0; SET min_parallel_table_scan_size = 0; SELECT trim('{}' FROM
		contract.tally(contract.evaluate((SELECT dataset_id FROM contract.dataset WHERE table_name = '$name'), ARRAY[$names],
			'{" . join(',', @columns) . "}', " . join(', ', @columns) . "))::text) FROM $name");
	my $i = 0;

	return join "\n", map { $i++; "$_->[3]|" . ($counts[0] - $counts[ 32 + $i ]) . "|$counts[1 + $i]" } @{ $table->{rules} };
}

run('CREATE EXTENSION pg_contract');
for my $table (@tables)
{
	my $name = $table->{name};
	make($table);
	my $expected = plain_sql($table);
	my $parallel = 'SET min_parallel_table_scan_size = 0; SET max_parallel_maintenance_workers =';
	my $remembered = $table->{unlogged} || $expected =~ /\|0\|0/ && $name eq 'nothing' ? 'heap' : 'incremental';

	is(audit($table, 'full', "$parallel 0", 'heap', "$name, full"), $expected, "$name, full");
	is(audit($table, 'incremental', '', $remembered, "$name, incremental"), $expected, "$name, incremental");
	for my $workers (1, 2)
	{
		my $executor = $table->{units} ? 'parallel heap' : 'heap';
		is(audit($table, 'full', "$parallel $workers", $executor, "$name, $workers workers"), $expected, "$name, $workers workers");
		is(audit($table, 'auto', '', $remembered, "$name, after $workers workers"), $expected, "$name, after $workers workers");
	}
	is(tally($table), $expected, "$name, tally");
	next if $name eq 'large';
	is(audit($table, 'sample', "$parallel 0", $remembered, "$name, sample of all pages"), $expected, "$name, sample of all pages");

	# the same rows elsewhere: another file, frozen, the map set
	run("VACUUM FREEZE $name");
	is(audit($table, 'auto', '', undef, "$name, frozen"), $expected, "$name, frozen");
	run("VACUUM FULL $name");
	is(audit($table, 'auto', '', 'heap', "$name, rewritten"), $expected, "$name, rewritten");
}

# Whoever read the rows kept as many of them as were wanted.
is( run("SELECT r.run_id, r.rule, r.failed, count(v.id) FROM contract.result r JOIN contract.run u USING (run_id)
		LEFT JOIN contract.violation v ON v.run_id = r.run_id AND v.rule = r.rule
	WHERE u.executor IN ('heap', 'parallel heap') GROUP BY 1, 2, 3 HAVING count(v.id) <> least(r.failed, 100)"),
	'', 'samples of all failing rules');
is( run("SELECT count(*) FROM (SELECT DISTINCT key, \"row\" FROM contract.violation JOIN contract.run u USING (run_id)
		WHERE u.executor = 'parallel heap' AND rule LIKE 'between_amount' AND \"row\" ? 'pad') v WHERE (\"row\"->>'amount')::int BETWEEN 0 AND 990"),
	0, 'the samples of workers are rows that fail');
cmp_ok(run("SELECT count(*) FROM contract.run WHERE executor = 'parallel heap'"), '==', 4, 'workers were there');

# A sample that is one: of 12,000 pages 1,000 or so.
my ($fraction, $low, $high, $read, $pages) = split /\|/,
  run("SELECT observed->>'failed_fraction', observed->>'low', observed->>'high', observed->>'pages_read', observed->>'pages'
	FROM contract.check('large', mode => 'sample') WHERE rule = 'between_amount'");
cmp_ok($read, '<', $pages / 2, 'a sample reads some pages');
cmp_ok($low, '<=', $fraction, 'its interval');
cmp_ok($fraction, '<=', $high, 'holds what was seen');

$node->stop;
unlike(slurp_file($node->logfile), qr/WARNING|PANIC|TRAP|leak/, 'no warning in the log');
done_testing();
