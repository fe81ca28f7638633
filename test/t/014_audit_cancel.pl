# An audit that is cancelled leaves nothing: no run, no memory, no file, no worker, no pin; contract.progress shows it while it
# runs and not afterwards.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--locale=C', '--encoding=UTF8' ]);
$node->append_conf('postgresql.conf', $ENV{PGC_EXTRA_CONF} // '');
$node->append_conf('postgresql.conf', "autovacuum = off
	min_parallel_table_scan_size = 0
	max_parallel_maintenance_workers = 0
	log_statement = none");
$node->start;

sub run { return $node->safe_psql('postgres', $_[0]) }

# A prime number of letters is what this pattern takes longest to say no to: a quarter of a second a row.
my $slow = "repeat('p', 4999)";
run("CREATE EXTENSION pg_contract; CREATE ROLE regress_stranger;
	CREATE TABLE slow (id int, word text) PARTITION BY RANGE (id);
	CREATE TABLE slow_1 PARTITION OF slow FOR VALUES FROM (0) TO (15); CREATE TABLE slow_2 PARTITION OF slow FOR VALUES FROM (15) TO (30);
	CREATE TABLE slow_3 PARTITION OF slow FOR VALUES FROM (30) TO (45); CREATE TABLE slow_4 PARTITION OF slow DEFAULT;
	INSERT INTO slow SELECT n, 'ppp' FROM generate_series(0, 59) n;
	CREATE VIEW slow_view AS SELECT * FROM slow;
	CREATE TABLE fast (id int); INSERT INTO fast SELECT generate_series(1, 100)");
run("SELECT contract.not_matches('$_', 'word', '^(pp+)\\1+\$', on_violation => 'audit')") for 'slow', 'slow_view';
run("SELECT contract.between('fast', 'id', 1, 90)");

# What an audit might leave.
sub traces
{
	return run("SELECT (SELECT count(*) FROM contract.run), (SELECT count(*) FROM contract.result), (SELECT count(*) FROM contract.violation),
		(SELECT md5(string_agg(s::text, ' ' ORDER BY relid)) FROM contract.audit_state s),
		(SELECT md5(string_agg(p::text, ' ' ORDER BY relid, part)) FROM contract.audit_part p),
		(SELECT count(*) FROM pg_ls_dir('base/pgsql_tmp', true, false)),
		(SELECT count(*) FROM contract.progress),
		(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker'),
		(SELECT count(*) FROM pg_locks WHERE database = (SELECT oid FROM pg_database WHERE datname = 'postgres') AND pid <> pg_backend_pid())");
}

# Begins an audit in a session, and returns when it is under way, with so many workers.
sub begin_audit
{
	my ($session, $dataset, $workers) = @_;
	$session->query_until(qr/under way/, "\\echo under way\nSELECT * FROM contract.check('$dataset');\n");
	ok( $node->poll_query_until('postgres', "SELECT count(*) = 1 AND (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker') = $workers
			FROM contract.progress WHERE dataset = 'public.$dataset' AND phase IN ('scanning', 'querying')"),
		"$dataset is under way with $workers workers");
	return;
}

# Cancels audits of a dataset in every way.
sub cancel
{
	my ($what, $dataset, $workers) = @_;
	my $before = traces();
	my $set = "SET max_parallel_maintenance_workers = $workers;";
	my ($rc, $stdout, $stderr) = $node->psql('postgres', "$set SET statement_timeout = '0.5s'; SELECT * FROM contract.check('$dataset')");

	like($stderr, qr/ERROR:  canceling statement due to statement timeout/, "$what: statement_timeout");
	is(traces(), $before, 'leaves no trace');

	# the session goes on
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	$session->query_safe($set);
	begin_audit($session, $dataset, $workers);
	is(run("SELECT pg_cancel_backend(pid) FROM contract.progress"), 't', 'cancelled');
	is($session->query('SELECT 1'), '1', 'the session goes on');
	like($session->{stderr}, qr/ERROR:  canceling statement due to user request/, "$what: pg_cancel_backend");
	$session->{stderr} = '';
	is(traces(), $before, 'leaves no trace');

	# and so does a transaction with a savepoint
	$session->query_safe('BEGIN; UPDATE fast SET id = -1 WHERE id = 1; SAVEPOINT a');
	begin_audit($session, $dataset, $workers);
	run("SELECT pg_cancel_backend(pid) FROM contract.progress");
	$session->query('ROLLBACK TO a');
	like($session->{stderr}, qr/ERROR:  canceling statement due to user request/, "$what: after a savepoint");
	$session->{stderr} = '';
	is($session->query_safe("SELECT considered, failed, (SELECT count(*) FROM contract.progress) FROM contract.check('fast')"), '100|11|0', 'another audit');
	$session->query_safe('ROLLBACK');
	is(traces(), $before, 'leaves no trace');

	# a worker that dies takes the audit with it
	if ($workers > 0)
	{
		begin_audit($session, $dataset, $workers);
		run("SELECT pg_terminate_backend(min(pid)) FROM pg_stat_activity WHERE backend_type = 'parallel worker'");
		is($session->query('SELECT 1'), '1', 'the session goes on');
		like($session->{stderr}, qr/terminating .*due to administrator command/, "$what: a worker is terminated");
		$session->{stderr} = '';
		is(traces(), $before, 'leaves no trace');
	}

	# so does a session
	begin_audit($session, $dataset, $workers);
	is(run("SELECT pg_terminate_backend(pid, 60000) FROM contract.progress"), 't', 'terminated');
	eval { $session->quit };    # psql has gone already
	ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'parallel worker'"), 'workers end');
	is(traces(), $before, "$what: terminated, leaves no trace");
	return;
}

# What is remembered first is about fast rows.
is(run("SELECT considered, failed FROM contract.check('slow')"), '60|0', 'fast rows');
run("UPDATE slow SET word = $slow WHERE id % 15 > 3");
cancel('incremental', 'slow', 0);
run('TRUNCATE contract.audit_state, contract.audit_part');
cancel('serial', 'slow', 0);
cancel('parallel', 'slow', 2);
cancel('view', 'slow_view', 0);

# Progress, as seen by others.
my $session = $node->background_psql('postgres', on_error_stop => 0);
begin_audit($session, 'slow', 0);
is(run("SELECT dataset, phase, blocks_total, blocks_done BETWEEN 0 AND 4, rows BETWEEN 0 AND 60, started_at <= clock_timestamp(),
		pid = (SELECT pid FROM pg_stat_activity WHERE query LIKE '%check(''slow'')%' AND pid <> pg_backend_pid()) FROM contract.progress"),
	'public.slow|scanning|4|t|t|t|t', 'the audit in progress');
is(run('SET ROLE regress_stranger; SELECT count(*) FROM contract.progress'), 0, 'not for those who may not read the dataset');
$node->safe_psql('template1', 'CREATE EXTENSION pg_contract');
is($node->safe_psql('template1', 'SELECT count(*) FROM contract.progress'), 0, 'nor in another database');
run("SELECT pg_cancel_backend(pid) FROM contract.progress");
$session->query('SELECT 1');
$session->quit;
is(run("DO \$\$ BEGIN PERFORM contract.check('fast', mode => 'none'); EXCEPTION WHEN invalid_parameter_value THEN NULL; END \$\$;
	SELECT count(*) FROM contract.check('fast'); SELECT count(*) FROM contract.progress"), "1\n0", 'nothing afterwards');

# Undisturbed it would have said so.
run("UPDATE slow SET word = CASE WHEN id % 2 = 0 THEN 'pppp' ELSE 'ppp' END");
is(run("SELECT considered, failed FROM contract.check('slow')"), '60|30', 'in the end');

$node->stop;
unlike(slurp_file($node->logfile), qr/WARNING|PANIC|TRAP|leak/, 'no warning in the log');
done_testing();
