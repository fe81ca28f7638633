# The standard's own examples lint clean, and whatever its JSON schema refuses, lint calls an error.
use strict;
use warnings;
use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $odcs = ($ENV{PGC_SHARED} // '') . '/odcs';
my $tree = "$FindBin::RealBin/../..";

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 1, extra => [ '--locale=C', '--encoding=UTF8' ]);
$node->append_conf('postgresql.conf', $ENV{PGC_EXTRA_CONF} // '');
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_contract');

# What lint says of a file, without what is only worth knowing.
sub said_of
{
	my ($file) = @_;

	return $node->safe_psql('postgres', "SELECT line, severity, path, message
		FROM contract.lint(pg_read_file('$file')) WHERE severity <> 'info'");
}

sub is_clean
{
	my ($name, @files) = @_;

	subtest $name => sub {
		is(said_of($_), '', $_ =~ s/.*\/(examples|contracts)\///r) foreach @files;
		cmp_ok(scalar @files, '>', 0, 'there are files');
	};
	return;
}

is_clean('our contracts are clean', glob "$tree/contracts/*.yaml");

SKIP:
{
	skip 'PGC_SHARED does not name a folder with the examples of the standard', 1 unless -d "$odcs/examples";
	is_clean('examples of the standard are clean', glob "$odcs/examples/v3*/docs/examples/*/*.yaml");
}

# Rows of mutations.py for a contract.
sub mutations_of
{
	my ($version, $document) = @_;
	my $file = "$PostgreSQL::Test::Utils::tmp_check/mutations.csv";
	my $rows = `python3 $tree/test/tools/mutations.py $odcs/schema/odcs-json-schema-v$version.json $document`;

	BAIL_OUT("mutations.py failed for $document") if $?;
	open my $out, '>', $file or die "$file: $!";
	print $out $rows;
	close $out;
	return $file;
}

SKIP:
{
	my $has_oracle = system("python3 -c 'import jsonschema, yaml; jsonschema.Draft201909Validator' 2>/dev/null") == 0;
	my $document = "$odcs/examples/v3.1.0/docs/examples/all/full-example.odcs.yaml";

	skip 'PGC_SHARED does not name a folder with the schemas of the standard', 1 unless -r $document;
	skip 'python3 has no jsonschema (python3-jsonschema, 3.0 or later) and yaml (python3-yaml)', 1 unless $has_oracle;

	my $file = mutations_of('3.1.0', $document);
	my $answer = $node->safe_psql('postgres', "CREATE TABLE mutation (what text, place text, document text);
		COPY mutation FROM '$file' (FORMAT csv);
		SELECT count(*) FROM mutation;
		SELECT what, place FROM mutation WHERE NOT EXISTS
			(SELECT FROM contract.lint(document) WHERE severity = 'error')");
	my ($count, @missed) = split /\n/, $answer;

	note("mutations that the schema refuses: $count");
	cmp_ok($count, '>', 1000, 'the schema refuses many mutations');
	is("@missed", '', 'lint refuses them, too');
}

# A standby only reads.
$node->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'copy', has_streaming => 1);
$standby->start;
is($standby->safe_psql('postgres', "SELECT line, path FROM contract.lint(E'apiVersion: v3.1.0\\nkind: DataContract
id: a\\nversion: 1.0.0\\nstatus: active\\nschema: [{name: a, properties: [{name: b, logicalType: int}]}]')"),
	'6|schema.a.properties.b.logicalType', 'on a standby');
$standby->stop;
$node->stop;
done_testing();
