# shellcheck shell=bash
# Sourced by the scripts that build or run pg_contract. Finds PostgreSQL, makes a scratch folder that goes away at exit,
# and gives:
#
#   build                    compiles the checkout and installs it where only our servers look
#   start_server [line ...]  starts a throw-away server (lines for postgresql.conf) and points psql at it
#   stop_server
#   as_user command ...      runs a command as the user that may run a server: oneself, or if root another one
#   copy_tree folder         copies the checkout without what was built
#
# Variables: ROOT the checkout, SCRATCH the folder, PGBIN and PGXS_SRC PostgreSQL's programs, PGC_EXTRA_CONF the lines of
# postgresql.conf with which a server finds our build, PGC_SHARED a folder with data for tests, if there is one.
# Nothing outside of SCRATCH is written, but for what make builds in the checkout.
set -euo pipefail
umask 022

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

# What the caller's environment must not change: make's options, the server to connect to, the language.
unset MAKEFLAGS MFLAGS MAKELEVEL
for name in ${!PG@}; do
	case $name in PG_* | PGC_*) ;; *) unset "$name" ;; esac
done
export LC_ALL=C

# PostgreSQL: the one of PG_CONFIG, of PG_VERSION, or the first in the path.
if [ -z "${PG_CONFIG:-}" ]; then
	PG_CONFIG=${PG_VERSION:+/usr/lib/postgresql/$PG_VERSION/bin/}pg_config
fi
export PG_CONFIG
PGXS_SRC=$("$PG_CONFIG" --pgxs) || die "$PG_CONFIG does not work; try test/tools/setup.sh build test"
PGXS_SRC=${PGXS_SRC%/makefiles/*}
PGBIN=$("$PG_CONFIG" --bindir)
export PATH="$PGBIN:$PATH"

# The user that runs servers. PostgreSQL refuses to run as root.
RUN_AS=
if [ "$(id -u)" = 0 ]; then
	RUN_AS=nobody
	! id postgres >/dev/null 2>&1 || RUN_AS=postgres
fi

SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/pgc.XXXXXX")
trap clean_up EXIT
mkdir "$SCRATCH/tmp"
[ -z "$RUN_AS" ] || chown -R "$RUN_AS" "$SCRATCH"

as_user() {
	if [ -z "$RUN_AS" ]; then
		HOME="$SCRATCH" TMPDIR="$SCRATCH/tmp" "$@"
	else
		HOME="$SCRATCH" TMPDIR="$SCRATCH/tmp" runuser -u "$RUN_AS" -- "$@"
	fi
}

clean_up() {
	cd /
	stop_server immediate
	rm -rf "$SCRATCH"
}

as_user test -w "$SCRATCH" || die "user $RUN_AS cannot reach $SCRATCH: set TMPDIR to a folder for all"

# Data that is not part of the checkout lies beside it; tests that want it skip where it is absent.
if [ -z "${PGC_SHARED:-}" ] && [ -d "$ROOT/../shared/data" ]; then
	PGC_SHARED=$(cd "$ROOT/../shared" && pwd)
	if ! as_user test -r "$PGC_SHARED/data"; then
		mkdir "$SCRATCH/shared"
		for name in data odcs cases openlineage; do
			[ ! -d "$PGC_SHARED/$name" ] || cp -R "$PGC_SHARED/$name" "$SCRATCH/shared/"
		done
		PGC_SHARED=$SCRATCH/shared
	fi
	export PGC_SHARED
fi

# Programs that were unpacked, not installed.
if [ -d "$ROOT/.packages" ]; then
	packages=$ROOT/.packages
	if ! as_user test -x "$packages/promtool"; then
		cp -R "$packages" "$SCRATCH/packages"
		packages=$SCRATCH/packages
	fi
	PATH=$PATH:$packages
fi

copy_tree() {
	mkdir -p "$1"
	# 1 is tar's way to say that somebody wrote a file meanwhile.
	{ tar -C "$ROOT" -c --exclude=./.git --exclude=./.versions --exclude=./.packages --exclude=./tmp_check --exclude='*.o' --exclude='*.so' . ||
		[ $? = 1 ]; } | tar -C "$1" -x --no-same-owner
}

# Does this server know the setting $1?
knows_setting() {
	"$PGBIN/postgres" --describe-config | cut -f1 | grep -x "$1" >/dev/null
}

# Debian's servers and those from PostgreSQL 18 on can be told to look for extensions in another folder. Others cannot:
# there the build must go where PostgreSQL itself is.
build() {
	local tree=$ROOT dest=$SCRATCH/install
	if [ ! -w "$ROOT" ]; then
		tree=$SCRATCH/build
		copy_tree "$tree"
	fi
	PGC_EXTRA_CONF="dynamic_library_path = '$dest$("$PG_CONFIG" --pkglibdir):\$libdir'"
	if knows_setting extension_control_path; then
		PGC_EXTRA_CONF+=$'\n'"extension_control_path = '$dest$("$PG_CONFIG" --sharedir):\$system'"
	elif knows_setting extension_destdir; then
		PGC_EXTRA_CONF+=$'\n'"extension_destdir = '$dest'"
	else
		echo "this server finds extensions only in its own folder: installing there" >&2
		dest=
		PGC_EXTRA_CONF=
	fi
	export PGC_EXTRA_CONF
	# One build of a tree at a time.
	flock "$tree" make -C "$tree" -s -j "$(nproc)" install DESTDIR="$dest" >"$SCRATCH/build.log" || {
		cat "$SCRATCH/build.log"
		die "the build failed"
	}
	export PGC_SO=$tree/pg_contract.so
}

start_server() {
	local log=$SCRATCH/initdb.log
	as_user "$PGBIN/initdb" -D "$SCRATCH/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >"$log" 2>&1 || {
		cat "$log"
		die "initdb failed"
	}
	# No TCP: the socket in our own folder cannot collide with any other server's.
	printf '%s\n' "listen_addresses = ''" "unix_socket_directories = '$SCRATCH'" 'port = 5432' 'fsync = off' \
		"$PGC_EXTRA_CONF" "$@" >>"$SCRATCH/data/postgresql.conf"
	log=$SCRATCH/postgresql.log
	as_user "$PGBIN/pg_ctl" -D "$SCRATCH/data" -l "$log" -w -s start || {
		cat "$log"
		die "the server did not start"
	}
	export PGHOST=$SCRATCH PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
}

stop_server() {
	[ ! -f "$SCRATCH/data/postmaster.pid" ] ||
		as_user "$PGBIN/pg_ctl" -D "$SCRATCH/data" -m "${1:-fast}" -w -s stop || true
	rm -rf "$SCRATCH/data"
}
