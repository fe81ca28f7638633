#!/usr/bin/env bash
# Benchmark of doing nothing: what the preloaded library costs statements on tables without contract.
#
#   idle.sh [-t transactions] [-r rounds] [-s seconds]
#
#   -t transactions  that valgrind counts instructions of (400)
#   -r rounds        of pgbench to take medians of (9)
#   -s seconds       a round and server (3)
#
# Two transactions, those of pgbench: select (-S) and tpcb. Instructions are counted by callgrind in a server without
# connections (postgres --single): those of 2t transactions less those of t, on the same data. Time is pgbench's own, on
# three servers that take turns: two without the library, which tell the noise, and one with it, with the extension
# created and its launcher running. The result is Markdown.
#
# Exit status: 0 even if a target was missed (the report says so), else if something did not run.
set -euo pipefail

transactions=400
rounds=9
seconds=3
while getopts t:r:s: option; do
	case $option in
		t) transactions=$OPTARG ;;
		r) rounds=$OPTARG ;;
		s) seconds=$OPTARG ;;
		*) sed -n '4,8s/^#//p' "$0" >&2 && exit 2 ;;
	esac
done

SCRATCH_KB=$((1024 * 1024))
# shellcheck source=SCRIPTDIR/lib.sh
. "$(dirname "$0")/lib.sh"

command -v valgrind >/dev/null || die "valgrind is not installed"
SERVERS="without control preloaded"
WORKS="select tpcb"

main() {
	local work variant server
	pin_to_one_cpu
	build
	make_data
	for work in $WORKS; do
		for variant in without preloaded installed; do count_instructions "$variant" "$work"; done
	done
	for server in $SERVERS; do start "$server"; done
	sql postgres -h "$SCRATCH/preloaded" -c "CREATE EXTENSION pg_contract"
	export PGHOST=$SCRATCH/preloaded
	for work in $WORKS; do time_rounds "$work"; done
	report
	for server in $SERVERS; do as_user pg_ctl -D "$SCRATCH/$server/data" -m fast -w -s stop; done
}

# Data that every server starts from, and the same with the extension created.
make_data() {
	start_server 'autovacuum = off' 'jit = off' 'synchronous_commit = off' 'full_page_writes = off'
	pgbench -i -q -s 1 postgres 2>"$SCRATCH/pgbench.log"
	sql postgres -c "VACUUM (FREEZE, ANALYZE)" -c "CREATE DATABASE installed TEMPLATE postgres"
	sql installed -c "CREATE EXTENSION pg_contract"
	as_user pg_ctl -D "$SCRATCH/data" -m fast -w -s stop
	as_user mv "$SCRATCH/data" "$SCRATCH/base"
	unset PGHOST
}

# statements work n: n transactions, a statement a line
statements() {
	local i
	for ((i = 1; i <= $2; i++)); do
		if [ "$1" = select ]; then
			echo "SELECT abalance FROM pgbench_accounts WHERE aid = $((i * 37));"
		else
			echo "BEGIN;"
			echo "UPDATE pgbench_accounts SET abalance = abalance + $i WHERE aid = $((i * 37));"
			echo "SELECT abalance FROM pgbench_accounts WHERE aid = $((i * 37));"
			echo "UPDATE pgbench_tellers SET tbalance = tbalance + $i WHERE tid = $((i % 10 + 1));"
			echo "UPDATE pgbench_branches SET bbalance = bbalance + $i WHERE bid = 1;"
			echo "INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (1, 1, $((i * 37)), $i, now());"
			echo "END;"
		fi
	done
}

# count_instructions variant work: adds a line of both and the instructions of a transaction to the results
count_instructions() {
	local few many
	few=$(instructions_of "$1" "$2" "$transactions")
	many=$(instructions_of "$1" "$2" $((2 * transactions)))
	echo "instructions $1 $2 $(((many - few) / transactions))" | tee -a "$SCRATCH/results" >&2
}

# instructions_of variant work n: prints what callgrind counts for n transactions, start and end included
instructions_of() {
	local options=() database=postgres
	[ "$1" = without ] || options=(-c "shared_preload_libraries=pg_contract")
	[ "$1" != installed ] || database=installed
	as_user cp -R "$SCRATCH/base" "$SCRATCH/single"
	statements "$2" "$3" | as_user valgrind --tool=callgrind --callgrind-out-file=/dev/null postgres --single \
		-D "$SCRATCH/single" "${options[@]}" "$database" >"$SCRATCH/said" 2>"$SCRATCH/counted" ||
		die "postgres --single failed: $(tail -n 5 "$SCRATCH/counted")"
	rm -rf "$SCRATCH/single"
	! grep -E 'ERROR|FATAL' "$SCRATCH/counted" >&2 || die "a statement failed"
	sed -n 's/.*Collected : \([0-9]*\)$/\1/p' "$SCRATCH/counted" | grep .
}

# start server: one of SERVERS, on its own data
start() {
	as_user mkdir "$SCRATCH/$1"
	as_user cp -R "$SCRATCH/base" "$SCRATCH/$1/data"
	echo "unix_socket_directories = '$SCRATCH/$1'" >>"$SCRATCH/$1/data/postgresql.conf"
	[ "$1" != preloaded ] ||
		echo "shared_preload_libraries = 'pg_contract'" >>"$SCRATCH/$1/data/postgresql.conf"
	as_user pg_ctl -D "$SCRATCH/$1/data" -l "$SCRATCH/$1/log" -w -s start || die "$(cat "$SCRATCH/$1/log")"
}

# time_rounds work: adds a line of server, work and transactions a second to the results for each round
time_rounds() {
	local round server options=()
	[ "$1" != select ] || options=(-S)
	say "pgbench, $1"
	for ((round = 0; round <= rounds; round++)); do
		for server in $(order_of $round); do
			pgbench -h "$SCRATCH/$server" -n -M prepared -T "$seconds" "${options[@]}" postgres >"$SCRATCH/pgbench.log" 2>&1 ||
				die "$(cat "$SCRATCH/pgbench.log")"
			[ $round = 0 ] || echo "tps $server $1 $(sed -n 's/^tps = \([0-9.]*\).*/\1/p' "$SCRATCH/pgbench.log")" >>"$SCRATCH/results"
		done
	done
}

# order_of round: the servers, forward in odd rounds, backward in even ones
order_of() {
	if [ $(($1 % 2)) = 1 ]; then echo "$SERVERS"; else echo "$SERVERS" | tr ' ' '\n' | tac | xargs; fi
}

report() {
	echo
	echo "## Doing nothing"
	echo
	print_machine
	perl "$BENCH/idle_report.pl" "$SCRATCH/results"
}

main
