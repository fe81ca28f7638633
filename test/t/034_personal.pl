# Personal data that statements of many sessions copy: recorded by the worker, known to sessions that have been there for
# long, to those after a crash, and in a restored database.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--locale=C', '--encoding=UTF8' ]);
$node->append_conf('postgresql.conf', $ENV{PGC_EXTRA_CONF} // '');
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_contract'
pg_contract.naptime = '100ms'
pg_contract.lineage_sync = off
pg_contract.track_lineage = contracts");
$node->start;

sub run { my ($sql, $database) = @_; return $node->safe_psql($database // 'postgres', $sql) }

sub error_of
{
	my ($sql, $database) = @_;
	my ($out, $err);
	$node->psql($database // 'postgres', "SET pg_contract.pii_policy = 'reject'; $sql", stdout => \$out, stderr => \$err);
	return join("\n", $err =~ /(?:ERROR|DETAIL):  (.*)/g);
}

# Waits until as many derived columns are listed, and returns them.
sub derived
{
	my ($count, $database) = @_;
	$node->poll_query_until($database // 'postgres', "SELECT count(*) >= $count FROM contract.pii_columns WHERE derived")
		or die 'the worker does not record it';
	return run("SELECT string_agg(dataset || '.' || column_name || ' ' || category, ', ' ORDER BY 1) FROM contract.pii_columns WHERE derived", $database);
}

run("CREATE EXTENSION pg_contract;
	CREATE TABLE people (id integer, email text); CREATE TABLE leads (id integer, mail text); CREATE TABLE mailing (id integer, address text);
	INSERT INTO people VALUES (1, 'secret\@example.com');
	SELECT contract.pii('people', 'email', 'email')");

# A session that has looked before anything was copied.
my $old = $node->background_psql('postgres', on_error_stop => 0);
$old->query_safe("SET pg_contract.pii_policy = 'reject'");
$old->query_safe('INSERT INTO mailing SELECT * FROM leads');
run('INSERT INTO leads SELECT * FROM people');
is(derived(1), 'public.leads.mail email', 'what a statement copied is recorded in the background');
$old->query('INSERT INTO mailing SELECT * FROM leads');
like($old->{stderr}, qr/personal data must not be copied to public\.mailing\.address/, 'and known to a session that was there before');
$old->quit;
run('INSERT INTO mailing SELECT id, upper(mail) FROM leads');
is(derived(2), 'public.leads.mail email, public.mailing.address email', 'a table that is not under contract passes it on');

# Files: judged, remembered, and followed back in.
my $file = $node->basedir . '/export.csv';
is(error_of("COPY mailing TO '$file'"),
	"personal data must not be copied to $file\nCategory email comes through public.people.email -> public.leads.mail -> public.mailing.address -> $file.",
	'a file is no place for it');
ok(!-e $file, 'nothing was written');
is(error_of('COPY mailing TO STDOUT'), '', 'what goes to the client is not judged');
unlike(slurp_file($node->logfile), qr/(?:ERROR|DETAIL|WARNING|HINT):.*secret/, 'no value of the data is told');

# After a crash it is still known.
$node->stop('immediate');
$node->start;
like(error_of('CREATE TABLE more AS SELECT address FROM mailing'), qr/^personal data must not be copied to public\.more\.address\n/,
	'known after a crash');

# And in a restored database, where numbers are others.
run("ALTER TABLE leads DROP COLUMN id, ADD COLUMN id integer");
my $dump = $node->basedir . '/dump.sql';
$node->command_ok([ 'pg_dump', '--file', $dump, $node->connstr('postgres') ], 'dumped');
run('CREATE DATABASE restored');
run('CREATE TABLE first (id integer)', 'restored');
$node->command_ok([ 'psql', '-X', '-v', 'ON_ERROR_STOP=1', '-f', $dump, $node->connstr('restored') ], 'restored');
# as if five minutes had passed, for the worker to find nodes by their names
run("UPDATE contract.lineage_due SET due = '-infinity' WHERE relid = 0", 'restored');
run('CALL contract.tend()', 'restored');
is(derived(2, 'restored'), 'public.leads.mail email, public.mailing.address email', 'known in a restored database');
like(error_of('CREATE TABLE more AS SELECT mail FROM leads', 'restored'), qr/^personal data must not be copied to public\.more\.mail\n/, 'and judged there');

$node->stop;
done_testing();
