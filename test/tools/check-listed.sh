#!/usr/bin/env bash
# Every regression and isolation test has an expected output, and every expected output has its test: otherwise a test
# would never be compared, or a renamed one be forgotten. Run by check.sh as a test.
set -euo pipefail
cd "$(dirname "$0")/../.."
shopt -s nullglob

rc=0
complain() {
	echo "check-listed: $*" >&2
	rc=1
}

# Inputs are $1/*.$2, outputs $3/*.out; a second output for another version or platform ends in _1, _2 ...
compare() {
	local file name
	for file in "$1"/*."$2"; do
		name=$(basename "$file" ".$2")
		[[ $name == *--* ]] || [ -f "$3/$name.out" ] || complain "$file has no $3/$name.out"
	done
	for file in "$3"/*.out; do
		name=$(basename "$file" .out)
		[ -f "$1/$name.$2" ] || [ -f "$1/${name%_[0-9]}.$2" ] || complain "$file has no $1/$name.$2"
	done
}

compare sql sql expected
compare test/specs spec test/expected
exit $rc
