#!/bin/sh
# scenarios.sh MMSH - runs each scenario of scripts/; they assert what they
# show, so that exit status 0 is the test.
set -u
mmsh=$1 pass=0 fail=0
for f in scripts/*.lua scripts/*.mmsh; do
	if out=$("$mmsh" "$f" 2>&1 </dev/null); then
		pass=$((pass + 1))
	else
		fail=$((fail + 1))
		printf '%s:\n%s\n' "$f" "$out"
	fi
done
echo "$pass passed, $fail failed"
[ "$fail" -eq 0 ]
