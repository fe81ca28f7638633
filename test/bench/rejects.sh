#!/usr/bin/env bash
# Benchmark of refusing rows: what it costs to refuse one, and how fast the queue of refused rows takes and gives.
#
#   rejects.sh [-n rows] [-r rounds]
#
#   -n rows    refused rows of a run (20000)
#   -r rounds  rounds to take medians of (7)
#
# Four variants that refuse the same rows for the same reason: a CHECK constraint, and a rule without preload (the error
# is all there is), with preload (each row is counted, the first 100 kept as evidence), and with preload and evidence of
# each row. Two works: statement, a single-row INSERT of its own transaction, and block, an INSERT in a PL/pgSQL block with
# an EXCEPTION clause. CPU time is that of the backend, user and system, from /proc/<pid>/schedstat. The variants take
# turns, forward in odd rounds, backward in even ones; round 0 warms up. No worker runs meanwhile; after each run the
# queue must hold what was refused, and what is recorded of it must be that, too.
#
# Throughput: two clients refuse rows in blocks at the same time; then one step of the worker records all of it.
# The result is Markdown.
#
# Exit status: 0 if everything ran and counted right.
set -euo pipefail

rows=20000
rounds=7
while getopts n:r: option; do
	case $option in
		n) rows=$OPTARG ;;
		r) rounds=$OPTARG ;;
		*) sed -n '4,7s/^#//p' "$0" >&2 && exit 2 ;;
	esac
done

SCRATCH_KB=$((1024 * 1024))
# shellcheck source=SCRIPTDIR/lib.sh
. "$(dirname "$0")/lib.sh"

VARIANTS="check rule counted kept"
WORKS="statement block"
CLIENTS=2
PUTS=200000 # of each client

main() {
	local work variant round
	pin_to_one_cpu
	build
	make_servers
	make_statements
	for work in $WORKS; do
		say "$work: $VARIANTS"
		for ((round = 0; round <= rounds; round++)); do
			for variant in $(order_of $round); do run_once "$work" "$variant" "$round"; done
		done
	done
	unpin
	for ((round = 0; round <= rounds; round++)); do measure_queue "$round"; done
	report
	for variant in without preloaded; do as_user pg_ctl -D "$SCRATCH/$variant/data" -m fast -w -s stop; done
}

# From now on, this shell and new backends of the server that preloads may run anywhere.
unpin() {
	local pid
	[ -n "$cpu" ] || return 0
	for pid in $$ "$(head -n 1 "$SCRATCH/preloaded/data/postmaster.pid")"; do taskset -cp "$all_cpus" "$pid" >/dev/null; done
}

# Two servers with the same tables: one preloads the library.
make_servers() {
	local server
	start_server 'autovacuum = off' 'jit = off' 'synchronous_commit = off' 'full_page_writes = off' \
		'log_min_messages = fatal' 'max_wal_size = 2GB'
	sql postgres -c "CREATE TABLE checked (id int, amount int CHECK (amount BETWEEN 0 AND 1000), note text)" \
		-c "CREATE TABLE ruled (id int, amount int, note text)" -c "CREATE EXTENSION pg_contract" \
		-c "SELECT contract.between('ruled', 'amount', 0, 1000, on_violation => 'reject')" >"$SCRATCH/rules.log"
	as_user pg_ctl -D "$SCRATCH/data" -m fast -w -s stop
	for server in without preloaded; do
		as_user mkdir "$SCRATCH/$server"
		as_user cp -R "$SCRATCH/data" "$SCRATCH/$server/data"
		echo "unix_socket_directories = '$SCRATCH/$server'" >>"$SCRATCH/$server/data/postgresql.conf"
		[ $server = without ] || printf '%s\n' "shared_preload_libraries = 'pg_contract'" 'pg_contract.max_workers = 0' \
			'pg_contract.reject_queue_size = 64MB' >>"$SCRATCH/$server/data/postgresql.conf"
		as_user pg_ctl -D "$SCRATCH/$server/data" -l "$SCRATCH/$server/log" -w -s start || die "$(cat "$SCRATCH/$server/log")"
	done
	use without
}

# use server: from now on
use() { export PGHOST="$SCRATCH/$1"; }

