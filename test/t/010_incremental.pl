# Incremental audits after random histories: what check(mode => 'incremental') says is what a full audit and plain SQL say.
#
# PGC_SEED repeats a history, PGC_STEPS makes it longer. One table has rows of 1.3 kB, so that there are thousands of
# pages, several parts of memory, and pages that stay as they were; the other is partitioned.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = $ENV{PGC_SEED} // int(rand(2**31));
my $steps = $ENV{PGC_STEPS} // 80;
srand($seed);
diag("PGC_SEED=$seed PGC_STEPS=$steps");

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--locale=C', '--encoding=UTF8' ]);
$node->append_conf('postgresql.conf', $ENV{PGC_EXTRA_CONF} // '');
# minimal: what is written together with its file has no WAL and no LSN
my $wal_level = one_of('minimal', 'replica', 'replica');
$node->append_conf('postgresql.conf', "wal_level = $wal_level
	max_wal_senders = 0
	autovacuum = off
	fsync = off
	max_parallel_maintenance_workers = " . one_of(0, 2) . "
	pg_contract.violation_samples = 2
	client_min_messages = error
	log_statement = none");
$node->start;

sub one_of { return $_[ rand @_ ] }

# What is in the tables: id (key), amount, status, name, pad; perhaps extra.
my $columns = "id int PRIMARY KEY, amount int, status text, name text, pad text";
$node->safe_psql('postgres', "CREATE EXTENSION pg_contract;
	CREATE TABLE codes AS SELECT unnest('{x,y,z}'::text[]) AS code;
	CREATE TABLE big ($columns) WITH (fillfactor = 80);
	ALTER TABLE big ALTER pad SET STORAGE PLAIN;
	CREATE TABLE parts ($columns) PARTITION BY RANGE (id);
	CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (2000);
	CREATE TABLE parts_2 (name text, gone int, amount int, pad text, id int NOT NULL, status text) PARTITION BY LIST (status);
	ALTER TABLE parts_2 DROP COLUMN gone;
	CREATE TABLE parts_2_x (gone text, status text, name text, id int NOT NULL, pad text, amount int);
	ALTER TABLE parts_2_x DROP COLUMN gone;");
# the key of a table partitioned by status, too, would have to include it
$node->safe_psql('postgres', "ALTER TABLE parts DROP CONSTRAINT parts_pkey;
	ALTER TABLE parts_2 ATTACH PARTITION parts_2_x FOR VALUES IN ('x', NULL);
	CREATE TABLE parts_2_other PARTITION OF parts_2 DEFAULT;
	ALTER TABLE parts ATTACH PARTITION parts_2 FOR VALUES FROM (2000) TO (4000);
	CREATE TABLE parts_3 PARTITION OF parts DEFAULT;
	CREATE INDEX parts_id ON parts (id)");

# What a table has: ids up to next, leaves, whether there is a column extra, and its rules in plain SQL:
# name -> [ considered, failing ].
my %tables = (
	big => { next => 1, index => 'big_pkey', leaves => ['big'] },
	parts => { next => 1, index => 'parts_id', leaves => [ 'parts_1', 'parts_2_x', 'parts_2_other', 'parts_3' ] });

# The statement that adds a rule, which the table then has.
sub rule
{
	my ($table, $name, $call, $considered, $failing) = @_;
	$tables{$table}{rules}{$name} = [ $considered, $failing ];
	$call =~ s/TABLE/$table/;
	$call =~ s/\)$/, name => '$name', on_violation => 'audit')/;
	return "SELECT contract.$call;";
}

# Rules that see every row, whatever is remembered of the others.
sub set_rules
{
	my ($table) = @_;
	return rule($table, 'single', "unique('TABLE', '{name}')", 'true', "name IN (SELECT name FROM $table GROUP BY name HAVING count(*) > 1)")
	  . rule($table, 'coded', "references('TABLE', '{status}', 'codes', '{code}')", 'true', 'status NOT IN (SELECT code FROM codes)');
}

sub range_rule
{
	my ($table) = @_;
	my ($low, $high) = (int(rand 3), 900 + int(rand 200));
	return rule($table, 'range', "between('TABLE', 'amount', $low, $high)", 'true', "amount NOT BETWEEN $low AND $high");
}

# SQL of n new rows; one in ten is bad in some way.
sub rows
{
	my ($table, $n, $first) = @_;
	my $next = $first // $tables{$table}{next};
	$tables{$table}{next} += $n unless defined $first;
	my $salt = int(rand 1000);
	my $to = $next + $n - 1;
	my $pad = $table eq 'big' ? 1300 : one_of(10, 600);
	return "SELECT n, CASE (n + $salt) % 41 WHEN 1 THEN -1 WHEN 2 THEN NULL ELSE n % 1000 END,
		CASE (n + $salt) % 43 WHEN 1 THEN 'bad' WHEN 2 THEN NULL ELSE substr('xyz', n % 3 + 1, 1) END,
		CASE (n + $salt) % 47 WHEN 1 THEN NULL WHEN 2 THEN '' ELSE 'name ' || n END, repeat('p', $pad)
		FROM generate_series($next, $to) n";
}

# Several parts of memory.
sub fill { my ($table) = @_; return insert($table, $table eq 'big' ? 24000 : 6000) }

sub insert { my ($table, $n) = @_; return "INSERT INTO $table (id, amount, status, name, pad) " . rows($table, $n) . ";" }

# A range of ids that exist or existed, near or far.
sub some
{
	my ($table, $n) = @_;
	my $low = int(rand $tables{$table}{next});
	my $high = $low + $n;
	return one_of("id BETWEEN $low AND $high", "id BETWEEN $low AND $high", 'id IN (' . join(', ', map { int(rand $tables{$table}{next}) } 1 .. 5) . ')');
}

# Rows that nobody has locked in our way: nothing waits in this test.
sub free_rows
{
	my ($table, $n, $strength) = @_;
	return "(tableoid, ctid) IN (SELECT tableoid, ctid FROM $table WHERE " . some($table, $n) . " FOR $strength SKIP LOCKED)";
}

# A statement that changes rows.
sub change
{
	my ($table) = @_;
	my $set = one_of('amount = -1', 'amount = 5', 'amount = NULL', "name = ''", "name = NULL", "name = 'good'", "status = 'bad'",
		"status = 'x'", "status = NULL", "amount = amount, name = name || '.'");
	return one_of(
		insert($table, 1 + int(rand 300)),
		"UPDATE $table SET $set WHERE " . free_rows($table, 100, 'NO KEY UPDATE') . ";",
		"UPDATE $table SET $set WHERE " . free_rows($table, 3, 'NO KEY UPDATE') . ";",
		"UPDATE $table SET id = -id WHERE " . free_rows($table, 5, 'UPDATE') . " AND id > 0 AND NOT EXISTS (SELECT FROM $table t WHERE t.id = -$table.id);",
		"DELETE FROM $table WHERE " . free_rows($table, 50, 'UPDATE') . ";");
}

# Statements of a transaction with savepoints.
sub savepoints
{
	my ($table) = @_;
	return change($table) . 'SAVEPOINT a;' . change($table) . 'SAVEPOINT b;' . change($table)
	  . one_of('ROLLBACK TO b;', 'RELEASE b;') . change($table)
	  . one_of('ROLLBACK TO a;', 'RELEASE a;', '') . change($table);
}

# More subtransactions than a snapshot has room for.
sub many_savepoints
{
	my ($table) = @_;
	my $change = change($table);
	return "DO \$\$ BEGIN FOR i IN 1 .. 70 LOOP BEGIN $change EXCEPTION WHEN division_by_zero THEN NULL; END; END LOOP; END \$\$;"
	  if $change =~ /^(UPDATE|DELETE)/ && $change !~ /-id/;
	return $change;
}

# Sessions: one that audits, others whose transactions stay open for a while.
my ($auditor, @writers, %open);

sub connect_all
{
	$auditor = $node->background_psql('postgres');
	@writers = map { $node->background_psql('postgres') } 1 .. 3;
	%open = ();
	return;
}

sub run { return $auditor->query_safe($_[0]) }

sub end_transactions
{
	for my $i (keys %open) { $writers[$i]->query_safe(one_of('COMMIT', 'COMMIT', 'ROLLBACK')) }
	%open = ();
	return;
}

sub open_step
{
	my ($table) = @_;
	my $i = int(rand @writers);
	my $begin = $open{$i} ? '' : 'BEGIN;';
	$open{$i} = 1;
	$writers[$i]->query_safe($begin . one_of(change($table), savepoints($table), many_savepoints($table),
		"SELECT FROM $table WHERE " . some($table, 100) . " FOR KEY SHARE SKIP LOCKED;",
		"SELECT FROM $table WHERE " . some($table, 100) . " FOR SHARE SKIP LOCKED;",
		"SELECT FROM $table WHERE " . some($table, 100) . " FOR UPDATE SKIP LOCKED;"));
	if (rand() < 0.3)
	{
		$writers[$i]->query_safe(one_of('COMMIT', 'COMMIT', 'ROLLBACK'));
		delete $open{$i};
	}
	return;
}

# Several sessions lock the same rows and one of them changes them: xmax is a multixact.
sub multixact
{
	my ($table) = @_;
	my $where = some($table, 20);
	for my $i (0 .. $#writers)
	{
		$writers[$i]->query_safe('BEGIN') unless $open{$i};
		$open{$i} = 1;
		$writers[$i]->query_safe("SELECT FROM $table WHERE $where FOR KEY SHARE SKIP LOCKED");
	}
	my $set = "UPDATE $table SET amount = " . one_of(-1, 7) . " WHERE (tableoid, ctid) IN
		(SELECT tableoid, ctid FROM $table WHERE $where FOR NO KEY UPDATE SKIP LOCKED)";
	$writers[1]->query_safe($set);
	run(check($table, 'auto', '1'));
	end_transactions();
	return;
}

# The audit that remembers sees pages whose transactions end later, and nothing else changes the pages.
sub pending
{
	my ($table) = @_;
	my $i = int(rand @writers);
	$writers[$i]->query_safe(($open{$i} ? '' : 'BEGIN;') . change($table) . change($table));
	run(check($table, 'auto', '1'));
	$writers[$i]->query_safe(one_of('COMMIT', 'ROLLBACK'));
	delete $open{$i};
	return;
}

# DDL: nobody else is at the table then.
sub rewrite
{
	my ($table) = @_;
	my $t = $tables{$table};
	my $leaf = $t->{leaves}[-1];
	my $type = $t->{type} = ($t->{type} // 'int') eq 'int' ? 'bigint' : 'int';
	my $first = $t->{next} + 3000;
	my $last = $first + 500;
	end_transactions();
	$t->{next} = $last + 1;
	return one_of(
		"VACUUM FULL $table", "CLUSTER $table USING $t->{index}", "ALTER TABLE $table ALTER amount TYPE $type",
		"TRUNCATE $table;" . fill($table),
		"BEGIN; TRUNCATE $leaf; COPY $leaf (id, amount, status, name, pad) FROM PROGRAM
			'seq $first $last | sed ''s/.*/&,9" . int(rand 999) . ",bad,n,p/''' (FORMAT csv, FREEZE); COMMIT;"
		  . ($table eq 'big' ? fill($table) : ''));
}

sub columns_step
{
	my ($table) = @_;
	end_transactions();
	return "ALTER TABLE $table DROP COLUMN extra, ADD COLUMN extra int DEFAULT " . one_of(3, 7)
	  if $tables{$table}{extra} && rand() < 0.5;
	if (delete $tables{$table}{extra})
	{
		delete $tables{$table}{rules}{extra};
		return "SELECT contract.drop_rule('$table', 'extra'); ALTER TABLE $table DROP COLUMN extra";
	}
	$tables{$table}{extra} = 1;
	my $default = one_of('', 'DEFAULT 7', 'DEFAULT 3', 'DEFAULT (random() * 10)::int');
	my @rule = rand() < 0.5 ? ("between('TABLE', 'extra', 0, 5)", 'true', 'extra NOT BETWEEN 0 AND 5')
	  : ("not_null('TABLE', 'extra')", 'true', 'extra IS NULL');
	return "ALTER TABLE $table ADD COLUMN extra int $default;" . rule($table, 'extra', @rule);
}

sub rules_step
{
	my ($table) = @_;
	return "SELECT contract.drop_rule('$table', 'range');" . range_rule($table);
}

sub crash
{
	$node->stop('immediate');
	for my $session ($auditor, @writers) { eval { $session->quit } }
	$node->start;
	connect_all();
	return;
}

sub tail_step
{
	my ($table) = @_;
	my $tail = $tables{$table}{next} - int(rand 2000);
	end_transactions();
	return "DELETE FROM $table WHERE id >= $tail; VACUUM $table;" . one_of('', insert($table, 1 + int(rand 400)));
}

# What incremental audits are for: most pages are all visible, as they were at the last audit.
sub few_changes
{
	my ($table) = @_;
	end_transactions();
	return "VACUUM $table;" . check($table, 'auto', '1') . change($table);
}

# Some of the rows are there.
sub insert_again
{
	end_transactions();    # it would wait for them
	return 'INSERT INTO big (id, amount, status, name, pad) ' . rows('big', 50, 1 + int(rand $tables{big}{next})) . ' ON CONFLICT (id) DO NOTHING';
}

sub vacuum { my ($table) = @_; end_transactions(); return "VACUUM $table" }

# A step of the history, as often as its weight; those that return SQL have it run.
my @kinds = (
	(\&few_changes) x 10, (\&change) x 6, (\&open_step) x 6, (\&pending) x 6, (\&multixact) x 6,
	(sub { 'BEGIN;' . savepoints($_[0]) . one_of('COMMIT', 'ROLLBACK') }) x 3,
	(sub { end_transactions(); return }) x 2, (\&vacuum) x 2, (\&tail_step) x 2, (\&columns_step) x 2,
	\&rewrite, \&rules_step, \&insert_again, sub { insert($_[0], 2000) },
	sub { "VACUUM (FREEZE) $_[0]" }, sub { "VACUUM $_[0]; ANALYZE $_[0]" }, sub { 'CHECKPOINT' });

# What plain SQL says, as check() prints it.
sub plain_sql
{
	my ($table) = @_;
	my $rules = $tables{$table}{rules};
	return "SELECT r.* FROM (SELECT " . join(', ', map { "count(*) FILTER (WHERE $rules->{$_}[0]) AS considered_$_,
		count(*) FILTER (WHERE ($rules->{$_}[0]) AND ($rules->{$_}[1])) AS failed_$_" } sort keys %$rules)
	  . " FROM $table) s, LATERAL (VALUES " . join(', ', map { "('$_', considered_$_, failed_$_)" } sort keys %$rules) . ") r ORDER BY 1;";
}

sub check
{
	my ($table, $mode, $what) = @_;
	return "SELECT $what FROM contract.check('$table', mode => '$mode') ORDER BY rule;";
}

my %seen = (rounds => 0, incremental => 0, skipped => 0);

# Compares; false at the first difference.
sub compare
{
	my ($table) = @_;
	my $isolation = one_of('READ COMMITTED', 'READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE');
	my $end = one_of('COMMIT', 'COMMIT', 'COMMIT', 'ROLLBACK');
	# of this transaction and some before it
	my $fetched = join ' + ', map { "pg_stat_get_xact_blocks_fetched('$_'::regclass)" } @{ $tables{$table}{leaves} };
	my @pages = map { "pg_relation_size('$_') / 8192" } @{ $tables{$table}{leaves} };
	my ($audit, $sql, $full) = split /^--\n/m, run("BEGIN ISOLATION LEVEL $isolation;" . one_of('', '', savepoints($table))
		. "SELECT '<', $fetched;" . check($table, 'incremental', 'rule, considered, failed, executor')
		. "SELECT '>', $fetched, " . join(' + ', @pages) . "; SELECT '--';" . plain_sql($table)
		. "SELECT '--'; SAVEPOINT whole;" . check($table, 'full', 'rule, considered, failed') . "ROLLBACK TO whole; $end");
	my ($before) = $audit =~ /^<\|(\d+)$/m;
	my ($after, $pages) = $audit =~ /^>\|(\d+)\|(\d+)$/m;
	my $executors = join ' ', $audit =~ /\|([a-z ]+)$/mg;
	$audit =~ s/^[<>].*\n?//mg;
	$audit =~ s/\|[a-z ]+$//mg;
	$_ =~ s/\s*\z// for $audit, $sql, $full;
	$seen{rounds}++;
	$seen{incremental}++ if $executors =~ /incremental/;
	$seen{skipped}++ if $pages > 1000 && $after - $before < $pages / 2;
	return 1 if $audit eq $sql && $full eq $sql;
	return is($audit, $sql, "$table: incremental is plain SQL, $isolation") && is($full, $sql, "$table: full is plain SQL");
}

# Compares under a snapshot that is older than the audit, while others write, vacuum and audit.
sub compare_under_load
{
	my ($sql, $audit) = split /^--\n/m, run('BEGIN ISOLATION LEVEL ' . one_of('REPEATABLE READ', 'SERIALIZABLE') . ';' . plain_sql('big')
		. "SELECT '--';" . check('big', 'incremental', 'rule, considered, failed') . 'COMMIT;');

	s/\s*\z// for $sql, $audit;
	return $sql eq $audit || is($audit, $sql, 'under load: incremental is plain SQL');
}

# The history.
connect_all();
for my $table (sort keys %tables)
{
	run(fill($table) . range_rule($table)
		  . rule($table, 'named', "not_blank('TABLE', 'name')", 'true', "name IS NULL OR name = ''")
		  . rule($table, 'known', "accepted_values('TABLE', 'status', '{x,y,z}'::text[])", 'true', "status NOT IN ('x', 'y', 'z')")
		  . rule($table, 'known_name', "not_null('TABLE', 'name', filter => 'status = ''x''')", "status = 'x'", 'name IS NULL')
		  . rule($table, 'small', "satisfies('TABLE', 'amount < 500 OR name IS NOT NULL')", 'true', 'NOT (amount < 500 OR name IS NOT NULL)')
		  . ($table eq 'parts' ? set_rules($table) : '')
		  . check($table, 'auto', '1'));
}
my @log;
my $same = 1;
for my $step (1 .. $steps)
{
	my $table = one_of('big', 'big', 'parts');
	my $sql = one_of(@kinds)->($table);
	push @log, "$step $table: " . ($sql // '(other sessions)');
	run($_) for grep { /\S/ } split /;/, $sql // '';
	if ($step % int($steps / 2) == 0)
	{
		push @log, 'crash';
		crash();
	}
	$same = compare($table) if rand() < 0.6;
	last unless $same;
}
# However the history went, this is there.
end_transactions();
run($_) for split /;/, fill('big') . few_changes('big');
$same &&= compare('big');
ok($same, "$seen{rounds} audits in a history of $steps steps, wal_level $wal_level") or diag join "\n", @log[ -15 .. -1 ];
note explain \%seen;
cmp_ok($seen{incremental}, '>', $seen{rounds} / 3, 'a good part of them was incremental');
cmp_ok($seen{skipped}, '>', $seen{rounds} / 10, "and $seen{skipped} skipped most pages of many");
# Writers, a vacuum and an audit at work all the time. What stands after @ is a weight.
my $folder = PostgreSQL::Test::Utils::tempdir;
my %scripts = (
	'write@8' => "\\set id random(1, $tables{big}{next})
		UPDATE big SET amount = CASE WHEN random() < 0.5 THEN -1 ELSE 5 END WHERE id BETWEEN :id AND :id + 3;",
	'transaction@8' => "\\set id random(1, $tables{big}{next})
		BEGIN; UPDATE big SET name = CASE WHEN random() < 0.5 THEN '' ELSE 'n' END WHERE id = :id;
		SAVEPOINT a; DELETE FROM big WHERE id = :id - 1; ROLLBACK TO a; UPDATE big SET status = 'bad' WHERE id = :id; \\sleep 5 ms
		COMMIT;",
	'rollback@4' => "\\set id random(1, $tables{big}{next})
		BEGIN; UPDATE big SET status = 'bad', name = NULL WHERE id = :id; \\sleep 5 ms
		ROLLBACK;",
	'vacuum@1' => 'VACUUM big;',
	'audit@1' => "SELECT count(*) FROM contract.check('big');");
for my $name (keys %scripts)
{
	append_to_file("$folder/$1", $scripts{$name}) if $name =~ /^(\w+)/;
}
sub under_load
{
	my ($what, $seconds) = @_;
	my ($out, $err, $rounds) = ('', '', 0);
	my $load = IPC::Run::start(
		[ 'pgbench', '-n', '-c', 4, '-T', $seconds, '--max-tries=100', '--random-seed', $seed, '-h', $node->host, '-p', $node->port,
			(map { ('-f', "$folder/$_") } sort keys %scripts), 'postgres' ],
		'>', \$out, '2>', \$err);

	while ($same && $load->pumpable)
	{
		$same = compare_under_load();
		$rounds++;
		$load->pump_nb;
	}
	ok($load->finish, 'pgbench') or diag $err;
	$same &&= compare('big');
	ok($same, "$rounds audits under load, $what");
	cmp_ok($rounds, '>', 0, 'there were some');
	return;
}
under_load('row rules', 5);
run(set_rules('big'));
under_load('and keys', 2);
cmp_ok(run("SELECT count(*) FROM contract.audit_part WHERE relid = 'big'::regclass"), '>', 1, 'there is more than one part');

$node->stop;
done_testing();
