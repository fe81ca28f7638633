# contract.diff over the standard's own examples: nothing differs from itself, however its keys are ordered; a contract
# that says the same in a later version of the standard is the same.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $examples = ($ENV{PGC_SHARED} // '') . '/odcs/examples';
plan skip_all => 'PGC_SHARED does not name a folder with the examples of the standard' unless -r $examples;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', $ENV{PGC_EXTRA_CONF} // '');
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_contract');

# The rows of a diff: path, change, level.
sub changes
{
	my ($old, $new) = @_;

	return $node->safe_psql('postgres', "SELECT path, change, level FROM contract.diff(\$old\$$old\$old\$, \$new\$$new\$new\$)");
}

my %text;
foreach my $version (qw(v3.0.0 v3.0.1 v3.0.2 v3.1.0))
{
	foreach my $path (split /\n/, `cd '$examples/$version' && find . -name '*.yaml' | sort`)
	{
		$path =~ s!^\./docs/examples/!!;
		$text{$version}{$path} = slurp_file("$examples/$version/docs/examples/$path");
		is(changes($text{$version}{$path}, $text{$version}{$path}), '', "$version $path and itself");
	}
}

# What really changed from 3.0.2 to 3.1.0 in the examples.
my %changed = (
	'all/full-example.odcs.yaml' => qr/^schema\.tbl\.properties\.rcvr_id\.relationships\[0\]\|added\|major$/m,
	'data-types/all-data-types.odcs.yaml' => qr/^schema\.transactions_tbl\.properties\.txn_timestamp\.logicalType\|changed\|major$/m,
	'quality/column-accuracy.odcs.yaml' => qr/^schema\.Air_Quality\.properties\.DataValue\.quality\[0\]\|added\|major$/m,
	'quality/column-validity.odcs.yaml' => qr/^schema\.Air_Quality\.properties\.UniqueID\|removed\|major$/m);
foreach my $path (sort keys %{ $text{'v3.0.2'} })
{
	my $later = $text{'v3.1.0'}{$path};

	next unless defined $later;
	if (exists $changed{$path})
	{
		like(changes($text{'v3.0.2'}{$path}, $later), $changed{$path}, "v3.0.2 and v3.1.0 of $path");
	}
	else
	{
		unlike(changes($text{'v3.0.2'}{$path}, $later), qr/\|(major|minor)$/m, "v3.0.2 and v3.1.0 of $path");
	}
}

# The largest one, with 68 tables, said to be of another version.
my $large = $text{'v3.0.2'}{'all/postgresql-adventureworks-contract.odcs.yaml'};
(my $later = $large) =~ s/^apiVersion: .*$/apiVersion: v3.1.0/m;
(my $earlier = $large) =~ s/^apiVersion: .*$/apiVersion: v3.0.2/m;
is(changes($earlier, $later), 'apiVersion|changed|patch', 'adventureworks in two versions of the standard');

$node->stop;
done_testing();
