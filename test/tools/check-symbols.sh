#!/usr/bin/env bash
# The library shows no name that is not ours (pgc_...) but those that PostgreSQL asks for, and it shows every function
# that SQL calls. Looks at the library $PGC_SO, else at the one in the checkout. Run by check.sh as a test, and by lint.
set -euo pipefail
cd "$(dirname "$0")/../.."

rc=0
shown=$(nm -D --defined-only "${PGC_SO:-pg_contract.so}" | awk '{ print $3 }')
foreign=$(grep -vE '^(pgc_|pg_finfo_pgc_|_PG_init$|Pg_magic_func$)' <<<"$shown" || true)
if [ -n "$foreign" ]; then
	echo "check-symbols: the library shows: ${foreign//$'\n'/ }" >&2
	rc=1
fi
for name in $(grep -rhoP --include='*.c' 'PG_FUNCTION_INFO_V1\(\K\w+' src || true); do
	grep -qx "$name" <<<"$shown" || {
		echo "check-symbols: $name is hidden; write PGDLLEXPORT before its PG_FUNCTION_INFO_V1 (PostgreSQL 15 does not)" >&2
		rc=1
	}
done
exit $rc
