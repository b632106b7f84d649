#!/bin/bash
# contract.sh MMSH - the contract for scripts: exit statuses, options, JSON
# shapes, and one clear line for each kind of bad input.
set -u
mmsh=$(realpath "$1")
pass=0 fail=0
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$(dirname "$0")/.." || exit 2

# status WANT NAME COMMAND... : exit status, and at most one line on stderr.
status() {
	local want=$1 name=$2 got lines
	shift 2
	"$@" >"$dir/out" 2>"$dir/err" </dev/null
	got=$?
	lines=$(wc -l <"$dir/err")
	if [ "$got" -ne "$want" ]; then
		report "$name: exit status $got, expected $want"
	elif [ "$want" -ne 0 ] && [ "$want" -ne 3 ] && [ "$lines" -ne 1 ]; then
		report "$name: $lines lines on stderr, expected 1"
	else
		pass=$((pass + 1))
	fi
}

report() {
	fail=$((fail + 1))
	echo "$1"
	sed 's/^/    /' "$dir/err" | head -5
}

# says TEXT NAME COMMAND... : TEXT (a fixed string) is in stdout or stderr.
says() {
	local want=$1 name=$2
	shift 2
	"$@" >"$dir/out" 2>"$dir/err" </dev/null
	if grep -qF -- "$want" "$dir/out" "$dir/err"; then
		pass=$((pass + 1))
	else
		report "$name: does not say: $want"
		sed 's/^/    /' "$dir/out" | head -5
	fi
}

# --- exit status -----------------------------------------------------------
status 0 "quit" "$mmsh" -c quit
status 0 "several commands" "$mmsh" -c 'boot i386 ram=1G; fork; ps'
status 0 "two -c" "$mmsh" -c 'fork' -c 'ps'
status 0 "--help" "$mmsh" --help
status 0 "--version" "$mmsh" --version
status 1 "a failing command" "$mmsh" -c 'pagewalk nosuch'
status 1 "unknown command" "$mmsh" -c 'nosuchcommand'
status 1 "segfault" "$mmsh" -c 'read 0x10'
status 1 "-k goes on and still fails" "$mmsh" -k -c 'nosuch' -c 'echo after'
says after "-k goes on" "$mmsh" -k -c 'nosuch' -c 'echo after'
status 2 "unknown option" "$mmsh" --nosuch
status 2 "bad -o" "$mmsh" -o xml -c quit
status 2 "bad -b" "$mmsh" -b 'vax ram=1G' -c quit
status 2 "unreadable script" "$mmsh" "$dir/absent.mmsh"
status 2 "a directory as a script" "$mmsh" "$dir"
status 1 "exit of init" "$mmsh" -c 'exit'

# --- boot --------------------------------------------------------------------
for arch in i386 i386-pae x86_64; do
	status 0 "boot $arch" "$mmsh" -b "$arch ram=1G" -c 'pagewalk text; check'
done
status 0 "boot none" "$mmsh" -b none -c 'reg; e820'
for split in 3G 3G_OPT 2G 2G_OPT 1G; do
	status 0 "vmsplit=$split" "$mmsh" -c "boot i386 vmsplit=$split; check"
done
status 0 "layout=6.1" "$mmsh" -c 'boot i386 layout=6.1; check'
status 0 "64 GiB, PAE" "$mmsh" -c 'boot i386-pae ram=64G; check'
status 0 "64 GiB, x86-64" "$mmsh" -c 'boot x86_64 ram=64G; check'
for bad in 'ram=1' 'ram=-1G' 'ram=99999999T' 'cpus=0' 'cpus=1000' 'ram=' 'nokey=1' 'cpus=x' 'vmsplit=7G' 'layout=5'; do
	status 1 "boot i386 $bad" "$mmsh" -c "boot i386 $bad"
done
status 1 "boot without arch" "$mmsh" -c 'boot'

# --- bad input -----------------------------------------------------------------
for line in 'pagewalk' 'pagewalk 1 2 3' 'pagewalk -z text' 'pagewalk 0x' \
	'pagewalk 1+' 'pagewalk (1' 'pagewalk 1/0' 'pagewalk 0x1ffffffff' \
	'read text 0' 'write text' 'map' 'map 0' \
	'map 99999999999999999' 'munmap 1 1' 'munmap text 0xffffffffffffffff' \
	'mprotect text 4K q' 'mprotect 0x1 1 r' 'brk 0x1' 'switch 99' 'fork -p 99' \
	'exec /nonexistent' 'exec /etc/passwd' 'exec /' 'kfree 0xc0000001' \
	'vfree 1' 'kmap 1' 'kunmap pfn:0x40000' 'vmalloc 0' 'kmalloc 99999999999' \
	'vmalloc 0' 'vmalloc 99999999999' '__pa pa:1' '= __pa(0x1000)' '= __va(0xffffffff)' 'page_to_pfn 1' \
	'page 5' 'page pfn:99999999999' 'poke 1 2' 'peek 0 0' 'let 1 2' 'reg nosuch' \
	'reg cr3 1 2' 'help nosuch' 'apropos qqqqqqq' 'source /nonexistent' \
	'cpu 99' '"unterminated' 'free_pages pfn:1' 'alloc_pages 11' \
	'load-raw /nonexistent 0' 'load-raw / 0' 'ptdump --as nosuch' \
	'pagewalk --as qemu-tlb text' 'map 4K rw /' 'lua error("x")' 'lua (' 'eval va:1+pa:1'; do
	status 1 "bad: $line" "$mmsh" -c "$line"
