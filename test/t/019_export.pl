# What is exported and inferred is valid ODCS 3.1.0 by the standard's own JSON schema, applies, and changes nothing.
use strict;
use warnings;
use utf8;
use open qw(:std :encoding(UTF-8));
use File::Find;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--locale=C', '--encoding=UTF8' ]);
$node->append_conf('postgresql.conf', $ENV{PGC_EXTRA_CONF} // '');
$node->append_conf('postgresql.conf', 'log_statement = none');
$node->start;

my $schema = ($ENV{PGC_SHARED} // '') . '/odcs/schema/odcs-json-schema-v3.1.0.json';
my $validator = "import json, sys, jsonschema, yaml
schema = json.load(open(sys.argv[1]))
document = yaml.safe_load(open(sys.argv[2], encoding='utf-8'))
for error in jsonschema.Draft201909Validator(schema).iter_errors(document):
    print(list(error.absolute_path), error.message[:200])";
my $why_not_valid =
	!-r $schema ? 'no ../shared/odcs/schema'
	: system('python3 -c "import jsonschema, yaml; jsonschema.Draft201909Validator" 2>/dev/null') != 0 ? 'python3 has no jsonschema (python3-jsonschema) or yaml (python3-yaml)'
	: undef;

sub run { return $node->safe_psql('postgres', $_[0]) }

# Runs SQL in which :document stands for a document.
sub with_document
{
	my ($document, $sql) = @_;
	my $quoted = "\$document\$$document\$document\$";
	return run('SET client_min_messages = error; ' . $sql =~ s/:document/$quoted/gr);
}

sub file_of
{
	my ($document) = @_;
	my $path = PostgreSQL::Test::Utils::tempdir() . '/document.yaml';
	open my $file, '>:encoding(UTF-8)', $path or die;
	print $file $document;
	close $file;
	return $path;
}

sub is_valid
{
	my ($document, $name) = @_;
  SKIP:
	{
		skip $why_not_valid, 1 if $why_not_valid;
		my ($out, $err) = run_command([ 'python3', '-c', $validator, $schema, file_of($document) ]);
		is("$out$err", '', "$name: valid by the JSON schema");
	}
}

# Everything that a contract consists of.
sub catalog
{
	return run("SELECT to_jsonb(r) FROM contract.rule r ORDER BY rule_id;
		SELECT dataset_id, schema_name, table_name, contract_id, description, write_path, on_apply FROM contract.dataset ORDER BY 1;
		SELECT dataset_id, column_name, description, classification, pii_category, tags FROM contract.column_annotation ORDER BY 1, 2;
		SELECT contract_id, status, owner, description FROM contract.contract ORDER BY 1");
}

# A document that was exported is clean and valid, and applying it changes nothing.
sub changes_nothing
{
	my ($document, $name) = @_;
	my $before = catalog();
	is_valid($document, $name);
	is(with_document($document, "SELECT * FROM contract.lint(:document) WHERE severity <> 'info'"), '', "$name: clean");
	is(with_document($document, "SELECT path, change, old, new, message FROM contract.apply(:document) WHERE change <> 'none'"),
		'', "$name: applied, it changes nothing");
	is(catalog(), $before, "$name: nor does it in the catalog");
}

run('CREATE EXTENSION pg_contract');

# every kind of rule, plain and with all that rules may have
run(<<'SQL');
CREATE SCHEMA shop;
CREATE TYPE shop.mood AS ENUM ('sad', 'ok', 'no');
CREATE TYPE shop.address AS (street text, zip varchar(5));
CREATE TABLE shop.customers (id integer PRIMARY KEY, region text, name text);
CREATE TABLE shop.orders (
	id integer, region text, customer_id integer, amount numeric(10,2), status text, email varchar(80), code char(4),
	at timestamptz, day date, started time, qty integer, ratio double precision, big bigint, paid boolean, data jsonb,
	labels text[], mood shop.mood, home shop.address, key uuid, raw bytea, span interval,
	twice numeric GENERATED ALWAYS AS (amount * 2) STORED);
SELECT contract.describe('shop.orders', owner => 'sales', description => 'All: orders', status => 'active',
	write_path => 'oltp', on_apply => 'warn', contract_id => 'the "shop"');
SELECT contract.describe('shop.customers', contract_id => 'the "shop"');
SELECT contract.describe_column('shop.orders', 'amount', E'Euro,\nVAT included', tags => '{a,no,1.10}');
SELECT contract.describe_column('shop.orders', 'status', classification => 'confidential');
SELECT contract.describe_column('shop.orders', 'code', tags => '{pii}');
SELECT contract.pii('shop.orders', 'email', 'email', 'internal');

SELECT contract.not_null('shop.orders', 'id', on_violation => 'reject');
SELECT contract.not_null('shop.orders', 'amount');
SELECT contract.not_blank('shop.orders', 'status');
SELECT contract.accepted_values('shop.orders', 'status', '{new,no,1.10,"a, b",~}'::text[], on_violation => 'quarantine');
SELECT contract.accepted_values('shop.orders', 'qty', '{1,2,3}'::int[]);
SELECT contract.accepted_values('shop.orders', 'mood', '{sad,no}'::text[]);
SELECT contract.accepted_values('shop.orders', 'day', '{2024-01-01,2024-01-02}'::date[]);
SELECT contract.forbidden_values('shop.orders', 'status', '{x}'::text[]);
SELECT contract.between('shop.orders', 'amount', 0, 1000.50, exclusive_minimum => true);
SELECT contract.between('shop.orders', 'qty', NULL, 10, exclusive_maximum => true, on_violation => 'quarantine');
SELECT contract.between('shop.orders', 'ratio', 0.1, 'infinity'::float8);
SELECT contract.between('shop.orders', 'big', -9223372036854775808, 9223372036854775807);
SELECT contract.between('shop.orders', 'day', '2020-01-01'::date, NULL);
SELECT contract.between('shop.orders', 'at', '2020-01-01 12:30'::timestamptz, 'infinity'::timestamptz);
SELECT contract.between('shop.orders', 'started', '08:00'::time, '18:00'::time);
SELECT contract.between('shop.orders', 'status', 'a'::text, 'z'::text);
SELECT contract.length_between('shop.orders', 'status', 1, 10);
SELECT contract.length_between('shop.orders', 'code', NULL, 4, on_violation => 'reject');
SELECT contract.matches('shop.orders', 'email', '^[^@]+@[^@]+$');
SELECT contract.matches('shop.orders', 'status', '\ma\M');
SELECT contract.matches('shop.orders', 'code', '(?i)^a.b\d{2}\n');
SELECT contract.not_matches('shop.orders', 'status', 'q');
SELECT contract.format('shop.orders', 'email', 'email', on_violation => 'quarantine');
SELECT contract.format('shop.orders', 'code', 'country_code');
SELECT contract.multiple_of('shop.orders', 'amount', 0.01);
SELECT contract.satisfies('shop.orders', 'amount < 5 OR qty > 1', name => 'sat');
SELECT contract.unique('shop.orders', '{id}');
SELECT contract.unique('shop.orders', '{region,id}');
SELECT contract.references('shop.orders', '{customer_id}', 'shop.customers', '{id}');
SELECT contract.references('shop.orders', '{region,customer_id}', 'shop.customers', '{region,id}');
SELECT contract.row_count('shop.orders', 10, 100);
SELECT contract.row_count('shop.orders', 10);
SELECT contract.row_count('shop.orders', NULL, 10);
SELECT contract.row_count('shop.orders', 10, 10);
SELECT contract.fresh('shop.orders', 'at', '5 minutes');
SELECT contract.fresh('shop.orders', 'day', '3 days');
SELECT contract.fresh('shop.orders', 'day', '1 mon 2 days 03:04:05');
SELECT contract.fresh('shop.orders', NULL, '1 day');
SELECT contract.fresh('shop.orders', 'at', '2 days', time_zone => 'Asia/Tokyo');
SELECT contract.fresh('shop.orders', 'at', by => '06:00');
SELECT contract.fresh('shop.orders', 'at', by => '06:00', time_zone => 'Europe/Berlin');
SELECT contract.fresh('shop.orders', 'day', by => '6:30', time_zone => '-08:00');
SELECT contract.fresh('shop.orders', 'day', by => '06:30', days => 'MON-fri', time_zone => 'America/Argentina/Buenos_Aires');
SELECT contract.fresh('shop.orders', 'day', '1 day', by => '06:30');
SELECT contract.fresh('shop.orders', by => '23:59', severity => 'warning', description => 'in time');
SELECT contract.volume('shop.orders', 'at', '1 day', 100);
SELECT contract.volume('shop.orders', 'day', '1 mon 2 days', 5, 10, tolerance => 0.1, filter => 'qty > 1', time_zone => '+05:30');
SELECT contract.add_rule('shop.orders', 'lifecycle', '{}', '{"ends": "2930-12-31 12:00:00+01"}', on_violation => 'audit');
SELECT contract.add_rule('shop.orders', 'lifecycle', '{}', '{"ends": "2929-12-31 12:00:00+01"}', severity => 'warning', on_violation => 'audit');
SELECT contract.metric('shop.orders', 'amount', 'quantile', maximum => 500, quantile => 0.99);
SELECT contract.metric('shop.orders', 'day', 'max', '2020-01-01'::date, exclusive_minimum => true);
SELECT contract.query('shop.orders', 'SELECT o.id FROM shop.orders o WHERE o.amount > 5');
SELECT contract.query('shop.orders', 'SELECT count(*) FROM shop.orders o WHERE o.status = ''{object}''', maximum => 10);
SELECT contract.query('shop.orders', 'SELECT avg(amount) FROM shop.orders', 1, 2, exclusive_minimum => true, exclusive_maximum => true);
SELECT contract.query('shop.orders', 'SELECT count(*) FROM shop.orders', 0, 0);
SELECT contract.add_rule('shop.orders', 'schema', '{}', '{"columns": [{"name": "id", "type": "integer"}], "exact": false}');
SELECT contract.unique('shop.customers', '{id}');
SELECT contract.unique('shop.customers', '{name}', tolerance => 0.5, severity => 'warning', filter => 'region = ''a''');

-- with words, filters, other severities; a second one of the same kind
SELECT contract.not_null('shop.orders', 'region', severity => 'warning', filter => 'id > 10 AND status = ''new''',
	tolerance => 0.01, description => 'why: "so"', on_violation => 'audit', name => 'no');
SELECT contract.not_null('shop.orders', 'region');
SELECT contract.accepted_values('shop.orders', 'region', '{a}'::text[], severity => 'info', tolerance => 0.333);
SELECT contract.matches('shop.orders', 'region', 'a', filter => 'id = 1', name => 'Täst "x".y');
SELECT contract.between('shop.orders', 'amount', 1, 2, name => 'second', on_violation => 'reject');
SELECT contract.row_count('shop.orders', 10, tolerance => 0.2, filter => 'paid');
SELECT contract.format('shop.orders', 'region', 'url', description => 'of the region', severity => 'warning');
SELECT contract.satisfies('shop.orders', E'qty IS NOT NULL\n  AND\tratio > 0', name => 'two lines');
SELECT contract.alter_rule('shop.orders', 'no', runbook => E'One: "two"\n  three');
SELECT contract.add_rule('shop.orders', 'not_null', '{day}', runbook => 'https://example.com/day');
SQL
my $export = run("SELECT contract.export('the \"shop\"')");
changes_nothing($export, 'a table with every kind of rule');
is(run("SELECT contract.export('shop.orders'::regclass)"), $export, 'once applied it comes back verbatim');

# statuses
for my $status (qw(active deprecated))
{
	run("CREATE TABLE shop.$status (a integer); SELECT contract.describe('shop.$status', status => '$status'),
		contract.not_null('shop.$status', 'a', on_violation => 'reject')");
	changes_nothing(run("SELECT contract.export('shop.$status')"), "a contract that is $status");
}

# names that only quotes let pass
my $hostile = <<'SQL';
CREATE TABLE "sh.op"."Ta.b""le $x {object} é" (
	"no" integer UNIQUE CHECK ("no" > 0), "a.b ""c""" text PRIMARY KEY CHECK ("a.b ""c""" <> ''), "$&" integer REFERENCES shop.customers,
	"ä" integer UNIQUE, "Id" integer, "1e3" date, "- #x: y" text, "  " text,
	twelve_characters_five_times_over_and_then_three_more_is_sixty3 integer,
	UNIQUE ("no", "ä"));
COMMENT ON COLUMN "sh.op"."Ta.b""le $x {object} é"."1e3" IS E'---\n# no comment: "a"\t\u0085\u2028 é';
SQL
run("CREATE SCHEMA \"sh.op\"; $hostile");
my $table = '"sh.op"."Ta.b""le $x {object} é"';
my $inferred = run("SELECT contract.infer('$table')");
is_valid($inferred, 'hostile names inferred');
run("SELECT contract.not_null('$table', a), contract.unique('$table', ARRAY[a]), contract.references('$table', ARRAY[a], '$table', ARRAY[a]),
		contract.metric('$table', a, 'null_fraction', maximum => 0.5)
	FROM unnest('{no,\"a.b \\\"c\\\"\",\$&,ä,Id,1e3,\"- #x: y\",\"  \",twelve_characters_five_times_over_and_then_three_more_is_sixty3}'::name[]) a");
changes_nothing(run("SELECT contract.export('$table'::regclass)"), 'hostile names exported');

# what is inferred applies, and again changes nothing
run("CREATE TABLE shop.inferred (LIKE shop.orders INCLUDING ALL, PRIMARY KEY (id, region),
	FOREIGN KEY (customer_id) REFERENCES shop.customers, CHECK (amount > 0), UNIQUE (key))");
for my $relation ('shop.inferred', 'shop.customers')
{
	run("SELECT contract.drop_contract('$relation')") if $relation eq 'shop.customers';
	$inferred = run("SELECT contract.infer('$relation')");
	is_valid($inferred, "$relation inferred");
	is(with_document($inferred, "SELECT * FROM contract.lint(:document) WHERE severity <> 'info'"), '', "$relation inferred: clean");
	with_document($inferred, 'SELECT * FROM contract.apply(:document)');
	changes_nothing($inferred, "$relation inferred and applied");
	is(run("SELECT count(*) FROM contract.check('$relation') WHERE status NOT IN ('pass')"), '0', "$relation keeps what was inferred");
}

# a contract without rules, and one without tables
run("CREATE TABLE shop.plain (a integer); SELECT contract.describe('shop.plain')");
changes_nothing(run("SELECT contract.export('shop.plain')"), 'a contract without rules');
my $empty = "apiVersion: v3.1.0\nkind: DataContract\nid: empty # nothing yet\nversion: 1.0.0\nstatus: active\n";
with_document($empty, 'SELECT * FROM contract.apply(:document)');
is(run("SELECT contract.export('empty') = \$empty\$$empty\$empty\$"), 't', 'a contract without tables comes back verbatim');

# the standard's examples: verbatim, and but for a table of ours the same document once written by us
SKIP:
{
	my $folder = ($ENV{PGC_SHARED} // '') . '/odcs/examples';
	skip 'no ../shared/odcs/examples', 1 unless -d $folder;
	my @examples;
	find(sub { push @examples, $File::Find::name if /\.yaml$/ && $File::Find::name =~ m{/v3\.} }, $folder);
	for my $path (sort @examples)
	{
		my $example = slurp_file($path);
		my $name = $path =~ s{^\Q$folder\E/}{}r;
		$node->safe_psql('template1', "CREATE DATABASE example");
		my $out = example_in($example);
		is($out, 't|t', "$name: verbatim, and the same with a table more");
		$node->safe_psql('template1', "DROP DATABASE example");
	}
}

sub example_in
{
	my ($example) = @_;
	utf8::decode($example);
	my $path = file_of($example);
	return $node->safe_psql('example', "SET client_min_messages = error; CREATE EXTENSION pg_contract; CREATE TABLE of_ours (a integer);
		CREATE TEMP TABLE example AS SELECT pg_read_file('$path') AS document;
		CREATE TEMP TABLE result AS SELECT count(*) FROM example, contract.apply(document);
		CREATE TEMP TABLE contract_id AS SELECT contract_id AS id FROM contract.contract;
		CREATE TEMP TABLE exported AS SELECT contract.export(id) AS document FROM contract_id;
		SELECT contract.describe('of_ours', contract_id => id) FROM contract_id \\g /dev/null
		SELECT (SELECT x.document = e.document FROM exported x, example e),
			(SELECT array_agg(d.path) = '{schema.of_ours}' FROM contract_id, example e, contract.diff(e.document, contract.export(id)) d)");
}

done_testing();
