# pg_dump and pg_restore carry contracts, history and quarantine; half a restore is noticed.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--locale=C', '--encoding=UTF8' ]);
$node->append_conf('postgresql.conf', $ENV{PGC_EXTRA_CONF} // '');
$node->start;
my $folder = PostgreSQL::Test::Utils::tempdir();

sub run { return $node->safe_psql(@_) }

# Runs a program; everything it says on stderr is unexpected.
sub quiet_ok
{
	my ($name, @command) = @_;
	my ($stdout, $stderr) = ('', '');
	my $ok = IPC::Run::run([ $node->installed_command($command[0]), @command[ 1 .. $#command ] ],
		'>', \$stdout, '2>', \$stderr, init => sub { $ENV{PGHOST} = $node->host; $ENV{PGPORT} = $node->port });

	ok($ok, $name);
	is($stderr, '', "$name: without a warning");
	return;
}

# Like is(), for long texts: shows the lines that only one of them has.
sub same
{
	my ($got, $expected, $name) = @_;
	my %got = map { $_ => 1 } split /\n/, $got;
	my %expected = map { $_ => 1 } split /\n/, $expected;

	return if ok($got eq $expected, $name);
	my @lines = split /\n/, $expected;
	for my $line (split /\n/, $got)
	{
		my $other = shift @lines // '';
		next if $line eq $other;
		diag "first difference: $line";
		diag "          against: $other";
		last;
	}
	diag "only got: $_" for grep { defined } (grep { !$expected{$_} } split /\n/, $got)[ 0 .. 3 ];
	diag "only expected: $_" for grep { defined } (grep { !$got{$_} } split /\n/, $expected)[ 0 .. 3 ];
	return;
}

sub quiet_psql_ok
{
	my ($name, $database, $file) = @_;

	quiet_ok($name, 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-d', $database, '-f', $file);
	return;
}

run('postgres', 'CREATE DATABASE source');
run('source', q{
	CREATE EXTENSION pg_contract;
	CREATE TABLE orders (gone text, id int PRIMARY KEY, amount numeric, also_gone int, email text, region text, note text);
	ALTER TABLE orders DROP COLUMN gone;
	ALTER TABLE orders DROP COLUMN also_gone;
	CREATE SCHEMA "Sales Data";
	CREATE TABLE "Sales Data"."Odd ""Name""" (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "Va lue" int,
		double int GENERATED ALWAYS AS ("Va lue" * 2) STORED);
	CREATE TABLE events (at date, kind text, n int) PARTITION BY RANGE (at);
	CREATE TABLE events_old PARTITION OF events FOR VALUES FROM ('2000-01-01') TO ('2020-01-01');
	CREATE TABLE events_new (n int, kind text, at date);
	ALTER TABLE events ATTACH PARTITION events_new FOR VALUES FROM ('2020-01-01') TO ('2040-01-01');
	CREATE TABLE plain (id int);
	CREATE VIEW report AS SELECT region, count(*) AS n FROM orders GROUP BY region;
	CREATE FUNCTION is_even(n int) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT n % 2 = 0';

	SELECT contract.describe('orders', owner => 'sales', description => 'One row per order', version => '1.2.0', contract_id => 'shop');
	SELECT contract.describe('events', write_path => 'oltp', on_apply => 'warn', contract_id => 'shop');
	SELECT contract.describe('report', description => 'It''s a view');
	SELECT contract.pii('orders', 'email', 'email', 'confidential');
	SELECT contract.describe_column('orders', 'region', description => 'where', tags => '{a,"b c"}');
	SELECT contract.between('orders', 'amount', 0, 1000, on_violation => 'quarantine', tolerance => 0.25);
	SELECT contract.matches('orders', 'email', '^[^@ ]+@[^@ ]+$', filter => 'region <> ''XX''', severity => 'warning');
	SELECT contract.not_null('orders', 'note', on_violation => 'reject', filter => 'id > 1000', description => 'a "note"');
	SELECT contract.satisfies('orders', 'amount < id * 1000 AND length(region) = 2', name => 'odd ''name''');
	SELECT contract.satisfies('"Sales Data"."Odd ""Name"""', 'public.is_even("Va lue")', on_violation => 'quarantine');
	SELECT contract.between('"Sales Data"."Odd ""Name"""', 'double', 0, 100, on_violation => 'reject');
	SELECT contract.accepted_values('events', 'kind', '{new,paid}');
	SELECT contract.between('events', 'n', 0, 10, on_violation => 'quarantine');
	SELECT contract.between('events_new', 'n', 0, 5);
	SELECT contract.between('report', 'n', 0, 1, on_violation => 'audit');

	INSERT INTO orders SELECT n, CASE n % 10 WHEN 0 THEN -1 ELSE n END, CASE n % 7 WHEN 0 THEN 'broken' ELSE 'a@b' END,
		CASE n % 5 WHEN 0 THEN 'XX' WHEN 1 THEN 'long' ELSE 'DE' END FROM generate_series(1, 100) n;
	UPDATE orders SET amount = 5000 WHERE id = 1;
	INSERT INTO "Sales Data"."Odd ""Name""" ("Va lue") VALUES (1), (2), (3), (4);
	INSERT INTO events SELECT date '2019-06-01' + n, CASE n % 3 WHEN 0 THEN 'odd' ELSE 'new' END, n % 12 FROM generate_series(1, 400) n;
	ALTER TABLE orders RENAME COLUMN region TO country;
	ALTER TABLE plain RENAME TO simple;
	SELECT contract.not_null('simple', 'id');
	ALTER TABLE simple RENAME TO simpler;
	INSERT INTO simpler VALUES (NULL);
	CREATE TABLE parcels (gone int, id int, weight numeric, town text);
	ALTER TABLE parcels DROP COLUMN gone;
	SELECT contract.not_blank('parcels', 'town');
	SELECT count(*) FROM contract.apply($$apiVersion: v3.1.0
kind: DataContract
id: 'a "post" of: its own'
version: 1.0.0
status: active # "quoted", 'too'
schema:
- name: parcels
  properties:
  - name: id
    physicalType: integer
    required: true
  - name: weight
    description: in kg
    tags: [a, "b c"]
    logicalType: number
    logicalTypeOptions: {maximum: 30}
$$);
	SELECT count(*) FROM contract.history('a "post" of: its own') h, contract.apply(replace(replace(h.document, '1.0.0', '1.1.0'), '30', '40'));
	SELECT contract.metric('orders', 'amount', 'avg', maximum => 100);
	SELECT contract.query('orders', 'SELECT id FROM public.orders WHERE amount < 0');
	SELECT * FROM contract.check('orders', profile => true);
	SELECT * FROM contract.check('events');
	SELECT * FROM contract.release('orders');

	CREATE ROLE alice;
	CREATE TABLE hers (id int, amount int);
	ALTER TABLE hers OWNER TO alice;
	SET ROLE alice;
	SELECT contract.satisfies('hers', 'id > 0 AND amount > 0', on_violation => 'reject');
	SELECT contract.row_count('hers', maximum => 0);
});

my %state = (
	rules => 'SELECT * FROM contract.rules ORDER BY dataset, rule',
	scorecard => 'SELECT * FROM contract.scorecard ORDER BY dataset',
	violations => 'SELECT * FROM contract.violations ORDER BY id',
	results => 'SELECT * FROM contract.results ORDER BY run_id, rule',
	counters => q{SELECT metric, labels, value FROM contract.prometheus WHERE metric LIKE '%\_total' ORDER BY 1, 2},
	metrics => 'SELECT * FROM contract.metrics ORDER BY run_id, column_name, metric',
	quarantined => 'SELECT * FROM contract.quarantined ORDER BY id',
	'pii columns' => 'SELECT * FROM contract.pii_columns ORDER BY dataset, column_name',
	annotations => 'SELECT * FROM contract.column_annotation ORDER BY dataset_id, column_name',
	documents => 'SELECT * FROM contract.contract_version ORDER BY version_id',
	contracts => 'SELECT * FROM contract.contract ORDER BY contract_id',
	datasets => 'SELECT * FROM contract.dataset ORDER BY dataset_id',
	triggers => q{SELECT tgrelid::regclass, tgname, tgenabled, pg_get_triggerdef(oid) FROM pg_trigger
		WHERE NOT tgisinternal ORDER BY tgrelid::regclass::text, tgname},
	'trigger dependencies' => q{SELECT count(*) FROM pg_depend d JOIN pg_extension e ON d.refobjid = e.oid
		AND d.refclassid = 'pg_extension'::regclass WHERE d.classid = 'pg_trigger'::regclass AND d.deptype = 'x'});
my @datasets = ('orders', 'events', 'parcels', 'events_new', 'report', 'simpler', '"Sales Data"."Odd ""Name"""');

sub audit
{
	my ($database) = @_;

	return join "\n", map { run($database, 'SELECT rule, kind, columns, status, considered, failed, expected, message'
			  . " FROM contract.check('$_') ORDER BY rule") } @datasets;
}

# The lines of a dump, sorted (heaps do not keep their order), but for what changes from one dump to the next.
sub dump_of
{
	my ($database, @options) = @_;
	my $text = '';

	quiet_ok("pg_dump $database @options", 'pg_dump', '-f', "$folder/$database.sql", @options, $database);
	$text = slurp_file("$folder/$database.sql");
	$text =~ s/^\\(un)?restrict .*$//mg;
	return join "\n", sort split /\n/, $text;
}

run('source', 'CALL contract.tend()');
is(run('source', 'SELECT count(*) FROM contract.scorecard WHERE problem IS NOT NULL'), 0, 'the source has no problem');
is(run('source', 'SELECT count(*) > 0 FROM contract.total'), 't', 'its runs are counted');
cmp_ok(run('source', 'SELECT count(*) FROM contract.quarantined'), '>', 10, 'it has rows in quarantine');
cmp_ok(run('source', 'SELECT count(*) FROM contract.violations'), '>', 100, 'and violations');
my $audit = audit('source');
my $original = dump_of('source');
my %before = map { $_ => run('source', $state{$_}) } keys %state;

# The state of a restored database, and that it works on.
sub check_restored
{
	my ($database, $how) = @_;

	for my $what (sort keys %state)
	{
		same(run($database, $state{$what}), $before{$what}, "$how: same $what");
	}
	like(run($database, q{SELECT a.message FROM (SELECT document FROM contract.history('a "post" of: its own') LIMIT 1) h, contract.apply(h.document) a}),
		qr/^(\d+) of \g1 rules enforced$/, "$how: the document in force changes nothing");
	is(run($database, q{SELECT count(*) > 1 FROM (SELECT replace(document, '1.1.0', '1.1.1') AS document
			FROM contract.history('a "post" of: its own') LIMIT 1) h, contract.apply(h.document) a;
			SELECT string_agg(version, ' ') FROM contract.history('a "post" of: its own')}), "t\n1.1.1 1.1.0 1.0.0",
		"$how: another version can be applied");
	my $highest = run($database, 'SELECT max(id) FROM contract.violations');
	run($database, "INSERT INTO orders VALUES (2001, 5, 'broken', 'DE', 'n'), (2002, -5, 'a\@b', 'DE', 'n');
		INSERT INTO \"Sales Data\".\"Odd \"\"Name\"\"\" (\"Va lue\") VALUES (7), (8);
		INSERT INTO events VALUES ('2030-01-01', 'odd', 6), ('2001-01-01', 'new', 11)");
	is( run($database, "SELECT dataset, rule, action, \"row\"->>'email', id > $highest FROM contract.violations
			WHERE id > $highest AND action = 'warn' ORDER BY dataset, rule"),
		"public.events|accepted_values_kind|warn||t\npublic.events_new|between_n|warn||t\npublic.orders|matches_email|warn|***|t",
		"$how: enforced at once, with new ids");
	is( run($database, "SELECT dataset, count(*) FROM contract.quarantined WHERE id > (SELECT max(id) - 3 FROM contract.quarantined)
			GROUP BY dataset ORDER BY dataset"),
		qq("Sales Data"."Odd ""Name"""|1\npublic.events|1\npublic.orders|1), "$how: diverted");
	my ($rc, $stdout, $stderr) = $node->psql($database, "INSERT INTO orders VALUES (2003, 5, 'a\@b', 'DE', NULL)");
	like($stderr, qr/violates contract rule "not_null_note"/, "$how: refused");
	is(run($database, "SELECT name FROM contract.dataset d LEFT JOIN contract.binding b USING (dataset_id) WHERE b.relid IS DISTINCT FROM name::regclass ORDER BY name"),
		run($database, "SELECT name FROM contract.dataset d WHERE NOT EXISTS (SELECT FROM contract.binding b WHERE b.dataset_id = d.dataset_id) ORDER BY name"),
		"$how: nothing is bound to another relation");
	run($database, "SET pg_contract.ddl_guard = warn; ALTER TABLE orders RENAME COLUMN amount TO total; ALTER TABLE orders RENAME TO purchases;
		SELECT contract.alter_rule('purchases', 'between_amount', on_violation => 'warn');
		SELECT contract.drop_rule('public.purchases', 'not_null_note');
		INSERT INTO purchases VALUES (2004, -1, 'a\@b', 'DE', NULL)");
	is(run($database, "SELECT value, action FROM contract.violations WHERE dataset = 'public.purchases' ORDER BY id DESC LIMIT 1"),
		'-1|warn', "$how: renamed and altered");
	is(run($database, "SELECT count(*) FROM contract.repair((SELECT min(id) FROM contract.quarantined WHERE dataset = 'public.purchases'),
			'{\"total\": 1, \"note\": \"x\"}')") . run($database, "SELECT DISTINCT released FROM contract.release('purchases')"),
		'1t', "$how: the quarantine can be released");
	is(run($database, 'SELECT count(*) FROM contract.scorecard WHERE problem IS NOT NULL'), 0, "$how: no problem");
	run($database, 'DROP EXTENSION pg_contract');
	is(run($database, "SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'zz_contract%'"), 0, "$how: DROP EXTENSION leaves no trigger");
	return;
}

# A table of another role's is enforced as before, and bound to its owner at the next DDL.
sub check_hers
{
	my ($database, $owner, $how) = @_;

	my ($rc, $stdout, $stderr) = $node->psql($database, 'INSERT INTO hers VALUES (0, 0)');
	like($stderr, qr/violates contract rule "satisfies_id_amount"/, "$how: a table of another role is enforced");
	is(run($database, 'SELECT count(*) FROM contract.scorecard WHERE problem IS NOT NULL'), 0, "$how: nothing waits");
	is(run($database, "ALTER TABLE hers ADD COLUMN n int; SELECT author FROM contract.dataset WHERE table_name = 'hers'"), $owner,
		"$how: its rules are the owner's");
	($rc, $stdout, $stderr) = $node->psql($database, 'DROP TABLE hers');
	like($stderr, qr/breaks contract "public\.hers"/, "$how: guarded");
	($rc, $stdout, $stderr) = $node->psql($database, 'DROP TABLE simpler');
	like($stderr, qr/breaks contract "public\.simple/, "$how: guarded, though never bound since");
	return;
}

# Plain.
run('postgres', 'CREATE DATABASE plain');
quiet_psql_ok('restore from a plain dump', 'plain', "$folder/source.sql");
same(dump_of('plain'), $original, 'a dump of the restored database equals the first');
same(audit('plain'), $audit, 'plain: check() is the same');
run('postgres', 'DROP DATABASE plain');
run('postgres', 'CREATE DATABASE plain');
quiet_psql_ok('restore once more', 'plain', "$folder/source.sql");
check_restored('plain', 'plain');

# As INSERTs, with clean up before: into a database that has it all.
run('postgres', 'CREATE DATABASE inserts');
quiet_ok('pg_dump --inserts', 'pg_dump', '--inserts', '--clean', '--if-exists', '-f', "$folder/inserts.sql", 'source');
run('inserts', slurp_file("$folder/source.sql") =~ s/^\\(un)?restrict .*$//mgr);
run('inserts', slurp_file("$folder/inserts.sql") =~ s/^\\(un)?restrict .*$//mgr); # says that DROP TRIGGER disarms
check_restored('inserts', 'inserts');

# Custom, restored by two jobs.
quiet_ok('pg_dump -Fc', 'pg_dump', '-Fc', '-f', "$folder/source.dump", 'source');
run('postgres', 'CREATE DATABASE custom');
quiet_ok('pg_restore -j2', 'pg_restore', '-j2', '-d', 'custom', "$folder/source.dump");
check_restored('custom', 'custom -j2');

# In one transaction.
run('postgres', 'CREATE DATABASE single');
quiet_ok('pg_restore -1', 'pg_restore', '-1', '-d', 'single', "$folder/source.dump");
check_restored('single', 'one transaction');

# For other owners: what bears its triggers is enforced.
run('postgres', 'CREATE DATABASE no_owner');
quiet_ok('pg_restore --no-owner', 'pg_restore', '--no-owner', '-d', 'no_owner', "$folder/source.dump");
check_hers('no_owner', run('no_owner', 'SELECT current_user'), 'no owner');
run('postgres', 'CREATE DATABASE same_owner');
quiet_ok('pg_restore', 'pg_restore', '-d', 'same_owner', "$folder/source.dump");
check_hers('same_owner', 'alice', 'same owner');

# Only the schema.
quiet_ok('pg_dump -s', 'pg_dump', '-s', '-f', "$folder/schema.sql", 'source');
run('postgres', 'CREATE DATABASE schema_only');
quiet_psql_ok('restore of the schema', 'schema_only', "$folder/schema.sql");
my ($rc, $stdout, $stderr) = $node->psql('schema_only', "INSERT INTO orders VALUES (1, 5, 'broken', 'DE', 'n')");
like($stderr, qr/ERROR:  trigger "zz_contract_\d+_\w+" of "orders" belongs to a contract that is not in this database/,
	'schema only: a table with a reject rule refuses writes');
like($stderr, qr/HINT:  .*(Restore|drop)/, 'and says what to do');
($rc, $stdout, $stderr) = $node->psql('schema_only', "INSERT INTO events VALUES ('2030-01-01', 'odd', 6);
	INSERT INTO events VALUES ('2030-01-01', 'odd', 7); INSERT INTO simpler VALUES (NULL)");
is($rc, 0, 'schema only: other tables let rows pass');
is(scalar(() = $stderr =~ /WARNING:/g), 1, 'with one warning a session');
is(run('schema_only', 'SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM simpler)'), '2|1', 'the rows are there');
run('schema_only', 'ALTER TABLE orders ADD COLUMN x int; ALTER TABLE events RENAME COLUMN n TO m;
	TRUNCATE events, simpler');
run('schema_only', "SELECT contract.not_null('simpler', 'id', on_violation => 'reject')");
($rc, $stdout, $stderr) = $node->psql('schema_only', 'INSERT INTO simpler VALUES (NULL)');
like($stderr, qr/violates contract rule "not_null_id"/, 'a contract can be made there anew');
run('schema_only', 'DROP EXTENSION pg_contract CASCADE');
is(run('schema_only', "SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'zz_contract%'"), 0,
	'DROP EXTENSION takes the orphaned triggers, too');

# Without the schema of one table, and without one table.
quiet_ok('pg_dump -T orders', 'pg_dump', '-T', 'orders', '-T', 'report', '-f', "$folder/without.sql", 'source');
run('postgres', 'CREATE DATABASE without');
quiet_psql_ok('restore without a table', 'without', "$folder/without.sql");
same(run('without', $state{rules}), $before{rules}, 'without a table: its rules are there all the same');
is(run('without', "SELECT dataset, status FROM contract.scorecard WHERE problem ~ 'there is no relation' ORDER BY 1"),
	"public.orders|error\npublic.report|error", 'without a table: reported');
run('without', 'CREATE TABLE orders (note text, country text, id int PRIMARY KEY, email text, amount numeric)');
run('without', "INSERT INTO orders VALUES (NULL, 'DE', 1, 'broken', 5), (NULL, 'DE', 2, 'a\@b', -5)");
is(run('without', "SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM contract.violations
		WHERE dataset = 'public.orders' AND at = (SELECT max(at) FROM contract.violations) AND action = 'warn')"),
	'1|1', 'without a table: made there, it is under contract');

# Only one schema: no extension, so the triggers cannot be restored, but the table can.
quiet_ok('pg_dump -n public', 'pg_dump', '-n', 'public', '-f', "$folder/public.sql", 'source');
run('postgres', 'CREATE DATABASE only_public');
run('only_public', 'CREATE EXTENSION pg_contract; DROP SCHEMA public');
quiet_psql_ok('restore of one schema', 'only_public', "$folder/public.sql");
is(run('only_public', 'SELECT (SELECT count(*) FROM orders) = (SELECT count(*) FROM events)'), 'f', 'one schema: its rows are there');
is(run('only_public', 'SELECT count(*) FROM contract.rules'), 0, 'one schema: no rules');
run('only_public', "INSERT INTO simpler VALUES (NULL)");
($rc, $stdout, $stderr) = $node->psql('only_public', "INSERT INTO orders VALUES (1, 5, 'broken', 'DE', 'n')");
like($stderr, qr/belongs to a contract that is not in this database/, 'one schema: a table with a reject rule refuses writes');

# One table, restored where the extension knows another contract.
quiet_ok('pg_dump -t', 'pg_dump', '-t', 'orders', '-t', 'simpler', '-f', "$folder/table.sql", 'source');
quiet_ok('pg_dump -t -s', 'pg_dump', '-s', '-t', 'orders', '-t', 'simpler', '-f', "$folder/table_schema.sql", 'source');
run('postgres', 'CREATE DATABASE other');
run('other', "CREATE EXTENSION pg_contract;
	CREATE TABLE parts (id int PRIMARY KEY, amount int, country text);
	SELECT contract.between('parts', 'amount', 0, 10);
	SELECT contract.not_null('parts', 'country', on_violation => 'reject')");
($rc, $stdout, $stderr) = $node->psql('other', "\\i $folder/table.sql", on_error_stop => 1);
is($rc, 0, 'a dump of two tables into a database with another contract');
($rc, $stdout, $stderr) = $node->psql('other', 'INSERT INTO simpler VALUES (NULL), (NULL); INSERT INTO simpler VALUES (NULL)');
is($rc, 0, 'half a restore: rows of a table without a reject rule pass');
is(scalar(() = $stderr =~ /WARNING:  trigger "zz_contract_\d+_\w+" of "simpler" belongs to a contract that is not in this database/g),
	1, 'half a restore: with one warning a session');
($rc, $stdout, $stderr) = $node->psql('other', "INSERT INTO orders VALUES (3001, 5, 'x', 'DE', 'n')");
like($stderr, qr/ERROR:  trigger .* belongs to a contract that is not in this database\nHINT: /, 'half a restore: reject fails closed');
is(run('other', "SELECT dataset, rules, problem FROM contract.scorecard"), 'public.parts|2|', 'the other contract has no problem');
run('other', "INSERT INTO parts VALUES (1, 50, 'x')");
is(run('other', "SELECT DISTINCT dataset, rule FROM contract.violations"), 'public.parts|between_amount', 'and is enforced, unmixed');
run('other', "SELECT contract.between('orders', 'amount', 0, 10)");
run('other', "INSERT INTO orders VALUES (3001, 50, 'x', 'DE', NULL)");
is(run('other', "SELECT dataset, rule FROM contract.violations ORDER BY id DESC LIMIT 1"), 'public.orders|between_amount',
	'a contract made anew takes over the triggers of the lost one');
is(run('other', "SELECT count(DISTINCT tgargs) FROM pg_trigger WHERE tgrelid = 'orders'::regclass AND tgname LIKE 'zz_contract%'"), 1,
	'and nothing of the lost one is left on the table');

# A dataset of the same number but another name: numbers are made from names, so force it.
run('postgres', 'CREATE DATABASE mixed');
run('mixed', "CREATE EXTENSION pg_contract; CREATE TABLE parts (id int PRIMARY KEY, amount int);
	SELECT contract.between('parts', 'amount', 0, 10, on_violation => 'reject')");
my $number = run('source', "SELECT dataset_id FROM contract.dataset WHERE name = 'public.simpler'");
run('mixed', "BEGIN; SELECT dataset_id AS old FROM contract.dataset \\gset
	ALTER TABLE contract.rule DROP CONSTRAINT rule_dataset_id_fkey;
	UPDATE contract.dataset SET dataset_id = $number; UPDATE contract.rule SET dataset_id = $number;
	UPDATE contract.binding SET dataset_id = $number; COMMIT") if run('mixed', "SELECT count(*) FROM pg_constraint WHERE conname = 'rule_dataset_id_fkey'") eq '1';
run('mixed', "SELECT contract.enforce('parts')");
($rc, $stdout, $stderr) = $node->psql('mixed', slurp_file("$folder/table.sql") =~ s/^\\(un)?restrict .*$//mgr, on_error_stop => 1);
is($rc, 0, 'a table whose contract has the number of another');
($rc, $stdout, $stderr) = $node->psql('mixed', 'INSERT INTO simpler VALUES (NULL)');
is($rc, 0, 'same number: its rows are not judged by the other contract');
like($stderr, qr/WARNING:  trigger .* belongs to a contract that is not in this database/, 'same number: and a warning says so');
($rc, $stdout, $stderr) = $node->psql('mixed', 'INSERT INTO parts VALUES (1, 11)');
like($stderr, qr/violates contract rule/, 'same number: the other table is judged by its own');
is(run('mixed', 'SELECT dataset, problem FROM contract.scorecard'), 'public.parts|', 'same number: no problem');

$node->stop;
done_testing();
