# Documents in databases of other encodings than UTF-8; what libyaml allocates is freed, whatever ends a reading.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

$ENV{PGCLIENTENCODING} = 'UTF8';
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--locale=C', '--encoding=UTF8' ]);
$node->append_conf('postgresql.conf', $ENV{PGC_EXTRA_CONF} // '');
$node->append_conf('postgresql.conf', 'log_statement = none');
$node->start;

foreach my $encoding (qw(LATIN1 EUC_JP SQL_ASCII UTF8))
{
	$node->safe_psql('postgres', "CREATE DATABASE \L$encoding\E TEMPLATE template0 ENCODING '$encoding'");
	$node->safe_psql(lc $encoding, 'CREATE EXTENSION pg_contract');
}

# The first thing that lint says of a document, E'' string syntax; bytes in, bytes out.
sub lint
{
	my ($database, $document) = @_;

	return $node->safe_psql($database,
		"SELECT line, column_number, message FROM contract.lint(E'$document') ORDER BY line, column_number LIMIT 1");
}

# A message names what is in the document, and a column counts characters.
foreach my $case ([ latin1 => "\xc3\xbc" ], [ euc_jp => "\xe6\x97\xa5\xe6\x9c\xac" ], [ sql_ascii => "\xc3\xbc" ], [ utf8 => "\xc3\xbc" ])
{
	my ($database, $word) = @$case;
	my $letters = $database eq 'euc_jp' ? 2 : 1;

	is(lint($database, "$word: 1\\nb: {$word: 2, $word: 3}"), '2|' . (10 + $letters) . qq{|the key "$word" is there already (line 2, column 5)},
		"$database: a key that is there twice");
	is(lint($database, "{$word: *x}"), '1|' . (4 + $letters) . '|there is no anchor "x" before this', "$database: columns");
	is(lint($database, "$word: 1\\n# $word\\n\\x01"), '3|1|control characters are not allowed', "$database: a control character");
}

# An escape can name a character that the encoding lacks.
foreach my $database (qw(latin1 euc_jp))
{
	is(lint($database, 'a: [1, "\\\\u0e01"]'), '1|8|the value has a character that the database\'s encoding lacks',
		"$database: a value that cannot be kept");
	is(lint($database, '? "\\\\u0e01"\\n: 1'), '1|3|the value has a character that the database\'s encoding lacks',
		"$database: a key that cannot be kept");
}
is(lint('latin1', "\xc3\xbc: 1\\n\"\\\\u00fc\": 2"), "2|1|the key \"\xc3\xbc\" is there already (line 1, column 1)",
	'latin1: an escape and the character are the same');
is(lint('euc_jp', "a: 1\\n\xe6\x97\xa5\xe6\x9c\xac: \\xa9\\xa1"), '2|5|this character is not in Unicode',
	'euc_jp: a character that Unicode lacks');
is(lint('sql_ascii', 'a: 1\\nb: \\xff'), '2|4|invalid leading UTF-8 octet', 'sql_ascii: no UTF-8');

# What is written is in the database's encoding, and is read again.
foreach my $case ([ latin1 => "\xc3\xbc" ], [ euc_jp => "\xe6\x97\xa5" ], [ sql_ascii => "\xc3\xbc" ])
{
	my ($database, $word) = @$case;

	$node->safe_psql($database, "CREATE TABLE words (\"$word\" int); COMMENT ON TABLE words IS E'$word:\\n$word'");
	my $written = $node->safe_psql($database, "SELECT contract.infer('words')");
	like($written, qr/description: \|-\n +$word:\n +$word\n.* name: $word\n/s, "$database: written");
	is($node->safe_psql($database, "SELECT count(*) FROM contract.lint(contract.infer('words'))"), 0, "$database: read again");
}
my ($rc, $stdout, $stderr) = $node->psql('sql_ascii', "COMMENT ON TABLE words IS E'\\xff'; SELECT contract.infer('words')");
like($stderr, qr/ERROR:  invalid byte sequence for encoding "UTF8": 0xff/, 'sql_ascii: what is no UTF-8 is not written');

# Memory that libyaml asks for is not PostgreSQL's: only the process shows it. Three ways to leave the reader early: a
# problem that we find, one that libyaml finds, and an error that jumps out of it.
sub growth
{
	my ($name, $sql, $canceled) = @_;
	my $resident = "SET statement_timeout = 0; SELECT 'resident ' || (regexp_match(pg_read_file('/proc/self/status'), 'VmRSS:\\s+(\\d+)'))[1];\n";
	my ($rc, $stdout, $stderr) = $node->psql('utf8', "$sql $resident" . $sql x 3 . $resident, on_error_stop => 0);
	my @resident = $stdout =~ /resident (\d+)/g;
	my $found = () = $stderr =~ /ERROR:  canceling statement due to statement timeout/g;

	cmp_ok($found, '>=', $canceled, "$name: errors that were raised");
	cmp_ok($resident[1] - $resident[0], '<', 4096, "$name: the process grows by less than 4 MB");
	return;
}

SKIP:
{
	skip 'there is no /proc', 6 unless -r '/proc/self/status';
	my $long = "(SELECT string_agg(format('k%s: [a, \"b\", {c: &x d}]', n), E'\\n') FROM generate_series(1, 2000) n)";

	growth('a key twice', "SELECT count(*) FROM generate_series(1, 50) n, contract.lint(repeat('x', n) || E': 1\\n' || $long || E'\\nk1: 2');\n", 0);
	growth('bad syntax', "SELECT count(*) FROM generate_series(1, 50) n, contract.lint(repeat('x', n) || E': 1\\n' || $long || E'\\nk1: [');\n", 0);
	growth('canceled', "SET pg_contract.document_max_size = '8MB'; SET pg_contract.document_max_nodes = 10000000; SET statement_timeout = '20ms';\n" .
		"SELECT count(*) FROM contract.lint(repeat(E'- &a [x, \"y\", {z: t}]\\n', 200000));\n" x 50, 150);
}

$node->stop;
done_testing();
