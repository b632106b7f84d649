#!/bin/bash
# run.sh - runs test programs and adds up what they report.
#
#   tests/run.sh NAME=COMMAND...
#
# A program reports in one of two ways: cmocka's TAP lines ("ok 1 - name",
# "not ok 2 - name"), or a last line "N passed, M failed[, K skipped]". Why
# something was skipped: "# skipped: reason". The sum is the last
# line of this script's output, and its exit status.
set -u
export CMOCKA_MESSAGE_OUTPUT=TAP
pass=0 fail=0 skip=0 broken=
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# ": why", if the program says "# skipped: why".
reason() {
	sed -n 's/^# skipped\(: .*\)/\1/p' "$1" | head -n 1
}

for part; do
	name=${part%%=*} cmd=${part#*=}
	bash -c "$cmd" >"$log" 2>&1 </dev/null
	rc=$?
	if sum=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1) && [ -n "$sum" ]; then
		read -r p _ f _ s _ <<<"${sum//,/} 0 skipped"
	else
		p=$(grep -E '^ok ' "$log" | grep -cv '# SKIP')
		f=$(grep -E '^not ok ' "$log" | grep -cv '# SKIP')
		s=$(grep -cE '^(not )?ok .*# SKIP' "$log")
	fi
	# A program that died has failed, whatever it counted.
	[ "$rc" -ne 0 ] && [ "$f" -eq 0 ] && f=1
	[ "$((p + f + s))" -eq 0 ] && f=1
	pass=$((pass + p)) fail=$((fail + f)) skip=$((skip + s))
	printf '%-44s %5d passed %3d failed%s\n' "$name" "$p" "$f" \
		"$([ "$s" -gt 0 ] && echo " $s skipped$(reason "$log")")"
	if [ "$f" -gt 0 ]; then
		broken="$broken $name"
		grep -vE '^(ok |1\.\.)' "$log" | tail -n 40 | sed 's/^/    /'
	fi
done
[ -n "$broken" ] && echo "failed:$broken"
echo "$pass passed, $fail failed, $skip skipped"
[ "$fail" -eq 0 ]
