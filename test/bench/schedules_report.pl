# schedules_report.pl DATASETS RESULTS: the tables of schedules.sh, as Markdown. Fails if an audit is missing, if two workers
# audited at the same time, or if the last audits cost the worker much more than the first.
use strict;
use warnings;
use List::Util qw(max sum uniq);

my ($datasets, $file) = @ARGV;
my (%time, @audits, %peak, %cpu, %auditing, @workers);

open my $results, '<', $file or die "$file: $!";
while (<$results>)
{
	my ($what, @fields) = split;
	if ($what eq 'time') { $time{ $fields[0] } = { cpu => $fields[1], wall => $fields[2] } }
	elsif ($what eq 'audit') { push @audits, { at => $fields[0], elapsed => $fields[1] } }
	elsif ($what eq 'process')
	{
		my ($name, $look, $pid, $kb, $ms, @command) = @fields;
		my $kind = "@command" =~ /pg_contract launcher/ ? 'launcher' : "@command" =~ /worker: auditing/ ? 'worker'
			: "@command" =~ /worker: tending/ ? 'tending' : 'session';
		$peak{$name}{$kind}{$pid} = max($kb, $peak{$name}{$kind}{$pid} // 0);
		$cpu{$name}{$kind}{$pid} = max($ms, $cpu{$name}{$kind}{$pid} // 0);
		next unless $kind eq 'worker' && $name eq 'worker';
		$auditing{$look}++;
		push @workers, $pid unless grep { $_ eq $pid } @workers;
	}
}

my $tenth = int(@audits / 10);
sub mean { return sum(map { $_->{elapsed} } @_) / @_ }
sub rate { return 1000 * (@_ - 1) / ($_[-1]{at} - $_[0]{at}) }
my ($first, $last) = ([ @audits[ 0 .. $tenth - 1 ] ], [ @audits[ -$tenth .. -1 ] ]);
my $most = max(values %auditing);
my $kb = $peak{worker}{worker};

sub seconds { return sum(values %{ $cpu{worker}{ $_[0] } // {} }, 0) / 1000 }
sub line { printf "| %s | %.2f | %.2f | %.2f | %.1f |\n", @_ }
sub megabytes { my ($name, $kind) = @_; return max(values %{ $peak{$name}{$kind} }) / 1024 }

print "| | CPU s | wall s | CPU ms an audit | most memory of its own, MB |\n|---|---|---|---|---|\n";
line('one `check_all()`', $time{check_all}{cpu} / 1000, $time{check_all}{wall} / 1000, $time{check_all}{cpu} / $datasets,
	megabytes('check_all', 'session'));
line('auditing workers', seconds('worker'), $time{worker}{wall} / 1000, 1000 * seconds('worker') / $datasets, megabytes('worker', 'worker'));
line('tending workers meanwhile (incidents)', seconds('tending'), $time{worker}{wall} / 1000, 1000 * seconds('tending') / $datasets,
	megabytes('worker', 'tending')) if $peak{worker}{tending};
printf "\nAn audit by a worker takes %.2f times the CPU of one in check_all(). At most %d auditing worker at a time, %d in turn; most memory of each, MB: %s.\n",
	1000 * seconds('worker') / $time{check_all}{cpu}, $most, scalar @workers, join ', ', map { sprintf '%.1f', $kb->{$_} / 1024 } @workers;
printf "The launcher had %.1f MB before and %.1f MB at most, and used %.2f s of CPU.\n", megabytes('check_all', 'launcher'), megabytes('worker', 'launcher'), seconds('launcher');
printf "An audit took %.2f ms in the first tenth and %.2f ms in the last, %.0f and %.0f audits a second.\n", mean(@$first), mean(@$last),
	rate(@$first), rate(@$last);

die "there were " . @audits . " audits, not $datasets\n" if @audits != $datasets;
die "$most workers audited at the same time\n" if $most != 1;
die "the last audits took much longer than the first\n" if mean(@$last) > 2 * mean(@$first);
