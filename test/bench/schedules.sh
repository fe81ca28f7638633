#!/usr/bin/env bash
# Benchmark of scheduled audits: many small datasets that come due at once, audited by the worker, against the same ones
# audited by one contract.check_all().
#
#   schedules.sh [datasets]     default 2000
#
# CPU time is that of all processes of the server that ended meanwhile (steps of 10 ms). Memory is the most that a process had
# of its own (RssAnon), looked at 20 times a second. The result is Markdown.
#
# Exit status: 0 if the audits were done, one at a time, by a worker that needs no more for the last ones than for the first.
set -euo pipefail

datasets=${1:-2000}
SCRATCH_KB=$((1024 * 1024))
# shellcheck source=SCRIPTDIR/lib.sh
. "$(dirname "$0")/lib.sh"

main() {
	pin_to_one_cpu
	build
	start_server "shared_preload_libraries = 'pg_contract'" 'max_parallel_maintenance_workers = 0' 'autovacuum = off'
	postmaster=$(head -n 1 "$SCRATCH/data/postmaster.pid")
	sql postgres -c "CREATE EXTENSION pg_contract"
	say "making $datasets datasets"
	make_data
	say "one check_all()"
	audit check_all by_check_all
	say "the worker"
	audit worker by_worker
	report
}

make_data() {
	seq "$datasets" | awk '{
		print "CREATE TABLE t" $1 " AS SELECT i AS id, i % 7 AS v, md5(i::text) AS word FROM generate_series(1, 1000) i;"
		print "SELECT contract.not_null(\47t" $1 "\47, \47id\47, on_violation => \47audit\47);"
		print "SELECT contract.between(\47t" $1 "\47, \47v\47, 0, 5, on_violation => \47audit\47);"
		print "SELECT contract.matches(\47t" $1 "\47, \47word\47, \47^[0-9a-f]{32}$\47, on_violation => \47audit\47);"
	}' | sql postgres -1 >"$SCRATCH/made"
	sql postgres -c "SELECT count(contract.schedule(c.oid, cron => '@yearly', mode => 'full')) FROM pg_class c
		WHERE relname ~ '^t[0-9]+\$'" -c "CHECKPOINT" >"$SCRATCH/made"
}

by_check_all() { sql postgres -c "SELECT count(*) FROM contract.check_all(mode => 'full')" >"$SCRATCH/said"; }

# A schedule that is said again has the worker look.
by_worker() {
	sql postgres >"$SCRATCH/said" <<-'SQL'
		UPDATE contract.schedule_state SET next_run = now();
		SELECT contract.schedule('t1', cron => '@yearly', mode => 'full');
		DO $$
		BEGIN
			WHILE EXISTS (SELECT FROM contract.schedule_state WHERE next_run <= now() + interval '1 minute') LOOP
				PERFORM pg_sleep(0.2);
				COMMIT;
			END LOOP;
			WHILE EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'pg_contract worker') LOOP
				PERFORM pg_sleep(0.05);
				COMMIT;
			END LOOP;
		END $$;
	SQL
}

# audit name function: adds the CPU and the wall time of a function in ms to the results, and looks at processes meanwhile
audit() {
	local before cpu begin watcher
	begin=$(date +%s%N)
	before=$(children_ms)
	watch "$1" &
	watcher=$!
	"$2"
	kill "$watcher"
	wait "$watcher" 2>/dev/null || true
	cpu=$(($(children_ms) - before))
	echo "time $1 $cpu $((($(date +%s%N) - begin) / 1000000))" >>"$SCRATCH/results"
}

# CPU time of the server's processes that have ended, in ms
children_ms() {
	awk -v tick="$((1000 / $(getconf CLK_TCK)))" '{ print ($16 + $17) * tick }' "/proc/$postmaster/stat"
}

# watch name: a line "process NAME LOOK PID KB MS COMMAND" for each process of the server that is of interest, until killed
watch() {
	local look=0 pid
	while :; do
		look=$((look + 1))
		for pid in $(ps -o pid= --ppid "$postmaster"); do
			{
				awk -v name="$1" -v look=$look -v pid="$pid" 'FILENAME ~ /cmdline/ { gsub(/\0/, " "); command = $0 }
					FILENAME ~ /schedstat/ { ms = $1 / 1e6 } /^RssAnon/ { kb = $2 }
					END { print "process", name, look, pid, kb, ms, command }' \
					"/proc/$pid/cmdline" "/proc/$pid/schedstat" "/proc/$pid/status" 2>/dev/null || true
			} | grep -E 'pg_contract|check_all|SELECT' >>"$SCRATCH/results" || true
		done
		sleep 0.05
	done
}

report() {
	echo
	echo "## $datasets datasets due at once"
	echo
	print_machine
	sql postgres -F ' ' -c "SELECT 'audit', extract(epoch FROM at - min(at) OVER ()) * 1000, extract(epoch FROM elapsed) * 1000
		FROM contract.run WHERE source = 'audit' AND application = 'pg_contract' ORDER BY at" >>"$SCRATCH/results"
	perl "$BENCH/schedules_report.pl" "$datasets" "$SCRATCH/results"
}

main
