# What exporters show over HTTP is what contract.prometheus has; promtool accepts it, and the alert rules.
use strict;
use warnings;
use File::Basename;
use HTTP::Tiny;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $monitoring = dirname(__FILE__) . '/../../monitoring';

# The full name of a program, or undef.
sub program
{
	my ($name) = @_;
	my ($path) = grep { -x } map { "$_/$name" } split /:/, $ENV{PATH};

	return $path;
}

# Runs promtool, feeding it a text; returns whether it is content, and what it says.
sub promtool
{
	my ($input, @arguments) = @_;
	my $said = '';
	my $ok = IPC::Run::run([ program('promtool'), @arguments ], '<', \$input, '>&', \$said);

	return ($ok, $said);
}

SKIP:
{
	skip 'promtool is not there (Debian: package prometheus; test/tools/unpack.sh)', 3 unless program('promtool');
	for my $arguments ([ 'check', 'rules', "$monitoring/pg_contract.rules.yml" ],
		[ 'test', 'rules', "$monitoring/pg_contract.rules_test.yml" ], [ 'check', 'config', "$monitoring/prometheus.yml" ])
	{
		my ($ok, $said) = promtool('', @$arguments);
		ok($ok, "promtool $arguments->[0] $arguments->[1]") or diag $said;
	}
}

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--locale=C', '--encoding=UTF8' ]);
$node->append_conf('postgresql.conf', ($ENV{PGC_EXTRA_CONF} // '') . "\nshared_preload_libraries = 'pg_contract'\npg_contract.naptime = '100ms'");
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE warehouse');

sub run { return $node->safe_psql('warehouse', $_[0]) }

run(q{
	CREATE EXTENSION pg_contract;
	CREATE TABLE orders (id int PRIMARY KEY, amount int, at timestamptz DEFAULT now());
	CREATE TABLE "odd ""name""\\" (id int);
	SELECT contract.describe('orders', owner => E'sales "EU"\\\\ \nand so on', version => '1.0.0');
	SELECT contract.between('orders', 'amount', 0, 100, severity => 'warning');
	SELECT contract.forbidden_values('orders', 'amount', '{666}', on_violation => 'quarantine', name => 'beast');
	SELECT contract.not_null('orders', 'id', on_violation => 'reject');
	SELECT contract.fresh('orders', 'at', '1 day');
	SELECT contract.not_null('"odd ""name""\\"', 'id');
	SELECT contract.schedule('orders', every => '1 day');
	INSERT INTO orders SELECT n, -n FROM generate_series(1, 5) n;
	INSERT INTO orders VALUES (6, 666), (7, 666);
	SELECT contract.check('orders');
	INSERT INTO contract.sla_day SELECT dataset_id, name, current_date, '2 hours', '90 minutes', 1, 0, 0 FROM contract.rule WHERE kind = 'fresh'
	ON CONFLICT ON CONSTRAINT sla_day_pkey DO UPDATE SET observed = EXCLUDED.observed, attained = EXCLUDED.attained, breaches = EXCLUDED.breaches;
	CREATE ROLE prometheus LOGIN IN ROLE pg_monitor;
	ALTER ROLE prometheus SET jit = off;
});
$node->psql('warehouse', 'INSERT INTO orders VALUES (NULL, 1)') for 1 .. 3;
$node->poll_query_until('warehouse', q{SELECT value = 3 FROM contract.prometheus
	WHERE metric = 'pg_contract_failed_rows_total' AND labels @> '{"dataset": "public.orders", "action": "reject"}'})
  or die 'refused rows were not recorded';
$node->poll_query_until('warehouse', q{SELECT count(*) = 4 FROM contract.prometheus WHERE (metric, value) IN
	(('pg_contract_launcher_up', 1), ('pg_contract_dataset_unacknowledged_incidents', 1),
	('pg_contract_freshness_max_age_seconds', 86400), ('pg_contract_sla_attainment_ratio', 0.75))}) or die 'the workers did not do their work';

# A sample as one text, without labels that the exporter adds and those that are empty.
sub sample
{
	my ($name, $labels) = @_;
	my @labels = map { "$_=\"$labels->{$_}\"" } grep { $labels->{$_} ne '' && !/^(server|database|col|driver|host|user|sql_job|metric)$/ } sort keys %$labels;

	return $name . '{' . join(',', @labels) . '}';
}

# Reads what an exporter says; returns samples with their values, and types. Values that are none are left out.
sub parse
{
	my ($body) = @_;
	my (%value, %type);

	for (split /\n/, $body)
	{
		$type{$1} = $2 if /^# TYPE (\S+) (\S+)/;
		next unless /^((?:sql_)?pg_contract\w*)(?:\{(.*)\})? (\S+)$/;
		my ($name, $text, $value) = ($1, $2 // '', $3);
		my %labels;
		$labels{$1} = $2 while $text =~ /(\w+)="((?:[^"\\]|\\.)*)"/g;
		$name = $labels{metric} if $name eq 'sql_pg_contract';
		die "twice: " . sample($name, \%labels) if exists $value{sample($name, \%labels)};
		$value{sample($name, \%labels)} = $value unless $value eq 'NaN';
	}
	return (\%value, \%type);
}

