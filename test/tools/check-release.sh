#!/usr/bin/env bash
# The version stands in four places that must agree: the control file, META.json (twice), the name of an SQL script, and
# the first heading of CHANGELOG.md that has one. Run by check.sh as a test.
set -euo pipefail
cd "$(dirname "$0")/../.."

rc=0
complain() {
	echo "check-release: $*" >&2
	rc=1
}

version=$(sed -n "s/^default_version = '\(.*\)'/\1/p" pg_contract.control)
meta() { perl -MJSON::PP -0777 -ne "print decode_json(\$_)->$1" META.json; }

for key in '{version}' '{provides}{pg_contract}{version}'; do
	[ "$(meta "$key")" = "$version" ] || complain "META.json: $key is $(meta "$key"), the control file says $version"
done
[ -f "$(meta '{provides}{pg_contract}{file}')" ] || complain "META.json names a file that does not exist"

scripts=$(find sql -name "pg_contract--$version.sql" -o -name "pg_contract--*--$version.sql")
[ -n "$scripts" ] || complain "no script in sql/ leads to version $version"

[ -f CHANGELOG.md ] || complain "there is no CHANGELOG.md"
newest=$(sed -n 's/^#.*\<\([0-9]\+\.[0-9]\+\.[0-9]\+\)\>.*/\1/p' CHANGELOG.md 2>/dev/null | head -n 1)
[ "$newest" = "$version" ] || complain "CHANGELOG.md begins with version \"$newest\", the control file says $version"
exit $rc
