# Logical replication: a contract on the subscriber judges what the apply workers write, as it judges everybody.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my @init = (extra => [ '--locale=C', '--encoding=UTF8' ]);
my $publisher = PostgreSQL::Test::Cluster->new('publisher');
$publisher->init(allows_streaming => 'logical', @init);
$publisher->start;
my $subscriber = PostgreSQL::Test::Cluster->new('subscriber');
$subscriber->init(allows_streaming => 'logical', @init);
$subscriber->append_conf('postgresql.conf', $ENV{PGC_EXTRA_CONF} // '');
$subscriber->append_conf('postgresql.conf', "wal_retrieve_retry_interval = '100ms'");
$subscriber->start;

sub send_sql { return $publisher->safe_psql('postgres', $_[0]) }
sub run { return $subscriber->safe_psql('postgres', $_[0]) }
sub caught_up { $publisher->wait_for_catchup('s'); return }

# The subscription after a change of its tables: all of them copied.
sub synchronized
{
	$subscriber->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_subscription_rel WHERE srsubstate NOT IN ('r', 's')")
	  or die 'the tables were not copied';
	caught_up();
	return;
}

sub counts
{
	my ($table) = @_;

	return run("SELECT rule, action, operation, sum(failed) FROM contract.results
		WHERE dataset = 'public.$table' AND source = 'write' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3");
}

# Rows in the table, in quarantine, violations kept.
sub state_of
{
	my ($table) = @_;

	return run("SELECT (SELECT count(*) FROM $table),
		(SELECT count(*) FROM contract.quarantined WHERE dataset = 'public.$table'),
		(SELECT count(*) FROM contract.violations WHERE dataset = 'public.$table' AND source = 'write')");
}

run('CREATE EXTENSION pg_contract');
my $tables = "
	CREATE TABLE warned (id int PRIMARY KEY, amount int, note text);
	CREATE TABLE diverted (id int PRIMARY KEY, amount int, note text);
	CREATE TABLE refused (id int PRIMARY KEY, amount int, note text);
	CREATE TABLE softened (id int PRIMARY KEY, amount int, note text);";
send_sql("$tables CREATE PUBLICATION p FOR ALL TABLES");
run("CREATE TABLE pad (x int); $tables
	ALTER TABLE warned ADD COLUMN seen timestamptz DEFAULT now()");
run("SELECT contract.between('warned', 'amount', 0, 1000);
	SELECT contract.between('diverted', 'amount', 0, 1000, on_violation => 'quarantine');
	SELECT contract.not_null('diverted', 'note');
	SELECT contract.between('refused', 'amount', 0, 1000, on_violation => 'reject');
	SELECT contract.not_null('refused', 'note');
	SELECT contract.between('softened', 'amount', 0, 1000, on_violation => 'reject');
	SELECT contract.describe('softened', on_apply => 'warn')");

# The copy of what is there already.
send_sql("INSERT INTO warned SELECT n, CASE n % 10 WHEN 0 THEN -1 ELSE n END FROM generate_series(1, 1000) n;
	INSERT INTO diverted SELECT n, CASE n % 10 WHEN 0 THEN -1 ELSE n END, 'x' FROM generate_series(1, 1000) n;
	INSERT INTO softened SELECT n, -1 FROM generate_series(1, 10) n");
run("CREATE SUBSCRIPTION s CONNECTION '" . $publisher->connstr . " dbname=postgres' PUBLICATION p");
synchronized();
is(counts('warned'), 'between_amount|warn|INSERT|100', 'initial copy: exact count of warned rows');
is(state_of('warned'), '1000|0|100', 'initial copy: rows are there, a hundred of the failing ones are kept');
is(counts('diverted'), 'between_amount|quarantine|INSERT|100', 'initial copy: rows are diverted');
is(state_of('diverted') =~ s/\|\d+$//r, '900|100', 'initial copy: to quarantine');
is(state_of('softened') =~ s/\|\d+$//r, '10|0', "initial copy: on_apply => 'warn' lets the rows through");
is(counts('softened'), 'between_amount|warn|INSERT|10', 'initial copy: and records them');

# INSERT, UPDATE, DELETE.
send_sql("INSERT INTO warned VALUES (2001, -5), (2002, 5); INSERT INTO warned VALUES (2003, 5000)");
caught_up();
is(run("SELECT key, operation, action, value, source FROM contract.violations WHERE dataset = 'public.warned' AND (key->>'id')::int > 2000 ORDER BY id"),
	qq({"id": 2001}|INSERT|warn|-5|write\n{"id": 2003}|INSERT|warn|5000|write), 'applied INSERTs are recorded');
send_sql("UPDATE warned SET amount = -7 WHERE id = 2002; UPDATE warned SET note = 'y' WHERE id = 2001; DELETE FROM warned WHERE id = 2003");
caught_up();
is(counts('warned'), "between_amount|warn|INSERT|102\nbetween_amount|warn|UPDATE|1",
	'applied UPDATEs are judged by what they change');
is(run('SELECT id, amount, note FROM warned WHERE id > 2000 ORDER BY id'), "2001|-5|y\n2002|-7|", 'and applied, DELETE too');
my $role = run('SELECT current_user');
is(run("SELECT DISTINCT role FROM contract.violations WHERE dataset = 'public.warned'"), $role, 'the role is known');

# Quarantine.
send_sql("INSERT INTO diverted VALUES (2001, -5, NULL), (2002, 5, NULL), (2003, 6, 'x')");
caught_up();
is(run("SELECT \"row\"->>'id', rules FROM contract.quarantined WHERE (\"row\"->>'id')::int > 2000"),
	'2001|{between_amount,not_null_note}', 'an applied INSERT is diverted, with all its reasons');
is(run('SELECT id, note FROM diverted WHERE id > 2000 ORDER BY id'), "2002|\n2003|x", 'the others are there');
send_sql('UPDATE diverted SET amount = -8 WHERE id = 2003');
caught_up();
is(run('SELECT amount FROM diverted WHERE id = 2003'), 6, 'a diverted UPDATE keeps the old row in place');
is(run("SELECT operation, key, \"row\"->>'amount', changed FROM contract.quarantined WHERE operation = 'UPDATE'"),
	'UPDATE|{"id": "2003"}|-8|{amount}', 'and waits in quarantine');
send_sql('UPDATE diverted SET amount = 77 WHERE id = 2001; DELETE FROM diverted WHERE id = 2001; UPDATE diverted SET amount = 9 WHERE id = 2003');
caught_up();
is(run('SELECT amount FROM diverted WHERE id = 2003'), 9, 'changes of rows that are not there do not stop the subscription');

# Reject stops the subscription, as a CHECK would; the records of its retries are not there, and those of the warn rule once.
sub rejections
{
	my ($offset) = @_;

	return scalar(() = substr(slurp_file($subscriber->logfile), $offset) =~ /ERROR:  .*between_amount/g);
}

my $offset = -s $subscriber->logfile;
send_sql("BEGIN; INSERT INTO refused VALUES (1, 5, NULL), (2, -5, NULL), (3, 6, 'x'); INSERT INTO warned VALUES (3001, -1); COMMIT");
$subscriber->poll_query_until('postgres', "SELECT apply_error_count >= 3 FROM pg_stat_subscription_stats WHERE subname = 's'")
  or die 'the subscription was not stopped';
cmp_ok(rejections($offset), '>=', 3, 'reject stops the subscription, whose retries fail');
is(state_of('refused'), '0|0|0', 'nothing of the transaction is there');
is(run("SELECT count(*) FROM contract.violations WHERE (key->>'id')::int = 3001"), 0, 'nor recorded');
run("SELECT contract.alter_rule('refused', 'between_amount', parameters => '{\"minimum\": \"-10\", \"maximum\": \"1000\"}')");
caught_up();
is(run('SELECT count(*) FROM refused'), 3, 'with another rule it goes on');
is(counts('refused'), 'not_null_note|warn|INSERT|2', 'records are there once, whatever the number of retries');
is(run("SELECT count(*) FROM contract.violations WHERE (key->>'id')::int = 3001"), 1, 'those of the other table too');

# Softened.
send_sql("INSERT INTO refused VALUES (10, -100, 'x')");
my $stopped = run("SELECT apply_error_count FROM pg_stat_subscription_stats WHERE subname = 's'");
$subscriber->poll_query_until('postgres', "SELECT apply_error_count > $stopped FROM pg_stat_subscription_stats WHERE subname = 's'")
  or die 'the subscription was not stopped';
run("SELECT contract.describe('refused', on_apply => 'warn')");
caught_up();
is(run("SELECT v.rule, v.action, v.key FROM contract.violations v WHERE dataset = 'public.refused' AND v.rule = 'between_amount'"),
	'between_amount|warn|{"id": 10}', "describe(on_apply => 'warn') lets a stopped subscription go on, and records");
my ($rc, $stdout, $stderr) = $subscriber->psql('postgres', "INSERT INTO refused VALUES (11, -100, 'x')");
like($stderr, qr/violates contract rule "between_amount"/, 'everybody else is refused as before');

# session_replication_role does not switch a contract off.
($rc, $stdout, $stderr) = $subscriber->psql('postgres', "SET session_replication_role = replica; INSERT INTO refused VALUES (12, -100, 'x')");
like($stderr, qr/violates contract rule "between_amount"/, 'session_replication_role = replica: refused');
run("SET session_replication_role = replica; INSERT INTO diverted VALUES (4001, -1, 'x'); INSERT INTO warned VALUES (4001, -1);
	UPDATE warned SET amount = -2 WHERE id = 1");
is(run("SELECT count(*) FROM contract.quarantined WHERE \"row\"->>'id' = '4001'"), 1, 'session_replication_role = replica: diverted');
is(run("SELECT count(*) FROM contract.violations WHERE dataset = 'public.warned' AND (key->>'id')::int IN (1, 4001)"), 2,
	'session_replication_role = replica: recorded');

# A partitioned target, whose partitions have another order of columns; two-phase and streamed transactions.
send_sql("CREATE TABLE parts (id int PRIMARY KEY, amount int); INSERT INTO parts SELECT n, -n FROM generate_series(1, 20) n");
run("CREATE TABLE parts (id int, amount int, PRIMARY KEY (id)) PARTITION BY RANGE (id);
	CREATE TABLE parts_low (amount int, id int NOT NULL);
	ALTER TABLE parts ATTACH PARTITION parts_low FOR VALUES FROM (0) TO (100);
	CREATE TABLE parts_high PARTITION OF parts FOR VALUES FROM (100) TO (100000);
	SELECT contract.between('parts', 'amount', -10, 1000);
	SELECT contract.forbidden_values('parts', 'amount', ARRAY[-13], on_violation => 'quarantine');
	ALTER SUBSCRIPTION s REFRESH PUBLICATION");
synchronized();
is(counts('parts'), "between_amount|quarantine|INSERT|1\nbetween_amount|warn|INSERT|9\nforbidden_values_amount|quarantine|INSERT|1",
	'initial copy into a partitioned table');
send_sql("INSERT INTO parts VALUES (50, -50), (150, -50), (51, -13); UPDATE parts SET amount = -60 WHERE id IN (1, 150)");
caught_up();
is(counts('parts'), "between_amount|quarantine|INSERT|2\nbetween_amount|warn|INSERT|11\nbetween_amount|warn|UPDATE|2\n"
	  . "forbidden_values_amount|quarantine|INSERT|2", 'apply into a partitioned table');
is(run('SELECT count(*) FROM parts'), 21, 'its rows');

# A contract dropped, and one made while the subscription runs.
run("SELECT contract.drop_contract('parts', discard_quarantine => true)");
send_sql("INSERT INTO parts VALUES (60, -60)");
caught_up();
run("SELECT contract.between('parts', 'amount', 0, 1)");
send_sql("INSERT INTO parts VALUES (61, -60)");
caught_up();
is(run("SELECT key FROM contract.violations WHERE dataset = 'public.parts'"), '{"id": 61}',
	'the apply worker follows contracts that come and go');
is(run("SELECT count(*) FROM contract.scorecard WHERE problem IS NOT NULL"), 0, 'no dataset has a problem');

$subscriber->stop;
$publisher->stop;
done_testing();
