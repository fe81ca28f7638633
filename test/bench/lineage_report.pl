# lineage_report.pl LINES RESULTS: prints the tables of lineage.sh in Markdown.
# RESULTS has lines "WORK SIDE number", of pgbench transactions a second, of insert CPU ns, and "extraction SIDE ms ms": of
# planning, and of the whole statement. A round's lines are together.
use strict;
use warnings;
use FindBin;
require "$FindBin::Bin/numbers.pl";

my ($lines, $results) = @ARGV;
my (%numbers, %planning, @missed);
my $targets = 0;

open(my $file, '<', $results) or die "$results: $!\n";
while (<$file>)
{
	my ($work, $side, @n) = split;
	push @{ $planning{$side} }, shift @n if @n > 1;
	push @{ $numbers{$work}{$side} }, $n[0];
}
close $file;

# Ratios round by round.
sub ratios
{
	my ($work, $side) = @_;
	my ($with, $without) = @{ $numbers{$work} }{ $side, 'off' };

	return map { $with->[$_] / $without->[$_] } 0 .. $#$with;
}

sub judge
{
	my ($name, $ok) = @_;

	$targets++;
	push @missed, $name unless $ok;
	return;
}

print_row('transactions a second', 'rounds', 'off', 'contracts', 'contracts / off', 'all', 'all / off', 'target');
print_row(('---') x 8);
for (['select', 0.98], ['tpcb', 0.96])
{
	my ($work, $least) = @$_;
	my %n = %{ $numbers{$work} };
	my %ratios = map { $_ => [ ratios($work, $_) ] } qw(contracts all);

	judge("$work, $_", median($ratios{$_}) >= $least) for qw(contracts all);
	print_row($work, scalar @{ $n{off} }, (map { sprintf '%.0f', median($n{$_}) } 'off'),
		(map { (sprintf('%.0f', median($n{$_})), spread('%.3f', $ratios{$_})) } qw(contracts all)), ">= $least");
}

print "\n";
print_row('CPU time, ms', 'off', 'contracts', 'contracts / off', 'all', 'all / off', 'target');
print_row(('---') x 7);
my %insert = %{ $numbers{insert} };
my %ratios = map { $_ => [ ratios('insert', $_) ] } qw(contracts all);
judge("insert, $_", median($ratios{$_}) <= 1.02) for qw(contracts all);
print_row('INSERT .. SELECT', sprintf('%.0f', median($insert{off}) / 1e6),
	(map { (sprintf('%.0f', median($insert{$_}) / 1e6), spread('%.3f', $ratios{$_})) } qw(contracts all)), '<= 1.02');

# What is added is a difference of medians: a single round's is mostly noise.
print "\n";
print_row("a query of $lines lines, ms", 'planning', 'off', 'all', 'added / planning', 'target');
print_row(('---') x 6);
my ($planning, $off, $all) = map { median($_) } $planning{all}, @{ $numbers{extraction} }{qw(off all)};
judge('extraction', ($all - $off) / $planning <= 0.25);
print_row('with lineage for the first time', (map { sprintf '%.1f', $_ } $planning, $off, $all), sprintf('%.3f', ($all - $off) / $planning), '<= 0.25');

print "\nTargets: $targets, missed: ", scalar @missed, ".\n";
print map { "* **missed**: $_\n" } @missed;
