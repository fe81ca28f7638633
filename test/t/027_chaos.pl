# Processes are killed with -9 at random, the postmaster among them, while clients load, are refused, and audits run. In
# the end every count is what plain SQL says. PGC_ROUNDS kills (10), PGC_SEED repeats the choices, though not their timing.
use strict;
use warnings;
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $rounds = $ENV{PGC_ROUNDS} // 10;
my $seed = $ENV{PGC_SEED} // int(rand(1_000_000));
my $clients = 3;
srand($seed);
note("PGC_SEED=$seed PGC_ROUNDS=$rounds");

my $node = PostgreSQL::Test::Cluster->new('chaos');
$node->init(extra => [ '--locale=C', '--encoding=UTF8' ]);
$node->append_conf('postgresql.conf', $ENV{PGC_EXTRA_CONF} // '');
$node->append_conf('postgresql.conf', <<'END');
shared_preload_libraries = 'pg_contract'
pg_contract.naptime = 50ms
restart_after_crash = on
autovacuum_naptime = 1
END
$node->start;

sub run { return $node->safe_psql('postgres', $_[0]) }

# Runs SQL on a server that may go away meanwhile. Returns its output, or undef if it failed, and what it said.
sub try
{
	my ($out, $said);
	my $rc = eval { $node->psql('postgres', $_[0], stdout => \$out, stderr => \$said, timeout => 120) };
	return (defined $rc && $rc == 0 ? $out : undef, $said // '');
}

run(<<'END');
CREATE EXTENSION pg_contract;
CREATE TABLE orders (batch bigint, n int, amount int, status text);
CREATE TABLE batch (batch bigint PRIMARY KEY, warned int NOT NULL, diverted int NOT NULL, refused int NOT NULL);
SELECT contract.between('orders', 'amount', 0, 1000, name => 'warned');
SELECT contract.forbidden_values('orders', 'status', '{beast}', on_violation => 'quarantine', name => 'diverted');
SELECT contract.not_null('orders', 'batch', on_violation => 'reject', name => 'refused');
SELECT contract.schedule('orders', every => '1 second');
CREATE TABLE strict (n int);
SELECT contract.not_null('strict', 'n', on_violation => 'reject');

-- one transaction: rows of which so many fail each rule, in subtransactions for those that are refused, and what it did
CREATE PROCEDURE load(b bigint, warned int, diverted int, refused int) LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO orders SELECT b, i, CASE WHEN i <= warned THEN -1 ELSE 5 END, 'new' FROM generate_series(1, warned + 20) i;
	INSERT INTO orders SELECT b, i, 5, 'beast' FROM generate_series(1, diverted) i;
	FOR i IN 1 .. refused LOOP
		BEGIN
			INSERT INTO orders VALUES (NULL, i, 5, 'new');
			RAISE 'not refused';
		EXCEPTION WHEN check_violation THEN
		END;
	END LOOP;
	INSERT INTO batch VALUES (b, warned, diverted, refused);
END $$;
END

# A client loads until the file is there. It tells the parent each batch before, which may or may not commit.
my $stop = $node->data_dir . '/stop';
my $attempts = $node->data_dir . '/attempts';

sub client
{
	my ($number) = @_;
	srand($seed + $number);
	open(my $log, '>>', "$attempts.$number") or die $!;
	$log->autoflush(1);
	for (my $n = 1; !-e $stop; $n++)
	{
		my $batch = $number * 1_000_000 + $n;
		my @counts = map { int(rand(40)) } 1 .. 3;
		print $log "$batch $counts[2]\n";
		my ($done) = try("CALL load($batch, " . join(', ', @counts) . ")");
		defined $done or usleep(50_000);    # the server restarts
	}
	POSIX::_exit(0);
}

# A client that is refused, row by row, and writes down at the end how often for sure, and how often perhaps: it was cut off.
sub refused_client
{
	my ($certain, $perhaps) = (0, 0);
	until (-e $stop)
	{
		my (undef, $said) = try('INSERT INTO strict VALUES (NULL)');
		if ($said =~ /violates contract rule/) { $certain++ }
		elsif ($said =~ /FATAL|failed:/) { usleep(50_000) }    # did not get in
		else { $perhaps++ }
	}
	append_to_file("$attempts.strict", "$certain $perhaps");
	POSIX::_exit(0);
}

my @children;
for my $number (0 .. $clients)
{
	my $pid = fork();
	die "fork: $!" unless defined $pid;
	$number == 0 ? refused_client() : client($number) if $pid == 0;
	push @children, $pid;
}

# The pid of one process of the server: every other time one of ours or a client's, if there is one. The postmaster's now and then.
sub victim
{
	my ($round) = @_;
	my $postmaster = (split /\n/, slurp_file($node->data_dir . '/postmaster.pid'))[0];
	return ($postmaster, 'postmaster') if $round % 5 == 0;
	my %pids;
	for my $line (split /\n/, (try("SELECT pid, backend_type FROM pg_stat_activity WHERE pid <> pg_backend_pid()"))[0] // '')
	{
		my ($pid, $type) = split /\|/, $line;
		push @{ $pids{$type} }, $pid;
	}
	my @types = sort keys %pids or return;
	my @ours = grep { /pg_contract|client/ } @types;
	@types = @ours if @ours && rand() < 0.5;
	my $type = $types[ rand @types ];
	return ($pids{$type}[ rand @{ $pids{$type} } ], $type);
}

# Waits until the server answers, starting it where nobody else does.
sub revive
{
	my ($dead) = @_;
	if ($dead)
	{
		my $started = 0;
		for (1 .. 600)
		{
			$node->{_pid} = undef;
			last if $started = $node->start(fail_ok => 1);    # not while children of the old one are left
			usleep(200_000);
		}
		$started or BAIL_OUT('the server does not start again');
	}
	for (1 .. 600)
	{
		return if defined((try('SELECT 1'))[0]);
		usleep(100_000);
	}
	BAIL_OUT('the server does not answer any more');
}

my %killed;
for my $round (1 .. $rounds)
{
	usleep(100_000 + rand(600_000));
	my ($pid, $type) = victim($round);
	next unless $pid;
	$killed{$type}++ if kill 'KILL', $pid;
	revive($type eq 'postmaster');
}
note('killed: ' . join(', ', map { "$_ $killed{$_}" } sort keys %killed));

append_to_file($stop, '');
waitpid($_, 0) for @children;
revive(0);
ok(%killed, 'processes were killed');

# Refused rows are counted even if the transaction was cut off: between those of batches that committed and of all.
my $all_refused = 0;
for my $number (1 .. $clients)
{
	$all_refused += (split / /)[1] for grep { /\S/ } split /\n/, slurp_file("$attempts.$number");
}
my $refused = "SELECT coalesce(sum(failed), 0) FROM contract.results WHERE dataset = 'public.orders' AND rule = 'refused' AND action = 'reject'";
my $fewest = run('SELECT coalesce(sum(refused), 0) FROM batch');

# A last load that nobody disturbs: it is recorded to the row, so nothing got stuck.
run('CALL load(99, 7, 8, 9)');
ok($node->poll_query_until('postgres', "SELECT EXISTS (SELECT FROM contract.violations WHERE rule = 'refused')
	AND NOT EXISTS (SELECT FROM contract.workers WHERE duty = 'tending' AND database = current_database() AND failures > 0)"),
	'refused rows reach the history, and the worker is well');
ok($node->poll_query_until('postgres', "SELECT ($refused) >= $fewest + 9"), 'no refused row is lost');
cmp_ok(run($refused), '<=', $all_refused + 9, 'and none counted twice');

my ($certain, $perhaps) = split / /, slurp_file("$attempts.strict");
my $strict = "SELECT coalesce(sum(failed), 0) FROM contract.results WHERE dataset = 'public.strict' AND action = 'reject'";
cmp_ok($certain, '>', 0, 'a client was refused');
cmp_ok($perhaps, '<=', $rounds, 'and cut off once a kill at most');
ok($node->poll_query_until('postgres', "SELECT ($strict) >= $certain"), 'each row that it was refused is recorded');
cmp_ok(run($strict), '<=', $certain + $perhaps, 'once');
note('refused one by one: ', run($strict), ", $certain for sure, $perhaps perhaps");
note('refused: ', run($refused), ", at least $fewest, at most $all_refused");

is(run("SELECT sum(failed) FROM contract.results WHERE source = 'write' AND rule = 'warned'"), run('SELECT sum(warned) FROM batch'),
	'rows that were warned of are recorded once');
is(run("SELECT count(*) FROM contract.violations WHERE source = 'write' AND rule = 'warned'"), run("SELECT count(*) FROM orders WHERE amount < 0"),
	'and their evidence');
is(run("SELECT count(*) FROM contract.quarantined"), run('SELECT sum(diverted) FROM batch'), 'diverted rows are kept once');
is(run('SELECT count(*) FROM orders'), run('SELECT sum(warned + 20) FROM batch'), 'the table has what was committed');

# Audits.
cmp_ok(run("SELECT count(DISTINCT run_id) FROM contract.results WHERE source = 'audit' AND application = 'pg_contract'"), '>', 0, 'audits ran by themselves');
is(run("SELECT count(*) FROM (SELECT FROM contract.results WHERE source = 'audit' GROUP BY run_id HAVING count(*) <> 3) torn"), 0, 'each found something for all rules');
ok($node->poll_query_until('postgres', "SELECT last_run > now() - interval '5 seconds' FROM contract.schedules"), 'they still do');
is(run("SELECT failed FROM contract.check('orders') WHERE rule = 'warned'"), run("SELECT count(*) FROM orders WHERE amount < 0"), 'and count right');
ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM contract.incidents WHERE status = 'open'"), 'one incident is open');
is(run('SELECT count(*) FROM contract.incidents'), 1, 'and there never was another');

$node->stop;
done_testing();
