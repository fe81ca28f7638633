# Statements as they run, with the library preloaded: what is seen of them, by whom, and what they do not notice.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--locale=C', '--encoding=UTF8' ]);
$node->append_conf('postgresql.conf', $ENV{PGC_EXTRA_CONF} // '');
$node->append_conf('postgresql.conf', <<'END');
shared_preload_libraries = 'pg_contract'
pg_contract.naptime = '50ms'
pg_contract.track_lineage = all
END
$node->start;

sub run { return $node->safe_psql('postgres', $_[0]) }

# Waits until the worker has recorded so many executions of the statements like a pattern.
sub recorded
{
	my ($executions, $pattern, $name) = @_;

	ok($node->poll_query_until('postgres', "SELECT COALESCE(sum(executions), 0) = $executions
		FROM contract.lineage_statement WHERE statement LIKE '$pattern'"), $name);
	return;
}

# What the log says more than it did at a length.
sub logged
{
	my ($from) = @_;

	return substr(slurp_file($node->logfile), $from);
}

run('CREATE TABLE before (id int, x int); INSERT INTO before SELECT i, i FROM generate_series(1, 10) i;
	CREATE TABLE early (id int, x int); INSERT INTO early SELECT * FROM before');
run('CREATE EXTENSION pg_contract; CREATE TABLE a (id int PRIMARY KEY, x int, y text);
	INSERT INTO a SELECT i, i, i::text FROM generate_series(1, 1000) i; CREATE TABLE b (id int, x int, y text)');

subtest 'statements' => sub {
	run('INSERT INTO b SELECT * FROM a');
	run('INSERT INTO b SELECT * FROM a') for 1 .. 3;
	recorded(4, 'INSERT INTO b SELECT * FROM a', 'four sessions, one statement');
	is(run("SELECT count(*), min(executions), min(rows) FROM contract.lineage_statement WHERE statement = 'INSERT INTO b SELECT * FROM a'"),
		'1|4|4000', 'one row with counters');
	is(run("SELECT count(*) FROM contract.lineage WHERE source_table = 'before'"), '0', 'nothing from before the extension');
	run("SET application_name = 'nightly'; CREATE TABLE c AS SELECT id, x + 1 AS next FROM a WHERE y <> 'secret'");
	recorded(1, 'CREATE TABLE c%', 'CREATE TABLE AS');
	is(run("SELECT DISTINCT statement, application, role = current_user, rows FROM contract.lineage WHERE target_table = 'c'"),
		'CREATE TABLE c AS SELECT id, x + $1 AS next FROM a WHERE y <> $2|nightly|t|1000', 'who did what');
};

subtest 'query ids' => sub {
	my $id = run("SELECT query_id FROM contract.lineage_statement WHERE statement = 'INSERT INTO b SELECT * FROM a'");

	is(run("SELECT setting FROM pg_settings WHERE name = 'compute_query_id'"), 'auto', 'nobody asks for query ids');
	ok($id, 'there is one all the same');
	like(run('SET compute_query_id = on; EXPLAIN (VERBOSE) INSERT INTO b SELECT * FROM a'), qr/Query Identifier: \Q$id\E$/m,
		'the same that the server computes');
	unlike(run('EXPLAIN (VERBOSE) INSERT INTO b SELECT * FROM a'), qr/Query Identifier/, 'EXPLAIN shows none that was not asked for');
	is(run('SELECT query_id IS NULL FROM pg_stat_activity WHERE pid = pg_backend_pid()'), 't', 'none for a plain SELECT');
	is(run("SET compute_query_id = off; INSERT INTO b (id) SELECT id FROM a; SELECT count(*) FROM pg_stat_activity WHERE query_id IS NOT NULL"),
		'0', 'none where they are switched off');
	recorded(1, 'INSERT INTO b (id) SELECT id FROM a', 'the statement is recorded nevertheless');
	is(run("SELECT query_id IS NULL FROM contract.lineage_statement WHERE statement = 'INSERT INTO b (id) SELECT id FROM a'"), 't', 'without');
};

subtest 'parallel query' => sub {
	my $force = run("SELECT name FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query')");

	run("SET $force = on; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
		CREATE TABLE parallel AS SELECT x, count(*) AS n FROM a GROUP BY x");
	recorded(1, 'CREATE TABLE parallel%', 'is one execution');
	is(run("SELECT rows FROM contract.lineage_statement WHERE statement LIKE 'CREATE TABLE parallel%'"), '1000', 'and its rows');
};

subtest 'what does not notice' => sub {
	my $log = -s $node->logfile;

	# The worker finds nothing to write to: neither does the statement notice, nor another.
	run("ALTER TABLE contract.lineage_statement RENAME TO hidden");
	run("SET pg_contract.lineage_sync = on; INSERT INTO b (x) SELECT id FROM a; INSERT INTO b (x) SELECT x FROM a;
		BEGIN; INSERT INTO b (x, id) SELECT id, x FROM a; COMMIT");
	is(run('SELECT count(*) FROM b WHERE y IS NULL'), '4000', 'statements whose lineage cannot be recorded');
	my @said = logged($log) =~ /LOG:  pg_contract could not follow the lineage of a statement: (.*)/g;
	is_deeply(\@said, ['relation "contract.lineage_statement" does not exist'], 'the log says so once a session');
	unlike(logged($log), qr/WARNING/, 'nothing is leaked');
	run("ALTER TABLE contract.hidden RENAME TO lineage_statement");
	is(run("SET pg_contract.lineage_sync = on; BEGIN READ ONLY; COPY a TO '/dev/null'; COMMIT; SELECT 1"), '1', 'a transaction that only reads');
	run("SET check_function_bodies = off; SET row_security = off; SET pg_contract.lineage_sync = on; INSERT INTO b (y) SELECT y FROM a");
	is(run("SELECT count(*) FROM contract.lineage_statement WHERE statement LIKE 'INSERT INTO b (y)%'"), '0', 'a dump that is restored is not tracked');
};

subtest 'a plan outlives what is known of it' => sub {
	# Each statement has other columns: more than is kept over the end of a transaction.
	my $size = "SELECT sum(total_bytes) FROM pg_backend_memory_contexts WHERE name LIKE 'pg_contract statement%' OR parent LIKE 'pg_contract statement%'";
	my $sizes = run("SET pg_contract.lineage_sync = on; SET plan_cache_mode = force_generic_plan;
		CREATE TABLE wide (" . join(', ', map { "column_with_a_long_name_$_ int" } 1 .. 300) . ");
		PREPARE kept (int) AS INSERT INTO b (x) SELECT id FROM a WHERE id = \$1;
		EXECUTE kept (1);
		BEGIN;
		SET LOCAL pg_contract.lineage_sync = on;
		DO \$\$BEGIN FOR n IN 1 .. 299 LOOP
			EXECUTE format('INSERT INTO wide SELECT %s FROM wide',
				(SELECT string_agg(format('column_with_a_long_name_%s', (i * 7 + n * 13) % 300 + 1), ', ') FROM generate_series(1, 300 - n % 50) i));
		END LOOP; END\$\$;
		$size;
		ROLLBACK;
		$size;
		EXECUTE kept (2)");
	my ($within, $after) = $sizes =~ /(\d+)/g;

	cmp_ok($within, '>', 8 * 1024 * 1024, 'a transaction has many statements');
	cmp_ok($after, '<', 1024 * 1024, 'then all are forgotten');
	recorded(2, 'PREPARE kept%', 'a kept plan is made anew, with lineage');
};

subtest 'preloaded by others' => sub {
	$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_contract, pg_stat_statements'");
	$node->restart;
	run('CREATE EXTENSION pg_stat_statements; INSERT INTO b (id, y) SELECT id, y FROM a; SELECT id INTO d FROM a');
	recorded(1, 'INSERT INTO b (id, y)%', 'pg_stat_statements is there');
	recorded(1, 'SELECT id INTO d%', 'and takes the ids off commands');
	is(run("SELECT count(*) FROM contract.lineage_statement l JOIN pg_stat_statements s ON s.queryid = l.query_id
		WHERE l.statement LIKE 'INSERT INTO b (id, y)%' OR l.statement LIKE 'SELECT id INTO d%'"), '2', 'the ids are its ids');
	$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
	$node->restart;
	run("LOAD 'pg_contract'; SET pg_contract.track_lineage = 'all'; INSERT INTO b (id, x) SELECT id, x FROM a");
	is(run("LOAD 'pg_contract'; SET pg_contract.track_lineage = 'all'; SET pg_contract.lineage_sync = on;
		INSERT INTO b (x, y) SELECT x, y FROM a;
		SELECT string_agg(statement, ', ') FROM contract.lineage_statement WHERE statement ~ 'INSERT INTO b \\(., .\\)' AND statement !~ 'id, y'"),
		'INSERT INTO b (x, y) SELECT x, y FROM a', 'not preloaded: only in the transaction itself');
};

$node->stop;
done_testing();
