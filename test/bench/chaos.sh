#!/usr/bin/env bash
# A hundred processes killed at random while loading and auditing: test/t/027_chaos.pl for longer than "make check" does it.
exec env PGC_ROUNDS="${PGC_ROUNDS:-100}" "$(dirname "$0")/../tools/check.sh" tap 027_chaos
