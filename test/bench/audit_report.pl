# audit_report.pl ROWS RESULTS: prints the tables of audit.sh in Markdown.
# RESULTS has a line per run that counts: work, variant, round, CPU and wall time in ns.
use strict;
use warnings;
use FindBin;
require "$FindBin::Bin/numbers.pl";

my ($rows, $results) = @ARGV;
my $many = $rows % 1e6 ? $rows : $rows / 1e6 . 'M';

my %title = (
	rules => "ten rules, $many rows",
	unique_id => "unique, a bigint, $many rows",
	unique_email => "unique, a text, $many rows",
	references => "references, a bigint, $many rows",
	unchanged => 'again, nothing changed',
	appended => 'again, 1 % of rows appended',
	scattered => 'again, 0.01 % of rows updated here and there',
	workers => "ten rules, $many rows, not pinned to a core");

my %label = (
	count => 'count(*)',
	filter => 'one SELECT, ten count(*) FILTER',
	queries => 'ten SELECTs',
	audit => 'audit',
	evaluate => 'contract.tally(contract.evaluate(..))',
	datacontract => "datacontract-cli's statements",
	dbt => "dbt's statements",
	gx => "Great Expectations' statements",
	soda => "Soda's statements",
	group_by => 'GROUP BY .. HAVING count(*) > 1',
	not_exists => 'NOT EXISTS',
	again => 'incremental audit',
	workers0 => 'audit, no worker',
	workers1 => 'audit, max_parallel_maintenance_workers = 1',
	workers2 => 'audit, max_parallel_maintenance_workers = 2');

# Work, variant, the variant that it is compared with, and how large the ratio of the two may (<=) or must (>=) be.
my @lines = (
	[qw(rules count)],
	[qw(rules audit count <= 2.3)],
	[qw(rules filter audit >= 9)],
	[qw(rules queries audit >= 14)],
	[qw(rules evaluate filter <= 0.20)],
	(map { [ 'rules', $_, qw(audit >= 10) ] } qw(datacontract dbt gx soda)),
	[qw(unique_id audit)],
	[qw(unique_id group_by audit >= 14)],
	[qw(unique_email audit)],
	[qw(unique_email group_by audit >= 8)],
	[qw(references audit)],
	[qw(references not_exists audit >= 7)],
	[qw(unchanged audit)],
	[qw(unchanged again audit <= 0.01)],
	[qw(appended audit)],
	[qw(appended again audit <= 0.25)],
	[qw(scattered audit)],
	[qw(scattered again audit <= 0.10)]);
my $targets = 0;
my @missed;

# work -> variant -> times by round
my (%cpu_ms, %wall_ms);

read_results();
print_cpu();
print_workers();
print "\nTargets: $targets, missed: ", scalar @missed, ".\n";
print map { "* **missed**: $_\n" } @missed;

sub read_results
{
	open(my $file, '<', $results) or die "$results: $!\n";
	while (<$file>)
	{
		my ($work, $variant, $round, $cpu, $wall) = split;
		$cpu_ms{$work}{$variant}[ $round - 1 ] = $cpu / 1e6;
		$wall_ms{$work}{$variant}[ $round - 1 ] = $wall / 1e6;
	}
	close $file;
}

sub print_cpu
{
	my @there = grep { $cpu_ms{ $_->[0] }{ $_->[1] } } @lines or return;
	print_row('work', 'variant', 'rounds', 'CPU ms: median (min-max)', 'ratio', 'target', 'met');
	print_row(('---') x 7);
	foreach my $line (@there)
	{
		my ($work, $variant, $base, @target) = @$line;
		my $times = $cpu_ms{$work};
		print_row($title{$work}, $label{$variant}, scalar @{ $times->{$variant} }, milliseconds($times->{$variant}),
			ratio($times, $variant, $base), verdict($work, $variant, $base, @target));
	}
}

sub print_workers
{
	my $work = 'workers';
	return unless $cpu_ms{$work};
	print "\n";
	print_row('work', 'variant', 'rounds', 'wall ms: median (min-max)', 'ratio', 'CPU ms of all processes', 'ratio');
	print_row(('---') x 7);
	foreach my $variant (sort keys %{ $cpu_ms{$work} })
	{
		print_row($title{$work}, $label{$variant}, scalar @{ $wall_ms{$work}{$variant} },
			map { (milliseconds($_->{$variant}), ratio($_, $variant, 'workers0')) } $wall_ms{$work}, $cpu_ms{$work});
	}
}

sub milliseconds { return spread(median($_[0]) < 20 ? '%.2f' : '%.0f', $_[0]); }

# The ratio of two medians as text; empty where there is nothing to compare.
sub ratio
{
	my ($times, $variant, $base) = @_;
	return '' unless $base && $times->{$base} && $variant ne $base;
	my $ratio = median($times->{$variant}) / median($times->{$base});
	return sprintf $ratio < 1 ? '%.3f of %s' : '%.2f of %s', $ratio, $label{$base};
}

# Returns the columns "target" and "met".
sub verdict
{
	my ($work, $variant, $base, $relation, $bound) = @_;
	return ('', '') unless $bound && $cpu_ms{$work}{$base};
	my $ratio = median($cpu_ms{$work}{$variant}) / median($cpu_ms{$work}{$base});
	my $met = $relation eq '<=' ? $ratio <= $bound : $ratio >= $bound;
	$targets++;
	push @missed, "$title{$work}, $label{$variant}: " . ratio($cpu_ms{$work}, $variant, $base) . ", target $relation $bound"
		unless $met;
	return ("$relation $bound", $met ? 'yes' : '**no**');
}
