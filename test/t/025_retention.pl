# The worker caps the history by itself: a large one in small batches, in turns with its other work, while rows are
# written; settings are followed; counters stay; autovacuum does its part; a dump and pg_upgrade of the counters is 002's and 003's.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--locale=C', '--encoding=UTF8' ]);
$node->append_conf('postgresql.conf', ($ENV{PGC_EXTRA_CONF} // '') . <<'END');

shared_preload_libraries = 'pg_contract'
pg_contract.naptime = '20ms'
pg_contract.max_workers = 0
autovacuum_naptime = 1s
log_autovacuum_min_duration = 0
END
$node->start;

sub run { return $node->safe_psql('postgres', $_[0]) }

sub setting
{
	my ($name, $value) = @_;

	run("ALTER SYSTEM SET $name = '$value'");
	$node->reload;
	return;
}

# How many rows of each table a dataset has: runs, results, violations, metrics.
sub kept
{
	my ($table) = @_;
	my $of = "(SELECT dataset_id FROM contract.dataset WHERE table_name = '$table')";

	return run("SELECT (SELECT count(*) FROM contract.run WHERE dataset_id = $of),
		(SELECT count(*) FROM contract.run JOIN contract.result USING (run_id) WHERE dataset_id = $of),
		(SELECT count(*) FROM contract.violation WHERE dataset_id = $of), (SELECT count(*) FROM contract.metric WHERE dataset_id = $of)");
}

sub becomes
{
	my ($table, $expected, $name) = @_;

	for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		last if kept($table) eq $expected;
		select undef, undef, undef, 0.1;
	}
	is(kept($table), $expected, $name);
	return;
}

sub counters
{
	return run(q{SELECT labels ->> 'dataset', labels ->> 'action', value FROM contract.prometheus
		WHERE metric = 'pg_contract_failed_rows_total' AND value > 0 ORDER BY 1, 2});
}

run(q{
	CREATE EXTENSION pg_contract;
	CREATE TABLE big (id int, amount int);
	CREATE TABLE small (id int, amount int);
	SELECT contract.between(t, 'amount', 0, 100) FROM unnest('{big,small}'::regclass[]) t;
	INSERT INTO small VALUES (1, -1);
	WITH run AS (
		INSERT INTO contract.run (dataset_id, source, operation, at, role, xid, failed)
		SELECT d.dataset_id, 'write', 'INSERT', now() - n * interval '30 seconds', current_user, pg_current_xact_id(), 2
		FROM contract.dataset d, generate_series(1, 300000) n WHERE d.table_name = 'big' RETURNING *),
	violation AS (
		INSERT INTO contract.violation (run_id, dataset_id, rule, kind, columns, at, action)
		SELECT run_id, dataset_id, 'between_amount', 'between', '{amount}', at, 'warn' FROM run),
	metric AS (
		INSERT INTO contract.metric SELECT run_id, dataset_id, NULL, 'rows', 1, '1', at FROM run)
	INSERT INTO contract.result (run_id, rule, kind, columns, action, status, failed)
	SELECT run_id, 'between_amount', 'between', '{amount}', 'warn', 'fail', 2 FROM run;
});
# 90 days of a violation every 30 seconds are 259,200; 100,000 stay.
is(counters(), "public.big|warn|600000\npublic.small|warn|1", 'the counters before');
is(kept('big'), '300000|300000|300000|300000', 'no worker, nothing is pruned');
setting('pg_contract.max_workers', 3);

# Others have their turn while it is at work: a row that is refused is recorded long before all is pruned.
ok($node->poll_query_until('postgres', 'SELECT count(*) < 300000 FROM contract.violation'), 'the worker begins');
run('INSERT INTO small VALUES (2, -1)');
becomes('big', '100000|100000|100000|100000', 'a large history is capped by rows');
is(counters(), "public.big|warn|600000\npublic.small|warn|2", 'the counters after');
is(kept('small'), '2|2|2|0', 'a small one is not touched');
is(run(q{SELECT bool_and(next_look > now() + '50 minutes') FROM contract.retention_state}), 't', 'the next look is in an hour');
ok($node->poll_query_until('postgres', q{SELECT bool_and(vacuum_count + autovacuum_count > 0) FROM pg_stat_all_tables
	WHERE schemaname = 'contract' AND relname IN ('run', 'result', 'violation', 'metric')}), 'autovacuum does its part');

# Settings, which a reload changes, and those of a dataset.
setting('pg_contract.history_max_rows', 5000);
setting('pg_contract.history_max_age', '1d');
run("UPDATE contract.retention_state SET next_look = '-infinity'; SELECT contract.retain('big', 'metrics', '30 days', 4000)");
$node->poll_query_until('postgres', 'SELECT count(*) = 4000 FROM contract.metric') or die 'metrics are not pruned';
like(kept('big'), qr/^(28[0-7]\d)\|\g1\|\g1\|4000$/, 'one day by the setting, of metrics as said for the dataset');
is(counters(), "public.big|warn|600000\npublic.small|warn|2", 'the counters stay');

# Cut off in the middle.
run("SELECT contract.retain('big', h, max_rows => 100) FROM unnest('{violations,results,metrics}'::text[]) h");
$node->stop('immediate');
$node->start;
becomes('big', '100|100|100|100', 'a crash does not keep it from its work');
is(counters(), "public.big|warn|600000\npublic.small|warn|2", 'nor does it change a counter');
$node->stop;
done_testing();
