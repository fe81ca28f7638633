#!/usr/bin/env bash
# Builds pg_contract and runs its tests against throw-away servers, as root or not.
#
#   check.sh                          all of them
#   check.sh regress [name ...]       sql/name.sql against expected/name.out
#   check.sh isolation [name ...]     test/specs/name.spec against test/expected/name.out
#   check.sh tap [name ...]           test/t/name.pl
#   check.sh tools [name ...]         test/tools/check-name.sh
#
# All of them run twice, the second time with lineage of all statements recorded, which must change no output. With
# PGC_LINEAGE=all in the environment those named run that way only.
#
# The last line says "N passed, N failed". Each regression test, isolation test, TAP subtest and tool counts one.
# What the tests wrote is in tmp_check/ afterwards.
. "$(dirname "$0")/env.sh"

passed=0
failed=0
skipped=0
OUT=$SCRATCH/out
TREE=$SCRATCH/tree

count() {
	passed=$((passed + $1))
	failed=$((failed + $2))
}

# Runs pg_regress or pg_isolation_regress, $1, with its options up to "--" and then the tests. 15 prints
# "test x ... ok", later versions "ok 1 - x"; a test that got no such line has not passed.
run_pg_regress() {
	local program=$1 out=$OUT/${1##*/} options=() ok
	shift
	while [ "$1" != -- ]; do options+=("$1") && shift; done
	shift
	as_user mkdir "$out"
	(cd "$out" && as_user "$PGXS_SRC/test/$program" --bindir="$PGBIN" --outputdir="$out" --host="$PGHOST" \
		--port="$PGPORT" --user="$PGUSER" --encoding=UTF8 --no-locale "${options[@]}" "$@") 2>&1 | tee "$out.log" || true
	[ ! -s "$out/regression.diffs" ] || cat "$out/regression.diffs"
	ok=$(grep -cE '^(test .* \.\.\. ok|ok [0-9]+)' "$out.log" || true)
	count "$ok" $(($# - ok))
}

run_regress() {
	no_output_is_empty_output "$TREE/expected" "$@"
	run_pg_regress regress/pg_regress --inputdir="$TREE" --dbname=contrib_regression -- "$@"
}

run_isolation() {
	no_output_is_empty_output "$TREE/test/expected" "$@"
	run_pg_regress isolation/pg_isolation_regress --inputdir="$TREE/test" --dbname=isolation_regression -- "$@"
}

# pg_regress gives up on a test that has no expected output yet; with an empty one it shows what the test printed.
no_output_is_empty_output() {
	local folder=$1 name
	shift
	mkdir -p "$folder"
	for name in "$@"; do [ -f "$folder/$name.out" ] || : >"$folder/$name.out"; done
}

# The TAP tests start servers of their own. Several run at a time: they mostly wait.
run_tap() {
	local name
	as_user mkdir "$OUT/tap"
	printf '%s\n' "$@" | as_user env -u PGHOST -u PGPORT -u PGUSER -u PGDATABASE \
		PG_REGRESS="$PGXS_SRC/test/regress/pg_regress" PERL5LIB="$PGXS_SRC/test/perl" \
		xargs -P "$(nproc)" -I '{}' "$TREE/test/tools/run-tap.sh" "$TREE/test/t/{}.pl" "$OUT/tap/{}"
	for name in "$@"; do count_tap "$name"; done
}

# Counts the subtests of one TAP test; a file that ends badly without naming a subtest counts as one failure.
count_tap() {
	local tap=$OUT/tap/$1/tap rc ok not_ok skip
	rc=$(cat "$OUT/tap/$1/rc")
	skip=$(grep -cE '^(ok [0-9]+|1\.\.0) # (SKIP|skip)' "$tap" || true)
	ok=$(grep -E '^ok ' "$tap" | grep -cvE '^ok [0-9]+ # (SKIP|skip)' || true)
	not_ok=$(grep -E '^not ok ' "$tap" | grep -cvE '# TODO' || true)
	[ "$rc" = 0 ] || [ "$not_ok" -gt 0 ] || not_ok=1
	count "$ok" "$not_ok"
	skipped=$((skipped + skip))
	echo "tap $1: $ok passed, $not_ok failed, $skip skipped"
	grep -E '# (SKIP|skip)' "$tap" || true
	[ "$not_ok" = 0 ] || grep -vE '^ok ' "$tap" || true
}

run_tools() {
	local name
	for name in "$@"; do
		if "$ROOT/test/tools/check-$name.sh"; then
			echo "tool check-$name: ok"
			count 1 0
		else
			echo "tool check-$name: FAILED"
			count 0 1
		fi
	done
}

# The names of the files of folder $1 that end in .$2, sorted.
names_of() {
	find "$ROOT/$1" -maxdepth 1 -name "*.$2" -printf '%f\n' 2>/dev/null | sed "s/\.$2\$//" | sort
}

# The names of all tests of a kind, one a line, in the order in which they run.
list() {
	case $1 in
		regress) make -s -C "$TREE" list-regress | xargs -n 1 ;;
		isolation) names_of test/specs spec ;;
		tap) names_of test/t pl ;;
		tools) names_of test/tools sh | sed -n 's/^check-//p' ;;
	esac
}

# Runs the tests named of kind $1, all of them if none is named.
run() {
	local kind=$1 names
	shift
	names=("$@")
	[ $# -gt 0 ] || mapfile -t names < <(list "$kind")
	[ ${#names[@]} = 0 ] || "run_$kind" "${names[@]}"
}

# For looking at; no test depends on it.
keep_outputs() {
	[ ! -f "$SCRATCH/postgresql.log" ] || cp "$SCRATCH/postgresql.log" "$SCRATCH/out/"
	rm -rf "$ROOT/tmp_check"
	cp -R "$SCRATCH/out" "$ROOT/tmp_check"
}

start() {
	start_server 'max_prepared_transactions = 10' 'wal_level = logical' 'compute_query_id = on' "${PGC_EXTRA_CONF_ALONE:-}"
}

# From here on every server records lineage of all statements. Tests of workers start them, and there it goes through shared
# memory (run-tap.sh). In the others nothing must happen in the background: it is recorded in the transaction.
record_lineage() {
	export PGC_LINEAGE=all
	PGC_EXTRA_CONF+="
		pg_contract.track_lineage = all"
	PGC_EXTRA_CONF_ALONE="$PGC_EXTRA_CONF
		pg_contract.lineage_sync = on
		shared_preload_libraries = pg_contract
		pg_contract.max_workers = 0
		pg_contract.reject_queue_size = 0"
	export PGC_EXTRA_CONF_ALONE
	OUT=$SCRATCH/out/lineage
	as_user mkdir "$OUT"
}

what=${1:-all}
[ $# -eq 0 ] || shift
case $what in all | regress | isolation | tap | tools) ;; *) die "unknown kind of test \"$what\"" ;; esac

build
copy_tree "$TREE"
as_user mkdir "$OUT"
cd "$SCRATCH"
[ -z "${PGC_LINEAGE:-}" ] || record_lineage
case $what in
	all)
		start
		for kind in regress isolation tap tools; do run "$kind"; done
		stop_server
		echo "again, with lineage"
		record_lineage
		start
		for kind in regress isolation tap; do run "$kind"; done
		;;
	regress | isolation)
		start
		run "$what" "$@"
		;;
	*) run "$what" "$@" ;;
esac
[ ! -w "$ROOT" ] || keep_outputs || true
[ $skipped = 0 ] || echo "$skipped skipped"
echo "$passed passed, $failed failed"
[ $failed = 0 ] && [ $passed -gt 0 ]