order_of() {
	if [ $(($1 % 2)) = 1 ]; then echo "$VARIANTS"; else echo "$VARIANTS" | tr ' ' '\n' | tac | xargs; fi
}

# block table n: n refused rows in one transaction
block() {
	echo "DO \$\$BEGIN FOR i IN 1..$2 LOOP BEGIN INSERT INTO $1 VALUES (i, -i, 'please ring twice');" \
		"EXCEPTION WHEN check_violation THEN NULL; END; END LOOP; END\$\$;"
}

# Files with what is measured, by work and table.
make_statements() {
	local table i
	for table in checked ruled; do
		block $table "$rows" >"$SCRATCH/block.$table"
		for ((i = 1; i <= rows; i++)); do echo "INSERT INTO $table VALUES ($i, -$i, 'please ring twice');"; done \
			>"$SCRATCH/statement.$table"
	done
}

# run_once work variant round: adds a line of work, variant and CPU time of a row in ns to the results
run_once() {
	local table=ruled samples=100 waiting=0 cpu_time
	case $2 in
		check) table=checked && use without ;;
		rule) use without ;;
		counted) use preloaded && waiting=$rows ;;
		kept) use preloaded && waiting=$rows samples=100000 ;;
	esac
	cpu_time=$(PGOPTIONS="-c pg_contract.violation_samples=$samples" time_file "$SCRATCH/$1.$table")
	[ "$(sql postgres -c "SELECT coalesce(waiting, 0) FROM contract.reject_queue()")" = "$waiting" ] || die "$*: not all rows are counted"
	[ "$waiting" = 0 ] || empty_queue "$waiting"
	[ "$3" = 0 ] || echo "$1 $2 $((cpu_time / rows))" >>"$SCRATCH/results"
}

# time_file file: prints the CPU time of a backend that runs it, in ns; one round of it warms the backend up
time_file() {
	psql -XAqt -d postgres 2>/dev/null <<-END | difference | cut -d ' ' -f 1
		SELECT pg_backend_pid() AS pid \gset
		\setenv PID :pid
		SELECT count(*) FROM contract.rules \g /dev/null
		\! "\$BENCH"/cpu.sh \$PID
		\i $1
		\! "\$BENCH"/cpu.sh \$PID
	END
}

# empty_queue rows: records what waits, which must be so many rows, and forgets them
empty_queue() {
	sql postgres -c "CALL contract.tend()"
	[ "$(sql postgres -c "SELECT sum(failed), (SELECT waiting FROM contract.reject_queue()) FROM contract.run")" = "$1|0" ] ||
		die "not all rows are recorded"
	sql postgres -c "TRUNCATE contract.run, contract.result, contract.violation"
}

# measure_queue round: adds lines of puts and of recorded rows a second to the results
measure_queue() {
	local pids=() begin middle i samples kept
	use preloaded
	block ruled $PUTS >"$SCRATCH/puts"
	begin=$(date +%s%N)
	for ((i = 0; i < CLIENTS; i++)); do
		sql postgres -f "$SCRATCH/puts" & pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i" || die "a client failed"; done
	middle=$(date +%s%N)
	[ "$1" = 0 ] || echo "puts - $((CLIENTS * PUTS * 1000000000 / (middle - begin)))" >>"$SCRATCH/results"
	empty_queue $((CLIENTS * PUTS))

	# A queue full of evidence.
	PGOPTIONS="-c pg_contract.violation_samples=100000" sql postgres -c "$(block ruled 50000)"
	samples=$(sql postgres -c "SELECT samples FROM contract.reject_queue()")
	begin=$(date +%s%N)
	PGOPTIONS="-c pg_contract.violation_samples=100000" sql postgres -c "CALL contract.tend()"
	middle=$(date +%s%N)
	kept=$(sql postgres -c "SELECT count(*) FROM contract.violation")
	[ "$kept" = "$samples" ] || die "kept $kept of $samples samples"
	[ "$1" = 0 ] || echo "drained - $((samples * 1000000000 / (middle - begin)))" >>"$SCRATCH/results"
	empty_queue 50000
}

report() {
	echo
	echo "## Refusing rows"
	echo
	print_machine
	perl "$BENCH/rejects_report.pl" "$SCRATCH/results" "$CLIENTS"
}

main
