# Refused rows: their statements are rolled back, yet each is recorded, once, whatever is killed when.
use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my @init = (extra => [ '--locale=C', '--encoding=UTF8' ]);
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 'logical', @init);
$node->append_conf('postgresql.conf', $ENV{PGC_EXTRA_CONF} // '');
$node->append_conf('postgresql.conf', <<'END');
shared_preload_libraries = 'pg_contract'
pg_contract.naptime = '50ms'
compute_query_id = on
restart_after_crash = on
END
$node->start;
my $file = $node->data_dir . '/pg_stat_tmp/pg_contract.queue';

sub run { return $node->safe_psql('postgres', $_[0]) }

# What a statement says that must fail.
sub refused
{
	my ($sql, $name, $database) = @_;
	my ($rc, $stdout, $stderr) = $node->psql($database // 'postgres', $sql);

	like($stderr, qr/ERROR:  row of .* violates contract rule/, $name) if defined $name;
	return $stderr;
}

# Waits until nothing is in the queue.
sub drained
{
	$node->poll_query_until('postgres', 'SELECT waiting = 0 FROM contract.reject_queue()')
	  or die 'refused rows were not recorded';
	return;
}

# How often which rule of a table refused what.
sub counts
{
	my ($table) = @_;

	drained();
	return run("SELECT rule, operation, sum(failed) FROM contract.results
		WHERE dataset = 'public.$table' AND action = 'reject' GROUP BY 1, 2 ORDER BY 1, 2");
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

# Refuses a number of rows of table t in one transaction, each in a subtransaction.
sub loop_of
{
	my ($number, $table) = @_;

	return "DO \$\$BEGIN FOR i IN 1..$number LOOP BEGIN INSERT INTO "
	  . ($table // 't')
	  . " VALUES (1000 + i, -i); EXCEPTION WHEN check_violation THEN NULL; END; END LOOP; END\$\$";
}

# Waits until the server that restarts after a crash takes connections.
sub restarted
{
	$node->poll_query_until('postgres', 'SELECT true') or die 'the server did not come back';
	return;
}

sub kill_9
{
	my ($pid) = @_;

	kill 'KILL', $pid;
	# It is gone for the server when another one has started.
	$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid");
	restarted();
	return;
}

run("CREATE EXTENSION pg_contract;
	CREATE TABLE t (id int PRIMARY KEY, amount int, note text, mail text);
	SELECT contract.between('t', 'amount', 0, 1000, on_violation => 'reject')");

# One row: all fields.
{
	my ($rc, $stdout, $stderr) = $node->psql('postgres', "SET application_name = 'loader'; INSERT INTO t VALUES (7, -5, 'x', 'y')");
	like($stderr, qr/violates contract rule "between_amount"/, 'refused');
}
is(counts('t'), 'between_amount|INSERT|1', 'a refused row is counted');
my $me = run('SELECT current_user');
is(run("SELECT rule, kind, source, action, operation, role, application, key, \"row\", value, message FROM contract.violations"),
	qq(between_amount|between|write|reject|INSERT|$me|loader||{"amount": -5}|-5|amount must be between 0 and 1000),
	'and is evidence with the columns that are judged');
is(run("SELECT xid IS NOT NULL AND query_id IS NOT NULL AND now() - at < '5 minutes' FROM contract.violations"), 't', 'with transaction, query and time');
is(run("SELECT rule, kind, columns, source, operation, action, status, considered, failed, message, role, application FROM contract.results"),
	"between_amount|between|{amount}|write|INSERT|reject|fail||1|amount must be between 0 and 1000|$me|loader", 'its result');
is(run("SELECT failing, open_violations, quarantined FROM contract.scorecard WHERE dataset = 'public.t'"), '|0|0',
	'a row that is not in the table is no open violation');

# Several rules; those that would only warn had their part in it.
run("SELECT contract.not_null('t', 'note', on_violation => 'reject'); SELECT contract.not_blank('t', 'mail')");
refused("INSERT INTO t VALUES (1, 5, 'x', 'y'), (2, 5000, NULL, ''), (3, 5000, NULL, '')", 'the first bad row ends the statement');
is(counts('t'), "between_amount|INSERT|2\nnot_blank_mail|INSERT|1\nnot_null_note|INSERT|1", 'each rule that it fails counts it');
is(run("SELECT failed FROM contract.run ORDER BY run_id DESC LIMIT 1"), '1', 'it is one row');
is(run("SELECT rule, value FROM contract.violations WHERE rule <> 'between_amount' ORDER BY rule"), "not_blank_mail|\nnot_null_note|",
	'violations of each');

# Ways to write.
run("TRUNCATE contract.run, contract.result, contract.violation; INSERT INTO t VALUES (1, 5, 'x', 'y'), (2, 6, 'x', 'y')");
refused("UPDATE t SET amount = 2000 WHERE id = 2", 'UPDATE');
is(counts('t'), 'between_amount|UPDATE|1', 'UPDATE is counted as such');
is(run('SELECT key, "row" FROM contract.violations'), '{"id": 2}|{"id": 2, "mail": "y", "note": "x", "amount": 2000}', 'with key and whole row');
refused("UPDATE t SET amount = 2000 WHERE id = 1", 'UPDATE of another row');
refused("INSERT INTO t VALUES (1, 2000, 'x', 'y') ON CONFLICT (id) DO UPDATE SET amount = EXCLUDED.amount", 'ON CONFLICT DO UPDATE');
refused("MERGE INTO t USING (VALUES (1)) v(n) ON t.id = v.n WHEN MATCHED THEN UPDATE SET amount = -1", 'MERGE');
is(counts('t'), 'between_amount|UPDATE|4', 'all of them are');
refused("COPY t FROM PROGRAM 'printf \"10,1,x,y\\n11,-1,x,y\\n12,-1,x,y\\n\"' WITH (FORMAT csv)", 'COPY');
refused("EXPLAIN ANALYZE INSERT INTO t VALUES (20, -1, 'x', 'y')", 'EXPLAIN ANALYZE');
refused("WITH w AS (INSERT INTO t VALUES (20, -1, 'x', 'y') RETURNING 1) SELECT * FROM w", 'WITH');
refused("BEGIN; SAVEPOINT s; INSERT INTO t VALUES (20, -1, 'x', 'y'); ROLLBACK TO s; INSERT INTO t VALUES (21, -1, 'x', 'y'); ROLLBACK", 'in subtransactions');
is(counts('t'), "between_amount|INSERT|4\nbetween_amount|UPDATE|4", 'one each');
$node->psql('postgres', "BEGIN; SAVEPOINT s; INSERT INTO t VALUES (20, -1, 'x', 'y'); ROLLBACK TO s; INSERT INTO t VALUES (21, -1, 'x', 'y'); ROLLBACK",
	on_error_stop => 0);
run(loop_of(10));
is(counts('t'), "between_amount|INSERT|16\nbetween_amount|UPDATE|4\nnot_blank_mail|INSERT|10\nnot_null_note|INSERT|10", 'in subtransactions and exception blocks too');

# conforms() is not for people, but may be called.
refused("SELECT contract.conforms(dataset_id, -1, 'x'::text, 'y'::text) FROM contract.dataset", 'conforms() by hand');
is(counts('t'), "between_amount|INSERT|16\nbetween_amount|UPDATE|4\nnot_blank_mail|INSERT|10\nnot_null_note|INSERT|10", 'a query refuses no row');

# Other triggers: quarantine, oltp, partitions, cascades.
run("CREATE TABLE q (id int PRIMARY KEY, amount int);
	SELECT contract.between('q', 'amount', 0, 1000, on_violation => 'quarantine');
	SELECT contract.not_null('q', 'id', on_violation => 'reject');
	SELECT contract.forbidden_values('q', 'amount', ARRAY[-13], on_violation => 'reject', name => 'thirteen');
	CREATE TABLE o (id int PRIMARY KEY, amount int, code int UNIQUE);
	SELECT contract.between('o', 'amount', 0, 1000, on_violation => 'reject');
	SELECT contract.describe('o', write_path => 'oltp');
	CREATE TABLE p (id int, amount int) PARTITION BY RANGE (id);
	CREATE TABLE p_low (amount int, id int);
	ALTER TABLE p ATTACH PARTITION p_low FOR VALUES FROM (0) TO (100);
	SELECT contract.between('p', 'amount', 0, 1000, on_violation => 'reject');
	CREATE TABLE parent (id int PRIMARY KEY);
	CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent ON UPDATE CASCADE);
	SELECT contract.between('child', 'parent', 0, 10, on_violation => 'reject');
	INSERT INTO parent VALUES (1); INSERT INTO child VALUES (5, 1)");
refused("INSERT INTO q VALUES (1, -13)", 'a row that quarantine and reject rules fail');
is(counts('q'), "between_amount|INSERT|1\nthirteen|INSERT|1", 'is counted by both, as what was done: rejected');
is(run("SELECT DISTINCT xid IS NULL, key, \"row\" FROM contract.violations WHERE dataset = 'public.q'"), 't|{"id": 1}|{"id": 1, "amount": -13}',
	'before there was a transaction id');
is(run("SELECT count(*) FROM contract.quarantined"), '0', 'it is not in quarantine');
refused("INSERT INTO o VALUES (1, -1)", 'oltp');
is(counts('o'), 'between_amount|INSERT|1', 'oltp: counted');
refused("INSERT INTO p VALUES (1, -1)", 'partitioned');
refused("INSERT INTO p_low (id, amount) VALUES (1, -1)", 'a partition');
is(counts('p'), 'between_amount|INSERT|2', 'partitions: counted');
refused("UPDATE parent SET id = 100", 'a foreign key cascades');
is(counts('child'), 'between_parent|UPDATE|1', 'cascade: counted');

# Personal data, and what does not fit.
run("CREATE TABLE pii (id int, mail text, wide text);
	SELECT contract.matches('pii', 'mail', '\@', on_violation => 'reject');
	SELECT contract.length_between('pii', 'wide', 0, 1500, on_violation => 'reject');
	SELECT contract.pii('pii', 'mail')");
refused("INSERT INTO pii VALUES (1, 'secret', 'x')", 'personal data');
refused("INSERT INTO pii VALUES (1, 'a\@b', repeat('long', 1000))", 'a wide row');
drained();
is(run("SELECT rule, value, \"row\", message FROM contract.violations WHERE dataset = 'public.pii' AND rule = 'matches_mail'"),
	'matches_mail|***|{"mail": "***", "wide": "x"}|mail must match \'@\'', 'personal data is masked');
is(run("SELECT count(*) FROM contract.violation WHERE to_jsonb(violation)::text LIKE '%secret%'"), '0', 'already in the table');
is(run("SELECT length(value) BETWEEN 250 AND 310, length(\"row\"->>'wide') FROM contract.violations WHERE rule = 'length_between_wide'"), 't|1003',
	'long values are cut');
run("CREATE TABLE wide (a text, b text, c text); SELECT contract.satisfies('wide', 'length(a) + length(b) + length(c) < 10', on_violation => 'reject', name => 'short')");
refused("INSERT INTO wide VALUES (repeat('a', 999), repeat('b', 999), repeat('c', 999))", 'a row that is larger than the room for one');
is(counts('wide'), 'short|INSERT|1', 'is counted');
is(run("SELECT \"row\" IS NULL, value ~ '^a = a+, b = |^a = a' FROM contract.violations WHERE rule = 'short'"), 't|t', 'and evidence without the row');

# A rule that warns and cannot be evaluated says why.
run("CREATE TABLE broken (id int, amount int);
	SELECT contract.not_null('broken', 'id', on_violation => 'reject');
	SELECT contract.satisfies('broken', '10 / amount > 0', name => 'division')");
refused("INSERT INTO broken VALUES (NULL, 0)", 'an error in a rule that warns, and another that refuses');
is(counts('broken'), "division|INSERT|1\nnot_null_id|INSERT|1", 'are counted');
is(run("SELECT message FROM contract.violations WHERE rule = 'division'"), 'could not be evaluated: division by zero', 'with the error');

# Evidence that cannot be written down: a label that is gone.
run("CREATE TYPE mood AS ENUM ('good'); CREATE TABLE moods (mood mood, amount int); CREATE TABLE source AS SELECT 'good'::mood AS mood;
	SELECT contract.between('moods', 'amount', 0, 1000, on_violation => 'reject');
	SELECT contract.not_null('moods', 'mood')");
run("DELETE FROM pg_enum WHERE enumtypid = 'mood'::regtype");
refused('INSERT INTO moods SELECT mood, -1 FROM source', 'evidence that cannot be formed does not hide the error');
is(counts('moods'), 'between_amount|INSERT|1', 'and the row is counted');
is(run("SELECT count(*) FROM contract.violations WHERE dataset = 'public.moods'"), '0', 'without evidence');

# What happens between refusal and record.
workers(0);
run("TRUNCATE contract.run, contract.result, contract.violation");
refused("INSERT INTO t VALUES (20, -1, 'x', 'y')");
refused("INSERT INTO o VALUES (1, -1)");
refused("INSERT INTO p VALUES (1, -1)");
refused("INSERT INTO q VALUES (1, -13)");
is(run("SELECT waiting, samples, lost FROM contract.reject_queue()"), '4|4|0', 'without workers they wait');
is(run("SELECT count(*) FROM contract.run"), '0', 'unrecorded');
run("SELECT contract.alter_rule('t', 'between_amount', name => 'renamed'); SELECT contract.drop_rule('o', 'between_amount');
	SELECT contract.drop_contract('p'); SET pg_contract.ddl_guard = 'warn'; DROP TABLE p, q");
my $log = -s $node->logfile;
workers(3);
is(counts('t'), 'between_amount|INSERT|1', 'a rule that was renamed meanwhile has the name that it had');
is(counts('o'), 'between_amount|INSERT|1', 'so has one that was dropped');
is(counts('q'), "between_amount|INSERT|1\nthirteen|INSERT|1", 'the table may be gone');
is(counts('p'), '', 'not the dataset');
like(slurp_file($node->logfile, $log), qr/LOG:  refused rows of a dataset that is gone are not recorded: 1/, 'which the log says');
is(run("SELECT count(*) FROM contract.run WHERE NOT EXISTS (SELECT FROM contract.dataset d WHERE d.dataset_id = run.dataset_id)"), '0', 'nothing is left of it');

# In the foreground.
workers(0);
refused("INSERT INTO o VALUES (1, -1)");
run("SELECT contract.between('o', 'amount', 0, 1000, on_violation => 'reject')");
run(loop_of(50, 'o'));
run('CALL contract.tend()');
is(run("SELECT waiting, samples FROM contract.reject_queue()"), '0|0', 'contract.tend() records too');
is(counts('o'), 'between_amount|INSERT|51', 'the same');

# Restarts with a full queue.
run("TRUNCATE contract.run, contract.result, contract.violation");
run(loop_of(150));
$node->restart;
run(loop_of(150));
$node->stop('immediate');
$node->start;
run(loop_of(100));
my $victim = $node->background_psql('postgres');
my $pid = $victim->query_safe('SELECT pg_backend_pid()');
$victim->query_safe(loop_of(100));
kill_9($pid);
is(run("SELECT waiting, samples FROM contract.reject_queue()"), '500|100', 'restart, crash and a killed backend lose nothing');
is(run("SELECT count(*) FROM contract.run"), '0', 'and record nothing');

# The worker is killed before its commit, and between the commit and its notice to the queue.
my $locker = $node->background_psql('postgres');
$locker->query_safe('BEGIN; LOCK TABLE contract.violation IN SHARE MODE');
workers(3);
my $waits = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_contract worker' AND wait_event_type = 'Lock'";
$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM ($waits) w") or die 'no worker';
kill_9(run($waits));
is(counts('t'), "not_blank_mail|INSERT|500\nnot_null_note|INSERT|500\nrenamed|INSERT|500", 'a worker killed before its commit');
is(run("SELECT sum(failed) FROM contract.run"), '500', 'rows likewise');
is(run("SELECT count(*), count(DISTINCT \"row\") FROM contract.violations WHERE rule = 'renamed'"), '100|100', 'and samples');

workers(0);
run(loop_of(10));
$locker = $node->background_psql('postgres');
$locker->query_safe('BEGIN; LOCK TABLE contract.violation IN SHARE MODE');
workers(3);
$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM ($waits) w") or die 'no worker';
my $second = $node->background_psql('postgres');
# The first step has read the positions, and may write them; the second step will wait.
$second->query_until(qr/go/, "\\echo go\nBEGIN; LOCK TABLE contract.reject_position; SELECT 'locked';\n");
$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'");
$locker->query_safe('ROLLBACK');
$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_locks l JOIN pg_stat_activity USING (pid)
	WHERE NOT granted AND relation = 'contract.reject_position'::regclass AND backend_type = 'pg_contract worker'")
  or die 'no second step';
is(run("SELECT sum(failed) || '|' || (SELECT waiting FROM contract.reject_queue()) FROM contract.run"), '510|10', 'recorded, and the queue does not know');
kill_9(run($waits));
is(counts('t'), "not_blank_mail|INSERT|510\nnot_null_note|INSERT|510\nrenamed|INSERT|510", 'a worker killed after its commit: not twice');
is(run("SELECT count(*), count(DISTINCT id) FROM contract.violations WHERE rule = 'renamed'"), '110|110', 'nor the samples');
$locker->quit;

# After a crash of the machine the file may be older than the tables.
workers(0);
run(loop_of(10));
run('UPDATE contract.reject_position SET recorded = recorded + 1000');
workers(3);
is(counts('t'), "not_blank_mail|INSERT|510\nnot_null_note|INSERT|510\nrenamed|INSERT|510", 'a file older than the tables: what is in it counts as recorded');
run(loop_of(10));
is(counts('t'), "not_blank_mail|INSERT|520\nnot_null_note|INSERT|520\nrenamed|INSERT|520", 'and what comes then is counted');

# Databases.
$node->safe_psql('postgres', "CREATE DATABASE $_") for ('two', 'three');
for my $database ('two', 'three')
{
	$node->safe_psql($database, "CREATE EXTENSION pg_contract; CREATE TABLE t (id int, amount int);
		SELECT contract.between('t', 'amount', 0, 1000, on_violation => 'reject')");
}
workers(0);
$node->safe_psql('two', loop_of(20));
$node->safe_psql('three', loop_of(30));
run(loop_of(40));
is(run("SELECT waiting FROM contract.reject_queue()"), '90', 'three databases in the queue');
run('DROP DATABASE three');
workers(3);
is(counts('t'), "not_blank_mail|INSERT|560\nnot_null_note|INSERT|560\nrenamed|INSERT|560", 'each has its own');
is($node->safe_psql('two', "SELECT sum(failed) FROM contract.results"), '20', 'the other too');
is(run("SELECT waiting, samples, lost FROM contract.reject_queue()"), '0|0|0', 'a dropped one is forgotten');

# The extension is dropped, and made anew.
workers(0);
$node->safe_psql('two', loop_of(20) . "; DROP EXTENSION pg_contract; DROP TABLE t; CREATE EXTENSION pg_contract; CREATE TABLE t (id int, amount int);
	SELECT contract.between('t', 'amount', 0, 1000, on_violation => 'reject')");
$node->safe_psql('two', loop_of(3));
workers(3);
drained();
is($node->safe_psql('two', "SELECT sum(failed) FROM contract.results"), '3', 'a new extension does not inherit');
workers(0);
$node->safe_psql('two', loop_of(20) . "; DROP EXTENSION pg_contract");
workers(3);
drained();
pass('without the extension they are forgotten');

# A load that refuses far more than there is room for.
my $total = 1_000_000;
$node->append_conf('postgresql.conf', 'pg_contract.reject_queue_size = 64');
$node->restart;
run("TRUNCATE contract.run, contract.result, contract.violation");
is(run("SELECT room < 30 FROM contract.reject_queue()"), 't', 'a tiny queue');
my @loads;
push @loads, IPC::Run::start([ 'psql', '-XqAt', '-d', $node->connstr('postgres'), '-c', loop_of($total / 4) ]) for (1 .. 4);
$_->finish or die 'a load failed' for @loads;
is(counts('t'), join("\n", map { "$_|INSERT|$total" } ('not_blank_mail', 'not_null_note', 'renamed')), "$total refused rows in four sessions: all are counted");
is(run("SELECT sum(failed) FROM contract.run"), $total, 'and are as many rows');
is(run("SELECT lost FROM contract.reject_queue()"), '0', 'none is lost');
cmp_ok(run("SELECT count(*) FROM contract.violations"), '>', 0, 'of some there is evidence');
is(run("SELECT count(*) FROM contract.reject_position p WHERE recorded < 0 OR (SELECT count(DISTINCT queue) FROM contract.reject_position) > 1"), '0',
	'positions of queues before are gone');

# More rules than there are counters: what cannot be counted is said to be lost.
run("CREATE TABLE many (" . join(', ', map { "c$_ int" } (1 .. 40)) . ")");
run(join(';', map { "SELECT contract.not_null('many', 'c$_', on_violation => 'reject')" } (1 .. 40)));
workers(0);
refused('INSERT INTO many VALUES (NULL)', 'more rules than counters');
is(run("SELECT waiting, lost FROM contract.reject_queue()"), '1|1', 'is said to be lost');
workers(3);
drained();
is(run("SELECT count(*) > 10 AND count(*) < 40 AND min(failed) = 1 AND max(failed) = 1 FROM contract.results WHERE dataset = 'public.many'"), 't',
	'what could be counted is');

# The file at start: of another size, cut off, damaged, missing, in the way.
sub starts_with_file
{
	my ($name, $expected, $change) = @_;
	my $offset = -s $node->logfile;
	my $found;

	workers(0);
	run(loop_of(10));
	$node->stop;
	$change->();
	$node->start;
	$found = run('SELECT waiting FROM contract.reject_queue()');
	like($found, $expected, "queue file $name: $found rows are left");
	refused("INSERT INTO t VALUES (20, -1, 'x', 'y')", "queue file $name: rows are refused");
	workers(3);
	drained();
	unlike(slurp_file($node->logfile, $offset), qr/terminated by signal|PANIC/, "queue file $name: nothing crashes");
	return;
}

# Writes bytes at a place of the file.
sub damage
{
	my ($place, $bytes) = @_;

	open my $handle, '+<', $file or die "$file: $!";
	binmode $handle;
	seek $handle, $place, 0;
	print $handle $bytes;
	close $handle or die "$file: $!";
	return;
}

starts_with_file('as it was', qr/^10$/, sub { });
starts_with_file('of another size', qr/^0$/, sub { $node->append_conf('postgresql.conf', 'pg_contract.reject_queue_size = 128') });
starts_with_file('cut off', qr/^0$/, sub { truncate $file, 10000 or die "$file: $!" });
starts_with_file('missing', qr/^0$/, sub { unlink $file or die "$file: $!" });
starts_with_file('of zeros', qr/^0$/, sub { damage(0, "\0" x (128 * 1024)) });
starts_with_file('of another layout', qr/^0$/, sub { damage(4, "\xff\xff\xff\x7f") });
srand($ENV{PGC_SEED} // 5);
for my $turn (1 .. 4)
{
	starts_with_file("damaged ($turn)", qr/^\d+$/, sub {
		damage(100 + int(rand(128 * 1024 - 300)), join('', map { chr(int(rand(256))) } (1 .. 200))) for (1 .. 100) });
}
my $offset = -s $node->logfile;
workers(0);
$node->stop;
unlink $file;
mkdir $file;
$node->start;
like(slurp_file($node->logfile, $offset), qr/WARNING:  could not make the queue of refused rows, "pg_stat_tmp\/pg_contract.queue": Is a directory/,
	'a file that cannot be made');
is(run('SELECT * FROM contract.reject_queue()'), '|||', 'there is no queue then');
refused("INSERT INTO t VALUES (20, -1, 'x', 'y')", 'rows are refused');
rmdir $file;

# Switched off; and without preload.
$node->append_conf('postgresql.conf', 'pg_contract.reject_queue_size = 0');
$node->restart;
ok(!-e $file, 'size 0: no file');
is(run('SELECT * FROM contract.reject_queue()'), '|||', 'no queue');
refused("INSERT INTO t VALUES (20, -1, 'x', 'y')", 'rows are refused');
run('CALL contract.tend()');
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''\npg_contract.reject_queue_size = 128");
$node->restart;
my $before = run("SELECT count(*) FROM contract.run");
refused("INSERT INTO t VALUES (20, -1, 'x', 'y')", 'without preload rows are refused');
run('CALL contract.tend()');
is(run('SELECT * FROM contract.reject_queue()'), '|||', 'there is no queue');
is(run("SELECT count(*) FROM contract.run"), $before, 'and no record');
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_contract'");
run("ALTER SYSTEM RESET ALL");
$node->restart;

# A subscription that is stopped tries the same row again and again: that is one refused row.
my $publisher = PostgreSQL::Test::Cluster->new('publisher');
$publisher->init(allows_streaming => 'logical', @init);
$publisher->start;
$publisher->safe_psql('postgres', 'CREATE TABLE s (id int PRIMARY KEY, amount int); CREATE TABLE copied (id int PRIMARY KEY, amount int);
	INSERT INTO copied VALUES (1, -1); CREATE PUBLICATION p FOR TABLE s, copied');
$node->append_conf('postgresql.conf', "wal_retrieve_retry_interval = '100ms'");
$node->reload;
run("CREATE TABLE s (id int PRIMARY KEY, amount int); CREATE TABLE copied (id int PRIMARY KEY, amount int);
	SELECT contract.between('s', 'amount', 0, 1000, on_violation => 'reject');
	SELECT contract.between('copied', 'amount', 0, 1000, on_violation => 'reject')");
my $connection = $publisher->connstr('postgres') =~ s/'/''/gr;
run("CREATE SUBSCRIPTION sub CONNECTION '$connection' PUBLICATION p");

sub tried
{
	my ($kind, $number) = @_;
	my $now = run("SELECT ${kind}_error_count FROM pg_stat_subscription_stats");

	$node->poll_query_until('postgres', "SELECT ${kind}_error_count >= $now + $number FROM pg_stat_subscription_stats")
	  or die 'the subscription does not try again';
	return;
}

tried('sync', 3);
is(counts('copied'), 'between_amount|INSERT|1', 'the copy of a table that is tried again and again: one refused row');
run("SELECT contract.drop_rule('copied', 'between_amount')");
$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_subscription_rel WHERE srsubstate <> 'r'") or die 'not copied';
$publisher->safe_psql('postgres', 'INSERT INTO s VALUES (1, 1); INSERT INTO s VALUES (2, 2), (3, -3), (4, -4)');
tried('apply', 3);
is(counts('s'), 'between_amount|INSERT|1', 'a change that is tried again and again: one refused row');
is(run("SELECT key, \"row\", value FROM contract.violations WHERE dataset = 'public.s'"), '|{"amount": -3}|-3', 'which is the first');
like(run("SELECT origin FROM contract.run JOIN contract.dataset USING (dataset_id) WHERE name = 'public.s'"), qr/^pg_\d+ [0-9A-F]+\/[0-9A-F]+$/, 'whose origin is kept');
$node->restart;
tried('apply', 3);
is(counts('s'), 'between_amount|INSERT|1', 'also after a restart');
$node->stop('immediate');
unlink $file;
$node->start;
tried('apply', 3);
is(counts('s'), 'between_amount|INSERT|1', 'also where the queue was made anew');
run("SELECT contract.alter_rule('s', 'between_amount', parameters => '{\"minimum\": \"-10\", \"maximum\": \"1000\"}')");
$publisher->wait_for_catchup('sub');
$publisher->safe_psql('postgres', 'INSERT INTO s VALUES (5, 5); UPDATE s SET amount = -50 WHERE id = 5');
tried('apply', 3);
is(counts('s'), "between_amount|INSERT|1\nbetween_amount|UPDATE|1", 'the next change that is refused is another one');

$node->stop('immediate');
$publisher->stop('immediate');
done_testing();
