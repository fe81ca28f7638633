#!/usr/bin/env bash
# Benchmark of lineage: what it costs statements to be looked at, and to be known.
#
#   lineage.sh [-n rows] [-r rounds] [-s seconds]
#
#   -n rows     that INSERT .. SELECT writes (1000000)
#   -r rounds   to take medians of (9)
#   -s seconds  a round of pgbench (4)
#
# One server with the library preloaded, the extension created and its worker running. The sides are sessions with
# pg_contract.track_lineage off, contracts and all; they take turns, forward in odd rounds, backward in even ones; round 0
# warms up. pgbench: select (-S) and tpcb, prepared, one client; one of its tables is under contract. INSERT .. SELECT: CPU
# time of the backend. Extraction: an INSERT .. SELECT of 2,000 lines, 30 levels of CTEs, on empty tables, in a session
# that has planned it before but has never looked at it; what lineage adds to its time, against the time of planning
# that EXPLAIN says. The result is Markdown.
#
# Exit status: 0 even if a target was missed (the report says so), else if something did not run.
set -euo pipefail

rows=1000000
rounds=9
seconds=4
while getopts n:r:s: option; do
	case $option in
		n) rows=$OPTARG ;;
		r) rounds=$OPTARG ;;
		s) seconds=$OPTARG ;;
		*) sed -n '4,8s/^#//p' "$0" >&2 && exit 2 ;;
	esac
done

SCRATCH_KB=$((1024 * 1024 + rows / 2))
# shellcheck source=SCRIPTDIR/lib.sh
. "$(dirname "$0")/lib.sh"

SIDES="off contracts all"

main() {
	pin_to_one_cpu
	build
	start_server 'shared_preload_libraries = pg_contract' 'autovacuum = off' 'jit = off' 'synchronous_commit = off' \
		'full_page_writes = off' 'shared_buffers = 512MB' 'max_wal_size = 4GB'
	make_data
	rounds_of select time_pgbench -S
	rounds_of tpcb time_pgbench
	rounds_of insert time_insert
	rounds_of extraction time_extraction
	check_recorded
	report
}

make_data() {
	say "making data"
	pgbench -i -q -s 10 postgres 2>"$SCRATCH/pgbench.log"
	perl "$BENCH/lineage_query.pl" >"$SCRATCH/query"
	sql postgres >"$SCRATCH/made" <<-END
		CREATE EXTENSION pg_contract;
		SELECT contract.not_null('pgbench_accounts', 'bid', on_violation => 'audit');
		CREATE TABLE source AS SELECT n AS id, n % 1000 AS k, n * 0.5 AS amount, 'note ' || n AS note FROM generate_series(1, $rows) n;
		CREATE UNLOGGED TABLE target (LIKE source);
		SELECT contract.not_null('target', 'id', on_violation => 'audit');
		$(perl "$BENCH/lineage_query.pl" tables)
		VACUUM (FREEZE, ANALYZE);
	END
}

# rounds_of work command ...: the command says a number for each side and round, with the side as its last argument
rounds_of() {
	local round side number
	say "$1"
	for ((round = 0; round <= rounds; round++)); do
		for side in $(if ((round % 2)); then echo "$SIDES"; else echo "$SIDES" | tr ' ' '\n' | tac; fi); do
			number=$("${@:2}" "$side")
			[ $round = 0 ] || echo "$1 $side $number" >>"$SCRATCH/results"
		done
	done
}

options() { echo "-c pg_contract.track_lineage=$1"; }

# time_pgbench [option ...] side: transactions a second
time_pgbench() {
	PGOPTIONS=$(options "${@: -1}") pgbench -n -M prepared -T "$seconds" "${@:1:$#-1}" postgres 2>&1 |
		sed -n 's/^tps = \([0-9.]*\).*/\1/p' | grep .
}

# time_insert side: CPU time of the backend in ns
time_insert() {
	sql postgres -c "TRUNCATE target" -c CHECKPOINT
	PGOPTIONS=$(options "$1") psql -XAt -v ON_ERROR_STOP=1 -d postgres <<-END | difference | cut -d ' ' -f 1
		SELECT pg_backend_pid() AS pid \gset
		\setenv PID :pid
		\! "\$BENCH"/cpu.sh \$PID
		INSERT INTO target SELECT id, k + 1, amount * 2, upper(note) FROM source WHERE k >= 0;
		\! "\$BENCH"/cpu.sh \$PID
	END
}

# time_extraction side: ms of planning as EXPLAIN says, and of the whole statement
time_extraction() {
	{
		echo "SET pg_contract.track_lineage = 'off';"
		for _ in 1 2; do echo "EXPLAIN (SUMMARY) $(cat "$SCRATCH/query");"; done
		echo "SET pg_contract.track_lineage = '$1';"
		printf '%s\n' '\timing on'
		echo "$(cat "$SCRATCH/query");"
	} | psql -XAt -v ON_ERROR_STOP=1 -d postgres |
		awk '/^Planning Time/ { planning = $3 } /^Time:/ { time = $2 } END { print planning, time }'
}

# What was timed must have been recorded.
check_recorded() {
	local i
	for ((i = 0; i < 300; i++)); do
		[ "$(sql postgres -c "SELECT count(*) FROM contract.lineage_statement")" -lt 4 ] || return 0
		sleep 0.1
	done
	die "not all statements were recorded: $(sql postgres -c "SELECT left(statement, 60) FROM contract.lineage_statement")"
}

report() {
	echo "## Lineage"
	echo
	print_machine
	perl "$BENCH/lineage_report.pl" "$(wc -l <"$SCRATCH/query")" "$SCRATCH/results"
}

main
