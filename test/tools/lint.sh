#!/usr/bin/env bash
# Everything that can be said against the sources without running them. Fails, and says which steps failed, on any
# finding. "lint.sh step ..." runs only the steps named.
. "$(dirname "$0")/env.sh"
cd "$ROOT"

STEPS=(build tidy cppcheck shellcheck symbols format shape)
TREE=$SCRATCH/lint
mapfile -t SOURCES < <(find src -name '*.c' | sort)
# What the compiler is told, for the tools that read C as it does.
FLAGS=(-Isrc "-I$("$PG_CONFIG" --includedir-server)" -D_GNU_SOURCE -DUSE_ASSERT_CHECKING '-DPGDLLEXPORT=')

# Without a warning, with assertions. The unused debug types are for format.
lint_build() {
	copy_tree "$TREE"
	make -C "$TREE" -s -j "$(nproc)" COPT='-Werror -DUSE_ASSERT_CHECKING -fno-eliminate-unused-debug-types'
}

# Switched off: what PostgreSQL's own style and macros do on purpose.
lint_tidy() {
	local checks='-*,bugprone-*,clang-analyzer-*'
	checks+=',-bugprone-easily-swappable-parameters'       # (int32 typmod, int32 length) is how PostgreSQL is written
	checks+=',-bugprone-reserved-identifier'               # _PG_init
	checks+=',-bugprone-narrowing-conversions'             # Datum to anything
	checks+=',-bugprone-branch-clone'                      # switch over node tags, with one line for each
	checks+=',-bugprone-assignment-in-if-condition'        # while ((tuple = next()) != NULL) and the like
	checks+=',-bugprone-macro-parentheses'                 # macros that take a type
	checks+=',-bugprone-sizeof-expression'                 # sizeof of arrays of pointers
	checks+=',-bugprone-implicit-widening-of-multiplication-result'
	checks+=',-clang-analyzer-security.insecureAPI.*'      # wants memcpy_s
	checks+=',-clang-analyzer-deadcode.DeadStores'         # the compiler warns of these better
	checks+=',-clang-analyzer-optin.performance.Padding'
	printf '%s\n' "${SOURCES[@]}" |
		xargs -P "$(nproc)" -I '{}' clang-tidy --quiet --checks="$checks" --warnings-as-errors='*' \
			--header-filter="^$ROOT/src/" '{}' -- "${FLAGS[@]}" 2> >(grep -v 'warnings\? generated' >&2)
}

# Reads our files with a few definitions in place of PostgreSQL's headers, whose macros it takes for defects.
lint_cppcheck() {
	cppcheck --quiet --error-exitcode=1 --inline-suppr -j "$(nproc)" --enable=warning,performance,portability \
		--include=test/tools/cppcheck.h -Isrc "${SOURCES[@]}"
}

# Not reported: a function whose arguments are optional, called without.
lint_shellcheck() {
	find . -path ./.versions -prune -o -name '*.sh' -print | sort | xargs shellcheck -x -e SC2119,SC2120 -P SCRIPTDIR .ci/run
}

# The next two look at what "build" built; run alone, they build.
lint_symbols() {
	[ -f "$TREE/pg_contract.so" ] || lint_build >/dev/null 2>&1 || return 1
	PGC_SO=$TREE/pg_contract.so test/tools/check-symbols.sh
}

lint_format() {
	[ ! -f "$TREE/pg_contract.so" ] || export PGC_TYPES_SO=$TREE/pg_contract.so
	test/tools/format.sh --check
}

lint_shape() {
	find src -name '*.[ch]' | sort | xargs test/tools/shape.pl
}

[ $# -gt 0 ] || set -- "${STEPS[@]}"
failed=()
for step in "$@"; do
	echo "lint $step"
	"lint_$step" || failed+=("$step")
done
[ ${#failed[@]} = 0 ] || die "findings in: ${failed[*]}"
echo "lint is clean"
