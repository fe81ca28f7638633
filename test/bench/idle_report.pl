# idle_report.pl RESULTS: prints the tables of idle.sh in Markdown.
# RESULTS has lines "instructions VARIANT WORK n", of a transaction, and "tps SERVER WORK n".
use strict;
use warnings;
use FindBin;
require "$FindBin::Bin/numbers.pl";

my $most = 1.01;
my (%instructions, %tps, @missed);

open(my $file, '<', $ARGV[0]) or die "$ARGV[0]: $!\n";
while (<$file>)
{
	my ($what, $variant, $work, $number) = split;
	if ($what eq 'tps') { push @{ $tps{$work}{$variant} }, $number }
	else { $instructions{$work}{$variant} = $number }
}
close $file;

print_row('instructions of a transaction', 'without', 'preloaded', 'ratio', 'and extension created', 'ratio', 'target');
print_row(('---') x 7);
for my $work ('select', 'tpcb')
{
	my %n = %{ $instructions{$work} };
	my @ratios = map { $n{$_} / $n{without} } 'preloaded', 'installed';
	push @missed, "$work: instructions" if grep { $_ > $most } @ratios;
	print_row($work, $n{without}, $n{preloaded}, sprintf('%.4f', $ratios[0]), $n{installed}, sprintf('%.4f', $ratios[1]), "<= $most");
}

# By time: a difference is only one if it is larger than what two servers without the library differ by, round by round.
print "\n";
print_row('transactions a second', 'rounds', 'without', 'with', 'with / without', 'two without');
print_row(('---') x 6);
for my $work ('select', 'tpcb')
{
	my %n = %{ $tps{$work} };
	my $rounds = @{ $n{without} };
	my @both = map { ($n{without}[$_] + $n{control}[$_]) / 2 } 0 .. $rounds - 1;
	my @with = map { $n{preloaded}[$_] / $both[$_] } 0 .. $rounds - 1;
	my @noise = map { $n{control}[$_] / $n{without}[$_] } 0 .. $rounds - 1;
	my ($least) = sort { $a <=> $b } map { $_ > 1 ? 1 / $_ : $_ } @noise;
	push @missed, "$work: time" if median(\@with) < $least;
	print_row($work, $rounds, sprintf('%.0f', median(\@both)), sprintf('%.0f', median($n{preloaded})), spread('%.3f', \@with), spread('%.3f', \@noise));
}

print "\nTargets: 4, missed: ", scalar @missed, ".\n";
print map { "* **missed**: $_\n" } @missed;
