#!/bin/bash
# golden.sh TEST_GOLDEN - files of vectors that are no good, or oddly named:
# one clear line that names the file and exit status 2, never a pass.
set -u
golden=$(realpath "$1")
cd "$(dirname "$0")/.." || exit 2
sample=$PWD/tests/golden/paging-sample.tsv
pass=0 fail=0
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 2

report() {
	fail=$((fail + 1))
	echo "$1"
	sed 's/^/    /' err out | head -5
}

run() {
	"$golden" "$1" >out 2>err </dev/null
	got=$?
}

# refused FILE TEXT NAME : exit status 2 and the one line "FILE: ...TEXT".
refused() {
	run "$1"
	if [ "$got" -ne 2 ]; then
		report "$3: exit status $got, expected 2"
	elif [ "$(wc -l <err)" -ne 1 ] || [ -s out ]; then
		report "$3: more or less than one line"
	elif ! grep -qF -- "$1: $2" err; then
		report "$3: does not say: $1: $2"
	else
		pass=$((pass + 1))
	fi
}

# passes FILE NAME : exit status 0, and as many vectors as the sample has.
passes() {
	run "$1"
	if [ "$got" -eq 0 ] && [ ! -s err ] &&
		[ "$(cat out)" = "$vectors passed, 0 failed" ]; then
		pass=$((pass + 1))
	else
		report "$2: exit status $got"
	fi
}

vectors=$(grep -vc '^#' "$sample")
passes "$sample" "the sample"
for name in "it's" 'a b' '$(touch ran)' '-d'; do
	cp "$sample" "./$name.tsv"
	passes "./$name.tsv" "a file called $name.tsv"
	xz -c "$sample" >"./$name.xz"
	passes "$name.xz" "a file called $name.xz"
done
[ -e ran ] && report "a file name was run"

mkdir d d.xz
: >empty
: >empty.xz
grep '^#' "$sample" >comments
cp "$sample" plain.xz
xz -c "$sample" >whole.xz
refused absent "No such file" "no such file"
refused absent.xz "No such file" "no such .xz"
refused "it's absent.xz" "No such file" "no such .xz, with a quote"
refused d "Is a directory" "a directory"
refused d.xz "Is a directory" "a directory called .xz"
refused empty "empty file" "an empty file"
refused empty.xz "empty file" "an empty .xz"
refused comments "no vectors" "comments only"
cat "$sample" <(printf '\0\n') "$sample" >zeros
xz -c zeros >zeros.xz
refused zeros "not a text file" "a file with a NUL"
refused zeros.xz "not a text file" "a .xz with a NUL"
refused plain.xz "damaged, cut short" "a .xz that is none"
for cut in 1 6 12 13 40 200 $(($(wc -c <whole.xz) - 1)); do
	head -c "$cut" whole.xz >cut.xz
	refused cut.xz "damaged, cut short" "a .xz of $cut bytes"
done
# Whole lines come out of this one before its end is missed.
head -c -12 whole.xz >cut.xz
[ "$(xz -dc cut.xz 2>/dev/null | tail -c 1)" = "" ] || report "cut in a line"
refused cut.xz "damaged, cut short" "a .xz cut behind a whole line"
if run whole.xz && PATH=/nonexistent "$golden" whole.xz >out 2>err; then
	report "without xz: exit status 0"
else
	refused_by=$(cat err)
	[ "$refused_by" = "whole.xz: needs xz, which cannot be run" ] &&
		pass=$((pass + 1)) || report "without xz"
fi

# Lines that are no vectors fail, and only the first ten are shown.
{ cat "$sample"; seq 1000; } >lines
run lines
if [ "$got" -eq 1 ] && [ "$(grep -c '^not a vector: ' out)" -eq 10 ] &&
	[ "$(wc -l <out)" -eq 11 ] &&
	[ "$(tail -1 out)" = "$vectors passed, 1000 failed" ]; then
	pass=$((pass + 1))
else
	report "lines that are no vectors: exit status $got"
fi

echo "$pass passed, $fail failed"
[ "$fail" -eq 0 ]
