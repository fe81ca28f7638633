#!/usr/bin/env bash
# Compares the fast comparators with PostgreSQL's own operators on random values and rules.
#
#   run.sh [-n rounds] [-s seed]      a round: a table of some hundred values of each kind, several rules on it;
#                                     default 100 rounds, a random seed
#
# Prints the seed, so that a failure can be run again; fails on the first difference. test/t/007_fuzz.pl runs some
# rounds of the same.
. "$(dirname "$0")/../tools/env.sh"

rounds=100
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
for name in numbers regex texts; do
	createdb -T template0 -E UTF8 -l C.UTF-8 $name
	psql -XqAt -d $name -v ON_ERROR_STOP=1 -v rounds="$rounds" -v seed="$seed" -f "$ROOT/test/fuzz/$name.sql" ||
		die "a comparator differs from PostgreSQL's operator: run.sh -n $rounds -s $seed"
done
echo "fuzz: no difference"
