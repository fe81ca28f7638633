# What the reports of the benchmarks share.
use strict;
use warnings;

# A row of a Markdown table.
sub print_row { print '| ', join(' | ', @_), " |\n"; }

# The median of the values with the least and the greatest, as text.
sub spread
{
	my ($format, $values) = @_;
	my @sorted = sort { $a <=> $b } @$values;
	return sprintf "$format ($format-$format)", median($values), $sorted[0], $sorted[-1];
}

sub median
{
	my @sorted = sort { $a <=> $b } @{ $_[0] };
	return ($sorted[ int($#sorted / 2) ] + $sorted[ int(@sorted / 2) ]) / 2;
}

1;
