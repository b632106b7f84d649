#!/bin/bash
# replay.sh DIFF MMSH FILE... - every scenario, printed as a script, is one that
# mmsh understands: its commands may fail as the calls do, but not for their
# words.
set -u
diff=$1 mmsh=$2 passed=0 failed=0
shift 2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

"$diff" -p -n 30 "$@" | awk -v dir="$dir" '/^# /{n++; f=sprintf("%s/%04d", dir, n)} {print > f}'
for script in "$dir"/*; do
	"$mmsh" -k -o json "$script" >"$dir/out" 2>&1
	if bad=$(grep -E '"kind":"(usage|user)"' "$dir/out" | head -n 1) && [ -n "$bad" ]; then
		((failed++))
		head -n 1 "$script"
		echo "  $bad"
	else
		((passed++))
	fi
	rm -f "$script"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
