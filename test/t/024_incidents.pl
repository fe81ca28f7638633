# Incidents with workers: what is told, once, in its database, across crashes; and the listener of the README.
use strict;
use warnings;
use File::Basename;
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--locale=C', '--encoding=UTF8' ]);
$node->append_conf('postgresql.conf', $ENV{PGC_EXTRA_CONF} // '');
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_contract'
pg_contract.naptime = '100ms'
max_prepared_transactions = 5
restart_after_crash = on");
$node->start;

sub run { my ($database, $sql) = @_; return $node->safe_psql($database, $sql) }

# The listener that the README shows, for a database.
sub listen_in
{
	my ($database) = @_;
	my ($script) = slurp_file(dirname(__FILE__) . '/../../README.md') =~ /```sh\n([^`]*LISTEN pg_contract[^`]*)```/;
	$script =~ s/\bsleep 5\b/sleep 0.1/ && $script =~ s/\bshop\b/$database/ or die "the README's listener is not what it was:\n$script";
	my %listener = (out => '', database => $database);
	local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port);
	$listener{run} = IPC::Run::start([ 'bash', '-c', $script ], '<', \undef, '>', \$listener{out}, IPC::Run::timer(600));
	$node->poll_query_until($database, "SELECT count(*) > 0 FROM pg_stat_activity
		WHERE datname = '$database' AND query = 'SELECT 1;'") or die 'nobody listens';
	return \%listener;
}

# All messages so far but those of flush, once there are so many.
sub messages
{
	my ($listener, $count) = @_;
	my $until = time + $PostgreSQL::Test::Utils::timeout_default;
	my @messages;
	do
	{
		select(undef, undef, undef, 0.02);
		$listener->{run}->pump_nb;
		@messages = grep { !$_->{ping} } map { JSON::PP->new->utf8->decode($_) } $listener->{out} =~ /^(.*)\n/mg;
	} while (@messages < $count && time < $until);
	return @messages;
}

# Audits, and waits until the worker has judged that.
sub audit
{
	my ($database, $table, $times) = @_;
	run($database, "SELECT count(*) FROM contract.check('$table');" x ($times // 1));
	judged($database);
}

sub judged
{
	my ($database) = @_;
	$node->poll_query_until($database, 'SELECT count(*) = 0 FROM contract.incident_due WHERE dataset_id IS NOT NULL')
		or die 'the worker does not judge';
}

# All messages that were sent before this.
my $pings = 0;

sub flush
{
	my ($listener) = @_;
	my $ping = '{"ping": ' . ++$pings . '}';
	run($listener->{database}, "NOTIFY pg_contract, '$ping'");
	my $until = time + $PostgreSQL::Test::Utils::timeout_default;
	messages($listener, 0) while index($listener->{out}, $ping) < 0 && time < $until;
	return messages($listener, 0);
}

for my $database ('shop', 'stock')
{
	run('postgres', "CREATE DATABASE $database");
	run($database, "CREATE EXTENSION pg_contract;
		CREATE TABLE orders (id integer PRIMARY KEY, email text, amount numeric);
		SELECT contract.describe('orders', owner => 'sales \"data\"', contract_id => 'orders-contract');
		SELECT contract.add_rule('orders', 'format', '{email}', '{\"format\": \"email\"}', severity => 'warning', name => 'mail');
		SELECT contract.add_rule('orders', 'between', '{amount}', '{\"minimum\": 0}', name => 'positive', runbook => E'Ask\nthe till.')");
}
my $shop = listen_in('shop');
my $stock = listen_in('stock');

# One message, with what one needs to know and no value of the data.
run('shop', "INSERT INTO orders VALUES (1, 'a\@b.co', 1), (2, 'secret', 2), (3, 'a\@b.co', 3)");
audit('shop', 'orders');
my ($message) = messages($shop, 1);
is($message->{event}, 'open', 'bad data opens an incident');
is("$message->{dataset} $message->{contract} $message->{severity} $message->{owner}", 'public.orders orders-contract warning sales "data"',
	'the message says of what');
is_deeply($message->{rules}, [ { rule => 'mail', kind => 'format', severity => 'warning', failed => 1 } ], 'and which rules fail');
is($message->{incident}, run('shop', 'SELECT id FROM contract.incidents'), 'its id is the one of the view');
is(run('shop', "SELECT opened_at = '$message->{opened_at}' FROM contract.incidents"), 't', 'its time, too');
unlike($shop->{out}, qr/secret/, 'no value of the data is told');

# Once, not fifty times.
audit('shop', 'orders', 50);
is(scalar(flush($shop)), 1, 'fifty failing audits: one message');
is(run('shop', 'SELECT count(*), min(reopened) FROM contract.incidents'), '1|0', 'and one incident');

# Worse, then repaired.
run('shop', 'UPDATE orders SET amount = -5 WHERE id = 3');
audit('shop', 'orders');
my @messages = messages($shop, 2);
is($messages[-1]{event}, 'escalate', 'worse is told');
is_deeply($messages[-1]{rules}[0], { rule => 'positive', kind => 'between', severity => 'error', failed => 1, runbook => "Ask\nthe till." },
	'the worst rule first, with its runbook');
run('shop', "UPDATE orders SET amount = 5, email = 'a\@b.co'");
audit('shop', 'orders');
@messages = messages($shop, 3);
is($messages[-1]{event}, 'close', 'repaired: closed, and told');
is($messages[-1]{incident}, $message->{incident}, 'the same one');
is(run('shop', 'SELECT status FROM contract.incidents'), 'closed', 'closed in the view');

# On and off.
for (1 .. 5)
{
	run('shop', 'UPDATE orders SET amount = -5 WHERE id = 3');
	audit('shop', 'orders');
	run('shop', 'UPDATE orders SET amount = 5 WHERE id = 3');
	audit('shop', 'orders');
}
is(scalar(flush($shop)), 3, 'failing on and off within quiet tells nothing more');
is(run('shop', 'SELECT count(*), min(reopened), min(status) FROM contract.incidents'), '1|2|open', 'and is one incident, on probation');
run('shop', "UPDATE contract.incident SET passing_since = passing_since - interval '1 hour'");
audit('shop', 'orders');
is(run('shop', 'SELECT status FROM contract.incidents'), 'closed', 'closed once it has been passing long enough');
is(scalar(flush($stock)), 0, 'none of this is heard in another database');

# Time alone: a mute that is over.
run('stock', "INSERT INTO orders VALUES (1, 'a\@b.co', -1)");
audit('stock', 'orders');
is(scalar(flush($stock)), 1, 'the other database has its own');
run('stock', "SELECT contract.mute(id, now() + interval '1 second') FROM contract.incidents");
@messages = messages($stock, 2);
is($messages[-1]{event}, 'open', 'told again when a mute is over');
is(run('stock', 'SELECT muted_until FROM contract.incidents'), '', 'which it is');

# A worker killed while it judges: nothing is told twice, nothing is lost.
run('shop', "CREATE TABLE items (id integer); SELECT contract.not_null('items', 'id'); INSERT INTO items VALUES (NULL)");
judged('shop');
my $holder = $node->background_psql('shop', on_error_stop => 0);
$holder->query_safe('BEGIN; LOCK contract.incident IN ACCESS EXCLUSIVE MODE');
run('shop', "SELECT count(*) FROM contract.check('items')");
$node->poll_query_until('shop', "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'pg_contract worker' AND wait_event_type = 'Lock'")
	or die 'no worker waits';
$node->append_conf('postgresql.conf', 'pg_contract.max_workers = 0');
run('postgres', 'SELECT pg_reload_conf()');
my $pid = run('shop', "SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_contract worker' AND wait_event_type = 'Lock'");
kill 9, $pid;
eval { $holder->quit };
$node->poll_query_until('shop', 'SELECT true');
is(run('shop', "SELECT count(*) FROM contract.incidents WHERE dataset = 'public.items'"), '0', 'killed before it was committed: no incident');
$_->{run}->kill_kill for $shop, $stock;
$shop = listen_in('shop');
$node->append_conf('postgresql.conf', 'pg_contract.max_workers = 3');
run('postgres', 'SELECT pg_reload_conf()');
@messages = messages($shop, 1);
is(join(' ', map { "$_->{event} $_->{dataset}" } flush($shop)), 'open public.items', 'found and told after the restart, once');
is(run('shop', "SELECT count(*) FROM contract.incidents WHERE dataset = 'public.items'"), '1', 'and it is one');

# Transactions that are prepared: nothing in them tells anybody anything.
run('shop', "UPDATE items SET id = 1; SELECT count(*) FROM contract.check('items')");
judged('shop');
run('shop', "BEGIN; INSERT INTO orders VALUES (4, 'x', -1); SELECT count(*) FROM contract.check('orders'); PREPARE TRANSACTION 'audit'");
run('shop', "UPDATE contract.incident SET closed_at = closed_at - interval '1 hour'");
audit('shop', 'items');
is(run('shop', "SELECT count(*) FROM contract.incidents WHERE status = 'open'"), '0', 'an audit that is prepared only opens nothing');
run('shop', "COMMIT PREPARED 'audit'");
audit('shop', 'items');
is(run('shop', "SELECT dataset FROM contract.incidents WHERE status = 'open'"), 'public.orders', 'committed it does');
is(join(' ', map { "$_->{event} $_->{dataset}" } flush($shop)), 'open public.items close public.items open public.orders', 'and that is told');

# Somebody who is about to acknowledge it, and takes his time, holds up nobody.
my $slow = $node->background_psql('shop');
$slow->query_safe("BEGIN; SELECT contract.acknowledge(id, 'mine') FROM contract.incidents WHERE status = 'open'");
run('shop', "UPDATE orders SET email = 'a\@b.co', amount = 1; INSERT INTO items VALUES (NULL); SELECT count(*) FROM contract.check_all()");
$node->poll_query_until('shop', "SELECT count(*) = 1 FROM contract.incidents WHERE status = 'open' AND dataset = 'public.items'");
is(run('shop', "SELECT string_agg(dataset, ' ' ORDER BY dataset) FROM contract.incidents WHERE status = 'open'"), 'public.items public.orders',
	'an incident that somebody has locked waits, others do not');
$slow->query_safe('COMMIT');
$slow->quit;
$node->poll_query_until('shop', "SELECT count(*) = 0 FROM contract.incidents WHERE status = 'open' AND dataset = 'public.orders'");
is(run('shop', "SELECT note FROM contract.incidents WHERE dataset = 'public.orders' ORDER BY id DESC LIMIT 1"), 'mine', 'judged when he is done');

# An incident upstream is the root cause of those downstream: of one that is open, and in the message about a new one.
run('shop', q{CREATE TABLE raw (id integer, amount integer);
	CREATE MATERIALIZED VIEW copied AS SELECT id, amount FROM raw;
	CREATE MATERIALIZED VIEW twice AS SELECT amount FROM copied;
	SELECT contract.not_null(t, 'amount', on_violation => 'audit') FROM unnest('{raw,copied,twice}'::regclass[]) t;
	INSERT INTO raw VALUES (1); REFRESH MATERIALIZED VIEW copied; REFRESH MATERIALIZED VIEW twice});
judged('shop');
flush($shop);
$shop->{out} = '';
audit('shop', 'copied');
audit('shop', 'raw');
@messages = messages($shop, 2);
ok(!exists $messages[0]{root_cause} && !exists $messages[1]{root_cause}, 'nothing upstream fails yet: no root cause');
is(run('shop', "SELECT root_cause->>'dataset', root_cause->>'incident', root_cause->'path' FROM contract.incidents WHERE dataset = 'public.copied'"),
	qq{public.raw|$messages[1]{incident}|["public.raw", "public.copied"]}, 'then something does: the open incident follows');
audit('shop', 'twice');
@messages = messages($shop, 3);
is_deeply($messages[2]{root_cause}, { dataset => 'public.raw', incident => $messages[1]{incident}, opened_at => $messages[1]{opened_at},
	path => [ 'public.raw', 'public.copied', 'public.twice' ] }, 'the message says the root cause, and the way');
is(scalar(flush($shop)), 3, 'no message for a root cause alone');

# As many and long rules as there may be.
run('shop', q{CREATE TABLE wide (a integer);
	SELECT contract.describe('wide', owner => repeat('"', 1000));
	SELECT contract.add_rule('wide', 'not_null', '{a}', name => lpad(i::text, 10, '0') || repeat(E'\x01\u20ac', 60), runbook => repeat('\\', 3000), on_violation => 'audit')
	FROM generate_series(1, 300) i;
	INSERT INTO wide VALUES (NULL);
	CREATE VIEW widest AS SELECT a FROM wide;
	SELECT contract.add_rule('widest', 'not_null', '{a}', name => lpad(i::text, 10, '0') || repeat(E'\x01\u20ac', 60), runbook => repeat('\\', 3000), on_violation => 'audit')
	FROM generate_series(1, 300) i});
flush($shop);
$shop->{out} = '';
audit('shop', 'wide');
($message) = messages($shop, 1);
cmp_ok(length($shop->{out}), '<=', 7901, 'a message is never too long');
cmp_ok(scalar(@{ $message->{rules} }), '>', 0, 'it has some rules');
is(scalar(@{ $message->{rules} }) + $message->{more_rules}, 300, 'and says how many more there are');
is(run('shop', "SELECT cardinality(rules) FROM contract.incidents WHERE dataset = 'public.wide'"), '300', 'the view has them all');
$shop->{out} = '';
audit('shop', 'widest');
($message) = messages($shop, 1);
cmp_ok(length($shop->{out}), '<=', 7901, 'nor is one with a root cause');
is(join(' ', sort keys %{ $message->{root_cause} }), 'dataset incident opened_at', 'whose path is left out first');

$node->stop;
$_->{run}->kill_kill for $shop;
is( join('', grep { /ERROR|PANIC/ && !/canceling|terminating/ } split /^/, slurp_file($node->logfile)),
	'', 'no errors in the log');
done_testing();
