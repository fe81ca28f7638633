# A session's memory stays bounded, whatever it fails and however often its contracts change.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--locale=C', '--encoding=UTF8' ]);
$node->append_conf('postgresql.conf', $ENV{PGC_EXTRA_CONF} // '');
$node->append_conf('postgresql.conf', 'log_statement = none');
$node->start;
$node->safe_psql('postgres', "CREATE EXTENSION pg_contract;
	CREATE TABLE orders (id int, amount int, note text);
	CREATE TABLE pairs (id int, amount int, note text);
	CREATE TABLE refused (id int, amount int);
	SELECT contract.describe('pairs', write_path => 'oltp');
	SELECT contract.between('orders', 'amount', 0, 1000);
	SELECT contract.satisfies('orders', 'length(note) < id', name => 'short');
	SELECT contract.between('pairs', 'amount', 0, 1000, on_violation => 'quarantine');
	SELECT contract.not_null('pairs', 'note');
	SELECT contract.between('refused', 'amount', 0, 1000, on_violation => 'reject');
	ALTER TABLE contract.violation SET (autovacuum_enabled = off)");

# Bytes of all contexts of the session, and of those of pg_contract with what is below them.
my $measure = q{
	WITH RECURSIVE context AS (
		SELECT name, parent, total_bytes, name LIKE 'pg_contract%' AS ours FROM pg_backend_memory_contexts)
	SELECT 'bytes', sum(total_bytes), coalesce(sum(total_bytes) FILTER (WHERE ours OR parent LIKE 'pg_contract%'), 0) FROM context;
};

# Runs $sql once to warm up, $times times between two measurements, all in one session: the growth in bytes.
sub growth
{
	my ($begin, $sql, $times, $end, $on_error_stop) = @_;
	my $script = $begin . $sql x 200 . $measure . $sql x $times . $measure . $end;
	my ($rc, $stdout, $stderr) = $node->psql('postgres', $script, on_error_stop => $on_error_stop // 1);
	my @bytes = map { [ (split /\|/)[ 1, 2 ] ] } grep { /^bytes\|/ } split /\n/, $stdout;

	is($rc, 0, 'the session ends well') or diag substr($stderr, 0, 500);
	is(scalar @bytes, 2, 'two measurements');
	return ($bytes[1][0] - $bytes[0][0], $bytes[1][1] - $bytes[0][1], $bytes[1][1]);
}

sub bounded
{
	my ($name, @arguments) = @_;
	my ($all, $ours, $last) = growth(@arguments);

	cmp_ok($last, '>', 0, "$name: there is something to measure");
	cmp_ok($all, '<', 2 * 1024 * 1024, "$name: the session's memory grows by less than 2 MB");
	cmp_ok($ours, '<', 1024 * 1024, "$name: ours by less than 1 MB");
	cmp_ok($last, '<', 12 * 1024 * 1024, "$name: ours is less than 12 MB in all");
	return;
}

my $insert = "INSERT INTO orders VALUES (1, -1, 'too long');\n";
bounded('10,000 failing INSERTs', '', $insert, 10000, '');
is($node->safe_psql('postgres', "SELECT rule, sum(failed), count(*) FROM contract.results GROUP BY 1 ORDER BY 1"),
	"between_amount|10200|10200\nshort|10200|10200", 'each is recorded exactly once');
$node->safe_psql('postgres', 'TRUNCATE contract.run, contract.result, contract.violation');

bounded('10,000 diverted INSERTs', '', "INSERT INTO pairs VALUES (1, -1, NULL);\n", 10000, '');
is($node->safe_psql('postgres', 'SELECT count(*) FROM contract.quarantine'), 10200, 'each is kept');
$node->safe_psql('postgres', 'TRUNCATE contract.run, contract.result, contract.violation, contract.quarantine');

bounded('10,000 refused INSERTs', '', "INSERT INTO refused VALUES (1, -1);\n", 10000, 'SELECT 1;', 0);

# One transaction.
bounded('10,000 failing INSERTs in one transaction', 'BEGIN;', $insert, 10000, 'COMMIT;');
is($node->safe_psql('postgres', "SELECT rule, sum(failed) FROM contract.results GROUP BY 1 ORDER BY 1"),
	"between_amount|10200\nshort|10200", 'the counts are exact');
$node->safe_psql('postgres', 'TRUNCATE contract.run, contract.result, contract.violation, orders');

# Subtransactions: kept, rolled back, failing.
bounded('subtransactions', 'BEGIN;', "SAVEPOINT a; INSERT INTO orders VALUES (1, -1, 'too long'); RELEASE a;
	SAVEPOINT b; INSERT INTO orders VALUES (1, -1, 'too long'); INSERT INTO pairs VALUES (1, -1, NULL); ROLLBACK TO b; RELEASE b;
	SAVEPOINT c; INSERT INTO refused VALUES (1, -1); ROLLBACK TO c; RELEASE c;\n", 3000, 'COMMIT;', 0);
is($node->safe_psql('postgres', "SELECT rule, sum(failed) FROM contract.results GROUP BY 1 ORDER BY 1"),
	"between_amount|3200\nshort|3200", 'the counts are those of the subtransactions that were kept');
is($node->safe_psql('postgres', 'SELECT count(*) FROM contract.quarantine'), 0, 'what was rolled back is not in quarantine');
$node->safe_psql('postgres', 'TRUNCATE contract.run, contract.result, contract.violation, orders');

# The same from PL/pgSQL: ten thousand exception blocks in one statement.
my $block = q{
	DO $$ BEGIN
		FOR i IN 1 .. 10000 LOOP
			BEGIN
				INSERT INTO orders VALUES (1, -1, 'too long');
				INSERT INTO pairs VALUES (i, -1, NULL);
				IF i % 2 = 0 THEN INSERT INTO refused VALUES (1, -1); END IF;
			EXCEPTION WHEN check_violation THEN NULL;
			END;
		END LOOP;
	END $$;};
my ($rc, $stdout, $stderr) = $node->psql('postgres', "BEGIN; $block $measure $block $measure COMMIT;", on_error_stop => 1);
is($rc, 0, '20,000 exception blocks in one transaction') or diag $stderr;
my @bytes = map { (split /\|/)[2] } grep { /^bytes/ } split /\n/, $stdout;
cmp_ok($bytes[1], '<', $bytes[0] + 1024 * 1024, 'our memory does not grow with exception blocks');
is($node->safe_psql('postgres', "SELECT d.name, r.rule, r.action, sum(r.failed) FROM contract.result r JOIN contract.run USING (run_id)
	JOIN contract.dataset d USING (dataset_id) GROUP BY 1, 2, 3 ORDER BY 1, 2"),
	"public.orders|between_amount|warn|10000\npublic.orders|short|warn|10000\n"
	  . "public.pairs|between_amount|quarantine|10000\npublic.pairs|not_null_note|quarantine|10000", 'the counts are exact');
is($node->safe_psql('postgres', 'SELECT count(*) FROM contract.quarantine'), 10000, 'and every diverted row is there');
$node->safe_psql('postgres', 'TRUNCATE contract.run, contract.result, contract.violation, contract.quarantine, orders');

# Large rows: what is held back until commit is bounded, too.
($rc, $stdout, $stderr) = $node->psql('postgres', "BEGIN;
	INSERT INTO pairs SELECT n, -1, repeat('x', 100000) FROM generate_series(1, 2000) n;
	$measure COMMIT;", on_error_stop => 1);
is($rc, 0, '200 MB of diverted rows in one statement') or diag $stderr;
cmp_ok((map { (split /\|/)[2] } grep { /^bytes/ } split /\n/, $stdout)[0], '<', 32 * 1024 * 1024, 'at most a part of them is held in memory');
is($node->safe_psql('postgres', "SELECT count(*), min(length(\"row\"->>'note')) FROM contract.quarantine"), '2000|100000', 'all are kept');

# Rules that come and go, and writes between them.
my $change = "SELECT contract.forbidden_values('orders', 'amount', ARRAY[3], name => 'three');
	INSERT INTO orders VALUES (20, 3, 'x');
	SELECT contract.alter_rule('orders', 'three', on_violation => 'reject');
	SELECT contract.drop_rule('orders', 'three');\n";
bounded('2,000 rule changes', '', $change, 667, '');
my $in_one = "SELECT contract.forbidden_values('orders', 'amount', ARRAY[3], name => 'three');
	INSERT INTO orders VALUES (20, 3, 'x');
	SELECT contract.drop_rule('orders', 'three');\n";
($rc, $stdout, $stderr) = $node->psql('postgres', "BEGIN; $in_one $measure " . $in_one x 300 . "$measure COMMIT; $measure", on_error_stop => 1);
is($rc, 0, '600 rule changes in one transaction') or diag $stderr;
@bytes = map { (split /\|/)[2] } grep { /^bytes/ } split /\n/, $stdout;
cmp_ok($bytes[2], '<', $bytes[0] + 1024 * 1024, 'what they leave is freed at its end');

# Another session's changes.
my $reader = $node->background_psql('postgres');
$reader->query_safe("INSERT INTO orders VALUES (20, 5, 'x');");
my $sum = "SELECT coalesce(sum(total_bytes), 0) FROM pg_backend_memory_contexts WHERE name LIKE 'pg_contract%' OR parent LIKE 'pg_contract%'";
my $first = $reader->query_safe($sum);
for my $i (1 .. 200)
{
	$node->safe_psql('postgres', $i % 2 ? "SELECT contract.forbidden_values('orders', 'amount', ARRAY[3], name => 'three')"
		: "SELECT contract.drop_rule('orders', 'three')");
	$reader->query_safe("INSERT INTO orders VALUES (20, 5, 'x');");
}
my $last = $reader->query_safe($sum);
cmp_ok($last, '<', $first + 256 * 1024, 'a session that follows 200 changes of another does not grow');
$reader->quit;

$node->stop;
done_testing();