done
status 0 "a wrong __pa is a result" "$mmsh" -c '__pa 0x1000; __va 0xffffffff'
status 4 "a read over the limit" "$mmsh" -c 'read text 999999999999'
status 1 "wrong class" "$mmsh" -c 'boot i386; exec /bin/ls'
says "boot x86_64" "which boot would do" "$mmsh" -c 'boot i386; exec /bin/ls'
says "did you mean pagewalk" "did-you-mean" "$mmsh" -c 'pagewlak text'
status 0 "state unchanged by a failed boot" "$mmsh" -k -c 'fork' -c 'ps'
status 0 "a line of 100,000 characters" "$mmsh" -c "echo $(head -c 100000 /dev/zero | tr '\0' x)"
if [ "$(wc -c <"$dir/out")" -eq 100001 ]; then pass=$((pass + 1)); else report "a long line is cut"; fi

# Truncated and damaged ELF files: refused or run, never a crash.
for n in 0 1 4 16 40 63 64 100 500 1000; do
	head -c "$n" /bin/ls >"$dir/elf"
	status 1 "ELF cut to $n bytes" "$mmsh" -b x86_64 -c "exec $dir/elf"
done

# --- pipes, redirection, closed output -------------------------------------------
says 3 "pipe to the host" "$mmsh" -c 'echo abc | tr -d "\n" | wc -c'
"$mmsh" -c "echo kept > $dir/file" && says kept "redirection" cat "$dir/file"
"$mmsh" -c 'ptdump' 2>"$dir/err" | head -1 >/dev/null
if [ -s "$dir/err" ]; then report "closed pipe: says something"; else pass=$((pass + 1)); fi
if [ -e /dev/full ]; then
	if "$mmsh" -c 'layout' >/dev/full 2>"$dir/err"; then
		report "full disk: exit status 0"
	elif [ "$(wc -l <"$dir/err")" -ne 1 ]; then
		report "full disk: not one line"
	else
		pass=$((pass + 1))
	fi
fi

# --- standard input and scripts -----------------------------------------------------
printf 'fork\nps\n' | "$mmsh" >"$dir/out" 2>"$dir/err" && grep -q init "$dir/out" &&
	pass=$((pass + 1)) || report "commands from standard input"
printf '#!/usr/bin/env mmsh\n# comment\necho from a script\n' >"$dir/s.mmsh"
says "from a script" "script" "$mmsh" "$dir/s.mmsh"
printf 'print(arg[1])\n' >"$dir/s.lua"
says "hello" "Lua arguments" "$mmsh" "$dir/s.lua" hello
printf 'error("boom")\n' >"$dir/s.lua"
status 1 "Lua error" "$mmsh" "$dir/s.lua"
printf 'while true do end\n' >"$dir/s.lua"
status 4 "instruction budget" "$mmsh" "$dir/s.lua"
printf '("a"):rep(30):find(("a*"):rep(30) .. "b")\n' >"$dir/s.lua"
status 4 "instruction budget in a pattern" "$mmsh" "$dir/s.lua"
printf 'local t = {} while true do t[#t+1] = string.rep("x", 1 << 20) .. #t end\n' >"$dir/s.lua"
status 4 "memory budget" "$mmsh" "$dir/s.lua"
printf 'assert(not io and not os and not require and not load("\\27Lua"))\n' >"$dir/s.lua"
status 0 "sandbox" "$mmsh" "$dir/s.lua"

# --- JSON ---------------------------------------------------------------------------
if command -v python3 >/dev/null; then
	"$mmsh" -k -o json -c 'ps; pagewalk text; read text 4; pagewalk text; nosuch; read 0x10; map 4K; fork; maps; layout; ptdump text; help; check; exit' \
		>"$dir/out" 2>/dev/null
	if python3 - "$dir/out" <<'EOF'
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
assert len(rows) == 14, len(rows)
for r in rows:
    assert isinstance(r["command"], str) and isinstance(r["ok"], bool)
    assert ("result" in r) if r["ok"] else r["error"]["message"], r
absent, walk = rows[1]["result"], rows[3]["result"]
for key in ("va", "mode", "root", "steps"):
    assert key in walk and key in absent, key
for step in walk["steps"]:
    for key in ("name", "index", "entry_pa", "entry", "flags"):
        assert key in step, key
assert walk["pa"].startswith("0x") and walk["page_size"] == 4096
for key in ("vector", "error_code", "reason"):
    assert key in absent["fault"], key
assert "pa" not in absent and "fault" not in walk
kinds = [r["error"]["kind"] for r in rows if not r["ok"]]
assert kinds == ["usage", "fault", "errno"], kinds
EOF
	then pass=$((pass + 1)); else report "JSON shapes"; head -c 2000 "$dir/out"; fi
fi

# --- what e820 prints can be booted ----------------------------------------
for map in laptop server-2.6 iomem; do
	"$mmsh" -c "boot none e820=tests/repl/maps/$map.txt; e820" >"$dir/map"
	"$mmsh" -c "boot none e820=$dir/map; e820" >"$dir/again"
	if [ -s "$dir/map" ] && cmp -s "$dir/map" "$dir/again"; then
		pass=$((pass + 1))
	else
		report "e820 of $map.txt: read back, it differs"
	fi
done

echo "$pass passed, $fail failed"
[ "$fail" -eq 0 ]
