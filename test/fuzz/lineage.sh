#!/usr/bin/env bash
# Runs queries of sqlsmith with lineage of all statements, and without: no crash, no other result, no memory lost.
#
#   lineage.sh [-n queries] [-s seed]      default 1000 queries, a random seed
#
# Each query runs in a transaction that is rolled back, a SELECT as CREATE TABLE AS, in a database that is the same each
# time: twice without lineage, which tells the queries whose result is not always the same, and once with it. Then all
# of them run without BEGIN, in one session, twice: with what they say recorded in the transaction, and in the
# background. Exit status 77: there is no sqlsmith.
. "$(dirname "$0")/../tools/env.sh"

queries=1000
seed=$RANDOM
while getopts n:s: option; do
	case $option in
	n) queries=$OPTARG ;;
	s) seed=$OPTARG ;;
	*) exit 2 ;;
	esac
done

command -v sqlsmith >/dev/null || {
	echo "no sqlsmith (Debian package sqlsmith)"
	exit 77
}

MOST_MEMORY=$((8 * 1024 * 1024)) # of all memory contexts of pg_contract in a session

fill() {
	createdb -T template0 -E UTF8 -l C.UTF-8 "$1"
	psql -XqAt -d "$1" -v ON_ERROR_STOP=1 "${@:2}" -f "$ROOT/test/fuzz/lineage.sql" >"$SCRATCH/filled.log"
}

# What reaches out of the session, or changes what the next query does.
NOT_THESE='pg_(sleep|terminate|cancel|reload|rotate|switch|promote|notify|log_|stat_reset|advisory|try_advisory|replication|logical|create|drop|wal|export|import|nextoid|start|stop|backup|read|ls_)|set_config|setseed|lo_|dblink|query_to|cursor_to|table_to|schema_to|database_to'

# The queries, in $SCRATCH/queries, one a line.
generate() {
	sqlsmith --target="host=$PGHOST port=$PGPORT user=$PGUSER dbname=plain" --exclude-catalog --dry-run \
		--max-queries="$queries" --seed="$seed" >"$SCRATCH/generated" 2>"$SCRATCH/sqlsmith.log" || true
	perl -0777 -ne 'for (split /;\s*\n/) { s/--.*//g; s/\s+/ /g; s/^ | $//g; print "$_\n" if length && !/\b('"$NOT_THESE"')/ }' \
		"$SCRATCH/generated" >"$SCRATCH/queries"
	[ -s "$SCRATCH/queries" ] || die "sqlsmith generated nothing: $(tail -n 3 "$SCRATCH/sqlsmith.log")"
}

# compared file: the queries as a script for psql, in transactions that are rolled back
compared() {
	perl -ne 'chomp; print "\\echo \@\@ $.\nBEGIN;\n", /^\s*(select|with)\b/i ? "CREATE TABLE result AS $_;\nSELECT count(*), md5(string_agg(r::text, chr(10) ORDER BY r::text)) FROM result r;\n" : "$_;\n", "ROLLBACK;\n"' "$1"
}

# committed file: the same, committed, with the memory that pg_contract has in the end
committed() {
	perl -ne 'chomp; print /^\s*(select|with)\b/i ? "CREATE TABLE result AS $_;\nDROP TABLE IF EXISTS result;\n" : "$_;\n"' "$1"
	echo "\\echo memory"
	echo "SELECT coalesce(sum(total_bytes), 0) FROM pg_backend_memory_contexts WHERE name LIKE 'pg_contract%' OR parent LIKE 'pg_contract%';"
	echo "SELECT sum(total_bytes) FROM pg_backend_memory_contexts;"
}

# run_script database setting file: what psql prints
run_script() {
	createdb -T filled "$1"
	PGOPTIONS="-c statement_timeout=3s -c jit=off -c pg_contract.track_lineage=$2 -c lock_timeout=3s ${4:-}" \
		psql -XqAt -d "$1" -v VERBOSITY=terse -f "$3" >"$SCRATCH/$1.out" 2>&1 || die "$1: psql failed: $(tail -n 3 "$SCRATCH/$1.out")"
	sed -i 's/^psql:[^ ]*:[0-9]*: //' "$SCRATCH/$1.out"
}

# Prints the numbers of the queries whose results differ between two files.
differing() {
	perl -e 'my @r = map { my %r; open my $f, "<", $_ or die; local $/; for (split /^@@ /m, <$f>) { my ($n, $t) = split /\n/, $_, 2; $r{$n} = $t // "" if length $n } \%r } @ARGV;
		print join " ", sort { $a <=> $b } grep { ($r[0]{$_} // "") ne ($r[1]{$_} // "") && "$r[0]{$_}$r[1]{$_}" !~ /statement timeout/ } keys %{ $r[0] }' "$1" "$2"
}

check_results() {
	local unstable changed n
	compared "$SCRATCH/queries" >"$SCRATCH/compared.sql"
	run_script off1 off "$SCRATCH/compared.sql"
	run_script off2 off "$SCRATCH/compared.sql"
	run_script all all "$SCRATCH/compared.sql"
	unstable=$(differing "$SCRATCH/off1.out" "$SCRATCH/off2.out")
	changed=$(differing "$SCRATCH/off1.out" "$SCRATCH/all.out")
	for n in $changed; do
		[[ " $unstable " == *" $n "* ]] || die "query $n has another result with lineage: $(sed -n "${n}p" "$SCRATCH/queries")"
	done
	echo "lineage: $(wc -l <"$SCRATCH/queries") queries, of $(wc -w <<<"$unstable") the result is not always the same," \
		"$(grep -c '^ERROR' "$SCRATCH/all.out" || true) fail"
}

# check_memory name option: the same queries twice in one session
check_memory() {
	local ours all
	committed "$SCRATCH/queries" >"$SCRATCH/committed.sql"
	cat "$SCRATCH/committed.sql" "$SCRATCH/committed.sql" >"$SCRATCH/twice.sql"
	run_script "$1" all "$SCRATCH/twice.sql" "$2"
	mapfile -t ours < <(grep -A1 '^memory$' "$SCRATCH/$1.out" | grep -E '^[0-9]+$')
	mapfile -t all < <(grep -A2 '^memory$' "$SCRATCH/$1.out" | grep -E '^[0-9]+$' | sed -n 'n;p')
	echo "lineage: $1: $(psql -XqAt -d "$1" -c "SELECT count(DISTINCT digest) FROM contract.lineage_statement") statements recorded," \
		"${ours[0]} and ${ours[1]} bytes in pg_contract's memory contexts, ${all[0]} and ${all[1]} in all"
	[ "${ours[1]}" -le $MOST_MEMORY ] || die "memory of pg_contract: ${ours[1]} bytes, seed $seed"
}

check_log() {
	! grep -E 'PANIC|TRAP|terminated by signal|server process .* was terminated' "$SCRATCH/postgresql.log" >&2 || die "the server crashed, seed $seed"
	! grep -E 'could not (take|record|store|extract).*lineage' "$SCRATCH/postgresql.log" >&2 || die "lineage failed, seed $seed"
}

build
start_server 'shared_preload_libraries = pg_contract' 'pg_contract.naptime = 200ms' 'max_stack_depth = 7MB'
echo "fuzz: lineage, $queries queries, seed $seed"
fill plain -v contracts=false
fill filled -v contracts=true
generate
check_results
check_memory sync '-c pg_contract.lineage_sync=on'
check_memory queue '-c pg_contract.lineage_sync=off'
check_log
echo "lineage: no difference"
