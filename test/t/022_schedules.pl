# Schedules with workers: cron expressions against another implementation, audits when they are due, giving way, timeouts, crashes,
# the time zone by SIGHUP. What needs no worker is in sql/schedules.sql.
use strict;
use warnings;
use File::Basename;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--locale=C', '--encoding=UTF8' ]);
$node->append_conf('postgresql.conf', $ENV{PGC_EXTRA_CONF} // '');
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_contract'
pg_contract.naptime = '100ms'
pg_contract.incident_quiet = 0
restart_after_crash = on
autovacuum = off
max_parallel_maintenance_workers = 0");
$node->start;

sub run { return $node->safe_psql('postgres', $_[0]) }

sub wait_until { return $node->poll_query_until('postgres', $_[0]) }

# What is said of the schedules of a table.
sub status { return run("SELECT string_agg(last_status, ',') FROM contract.schedules WHERE dataset = 'public.$_[0]'") }

# Makes tables due, and has the worker look: a schedule that is said again changes nothing.
sub due
{
	my $list = join ',', map { "'public.$_'" } @_;
	run("UPDATE contract.schedule_state SET next_run = now() - interval '1 day', attempts = 0
			WHERE dataset_id IN (SELECT dataset_id FROM contract.dataset WHERE name IN ($list));
		SELECT contract.schedule('plain', cron => '\@yearly')");
	return;
}

# The stored audits of a table.
sub audits { return run("SELECT count(*) FROM contract.run JOIN contract.dataset USING (dataset_id) WHERE name = 'public.$_[0]' AND source = 'audit' AND operation IS NULL") }

run("CREATE EXTENSION pg_contract; CREATE TABLE plain (id int); INSERT INTO plain VALUES (1), (NULL);
	SELECT contract.not_null('plain', 'id', on_violation => 'audit')");

# Cron expressions.
SKIP:
{
	my $seed = $ENV{PGC_SEED} // int(rand(1e6));
	my $script = dirname(__FILE__) . '/../tools/cron.py';
	skip 'python3 has no time zones (3.9 or later, tzdata)', 2
		if system(q{python3 -c 'from zoneinfo import ZoneInfo; ZoneInfo("Europe/Berlin")' 2>/dev/null}) != 0;
	my $file = PostgreSQL::Test::Utils::tempdir() . '/cron';
	system("python3 $script 1500 $seed >$file") == 0 or die 'cron.py failed';
	run("CREATE TABLE expected (cron text, zone text, after timestamptz, next timestamptz);
		\\copy expected FROM $file");
	is(run("SELECT * FROM (SELECT *, contract.next_run(cron, zone, after) AS found FROM expected) e WHERE found IS DISTINCT FROM next LIMIT 5"),
		'', "1500 cron expressions in time zones come when python says (PGC_SEED=$seed)");
	is(run("SELECT count(*), count(DISTINCT zone) > 10, count(next) > 1400 FROM expected"), '1500|t|t', 'which has said when');
}

# An audit when it is due, again and again, without anybody running anything.
run("SELECT contract.schedule('plain', every => '1 second')");
ok(wait_until("SELECT count(*) >= 3 FROM contract.run WHERE source = 'audit' AND application = 'pg_contract'"), 'a dataset is audited every second');
is(run("SELECT bool_and(role = (SELECT rolname FROM pg_roles WHERE oid = 10)), count(DISTINCT status) FROM contract.results"), 't|1', 'by the extension\'s owner');
is(run("SELECT count(*) FROM (SELECT at, lag(at) OVER (ORDER BY at) AS before FROM contract.run WHERE source = 'audit' AND operation IS NULL) r
		WHERE at - before < interval '0.5 seconds'"), 0, 'once each time');
run("SELECT contract.schedule('plain', cron => '\@yearly')");

# A table that takes long, a row a page: 30 s at a quarter of a second a row.
run("CREATE TABLE slow (id int, word text); ALTER TABLE slow ALTER word SET STORAGE PLAIN;
	INSERT INTO slow SELECT i, repeat('p', 4999) FROM generate_series(1, 120) i;
	SELECT contract.not_matches('slow', 'word', '^(pp+)\\1+\$', on_violation => 'audit');
	CREATE TABLE later AS TABLE plain; SELECT contract.not_null('later', 'id', on_violation => 'audit');
	SELECT contract.schedule('slow', cron => '\@yearly'), contract.schedule('later', cron => '\@yearly')");
my $busy = "SELECT count(*) = 1 FROM contract.progress WHERE dataset = 'public.slow' AND phase = 'scanning' AND blocks_done > 0";

# It gives way to who wants to change the table.
due('slow');
ok(wait_until($busy), 'an audit is under way');
like(run("SELECT doing FROM contract.workers WHERE duty = 'auditing' AND state = 'running'"), qr/audit of public.slow$/, 'contract.workers shows it');
my $begin = time;
run("ALTER TABLE slow ADD COLUMN more int");
cmp_ok(time - $begin, '<', 10, 'ALTER TABLE gets through soon');
ok(wait_until("SELECT last_status = 'yielded' FROM contract.schedules WHERE dataset = 'public.slow'"), 'since the audit gives way');
is(run("SELECT s.next_run - s.last_run - s.last_elapsed < interval '61 seconds', t.attempts, s.last_message FROM contract.schedules s JOIN contract.schedule_state t USING (dataset_id)
		WHERE dataset = 'public.slow'"), 't|1|the audit gives way to a session that waits for a lock on the relation', 'and is run again in a minute');
is(audits('slow'), 0, 'nothing of it is stored');
# not for ever
run("UPDATE contract.schedule_state SET attempts = 5, next_run = now() WHERE attempts = 1; SELECT contract.schedule('plain', cron => '\@yearly')");
ok(wait_until($busy), 'it is tried again');
my $waiting = $node->background_psql('postgres');
$waiting->query_until(qr/waits/, "\\echo waits\nALTER TABLE slow ADD COLUMN more2 int;\n");
ok(wait_until("SELECT count(*) = 1 FROM pg_locks WHERE relation = 'slow'::regclass AND mode = 'AccessExclusiveLock' AND NOT granted
		AND waitstart < clock_timestamp() - interval '3 seconds'"), 'after five times it does not give way any more');
ok(wait_until($busy), 'but goes on');

# Who cancels a worker cancels this audit, not those after it.
run("UPDATE contract.schedule_state SET next_run = now() WHERE dataset_id = (SELECT dataset_id FROM contract.dataset WHERE name = 'public.later')");
run("SELECT pg_cancel_backend(pid) FROM contract.progress");
ok(wait_until("SELECT bool_and(last_status IN ('error', 'fail')) FROM contract.schedules WHERE dataset IN ('public.slow', 'public.later')"), 'an audit is cancelled, the next one is run');
is(run("SELECT last_message FROM contract.schedules WHERE dataset = 'public.slow'"), 'canceling statement due to user request', 'with the reason');
$waiting->quit;

# Its time is limited.
run("SELECT contract.schedule('slow', cron => '\@yearly', timeout => '0.5 seconds')");
due('slow', 'later');
ok(wait_until("SELECT count(*) = 2 FROM contract.schedules WHERE last_status IN ('timeout', 'fail') AND next_run > now() + interval '1 hour' AND dataset IN ('public.slow', 'public.later')"),
	'a timeout ends an audit, not those after it');
is(status('slow'), 'timeout', 'and says so');
$node->append_conf('postgresql.conf', "pg_contract.audit_timeout = '300ms'");
$node->reload;
run("SELECT contract.schedule('slow', cron => '\@yearly')");
due('slow');
ok(wait_until("SELECT last_message = 'the audit was stopped after 0.3 s' FROM contract.schedules WHERE dataset = 'public.slow'"), 'pg_contract.audit_timeout is for all others');
$node->append_conf('postgresql.conf', "pg_contract.audit_timeout = '1h'");
$node->reload;

# Killed in the middle: the server restarts, the audit is run again, and recorded once.
run("DELETE FROM slow WHERE id > 12; VACUUM slow; SELECT contract.schedule('slow', cron => '\@yearly', mode => 'full')");
my $before = audits('slow');
due('slow');
ok(wait_until($busy), 'an audit is under way');
kill 'KILL', run("SELECT pid FROM contract.progress");
ok(wait_until('SELECT true'), 'the server is back');
ok(wait_until("SELECT count(*) = 1 AND min(pid) IS NOT NULL FROM contract.progress WHERE dataset = 'public.slow'"), 'the audit is run again');
ok(wait_until("SELECT last_status = 'pass' AND next_run > now() + interval '1 hour' FROM contract.schedules WHERE dataset = 'public.slow'"), 'to its end');
is(audits('slow'), $before + 1, 'and recorded once');

# The same with an orderly restart.
due('slow');
ok(wait_until($busy), 'an audit is under way');
$node->restart;
ok(wait_until("SELECT count(*) = 1 AND min(pid) IS NOT NULL FROM contract.progress WHERE dataset = 'public.slow'"), 'it is run again after a restart');
ok(wait_until("SELECT last_status = 'pass' AND next_run > now() + interval '1 hour' FROM contract.schedules WHERE dataset = 'public.slow'"), 'to its end');
is(audits('slow'), $before + 2, 'and recorded once');

# No two at a time, whoever runs them.
run("CREATE TABLE many (id int, word text); INSERT INTO many SELECT i, repeat('ab', 500) FROM generate_series(1, 2000) i;
	SELECT format('CREATE TABLE many_%s AS TABLE many', i) FROM generate_series(1, 30) i \\gexec
	SELECT contract.not_matches(format('many_%s', i)::regclass, 'word', '(a|b)*c\$', on_violation => 'audit'),
		contract.schedule(format('many_%s', i)::regclass, cron => '\@yearly') FROM generate_series(1, 30) i \\g /dev/null");
my $many = "dataset LIKE 'public.many%'";
run("UPDATE contract.schedule_state SET next_run = now() - interval '1 hour'
	WHERE dataset_id IN (SELECT dataset_id FROM contract.schedules WHERE $many)");
my @sessions = map { $node->background_psql('postgres') } 1 .. 3;
$_->query_until(qr/begins/, "\\echo begins\nCALL contract.tend();\n") for @sessions;
run("SELECT contract.schedule('plain', cron => '\@yearly')");
ok(wait_until("SELECT count(*) = 30 FROM contract.schedules WHERE last_status = 'pass' AND next_run > now() + interval '1 hour' AND $many"), 'thirty audits by a worker and three sessions');
$_->query('SELECT 1') for @sessions;
$_->quit for @sessions;
is(run("SELECT count(*), count(DISTINCT dataset_id) FROM contract.run JOIN contract.dataset USING (dataset_id) WHERE name LIKE 'public.many%'"), '30|30', 'each once');
is(run("SELECT count(*) FROM (SELECT at, lag(at + elapsed) OVER (ORDER BY at) AS end_of_last FROM contract.run JOIN contract.dataset USING (dataset_id)
		WHERE name LIKE 'public.many%') r WHERE at < end_of_last"), 0, 'none before the last one had ended');

# A document, and the time zone of its schedules.
run("CREATE TABLE orders (id int, amount int);
	SELECT count(*) FROM contract.apply(\$\$apiVersion: v3.1.0
kind: DataContract
id: orders
version: 1.0.0
status: active
schema:
- name: public.orders
  quality:
  - {metric: rowCount, mustBeGreaterThan: 0, name: some, schedule: 0 6 * * *, scheduler: cron}
\$\$)");

# Are all schedules of orders at six o'clock there?
sub at_six_in { return "SELECT bool_and(time_zone = '$_[0]' AND to_char(next_run AT TIME ZONE '$_[0]', 'HH24:MI') = '06:00') FROM contract.schedules WHERE dataset = 'public.orders'" }
ok(wait_until(at_six_in('UTC')), 'the schedule of a document is known at once');
$node->append_conf('postgresql.conf', "pg_contract.timezone = 'Asia/Tokyo'");
$node->reload;
ok(wait_until("SELECT setting = 'Asia/Tokyo' FROM pg_settings WHERE name = 'pg_contract.timezone'"), 'another time zone');
run("SELECT contract.schedule('plain', cron => '\@yearly', time_zone => 'UTC')");
ok(wait_until(at_six_in('Asia/Tokyo')), 'is that of the schedule from then on');
is(run("SELECT time_zone FROM contract.schedules WHERE dataset = 'public.later'"), 'UTC', 'not of one that was made before in SQL');

# A schedule that somebody is about to change keeps no other one waiting; what was changed during an audit is not overwritten.
my $changing = $node->background_psql('postgres');
run("SELECT contract.schedule('later', cron => '\@yearly')");
run("UPDATE contract.schedule_state SET last_status = NULL, next_run = next_run - CASE WHEN dataset_id = (SELECT dataset_id FROM contract.dataset WHERE name = 'public.later')
		THEN interval '10 years' ELSE '0' END");
$changing->query_safe("BEGIN; SELECT contract.schedule('later', cron => '0 6 2 1 *')");
due('many_1', 'slow');
ok(wait_until($busy), 'an audit is under way');
run("SELECT contract.schedule('slow', every => '10 years')");
ok(wait_until("SELECT last_status = 'pass' FROM contract.schedules WHERE dataset = 'public.many_1'"), 'a schedule is being changed, others are run');
ok(wait_until('SELECT count(*) = 0 FROM contract.progress'), 'and ends');
is(run("SELECT next_run < now() + interval '2 hours', last_status FROM contract.schedules WHERE dataset = 'public.slow'"), 't|', 'its schedule is the one that was made meanwhile');
$changing->query_safe('ROLLBACK');
$changing->quit;

# A table that is locked for long is not waited for, and tried again.
my $locker = $node->background_psql('postgres');
$locker->query_safe('BEGIN; LOCK TABLE later');
due('later');
ok(wait_until("SELECT last_status = 'locked' FROM contract.schedules WHERE dataset = 'public.later'"), 'a table is locked');
is(run("SELECT next_run - last_run - last_elapsed < interval '61 seconds', last_message FROM contract.schedules WHERE dataset = 'public.later'"),
	't|canceling statement due to lock timeout', 'its audit is tried again in a minute');
$locker->quit;

$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|leak/, 'nothing strange in the log');
done_testing();
