# pg_upgrade, to the same version: contracts, history and quarantine go along, and everything works afterwards.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my @init = (extra => [ '--locale=C', '--encoding=UTF8' ]);
my $old = PostgreSQL::Test::Cluster->new('old');
$old->init(@init);
plan skip_all => 'this server has no pg_upgrade' unless -x $old->config_data('--bindir') . '/pg_upgrade';
my $new = PostgreSQL::Test::Cluster->new('new');
$new->init(@init);
# pg_upgrade starts the servers itself, with their own files: both have to find the extension.
$_->append_conf('postgresql.conf', ($ENV{PGC_EXTRA_CONF} // '') . "\nmax_prepared_transactions = 10
	shared_preload_libraries = 'pg_contract'\npg_contract.naptime = '100ms'") for ($old, $new);

sub upgrade_ok
{
	my ($from, $to, $name, @options) = @_;
	my $bindir = $from->config_data('--bindir');

	# pg_upgrade writes into the current folder.
	chdir $PostgreSQL::Test::Utils::tmp_check or die "could not chdir: $!";
	my $ok = command_ok([ "$bindir/pg_upgrade", '--no-sync', '-d', $from->data_dir, '-D', $to->data_dir, '-b', $bindir, '-B', $bindir,
			'-s', $from->host, '-p', $from->port, '-P', $to->port, @options ], $name);
	unless ($ok)
	{
		for my $log (glob($to->data_dir . '/pg_upgrade_output.d/*/log/*.log'), glob('*.log'))
		{
			diag "$log: " . join "\n", grep { /error|fatal|fail/i } split /\n/, slurp_file($log);
		}
	}
	return;
}

$old->start;
$old->safe_psql('postgres', 'CREATE DATABASE warehouse; CREATE DATABASE "sec ond"; CREATE DATABASE plain');
$old->safe_psql('warehouse', q{
	CREATE EXTENSION pg_contract;
	CREATE TABLE orders (gone text, id int PRIMARY KEY, amount numeric, email text, note text);
	ALTER TABLE orders DROP COLUMN gone;
	CREATE TABLE items (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n int, double int GENERATED ALWAYS AS (n * 2) STORED);
	CREATE TABLE events (at date, kind text, n int) PARTITION BY RANGE (at);
	CREATE TABLE events_old PARTITION OF events FOR VALUES FROM ('2000-01-01') TO ('2020-01-01');
	CREATE TABLE events_new (n int, dropped int, kind text, at date);
	ALTER TABLE events_new DROP COLUMN dropped;
	ALTER TABLE events ATTACH PARTITION events_new FOR VALUES FROM ('2020-01-01') TO ('2040-01-01');
	CREATE UNLOGGED TABLE cache (id int);
	CREATE TABLE towns (id int);
	CREATE FUNCTION is_even(n int) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT n % 2 = 0';
	CREATE FUNCTION n_of(wanted int) RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT n FROM items WHERE id = wanted; END;
	CREATE FUNCTION double_of(wanted int) RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT double FROM items WHERE id = wanted; END;
	CREATE VIEW doubled AS SELECT double_of(n) AS double, id FROM items;
	SELECT contract.describe('orders', owner => 'sales', version => '1.2.0', contract_id => 'shop');
	SELECT contract.pii('orders', 'email', 'email');
	SELECT contract.between('orders', 'amount', 0, 1000, on_violation => 'quarantine');
	SELECT contract.matches('orders', 'email', '^[^@ ]+@[^@ ]+$');
	SELECT contract.not_null('orders', 'note', on_violation => 'reject', filter => 'id > 1000');
	SELECT contract.satisfies('items', 'public.is_even(n)', on_violation => 'quarantine');
	SELECT contract.between('items', 'double', 0, 100, on_violation => 'reject');
	SELECT contract.describe('events', write_path => 'oltp');
	SELECT contract.accepted_values('events', 'kind', '{new,paid}');
	SELECT contract.between('events', 'n', 0, 10, on_violation => 'quarantine');
	SELECT contract.not_null('cache', 'id');
	INSERT INTO orders SELECT n, CASE n % 10 WHEN 0 THEN -1 ELSE n END, CASE n % 7 WHEN 0 THEN 'broken' ELSE 'a@b' END
		FROM generate_series(1, 100) n;
	INSERT INTO items (n) SELECT n FROM generate_series(1, 10) n;
	INSERT INTO events SELECT date '2019-06-01' + n, CASE n % 3 WHEN 0 THEN 'odd' ELSE 'new' END, n % 12 FROM generate_series(1, 400) n;
	INSERT INTO cache VALUES (NULL), (1);
	ALTER TABLE orders RENAME COLUMN note TO remark;
	SELECT count(*) FROM contract.apply(E'apiVersion: v3.1.0\nkind: DataContract\nid: places\nversion: 1.0.0\nstatus: active\n'
		'schema:\n- name: towns\n  properties:\n  - {name: id, required: true}\n- name: later\n  properties:\n  - {name: id, required: true}');
	SELECT * FROM contract.check('orders');
	SELECT * FROM contract.check('events')});
$old->safe_psql('sec ond', q{CREATE SCHEMA "Sales Data"; CREATE EXTENSION pg_contract; CREATE TABLE "Sales Data"."T 1" ("A b" int PRIMARY KEY);
	SELECT contract.between('"Sales Data"."T 1"', 'A b', 0, 10, on_violation => 'quarantine');
	INSERT INTO "Sales Data"."T 1" VALUES (1), (11)});
$old->safe_psql('plain', 'CREATE TABLE t (id int)');

my %state = (
	rules => 'SELECT * FROM contract.rules ORDER BY dataset, rule',
	scorecard => 'SELECT * FROM contract.scorecard ORDER BY dataset',
	violations => 'SELECT * FROM contract.violations ORDER BY id',
	results => 'SELECT * FROM contract.results ORDER BY run_id, rule',
	quarantined => 'SELECT * FROM contract.quarantined ORDER BY id',
	annotations => 'SELECT * FROM contract.column_annotation ORDER BY dataset_id, column_name',
	documents => 'SELECT * FROM contract.contract_version ORDER BY version_id',
	datasets => 'SELECT * FROM contract.dataset ORDER BY dataset_id',
	bindings => 'SELECT dataset_id, relid::regclass, attnums, attnames FROM contract.binding ORDER BY dataset_id',
	'event triggers' => "SELECT evtname, evtevent, evtenabled FROM pg_event_trigger ORDER BY evtname",
	triggers => q{SELECT tgrelid::regclass, tgname, tgenabled, pg_get_triggerdef(oid) FROM pg_trigger
		WHERE NOT tgisinternal ORDER BY tgrelid::regclass::text, tgname},
	'dependencies' => q{SELECT count(*) FROM pg_depend d JOIN pg_extension e ON d.refobjid = e.oid
		AND d.refclassid = 'pg_extension'::regclass WHERE e.extname = 'pg_contract'},
	configuration => q{SELECT c::regclass FROM pg_extension, unnest(extconfig) c WHERE extname = 'pg_contract' ORDER BY c::regclass::text});
my %before;
for my $database ('warehouse', 'sec ond')
{
	$before{$database}{$_} = $old->safe_psql($database, $state{$_}) for keys %state;
}
cmp_ok($old->safe_psql('warehouse', 'SELECT count(*) FROM contract.quarantined'), '>', 10, 'rows in quarantine');
my $definitions = "SELECT source_column, target_table, target_column, subtype, hop FROM contract.lineage
	WHERE executions IS NULL ORDER BY target_table, target_column, source_column, subtype, hop";
my $lineage = $old->safe_psql('warehouse', $definitions);
like($lineage, qr/double\|double_of\(integer\)\|double_of\|identity\|base/, 'lineage of functions');
my $audit = "SELECT rule, kind, columns, status, considered, failed, expected, message FROM contract.check('%s') ORDER BY rule";
my %audit = map { $_ => $old->safe_psql('warehouse', sprintf $audit, $_) } ('orders', 'items', 'events');
$before{warehouse}{$_} = $old->safe_psql('warehouse', $state{$_}) for keys %state;
$old->stop;

upgrade_ok($old, $new, 'pg_upgrade --check', '--check');
upgrade_ok($old, $new, 'pg_upgrade');
$new->start;

for my $database ('warehouse', 'sec ond')
{
	for my $what (sort keys %state)
	{
		# An unlogged table comes along too: the server was stopped properly.
		ok($new->safe_psql($database, $state{$what}) eq $before{$database}{$what}, "$database: same $what")
		  or diag $new->safe_psql($database, $state{$what}), "\nexpected:\n", $before{$database}{$what};
	}
}
is($new->safe_psql('warehouse', sprintf $audit, $_), $audit{$_}, "check('$_') is the same") for sort keys %audit;

# So do the workers, which pg_upgrade itself did without.
ok($new->poll_query_until($_, "SELECT count(*) = 2 FROM contract.workers WHERE database = current_database() AND last_run IS NOT NULL"),
	"$_: the workers know it") for ('warehouse', 'sec ond');

# Functions have other OIDs now: what is known of them is derived anew.
ok($new->poll_query_until('warehouse', "SELECT x.digest = c.system_identifier
	FROM contract.lineage_derived x, pg_control_system() c WHERE x.classid = 0"), 'the worker derives functions');
is($new->safe_psql('warehouse', $definitions), $lineage, 'lineage of definitions is the same');

# Everything works.
sub run { return $new->safe_psql('warehouse', $_[0]) }
my $highest = run('SELECT max(id) FROM contract.violations');
run("INSERT INTO orders VALUES (2001, 5, 'broken', 'n'), (2002, -5, 'a\@b', 'n'); INSERT INTO items (n) VALUES (12), (13);
	INSERT INTO events VALUES ('2030-01-01', 'odd', 6), ('2001-01-01', 'new', 11); INSERT INTO cache VALUES (NULL)");
is(run("SELECT dataset, rule, \"row\"->>'email' FROM contract.violations WHERE id > $highest AND action = 'warn' ORDER BY dataset, rule"),
	"public.cache|not_null_id|\npublic.events|accepted_values_kind|\npublic.orders|matches_email|***", 'writes are recorded, with new ids');
is(run("SELECT dataset, count(*) FROM contract.quarantined WHERE id > (SELECT max(id) - 3 FROM contract.quarantined) GROUP BY 1 ORDER BY 1"),
	"public.events|1\npublic.items|1\npublic.orders|1", 'diverted');
my ($rc, $stdout, $stderr) = $new->psql('warehouse', "INSERT INTO orders VALUES (2003, 5, 'a\@b', NULL)");
like($stderr, qr/violates contract rule "not_null_note"/, 'and refused');
run("ALTER TABLE orders RENAME COLUMN amount TO total; ALTER TABLE orders ALTER COLUMN total TYPE float8; ALTER TABLE orders RENAME TO purchases;
	BEGIN; ALTER TABLE items RENAME TO items_old; CREATE TABLE items (id int, n int, double int); COMMIT;
	INSERT INTO items VALUES (1, 1, 2)");
is(run("SELECT dataset, rule, columns FROM contract.rules WHERE dataset = 'public.purchases' ORDER BY rule"),
	"public.purchases|between_amount|{total}\npublic.purchases|matches_email|{email}\npublic.purchases|not_null_note|{remark}",
	'renames are followed');
is(run("SELECT count(*) FROM contract.quarantined WHERE dataset = 'public.items' AND \"row\"->>'id' = '1'"), 2, 'and a swap');
is(run("SELECT contract.repair((SELECT min(id) FROM contract.quarantined WHERE dataset = 'public.purchases'), '{\"total\": 1}')"), '{}', 'repaired');
is(run("SELECT count(*) FROM contract.release('purchases') WHERE released"), 1, 'and released');
is(run("SELECT contract.not_null('purchases', 'total'), contract.drop_rule('public.purchases', 'matches_email')"), 'not_null_total|',
	'rules come and go');
run('CREATE TABLE later (id int); INSERT INTO later VALUES (NULL)');
is(run("SELECT rule, source FROM contract.violations WHERE dataset = 'public.later'"), 'not_null_id|write',
	'a document gets the table that it waits for');
is(run("SELECT a.message ~ '^(\\d+) of \\1 rules' FROM contract.history('places') h, contract.apply(document) a"), 't',
	'and applied again it changes nothing');
is(run('SELECT count(*) FROM contract.scorecard WHERE problem IS NOT NULL'), 0, 'no problem');

# pg_dump of the new cluster, restored, and DROP EXTENSION.
my $dump = $PostgreSQL::Test::Utils::tmp_check . '/upgraded.sql';
$new->command_ok([ 'pg_dump', '-f', $dump, 'warehouse' ], 'pg_dump after the upgrade');
$new->safe_psql('postgres', 'CREATE DATABASE copy');
$new->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-f', $dump, 'copy' ], 'restored');
is($new->safe_psql('copy', $state{rules}), run($state{rules}), 'with the same rules');
run('DROP EXTENSION pg_contract');
is(run("SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'zz_contract%'"), 0, 'DROP EXTENSION leaves no trigger');
$new->safe_psql('plain', 'CREATE EXTENSION pg_contract');
is($new->safe_psql('plain', "SELECT contract.not_null('t', 'id')"), 'not_null_id', 'CREATE EXTENSION elsewhere');
$new->stop;

done_testing();
