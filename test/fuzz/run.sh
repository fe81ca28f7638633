#!/usr/bin/env bash
# Compares the fast comparators with PostgreSQL's own operators on random values.
#
#   run.sh [-n rounds] [-s seed]      each round: 2000 values, 20 pairs of bounds; default 50 rounds, a random seed
#
# Prints the seed, so that a failure can be run again; fails on the first difference.
. "$(dirname "$0")/../tools/env.sh"

rounds=50
seed=$RANDOM
while getopts n:s: option; do
	case $option in
	n) rounds=$OPTARG ;;
	s) seed=$OPTARG ;;
	*) exit 2 ;;
	esac
done

build
start_server
echo "fuzz: $rounds rounds, seed $seed"
psql -X -q -d postgres -v ON_ERROR_STOP=1 -v rounds="$rounds" -v seed="$seed" -f "$ROOT/test/fuzz/numeric.sql" ||
	die "a comparator differs from PostgreSQL's operator: run.sh -s $seed"
echo "fuzz: no difference"
