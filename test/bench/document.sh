#!/usr/bin/env bash
# Benchmark of documents: what contract.lint costs against jsonb's parse of the same content.
#
#   document.sh [-s kB] [-r rounds]
#
#   -s kB      size of the document (1023; the limit is pg_contract.document_max_size)
#   -r rounds  rounds to take medians of (7)
#
# The document repeats the objects of one of the standard's examples, with other names; where that does not lie beside
# the checkout, one that is made here. A run starts a fresh backend and times REPEATS calls in it. Memory is what the
# backend's peak (VmHWM) grows by in one call, by the document's size. The result is Markdown.
#
# Exit status: 0 even if a target was missed (the report says so), else if something did not run or was not as it must be.
set -euo pipefail

size=1023
rounds=7
while getopts s:r: option; do
	case $option in
		s) size=$OPTARG ;;
		r) rounds=$OPTARG ;;
		*) sed -n '4,7s/^#//p' "$0" >&2 && exit 2 ;;
	esac
done

SCRATCH_KB=$((1024 * 1024))
# shellcheck source=SCRIPTDIR/lib.sh
. "$(dirname "$0")/lib.sh"

EXAMPLE=${PGC_SHARED:-$ROOT/../shared}/odcs/examples/v3.1.0/docs/examples/all/postgresql-adventureworks-contract.odcs.yaml
REPEATS=10

main() {
	local variant round
	pin_to_one_cpu
	build
	start_server 'jit = off' 'autovacuum = off'
	make_documents
	say "lint against jsonb, $size kB"
	for ((round = 0; round <= rounds; round++)); do
		for variant in jsonb lint; do run_once $variant $round; done
	done
	report
}

make_documents() {
	local example=$EXAMPLE
	if [ ! -r "$example" ]; then
		say "the standard's example is not there: no $example"
		example=-
	fi
	perl "$BENCH/document.pl" "$example" $((size * 1024)) "$SCRATCH/yaml" "$SCRATCH/json"
	chmod a+r "$SCRATCH/yaml" "$SCRATCH/json"
	sql postgres -c "CREATE EXTENSION pg_contract" -c "CREATE TABLE document (yaml text, json text)" \
		-c "ALTER TABLE document ALTER yaml SET STORAGE EXTERNAL, ALTER json SET STORAGE EXTERNAL" \
		-c "INSERT INTO document VALUES (pg_read_file('$SCRATCH/yaml'), pg_read_file('$SCRATCH/json'))"
	sql postgres -c "SELECT severity, line, path, message FROM document, contract.lint(yaml)
		WHERE severity = 'error' LIMIT 5" >"$SCRATCH/said"
	[ ! -s "$SCRATCH/said" ] || die "the document has errors: $(cat "$SCRATCH/said")"
}

# run_once variant round: adds a line of variant, CPU time of a call in ns, and growth of the peak in kB to the results
run_once() {
	local variant=$1 times
	times=$(measure "$variant")
	[ "$2" -eq 0 ] || echo "$variant $times" >>"$SCRATCH/results"
}

# The concatenation keeps the call from being done once for all rows.
call() {
	case $1 in
		jsonb) echo "SELECT count((json || left('', i))::jsonb) FROM document, generate_series(1, $2) AS i;" ;;
		lint) echo "SELECT count(*) FROM document, generate_series(1, $2) AS i, contract.lint(yaml || left('', i));" ;;
	esac
}

# measure variant: prints CPU time of a call in ns, and the growth in kB
measure() {
	psql -XqAt -v ON_ERROR_STOP=1 -d postgres >"$SCRATCH/measured" <<-END
		SELECT pg_backend_pid() AS pid \gset
		\setenv PID :pid
		SELECT count(*) FROM contract.lint('a: b'), jsonb('{}');
		\! awk '/VmHWM/ { print "peak", \$2 }' /proc/\$PID/status
		$(call "$1" 1)
		\! awk '/VmHWM/ { print "peak", \$2 }' /proc/\$PID/status
		\! "\$BENCH"/cpu.sh \$PID
		$(call "$1" $REPEATS)
		\! "\$BENCH"/cpu.sh \$PID
	END
	awk -v repeats=$REPEATS '
		$1 == "at" { if (n++) cpu = $2 - last; last = $2 }
		$1 == "peak" { if (m++) peak = $2 - before; before = $2 }
		END { if (n != 2 || m != 2) exit 1; printf "%.0f %d\n", cpu / repeats, peak }' "$SCRATCH/measured"
}

report() {
	print_machine
	echo "Reading a contract of $size kB ($(grep -c '' "$SCRATCH/yaml") lines), and the same as JSON text."
	echo
	perl "$BENCH/document_report.pl" "$size" "$SCRATCH/results"
}

main "$@"
