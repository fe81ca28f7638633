# Foreign tables of postgres_fdw: the other server counts, in one statement, and does not need the extension for it.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--locale=C', '--encoding=UTF8' ]);
$node->append_conf('postgresql.conf', $ENV{PGC_EXTRA_CONF} // '');
$node->start;
my $available = "SELECT count(*) FROM pg_available_extensions WHERE name = 'postgres_fdw'";
plan skip_all => 'postgres_fdw is not installed' if $node->safe_psql('postgres', $available) ne '1';

sub run { return $node->safe_psql('postgres', $_[0]) }
sub far { return $node->safe_psql('far', $_[0]) }

# What the server has logged since the position.
sub logged
{
	my ($position) = @_;

	return substr(slurp_file($node->logfile), $position);
}

# Runs SQL and returns the plans of all statements in it, verbose.
sub plans_of
{
	my ($sql) = @_;
	my $position = -s $node->logfile;

	run("LOAD 'auto_explain'; SET auto_explain.log_min_duration = 0; SET auto_explain.log_nested_statements = on;
		SET auto_explain.log_verbose = on; $sql");
	return logged($position);
}

# Rule by rule what an audit says, and the ids of the rows that it shows.
sub found
{
	my ($table) = @_;

	run("SELECT contract.prune(NULL, 0, '$table')");
	return run("SELECT rule, status, considered, failed, observed, message FROM contract.check('$table') ORDER BY rule;
		SELECT rule, array_agg((\"row\" ->> 'id')::int ORDER BY (\"row\" ->> 'id')::int), array_agg(DISTINCT value)
		FROM contract.violations WHERE dataset = 'public.$table' GROUP BY rule ORDER BY rule");
}

sub executors
{
	my ($table) = @_;

	return run("SELECT string_agg(DISTINCT executor, ';') FROM contract.check('$table', 'full')");
}

my $columns = 'id int, qty int, big int8, price numeric(10,2), f float8, email text, tag varchar(20), code char(4), day date, at timestamptz,
	ok boolean, u uuid';
my $values = "SELECT g, CASE WHEN g % 11 = 0 THEN NULL ELSE g % 50 END, g * 10000000000, CASE WHEN g % 97 = 0 THEN 'NaN' ELSE g / 100.0::numeric END,
	CASE g % 101 WHEN 0 THEN 'NaN' WHEN 1 THEN '-Infinity' ELSE g::float8 END, CASE WHEN g % 31 = 0 THEN 'x' ELSE 'a' || g || '\@b.cd' END,
	(ARRAY['new', 'paid', NULL, '', E' \\t', 'Zürich'])[g % 6 + 1], (ARRAY['DE', 'FR', 'xx'])[g % 3 + 1],
	date '2024-01-01' + g, timestamptz '2024-01-01 00:00Z' + g * interval '1 hour', g % 40 <> 0, md5(g::text)::uuid FROM generate_series(1, 300) AS g";

$node->safe_psql('postgres', 'CREATE DATABASE far');
far("CREATE TABLE t ($columns); INSERT INTO t $values; ANALYZE t");
run("CREATE EXTENSION pg_contract; CREATE EXTENSION postgres_fdw;
	CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '" . $node->host . "', port '" . $node->port . "', dbname 'far');
	CREATE USER MAPPING FOR CURRENT_USER SERVER far;
	CREATE FOREIGN TABLE ft ($columns) SERVER far OPTIONS (table_name 't');
	CREATE TABLE here ($columns); INSERT INTO here $values");

# The same rules on the foreign table and on one with the same rows.
sub add_rules
{
	my ($rules) = @_;

	run("SELECT contract.add_rule(relation, kind, columns::name[], parameters::jsonb, 'audit', filter => filter, name => name)
		FROM unnest('{ft,here}'::regclass[]) AS relation, (VALUES $rules) AS v (name, kind, columns, parameters, filter)");
	return;
}
add_rules(q{
	('null', 'not_null', '{qty}', '{}', NULL), ('blank', 'not_blank', '{tag}', '{}', NULL), ('char', 'not_blank', '{code}', '{}', NULL),
	('accepted', 'accepted_values', '{tag}', '{"values": ["new", "paid", ""]}', NULL),
	('accepted filtered', 'accepted_values', '{code}', '{"values": ["DE", "FR"]}', 'ok'),
	('forbidden', 'forbidden_values', '{qty}', '{"values": [3, 4]}', NULL), ('forbidden uuid', 'forbidden_values', '{u}',
	'{"values": ["c4ca4238-a0b9-2382-0dcc-509a6f75849b"]}', NULL), ('between', 'between', '{qty}', '{"minimum": 2, "maximum": 40}', 'price < 2'),
	('numeric', 'between', '{price}', '{"minimum": 0.5, "exclusive_minimum": true, "maximum": 2.5}', NULL),
	('float', 'between', '{f}', '{"minimum": 0}', NULL), ('float below NaN', 'between', '{f}', '{"maximum": 290}', NULL),
	('day', 'between', '{day}', '{"maximum": "2024-10-01"}', NULL), ('time', 'between', '{at}', '{"maximum": "2024-01-12 12:00+02"}', NULL),
	('big', 'between', '{big}', '{"minimum": 50000000001}', NULL), ('length', 'length_between', '{tag}', '{"minimum": 1, "maximum": 5}', NULL),
	('length of char', 'length_between', '{code}', '{"maximum": 1}', 'id < 50'), ('matches', 'matches', '{email}', '{"pattern": "^[^@ ]+@[^@ ]+$"}', NULL),
	('not matches', 'not_matches', '{tag}', '{"pattern": "\\\\s|ü"}', NULL), ('multiple', 'multiple_of', '{qty}', '{"divisor": 2}', 'id < 100'),
	('multiple of float', 'multiple_of', '{f}', '{"divisor": 0.5}', NULL), ('multiple of numeric', 'multiple_of', '{price}', '{"divisor": 0.01}', NULL),
	('satisfies', 'satisfies', '{}', '{"expression": "qty * 2 < 80 OR NOT ok"}', NULL),
	('guarded', 'satisfies', '{}', '{"expression": "100 / (qty - 5) <> 3"}', 'qty <> 5')});

my $here = found('here');
is(found('ft'), $here, 'the other server counts what we would count, and the same rows are shown');
like($here, qr/multiple of float\|fail\|300\|/, 'and that is something');
is(executors('here'), 'heap', 'executor of the local table');
is(executors('ft'), 'statement', 'executor of the foreign table');
is(run("SELECT considered, failed FROM contract.preview('ft', 'between', '{qty}', '{\"minimum\": 2}')"),
	run("SELECT considered, failed FROM contract.preview('here', 'between', '{qty}', '{\"minimum\": 2}')"), 'preview');

# Pushed down whole: the plan is one foreign scan, of counts.
my $plans = plans_of("SELECT rule FROM contract.check('ft')");
my @counts = $plans =~ /Remote SQL: (SELECT count\(\*\).*?FROM public\.t)\n/sg;
like($plans, qr/Foreign Scan  \(.*?Relations: Aggregate on \(public\.ft\)\n/s, 'the plan is a foreign scan');
unlike($plans, qr/Aggregate  \(cost/, 'nothing is aggregated here');
is(join(', ', map { scalar(() = /FILTER \(WHERE/g) } @counts), 23 + 5 . ', 1',
	'one statement counts for all rules, twice for those with a filter, and one the rows that fail any of them');
my @rows = $plans =~ /Remote SQL: (SELECT id.*?)\n\d{4}-/sg;
cmp_ok(scalar(@rows), '>', 15, 'samples are fetched');
is(scalar(grep { !/ WHERE / } @rows), 0, 'and nothing else');

# One rule that raises an error does not hide the others.
my $sound = run("SELECT rule, considered, failed FROM contract.check('ft') ORDER BY rule");
run("SELECT contract.satisfies('ft', '100 / (qty - 5) <> 3', name => 'division', on_violation => 'audit'),
	contract.between('ft', 'qty', 0, 10, filter => '100 / (qty - 7) <> 3', name => 'filter division', on_violation => 'audit')");
is(run("SELECT rule, status, considered IS NULL, message FROM contract.check('ft') WHERE rule LIKE '%division' ORDER BY rule"),
	"division|error|t|could not be evaluated: division by zero\nfilter division|error|t|could not be evaluated: division by zero",
	'errors on the other server are those of their rules');
is(run("SELECT rule, considered, failed FROM contract.check('ft') WHERE rule NOT LIKE '%division' ORDER BY rule"), $sound, 'the others are counted');
run("SELECT contract.drop_rule('ft', r) FROM unnest('{division,filter division}'::text[]) AS r");

# Partitions: each leaf where it is.
run("CREATE TABLE parted ($columns) PARTITION BY RANGE (id);
	CREATE TABLE parted_here PARTITION OF parted FOR VALUES FROM (301) TO (1000);
	INSERT INTO parted_here (id, qty) SELECT g, NULLIF(g % 7, 0) FROM generate_series(301, 340) AS g;
	CREATE FOREIGN TABLE parted_far PARTITION OF parted FOR VALUES FROM (0) TO (301) SERVER far OPTIONS (table_name 't');
	SELECT contract.not_null('parted', 'qty', on_violation => 'audit')");
is(run("SELECT considered, failed, executor FROM contract.check('parted', 'full')"), '340|33|heap, statement', 'a heap and a foreign partition');
is(run("SELECT count(*) FROM contract.violations WHERE dataset = 'public.parted'"), 33, 'samples of both');

# What the other server cannot evaluate makes all rows come here.
run("SELECT contract.format('ft', 'email', 'email', on_violation => 'audit'); SELECT contract.format('here', 'email', 'email', on_violation => 'audit')");
is(found('ft'), found('here'), 'with a rule that needs the extension');
unlike(executors('ft'), qr/statement/, 'counted here');
unlike(plans_of("SELECT count(*) FROM contract.check('ft')"), qr/has_format/, 'and nothing of ours is sent');
run("SELECT contract.drop_rule('ft', 'format_email')");

# More rules than a statement has room for.
run("SELECT contract.drop_contract('ft'); SELECT contract.satisfies('ft', 'id <> ' || g, on_violation => 'audit') FROM generate_series(1, 900) AS g");
is(run("SELECT count(*), sum(considered), sum(failed), max(failed) FROM contract.check('ft')"), '900|270000|300|1', '900 rules');
is(run("SELECT considered, failed FROM contract.run WHERE source = 'audit' ORDER BY run_id DESC LIMIT 1"), '300|300', 'rows that fail any of them');

# A table that cannot be read is an error, not a result.
far('ALTER TABLE t RENAME TO gone');
is(run("SELECT DISTINCT status, message FROM contract.check('ft')"), 'error|could not be evaluated: relation "public.t" does not exist',
	'the table is gone there');
$node->stop;
done_testing();
