# report.pl ROWS INSERTS RESULTS: prints the tables of run.sh in Markdown.
# RESULTS has a line per run that counts: work, variant, round, CPU and wall time in ns.
use strict;
use warnings;
use FindBin;
require "$FindBin::Bin/numbers.pl";

my ($rows, $inserts, $results) = @ARGV;
my $many = $rows % 1e6 ? $rows : $rows / 1e6 . 'M';

my %title = (
	copy => "COPY $many rows",
	partitioned => "COPY $many rows into 4 hash partitions",
	select => "INSERT .. SELECT $many rows",
	update => "UPDATE $many rows, a rule column changed",
	single => "$inserts single-row INSERTs",
	quarantined => "COPY $many rows, 10 % bad, quarantined",
	warned => "COPY $many rows, 10 % bad, warned of",
	unused_copy => "not used: COPY $many rows",
	unused_select => "not used: INSERT .. SELECT $many rows",
	unused_single => "not used: $inserts single-row INSERTs");

my @variants = qw(none control checks plpgsql warn oltp quarantine unused);
my %label = (
	none => 'no rules',
	control => 'no rules, another database',
	checks => '10 CHECK constraints',
	plpgsql => 'plpgsql trigger',
	warn => 'contract, warn',
	oltp => 'contract, warn, oltp',
	quarantine => 'contract, quarantine',
	unused => 'extension installed and loaded');

# The largest ratio wanted to the variant without rules, which it may reach, and to a rival, which it may not.
my %target = (
	'copy warn' => { none => 1.15, checks => 0.68 },
	'partitioned warn' => { none => 1.22, checks => 0.95 },
	'select warn' => { none => 1.60, checks => 0.45 },
	'update warn' => { none => 1.45, checks => 0.85 },
	'single warn' => { none => 1.45, checks => 0.85 },
	'single oltp' => { none => 1.10, checks => 0.65 },
	'quarantined quarantine' => { none => 1.60, plpgsql => 0.70 },
	'warned warn' => { none => 1.45 });
my $targets = 0;
my @missed;

# work -> variant -> times by round
my (@works, %cpu_ms, %latency_us);

read_results();
print_cpu();
print_latency();
print_summary();

sub read_results
{
	open(my $file, '<', $results) or die "$results: $!\n";
	while (<$file>)
	{
		my ($work, $variant, $round, $cpu, $wall) = split;
		push @works, $work unless $cpu_ms{$work};
		$cpu_ms{$work}{$variant}[ $round - 1 ] = $cpu / 1e6;
		$latency_us{$work}{$variant}[ $round - 1 ] = $wall / 1e3 / $inserts;
	}
	close $file;
}

sub print_cpu
{
	print_row('work', 'variant', 'rounds', 'CPU ms: median (min-max)', 'against no rules',
		'against CHECK (quarantine: plpgsql)', 'target', 'met');
	print_row(('---') x 8);
	foreach my $work (@works)
	{
		my $times = $cpu_ms{$work};
		foreach my $variant (grep { $times->{$_} } @variants)
		{
			print_row($title{$work}, $label{$variant}, scalar @{ $times->{$variant} }, spread('%.0f', $times->{$variant}),
				$work =~ /^unused/ ? paired($times, $variant) : ratio($times, $variant, 'none'),
				ratio($times, $variant, rival($work)), verdict($work, $variant));
		}
	}
}

sub print_latency
{
	my @single = grep { /single$/ } @works or return;
	print "\n";
	print_row('work', 'variant', 'rounds', 'latency of one in us: median (min-max)', 'against no rules', 'against CHECK');
	print_row(('---') x 6);
	foreach my $work (@single)
	{
		my $times = $latency_us{$work};
		foreach my $variant (grep { $times->{$_} } @variants)
		{
			print_row($title{$work}, $label{$variant}, scalar @{ $times->{$variant} }, spread('%.1f', $times->{$variant}),
				ratio($times, $variant, 'none'), ratio($times, $variant, 'checks'));
		}
	}
}

sub print_summary
{
	if (grep { /^unused/ } @works)
	{
		print "\nNot used: the ratio is the median of the ratios of single rounds, with an interval that holds the true ",
			"one with 95 %\nconfidence or more (order statistics; six rounds at least). The target is met if the interval ",
			"overlaps that of the control,\na second database without the extension, and the ratio is within 2 % of 1.\n";
	}
	print "\nTargets: $targets, missed: ", scalar @missed, ".\n";
	print map { "* **missed**: $_\n" } @missed;
}

sub rival { return $_[0] eq 'quarantined' ? 'plpgsql' : 'checks'; }

# The ratio of two medians as text; empty where there is nothing to compare.
sub ratio
{
	my ($times, $variant, $base) = @_;
	return '' unless $times->{$base} && $variant ne $base;
	return sprintf '%.3f', median($times->{$variant}) / median($times->{$base});
}

# Returns the columns "target" and "met".
sub verdict
{
	my ($work, $variant) = @_;
	return unused_verdict($work) if $variant eq 'unused';
	my ($met, @texts) = ('yes');
	foreach my $base ('none', rival($work))
	{
		my $most = $target{"$work $variant"}{$base};
		my $ratio = ratio($cpu_ms{$work}, $variant, $base);
		next unless defined $most && $ratio ne '';
		my $text = sprintf '%s %.2f', $base eq 'none' ? '<=' : '<', $most;
		push @texts, $text;
		$targets++;
		next if $base eq 'none' ? $ratio <= $most : $ratio < $most;
		$met = '**no**';
		push @missed, "$title{$work}, $label{$variant}: $ratio of $label{$base}, target $text";
	}
	return @texts ? (join(', ', @texts), $met) : ('', '');
}

sub unused_verdict
{
	my ($work) = @_;
	my $times = $cpu_ms{$work};
	return ('as the control', 'too few rounds') if @{ $times->{none} } < 6;
	my ($low, $high) = interval(ratios($times, 'unused'));
	my ($control_low, $control_high) = interval(ratios($times, 'control'));
	my $met = $low <= $control_high && $high >= $control_low
		&& abs(median(ratios($times, 'unused')) - 1) <= 0.02;
	$targets++;
	push @missed, "$title{$work}: " . paired($times, 'unused') . ', control ' . paired($times, 'control') unless $met;
	return ('as the control', $met ? 'yes' : '**no**');
}

# The median ratio of single rounds to those without the extension, and its interval, as text.
sub paired
{
	my ($times, $variant) = @_;
	return '' if $variant eq 'none';
	my $ratios = ratios($times, $variant);
	return sprintf '%.3f (%.3f-%.3f)', median($ratios), interval($ratios);
}

sub ratios
{
	my ($times, $variant) = @_;
	return [ map { $times->{$variant}[$_] / $times->{none}[$_] } 0 .. $#{ $times->{none} } ];
}

# A confidence interval of the median, of 95 % at least if there are six values: from the k-th lowest to the k-th
# highest for the largest such k. The median lies outside with probability 2 * (C(n, 0) + ... + C(n, k - 1)) / 2 ** n.
sub interval
{
	my @sorted = sort { $a <=> $b } @{ $_[0] };
	my $n = @sorted;
	my ($k, $binomial, $outside) = (1, 1, 2**(1 - $n));
	while (1)
	{
		$binomial *= ($n - $k + 1) / $k;
		$outside += $binomial * 2**(1 - $n);
		last if $outside > 0.05;
		$k++;
	}
	return ($sorted[ $k - 1 ], $sorted[ -$k ]);
}
