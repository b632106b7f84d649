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
pass=0 fail=0 skip=0 broken= jobs=${JOBS:-$(nproc)}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# ": why", if the program says "# skipped: why".
reason() {
	sed -n 's/^# skipped\(: .*\)/\1/p' "$1" | head -n 1
}

# Runs part $1 of the command line: its output, exit status and seconds stay
# in files of its number.
run() {
	local i=$1 part=${parts[$1]} from=$EPOCHREALTIME
	bash -c "${part#*=}" >"$dir/$i.log" 2>&1 </dev/null
	local rc=$? us=$((${EPOCHREALTIME//[!0-9]/} - ${from//[!0-9]/}))
	echo "$rc $((us / 1000000)).$((us / 100000 % 10))" >"$dir/$i.new"
	mv "$dir/$i.new" "$dir/$i.end"
}

# Adds up part $1, which has ended, and prints its line.
report() {
	local log=$dir/$1.log name=${parts[$1]%%=*} rc secs sum p f s
	read -r rc secs <"$dir/$1.end"
	if sum=$(grep -aE '^[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1) && [ -n "$sum" ]; then
		read -r p _ f _ s _ <<<"${sum//,/} 0 skipped"
	else
		p=$(grep -aE '^ok ' "$log" | grep -acv '# SKIP')
		f=$(grep -aE '^not ok ' "$log" | grep -acv '# SKIP')
		s=$(grep -acE '^(not )?ok .*# SKIP' "$log")
	fi
	# A program that died has failed, whatever it counted.
	[ "$rc" -ne 0 ] && [ "$f" -eq 0 ] && f=1
	[ "$((p + f + s))" -eq 0 ] && f=1
	pass=$((pass + p)) fail=$((fail + f)) skip=$((skip + s))
	printf '%-36s %6s s %5d passed %3d failed%s\n' "$name" "$secs" "$p" "$f" \
		"$([ "$s" -gt 0 ] && echo " $s skipped$(reason "$log")")"
	if [ "$f" -gt 0 ]; then
		broken="$broken $name"
		grep -avE '^(ok |1\.\.)' "$log" | tail -n 40 | sed 's/^/    /'
	fi
}

# As many parts at a time as there are CPUs; their lines in order.
parts=("$@") next=0
for ((i = 0; i < $#; i++)); do
	run "$i" &
	if ((i + 1 >= jobs)); then wait -n; fi
	while [ -e "$dir/$next.end" ]; do report "$next"; ((++next)); done
done
wait
while ((next < $#)); do report "$next"; ((++next)); done
[ -n "$broken" ] && echo "failed:$broken"
echo "$pass passed, $fail failed, $skip skipped"
[ "$fail" -eq 0 ]
