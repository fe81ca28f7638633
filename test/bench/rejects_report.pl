# rejects_report.pl FILE CLIENTS: the report of rejects.sh, from lines of work, variant and number.
use strict;
use warnings;
use FindBin;
require "$FindBin::Bin/numbers.pl";

my ($file, $clients) = @ARGV;
my %found;
open my $in, '<', $file or die "$file: $!";
while (<$in>)
{
	my ($work, $variant, $number) = split;

	push @{ $found{$work}{$variant} }, $number;
}
my @works = (statement => 'an INSERT by itself', block => 'a PL/pgSQL block that catches it');
my @variants = (
	check => 'CHECK constraint',
	rule => 'rule, no preload',
	counted => 'rule, preload: counted',
	kept => 'rule, preload: counted, evidence of each row');

print "Refusing a row: CPU time of the backend in us, median (least-greatest), and that as a ratio.\n\n";
while (my ($work, $words) = splice @works, 0, 2)
{
	my @rest = @variants;

	print_row($words, 'us a row', 'to CHECK', 'to the rule without preload');
	print_row('---', '---', '---', '---');
	while (my ($variant, $name) = splice @rest, 0, 2)
	{
		my @us = map { $_ / 1000 } @{ $found{$work}{$variant} };

		print_row($name, spread('%.2f', \@us), map { sprintf '%.2f', median(\@us) * 1000 / median($found{$work}{$_}) } ('check', 'rule'));
	}
	print "\n";
}
print "The queue, nothing pinned to a core:\n\n";
print_row('', 'rows a second');
print_row('---', '---');
print_row("refused and counted, $clients clients in blocks", spread('%.0f', $found{puts}{'-'}));
print_row('recorded with evidence, by one step of the worker', spread('%.0f', $found{drained}{'-'}));
