# Documents from files, in other encodings; what is kept of them without tables, without a schema, without the extension; the
# standard's own example for PostgreSQL, on tables made of it.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--locale=C', '--encoding=UTF8' ]);
$node->append_conf('postgresql.conf', $ENV{PGC_EXTRA_CONF} // '');
$node->start;
my $folder = PostgreSQL::Test::Utils::tempdir();

sub run { return $node->safe_psql(@_) }

# What psql says on stderr.
sub stderr_of
{
	my ($database, $sql) = @_;
	my ($rc, $stdout, $stderr) = $node->psql($database, $sql);

	return $stderr;
}

# A file in the data folder, where relative paths begin.
sub write_file
{
	my ($name, $content) = @_;

	open my $file, '>:raw', $node->data_dir . "/$name" or die $!;
	print $file $content;
	close $file;
	return;
}

# A document about tables with a column id.
sub document
{
	my ($id, $version, @tables) = @_;

	return "apiVersion: v3.1.0\nkind: DataContract\nid: $id\nversion: $version\nstatus: active\nschema:\n"
	  . join '', map { "- name: $_\n  properties:\n  - name: id\n    description: plain\n    required: true\n" } @tables;
}

my $kept = 'SELECT (SELECT string_agg(contract_id, \' \' ORDER BY contract_id) FROM contract.contract), (SELECT count(*) FROM contract.dataset),
	(SELECT count(*) FROM contract.rule WHERE source = \'document\'), (SELECT count(*) FROM contract.column_annotation),
	(SELECT count(*) FROM contract.contract_version)';

# Files
run('postgres', 'CREATE DATABASE files; CREATE DATABASE latin ENCODING LATIN1 TEMPLATE template0');
run($_, 'CREATE EXTENSION pg_contract; CREATE TABLE orders (id int)') for ('files', 'latin');
my $unicode = document('files', '1.0.0', 'orders') =~ s/plain/Stra\xC3\x9Fe/r;
write_file('plain.yaml', $unicode);
write_file('marked.yaml', "\xEF\xBB\xBF$unicode");
write_file('crlf.yaml', $unicode =~ s/\n/\r\n/gr);
write_file('greek.yaml', $unicode =~ s/\xC3\x9F/\xCE\xB1/r);
write_file('broken.yaml', $unicode =~ s/\xC3\x9F/\xDF/r);
write_file('null.yaml', $unicode =~ s/\xC3\x9F/\0/r);
write_file('empty.yaml', '');
write_file('wrong.yaml', $unicode =~ s/required: true/required: perhaps/r);
my $absolute = $node->data_dir . '/plain.yaml';
like(run('files', "SELECT change FROM contract.apply_file('$absolute')"), qr/^contract added\n.*rule added.*none$/s, 'a file is applied');
is(run('files', "SELECT convert_to(document, 'UTF8') = pg_read_binary_file('plain.yaml') FROM contract.history('files')"), 't', 'verbatim');
is(run('files', "SELECT count(*) FROM contract.apply_file('$_')"), 1, "$_ says the same") for ('plain.yaml', 'marked.yaml', 'crlf.yaml');
is(run('files', "SELECT document = convert_from(pg_read_binary_file('crlf.yaml'), 'UTF8') FROM contract.history('files')"), 't', 'in its own words');
like(run('latin', "SELECT change FROM contract.apply_file('marked.yaml')"), qr/rule added/, 'a file is read as UTF-8 into another encoding');
is(run('latin', "SELECT description = convert_from('\\x53747261df65', 'LATIN1') FROM contract.column_annotation"), 't', 'with its letters');
is(run('latin', "SELECT count(*) FROM contract.apply_file('plain.yaml')"), 1, 'and the same again');
for (
	[ 'latin', 'greek.yaml', qr/character with byte sequence 0xce 0xb1 in encoding "UTF8" has no equivalent in encoding "LATIN1"/ ],
	[ 'files', 'broken.yaml', qr/invalid byte sequence for encoding "UTF8": 0xdf 0x65/ ],
	[ 'files', 'null.yaml', qr/invalid byte sequence for encoding "UTF8": 0x00/ ],
	[ 'files', 'empty.yaml', qr/line 1, column 1: / ],
	[ 'files', 'wrong.yaml', qr/line 11, column 15: / ],
	[ 'files', 'missing.yaml', qr/could not open file "missing.yaml" for reading: No such file/ ],
	[ 'files', 'base', qr/"base" is not a regular file/ ])
{
	my ($database, $file, $message) = @$_;
	my $stderr = stderr_of($database, "\\set SHOW_CONTEXT errors\nSELECT * FROM contract.apply_file('$file')");

	like($stderr, $message, "$file: refused");
	like($stderr, qr/^CONTEXT:  file "\Q$file\E"$/m, "$file: the error names it");
}
is(run('files', $kept), 'files|1|2|1|1', 'and nothing is changed');

# Without the tables
run('postgres', 'CREATE DATABASE source');
run('source', "CREATE EXTENSION pg_contract; CREATE TABLE orders (id int); CREATE TABLE parts (id int); CREATE SCHEMA other; CREATE TABLE other.places (id int);
	SELECT count(*) FROM contract.apply(\$\$" . document('shop', '1.0.0', 'orders', 'parts', 'waiting') . "\$\$);
	SELECT count(*) FROM contract.apply(\$\$" . (document('elsewhere', '1.0.0', 'places') =~ s/name: places/name: places\n  physicalName: other.places/r) . "\$\$);
	SELECT count(*) FROM contract.apply('" . document('nothing', '1.0.0') =~ s/schema:\n//r . "')");
my $whole = run('source', $kept);
is($whole, 'elsewhere nothing shop|4|8|4|3', 'three documents');
run('postgres', 'CREATE DATABASE without');
$node->command_ok([ 'pg_dump', '-T', 'orders', '-f', "$folder/without.sql", 'source' ], 'pg_dump -T');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-f', "$folder/without.sql", 'without' ], 'restored');
is(run('without', $kept), $whole, 'without a table: the documents are there all the same');
is(run('without', "SELECT dataset, problem FROM contract.scorecard WHERE problem IS NOT NULL ORDER BY 1"),
	"public.orders|there is no relation public.orders\npublic.waiting|there is no relation public.waiting", 'without a table: it waits');
run('without', 'CREATE TABLE orders (id int); CREATE TABLE waiting (id int); INSERT INTO orders VALUES (NULL); INSERT INTO waiting VALUES (NULL)');
is(run('without', "SELECT dataset, rule FROM contract.violations ORDER BY 1"), "public.orders|not_null_id\npublic.waiting|not_null_id",
	'without a table: made there, it is under contract');
is(run('without', "SELECT count(*) FROM contract.history('shop') h, contract.apply(h.document)"), 1, 'and the document changes nothing');

# One schema, into a database with the extension: what is applied there makes the contract
run('postgres', 'CREATE DATABASE one');
run('one', 'CREATE EXTENSION pg_contract; DROP SCHEMA public');
$node->command_ok([ 'pg_dump', '-n', 'public', '-f', "$folder/one.sql", 'source' ], 'pg_dump -n');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-f', "$folder/one.sql", 'one' ], 'restored');
is(run('one', $kept), '|0|0|0|0', 'one schema: no document');
run('one', "SELECT count(*) FROM contract.apply(\$\$" . document('shop', '1.0.0', 'orders', 'parts') . "\$\$); INSERT INTO orders VALUES (NULL)");
is(run('one', "SELECT dataset, rule FROM contract.violations"), 'public.orders|not_null_id', 'one schema: applied, it is enforced');

# Without the extension, and with it again
run('source', "DROP EXTENSION pg_contract; INSERT INTO orders VALUES (NULL); CREATE EXTENSION pg_contract");
is(run('source', $kept), '|0|0|0|0', 'DROP EXTENSION: nothing is left');
is(run('source', "SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'zz_contract%'"), 0, 'neither are triggers');
run('source', "SELECT count(*) FROM contract.apply(\$\$" . document('shop', '1.0.0', 'orders', 'parts', 'waiting') . "\$\$); INSERT INTO orders VALUES (NULL)");
is(run('source', "SELECT dataset, rule, id FROM contract.violations"), 'public.orders|not_null_id|1', 'CREATE EXTENSION: the document makes it anew');

# What is prepared and what is undone
is( run('source', "BEGIN; SAVEPOINT s; SELECT count(*) > 1 FROM contract.apply(\$\$" . document('shop', '2.0.0', 'orders') . "\$\$);
		ROLLBACK TO s; SELECT count(*) FROM contract.apply(\$\$" . document('shop', '1.0.0', 'orders', 'parts', 'waiting') . "\$\$); COMMIT"),
	"t\n1", 'rolled back to a savepoint: the document is in force as it was');

# adventureworks: 68 tables, before they are there and when they are
SKIP:
{
	my $example = ($ENV{PGC_SHARED} // '') . '/odcs/examples/v3.1.0/docs/examples/all/postgresql-adventureworks-contract.odcs.yaml';

	skip 'no ../shared/odcs', 1 unless -r $example;
	write_file('adventureworks.yaml', slurp_file($example));
	run('postgres', 'CREATE DATABASE works; CREATE DATABASE ready');
	run($_, 'CREATE EXTENSION pg_contract; CREATE DOMAIN Flag AS boolean; CREATE DOMAIN NameStyle AS boolean;
		CREATE DOMAIN AccountNumber AS varchar(15); CREATE DOMAIN Phone AS varchar(25); CREATE DOMAIN OrderNumber AS varchar(25)')
	  for ('works', 'ready');
	like(run('works', "SELECT message FROM contract.apply_file('adventureworks.yaml') WHERE path = '' AND change = 'none'"),
		qr/^\d+ of \d+ rules enforced$/, 'adventureworks: applied before its tables are there');
	my $tables = run('works', q{SELECT format('CREATE TABLE %I (%s);', o->>'physicalName', string_agg(format('%I %s', p->>'name',
			regexp_replace(replace(p->>'physicalType', '[2147483647]', ''), '\[(\d+)\]', '(\1)')), ', ' ORDER BY position))
		FROM contract.contract_version, jsonb_array_elements(document->'schema') o,
			jsonb_array_elements(o->'properties') WITH ORDINALITY AS properties (p, position)
		GROUP BY o->>'physicalName'});
	is(scalar(() = $tables =~ /CREATE TABLE/g), 68, 'adventureworks: 68 tables');
	run($_, $tables) for ('works', 'ready');
	is(run('works', 'SELECT count(*) FROM contract.binding'), 68, 'adventureworks: all are bound when they are made');
	run('ready', "SELECT count(*) FROM contract.apply_file('adventureworks.yaml')");
	for my $database ('works', 'ready')
	{
		is(run($database, "SELECT count(*) FROM contract.apply_file('adventureworks.yaml') WHERE change <> 'none'"), 0,
			"adventureworks in $database: a second time changes nothing");
		is(run($database, 'SELECT count(*), count(problem) FROM contract.scorecard'), '68|0', "adventureworks in $database: no problem");
		is(run($database, "SELECT count(*) FROM contract.check_all() WHERE status NOT IN ('pass', 'unknown')"), 0,
			"adventureworks in $database: no rule fails on empty tables");
	}
	my $rules = 'SELECT dataset, rule, kind, columns, parameters, action FROM contract.rules ORDER BY 1, 2';
	is(run('works', $rules), run('ready', $rules), 'adventureworks: the same rules, whichever came first');
}

$node->stop;
done_testing();
