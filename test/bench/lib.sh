# shellcheck shell=bash
# Sourced by the benchmarks after they have read their options. Finds PostgreSQL as test/tools/env.sh does, with the
# scratch folder in memory where SCRATCH_KB fit there, and gives:
#
#   wanted [start ...]       those of WORKS that begin with one of the arguments
#   pin_to_one_cpu           this shell and what it starts; sets cpu to its number, or to nothing where that cannot be
#                            done, and all_cpus to those allowed before
#   say ...                  tells the user
#   sql database ...         runs psql: quiet, values only, stops at the first error
#   difference               what lies between the two lines of cpu.sh in its input
#   print_machine            what the numbers were measured on
#
# BENCH is the folder of the benchmarks.
shopt -s inherit_errexit

# Disks are noisy: take a memory file system where there is a large one. Programs must be allowed there, for our build.
if [ -z "${TMPDIR:-}" ] && grep -E '^\S+ /dev/shm tmpfs ' /proc/mounts | grep -qv noexec; then
	free=$(df --output=avail -k /dev/shm | tail -n 1)
	[ "$free" -lt "$SCRATCH_KB" ] || export TMPDIR=/dev/shm
fi
BENCH=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export BENCH
# shellcheck source=SCRIPTDIR/../tools/env.sh
. "$BENCH/../tools/env.sh"

[ -r /proc/self/schedstat ] || die "this kernel has no /proc/<pid>/schedstat"

wanted() {
	local work start
	[ $# -gt 0 ] || set -- ''
	for work in $WORKS; do
		for start in "$@"; do
			[[ $work != "$start"* ]] || { echo "$work" && break; }
		done
	done | grep . || die "there is no such work: $*; there are $WORKS"
}

# shellcheck disable=SC2034 # all_cpus is for whoever sources this
pin_to_one_cpu() {
	cpu=$(($(nproc) - 1))
	all_cpus=$(taskset -cp $$ | sed 's/.*: //') || all_cpus=
	taskset -cp $cpu $$ >/dev/null 2>&1 || cpu=
}

say() { echo "bench: $*" >&2; }

sql() { psql -XqAt -v ON_ERROR_STOP=1 -d "$@"; }

# Prints CPU and wall time in ns, and the number of a line "rows" between the two, if there is one.
difference() {
	awk '$1 == "rows" { rows = $2 }
		$1 == "at" { if (n++) printf "%.0f %.0f %s\n", $2 - cpu, $3 - wall, rows; cpu = $2; wall = $3 }
		END { exit n != 2 }'
}

print_machine() {
	local processor pinned="nothing pinned to a core"
	processor=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
	[ -z "$cpu" ] || pinned="server and clients on core $cpu"
	echo "PostgreSQL $(sql postgres -c 'SHOW server_version')," \
		"$(getconf _NPROCESSORS_ONLN) cores (${processor:-$(uname -m)})," \
		"$pinned, data on $(stat -fc %T "$SCRATCH"), CPU time of the backend from /proc/<pid>/schedstat."
	echo
}
