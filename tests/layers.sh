#!/bin/sh
# layers.sh DIR - dependencies point down only: an archive of DIR refers to no
# symbol that only a layer above it defines, and headers are included by
# those who may. Ends with "N passed, M failed".
set -u
dir=$1 pass=0 fail=0
need=$(mktemp)
trap 'rm -f "$need"' EXIT

check() { # name, offenders
	if [ -z "$2" ]; then
		pass=$((pass + 1))
	else
		fail=$((fail + 1))
		printf '%s:\n%s\n' "$1" "$2"
	fi
}

defined() { nm -g --defined-only "$dir/lib$1.a" 2>/dev/null | awk 'NF == 3 {print $3}' | sort -u; }
needed() { nm -g --undefined-only "$dir/lib$1.a" 2>/dev/null | awk 'NF == 2 {print $2}' | sort -u; }

upward() { # layer, layers above
	layer=$1
	shift
	for above; do
		needed "$layer" >"$need"
		defined "$above" | comm -12 - "$need"
	done
}

check "machine/ refers upwards" "$(upward machine kernel repl lua)"
check "kernel/ refers upwards" "$(upward kernel repl lua)"
check "repl/ refers to lua/" "$(upward repl lua)"
check "machine/ includes upwards" \
	"$(grep -nE '#include "(kernel|repl|lua)/' machine/*.[ch])"
check "kernel/ includes upwards" \
	"$(grep -nE '#include "(repl|lua)/' kernel/*.[ch])"
check "repl/ includes lua/, main.c apart" \
	"$(grep -nE '#include "lua/' repl/*.[ch] | grep -v '^repl/main.c')"
check "private headers outside of their folder" \
	"$(grep -nE '#include "(machine/internal|kernel/mm_internal|kernel/internal)\.h"' repl/* lua/*)$(
		grep -nE '#include "machine/internal\.h"' kernel/*)"
check "readline outside of repl/line.c" \
	"$(grep -ln '#include <readline/' machine/* kernel/* repl/* lua/* | grep -v '^repl/line.c')"
check "lua.h outside of lua/" \
	"$(grep -lnE '#include <(lua|lauxlib|lualib)' machine/* kernel/* repl/*)"
check "printing below repl/" \
	"$(grep -nE '\b(printf|puts|fprintf|putchar)[[:space:]]*\(' machine/*.c kernel/*.c)"
echo "$pass passed, $fail failed"
[ "$fail" -eq 0 ]
