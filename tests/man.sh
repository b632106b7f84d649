#!/bin/sh
# man.sh MMSH - manual pages: mandoc has nothing to say, and every command has
# an entry in mmsh(1).
set -u
mmsh=$1 pass=0 fail=0
ok() { pass=$((pass + 1)); }
bad() {
	fail=$((fail + 1))
	printf '%s\n' "$1"
}
if command -v mandoc >/dev/null; then
	for page in man/*.[1-9]; do
		lint=$(mandoc -T lint -W warning "$page" 2>&1)
		if [ -z "$lint" ]; then ok; else bad "$lint"; fi
	done
else
	echo "no mandoc: lint skipped"
fi
for name in $("$mmsh" -q -o json -c help | tr '{' '\n' |
	sed -n 's/.*"name":"\([^"]*\)".*/\1/p'); do
	if grep -q "^\.It Ic $name\( \|\$\)" man/mmsh.1; then
		ok
	else
		bad "mmsh.1 has no entry for $name"
	fi
done
echo "$pass passed, $fail failed"
[ "$fail" -eq 0 ]
