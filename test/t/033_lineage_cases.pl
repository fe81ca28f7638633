# Replays statements whose column lineage is known, each in a database of its own, and scores what is recorded: the cases
# of test/cases, thought out for this project, which must come out exactly, and those beside the checkout, if they are
# there, made by others.  What a case is: test/cases/README.md.
use strict;
use warnings;
use FindBin;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# Cases of others that must not come out as they say, by id, with the reason.
my %explained = ();

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--locale=C', '--encoding=UTF8' ]);
$node->append_conf('postgresql.conf', $ENV{PGC_EXTRA_CONF} // '');
$node->append_conf('postgresql.conf', <<'END');
shared_preload_libraries = 'pg_contract'
pg_contract.track_lineage = all
pg_contract.lineage_sync = on
pg_contract.max_workers = 0
autovacuum = off
log_statement = none
max_prepared_transactions = 10
restart_after_crash = on
END
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE empty');
$node->safe_psql('empty', 'CREATE EXTENSION pg_contract');

my $folder = PostgreSQL::Test::Utils::tempdir();
chmod 0777, $folder;
my @names = qw(source_place source_schema source_table source_column target_place target_schema target_table target_column subtype hop);
my $lineage = sprintf "SELECT json_build_object('ran', executions IS NOT NULL, %s) FROM contract.lineage WHERE historic_since IS NULL",
  join ', ', map { "'$_', $_" } @names, 'masking';
my $foretold = sprintf 'SELECT json_build_object(%s) FROM contract.statement_lineage', join ', ', map { "'$_', $_" } grep { !/place/ } @names, 'masking';
my $databases = 0;

sub cases_of
{
	my ($file) = @_;

	open(my $lines, '<:raw', $file) or die "$file: $!";
	return map { decode_json($_) } <$lines>;
}

# The edges recorded in a database, as rows of contract.lineage.
sub recorded
{
	my ($database) = @_;

	return map { decode_json($_) } split /\n/, $node->safe_psql($database, $lineage);
}

# Those that contract.statement_lineage says a statement would have, or nothing where it cannot say all: several
# statements, and what functions and triggers do.
sub foretold
{
	my ($database, $case, $sql) = @_;

	return if $sql !~ /^(INSERT|UPDATE|DELETE|MERGE|WITH|CREATE TABLE|CREATE VIEW|CREATE MATERIALIZED)\b[^;]*$/i || $sql =~ /IF NOT EXISTS/;
	return if grep { /plpgsql|function|trigger|generated|temptable/ } @{ $case->{categories} };
	return [ map { decode_json($_) } split /\n/, $node->safe_psql($database, "$foretold(\$statement\$$sql\$statement\$)") ];
}

# Runs a case; returns the edges that its statements added, and those foretold.
sub replay
{
	my ($case) = @_;
	my $database = 'case_' . ++$databases;
	my ($setup, $sql) = map { s/\@DIR\@/$folder/gr } join(";\n", 'SET pg_contract.track_lineage = off', @{ $case->{setup} }, ''), $case->{sql};
	my $json = JSON::PP->new->canonical;

	$node->safe_psql('postgres', "CREATE DATABASE $database TEMPLATE empty");
	$node->safe_psql($database, $setup);
	my %before = map { $json->encode($_) => 1 } recorded($database);
	my $foretold = foretold($database, $case, $sql);
	my ($rc, $stdout, $stderr) = $node->psql($database, $sql);
	diag "$case->{id}: $stderr" if $rc != 0;
	$node->poll_query_until('postgres', 'SELECT true') or die 'the server does not answer';
	my @edges = grep { !$before{ $json->encode($_) } } recorded($database);
	$node->safe_psql('postgres', "DROP DATABASE $database");
	return (classify(@edges), $foretold && classify(@$foretold));
}

# A place or a column as text; without the schema if it is public.
sub place
{
	return join '.', grep { defined && !/^public$/ } @_;
}

# Edges as recorded, in the classes of a case: class -> "source > target subtype" -> masking.  Direct edges are of the
# classes direct and base, by hop; indirect ones of column and rows.  What is direct too is left out of column.
sub classify
{
	my %edges = map { $_ => {} } qw(direct base column rows file);

	foreach my $edge (@_)
	{
		my $source = place(@$edge{qw(source_schema source_table source_column)});
		my $target = place(@$edge{qw(target_schema target_table target_column)});
		my $direct = $edge->{subtype} =~ /^(identity|transformation|aggregation)$/;
		my $class = $direct ? ($edge->{hop} eq 'base' ? 'base' : 'direct') : defined $edge->{target_column} ? 'column' : 'rows';

		if (grep { ($_ // 'relation') ne 'relation' } @$edge{qw(source_place target_place)}) { $class = 'file' }
		elsif (!$direct && $edge->{hop} eq 'base') { next }
		$target = '*' if $class eq 'rows';
		$edges{$class}{"$source > $target $edge->{subtype}"} = $edge->{masking};
	}
	leave_out_direct(\%edges);
	return \%edges;
}

sub leave_out_direct
{
	my ($edges) = @_;
	my %direct = map { s/ \w+$//r => 1 } keys %{ $edges->{direct} // {} };

	delete @{ $edges->{column} }{ grep { $direct{s/ \w+$//r} } keys %{ $edges->{column} } };
	return;
}

# The same of what a case expects; a class that it does not assert is undefined.
sub expected
{
	my ($case) = @_;
	my $expected = $case->{expected};
	my %edges = (
		direct => as_texts($expected->{column_edges}),
		base => as_texts($expected->{base_column_edges}),
		column => as_texts($expected->{expr_indirect_edges}),
		rows => as_texts($expected->{dataset_indirect}),
		file => { map { file_texts($_) } @{ $expected->{file_edges} // [] } });

	leave_out_direct(\%edges) if $edges{column};
	return \%edges;
}

sub as_texts
{
	my ($list) = @_;

	return $list ? { map { (as_text($_) => $_->{masking}) } @$list } : undef;
}

sub as_text
{
	my ($edge) = @_;
	my @ends = map { $_ ? place(@$_{qw(schema table column)}) : '*' } @$edge{qw(src dst)};

	return "$ends[0] > $ends[1] " . lc $edge->{subtype};
}

sub file_texts
{
	my ($edge) = @_;
	my $file = $edge->{file} =~ s/\@DIR\@/$folder/gr;

	return map {
		my ($source, $target) = $edge->{direction} eq 'out' ? ($_->{src}, "$file.$_->{dst}") : ("$file.$_->{src}", $_->{dst});
		("$source > $target " . lc $_->{subtype} => undef)
	} @{ $edge->{columns} };
}

# What is expected and not there, and the other way round, as lines.
sub differences
{
	my ($got, $expected) = @_;

	return map {
		my $class = $_;
		my ($is, $must) = ($got->{$class}, $expected->{$class});
		$must
		  ? ((map { "$class: missing $_" } grep { !exists $is->{$_} } sort keys %$must),
			(map { "$class: wrong $_" } grep { !exists $must->{$_} } sort keys %$is),
			(map { "$class: masking $_" } grep { exists $is->{$_} && defined $must->{$_} && !$is->{$_} != !$must->{$_} } sort keys %$must))
		  : ()
	} qw(direct base column rows file);
}

# Counts of what is in both, what was got and what is expected, as sets.
sub count_sets
{
	my ($count, $got, $expected) = @_;

	$count->{both} += grep { $expected->{$_} } keys %$got;
	$count->{got} += keys %$got;
	$count->{expected} += keys %$expected;
	return;
}

sub ratio { my ($part, $whole) = @_; return $whole ? $part / $whole : 1 }

sub precision { my ($count) = @_; return ratio($count->{both} // 0, $count->{got} // 0) }

sub recall { my ($count) = @_; return ratio($count->{both} // 0, $count->{expected} // 0) }

# The pairs of a set of edges, that is, without their subtypes.
sub pairs { return { map { s/ \w+$//r => 1 } @_ } }

# Those edges of a set whose pair is in the other one.
sub of_pairs
{
	my ($edges, $pairs) = @_;

	return { map { $_ => 1 } grep { $pairs->{s/ \w+$//r} } keys %$edges };
}

# Adds a case's result to the counts: pairs of direct edges, which class base asserts if it is there, subtypes of those found, and indirect edges.
sub score
{
	my ($counts, $case, $got, $expected) = @_;

	foreach my $class (grep { $expected->{$_} } qw(direct base file))
	{
		my ($is, $must) = map { pairs(keys %{ $_->{$class} }) } $got, $expected;

		count_sets($counts->{pairs} //= {}, $is, $must);
		next unless $case->{edge_mode} eq 'split';
		count_sets($counts->{subtypes} //= {}, of_pairs($got->{$class}, $must), of_pairs($expected->{$class}, $is));
	}
	foreach my $class (grep { $expected->{$_} } qw(column rows))
	{
		count_sets($counts->{$class} //= {}, map { +{ map { $_ => 1 } keys %$_ } } $got->{$class}, $expected->{$class});
	}
	return;
}

# In the modes "union" the source of a case knows no kinds: whatever reaches a column counts, and the type is ignored.
sub unite
{
	my ($edges) = @_;
	my %all = map { s/ \w+$// ? ("$_ any" => undef) : () } my @copies = map { keys %{ $edges->{$_} // {} } } qw(direct column);

	return { direct => \%all, file => {} };
}

# Runs cases of others and returns counts by level.
sub run_cases
{
	my %counts;

	foreach my $case (@_)
	{
		my ($got, $foretold) = replay($case);
		my $expected = expected($case);

		$counts{foretold} += note_lines("$case->{id}, foretold", differences($foretold, $got)) if $foretold;
		($got, $expected) = (unite($got), unite($expected)) if $case->{edge_mode} ne 'split';
		score($counts{ $case->{level} } //= {}, $case, $got, $expected) unless $explained{ $case->{id} };
		note_lines("$case->{id} ($case->{level}): $case->{sql}", differences($got, $expected));
		$counts{negative} += map { keys %$_ } values %$got if grep { $_ eq 'negative' } @{ $case->{categories} };
	}
	return \%counts;
}

# Notes the lines, if there are any, and returns their number.
sub note_lines
{
	my ($title, @lines) = @_;

	note join "\n  ", $title, @lines if @lines;
	return scalar @lines;
}

sub report
{
	my ($level, $counts) = @_;
	my $line = join ', ', map { sprintf '%s %.4f and %.4f', $_, precision($counts->{$_}), recall($counts->{$_}) }
	  grep { $counts->{$_} } qw(pairs subtypes column rows);

	diag "$level, precision and recall: $line";
	return;
}

foreach my $case (cases_of("$FindBin::RealBin/../cases/lineage.jsonl"))
{
	my ($got, $foretold) = replay($case);

	is(join("\n", differences($got, expected($case))), '', $case->{id}) or diag $case->{sql};
	is(join("\n", differences($foretold, $got)), '', "$case->{id}, foretold") or diag $case->{sql} if $foretold;
}

SKIP:
{
	my $file = ($ENV{PGC_SHARED} // '') . '/cases/lineage.jsonl';

	skip 'there are no cases of others beside the checkout', 5 unless -r $file;
	my $counts = run_cases(cases_of($file));
	report($_, $counts->{$_}) foreach grep { $counts->{$_} } qw(core stretch);
	cmp_ok(precision($counts->{core}{pairs}), '>=', 1, 'precision of direct edges, core');
	cmp_ok(recall($counts->{core}{pairs}), '>=', 1, 'recall of direct edges, core');
	cmp_ok(precision($counts->{core}{subtypes}), '>=', 0.98, 'subtypes of direct edges, core');
	is($counts->{negative} // 0, 0, 'no edges where there are none');
	is($counts->{foretold}, 0, 'statement_lineage says the same');
}

$node->stop;

done_testing();
