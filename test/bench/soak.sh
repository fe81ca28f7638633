#!/usr/bin/env bash
# Does anything leak? Memory of the launcher over many rounds of workers, and of a session over many CALL contract.tend().
#
#   soak.sh [-n rounds]
#
#   -n rounds  of each (10000)
#
# The launcher's is its private memory (RssAnon) after each tenth of the rounds; a round is an audit that makes it start
# a worker, which is waited for. The session's is what its memory contexts hold, and its private memory. The dataset has
# rules that fail and pass in turn, a schedule, and rules about time, so that every task has something to do.
#
# Exit status: 1 if memory grew by more than 256 kB over the second half of the rounds; in the first, caches fill.
set -euo pipefail

rounds=10000
while getopts n: option; do
	case $option in
		n) rounds=$OPTARG ;;
		*) sed -n '4,6s/^#//p' "$0" >&2 && exit 2 ;;
	esac
done

SCRATCH_KB=$((512 * 1024))
# shellcheck source=SCRIPTDIR/lib.sh
. "$(dirname "$0")/lib.sh"

MOST_KB=256
tenth=$((rounds / 10))

main() {
	cpu=
	build
	start_server "shared_preload_libraries = 'pg_contract'" 'pg_contract.naptime = 10ms' 'pg_contract.history_max_rows = 1000' \
		'log_min_messages = warning'
	sql postgres -f "$BENCH/soak.sql" >/dev/null
	echo
	echo "## Memory over $rounds rounds"
	echo
	print_machine
	echo "| rounds | launcher, kB | session, kB | its memory contexts, kB |"
	echo "|---|---|---|---|"
	soak | tee "$SCRATCH/table"
	judge
}

# The private memory of a process in kB.
memory_of() { sed -n 's/^RssAnon:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$1/status"; }

# Prints a line of the table for each tenth of the rounds; one session does all CALL contract.tend().
soak() {
	local launcher i
	launcher=$(sql postgres -c "SELECT pid FROM contract.workers WHERE duty = 'launcher'")
	coproc SESSION { sql postgres; }
	exec {to}>&"${SESSION[1]}" {from}<&"${SESSION[0]}" # those of a coprocess are closed in subshells
	eval "exec ${SESSION[1]}>&-"
	tell "SELECT pg_backend_pid();"
	local session=$answer
	for i in 1 2 3 4 5 6 7 8 9 10; do
		sql postgres -c "CALL rounds($tenth)"
		awk -v n="$tenth" 'BEGIN { while (n-- > 0) print "CALL contract.tend();" }' >&"$to"
		tell "SELECT sum(total_bytes) / 1024 FROM pg_backend_memory_contexts;"
		echo "| $((i * tenth)) | $(memory_of "$launcher") | $(memory_of "$session") | ${answer%.*} |"
	done
	exec {to}>&-
	[ "$launcher" = "$(sql postgres -c "SELECT pid FROM contract.workers WHERE duty = 'launcher'")" ] || die "the launcher was another one in the end"
}

# tell statement: sends it to the session and reads its one line of answer
tell() {
	echo "$1" >&"$to"
	read -r answer <&"$from"
}

judge() {
	awk -v most=$MOST_KB -F '|' '
		{ for (i = 3; i <= 5; i++) { if (NR == 5) first[i] = $i; last[i] = $i } }
		END { for (i = 3; i <= 5; i++) grew = grew || last[i] - first[i] > most
			print "\nGrowth over the second half, kB: " last[3] - first[3] ", " last[4] - first[4] ", " last[5] - first[5] " (at most " most ")."
			exit grew }' "$SCRATCH/table"
}

main