# The samples and types that the view has. Labels are escaped like Prometheus' here.
sub view
{
	my (%value, %type);

	for (split /\n/, run(q{SELECT metric, type, value, (SELECT string_agg(key || '="' ||
			replace(replace(replace(v, '\\', '\\\\'), '"', '\\"'), E'\n', '\\n') || '"', ',' ORDER BY key COLLATE "C")
			FROM jsonb_each_text(labels) AS e (key, v)) FROM contract.prometheus}))
	{
		my ($metric, $type, $value, $labels) = split /\|/, $_, 4;
		$type{$metric} = $type;
		$value{"$metric\{$labels}"} = $value;
	}
	return (\%value, \%type);
}

# Compares samples with those of the view; sizes and the line of workers change from one look to the next.
sub same_samples
{
	my ($got, $name) = @_;
	my ($expected) = view();
	my @missing = grep { !exists $got->{$_} } sort keys %$expected;
	my @extra = grep { !exists $expected->{$_} } sort keys %$got;
	my @different = grep { !/^pg_contract_history_/ && exists $got->{$_} && abs($got->{$_} - $expected->{$_}) > 1e-6 * abs($expected->{$_}) }
	  sort keys %$expected;

	cmp_ok(scalar(keys %$got), '>', 50, "$name: many samples");
	is("@missing", '', "$name: none is missing");
	is("@extra", '', "$name: none is made up");
	is(join(' ', map { "$_ $got->{$_} $expected->{$_}" } @different), '', "$name: the same values");
	return;
}

# Starts an exporter that listens on a port; returns it when it answers with our metrics, and what it says.
sub start_exporter
{
	my ($port, @command) = @_;
	my $log = "$PostgreSQL::Test::Utils::tmp_check/" . basename($command[0]) . '.log';
	my $exporter = IPC::Run::start(\@command, '<', \undef, '>&', $log);

	for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		my $body = scrape($port);
		return ($exporter, $body) if $body =~ /^(sql_)?pg_contract\w*\{.*launcher_up|^pg_contract_launcher_up/m;
		last unless $exporter->pumpable;
		select undef, undef, undef, 0.1;
	}
	$exporter->kill_kill;
	die "$command[0] does not answer: " . slurp_file($log);
}

sub scrape
{
	my ($port) = @_;
	my $response = HTTP::Tiny->new(timeout => 10)->get("http://127.0.0.1:$port/metrics");

	return $response->{success} ? $response->{content} : '';
}

delete $ENV{$_} for grep { /^(https?|all|no)_proxy$/i } keys %ENV;
# From here on nothing changes by itself.
$node->safe_psql('postgres', "ALTER SYSTEM SET pg_contract.naptime = '1h'");
$node->reload;
$node->poll_query_until('warehouse', q{SELECT current_setting('pg_contract.naptime') = '1h' AND NOT EXISTS (
	SELECT FROM contract.workers WHERE duty <> 'launcher' AND pid IS NOT NULL)}) or die 'the workers do not rest';

