#!/usr/bin/env bash
# Indents src/ as PostgreSQL does: pg_bsd_indent with pgindent's options and pgindent's mends before and after it.
#
#   format.sh            rewrites the files
#   format.sh --check    shows what it would change and fails if there is anything
#
# The names of types, which the indenter must know, come from the debug information of the library $PGC_TYPES_SO, built
# with -fno-eliminate-unused-debug-types. Without that variable one is built from the checkout.
. "$(dirname "$0")/env.sh"

if ! command -v pg_bsd_indent >/dev/null; then
	echo "format: skipped, there is no pg_bsd_indent (Debian package pg-bsd-indent)" >&2
	exit 0
fi
cd "$ROOT"
TYPEDEFS=$SCRATCH/typedefs

# The type names in use: typedefs of the library that occur in src/, but for those that pgindent leaves out because they
# are variables more often than types.
list_typedefs() {
	local library=${PGC_TYPES_SO:-}
	if [ -z "$library" ]; then
		library=$SCRATCH/types/pg_contract.so
		copy_tree "$SCRATCH/types"
		make -C "$SCRATCH/types" -s -j "$(nproc)" COPT='-O0 -fno-eliminate-unused-debug-types' || die "the build failed"
	fi
	{
		echo bool
		objdump --dwarf=info "$library" |
			awk '/DW_TAG_/ { typedef = /DW_TAG_typedef/ } typedef && /DW_AT_name/ { print $NF; typedef = 0 }'
	} | sort -u >"$SCRATCH/types.all"
	grep -rhow --include='*.[ch]' '[A-Za-z_][A-Za-z_0-9]*' src | sort -u | comm -12 "$SCRATCH/types.all" - |
		grep -vxE 'ANY|FD_SET|U|abs|allocfunc|boolean|date|digit|ilist|interval|iterator|other|pointer|printfunc|reference|string|timestamp|type|wrap' \
			>"$TYPEDEFS"
}

# Indents the file $1 in place. The mends: comments that begin with dashes stay as they are, comments that were run
# together are set apart, and a function's return type has one space before its star.
indent_once() {
	perl -pi -e 's!^([ \t]*)//(.*)$!$1/* $2 */!; s!/\* +---!/*---X_X!g' "$1"
	(cd "$SCRATCH/tmp" && pg_bsd_indent -bad -bap -bbb -bc -bl -cli1 -cp33 -cdb -nce -d0 -di12 -nfc1 -i4 -l79 -lp -lpl -nip \
		-npro -sac -tpg -ts4 -U"$TYPEDEFS" "$1") || die "pg_bsd_indent failed on $file"
	perl -pi -e 's!/\*---X_X!/* ---!g; s!\*/(/\*.*\*/)$!*/\t$1!; s!^([A-Za-z_]\S*)[ \t]+\*$!$1 *!' "$1"
}

# Writes the file $1, indented, to $2. On far-off input the indenter needs several goes to be content.
indent_file() {
	cp "$1" "$2"
	for _ in {1..10}; do
		cp "$2" "$2.before"
		indent_once "$2"
		! cmp -s "$2" "$2.before" || return 0
	done
}

list_typedefs
rc=0
while read -r file; do
	indent_file "$file" "$SCRATCH/indented.c"
	if [ "${1:-}" = --check ]; then
		diff -u --label "$file" --label "$file (after make format)" "$file" "$SCRATCH/indented.c" || rc=1
	elif ! cmp -s "$file" "$SCRATCH/indented.c"; then
		cat "$SCRATCH/indented.c" >"$file"
		echo "formatted $file"
	fi
done < <(find src -name '*.[ch]' | sort)
exit $rc
