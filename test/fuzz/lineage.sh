#!/usr/bin/env bash
# Runs queries of sqlsmith with lineage of all statements, and without: no crash, no other result, no memory lost.
#
#   lineage.sh [-n queries] [-s seed]      default 1000 queries, a random seed
#
# Each query runs in a transaction that is rolled back, a SELECT as CREATE TABLE AS, in a database that is the same each
# time: twice without lineage, which tells the queries whose result is not always the same, and once with it. Then all
# of them run and stay, twice in one session: without lineage, with lineage recorded in the transaction, and in the
# background. Exit status 77: there is no sqlsmith. test/t/007_fuzz.pl runs some of it.
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

MOST_MEMORY=$((8 * 1024 * 1024)) # that a session may have more with lineage than without

fill() {
	createdb -T template0 -E UTF8 -l C.UTF-8 "$1"
	psql -XqAt -d "$1" -v ON_ERROR_STOP=1 "${@:2}" -f "$ROOT/test/fuzz/lineage.sql" >"$SCRATCH/filled.log"
}

# The queries, in $SCRATCH/queries, one a line: over a database without what sqlsmith cannot use rightly, and without
# functions that reach out of the session, change what the next query does, or say something else the next time.
generate() {
	psql -XqAt -d plain -v ON_ERROR_STOP=1 <<-'END'
		SET allow_system_table_mods = on;
		DELETE FROM pg_catalog.pg_operator o USING pg_catalog.pg_type t
		WHERE typname ~ '^any(multirange|range|compatible|enum)' AND t.oid IN (oprleft, oprright, oprresult);
		DELETE FROM pg_catalog.pg_proc p
		WHERE EXISTS (SELECT FROM pg_catalog.pg_type t
			WHERE typname ~ '^any(multirange|range|compatible|enum)' AND (t.oid = prorettype OR t.oid = ANY (proargtypes)))
		OR pronamespace = 'pg_catalog'::regnamespace AND (provolatile = 'v' OR
			proname ~ '^(pg|txid|lo|binary_upgrade)_|^(set_config|loread|lowrite)$|^(query|cursor|table|schema|database)_to' AND
			proname !~ '^pg_(has_role|relation_is|column_is|is_other_temp|my_temp|typeof|get_)');
	END
	sqlsmith --target="host=$PGHOST port=$PGPORT user=$PGUSER dbname=plain" --exclude-catalog --dry-run \
		--max-queries="$queries" --seed="$seed" >"$SCRATCH/generated" 2>"$SCRATCH/sqlsmith.log" || true
	perl -0777 -ne 'for (split /;\s*\n/) { s/--.*//g; s/\s+/ /g; s/^ | $//g; s/tablesample \w+ \([\d.]+\)/$& repeatable (1)/g; print "$_\n" if length }' \
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
	printf '%s\n' "\\echo memory"
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

# check_memory name track sync: the same queries twice in one session
check_memory() {
	local ours all
	run_script "$1" "$2" "$SCRATCH/twice.sql" "-c pg_contract.lineage_sync=$3"
	mapfile -t ours < <(grep -A1 '^memory$' "$SCRATCH/$1.out" | grep -E '^[0-9]+$')
	mapfile -t all < <(grep -A2 '^memory$' "$SCRATCH/$1.out" | grep -E '^[0-9]+$' | sed -n 'n;p')
	echo "lineage: $1: $(psql -XqAt -d "$1" -c "SELECT count(*) FROM contract.lineage_statement") statements recorded by then," \
		"${ours[0]} and ${ours[1]} bytes in pg_contract's memory contexts, ${all[0]} and ${all[1]} in all"
	[ "$2" != off ] || without=${all[1]}
	[ "${all[1]}" -le $((without + MOST_MEMORY)) ] || die "${all[1]} bytes of memory in a session, without lineage $without, seed $seed"
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
committed "$SCRATCH/queries" >"$SCRATCH/committed.sql"
cat "$SCRATCH/committed.sql" "$SCRATCH/committed.sql" >"$SCRATCH/twice.sql"
check_memory without off off
check_memory at_once all on
check_memory later all off
check_log
echo "lineage: no difference"
