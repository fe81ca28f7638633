#!/usr/bin/env bash
# Benchmark of audits: what contract.check costs against the SQL that one would write, or that other tools send.
#
#   audit.sh [-n rows] [-r rounds] [work ...]
#
#   -n rows    rows of the table (5000000)
#   -r rounds  rounds to take medians of (5)
#   work       what to run, all if none is named: the start of a name in WORKS, below
#
# All is done on one table, logged, vacuumed and in shared buffers, with the rules of run.sh. A run starts a fresh backend
# and times the statements of a variant in it, as run.sh does; the variants take turns. In every run, what the statements
# return is compared with what plain SQL returned: the number of rows that fail each rule. After the table has changed it
# is compared with that of a full audit, and at the end with plain SQL again. Server and clients share one CPU, but for
# the work "workers". The result is Markdown.
#
# Exit status: 0 even if a target was missed (the report says so), else if something did not run or counted wrong.
set -euo pipefail

WORKS="rules unique_id unique_email references unchanged appended scattered workers"
rows=5000000
rounds=5
while getopts n:r: option; do
	case $option in
		n) rows=$OPTARG ;;
		r) rounds=$OPTARG ;;
		*) sed -n '4,8s/^#//p' "$0" >&2 && exit 2 ;;
	esac
done
shift $((OPTIND - 1))

# What other tools send for the same rules, captured, lies beside the checkout.
PEERS=${PGC_SHARED:-$(dirname "$0")/../../../shared}/cases/peers_sql
SCRATCH_KB=$((3 * 1024 * 1024 + rows / 2))
# shellcheck source=SCRIPTDIR/lib.sh
. "$(dirname "$0")/lib.sh"

main() {
	local works work
	works=$(wanted "$@")
	pin_to_one_cpu
	build
	# Four times the table: a scan of a table larger than a quarter does not stay in shared buffers. Commits are
	# synchronous, since VACUUM does not call all-visible what a commit not yet flushed has written.
	start_server "shared_buffers = $((256 + rows / 1250))MB" 'work_mem = 64MB' 'maintenance_work_mem = 256MB' \
		'max_wal_size = 2GB' 'autovacuum = off' 'jit = off' "timezone = 'UTC'" 'max_parallel_workers_per_gather = 0' \
		'max_parallel_maintenance_workers = 0'
	make_tables
	for work in $works; do run_work "$work"; done
	report
}

# The database has the name that the other tools' statements have. Sets conditions to the ten rules as SQL.
make_tables() {
	say "making a table of $rows rows"
	sql postgres -c "CREATE DATABASE shop TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'"
	sql shop -v rows="$rows" -f "$BENCH/tables.sql"
	sql shop -v rows="$rows" -f "$BENCH/audit_data.sql"
	sql shop -c "CREATE TABLE checked (LIKE orders)"
	sql shop -v table=checked -f "$BENCH/checks.sql"
	mapfile -t conditions < <(sql shop -c "SELECT pg_get_expr(conbin, conrelid) FROM pg_constraint
		WHERE conrelid = 'checked'::regclass ORDER BY oid")
	[ "$(sql shop -c "SELECT relallvisible = relpages FROM pg_class WHERE relname = 'orders'")" = t ] ||
		die "not all pages of the table are all-visible"
	! sql shop -c "EXPLAIN (ANALYZE, BUFFERS) SELECT count(*) FROM orders" | grep -q ' read=' ||
		die "not all pages of the table are in shared buffers"
}

# run_work work: all its rounds
run_work() {
	local work=$1 variants round variant must
	variants=$(variants_of "$work")
	say "$work: ${variants//$'\n'/ }"
	make_contract "$work"
	must=$(plain_answer "$work")
	[ "$work" != workers ] || unpin_server
	for ((round = 0; round <= rounds; round++)); do
		for variant in $(if ((round % 2)); then echo "$variants"; else tac <<<"$variants"; fi); do
			run_once "$work" "$variant" $round
		done
	done
	# Those that change the table, too, must end with what plain SQL says.
	[ "$must" = "$(plain_answer "$work")" ] || die "$work: counted $must, must be $(plain_answer "$work")"
}

variants_of() {
	case $1 in
		rules)
			printf '%s\n' count filter queries audit evaluate
			if [ -d "$PEERS" ]; then
				printf '%s\n' datacontract dbt gx soda
			else
				say "the statements of other tools are not there: no $PEERS"
			fi
			;;
		unique_*) printf '%s\n' group_by audit ;;
		references) printf '%s\n' not_exists audit ;;
		workers) printf '%s\n' workers0 workers1 workers2 ;;
		*) printf '%s\n' audit again ;;
	esac
}

make_contract() {
	sql shop -c "SET client_min_messages = warning" -c "DROP EXTENSION IF EXISTS pg_contract CASCADE" \
		-c "CREATE EXTENSION pg_contract"
	case $1 in
		unique_*) sql shop -c "SELECT contract.unique('orders', '{${1#unique_}}')" ;;
		references) sql shop -c "SELECT contract.references('orders', '{customer_id}', 'customers', '{id}')" ;;
		*) sql shop -v table=orders -v action=audit -v write_path=bulk -f "$BENCH/contract.sql" ;;
	esac >"$SCRATCH/rules"
}

# plain_answer work: what it must find, by plain SQL
plain_answer() {
	local variant=filter
	case $1 in
		unique_*) variant=group_by ;;
		references) variant=not_exists ;;
	esac
	statements "$1" $variant | sql shop | numbers
}

# All as one line, whatever they were separated by.
numbers() { tr -s ' |,{}\n' ' ' | sed 's/^ //; s/ $//'; }

