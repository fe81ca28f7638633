#!/usr/bin/env bash
# Lets libFuzzer look for documents that the reader crashes on, leaks on, is slow on, or does not write as it read them.
#
#   yaml.sh [-t seconds | -n runs] [-s seed]      default 120 seconds, a random seed
#   yaml.sh file ...                              only these documents
#
# A document that fails is kept in tmp_check/, as crash-... or the like. Exit status 77: there is no clang with libFuzzer
# and the sanitizers. test/t/007_fuzz.pl runs some of it.
. "$(dirname "$0")/../tools/env.sh"

amount=-max_total_time=120
seed=$RANDOM
while getopts t:n:s: option; do
	case $option in
	t) amount=-max_total_time=$OPTARG ;;
	n) amount=-runs=$OPTARG ;;
	s) seed=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))

SANITIZE=(-g -O1 '-fsanitize=fuzzer,address,undefined' '-fno-sanitize-recover=undefined')
PROGRAM=$SCRATCH/yaml_fuzz

# Exits if nothing can be built with the sanitizers.
need_fuzzer() {
	echo 'int LLVMFuzzerTestOneInput(const char *data, unsigned long size) { return 0; }' >"$SCRATCH/empty.c"
	clang -w "${SANITIZE[@]}" -o "$SCRATCH/empty" "$SCRATCH/empty.c" >"$SCRATCH/empty.log" 2>&1 || {
		echo "no clang with libFuzzer and the sanitizers (Debian packages clang, libclang-rt-NN-dev)"
		exit 77
	}
}

# PostgreSQL declares its printf for gcc only, which clang warns of: no warnings here, gcc and lint see the same files.
compile() {
	local room=$ROOT/src/document/yaml
	clang -w "${SANITIZE[@]}" -DFRONTEND -D_GNU_SOURCE "-I$ROOT/src" "-I$("$PG_CONFIG" --includedir-server)" -o "$PROGRAM" \
		"$ROOT/test/fuzz/yaml_fuzz.c" "$room"/{anchor,node,scalar,yaml,writer}.c \
		"-L$("$PG_CONFIG" --pkglibdir)" "-L$("$PG_CONFIG" --libdir)" -lpgcommon -lpgport -lyaml -lm
}

# The folders of documents to start from: ours, and the standard's examples if they are there.
corpora() {
	local examples=$SCRATCH/examples file n=0
	mkdir "$examples"
	if [ -n "${PGC_SHARED:-}" ] && [ -r "$PGC_SHARED/odcs/examples" ]; then
		while read -r file; do
			n=$((n + 1))
			cp "$file" "$examples/$n.yaml"
		done < <(find "$PGC_SHARED/odcs/examples" -name '*.y*ml')
	fi
	printf '%s\n' "$ROOT/test/fuzz/corpus/yaml" "$examples"
}

# Where libFuzzer keeps what failed.
keep_failures() {
	local file
	[ -w "$ROOT" ] || return 0
	for file in "$SCRATCH"/failed/*; do
		[ -f "$file" ] || continue
		mkdir -p "$ROOT/tmp_check"
		cp "$file" "$ROOT/tmp_check/"
		echo "kept in tmp_check/${file##*/}"
	done
}

need_fuzzer
compile
if [ $# -gt 0 ]; then
	"$PROGRAM" "$@"
	exit
fi
mkdir "$SCRATCH/found" "$SCRATCH/failed"
mapfile -t folders < <(corpora)
"$PROGRAM" "$amount" "-seed=$seed" -max_len=8192 -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
	"-dict=$ROOT/test/fuzz/yaml.dict" "-artifact_prefix=$SCRATCH/failed/" "$SCRATCH/found" "${folders[@]}" \
	>"$SCRATCH/fuzz.log" 2>&1 || {
	tail -n 60 "$SCRATCH/fuzz.log"
	keep_failures
	die "the reader failed on a document, seed $seed"
}
grep -E 'stat::number_of_executed_units|stat::slowest' "$SCRATCH/fuzz.log"
echo "yaml: no failure"