SKIP:
{
	my $program = program('prometheus-postgres-exporter');
	skip 'prometheus-postgres-exporter is not there (test/tools/unpack.sh)', 1 unless $program;
	my $port = PostgreSQL::Test::Cluster::get_free_port();
	local $ENV{DATA_SOURCE_NAME} = sprintf 'user=prometheus host=%s port=%d dbname=warehouse sslmode=disable', $node->host, $node->port;
	my ($exporter, $body) = start_exporter($port, $program, "--web.listen-address=127.0.0.1:$port",
		"--extend.query-path=$monitoring/postgres_exporter.yml", '--disable-default-metrics', '--disable-settings-metrics');
	my ($got, $types) = parse($body);
	same_samples($got, 'postgres exporter');
	my (undef, $expected) = view();
	is_deeply({ map { $_ => $types->{$_} } keys %$expected }, $expected, 'postgres exporter: the same types');
	ok($body =~ /^pg_contract_dataset_info\{.*owner="sales \\"EU\\"\\\\ \\nand so on"/m, 'labels are escaped');
	SKIP:
	{
		skip 'promtool is not there', 1 unless program('promtool');
		my ($ok, $said) = promtool(join('', map { "$_\n" } grep { /^(# \w+ )?pg_contract/ } split /\n/, $body), 'check', 'metrics');
		ok($ok && $said eq '', 'promtool check metrics has nothing to remark') or diag $said;
	}

	# Counters do not fall when what they counted is pruned, and go on.
	run("SELECT contract.prune('0', 0)");
	run('INSERT INTO orders VALUES (100, -1)');
	my ($later) = parse(scrape($port));
	my @counters = grep { /_total\{/ } keys %$got;
	is(join(' ', grep { $later->{$_} < $got->{$_} } @counters), '', 'no counter falls');
	my $warned = 'pg_contract_failed_rows_total{action="warn",dataset="public.orders"}';
	is($later->{$warned} - $got->{$warned}, 1, 'a counter rises by what is new');
	# A dataset that is dropped is not shown any more.
	run(q{SELECT contract.drop_contract('"odd ""name""\\"')});
	is(scalar(grep { /odd/ } split /\n/, scrape($port)), 0, 'a dataset that is dropped is gone');
	$exporter->signal('TERM');
	$exporter->finish;
}

SKIP:
{
	my $program = program('prometheus-sql-exporter');
	skip 'prometheus-sql-exporter is not there (test/tools/unpack.sh)', 1 unless $program;
	my $port = PostgreSQL::Test::Cluster::get_free_port();
	my $configuration = slurp_file("$monitoring/sql_exporter.yml");
	my $connection = sprintf 'postgres://prometheus@/warehouse?host=%s&port=%d&sslmode=disable', $node->host, $node->port;
	$configuration =~ s/postgres:\/\/\S+/$connection/ or die 'no connection in sql_exporter.yml';
	my $file = "$PostgreSQL::Test::Utils::tmp_check/sql_exporter.yml";
	append_to_file($file, $configuration);
	my ($exporter, $body) = start_exporter($port, $program, "-web.listen-address=127.0.0.1:$port", "-config.file=$file");
	my ($got) = parse($body);
	same_samples($got, 'sql exporter');
	$exporter->signal('TERM');
	$exporter->finish;
}

# Who is no member of pg_monitor sees what he may select from.
run('CREATE ROLE guest LOGIN');
is($node->safe_psql('warehouse', "SELECT count(*) FROM contract.prometheus WHERE labels ? 'dataset'", extra_params => [ '-U', 'guest' ]),
	0, 'a role without rights sees no dataset');
run('GRANT SELECT (id) ON orders TO guest');
is($node->safe_psql('warehouse', "SELECT count(DISTINCT labels ->> 'dataset') FROM contract.prometheus", extra_params => [ '-U', 'guest' ]),
	1, 'and one that may select from it');
$node->stop;
done_testing();
