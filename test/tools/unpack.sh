#!/usr/bin/env bash
# Unpacks the programs of Prometheus that the tests use into .packages/, where check.sh finds them, unless they are
# there or installed. Installing their packages would start services and leave them enabled. Debian and Ubuntu only.
# Where a program cannot be had (no network, another system) it says so and succeeds: the test then skips, with the reason.
set -euo pipefail
cd "$(dirname "$0")/../.."

say() { echo "unpack: $*" >&2; }

# Downloads package $1 into the current folder. The lists of packages may be missing or old: only root can renew them.
download() {
	apt-get -qq download "$1" >"$log" 2>&1 && return
	[ "$(id -u)" != 0 ] || { apt-get -qq update && apt-get -qq download "$1"; } >"$log" 2>&1
}

# Unpacks program $2 of package $1.
unpack() {
	rm -rf "$scratch/download"
	mkdir "$scratch/download"
	(cd "$scratch/download" && download "$1" && dpkg -x ./*.deb tree) || return 1
	mkdir -p .packages
	mv "$scratch/download/tree/usr/bin/$2" ".packages/$2"
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
log=$scratch/log
for program in prometheus:promtool prometheus-postgres-exporter:prometheus-postgres-exporter \
	prometheus-sql-exporter:prometheus-sql-exporter; do
	package=${program%%:*}
	program=${program#*:}
	if [ -x ".packages/$program" ] || command -v "$program" >/dev/null; then
		continue
	elif ! command -v apt-get >/dev/null; then
		say "not Debian or Ubuntu: no $program"
	elif [ ! -w . ]; then
		say "the checkout is not writable: no $program"
	else
		say "downloading package $package"
		unpack "$package" "$program" || say "no $program: $(tail -n 1 "$log")"
	fi
done
