# The real taxi trips under a contract: whatever way they come in, the counts are those of plain SQL over a copy
# without a contract.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $data = ($ENV{PGC_SHARED} // '') . '/data';
plan skip_all => 'PGC_SHARED does not name a folder with the taxi trips' unless -r "$data/README.md";

my @columns = (
	[ vendor_id => 'int' ], [ pickup_datetime => 'timestamp' ], [ dropoff_datetime => 'timestamp' ],
	[ passenger_count => 'int' ], [ trip_distance => 'float8' ], [ rate_code_id => 'smallint' ],
	[ store_and_fwd_flag => 'text' ], [ pickup_location_id => 'bigint' ], [ dropoff_location_id => 'real' ],
	[ payment_type => 'int' ], [ fare_amount => 'numeric' ], [ extra => 'numeric(6,2)' ], [ mta_tax => 'numeric' ],
	[ tip_amount => 'numeric' ], [ tolls_amount => 'float8' ], [ improvement_surcharge => 'numeric' ],
	[ total_amount => 'numeric' ], [ congestion_surcharge => 'numeric' ]);
my $names = join ', ', map { $_->[0] } @columns;
my $definitions = join ', ', map { "$_->[0] $_->[1]" } @columns;

# A rule: name, function and arguments, what plain SQL says of a row that fails, and options.
my $sum = 'fare_amount + extra + mta_tax + tip_amount + tolls_amount::numeric + improvement_surcharge'
  . ' + coalesce(congestion_surcharge, 0)';
my @rules = (
	[ 'vendor_known', "accepted_values('%s', 'vendor_id', '{1,2}'", 'vendor_id NOT IN (1, 2)' ],
	[ 'vendor_there', "not_null('%s', 'vendor_id'", 'vendor_id IS NULL' ],
	[ 'passengers', "between('%s', 'passenger_count', 1, 6", 'passenger_count NOT BETWEEN 1 AND 6', action => 'quarantine' ],
	[ 'passengers_there', "not_null('%s', 'passenger_count'", 'passenger_count IS NULL', filter => 'vendor_id IS NOT NULL' ],
	[ 'fare', "between('%s', 'fare_amount', 0, 500", 'fare_amount NOT BETWEEN 0 AND 500', action => 'quarantine' ],
	[ 'order_of_times', "satisfies('%s', 'dropoff_datetime > pickup_datetime'", 'dropoff_datetime <= pickup_datetime',
		action => 'quarantine' ],
	[ 'duration', "satisfies('%s', 'dropoff_datetime - pickup_datetime < interval ''4 hours'''",
		"dropoff_datetime - pickup_datetime >= interval '4 hours'", severity => 'warning' ],
	[ 'rate_code', "accepted_values('%s', 'rate_code_id', '{1,2,3,4,5,6}'", 'rate_code_id NOT IN (1, 2, 3, 4, 5, 6)' ],
	[ 'payment', "accepted_values('%s', 'payment_type', '{1,2,3}'", 'payment_type NOT IN (1, 2, 3)' ],
	[ 'flag', "accepted_values('%s', 'store_and_fwd_flag', '{Y,N}'", "store_and_fwd_flag NOT IN ('Y', 'N')" ],
	[ 'flag_not_y', "forbidden_values('%s', 'store_and_fwd_flag', '{Y}'", "store_and_fwd_flag IN ('Y')", severity => 'info' ],
	[ 'flag_length', "length_between('%s', 'store_and_fwd_flag', 2, NULL", 'length(store_and_fwd_flag) < 2',
		filter => 'payment_type = 2' ],
	[ 'flag_blank', "not_blank('%s', 'store_and_fwd_flag'", "coalesce(store_and_fwd_flag, '') ~ '^\\s*\$'" ],
	[ 'flag_matches', "matches('%s', 'store_and_fwd_flag', '^N'", "store_and_fwd_flag !~ '^N'" ],
	[ 'distance', "between('%s', 'trip_distance', 0, 30, exclusive_minimum => true",
		'trip_distance <= 0 OR trip_distance > 30' ],
	[ 'fare_steps', "multiple_of('%s', 'fare_amount', 0.5", 'mod(fare_amount, 0.5) <> 0', filter => 'rate_code_id = 1' ],
	[ 'surcharge_steps', "multiple_of('%s', 'improvement_surcharge', 0.3", 'mod(improvement_surcharge, 0.3) <> 0' ],
	[ 'total', "satisfies('%s', 'abs(total_amount - ($sum)) < 0.005'", "abs(total_amount - ($sum)) >= 0.005",
		tolerance => 0.5 ],
	[ 'total_positive', "between('%s', 'total_amount', 0, NULL", 'total_amount < 0', action => 'quarantine' ],
	[ 'no_tip_in_cash', "satisfies('%s', 'tip_amount = 0 OR payment_type <> 2'",
		'NOT (tip_amount = 0 OR payment_type <> 2)' ],
	[ 'known_place', "forbidden_values('%s', 'pickup_location_id', '{264,265}'", 'pickup_location_id IN (264, 265)' ],
	[ 'far', "between('%s', 'dropoff_location_id', 1, 263.5", 'dropoff_location_id NOT BETWEEN 1 AND 263.5',
		filter => 'pickup_location_id NOT IN (264, 265)' ],
	[ 'congestion', "between('%s', 'congestion_surcharge', 0, 2.5, exclusive_maximum => true",
		'congestion_surcharge < 0 OR congestion_surcharge >= 2.5' ],
	[ 'congestion_there', "not_null('%s', 'congestion_surcharge'", 'congestion_surcharge IS NULL',
		severity => 'warning', filter => "pickup_datetime < '2019-02-01'" ],
	[ 'months', "between('%s', 'pickup_datetime', '2019-01-01', '2020-04-01', exclusive_maximum => true",
		"pickup_datetime < '2019-01-01' OR pickup_datetime >= '2020-04-01'" ],
	[ 'tax', "accepted_values('%s', 'mta_tax', '{0,0.50}'", 'mta_tax NOT IN (0, 0.5)' ],
	[ 'extra', "between('%s', 'extra', NULL, 1", 'extra > 1' ],
	[ 'tolls', "between('%s', 'tolls_amount', 0, 20", 'tolls_amount NOT BETWEEN 0 AND 20', action => 'audit' ]);

