#!/bin/bash
# transcript.sh - runs transcripts and compares what mmsh prints, exactly.
#
#   tests/transcript.sh [--update] MMSH [FILE...]
#
# FILE is one of two kinds; without any: all of tests/repl/transcripts,
# README.md and the pages in man/.
#
#   NAME.in   commands for the standard input of `mmsh -k`; NAME.out beside it
#             holds what stdout and stderr say together. Comments at the
#             top may give options and the exit status:
#                 # options: -b none -o json
#                 # status: 1
#   a page    In a block (``` in Markdown, .Bd -literal in mdoc) whose first
#             line begins with "$ mmsh", each line that begins with "$ mmsh" is
#             run by sh, and the lines up to the next one, or to the end of
#             the block, are its output, stderr included. A block whose first
#             line begins with a prompt, "bare cpu0> ", "i386 1:init cpu0> ",
#             is a piece of one session that goes through the whole page.
#             Blocks that begin otherwise are not looked at.
#
# --update writes what was printed in the place of what was expected.
# Ends with "N passed, M failed".
set -u
update=
[ "${1-}" = --update ] && { update=1; shift; }
[ $# -ge 1 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
mmsh=$(realpath "$1")
shift
cd "$(dirname "$0")/.." || exit 2
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/bin" && ln -s "$mmsh" "$tmp/bin/mmsh"
export PATH="$tmp/bin:$PATH" LC_ALL=C.UTF-8 NO_COLOR=1 XDG_STATE_HOME="$tmp"
unset CLICOLOR_FORCE
pass=0 fail=0

# verdict NAME: compares $tmp/want with $tmp/got.
verdict() {
	if diff -u --label expected --label printed "$tmp/want" "$tmp/got" \
		>"$tmp/diff"; then
		pass=$((pass + 1))
	else
		fail=$((fail + 1))
		printf '%s:\n' "$1"
		sed 's/^/    /' "$tmp/diff" | head -n 40
	fi
}

# --- NAME.in -----------------------------------------------------------------
header() {
	sed -n "/^#/!q; s/^# $2: *//p" "$1"
}

run_input() {
	local in=$1 out=${1%.in}.out want status
	want=$(header "$in" status)
	# shellcheck disable=SC2046
	eval "mmsh -k $(header "$in" options)" <"$in" >"$tmp/got" 2>&1
	status=$?
	[ "$status" -eq "${want:-0}" ] ||
		echo "exit status $status, expected ${want:-0}" >>"$tmp/got"
	[ -n "$update" ] && cp "$tmp/got" "$out"
	[ -e "$out" ] && cp "$out" "$tmp/want" || : >"$tmp/want"
	verdict "$in"
}

# --- pages -------------------------------------------------------------------
# Text as mdoc has it, and back.
from_page() {
	if [ "$mdoc" ]; then
		sed -e 's/^\\&//; s/\\(aq/'\''/g; s/\\(dq/"/g; s/\\-/-/g; s/\\e/\\/g'
	else
		cat
	fi
}

to_page() {
	if [ "$mdoc" ]; then
		sed -e 's/\\/\\e/g' -e "s/^[.']/\\\\\&&/"
	else
		cat
	fi
}

# Runs $command; if at a prompt, after all the page's commands before it.
run_command() {
	if [ -z "$prompt" ]; then
		sh -c "$command" >"$tmp/got" 2>&1 </dev/null
		return
	fi
	{
		cat "$tmp/session"
		printf 'echo @@@@\n%s\n' "$command"
	} | mmsh -k 2>&1 | sed '1,/^@@@@$/d; s/^stdin:[0-9]*: /mmsh: /' >"$tmp/got"
	printf '%s\n' "$command" >>"$tmp/session"
}

# Ends the command whose output was being collected.
finish() {
	[ -n "$command" ] || return 0
	run_command
	from_page <"$tmp/raw" >"$tmp/want"
	if [ "$update" ]; then
		to_page <"$tmp/got" >>"$tmp/new"
		cp "$tmp/got" "$tmp/want"
	fi
	verdict "$page:$start: $command"
	command=
}

# One line within a block; $fresh: its first.
block_line() {
	case $line in
	'$ mmsh'* | 'bare cpu'[0-9]'> '* | *[0-9]:*' cpu'[0-9]'> '*)
		finish
		case $line in
		'$ '*) prompt='' command=${line#\$ } ;;
		*) prompt=1 command=${line#*> } ;;
		esac
		command=$(printf '%s\n' "$command" | from_page)
		start=$number ours=1
		: >"$tmp/raw"
		printf '%s\n' "$line" >>"$tmp/new"
		return ;;
	esac
	[ "$fresh" ] && ours=
	if [ "$ours" ]; then
		printf '%s\n' "$line" >>"$tmp/raw"
	else
		printf '%s\n' "$line" >>"$tmp/new"
	fi
}

run_page() {
	local line number=0 inside='' fresh='' ours='' command='' start=0
	page=$1 mdoc= prompt=
	: >"$tmp/session"
	case $page in *.[1-9]) mdoc=1 ;; esac
	: >"$tmp/new"
	while IFS= read -r line || [ -n "$line" ]; do
		number=$((number + 1))
		case $line in
		'```'*)
			[ "$mdoc" ] || { finish; [ "$inside" ] && inside= || inside=1
				fresh=1; printf '%s\n' "$line" >>"$tmp/new"; continue; } ;;
		.Bd\ *-literal*)
			[ "$mdoc" ] && { inside=1 fresh=1
				printf '%s\n' "$line" >>"$tmp/new"; continue; } ;;
		.Ed)
			[ "$mdoc" ] && { finish; inside= ours=; } ;;
		esac
		if [ "$inside" ]; then
			block_line
			fresh=
		else
			printf '%s\n' "$line" >>"$tmp/new"
		fi
	done <"$page"
	[ "$update" ] && ! cmp -s "$tmp/new" "$page" && cat "$tmp/new" >"$page"
	return 0
}

[ $# -gt 0 ] || set -- tests/repl/transcripts/*.in README.md man/*.[1-9]
for file; do
	[ -e "$file" ] || continue
	case $file in
	*.in) run_input "$file" ;;
	*) run_page "$file" ;;
	esac
done
echo "$pass passed, $fail failed"
[ "$fail" -eq 0 ]
