#!/usr/bin/env bash
# Runs the TAP test $1 in the new folder $2 and leaves there: tap (what it printed), rc (its exit code), and the logs of
# its servers. Always succeeds itself. Called by check.sh, which sets the environment.
set -euo pipefail

mkdir "$2"
cd "$2"
export TESTDIR=$2 TESTDATADIR=$2/tmp_check TESTLOGDIR=$2/tmp_check/log # the first up to PostgreSQL 15, the others later
if [ -n "${PGC_LINEAGE:-}" ] && ! grep -q shared_preload_libraries "$1"; then
	export PGC_EXTRA_CONF=$PGC_EXTRA_CONF_ALONE
fi
rc=0
perl "$1" >tap 2>&1 </dev/null || rc=$?
echo "$rc" >rc
rm -rf tmp_check/t_*_data
