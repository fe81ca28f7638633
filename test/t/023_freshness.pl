# Rules about time while a worker looks at them: late without anybody doing anything, last writes by the server's
# statistics through everything that can happen to these, and what stands in the way of a look.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--locale=C', '--encoding=UTF8' ]);
$node->append_conf('postgresql.conf', $ENV{PGC_EXTRA_CONF} // '');
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_contract'
	pg_contract.naptime = '50ms'
	autovacuum = off
	fsync = off
	wal_level = logical
	max_prepared_transactions = 2");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_contract; CREATE TABLE mark (id int);
	SELECT contract.fresh(\'mark\', max_age => \'1 day\')');

sub sql { return $node->safe_psql('postgres', $_[0]) }

sub wait_for
{
	my ($condition, $name) = @_;

	ok($node->poll_query_until('postgres', "SELECT $condition"), $name);
}

# When a dataset was written to last, for the rule about it; "" if not since sampling began.
sub written
{
	return sql("SELECT w.written_at FROM contract.last_write w JOIN contract.dataset d USING (dataset_id) WHERE d.name = 'public.$_[0]'");
}

# Waits for a sample that was begun after all that was written by now is in the statistics.
sub wait_for_sample
{
	for (1, 2)
	{
		my $before = written('mark');

		# the statistics of a session are known when it has ended, at the latest
		sql('INSERT INTO mark VALUES (1)');
		$node->poll_query_until('postgres', "SELECT written_at > COALESCE(NULLIF('$before', '')::timestamptz, '-infinity') FROM contract.last_write w
			JOIN contract.dataset d USING (dataset_id) WHERE d.name = 'public.mark'") or die 'no samples';
	}
}

# Does a statement count as a write to a dataset?
sub is_write
{
	my ($dataset, $statement, $expected, $name) = @_;
	my $before = written($dataset);

	sql($statement);
	wait_for_sample();
	is(written($dataset) ne $before, $expected, $name);
}

# The first rule of a database: what is written after the first look is sampled, though there is nothing else to be done.
my $first = "FROM contract.freshness WHERE dataset = 'public.mark'";
wait_for("message LIKE 'nothing was written since sampling began %' $first", 'the last write is not known at first');
wait_for("bool_and(state = 'waiting') FROM contract.workers WHERE database = 'postgres'", 'the worker is done');
sql('INSERT INTO mark VALUES (1)');
wait_for("status = 'fresh' $first", 'then it is, at the next sample');

# What time does is found by the worker.
sql("CREATE TABLE ticks (at timestamptz);
	INSERT INTO ticks VALUES (now());
	SELECT contract.fresh('ticks', 'at', '3 seconds')");
my $state = "FROM contract.freshness WHERE dataset = 'public.ticks'";
wait_for("status = 'fresh' $state", 'a rule is looked at when it is made');
wait_for("status = 'late' $state", 'it is late without anybody looking');
is(sql("SELECT since - newest $state"), '00:00:03', 'since the moment at which it was due');
is(sql("SELECT count(*) FROM contract.results WHERE dataset = 'public.ticks' AND operation = 'freshness' AND status = 'fail'"), 1,
	'a run says so once');
sql('INSERT INTO ticks VALUES (now() + interval \'1 day\')');
wait_for("status = 'fresh' $state", 'a write has it looked at again');
wait_for("newest > now() $state", 'with what is in the future');
is(sql("SELECT breaches FROM contract.sla_history WHERE dataset = 'public.ticks'"), 1, 'the breach is in the history');
is(sql("SELECT contract.alter_rule('ticks', 'fresh_at', parameters => '{\"max_age\": \"1 year\"}', name => 'slow')"), 'slow', 'a rule is changed');
wait_for("rule = 'slow' AND max_age = '1 year' AND next_check > now() + interval '300 days' $state", 'and looked at again');
sql("SELECT contract.drop_contract('public.ticks')");

# What is a write.
sql("CREATE TABLE fed (id int, x int DEFAULT 0);
	SELECT contract.fresh('fed', max_age => '1 day');
	CREATE TABLE parted (id int) PARTITION BY LIST (id);
	CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
	SELECT contract.fresh('parted', max_age => '1 day');
	CREATE MATERIALIZED VIEW copied AS SELECT 1 AS id;
	SELECT contract.fresh('copied', max_age => '1 day')");
wait_for("count(*) = 4 FROM contract.last_write", 'datasets with a rule about their last write are sampled');
is(written('fed'), '', 'nothing was written since then');
is(sql("SELECT status FROM contract.freshness WHERE dataset = 'public.fed'"), 'unknown', 'which may be fresh or not');
is_write('fed', 'INSERT INTO fed SELECT generate_series(1, 10)', 1, 'INSERT');
wait_for("status = 'fresh' AND age < '1 minute' FROM contract.freshness WHERE dataset = 'public.fed'", 'it is fresh');
is_write('fed', 'UPDATE fed SET x = 1 WHERE id = 1', 1, 'UPDATE');
is_write('fed', 'DELETE FROM fed WHERE id = 1', 1, 'DELETE');
is_write('fed', "COPY fed (id) FROM PROGRAM 'echo 11'", 1, 'COPY');
is_write('fed', 'BEGIN; INSERT INTO fed SELECT generate_series(1, 100); ROLLBACK', '', 'not a load that is rolled back');
is_write('fed', 'BEGIN; SAVEPOINT s; UPDATE fed SET x = 2; ROLLBACK TO s; COMMIT', '', 'not a savepoint that is');
is_write('fed', 'BEGIN; INSERT INTO fed VALUES (1); SAVEPOINT s; DELETE FROM fed; ROLLBACK TO s; COMMIT', 1, 'what is left of a transaction');
is_write('fed', "BEGIN; INSERT INTO fed VALUES (1); PREPARE TRANSACTION 'fed'", '', 'not a prepared transaction');
is_write('fed', "COMMIT PREPARED 'fed'", 1, 'until it is committed');
is_write('fed', 'SELECT * FROM fed; SELECT * FROM fed FOR UPDATE', '', 'not reading');
is_write('fed', 'DELETE FROM fed WHERE false; UPDATE fed SET x = 3 WHERE false', '', 'not a statement that changes nothing');
is_write('fed', 'VACUUM ANALYZE fed', '', 'not VACUUM and ANALYZE');
is_write('fed', 'INSERT INTO fed VALUES (2); ANALYZE fed', 1, 'a load with its ANALYZE');
is_write('fed', 'VACUUM FULL fed', '', 'not VACUUM FULL');
is_write('fed', 'TRUNCATE fed', '', 'not TRUNCATE: no data came');
is_write('fed', 'TRUNCATE fed; INSERT INTO fed VALUES (1)', 1, 'TRUNCATE with a load');
is_write('fed', 'ALTER TABLE fed ADD y int DEFAULT 1, ALTER x TYPE bigint', '', 'not a rewrite');
is_write('fed', 'BEGIN; CREATE TABLE fed_new AS SELECT * FROM fed; ALTER TABLE fed RENAME TO fed_old; ALTER TABLE fed_new RENAME TO fed; COMMIT', 1,
	'another table under the name');
is_write('fed', 'DROP TABLE fed_old', '', 'not what becomes of the old one');
is_write('fed', 'INSERT INTO fed VALUES (3)', 1, 'INSERT into the new one');
is_write('parted', 'INSERT INTO parted VALUES (1)', 1, 'INSERT into a partitioned table');
is_write('parted', 'INSERT INTO parted_1 VALUES (1)', 1, 'INSERT into a partition');
is_write('parted', 'CREATE TABLE parted_2 PARTITION OF parted FOR VALUES IN (2)', '', 'not an empty partition');
is_write('parted', 'CREATE TABLE parted_3 AS SELECT 3 AS id; ALTER TABLE parted ATTACH PARTITION parted_3 FOR VALUES IN (3)', 1, 'a partition with rows');
is_write('parted', 'SET pg_contract.ddl_guard = off; ALTER TABLE parted DETACH PARTITION parted_3; DROP TABLE parted_3', '', 'not a partition that goes');
is_write('parted', 'INSERT INTO parted VALUES (1)', 1, 'INSERT after that');
is_write('copied', 'REFRESH MATERIALIZED VIEW copied', 1, 'REFRESH MATERIALIZED VIEW');

# The statistics are reset: what was known stays, and what comes is seen.
for my $reset ('pg_stat_reset()', "pg_stat_reset_single_table_counters('fed'::regclass)")
{
	sql('INSERT INTO fed SELECT generate_series(1, 20)');
	wait_for_sample();
	is_write('fed', "SELECT $reset", '', "$reset is no write");
	is_write('fed', 'INSERT INTO fed VALUES (4)', 1, "a write after $reset");
}
sub pause
{
	my ($workers) = @_;

	$node->append_conf('postgresql.conf', "pg_contract.max_workers = $workers");
	$node->reload;
	$node->poll_query_until('postgres', "SELECT current_setting('pg_contract.max_workers') = '$workers'
		AND ($workers > 0 OR NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type LIKE 'pg_contract%' AND datname IS NOT NULL))") or die;
}
sql('INSERT INTO fed SELECT generate_series(1, 20)');
wait_for_sample();
my $before = written('fed');
pause(0);
sql('SELECT pg_stat_reset(); INSERT INTO fed VALUES (5)');
is(sql("SELECT status FROM contract.check('public.fed')"), 'pass', 'an audit needs no worker');
pause(3);
wait_for_sample();
isnt(written('fed'), $before, 'a write after a reset that nobody saw');

# The server stops and starts: its statistics survive, and with them what was written while nobody sampled.
$before = written('fed');
pause(0);
sql('INSERT INTO fed VALUES (6)');
$node->restart;
is(written('fed'), $before, 'a write that nobody has sampled');
pause(3);
wait_for_sample();
isnt(written('fed'), $before, 'is found after a restart');
$before = written('fed');
$node->restart;
wait_for_sample();
is(written('fed'), $before, 'a restart is no write');

# It crashes: they are lost, what was sampled is not.
$node->stop('immediate');
$node->start;
wait_for_sample();
is(written('fed'), $before, 'a crash is no write');
is_write('fed', 'INSERT INTO fed VALUES (7)', 1, 'a write after a crash');
is(sql("SELECT status FROM contract.freshness WHERE dataset = 'public.fed'"), 'fresh', 'and it is fresh throughout');

# A view cannot say that it was written to: it is looked at now and then.
sql("CREATE TABLE base (at timestamptz); CREATE VIEW seen AS SELECT * FROM base;
	SELECT contract.fresh('seen', 'at', '1 hour')");
wait_for("status = 'empty' FROM contract.freshness WHERE dataset = 'public.seen'", 'a view without rows');
sql('INSERT INTO base VALUES (now())');
wait_for("status = 'fresh' FROM contract.freshness WHERE dataset = 'public.seen'", 'that gets some');

# Who holds the table keeps no one else waiting, nor who holds the state.
my $log = -s $node->logfile;
sql("CREATE TABLE held (at timestamptz); INSERT INTO held VALUES (now());
	CREATE TABLE other (at timestamptz); INSERT INTO other VALUES (now());
	SELECT contract.fresh('held', 'at', '1 day'), contract.fresh('other', 'at', '1 day')");
wait_for("count(*) = 2 FROM contract.freshness WHERE dataset IN ('public.held', 'public.other') AND status = 'fresh'", 'two tables are fresh');
my $holder = $node->background_psql('postgres');
$holder->query_safe('BEGIN; LOCK TABLE held');
sql("UPDATE other SET at = now() - interval '3 days'; UPDATE contract.freshness_state SET next_check = now(), due = now() WHERE rule = 'fresh_at'");
wait_for("status = 'late' FROM contract.freshness WHERE dataset = 'public.other'", 'another is looked at while one is locked');
is(sql("SELECT status FROM contract.freshness WHERE dataset = 'public.held'"), 'fresh', 'the locked one stands as it stood');
$holder->query_safe("UPDATE held SET at = now() - interval '3 days'; COMMIT");
wait_for("status = 'late' FROM contract.freshness WHERE dataset = 'public.held'", 'and is looked at when the lock is gone');
$holder->query_safe("BEGIN; SELECT * FROM contract.check('public.held')");
sql("UPDATE other SET at = now()");
wait_for("status = 'fresh' FROM contract.freshness WHERE dataset = 'public.other'", 'nor does an audit that is not committed');
is(sql("SET lock_timeout = '10s'; SELECT count(*) FROM contract.check('public.held'); SELECT contract.alter_rule('held', 'fresh_at', name => 'renamed')"),
	"1\nrenamed", 'another audit, and who changes the rule, do not wait for it either');
$holder->query_safe('COMMIT');
sql('UPDATE held SET at = now()');
wait_for("status = 'fresh' FROM contract.freshness WHERE dataset = 'public.held'", 'afterwards it is looked at');
sql("UPDATE contract.freshness_state SET next_check = now() + interval '3 seconds', due = now() + interval '3 seconds'
	WHERE dataset_id = (SELECT dataset_id FROM contract.dataset WHERE name = 'public.held')");
$holder->query_safe("BEGIN; SELECT contract.drop_contract('public.held')");
wait_for("next_check < now() FROM contract.freshness WHERE dataset = 'public.held'", 'a look is due at what is being dropped');
sql("UPDATE other SET at = now() - interval '3 days'; UPDATE contract.freshness_state SET next_check = now(), due = now()
	WHERE dataset_id = (SELECT dataset_id FROM contract.dataset WHERE name = 'public.other')");
wait_for("status = 'late' FROM contract.freshness WHERE dataset = 'public.other'", 'who is about to drop a contract keeps no one waiting');
$holder->query_safe('ROLLBACK');
$holder->quit;
sql('UPDATE other SET at = now()');
wait_for("status = 'fresh' FROM contract.freshness WHERE dataset = 'public.other'", 'it is fresh again');

# Nor does a rule that fails as if it had been cancelled.
sql("CREATE TABLE liar (at timestamptz); INSERT INTO liar VALUES (now());
	CREATE FUNCTION lie(timestamptz) RETURNS boolean STABLE LANGUAGE plpgsql AS 'BEGIN RAISE ''gotcha'' USING ERRCODE = ''57014''; END';
	SELECT contract.fresh('liar', 'at', '1 day', filter => 'public.lie(at)')");
wait_for("status = 'error' AND message LIKE '%gotcha%' FROM contract.freshness WHERE dataset = 'public.liar'", 'a rule that raises query_canceled is in error');
is(sql("SELECT sum(failures) FROM contract.workers"), 0, 'which is no failure of the worker');

# One that takes too long is ended.
$node->append_conf('postgresql.conf', 'pg_contract.audit_timeout = 200ms');
$node->reload;
sql("CREATE VIEW slow AS SELECT now() AS at FROM (SELECT pg_sleep(180) OFFSET 0) s; SELECT contract.fresh('slow', 'at', '1 hour')");
wait_for("status = 'error' AND message = 'a look takes longer than 200 ms: the column needs an index' AND next_check > now() + interval '1 second'
	FROM contract.freshness WHERE dataset = 'public.slow'", 'a look that takes too long');
sql("CREATE TABLE quick (at timestamptz); SELECT contract.fresh('quick', 'at', '1 hour')");
wait_for("status = 'empty' FROM contract.freshness WHERE dataset = 'public.quick'", 'keeps the others waiting no longer');
unlike(PostgreSQL::Test::Utils::slurp_file($node->logfile, $log), qr/pg_contract.*(ERROR|FATAL|PANIC)|(ERROR|FATAL|PANIC):.*pg_contract/, 'no worker failed');

$node->stop;
done_testing();
