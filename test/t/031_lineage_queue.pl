# Lineage on its way to the tables: through shared memory to the worker, whoever is restarted, killed or dropped when.
use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 1, extra => [ '--locale=C', '--encoding=UTF8' ]);
$node->append_conf('postgresql.conf', $ENV{PGC_EXTRA_CONF} // '');
$node->append_conf('postgresql.conf', <<'END');
shared_preload_libraries = 'pg_contract'
pg_contract.naptime = '50ms'
pg_contract.track_lineage = all
compute_query_id = on
restart_after_crash = on
END
$node->start;

my $load = 'INSERT INTO target SELECT a, b FROM source WHERE a > 0';

sub run { return $node->safe_psql('postgres', $_[0]) }

# Waits until nothing is in the queue.
sub recorded
{
	my ($database) = @_;

	$node->poll_query_until($database // 'postgres', 'SELECT waiting = 0 FROM contract.lineage_queue()')
	  or die 'lineage was not recorded';
	return;
}

# Waits until a query is true.
sub becomes
{
	my ($sql, $name, $database) = @_;

	return ok($node->poll_query_until($database // 'postgres', $sql), $name);
}

# How often statements that wrote a table ran, and how many rows they wrote.
sub counted
{
	my ($table, $database) = @_;

	recorded($database);
	return $node->safe_psql($database // 'postgres', "SELECT count(*), sum(executions), sum(rows) FROM contract.lineage_statement
		WHERE statement_id IN (SELECT e.statement_id FROM contract.lineage_edge e JOIN contract.lineage_node n ON n.node_id = e.target_id
			WHERE n.table_name = '$table')");
}

# The edges onto a table's columns.
sub edges
{
	my ($table) = @_;

	recorded();
	return run("SELECT string_agg(DISTINCT source_table || '.' || source_column || '>' || target_column
			|| CASE WHEN historic_since IS NULL THEN '' ELSE ' historic' END, ' '
			ORDER BY source_table || '.' || source_column || '>' || target_column
			|| CASE WHEN historic_since IS NULL THEN '' ELSE ' historic' END)
		FROM contract.lineage WHERE target_table = '$table' AND kind = 'direct'");
}

sub workers
{
	my ($number) = @_;

	run("ALTER SYSTEM SET pg_contract.max_workers = $number");
	$node->reload;
	$node->poll_query_until('postgres', "SELECT current_setting('pg_contract.max_workers') = '$number'");
	$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'pg_contract worker'")
	  if $number == 0;
	return;
}

# Changes settings, and restarts the server.
sub restart_with
{
	my (@settings) = @_;

	run("ALTER SYSTEM SET $_") for @settings;
	$node->restart;
	return;
}

run('CREATE EXTENSION pg_contract; CREATE TABLE source (a int, b int); CREATE TABLE target (a int, b int);
	INSERT INTO source SELECT i, i FROM generate_series(1, 5) i');

# One statement: all fields.
run("SET application_name = 'loader'; $load");
becomes("SELECT count(*) = 3 FROM contract.lineage_edge WHERE historic_since IS NULL", 'edges appear');
my $me = run('SELECT current_user');
is(run("SELECT operation, statement, routine, role, application, unresolved, executions, rows, query_id IS NOT NULL,
		first_seen = last_seen AND now() - first_seen < '5 minutes' FROM contract.lineage_statement"),
	"INSERT|INSERT INTO target SELECT a, b FROM source WHERE a > \$1||$me|loader||1|5|t|t", 'and the statement');
is(edges('target'), 'source.a>a source.b>b', 'from which column to which');

# Counting.
run("$load; BEGIN; $load; ROLLBACK; BEGIN; SAVEPOINT s; $load; ROLLBACK TO s; $load; COMMIT");
is(counted('target'), '1|3|15', 'what was rolled back does not count');
$node->pgbench('--no-vacuum --client=4 --transactions=100', 0, [qr/400\/400/], [qr/^$/], 'sessions at the same time',
	{ '031_load' => $load });
is(counted('target'), '1|403|2015', 'each execution counts once');
run("SET application_name = 'later'; $load");
is(counted('target') . run('SELECT application FROM contract.lineage_statement'), '1|404|2020later', 'the application is that of the last');
run("UPDATE contract.lineage_statement SET executions = 9223372036854775806, rows = 9223372036854775806; $load; $load");
is(counted('target'), '1|9223372036854775807|9223372036854775807', 'sums end where numbers do');
run('UPDATE contract.lineage_statement SET executions = 404, rows = 2020');

# Restart and crash: the queue is empty, and statements are learned again.
$node->restart;
is(run('SELECT statements, waiting FROM contract.lineage_queue()'), '0|0', 'a restart empties the queue');
run($load);
is(counted('target'), '1|405|2025', 'the same statement is the same row');
$node->stop('immediate');
$node->start;
run($load);
is(counted('target'), '1|406|2030', 'likewise after a crash');

# A worker that is ended in the middle has recorded nothing; one that comes later does, once.
{
	my $session = $node->background_psql('postgres');

	$session->query_safe('BEGIN; LOCK contract.lineage_statement IN SHARE MODE');
	run("$load; $load; CREATE TABLE fresh AS SELECT a FROM source");
	for my $turn (1 .. 3)
	{
		$node->poll_query_until('postgres', "SELECT count(*) > 0 FROM pg_stat_activity
			WHERE backend_type = 'pg_contract worker' AND wait_event_type = 'Lock'") or die 'no worker waits';
		run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE backend_type = 'pg_contract worker' AND wait_event_type = 'Lock'");
	}
	is(run('SELECT waiting FROM contract.lineage_queue()'), '3', 'nothing is recorded, nothing lost');
	$session->query_safe('COMMIT');
	$session->quit;
	is(counted('target') . ' ' . counted('fresh'), '1|408|2040 1|1|5', 'a worker that was ended counts nothing twice');
}

# What cannot be recorded is refused, and the log says why; others are recorded.
{
	my $before = -s $node->logfile;

	run("ALTER TABLE contract.lineage_edge ADD CONSTRAINT no_sums CHECK (subtype <> 'aggregation');
		CREATE TABLE sums AS SELECT sum(a) AS a FROM source; CREATE TABLE fresh2 AS SELECT a FROM source");
	is(counted('fresh2'), '1|1|5', 'a statement that cannot be recorded');
	is(run('SELECT lost FROM contract.lineage_queue()'), '1', 'counts as lost');
	is(run("SELECT value FROM contract.prometheus WHERE metric = 'pg_contract_lineage_lost_total'"), '1', 'likewise for Prometheus');
	like(PostgreSQL::Test::Utils::slurp_file($node->logfile, $before),
		qr/LOG:  lineage of a statement could not be recorded: .*no_sums/, 'the log says why');
	is(run('SELECT sum(failures) FROM contract.workers'), '0', 'the worker goes on');
	run('ALTER TABLE contract.lineage_edge DROP CONSTRAINT no_sums');
}

# Tables that are made anew.
for my $night (1 .. 3)
{
	run('DROP TABLE IF EXISTS nightly; CREATE TABLE nightly AS SELECT a, b FROM source');
	run('INSERT INTO nightly SELECT a, b FROM source');
}
is(counted('nightly'), '2|6|30', 'dropped and made each night: the same statements');
is(edges('nightly'), 'source.a>a source.b>b', 'with edges that live');
for my $night (1 .. 3)
{
	run('CREATE TABLE nightly__new AS SELECT a, b FROM source');
	run('BEGIN; ALTER TABLE nightly RENAME TO nightly__old; ALTER TABLE nightly__new RENAME TO nightly; COMMIT; DROP TABLE nightly__old');
	recorded();
}
becomes("SELECT count(*) = 0 FROM contract.lineage_due WHERE relid > 1", 'swapped');
is(edges('nightly'), 'source.a>a source.b>b', 'swapped for a new one: it has its lineage');
is(run("SELECT count(*) FROM contract.lineage WHERE target_table LIKE 'nightly\\_\\_%' AND historic_since IS NULL"), '0',
	'and other names have none');
is(run("SELECT count(DISTINCT (operation, routine)), max(executions) FROM contract.lineage_statement WHERE statement LIKE '%nightly\\_\\_%'"), '1|3',
	'each night the same statement');
run('CREATE TABLE blue (a int, b int); CREATE TABLE green (a int, b int)');
for my $night (1 .. 4)
{
	run('INSERT INTO green SELECT a, b FROM source');
	recorded();
	run('BEGIN; ALTER TABLE blue RENAME TO other; ALTER TABLE green RENAME TO blue; ALTER TABLE other RENAME TO green; COMMIT');
}
becomes("SELECT count(*) = 0 FROM contract.lineage_due WHERE relid > 1", 'two tables in turn');
is(edges('blue') . '|' . edges('green'), 'source.a>a source.b>b|source.a>a source.b>b', 'what has fed a table goes with it');
run('INSERT INTO green SELECT b, a FROM source');
recorded();
run('BEGIN; DROP TABLE blue; ALTER TABLE green RENAME TO blue; COMMIT; DROP TABLE IF EXISTS green');
is(edges('blue'), 'source.a>a source.a>b source.b>a source.b>b', 'also if the name was given up');
run('DROP TABLE blue');
run('ALTER TABLE target RENAME TO goal; ALTER TABLE goal RENAME a TO key');
is(edges('goal'), 'source.a>key source.b>b', 'a rename is followed');
run('ALTER TABLE goal RENAME key TO a; ALTER TABLE goal RENAME TO target');
run('ALTER TABLE target DROP COLUMN b');
is(edges('target'), 'source.a>a source.b>b historic', 'a column that is dropped is history');
run("ALTER TABLE target ADD COLUMN b int; $load");
is(edges('target'), 'source.a>a source.b>b', 'until it is written again');

# Retention.
run("DROP TABLE fresh, fresh2; UPDATE contract.lineage_edge SET historic_since = now() - interval '2 minutes' WHERE historic_since IS NOT NULL");
my $live = run('SELECT count(*) FROM contract.lineage_edge WHERE historic_since IS NULL');
restart_with("pg_contract.history_max_age = '1min'");
run("DELETE FROM contract.lineage_due; CALL contract.tend()");
becomes('SELECT count(*) = 0 FROM contract.lineage_edge WHERE historic_since IS NOT NULL', 'history ends');
is(run('SELECT count(*) FROM contract.lineage_edge'), $live, 'not what is in use');
is(run("SELECT count(*) FROM contract.lineage_statement s WHERE NOT EXISTS (SELECT FROM contract.lineage_edge e WHERE e.statement_id = s.statement_id)")
	. run("SELECT count(*) FROM contract.lineage_node WHERE table_name LIKE 'fresh%'"), '00', 'with statements and nodes');
run('ALTER SYSTEM RESET pg_contract.history_max_age');
run($load);
recorded();
run("DELETE FROM contract.lineage_edge; DELETE FROM contract.lineage_statement; $load");
run('CALL contract.tend()');
is(run('SELECT waiting FROM contract.lineage_queue()'), '1', 'a statement that is known to the queue, but not to the tables');
run($load);
is(counted('target'), '1|2|10', 'is brought again');

# Many columns.
run("SELECT format('CREATE TABLE wide1 (%s); CREATE TABLE wide2 (%s)', c, c)
	FROM (SELECT string_agg('c' || i || ' int', ', ') AS c FROM generate_series(1, 1000) i) s \\gexec
	INSERT INTO wide2 SELECT * FROM wide1");
recorded();
is(run("SELECT count(*) FROM contract.lineage WHERE target_table = 'wide2' AND hop = 'base'"), '1000', 'a thousand columns');

# Databases, and extensions that are made anew.
for my $database ('two', 'three')
{
	run("CREATE DATABASE $database");
	$node->safe_psql($database, 'CREATE EXTENSION pg_contract; CREATE TABLE source (a int, b int); CREATE TABLE target (a int, b int)');
}
workers(0);
$node->safe_psql($_, $load) for ('postgres', 'two', 'three');
is(run('SELECT waiting FROM contract.lineage_queue()'), '3', 'three databases in the queue');
run('DROP DATABASE three');
workers(3);
is(counted('target') . ' ' . counted('target', 'two'), '1|3|15 1|1|0', 'each has its own, and what was dropped is forgotten');
workers(0);
$node->safe_psql('two', "$load; $load; DROP EXTENSION pg_contract; CREATE EXTENSION pg_contract; $load");
workers(3);
is(counted('target', 'two'), '1|1|0', 'a new extension does not inherit');
$node->safe_psql('two', "$load; DROP EXTENSION pg_contract");
$node->poll_query_until('postgres', 'SELECT waiting = 0 FROM contract.lineage_queue()');
is($node->safe_psql('two', "$load; SELECT count(*) FROM pg_extension WHERE extname = 'pg_contract'"), '0', 'without the extension nothing happens');

# Dump and restore: nodes are who has their name.
recorded();
run('CREATE DATABASE copy');
{
	my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump';

	$node->command_ok([ 'pg_dump', '--format=custom', "--file=$dump", 'postgres' ], 'dumped');
	$node->command_ok([ 'pg_restore', '--dbname=' . $node->connstr('copy'), $dump ], 'restored');
}
$node->safe_psql('copy', $load);
is(counted('target', 'copy'), '1|4|20', 'a statement goes on where the dump left it');
$node->safe_psql('copy', 'DELETE FROM contract.lineage_due');
$node->safe_psql('copy', 'CALL contract.tend()');
is($node->safe_psql('copy', 'SELECT count(*) FROM contract.lineage_binding') . '|'
	. $node->safe_psql('copy', 'SELECT count(*) FROM contract.lineage_edge WHERE historic_since IS NULL'),
	run('SELECT count(*) FROM contract.lineage_binding') . '|' . run('SELECT count(*) FROM contract.lineage_edge WHERE historic_since IS NULL'),
	'and all nodes are bound');
$node->safe_psql('copy', 'ALTER SCHEMA public RENAME TO elsewhere');
is($node->safe_psql('copy', "SELECT DISTINCT target_schema FROM contract.lineage WHERE target_table = 'target'"), 'elsewhere', 'so they follow');

# DDL and statements at the same time.
{
	my $before = -s $node->logfile;

	run('CREATE TABLE swap AS SELECT a, b FROM source');
	$node->pgbench('--no-vacuum --client=4 --transactions=60', 0, [qr/240\/240/], [qr/^$/], 'DDL and statements at the same time',
		{
			'031_swap@1' => "SELECT pg_advisory_lock(1);\nBEGIN;\nCREATE TABLE swap__new AS SELECT a, b FROM source;\nALTER TABLE swap RENAME TO swap__old;\n"
			  . "ALTER TABLE swap__new RENAME TO swap;\nDROP TABLE swap__old;\nCOMMIT;\nSELECT pg_advisory_unlock(1);",
			'031_read@2' => "SELECT pg_advisory_lock_shared(1);\nINSERT INTO target SELECT a, b FROM swap LIMIT 1;\nSELECT pg_advisory_unlock_shared(1);"
		});
	recorded();
	run('CALL contract.tend()');
	is(run("SELECT count(DISTINCT node_id) FROM contract.lineage_node WHERE table_name = 'swap' AND column_name = 'a'"), '1', 'one node a column');
	is(edges('swap'), 'source.a>a source.b>b', 'its edges live');
	is(run("SELECT count(*) FROM contract.lineage_statement WHERE statement LIKE '%swap LIMIT%'"), '1', 'one statement');
	unlike(PostgreSQL::Test::Utils::slurp_file($node->logfile, $before), qr/deadlock|could not|does not follow|ERROR/, 'nobody was in the way');
}

# A full queue.
restart_with('pg_contract.lineage_statements = 4', 'pg_contract.max_workers = 0');
run("SELECT format('CREATE TABLE small%s (a int)', i) FROM generate_series(1, 8) i \\gexec");
my $small = join(';', map { "INSERT INTO small$_ SELECT a FROM source" } 1 .. 8);
run($small);
is(run('SELECT * FROM contract.lineage_queue()'), '4|4|4|4', 'more statements than there is room for: some are lost');
is(run("SELECT string_agg(metric || ' ' || value, ', ' ORDER BY metric) FROM contract.prometheus WHERE metric LIKE 'pg_contract_lineage%'"),
	'pg_contract_lineage_lost_total 4, pg_contract_lineage_waiting 4', 'and Prometheus is told');
workers(3);
for my $number (1 .. 8)
{
	run('CALL contract.tend()');
	run("INSERT INTO small$number SELECT a FROM source");
	recorded();
}
is(run("SELECT count(DISTINCT target_table) FROM contract.lineage WHERE target_table LIKE 'small%'"), '8', 'those that run again come in');

# A statement that is too large for the memory that there is does no harm.
run("INSERT INTO small1 SELECT a + CASE WHEN " . join(' + ', ('a') x 300) . " > 0 THEN 1 END /* " . ('long ' x 400000) . " */ FROM source");
run($load);
becomes("SELECT sum(executions) > 0 FROM contract.lineage_statement WHERE statement LIKE '%target%'", 'a very long statement is in nobody\'s way');

# On a standby nobody records.
restart_with('pg_contract.lineage_statements = 5000');
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
my $file = PostgreSQL::Test::Utils::tempdir() . '/copied';
is($standby->safe_psql('postgres', "COPY (SELECT a FROM source) TO '$file'; SELECT statements, waiting, lost FROM contract.lineage_queue()"), '0|0|0',
	'a standby keeps nothing');
$standby->promote;
$standby->safe_psql('postgres', $load);
ok($standby->poll_query_until('postgres', 'SELECT statements = 1 AND waiting = 0 FROM contract.lineage_queue()'), 'until it is promoted');
$standby->stop;

# Without room, and without the worker.
restart_with('pg_contract.lineage_statements = 0');
is(run('SELECT * FROM contract.lineage_queue()'), '|||', 'no queue');
my $before = run('SELECT sum(executions) FROM contract.lineage_statement');
run($load);
is(run('SELECT sum(executions) FROM contract.lineage_statement'), $before, 'nothing is recorded');
run("SET pg_contract.lineage_sync = on; $load");
is(run('SELECT sum(executions) FROM contract.lineage_statement'), $before + 1, 'but in the transaction itself');
run('CALL contract.tend()');
is(run('SELECT sum(failures) FROM contract.workers'), '0', 'and the worker has no trouble');

$node->stop;
done_testing();
