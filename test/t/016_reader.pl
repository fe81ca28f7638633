# Documents in databases of other encodings than UTF-8; what libyaml allocates is freed whatever ends a reading.
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

foreach my $encoding (qw(LATIN1 EUC_JP SQL_ASCII))
{
	$node->safe_psql('postgres', "CREATE DATABASE \L$encoding\E TEMPLATE template0 ENCODING '$encoding'");
	$node->safe_psql(lc $encoding, 'CREATE EXTENSION pg_contract');
}
$node->safe_psql('postgres', 'CREATE EXTENSION pg_contract');

# What lint says of a document, an expression in ASCII; the client's encoding is the database's, the answer in hexadecimal.
sub lint
{
	my ($database, $document) = @_;

	return $node->safe_psql($database, "SELECT line, column_number, convert_from(convert_to(message, 'SQL_ASCII'), 'SQL_ASCII') ~ '\\(line 1'
		AND position('\\x' || right(encode(substring(message, 'the key \"(.*)\" is')::bytea, 'hex'), -0) IN message) >= 0,
		encode(convert_to(substring(message, 'the key \"(.*)\" is'), getdatabaseencoding()), 'hex')
		FROM contract.lint($document)");
}
$node->stop;
done_testing();
