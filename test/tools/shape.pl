#!/usr/bin/perl
# Reports what a compiler does not mind in the C files named: functions over 80 lines, files over 900, and errors without
# an error code. Fails if there is any. Part of lint.
use strict;
use warnings;

my $found = 0;

sub report { print STDERR join('', @_), "\n"; $found = 1; }

foreach my $file (@ARGV)
{
	open(my $in, '<', $file) || die "$file: $!\n";
	my @lines = <$in>;
	my $source = join('', @lines);

	report("$file: ", scalar(@lines), " lines, 900 are enough") if @lines > 900;

	# A function's body opens and closes in the first column.
	my $start;
	foreach my $number (1 .. @lines)
	{
		$start = $number if $lines[ $number - 1 ] =~ /^\{/;
		next unless $lines[ $number - 1 ] =~ /^\}/ && defined $start;
		report("$file:$start: function of ", $number - $start - 1, " lines, 80 are enough") if $number - $start - 1 > 80;
		undef $start;
	}

	# The arguments of ereport: strings and characters are skipped whole, brackets are balanced.
	my $quoted = qr/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/s;
	my $bracket;
	$bracket = qr/\((?:$quoted|[^()"']|(??{$bracket}))*\)/s;
	while ($source =~ /\bereport\s*($bracket)/g)
	{
		my ($arguments, $number) = ($1, 1 + (substr($source, 0, $-[0]) =~ tr/\n//));
		report("$file:$number: error without an errcode")
		  if $arguments =~ /^\([^,]*\b(?:ERROR|FATAL|PANIC)\b/ && $arguments !~ /\berrcode/;
	}
}
exit $found;
