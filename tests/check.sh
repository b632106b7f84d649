#!/bin/bash
# check.sh - every test, after `make check-build`. Ends with the sum.
set -u
cd "$(dirname "$0")/.." || exit 2
parts=()

add() { parts+=("$1=$2"); }

# Units, with the sanitizers and the invariant checker on.
for t in build/san/tests/{machine,kernel,repl,lua}/test_*; do
	[ -x "$t" ] && [[ $t != *.d ]] && add "san ${t#build/san/tests/}" "$t"
done
# The same, optimized.
for t in build/release/tests/{machine,kernel,repl,lua}/test_*; do
	[ -x "$t" ] && [[ $t != *.d ]] && add "${t#build/release/tests/}" "$t"
done
add "differential" "build/release/tests/diff/diff -n 2000 tests/diff/scenarios/*.mm"
add "san differential" "build/san/tests/diff/diff -n 60 -s 100000 tests/diff/scenarios/*.mm"
add "differential replay" "tests/diff/replay.sh build/release/tests/diff/diff ./mmsh tests/diff/scenarios/*.mm"
add "layers" "tests/layers.sh build/release"
add "transcripts" "tests/transcript.sh ./mmsh"
add "san transcripts" "tests/transcript.sh build/san/mmsh"
[ -x build/clang/mmsh ] && add "clang transcripts" "tests/transcript.sh build/clang/mmsh"
add "scenarios" "tests/scenarios.sh ./mmsh"
add "san scenarios" "tests/scenarios.sh build/san/mmsh"
add "contract" "tests/contract.sh ./mmsh"
add "man pages" "tests/man.sh ./mmsh"
add "golden files" "tests/golden.sh build/release/tests/machine/test_golden"
add "fuzz commands" "build/san/tests/fuzz/commands-check 150 tests/fuzz/seeds/commands/*"
add "fuzz machine" "build/san/tests/fuzz/machine-check 100 tests/fuzz/seeds/machine/*"
add "fuzz e820" "build/san/tests/fuzz/e820-check 100 tests/repl/maps/*"
add "fuzz elf" "build/san/tests/fuzz/elf-check 400 build/san/tests/fuzz/commands-check /bin/true"
exec tests/run.sh "${parts[@]}"
