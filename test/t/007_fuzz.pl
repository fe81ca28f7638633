# The fast comparators say what PostgreSQL's operators say, and the reader of documents takes whatever it is given, and
# lineage changes no result: some rounds of test/fuzz.
use strict;
use warnings;
use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--locale=C.UTF-8', '--encoding=UTF8' ]);
$node->append_conf('postgresql.conf', $ENV{PGC_EXTRA_CONF} // '');
$node->append_conf('postgresql.conf', 'log_statement = none');
$node->start;

foreach my $name (qw(numbers regex texts))
{
	$node->safe_psql('postgres', "CREATE DATABASE $name");
	my ($rc, $stdout, $stderr) = $node->psql($name, "\\i $FindBin::RealBin/../fuzz/$name.sql",
		extra_params => [ '-v', 'rounds=20', '-v', 'seed=1' ]);
	is($rc, 0, "$name: no difference") or diag $stderr;
}

$node->stop;

# Runs a script of test/fuzz that may have no program to run with.
sub runs_ok
{
	my ($command, $name) = @_;

  SKIP:
	{
		my $out = `"$FindBin::RealBin/../fuzz/"$command 2>&1`;

		chomp $out;
		skip $out, 1 if $? >> 8 == 77;
		is($?, 0, $name) or diag $out;
	}
	return;
}

runs_ok('yaml.sh -n 20000 -s 1', 'the reader: no document that it fails on');
runs_ok('lineage.sh -n 50 -s 1', 'lineage: no crash, no other result, no memory lost');

done_testing();
