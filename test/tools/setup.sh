#!/usr/bin/env bash
# Installs the Debian or Ubuntu packages that are missing for the groups named: build, test, lint, bench, fuzz, versions.
# Does nothing, and needs no root, when all are there. PostgreSQL is of the major that is installed already, else of the
# one that the distribution offers; PG_VERSION=NN asks for another, and PG_CONFIG=... says that it is there already.
set -euo pipefail

say() { echo "setup: $*" >&2; }

# The major version of PostgreSQL to install for. Nothing if there is none.
postgresql_major() {
	if [ -n "${PG_VERSION:-}" ]; then
		echo "$PG_VERSION"
	elif pg_config --version >/dev/null 2>&1; then
		pg_config --version | sed 's/[^0-9]*\([0-9]*\).*/\1/'
	else
		apt-cache depends postgresql 2>/dev/null | sed -n 's/.*Depends: postgresql-\([0-9]*\)$/\1/p'
	fi
}

# The packages of a group, one a line.
packages() {
	case $1 in
		build) printf '%s\n' make gcc libc6-dev libyaml-dev ;;
		test) printf '%s\n' perl libipc-run-perl procps python3-jsonschema python3-yaml graphviz ;;
		lint) printf '%s\n' clang-tidy cppcheck shellcheck pg-bsd-indent binutils perl ;;
		bench) printf '%s\n' valgrind ;;
		fuzz) printf '%s\n' clang libclang-rt-dev sqlsmith ;;
		versions) printf '%s\n' debootstrap ;;
		*) say "unknown group \"$1\"" ;;
	esac
	[ -z "${PG_CONFIG:-}" ] || return 0
	case $1 in
		build) echo "postgresql-server-dev-$(postgresql_major)" ;;
		test) echo "postgresql-$(postgresql_major)" ;;
	esac
}

# Those of the packages of all groups named that are not installed.
missing() {
	local group package
	for group in "$@"; do packages "$group"; done | sort -u | while read -r package; do
		dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || echo "$package"
	done
}

# Runs a command as root; sudo may ask for a password only where there is a terminal.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif [ -t 0 ]; then
		sudo "$@"
	else
		sudo -n "$@"
	fi
}

# apt-get, quiet unless it fails, never asking.
apt() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@" </dev/null >"$log" 2>&1 || {
		cat "$log" >&2
		say "apt-get $* failed"
		exit 1
	}
}

# Installing PostgreSQL must not leave a cluster "main" behind: a drop-in says so while it lasts.
DROPIN=/etc/postgresql-common/createcluster.d/pg_contract_setup.conf

install_without_cluster() {
	apt install --no-install-recommends postgresql-common
	as_root mkdir -p "${DROPIN%/*}"
	trap remove_dropin EXIT
	echo 'create_main_cluster = off' | as_root tee "$DROPIN" >/dev/null
	apt install --no-install-recommends "$@"
}

remove_dropin() {
	rm -f "$log"
	as_root rm -f "$DROPIN"
	as_root rmdir --ignore-fail-on-non-empty "${DROPIN%/*}"
}

[ $# -gt 0 ] || say "name a group"
if ! command -v apt-get >/dev/null; then
	say "not Debian or Ubuntu: expecting the tools to be there"
	exit 0
fi
mapfile -t wanted < <(missing "$@")
[ ${#wanted[@]} -gt 0 ] || exit 0
if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
	say "these packages are missing, and there is neither root nor sudo to install them: ${wanted[*]}"
	exit 1
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt update
mapfile -t wanted < <(missing "$@") # with fresh lists the major version is known
say "installing ${wanted[*]}"
case ${wanted[*]} in
	*postgresql-[0-9]*) install_without_cluster "${wanted[@]}" ;;
	*) apt install --no-install-recommends "${wanted[@]}" ;;
esac
