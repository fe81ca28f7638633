# An audit tells its caller no more than SELECT does: column privileges, row security, views, partitions.
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

sub run { return $node->safe_psql('postgres', $_[0]) }

my @roles = qw(regress_owner regress_reader regress_clerk regress_tenant regress_stranger);
run("CREATE ROLE $_") for @roles;
run("CREATE EXTENSION pg_contract; GRANT CREATE ON SCHEMA public TO regress_owner; SET ROLE regress_owner;
	CREATE TABLE orders (id int PRIMARY KEY, tenant text, amount int, secret text);
	CREATE TABLE parts (id int, tenant text, amount int, secret text) PARTITION BY LIST (tenant);
	CREATE TABLE parts_t PARTITION OF parts FOR VALUES IN ('regress_tenant'); CREATE TABLE parts_other PARTITION OF parts DEFAULT;
	INSERT INTO orders SELECT n, CASE n % 3 WHEN 0 THEN 'regress_tenant' ELSE 'other' END, n % 100 - 2, NULLIF('s' || n % 7, 's3')
		FROM generate_series(1, 10000) n;
	INSERT INTO parts SELECT * FROM orders;
	CREATE VIEW seen AS SELECT id, tenant, amount, secret FROM orders WHERE tenant = current_user;");
my @tables = qw(orders parts seen);
for my $table (@tables)
{
	run("SET ROLE regress_owner;
		SELECT contract.between('$table', 'amount', 0, 90, name => 'amount', on_violation => 'audit'),
			contract.not_null('$table', 'secret', name => 'secret', on_violation => 'audit'),
			contract.between('$table', 'amount', 0, 50, filter => 'secret = ''s1''', name => 'filtered', on_violation => 'audit'),
			contract.satisfies('$table', 'amount > 5 OR tenant = ''other''', name => 'expression', on_violation => 'audit');
		GRANT SELECT ON $table TO regress_reader, regress_tenant; GRANT SELECT (id, amount, tenant) ON $table TO regress_clerk");
}

my %conditions = (amount => 'amount BETWEEN 0 AND 90', secret => 'secret IS NOT NULL', expression => "amount > 5 OR tenant = 'other'",
	filtered => 'amount BETWEEN 0 AND 50');

# What the role's own SELECT says of the rules, those about columns that it may not read apart.
sub plain_sql
{
	my ($role, $table, %unreadable) = @_;
	my @selects = map {
		my $filter = $_ eq 'filtered' ? "secret = 's1'" : 'true';
		$unreadable{$_} ? "SELECT '$_', NULL, NULL, 'you may not read column \"secret\"'"
		  : "SELECT '$_', count(*), count(*) FILTER (WHERE ($conditions{$_}) IS FALSE), NULL FROM $table WHERE $filter"
	} sort keys %conditions;

	return run("SET ROLE $role; " . join '; ', @selects);
}

sub stored { return run('SELECT (SELECT count(*) FROM contract.run), (SELECT count(*) FROM contract.violation), (SELECT count(*) FROM contract.audit_state)') }

# Audits a table as a role, in each mode.
sub audited_as
{
	my ($role, $table, $unreadable, $partial) = @_;
	my $expected = plain_sql($role, $table, map { $_ => 1 } @$unreadable);
	my $before = stored();

	for my $mode ('auto', 'full', 'incremental', 'sample')
	{
		my ($rc, $stdout, $stderr) = $node->psql('postgres', "SET ROLE $role; SELECT rule, considered, failed,
			CASE status WHEN 'skipped' THEN message END FROM contract.check('$table', mode => '$mode') ORDER BY rule");
		is($stdout, $expected, "$role, $table, $mode") or diag $stderr;
		$partial
		  ? like($stderr, qr/NOTICE:  the results for "public.$table" are returned only, not stored\nDETAIL:  You do not see all/, 'and it is said')
		  : is($stderr, '', 'and nothing is said');
	}
	$partial ? is(stored(), $before, 'nothing is stored') : isnt(stored(), $before, 'it is stored');
	return;
}

sub refused
{
	my ($role, $table, $message) = @_;
	my ($rc, $stdout, $stderr) = $node->psql('postgres', "SET ROLE $role; SELECT * FROM contract.check('$table')");
	like($stderr, $message, "$role is refused $table");
	return;
}

# Rows that cannot be read are the error of each rule that needs them.
sub unreadable
{
	my ($role, $table, $message) = @_;
	my ($rc, $stdout, $stderr) = $node->psql('postgres',
		"SET ROLE $role; SELECT DISTINCT status, message FROM contract.check('$table') WHERE status <> 'skipped'");
	like($stdout, qr/^error\|could not be evaluated: $message$/, "$role cannot read $table");
	return;
}

# Privileges.
for my $table ('orders', 'parts')
{
	audited_as('regress_owner', $table, [], 0);
	audited_as('regress_reader', $table, [], 0);
	audited_as('regress_clerk', $table, [ 'secret', 'filtered' ], 1);
	refused('regress_stranger', $table, qr/ERROR:  permission denied for table $table/);
}
audited_as('regress_owner', 'seen', [], 0);
audited_as('regress_tenant', 'seen', [], 1);
audited_as('regress_clerk', 'seen', [ 'secret', 'filtered' ], 1);
refused('regress_stranger', 'seen', qr/ERROR:  permission denied for view seen/);

# Row security.
for my $table ('orders', 'parts')
{
	run("ALTER TABLE $table ENABLE ROW LEVEL SECURITY;
		CREATE POLICY own ON $table TO regress_tenant, regress_clerk, regress_owner USING (tenant = current_user OR id < 20)");
	audited_as('regress_owner', $table, [], 0);
	audited_as('regress_tenant', $table, [], 1);
	audited_as('regress_clerk', $table, [ 'secret', 'filtered' ], 1);
	audited_as('regress_reader', $table, [], 1);    # no policy shows it anything
}

# A partition's own policies do not count for who reads the parent, nor its privileges.
run('ALTER TABLE parts_t ENABLE ROW LEVEL SECURITY; REVOKE ALL ON parts_t, parts_other FROM PUBLIC');
audited_as('regress_tenant', 'parts', [], 1);
audited_as('regress_owner', 'parts', [], 0);

# Row security forced upon the owner: an audit for all to see would not see all.
for my $table ('orders', 'parts')
{
	run("ALTER TABLE $table FORCE ROW LEVEL SECURITY");
	unreadable('regress_owner', $table, qr/query would be affected by row-level security policy for table "$table"/);
	unreadable(run('SELECT current_user'), $table, qr/query would be affected by row-level security policy for table "$table"/);
	audited_as('regress_tenant', $table, [], 1);
}

$node->stop;
unlike(slurp_file($node->logfile), qr/WARNING|PANIC|TRAP/, 'no warning in the log');
done_testing();
