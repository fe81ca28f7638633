# document_report.pl KB RESULTS: prints the table of document.sh in Markdown.
# RESULTS has a line per run that counts: variant, CPU time of a call in ns, growth of the backend's peak in kB.
use strict;
use warnings;
use FindBin;
require "$FindBin::Bin/numbers.pl";

my ($kb, $results) = @ARGV;
my %label = (jsonb => 'jsonb', lint => 'contract.lint');
my ($most_time, $most_memory) = (15, 32);
my (%ms, %memory);

open(my $file, '<', $results) or die "$results: $!\n";
while (<$file>)
{
	my ($variant, $cpu, $peak) = split;
	push @{ $ms{$variant} }, $cpu / 1e6;
	push @{ $memory{$variant} }, $peak / $kb;
}
close $file;

my $time = median($ms{lint}) / median($ms{jsonb});
my $memory = median($memory{lint});
print_row('', 'rounds', 'CPU ms: median (min-max)', 'ratio', 'target', 'peak memory by size: median (min-max)', 'target');
print_row(('---') x 7);
print_row($label{jsonb}, scalar @{ $ms{jsonb} }, spread('%.1f', $ms{jsonb}), '', '', spread('%.1f', $memory{jsonb}), '');
print_row(
	$label{lint}, scalar @{ $ms{lint} }, spread('%.1f', $ms{lint}), sprintf('%.1f', $time), "< $most_time",
	spread('%.1f', $memory{lint}), "< $most_memory");

my @missed = ($time < $most_time ? () : "$label{lint}: time");
push @missed, "$label{lint}: memory" unless $memory < $most_memory;
print "\nTargets: 2, missed: ", scalar @missed, ".\n";
print map { "* **missed**: $_\n" } @missed;
