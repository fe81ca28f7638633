#!/usr/bin/env bash
# Benchmark of the write path: what ten rules cost as a contract, as CHECK constraints and as a plpgsql trigger.
#
#   run.sh [-n rows] [-r rounds] [-x] [work ...]
#
#   -n rows    rows of the tables (1000000)
#   -r rounds  rounds to take medians of (7)
#   -x         only the sides that need no extension
#   work       what to run, all if none is named: the start of a name in WORKS, below
#
# Each variant is a database with the same tables. A run starts a fresh backend and times one statement in it (single:
# prepared single-row inserts by pgbench): CPU time of that backend, user and system, from /proc/<pid>/schedstat. The
# variants take turns, forward in odd rounds, backward in even ones; round 0 warms up and is not counted. After each
# run the rows, the recorded violations and the quarantined rows are compared with what they must be, and the tables are
# emptied, so that every variant finds the same memory. Server and clients share one CPU. The result is Markdown.
#
# Exit status: 0 even if a target was missed (the report says so), else if something did not run or counted wrong.
set -euo pipefail

WORKS="copy partitioned select update single quarantined warned unused_copy unused_select unused_single"
rows=1000000
rounds=7
extension=yes
while getopts n:r:x option; do
	case $option in
		n) rows=$OPTARG ;;
		r) rounds=$OPTARG ;;
		x) extension=no ;;
		*) sed -n '4,9s/^#//p' "$0" >&2 && exit 2 ;;
	esac
done
shift $((OPTIND - 1))

SCRATCH_KB=$((3 * 1024 * 1024 + rows * 3 / 2))
# shellcheck source=SCRIPTDIR/lib.sh
. "$(dirname "$0")/lib.sh"

WARMUP=2000 # single-row inserts before those that count
INSERTS=20000

main() {
	local works work
	works=$(wanted "$@")
	pin_to_one_cpu
	if [ $extension = yes ]; then build; else export PGC_EXTRA_CONF=; fi
	start_server 'synchronous_commit = off' 'full_page_writes = off' 'autovacuum = off' 'jit = off' \
		'shared_buffers = 1GB' 'work_mem = 256MB' 'max_wal_size = 2GB' "timezone = 'UTC'"
	make_variants
	check_rules
	check_update
	for work in $works; do run_work "$work"; done
	report
}

make_variants() {
	local variant
	say "making $rows rows, and a database for each variant"
	sql postgres -c "CREATE DATABASE none TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'"
	sql none -v rows="$rows" -f "$BENCH/tables.sql"
	sql none -v rows="$rows" -v clean="$SCRATCH/clean" -v bad="$SCRATCH/bad" -f "$BENCH/data.sql"
	for variant in control checks plpgsql warn oltp quarantine unused; do
		sql postgres -c "CREATE DATABASE $variant TEMPLATE none"
	done
	make_rules checks checks.sql
	make_rules plpgsql plpgsql.sql
	[ $extension = yes ] || return 0
	for variant in warn oltp quarantine unused; do sql $variant -c "CREATE EXTENSION pg_contract"; done
	make_rules warn contract.sql -v action=warn -v write_path=bulk
	make_rules oltp contract.sql -v action=warn -v write_path=oltp
	make_rules quarantine contract.sql -v action=quarantine -v write_path=bulk
	sql postgres -c "ALTER DATABASE unused SET session_preload_libraries = 'pg_contract'"
}

# make_rules variant file [psql option ...]
make_rules() {
	local table
	for table in orders orders_part; do sql "$1" -v table=$table "${@:3}" -f "$BENCH/$2" >"$SCRATCH/rules.log"; done
}

# All variants must judge the bad rows alike, or their times say nothing.
check_rules() {
	local table variant found must
	say "checking the rules"
	sql checks -c "CREATE UNLOGGED TABLE unchecked (LIKE orders)" -c "COPY unchecked FROM '$SCRATCH/bad'"
	must=$(sql checks -c "SELECT rule, failed FROM expected WHERE fate = 'quarantined' ORDER BY rule")
	for table in orders orders_part; do
		found=$(sql checks <<<"SELECT format('SELECT %L, count(*) FROM unchecked WHERE NOT (%s)', conname,
			pg_get_expr(conbin, conrelid)) FROM pg_constraint WHERE conrelid = '$table'::regclass ORDER BY conname \\gexec")
		[ "$found" = "$must" ] || die "CHECK constraints of $table: counted $found, must be $must"
		for variant in none plpgsql warn oltp quarantine; do
			is_there $variant || continue
			sql $variant -c "COPY $table FROM '$SCRATCH/bad'"
			check_counts "COPY $table" $variant bad
			sql $variant -c "CALL reset()"
		done
	done
	sql checks -c "DROP TABLE unchecked"
}