# run_once work variant round: adds a line of work, variant, round and times to the results; sets must where the table
# has changed
run_once() {
	local work=$1 variant=$2 round=$3 times
	[ "$variant" != again ] || change_table "$work" "$round"
	statements "$work" "$variant" >"$SCRATCH/statements"
	times=$(time_statements "$work")
	[ "$variant" != again ] || must=$(statements "$work" audit | sql shop | numbers)
	check_answer "$work" "$variant"
	[ "$round" -eq 0 ] || echo "$work $variant $round $times" >>"$SCRATCH/results"
}

# change_table work round: what happens between an audit of the vacuumed table and the next one
change_table() {
	sql shop -c "VACUUM orders" -c "SELECT contract.check('orders', 'full')" >"$SCRATCH/checked"
	case $1 in
		appended) sql shop -c "INSERT INTO orders SELECT * FROM appended" ;;
		scattered) sql shop -c "UPDATE orders SET qty = 0 WHERE id % 10000 = $2" ;;
	esac
}

# time_statements work: runs the file of statements; prints CPU and wall time in ns
time_statements() {
	local server=
	if [ "$1" = workers ]; then
		server=$(server_pid)
		wait_for_backends "$server"
	fi
	psql -XqAt -v ON_ERROR_STOP=1 -d shop <<-END | difference
		SET client_min_messages = error;
		SELECT pg_backend_pid() AS pid \gset
		\setenv PID :pid
		\o '$SCRATCH/answer'
		\! "\$BENCH"/cpu.sh \$PID $server
		\i '$SCRATCH/statements'
		\! "\$BENCH"/cpu.sh \$PID $server
	END
}

server_pid() { head -n 1 "$SCRATCH/data/postmaster.pid"; }

# wait_for_backends server: until it has no child but its own auxiliary processes. A backend that ends late would be counted
# among the workers; while it ends it has no title.
wait_for_backends() {
	while ps --ppid "$1" -o args= | awk '!/postgres: / || /postgres: postgres / { n++ } END { exit !n }'; do
		sleep 0.01
	done
}

# check_answer work variant: is it what must be found? Other tools' statements return more than that.
check_answer() {
	local found number
	found=$(numbers <"$SCRATCH/answer")
	case $2 in
		count) [ "$found" = "$rows" ] || die "$1, $2: counted $found, must be $rows" ;;
		datacontract | dbt | gx | soda)
			for number in $must; do
				[[ " $found " == *" $number "* ]] || die "$1, $2: counted $found, must have $number"
			done
			;;
		*) [ "$found" = "$must" ] || die "$1, $2: counted $found, must be $must" ;;
	esac
}

# statements work variant: prints them
statements() {
	case $2 in
		count) echo "SELECT count(*) FROM orders;" ;;
		filter) echo "SELECT $(printf ', count(*) FILTER (WHERE NOT (%s))' "${conditions[@]}" | cut -c 2-) FROM orders;" ;;
		queries) printf 'SELECT count(*) FROM orders WHERE NOT (%s);\n' "${conditions[@]}" ;;
		group_by) group_by_statement "${1#unique_}" ;;
		not_exists)
			echo "SELECT count(*) FROM orders WHERE NOT EXISTS (SELECT FROM customers c WHERE c.id = customer_id);"
			;;
		evaluate) evaluate_statement ;;
		audit) check_statement "$1" full ;;
		again) check_statement "$1" incremental ;;
		workers?) echo "SET max_parallel_maintenance_workers = ${2#workers};" && check_statement "$1" full ;;
		datacontract) captured "all ten rules as ODCS options" ;;
		dbt) captured "ten generic tests" ;;
		gx) captured "result_format=BOOLEAN_ONLY" ;;
		soda) captured "samples limit: 0" ;;
	esac
}

group_by_statement() {
	echo "SELECT count(*) FROM (SELECT $1 FROM orders WHERE $1 IS NOT NULL GROUP BY $1 HAVING count(*) > 1) s;"
}

# The first two numbers of a tally are those of all rows and of rows that fail anything.
evaluate_statement() {
	local columns="id, customer_id, status, amount, qty, price, email, created_at, country, note"
	sql shop -c "SELECT format('SELECT (contract.tally(contract.evaluate(%s, %L, %L, %s)))[3:%s] FROM orders;',
		dataset_id, array_agg(name ORDER BY rule_id), '{$columns}', '$columns', 2 + count(*))
		FROM contract.rule GROUP BY dataset_id"
}

# check_statement work mode
check_statement() {
	case $1 in
		unique_*) echo "SELECT observed -> 'duplicate_keys' FROM contract.check('orders', '$2');" ;;
		*) echo "SELECT failed FROM contract.check('orders', '$2');" ;;
	esac
}

# captured title: the statements under this title, with values in place of parameters. Of the ways in which a tool can be
# run, we take the one that asks least of the server.
captured() {
	awk -v title="$1" '/^-- =+$/ { here = 0 } /^-- / && index($0, title) { here = 1 } here' "$PEERS"/*.sql |
		sed "s/ANY(\\\$1)/ANY('{public}')/; s/\\\$1/'public'/; s/\\\$2/'orders'/"
}

# Processes that the server starts from now on may run anywhere.
unpin_server() {
	[ -z "$cpu" ] || taskset -cp "$all_cpus" "$(server_pid)" >"$SCRATCH/unpinned"
}

report() {
	print_machine
	echo "Audits of a table whose pages are all-visible and in shared buffers."
	echo
	perl "$BENCH/audit_report.pl" "$rows" "$SCRATCH/results"
}

main "$@"
