# What is committed survives restarts and crashes, what is not leaves no trace; two-phase commit; a read-only standby.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init(allows_streaming => 1, extra => [ '--locale=C', '--encoding=UTF8' ]);
$node->append_conf('postgresql.conf', $ENV{PGC_EXTRA_CONF} // '');
$node->append_conf('postgresql.conf', 'max_prepared_transactions = 10');
$node->start;

sub run { return $node->safe_psql('postgres', $_[0]) }

# The rows in the table, the exact counts recorded, the violations kept and the rows in quarantine.
sub state_of
{
	my ($table) = @_;
	my $where = "WHERE dataset = 'public.$table'";

	return run("SELECT (SELECT count(*) FROM $table),
		(SELECT coalesce(sum(failed), 0) FROM contract.results $where AND source = 'write' AND action = 'warn'),
		(SELECT count(*) FROM contract.violations $where AND source = 'write' AND action = 'warn'),
		(SELECT count(*) FROM contract.quarantined $where)");
}

run("CREATE EXTENSION pg_contract;
	CREATE TABLE orders (id int PRIMARY KEY, amount int);
	CREATE UNLOGGED TABLE cache (id int PRIMARY KEY, amount int)");
for my $table ('orders', 'cache')
{
	run("SELECT contract.between('$table', 'amount', 0, 1000);
		SELECT contract.forbidden_values('$table', 'amount', ARRAY[666], on_violation => 'quarantine', name => 'beast')");
}
my $bad = "SELECT n, CASE n % 3 WHEN 0 THEN 666 WHEN 1 THEN -1 ELSE 5 END FROM generate_series";

# Restart.
run("INSERT INTO orders $bad(1, 30) n; INSERT INTO cache $bad(1, 30) n");
is(state_of('orders'), '20|10|10|10', 'before the restart');
$node->restart;
is(state_of('orders'), '20|10|10|10', 'after the restart');
is(state_of('cache'), '20|10|10|10', 'and for the unlogged table');
run("INSERT INTO orders $bad(31, 60) n");
is(state_of('orders'), '40|20|20|20', 'the contract is enforced after the restart');

# Prepared transactions.
run("BEGIN;
	INSERT INTO orders $bad(101, 130) n;
	SAVEPOINT lost; INSERT INTO orders $bad(201, 230) n; ROLLBACK TO lost;
	SAVEPOINT kept; INSERT INTO orders $bad(301, 330) n; RELEASE kept;
	PREPARE TRANSACTION 'good'");
run("BEGIN; INSERT INTO orders $bad(401, 430) n; PREPARE TRANSACTION 'bad'");
run("BEGIN; INSERT INTO orders $bad(501, 530) n; PREPARE TRANSACTION 'crash'");
run("BEGIN; SELECT contract.forbidden_values('orders', 'amount', ARRAY[5], name => 'five');
	UPDATE orders SET amount = 5 WHERE id = 1; PREPARE TRANSACTION 'rule'");
is(state_of('orders'), '40|20|20|20', 'prepared: nobody sees it yet');
$node->restart;
is(state_of('orders'), '40|20|20|20', 'nor after a restart');
run("COMMIT PREPARED 'good'");
is(state_of('orders'), '80|40|40|40', 'committed: rows, counts, violations and quarantine');
run("ROLLBACK PREPARED 'bad'");
is(state_of('orders'), '80|40|40|40', 'rolled back: nothing of it');
run("INSERT INTO orders VALUES (1001, 5)");
is(state_of('orders'), '81|40|40|40', 'a rule that is prepared does not count yet');
run("COMMIT PREPARED 'rule'");
is(state_of('orders'), '81|41|41|40', 'its transaction was judged by it');
run("INSERT INTO orders VALUES (1002, 5)");
is(state_of('orders'), '82|42|42|40', 'committed it counts');
run("SELECT contract.drop_rule('orders', 'five')");

# Ids and dataset are right after two-phase commit.
is(run("SELECT count(*) = count(DISTINCT id) FROM contract.violations"), 't', 'ids of violations are unique');
is( run("SELECT count(*), count(*) FILTER (WHERE released) FROM contract.release('orders',
		(SELECT array_agg(id) FROM contract.quarantined WHERE (\"row\"->>'id')::int BETWEEN 301 AND 330))"),
	'10|0', 'rows that a prepared transaction quarantined can be dealt with');

# Crash, with violations pending in open transactions.
my $open = $node->background_psql('postgres');
$open->query_safe("BEGIN; INSERT INTO orders $bad(601, 690) n; INSERT INTO cache $bad(601, 690) n;");
my $flushed = $node->background_psql('postgres');
$flushed->query_safe("BEGIN; INSERT INTO orders $bad(10001, 19000) n; SELECT count(*) FROM contract.violations;");
$node->stop('immediate');
$open->quit;
$flushed->quit;
$node->start;
is(state_of('orders'), '82|42|42|40', 'after a crash: what was committed');
is(state_of('cache'), '0|10|10|10', 'the unlogged table is empty, its records are not');
is(run("SELECT count(*) FROM pg_prepared_xacts"), '1', 'a prepared transaction survived the crash');
run("COMMIT PREPARED 'crash'");
is(state_of('orders'), '102|52|52|50', 'and is committed with its violations');
run("INSERT INTO cache $bad(1, 30) n; INSERT INTO orders $bad(701, 730) n");
is(state_of('cache'), '20|20|20|20', 'the contract of the unlogged table is enforced after the crash');
is(state_of('orders'), '122|62|62|60', 'and the other one');
is(run("SELECT count(*) FROM contract.scorecard WHERE problem IS NOT NULL"), 0, 'no dataset has a problem');
is(run("SELECT count(*) - count(DISTINCT id) FROM contract.violations"), 0, 'no id is used twice after a crash');
is(run("SELECT failed FROM contract.check('orders') WHERE rule = 'between_amount'"),
	run("SELECT count(*) FROM orders WHERE amount NOT BETWEEN 0 AND 1000"), 'an audit counts as SQL does');

# A backend that dies takes only its own transaction with it, and everyone's server restarts.
my $other = $node->background_psql('postgres');
$other->query_safe("BEGIN; INSERT INTO orders $bad(801, 830) n;");
my $pid = $other->query_safe('SELECT pg_backend_pid()');
is(run("SELECT pg_terminate_backend($pid, 60000)"), 't', 'a backend with pending violations is terminated');
$other->quit;
is(state_of('orders'), '122|62|62|60', 'its rows and violations are gone');

# A standby.
$node->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'copy', has_streaming => 1);
$standby->start;
run("INSERT INTO orders $bad(901, 930) n");
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
for my $query (
	"SELECT * FROM contract.rules ORDER BY 1, 2",
	"SELECT * FROM contract.violations ORDER BY id",
	"SELECT * FROM contract.quarantined ORDER BY id",
	"SELECT * FROM contract.results ORDER BY run_id, rule",
	"SELECT * FROM contract.scorecard ORDER BY 1",
	"SELECT * FROM contract.pii_columns ORDER BY 1")
{
	is($standby->safe_psql('postgres', $query), run($query), "on a standby: $query");
}
is($standby->safe_psql('postgres', "SELECT count(*) FROM contract.violations WHERE (\"row\"->>'id')::int BETWEEN 901 AND 930
	AND action = 'warn'"), 10, 'the standby has the new violations');
for my $statement (
	"SELECT contract.not_null('orders', 'amount')",
	"SELECT contract.describe('orders', owner => 'x')",
	"SELECT * FROM contract.release('orders')",
	"SELECT contract.repair(1, '{\"amount\": 1}')",
	"SELECT contract.discard('orders', ARRAY[1])",
	"SELECT contract.prune()",
	"SELECT contract.drop_rule('orders', 'beast')",
	"SELECT contract.drop_contract('orders')",
	"INSERT INTO orders VALUES (5000, -1)")
{
	my ($rc, $stdout, $stderr) = $standby->psql('postgres', $statement);
	like($stderr, qr/ERROR:  (cannot .* (in a read-only transaction|during recovery)|.*standby)/, "on a standby, clearly refused: $statement");
}
is($standby->safe_psql('postgres', "SELECT failed FROM contract.preview('orders', 'not_null', '{amount}')"), 0,
	'preview works on a standby');
# An audit where nothing can be written returns what it found, and says that it is not kept.
my $audit = "SELECT rule, status, considered, failed FROM contract.check('orders') ORDER BY rule";
my $found = run("BEGIN; $audit; ROLLBACK");
my $runs = run('SELECT count(*) FROM contract.run');
my ($rc, $stdout, $stderr) = $standby->psql('postgres', $audit);
is($stdout, $found, 'an audit on a standby finds what one on the primary finds');
like($stderr, qr/NOTICE:  the results for .* not stored\nDETAIL:  This server is a standby/, 'and says that nothing is stored');
($rc, $stdout, $stderr) = $node->psql('postgres', "BEGIN READ ONLY; $audit");
is($stdout, $found, 'so does one in a read-only transaction');
like($stderr, qr/NOTICE:  the results for .* not stored\nDETAIL:  The transaction is read-only/, 'and says so');
is(run('SELECT count(*) FROM contract.run'), $runs, 'indeed nothing was');

# The standby takes over.
$node->stop;
$standby->promote;
$standby->safe_psql('postgres', "INSERT INTO orders $bad(5001, 5030) n");
is( $standby->safe_psql('postgres', "SELECT count(*) FROM contract.violations WHERE (\"row\"->>'id')::int BETWEEN 5001 AND 5030
		AND action = 'warn'"),
	10, 'promoted, it enforces');
$standby->stop;

done_testing();
