# Launcher and workers: they are there, make way, come back, and are in nobody's way.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my @init = (extra => [ '--locale=C', '--encoding=UTF8' ]);
my $node = PostgreSQL::Test::Cluster->new('node');
$node->init(allows_streaming => 1, @init);
$node->append_conf('postgresql.conf', ($ENV{PGC_EXTRA_CONF} // '') . "
	shared_preload_libraries = 'pg_contract'
	pg_contract.naptime = '100ms'
	allow_in_place_tablespaces = on
	restart_after_crash = on");
$node->start;

sub run { return $node->safe_psql('postgres', $_[0]) }

sub in_db { my ($database, $sql) = @_; return $node->safe_psql($database, $sql) }

# Waits until a condition on rows of contract.workers is true, seen from database "watch".
sub soon
{
	my ($condition, $name) = @_;

	ok($node->poll_query_until('watch', "SELECT EXISTS (SELECT FROM contract.workers WHERE $condition)"), $name)
	  or diag $node->safe_psql('watch', 'TABLE contract.workers');
	return;
}

# A database with a rule that refuses rows; what is refused its worker records, unless the obstacle is in its way.
sub make_database
{
	my ($database, $obstacle) = @_;

	run("CREATE DATABASE $database");
	in_db($database, "CREATE EXTENSION pg_contract; CREATE TABLE t (id int); SELECT contract.not_null('t', 'id', on_violation => 'reject')");
	obstruct($database, $obstacle) if $obstacle;
	return;
}

sub obstruct
{
	my ($database, $obstacle) = @_;

	in_db($database, "CREATE OR REPLACE FUNCTION obstacle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN $obstacle; RETURN NULL; END';
		CREATE OR REPLACE TRIGGER obstacle BEFORE INSERT ON contract.reject_position FOR EACH STATEMENT EXECUTE FUNCTION obstacle()");
	return;
}

# A worker that hangs has the table locked, so the trigger cannot be dropped.
sub clear
{
	my ($database) = @_;

	in_db($database, "CREATE OR REPLACE FUNCTION obstacle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
		SELECT pg_terminate_backend(pid) FROM contract.workers WHERE database = '$database' AND pid IS NOT NULL");
	return;
}

my $hang = 'PERFORM pg_sleep(3600)';

# Has a row refused; waits until a worker is there and hangs if that is what it will do.
sub refuse
{
	my ($database, $hangs) = @_;
	my ($rc, $stdout, $stderr) = $node->psql($database, 'INSERT INTO t VALUES (NULL)');

	die "not refused: $stderr" unless $stderr =~ /violates contract rule/;
	in_watch("SELECT EXISTS (SELECT FROM contract.workers w JOIN pg_stat_activity a USING (pid)
		WHERE w.database = '$database' AND a.wait_event = 'PgSleep')") if $hangs;
	return;
}

sub in_watch { $node->poll_query_until('watch', $_[0]) or die "not so: $_[0]"; return }

sub recorded_ok
{
	my ($database, $count, $name) = @_;

	ok($node->poll_query_until($database, "SELECT coalesce(sum(failed), 0) = $count FROM contract.results WHERE action = 'reject'"), $name)
	  or diag in_db($database, 'TABLE contract.results') . in_db($database, 'TABLE contract.workers');
	return;
}

sub worker_of { return run_in_watch("SELECT pid FROM contract.workers WHERE database = '$_[0]' AND duty = 'tending'") }

sub run_in_watch { return $node->safe_psql('watch', $_[0]) }

# They start.
run('CREATE DATABASE watch');
$node->safe_psql('watch', 'CREATE EXTENSION pg_contract');
is(run_in_watch("SELECT count(*) FROM contract.workers w JOIN pg_stat_activity a USING (pid)
	WHERE w.duty = 'launcher' AND w.database IS NULL AND a.backend_type = 'pg_contract launcher' AND a.datname IS NULL"), 1, 'the launcher');
soon("database = 'watch' AND duty = 'tending' AND last_run IS NOT NULL AND last_elapsed >= '0' AND failures = 0 AND state = 'waiting'",
	'the database with the extension is tended');
soon("database = 'watch' AND duty = 'auditing' AND last_run IS NOT NULL AND next_due > now()", 'and audited');
soon("NOT EXISTS (SELECT FROM contract.workers WHERE database = 'postgres')", 'the one without is left alone');

# What they do is seen, by those who may.
make_database('busy', $hang);
refuse('busy', 1);
is(run_in_watch("SELECT w.state, w.doing, a.query, a.application_name, a.backend_type, a.datname FROM contract.workers w JOIN pg_stat_activity a USING (pid)
	WHERE w.database = 'busy'"), 'running|refused rows|pg_contract: refused rows|pg_contract|pg_contract worker|busy', 'what a worker does');
run('CREATE ROLE stranger LOGIN');
is(run_in_watch("SET ROLE stranger; SELECT count(*) FILTER (WHERE doing IS NULL), bool_and(last_error IS NULL) FROM contract.workers WHERE state = 'running' AND database = 'busy'"),
	'1|t', 'only who may read statistics sees what');

# They make way for DDL on their database.
my ($rc, $stdout, $stderr);
my $pid = worker_of('busy');
($rc, $stdout, $stderr) = $node->psql('postgres', 'SET ROLE stranger; DROP DATABASE busy');
like($stderr, qr/must be owner of database busy/, 'a stranger cannot drop a database');
is(worker_of('busy'), $pid, 'nor end its worker');
run('ALTER DATABASE busy RENAME TO renamed');
soon("database = 'renamed' AND state = 'running' AND pid <> $pid", 'ALTER DATABASE RENAME; another worker goes on');
refuse('renamed', 1);
$pid = worker_of('renamed');
run("CREATE TABLESPACE place LOCATION ''");
run('ALTER DATABASE renamed SET TABLESPACE place');
is(run("SELECT count(*) FROM pg_database d JOIN pg_tablespace s ON s.oid = dattablespace WHERE datname = 'renamed' AND spcname = 'place'"), 1,
	'SET TABLESPACE');
refuse('renamed', 1);
for my $strategy ('wal_log', 'file_copy')
{
	run("CREATE DATABASE $strategy TEMPLATE renamed STRATEGY $strategy");
	soon("database = '$strategy' AND last_run IS NOT NULL", "a copy ($strategy) of a database with a worker is tended");
	refuse('renamed', 1);
}
recorded_ok('wal_log', 0, 'the copy has none of the refused rows');
clear('wal_log');
refuse('wal_log');
recorded_ok('wal_log', 1, 'but its own');
run("ALTER DATABASE renamed OWNER TO stranger");
run("SET ROLE stranger; DROP DATABASE renamed");
is(run("SELECT count(*) FROM pg_database WHERE datname = 'renamed'"), 0, 'the owner drops a database with a worker');
soon("NOT EXISTS (SELECT FROM contract.worker_activity() WHERE database_oid NOT IN (SELECT oid FROM pg_database))", 'which is forgotten');
run('DROP DATABASE file_copy');
refuse('wal_log');
run('DROP DATABASE wal_log WITH (FORCE)');
like(slurp_file($node->logfile), qr/terminating background worker "pg_contract worker"/, 'the log tells');

# A long audit is no different, and does not make the rest late.
make_database('audited');
in_db('audited', "CREATE FUNCTION slow(id int) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(3600); RETURN true; END';
	INSERT INTO t VALUES (1); SELECT contract.satisfies('t', 'public.slow(id)', on_violation => 'audit');
	BEGIN; SELECT contract.schedule('t', every => '1 hour'); UPDATE contract.schedule_state SET next_run = now(); COMMIT");
soon("database = 'audited' AND duty = 'auditing' AND state = 'running' AND doing = 'audit of public.t'", 'a long audit');
refuse('audited');
recorded_ok('audited', 1, 'and what is quick is done meanwhile');
run('DROP DATABASE audited');
is(run("SELECT count(*) FROM pg_database WHERE datname = 'audited'"), 0, 'DROP DATABASE');

# And for DROP EXTENSION.
make_database('ext', $hang);
refuse('ext', 1);
$pid = worker_of('ext');
in_db('ext', 'BEGIN; DROP EXTENSION pg_contract CASCADE; ROLLBACK');
soon("database = 'ext' AND state = 'running' AND pid <> $pid", 'DROP EXTENSION, rolled back');
in_db('ext', 'DROP EXTENSION pg_contract CASCADE');
soon("NOT EXISTS (SELECT FROM contract.workers WHERE database = 'ext')", 'DROP EXTENSION: no more work there');
in_db('ext', "DROP FUNCTION obstacle; CREATE EXTENSION pg_contract; SELECT contract.not_null('t', 'id', on_violation => 'reject')");
soon("database = 'ext' AND duty = 'tending' AND last_run IS NOT NULL", 'CREATE EXTENSION: work again');
recorded_ok('ext', 0, 'the new history has nothing of the old one');
refuse('ext');
recorded_ok('ext', 1, 'and its own');

# An error ends a task; the duty is tried again, later and later.
obstruct('ext', q{RAISE EXCEPTION ''obstacle in the way''});
my $offset = -s $node->logfile;
refuse('ext');
soon("database = 'ext' AND duty = 'tending' AND failures >= 3 AND last_error = 'refused rows: obstacle in the way'", 'failures are counted');
soon("database = 'ext' AND duty = 'tending' AND next_due - last_run > '300ms'", 'and rarer');
soon("database = 'ext' AND duty = 'auditing' AND failures = 0", 'the other duty is done');
like(slurp_file($node->logfile, $offset), qr/ERROR:  obstacle in the way\n.*CONTEXT:.*task "refused rows" of pg_contract/s, 'the log tells');
clear('ext');
soon("database = 'ext' AND duty = 'tending' AND failures = 0 AND last_error IS NULL", 'it gets over it');
recorded_ok('ext', 2, 'nothing is lost');
in_db('ext', 'ALTER TABLE contract.reject_position RENAME TO hidden');
refuse('ext');
soon("database = 'ext' AND failures > 0 AND last_error LIKE 'refused rows: relation%does not exist'", 'a table of ours that is missing');
in_db('ext', 'ALTER TABLE contract.hidden RENAME TO reject_position');
recorded_ok('ext', 3, 'and back');

# A worker is cancelled, and ended; all go on.
obstruct('ext', $hang);
refuse('ext', 1);
$pid = worker_of('ext');
run("SELECT pg_cancel_backend($pid)");
soon("database = 'ext' AND last_error = 'refused rows: canceling statement due to user request'", 'a worker is cancelled');
soon("database = 'ext' AND duty = 'tending' AND state = 'running'", 'and starts again');
$pid = worker_of('ext');
run("SELECT pg_terminate_backend($pid)");
soon("database = 'ext' AND last_error = 'the worker ended before it was done' AND failures > 0", 'a worker is ended');
soon("database = 'ext' AND duty = 'tending' AND state = 'running'", 'and starts again');
clear('ext');
recorded_ok('ext', 4, 'nothing is lost');

# Settings change while they run.
sub set
{
	my ($name, $value) = @_;

	run("ALTER SYSTEM SET $name = '$value'");
	run('SELECT pg_reload_conf()');
	return;
}
set('pg_contract.max_workers', 0);
in_watch("SELECT NOT EXISTS (SELECT FROM contract.workers WHERE state <> 'waiting' AND duty <> 'launcher')");
refuse('ext');
is(in_db('ext', 'SELECT sum(failed) FROM contract.results'), 4, 'max_workers = 0: nothing is done');
# Settings of the database are not the worker's.
run("ALTER DATABASE ext SET $_") for ('default_transaction_read_only = on', 'default_transaction_isolation = serializable', 'role = stranger',
	'session_replication_role = replica', 'statement_timeout = 1', 'lock_timeout = 1', 'search_path = nowhere', 'row_security = off');
set('pg_contract.max_workers', 1);
in_watch("SELECT EXISTS (SELECT FROM contract.workers WHERE database = 'ext' AND duty = 'tending' AND last_run > pg_conf_load_time())");
run('ALTER DATABASE ext RESET ALL');
soon("database = 'ext' AND duty = 'tending' AND failures = 0", 'and then it is');
recorded_ok('ext', 5, 'whatever the settings of the database');
make_database("d$_") for 1 .. 4;
refuse("d$_") for 1 .. 4;
recorded_ok("d$_", 1, "one worker for several databases: $_") for 1 .. 4;
soon("database = 'd$_' AND duty = 'auditing' AND last_run IS NOT NULL", "audits of $_, too") for 1 .. 4;
obstruct('d1', $hang);
set('pg_contract.max_workers', 2);
refuse('d1', 1);
refuse('d2');
recorded_ok('d2', 2, 'one that hangs leaves the others to the second worker');
set('pg_contract.max_workers', 1);
is(worker_of('d1') =~ /\d/, 1, 'a lower number waits for those who work');
set('pg_contract.max_workers', 3);
set('pg_contract.naptime', '1h');
refuse('d2');
set('pg_contract.naptime', '100ms');
recorded_ok('d2', 3, 'naptime counts at once');

# The server stops at once, whatever a worker does, and all is as before.
for my $mode ('fast', 'immediate', 'smart')
{
	refuse('d1') if worker_of('d1') eq '';
	in_watch("SELECT EXISTS (SELECT FROM contract.workers WHERE database = 'd1' AND state = 'running')");
	$node->stop($mode);
	$node->start;
	soon("database = 'd1' AND duty = 'tending' AND state = 'running'", "stopped ($mode) and started");
}

# Processes that die.
sub pid_of_launcher { return run_in_watch("SELECT pid FROM contract.workers WHERE duty = 'launcher'") }
my $launcher = pid_of_launcher();
run("SELECT pg_terminate_backend($launcher)");
is(run_in_watch("SELECT count(*) FROM contract.workers WHERE database = 'd1' AND state = 'running'"), 1, 'the launcher is ended: a worker goes on');
soon("duty = 'launcher' AND pid <> $launcher", 'another launcher');
refuse('d2');
recorded_ok('d2', 4, 'it goes on');
for my $who ('worker', 'launcher')
{
	my $victim = $who eq 'worker' ? worker_of('d1') : pid_of_launcher();

	refuse('d3');
	kill 'KILL', $victim;
	$node->poll_query_until('postgres', 'SELECT true') or die 'no restart';
	# The server may still have answered before it noticed.
	$node->poll_query_until('watch', "SELECT EXISTS (SELECT FROM contract.workers WHERE database = 'd1' AND state = 'running' AND pid <> $victim)
		AND EXISTS (SELECT FROM contract.workers WHERE duty = 'launcher' AND pid <> $victim)") or die 'no workers';
	pass("killed with -9: $who");
}
recorded_ok('d3', 3, 'refused rows outlive that');
clear('d1');

# No room for workers.
run('ALTER SYSTEM SET max_worker_processes = 2');    # the launcher's, and the one of logical replication
$offset = -s $node->logfile;
$node->restart;
refuse('d3');
$node->wait_for_log(qr/could not start a worker of pg_contract\n.*HINT:  Consider increasing the configuration parameter "max_worker_processes"/, $offset);
pass('max_worker_processes: a message');
is(run_in_watch("SELECT max(failures) FROM contract.workers"), 0, 'which is not the fault of a database');
run('ALTER SYSTEM RESET max_worker_processes');
$node->restart;
recorded_ok('d3', 4, 'more room');

# Many rounds: the launcher does not grow.
sub rss { my $status = slurp_file("/proc/$launcher/status"); return $status =~ /RssAnon:\s+(\d+) kB/ ? $1 : die $status }

sub rounds
{
	my ($count) = @_;

	$node->safe_psql('d4', "DO \$\$
		DECLARE
			last timestamptz;
			this timestamptz;
		BEGIN
			FOR i IN 1 .. $count LOOP
				PERFORM contract.check('t');
				COMMIT;
				last := this;
				WHILE last IS NOT DISTINCT FROM this LOOP
					PERFORM pg_sleep(0.001);
					SELECT last_run INTO this FROM contract.workers WHERE database = 'd4' AND duty = 'tending';
				END LOOP;
			END LOOP;
		END \$\$");
	return;
}
SKIP:
{
	skip 'no /proc', 1 unless -r "/proc/$$/status";
	set('pg_contract.naptime', '10ms');
	in_watch("SELECT current_setting('pg_contract.naptime') = '10ms'");
	$launcher = pid_of_launcher();
	rounds(50);
	my $before = rss();
	rounds(200);
	my $after = rss();
	note("launcher: $before kB, 200 rounds later $after kB");
	cmp_ok($after, '<=', $before + 64, 'the launcher does not grow');
	set('pg_contract.naptime', '100ms');
}

# A standby has none; it gets one when promoted.
$node->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'copy', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
is($standby->safe_psql('watch', 'SELECT count(*) FROM contract.workers'), 0, 'a standby has no launcher');
($rc, $stdout, $stderr) = $standby->psql('d3', 'INSERT INTO t VALUES (NULL)');
like($stderr, qr/read-only transaction/, 'and refuses no rows');
$standby->promote;
ok($standby->poll_query_until('watch', "SELECT EXISTS (SELECT FROM contract.workers WHERE database = 'd3' AND duty = 'tending' AND last_run IS NOT NULL)"),
	'promotion: it works');
is($standby->safe_psql('d3', "SELECT sum(failed) FROM contract.results WHERE action = 'reject'"), 4, 'and has what was recorded');
$standby->psql('d3', 'INSERT INTO t VALUES (NULL)');
ok($standby->poll_query_until('d3', "SELECT sum(failed) = 5 FROM contract.results WHERE action = 'reject'"), 'and records');
$standby->stop;

# Alone, and without preload.
$node->stop;
my $single = $node->config_data('--bindir') . '/postgres';
run_command_ok([ $single, '--single', '-D', $node->data_dir, 'd4' ], "SELECT contract.not_null('t', 'id', name => 'again')\nSELECT count(*) FROM contract.workers\n",
	qr/count = "0"/, 'postgres --single');
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$node->start;
is(run_in_watch('SELECT count(*) FROM contract.workers'), 0, 'without preload there are none');
refuse('d4');
run('ALTER DATABASE d4 RENAME TO d5; ');
run('DROP DATABASE d5');
in_db('ext', 'DROP EXTENSION pg_contract CASCADE; CREATE EXTENSION pg_contract');
is(in_db('ext', 'CALL contract.tend()'), '', 'tend() does it');
$node->stop;

done_testing();

sub run_command_ok
{
	my ($command, $input, $expected, $name) = @_;
	my $output = '';

	IPC::Run::run($command, '<', \$input, '>', \$output, '2>&1') or diag 'failed';
	like($output, $expected, $name);
	return;
}
