# lineage_query.pl [tables]: prints the statement of lineage.sh, 2,000 lines with 30 levels of CTEs, or the tables it needs.
use strict;
use warnings;

my ($levels, $columns, $tables) = (30, 61, 10);

if (@ARGV)
{
	my $list = join ', ', 'id int', map { "c$_ int" } 1 .. $columns;

	print "CREATE TABLE big_$_ ($list);\n" foreach 1 .. $tables, 'target';
	exit;
}

# Columns of a level: sums, conditions, defaults of the level below and of a table.
sub expression
{
	my ($level, $n) = @_;
	my $other = $n % $columns + 1;

	return "p.c$n" if ($level + $n) % 3 == 0;
	return "p.c$n + t.c$other" if ($level + $n) % 3 == 1;
	return "CASE WHEN t.c$n > $level THEN t.c$other ELSE coalesce(p.c$n, 0) END";
}

sub level
{
	my ($level) = @_;
	my $below = $level > 1 ? 'level_' . ($level - 1) : 'big_1';
	my $table = 'big_' . ($level % $tables + 1);

	return join "\n", "level_$level AS (SELECT p.id,",
	  join(",\n", map { '  ' . expression($level, $_) . " AS c$_" } 1 .. $columns),
	  "FROM $below p", "LEFT JOIN $table t ON t.id = p.id", "WHERE p.c1 > $level", ')';
}

print "WITH ", join(",\n", map { level($_) } 1 .. $levels), "\nINSERT INTO big_target SELECT * FROM level_$levels\n";