# Gives each rule its action, severity and filter, and the condition under which a row fails or is considered at all.
sub complete
{
	my ($name, $call, $fails, %options) = @{ $_[0] };

	return {
		name => $name, call => $call,
		action => $options{action} // 'warn', severity => $options{severity} // 'error',
		tolerance => $options{tolerance} // 0, filter => $options{filter},
		considered => '(' . ($options{filter} // 'true') . ') IS TRUE',
		fails => '(' . ($options{filter} // 'true') . ") IS TRUE AND ($fails) IS TRUE" };
}
@rules = map { complete($_) } @rules;
my $diverted = join ' OR ', map { "($_->{fails})" } grep { $_->{action} eq 'quarantine' } @rules;
ok(@rules >= 15, 'the contract has ' . @rules . ' rules');

# The files, with one kind of line end.
my @files;
my $copies = PostgreSQL::Test::Utils::tempdir_short();
for my $month ('2019-01', '2019-02', '2020-03')
{
	my $text = slurp_file("$data/yellow_tripdata_sample_$month.csv");
	$text =~ s/\r//g;
	append_to_file("$copies/$month.csv", $text);
	push @files, "$copies/$month.csv";
}

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--locale=C', '--encoding=UTF8' ]);
$node->append_conf('postgresql.conf', $ENV{PGC_EXTRA_CONF} // '');
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_contract');

# $table gets the contract, or with @only those rules of that name, all with $action if given.
sub put_under_contract
{
	my ($table, $action, @only) = @_;
	my $sql = '';

	for my $rule (@rules)
	{
		next if @only && !grep { $_ eq $rule->{name} } @only;
		$sql .= 'SELECT contract.' . sprintf($rule->{call}, $table) . ", name => '$rule->{name}',"
		  . " on_violation => '" . ($action // $rule->{action}) . "', severity => '$rule->{severity}',"
		  . " tolerance => $rule->{tolerance}"
		  . (defined $rule->{filter} ? ', filter => $$' . $rule->{filter} . '$$' : '') . ");\n";
	}
	$node->safe_psql('postgres', $sql);
}

sub load_files
{
	my ($table) = @_;

	$node->safe_psql('postgres', "COPY $table ($names) FROM '$_' (FORMAT csv, HEADER)") for @files;
}

sub value { return $node->safe_psql('postgres', $_[0]) }

# The copy without a contract; the identity numbers its rows as they come.
$node->safe_psql('postgres', "CREATE TABLE plain (id int GENERATED ALWAYS AS IDENTITY, $definitions, file int)");
for my $i (0 .. $#files)
{
	$node->safe_psql('postgres', "COPY plain ($names) FROM '$files[$i]' (FORMAT csv, HEADER);
		UPDATE plain SET file = $i WHERE file IS NULL");
}
is(value('SELECT count(*) FROM plain'), 30000, 'three files of 10,000 trips');
my $kept = value("SELECT count(*) FROM plain WHERE NOT ($diverted)");
cmp_ok($kept, '<', 30000, 'some trips are to be diverted');

# "rule|action|count" of what plain SQL expects writes to have left, by rule and the action taken.
sub expected_writes
{
	my @parts;

	for my $rule (grep { $_->{action} ne 'audit' } @rules)
	{
		push @parts, "SELECT '$rule->{name}' AS rule, 'quarantine' AS action, count(*) AS n FROM plain"
		  . " WHERE ($diverted) AND $rule->{fails}";
		push @parts, "SELECT '$rule->{name}', 'warn', count(*) FROM plain WHERE NOT ($diverted) AND $rule->{fails}";
	}
	return join ' UNION ALL ', @parts;
}

# "rule|considered|failed|status" as contract.check() has to say for the rows that were not diverted.
sub expected_audit
{
	my ($condition) = @_;
	my @parts;

	for my $rule (@rules)
	{
		my $failed = "count(*) FILTER (WHERE $rule->{fails})";
		my $considered = "count(*) FILTER (WHERE $rule->{considered})";
		my $bad = $rule->{severity} eq 'error' ? 'fail' : 'warn';
		push @parts, "SELECT '$rule->{name}' AS rule, $considered, $failed, CASE WHEN $failed <="
		  . " $rule->{tolerance} * $considered THEN 'pass' ELSE '$bad' END FROM plain WHERE $condition";
	}
	return join(' UNION ALL ', @parts) . ' ORDER BY 1';
}

my $expected_writes = value('SELECT * FROM (' . expected_writes() . ') e WHERE n > 0 ORDER BY rule, action');
my $expected_audit = value(expected_audit("NOT ($diverted)"));
my $quarantine_all = join ', ', map { "CASE WHEN $_->{fails} THEN '$_->{name}' END" } grep { $_->{action} ne 'audit' } @rules;
my $expected_rows = value("SELECT id, array_to_string(array(SELECT r FROM unnest(ARRAY[$quarantine_all]) r"
	  . " WHERE r IS NOT NULL ORDER BY r), ',') FROM plain WHERE $diverted ORDER BY id");
my $failing = grep { (split /\|/)[1] > 0 }
  split /\n/, value('SELECT rule, sum(n) FROM (' . expected_writes() . ') e GROUP BY rule');
cmp_ok($failing, '>=', 15, "$failing rules have rows that fail");

# What loading the files into $table has left must be what plain SQL says.
sub check_load
{
	my ($table, $what) = @_;

	is(value("SELECT count(*) FROM $table"), $kept, "$what: rows that are not diverted are there");
	is( value("SELECT rule, action, sum(failed) FROM contract.results WHERE dataset = 'public.$table'"
			  . ' AND source = \'write\' GROUP BY 1, 2 ORDER BY rule, action'),
		$expected_writes, "$what: counts by rule and action");
	is( value("SELECT (\"row\"->>'id')::int, array_to_string(array(SELECT r FROM unnest(rules) r ORDER BY r), ',')"
			  . " FROM contract.quarantined WHERE dataset = 'public.$table' ORDER BY 1"),
		$expected_rows, "$what: quarantined rows, each with all the rules that it fails");
	is( value("SELECT rule, considered, failed, status FROM contract.check('$table') ORDER BY rule"),
		$expected_audit, "$what: contract.check()");
	is( value("SELECT count(*) FROM contract.violations v WHERE dataset = 'public.$table' AND source = 'write' AND action = 'warn'"
			  . ' AND NOT EXISTS (SELECT FROM ' . "$table t WHERE t.id = (v.\"row\"->>'id')::int)"),
		0, "$what: the rows of violations are in the table");
	is( value("SELECT status, rules, evaluated, last_audit IS NOT NULL, quarantined, problem IS NULL"
			  . " FROM contract.scorecard WHERE dataset = 'public.$table'"),
		join('|', 'fail', scalar @rules, scalar @rules, 't', 30000 - $kept, 't'), "$what: scorecard");
}

# A plain table.
my $identity = 'id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY';
$node->safe_psql('postgres', "CREATE TABLE trips ($identity, $definitions)");
put_under_contract('trips');
load_files('trips');
check_load('trips', 'COPY');
my @samples;
for my $rule (grep { $_->{action} ne 'audit' } @rules)
{
	push @samples, "SELECT '$rule->{name}' AS rule, taken, least(100, count(*)) AS n FROM (SELECT *,"
	  . " CASE WHEN $diverted THEN 'quarantine' ELSE 'warn' END AS taken FROM plain) p"
	  . " WHERE $rule->{fails} GROUP BY file, taken";
}
is( value('SELECT rule, count(*) FROM contract.violations WHERE dataset = \'public.trips\' AND source = \'write\''
		  . ' AND action = \'warn\' GROUP BY 1 ORDER BY rule'),
	value('SELECT rule, sum(n) FROM (' . join(' UNION ALL ', @samples) . ") e WHERE taken = 'warn'"
		  . ' GROUP BY 1 ORDER BY rule'),
	'at most a hundred rows are kept for each statement and rule');
is(value("SELECT count(DISTINCT (xid, operation)), min(operation), bool_and(xid IS NOT NULL) FROM contract.results
	WHERE dataset = 'public.trips' AND source = 'write'"),
	'3|INSERT|t', 'one transaction for each file');

# Repair and release: the table is then what plain SQL makes of the copy.
my %repair = (
	passengers => "passenger_count = least(greatest(passenger_count, 1), 6)",
	fare => 'fare_amount = least(abs(fare_amount), 500)',
	total_positive => 'total_amount = abs(total_amount)',
	order_of_times => "dropoff_datetime = pickup_datetime + interval '1 minute'");
is( value("SELECT count(*), count(*) FILTER (WHERE released), string_agg(DISTINCT message, ';')
		FROM contract.release('trips')"),
	(30000 - $kept) . '|0|the row still fails', 'nothing is released unrepaired');
for my $rule (grep { $_->{action} eq 'quarantine' } @rules)
{
	my ($column) = $repair{ $rule->{name} } =~ /^(\w+) = /;
	my ($expression) = $repair{ $rule->{name} } =~ /^\w+ = (.*)$/;
	$node->safe_psql('postgres', "SELECT contract.repair(q.id, jsonb_build_object('$column', $expression))
		FROM contract.quarantined q, LATERAL (SELECT * FROM plain p WHERE p.id = (q.\"row\"->>'id')::int) p
		WHERE q.dataset = 'public.trips' AND '$rule->{name}' = ANY (q.rules) AND ($rule->{fails})");
	$node->safe_psql('postgres', "UPDATE plain SET $repair{ $rule->{name} } WHERE $rule->{fails}");
}
is( value("SELECT count(*), bool_and(released), count(message) FROM contract.release('trips')"),
	(30000 - $kept) . '|t|0', 'all repaired rows are released');
is(value("SELECT count(*) FROM contract.quarantined WHERE dataset = 'public.trips'"), 0, 'the quarantine is empty');
is( value("SELECT count(*) FROM ((SELECT id, $names FROM plain EXCEPT SELECT id, $names FROM trips)
		UNION ALL (SELECT id, $names FROM trips EXCEPT SELECT id, $names FROM plain)) d"),
	0, 'the table is the repaired copy, identity included');
is( value("SELECT rule, considered, failed, status FROM contract.check('trips') ORDER BY rule"),
	value(expected_audit('true')), 'contract.check() after the release');

# The copy as it was.
$node->safe_psql('postgres', 'TRUNCATE plain RESTART IDENTITY');
load_files('plain');

# UPDATE: only rules of changed columns, only on rows where the value changed.
sub new_results
{
	my ($sql) = @_;
	my $last = value('SELECT coalesce(max(run_id), 0) FROM contract.results');

	$node->safe_psql('postgres', $sql);
	return value("SELECT rule, action, operation, sum(failed) FROM contract.results WHERE run_id > $last"
		  . ' GROUP BY 1, 2, 3 ORDER BY rule');
}
is(new_results('UPDATE trips SET tip_amount = tip_amount, passenger_count = passenger_count + 0'),
	'', 'an UPDATE that changes no value records nothing');
is(new_results('UPDATE trips SET dropoff_location_id = dropoff_location_id + 1 WHERE id % 2 = 0'),
	value("SELECT 'far', 'warn', 'UPDATE', count(*) FROM trips
		WHERE id % 2 = 0 AND pickup_location_id NOT IN (264, 265) AND dropoff_location_id NOT BETWEEN 1 AND 263.5"),
	'an UPDATE is judged by the rules of the changed column only');

# The other write path, one statement for all rows, and partitions.
$node->safe_psql('postgres', "CREATE TABLE trips_oltp ($identity, $definitions)");
$node->safe_psql('postgres', "SELECT contract.describe('trips_oltp', write_path => 'oltp')");
put_under_contract('trips_oltp');
load_files('trips_oltp');
check_load('trips_oltp', 'oltp');

$node->safe_psql('postgres', "CREATE TABLE trips_select ($identity, $definitions)");
put_under_contract('trips_select');
$node->safe_psql('postgres', "INSERT INTO trips_select ($names) SELECT $names FROM plain ORDER BY id");
check_load('trips_select', 'INSERT .. SELECT');

my $reversed = join ', ', map { "$_->[0] $_->[1]" } reverse @columns;
$node->safe_psql('postgres', "
	CREATE SEQUENCE trip_id;
	CREATE TABLE trips_months (id int NOT NULL DEFAULT nextval('trip_id'), $definitions) PARTITION BY RANGE (pickup_datetime);
	CREATE TABLE trips_2019_01 PARTITION OF trips_months FOR VALUES FROM ('2019-01-01') TO ('2019-02-01');
	CREATE TABLE trips_2019_02 (dropped text, $reversed, id int NOT NULL);
	ALTER TABLE trips_2019_02 DROP COLUMN dropped;
	CREATE TABLE trips_rest PARTITION OF trips_months DEFAULT");
put_under_contract('trips_months');
$node->safe_psql('postgres', "
	ALTER TABLE trips_months ATTACH PARTITION trips_2019_02 FOR VALUES FROM ('2019-02-01') TO ('2019-03-01');
	CREATE TABLE trips_2020_03 PARTITION OF trips_months FOR VALUES FROM ('2020-03-01') TO ('2020-04-01')");
load_files('trips_months');
check_load('trips_months', 'partitions');
is(value('SELECT count(*) FROM trips_2019_02'),
	value("SELECT count(*) FROM plain WHERE pickup_datetime >= '2019-02-01' AND pickup_datetime < '2019-03-01' AND NOT ($diverted)"),
	'the attached partition has its month');

# Reject, in a load of its own.
$node->safe_psql('postgres', "CREATE TABLE trips_reject ($identity, $definitions)");
my @rejecting = ('fare', 'order_of_times', 'total_positive');
put_under_contract('trips_reject', 'reject', @rejecting);
my ($rc, $stdout, $stderr) = $node->psql('postgres', "\\set VERBOSITY verbose
	COPY trips_reject ($names) FROM '$files[0]' (FORMAT csv, HEADER)");
isnt($rc, 0, 'COPY of a file with bad rows is refused');
like($stderr, qr/ERROR:  23514: /, 'as a check violation');
like($stderr, qr/CONSTRAINT NAME:  (fare|order_of_times|total_positive)/, 'that names the rule');
like($stderr, qr/TABLE NAME:  trips_reject/, 'and the table');
is(value('SELECT count(*) FROM trips_reject'), 0, 'nothing of it is there');
my $refused = join ' OR ', map { my $n = $_; (map { $_->{fails} } grep { $_->{name} eq $n } @rules) } @rejecting;
for my $file (@files)
{
	$node->safe_psql('postgres', "COPY trips_reject ($names) FROM '$file' (FORMAT csv, HEADER) WHERE ($refused) IS NOT TRUE");
}
is(value('SELECT count(*) FROM trips_reject'), value("SELECT count(*) FROM plain WHERE ($refused) IS NOT TRUE"),
	'without its bad rows it is loaded');
is(value("SELECT count(*) FROM contract.results WHERE dataset = 'public.trips_reject'"), 0, 'and nothing is recorded');
is(value("SELECT DISTINCT status FROM contract.check('trips_reject')"), 'pass', 'nor found by an audit');

$node->stop;
done_testing();
