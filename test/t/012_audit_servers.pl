# Audits after a crash and after a restore, in read-only transactions, on a standby while it replays, and after it was promoted.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1, extra => [ '--locale=C', '--encoding=UTF8' ]);
$primary->append_conf('postgresql.conf', $ENV{PGC_EXTRA_CONF} // '');
$primary->append_conf('postgresql.conf', "autovacuum = off
	hot_standby_feedback = on
	max_standby_streaming_delay = -1
	min_parallel_table_scan_size = 0
	max_parallel_maintenance_workers = 0
	max_prepared_transactions = 2
	log_statement = none");
$primary->start;

my @tables = ('orders', 'parts');
my $rules = "(VALUES ('amount', amount BETWEEN 0 AND 900), ('name', name IS NOT NULL)) r (rule, good)";

sub plain_sql
{
	my ($table) = @_;
	return "SELECT rule, count(*), count(*) FILTER (WHERE NOT good) FROM $table, LATERAL $rules GROUP BY 1 ORDER BY 1";
}

sub check
{
	my ($table, $mode) = @_;
	return "SELECT rule, considered, failed FROM contract.check('$table', mode => '" . ($mode // 'auto') . "') ORDER BY rule";
}

# A first audit may set hint bits, which changes pages where hint bits are logged.
sub is_remembered
{
	my ($node, $what, $database) = @_;
	executors($node, '', $database);
	is(executors($node, '', $database), "incremental\nincremental", $what);
	return;
}

# The audit of each table counts what plain SQL counts, under one snapshot; returns what the server said meanwhile.
sub compare
{
	my ($node, $what, $settings, $database) = @_;
	my $said = '';

	for my $table (@tables)
	{
		my ($rc, $stdout, $stderr) = $node->psql($database // 'postgres', ($settings // '') . 'BEGIN ISOLATION LEVEL REPEATABLE READ;'
			  . plain_sql($table) . "; SELECT '--';" . check($table) . '; COMMIT');
		my ($sql, $audit) = split /^--\n/m, $stdout;
		s/\s*\z// for $sql, $audit;
		is($audit // $stderr, $sql, "$what: $table");
		$said .= $stderr;
	}
	return $said;
}

sub executors
{
	my ($node, $settings, $database) = @_;
	return $node->safe_psql($database // 'postgres', ($settings // '') . join ';', map { "SELECT DISTINCT executor FROM contract.check('$_')" } @tables);
}

sub stored { return $_[0]->safe_psql($_[1] // 'postgres', 'SELECT (SELECT count(*) FROM contract.run), (SELECT count(*) FROM contract.result), (SELECT count(*) FROM contract.violation)') }

$primary->safe_psql('postgres', "CREATE EXTENSION pg_contract;
	CREATE TABLE orders (id int PRIMARY KEY, amount int, name text);
	CREATE TABLE parts (id int, amount int, name text) PARTITION BY RANGE (id);
	CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (5000);
	CREATE TABLE parts_2 PARTITION OF parts DEFAULT;");
for my $table (@tables)
{
	$primary->safe_psql('postgres', "INSERT INTO $table SELECT n, n % 1000, NULLIF('name ' || n % 70, 'name 3') FROM generate_series(1, 20000) n;
		SELECT contract.between('$table', 'amount', 0, 900, name => 'amount', on_violation => 'audit');
		SELECT contract.not_null('$table', 'name', name => 'name', on_violation => 'audit')");
}

# Crashes: of an open transaction, of an audit that was not committed, of one whose commit may not have reached the disk.
compare($primary, 'first audit');
my @open = map { $primary->background_psql('postgres') } 1 .. 2;
$open[0]->query_safe('BEGIN; UPDATE orders SET amount = -1 WHERE id % 500 = 0; DELETE FROM parts WHERE id % 400 = 0;');
compare($primary, 'before a crash');
$open[1]->query_safe("BEGIN; INSERT INTO orders VALUES (-1, -1, NULL);" . check('orders'));
$primary->safe_psql('postgres', 'CHECKPOINT');
$primary->safe_psql('postgres', "UPDATE orders SET name = NULL WHERE id = 7; SET synchronous_commit = off;" . check('orders'));
$primary->stop('immediate');
eval { $_->quit } for @open;
$primary->start;
compare($primary, 'after a crash');
is_remembered($primary, 'and later audits remember');

# Nor do others wait for an audit in a prepared transaction, which keeps what it remembers to itself until it is committed.
$primary->safe_psql('postgres', "TRUNCATE contract.audit_state, contract.audit_part; BEGIN;" . check('orders') . "; PREPARE TRANSACTION 'audit'");
compare($primary, 'an audit is prepared');
is((split /\n/, executors($primary))[0], 'heap', 'and keeps its memory');
$primary->safe_psql('postgres', "COMMIT PREPARED 'audit'");
is((split /\n/, executors($primary))[0], 'incremental', 'until it is committed');
compare($primary, 'it is committed');

# A read-only transaction.
my $before = stored($primary);
my $said = compare($primary, 'read-only', 'SET default_transaction_read_only = on;');
like($said, qr/NOTICE:  the results for "public.orders" are returned only, not stored\nDETAIL:  The transaction is read-only./, 'it is said that nothing is stored');
is(stored($primary), $before, 'and nothing is');
$said = compare($primary, 'read-only in parallel', 'SET default_transaction_read_only = on; SET max_parallel_maintenance_workers = 2;');

# A standby that replays.
$primary->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'copy', has_streaming => 1);
$standby->start;
$before = stored($primary);
my $folder = PostgreSQL::Test::Utils::tempdir;
append_to_file("$folder/write", '\set id random(1, 20000)
	BEGIN; UPDATE orders SET amount = CASE WHEN random() < 0.5 THEN -1 ELSE 5 END WHERE id = :id;
	UPDATE parts SET name = CASE WHEN random() < 0.5 THEN NULL ELSE \'n\' END WHERE id = :id; COMMIT;');
append_to_file("$folder/vacuum", 'VACUUM orders; VACUUM (FREEZE) parts;');
my ($out, $err) = ('', '');
my $load = IPC::Run::start(
	[ 'pgbench', '-n', '-c', 3, '-T', 3, '--max-tries=100', '-h', $primary->host, '-p', $primary->port,
		'-f', "$folder/write\@30", '-f', "$folder/vacuum\@1", 'postgres' ], '>', \$out, '2>', \$err);
my $rounds = 0;
while ($load->pumpable)
{
	$said = compare($standby, 'standby under load', 'SET max_parallel_maintenance_workers = ' . ($rounds++ % 3) . ';');
	$load->pump_nb;
}
ok($load->finish, 'pgbench') or diag $err;
cmp_ok($rounds, '>', 2, 'some audits while the standby replayed');
like($said, qr/NOTICE:  the results for "public.parts" are returned only, not stored\nDETAIL:  This server is a standby./, 'it is said that nothing is stored');
$primary->safe_psql('postgres', "CREATE UNLOGGED TABLE scratch (id int); INSERT INTO scratch VALUES (1); SELECT contract.between('scratch', 'id', 5, 6)");
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
is($standby->safe_psql('postgres', "SELECT status, message FROM contract.check('scratch')"),
	'error|could not be evaluated: cannot access temporary or unlogged relations during recovery',
	'an unlogged table has no rows to audit on a standby');
is($standby->safe_psql('postgres', check($_)), $primary->safe_psql('postgres', plain_sql($_)), "$_: the standby says what the primary says") for @tables;
is(executors($standby, 'SET max_parallel_maintenance_workers = 2;'), "heap\nparallel heap", 'workers on the standby');
is(stored($standby), $before, 'nothing was stored');

# What the primary remembers is worth nothing on another timeline.
compare($primary, 'before the promotion');
is_remembered($primary, 'the primary remembers');
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
$primary->stop;
$standby->promote;
is(executors($standby), "heap\nheap", 'promoted, the standby reads everything once');
is_remembered($standby, 'and remembers then');
$standby->safe_psql('postgres', 'UPDATE orders SET amount = -1 WHERE id % 100 = 0; UPDATE parts SET name = NULL WHERE id % 100 = 0');
compare($standby, 'promoted');

# What is remembered is not dumped.
$standby->safe_psql('postgres', 'CREATE DATABASE restored');
$standby->run_log([ 'pg_dump', '-d', $standby->connstr('postgres'), '-f', "$folder/dump.sql" ]);
is($standby->psql('restored', "\\i $folder/dump.sql", on_error_stop => 1), 0, 'restored');
is($standby->safe_psql('restored', 'SELECT (SELECT count(*) FROM contract.audit_state), (SELECT count(*) FROM contract.audit_part)'), '0|0', 'without memory');
is(executors($standby, '', 'restored'), "heap\nheap", 'the first audit reads everything');
is_remembered($standby, 'later ones do not', 'restored');
compare($standby, 'restored', '', 'restored');

# A copied database has the memory of the other, about files of its own.
$standby->safe_psql('template1', 'CREATE DATABASE copied TEMPLATE restored');
$standby->safe_psql('copied', 'UPDATE orders SET amount = -1 WHERE id % 90 = 0');
$standby->safe_psql('restored', 'UPDATE orders SET amount = -1 WHERE id % 80 = 0');
compare($standby, "copied or not: $_", '', $_) for 'copied', 'restored';

$standby->stop;
unlike(slurp_file($_->logfile), qr/WARNING|PANIC|TRAP/, 'no warning in the log') for $primary, $standby;
done_testing();