# The UPDATE of the benchmark breaks no rule; this one does.
check_update() {
	local found
	! sql checks -c "COPY orders FROM '$SCRATCH/clean'" -c "UPDATE orders SET qty = 0" 2>/dev/null ||
		die "the CHECK constraints let a bad UPDATE pass"
	sql checks -c "CALL reset()"
	is_there warn || return 0
	sql warn -c "COPY orders FROM '$SCRATCH/clean'" -c "UPDATE orders SET qty = 0 WHERE id <= 10"
	found=$(counts warn 0 failures)
	[ "$found" = "0 rows|sampled qty 10, warned qty 10" ] || die "UPDATE of 10 rows, warn: counted $found"
	sql warn -c "CALL reset()"
}

is_there() { [ $extension = yes ] || [[ " warn oltp quarantine unused " != *" $1 "* ]]; }

# run_work work: all its rounds
run_work() {
	local work=$1 variants round variant
	variants=$(for variant in $(variants_of "$work"); do ! is_there "$variant" || echo "$variant"; done)
	say "$work: ${variants//$'\n'/ }"
	for ((round = 0; round <= rounds; round++)); do
		for variant in $(if ((round % 2)); then echo "$variants"; else tac <<<"$variants"; fi); do
			run_once "$work" "$variant" $round
		done
	done
}

variants_of() {
	case $1 in
		copy | single) printf '%s\n' none checks warn oltp ;;
		quarantined) printf '%s\n' none plpgsql quarantine ;;
		warned) printf '%s\n' none warn ;;
		unused_*) printf '%s\n' none control unused ;;
		*) printf '%s\n' none checks warn ;;
	esac
}

# run_once work variant round: adds a line of work, variant, round and times to the results
run_once() {
	local work=$1 variant=$2 round=$3 data=clean times
	sql "$variant" -c CHECKPOINT
	case $work in
		*copy) times=$(time_statement "$variant" "COPY orders FROM '$SCRATCH/clean'") ;;
		partitioned) times=$(time_statement "$variant" "COPY orders_part FROM '$SCRATCH/clean'") ;;
		*select)
			sql "$variant" -1 -c "TRUNCATE source" -c "COPY source FROM '$SCRATCH/clean' WITH (FREEZE)"
			sql "$variant" -c "SELECT count(*) FROM source" >"$SCRATCH/rows"
			times=$(time_statement "$variant" "INSERT INTO orders SELECT * FROM source")
			;;
		update)
			sql "$variant" -c "COPY orders FROM '$SCRATCH/clean'"
			times=$(time_statement "$variant" "UPDATE orders SET qty = 1001 - qty")
			[ "${times##* }" = "$rows" ] || die "$work, $variant: updated ${times##* } rows, must be $rows"
			;;
		quarantined | warned)
			data=bad
			times=$(time_statement "$variant" "COPY orders FROM '$SCRATCH/bad'")
			;;
		*single)
			data=inserts
			times=$(time_inserts "$variant")
			;;
	esac
	check_counts "$work" "$variant" $data
	sql "$variant" -c "CALL reset()"
	[ "$round" -eq 0 ] || echo "$work $variant $round $times" >>"$SCRATCH/results"
}

# time_statement variant statement: prints CPU and wall time in ns, and the rows written
time_statement() {
	psql -XAt -v ON_ERROR_STOP=1 -d "$1" <<-END | difference
		SELECT pg_backend_pid() AS pid \gset
		\setenv PID :pid
		\! "\$BENCH"/cpu.sh \$PID
		$2;
		\echo rows :ROW_COUNT
		\! "\$BENCH"/cpu.sh \$PID
	END
}

# time_inserts variant: prints CPU and wall time in ns of INSERTS single-row inserts, after WARMUP others
time_inserts() {
	pgbench -n -M prepared -t $((WARMUP + INSERTS)) -f "$BENCH/insert.sql" -D id=0 -D warmup=$WARMUP \
		-D last=$((WARMUP + INSERTS)) -D customer_id=4711 -D status=paid -D amount=123.45 -D qty=3 -D price=41.15 \
		-D created_at="2024-05-17 10:11:12+00" -D country=AT -D email=user4711@mail12.example.com \
		-D note="please ring twice, the bell is broken" "$1" 2>"$SCRATCH/pgbench.log" | difference
}

# check_counts work variant data: are there as many rows, and as many failures of each rule, as there must be?
check_counts() {
	local kept=$rows fates='' found must
	case $3/$2 in
		inserts/*) kept=$((WARMUP + INSERTS)) ;;
		bad/plpgsql | bad/quarantine) kept=$((rows - rows / 10)) fates=quarantined ;;
		bad/warn | bad/oltp) fates=warned,sampled ;;
	esac
	found=$(counts "$2" "(SELECT count(*) FROM orders) + (SELECT count(*) FROM orders_part)" failures)
	must=$(counts "$2" "$kept" "expected WHERE fate = ANY ('{$fates}')")
	[ "$found" = "$must" ] || die "$1, $2: counted $found, must be $must"
}

# counts variant rows failures: both as text
counts() {
	sql "$1" -c "SELECT format('%s rows', $2),
		(SELECT string_agg(concat_ws(' ', fate, rule, failed), ', ' ORDER BY fate, rule) FROM $3)"
}

report() {
	print_machine
	perl "$BENCH/report.pl" "$rows" $INSERTS "$SCRATCH/results"
}

main "$@"
