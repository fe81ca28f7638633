#!/usr/bin/env bash
# Builds pg_contract without warnings and runs its regression tests and TAP below on the PostgreSQL versions that this
# distribution does not have: in Debian's "trixie" and "sid" unpacked into .versions/, which is kept for the next time. Needs root.
#
#   versions.sh [suite ...]
#
# The last line says "N passed, N failed"; a version that cannot be built counts as one failure.
. "$(dirname "$0")/env.sh"

SYSTEMS=$ROOT/.versions
# Besides the regression tests: what depends on the server's processes most.
TAP='020_workers 021_rejects 022_schedules 023_freshness 024_incidents 025_retention 027_chaos'
passed=0
failed=0

# The mirror that apt uses for Debian here. Nothing, for debootstrap's own choice, on another distribution.
mirror() {
	# shellcheck disable=SC2016 # the dollar is apt's
	apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' 'Label: Debian' 2>/dev/null | head -n 1
}

# Unpacks Debian suite $1 unless it is there.
unpack() {
	[ ! -e "$SYSTEMS/$1/.complete" ] || return 0
	echo "unpacking $1, this takes some minutes"
	rm -rf "${SYSTEMS:?}/$1"
	# shellcheck disable=SC2046 # no argument if there is no mirror to name
	debootstrap --variant=minbase "$1" "$SYSTEMS/$1" $(mirror) >"$SYSTEMS/$1.log" 2>&1 &&
		touch "$SYSTEMS/$1/.complete"
}

# How apt reaches its mirror here, for the apt in suite $1.
copy_apt_settings() {
	apt-config dump | grep -E '^Acquire::(Check-|https?::Proxy)' >"$SYSTEMS/$1/etc/apt/apt.conf.d/90host" || true
}

# Runs a shell command in suite $1, with mounts that go away with it. A policy keeps packages from starting services.
inside() {
	local system=$SYSTEMS/$1
	# shellcheck disable=SC2016 # expanded by the inner shell
	unshare --mount --fork --pid --kill-child sh -euc '
		mount -t proc proc "$1/proc"
		mkdir -p "$1/dev/shm"
		mount -t tmpfs -o mode=1777 tmpfs "$1/dev/shm"
		printf "#!/bin/sh\nexit 101\n" >"$1/usr/sbin/policy-rc.d"
		chmod +x "$1/usr/sbin/policy-rc.d"
		exec chroot "$1" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root COPT=-Werror sh -c "$2"
	' sh "$system" "$2"
}

# Tests suite $1 and adds up what passed: each kind of test ends with a line "N passed, N failed".
check_suite() {
	local log=$SYSTEMS/$1.log results=
	if unpack "$1" && copy_apt_settings "$1"; then
		rm -rf "${SYSTEMS:?}/$1/pg_contract"
		copy_tree "$SYSTEMS/$1/pg_contract"
		inside "$1" "cd /pg_contract && test/tools/setup.sh build test && test/tools/check.sh regress
			test/tools/check.sh tap $TAP" >"$log" 2>&1 || true
		results=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$log" || true)
	fi
	[ "$(wc -l <<<"$results")" = 2 ] || results+=$'\n0 passed, 1 failed'
	grep -qvE '(^| 0 failed)$' <<<"$results" && cat "$log"
	# shellcheck disable=SC2086 # on one line
	echo "PostgreSQL $(inside "$1" 'pg_config --version' 2>/dev/null | sed 's/[^0-9]*\([0-9.]*\).*/\1/'):" $results
	passed=$((passed + $(awk '{ n += $1 } END { print n }' <<<"$results")))
	failed=$((failed + $(awk '{ n += $3 } END { print n }' <<<"$results")))
}

[ "$(id -u)" = 0 ] || die "needs root, to unpack and enter other Debian releases"
mkdir -p "$SYSTEMS"
[ $# -gt 0 ] || set -- trixie sid
for suite in "$@"; do check_suite "$suite"; done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
