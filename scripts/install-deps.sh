#!/bin/sh
# install-deps.sh - installs the Debian or Ubuntu packages that mmsh needs and
# that are missing. Does nothing, and asks for nothing, where all are there.
#
#   scripts/install-deps.sh [build|test]
#
# build: what the program needs; test: also what the tests use.
set -eu

build="gcc make libc6-dev liblua5.4-dev libreadline-dev"
tests="libcmocka-dev mandoc xz-utils clang gcc-multilib qemu-system-x86"

want=$build
[ "${1:-build}" = test ] && want="$build $tests"

missing=
for p in $want; do
	dpkg-query -W -f '${Status}' "$p" 2>/dev/null |
		grep -q '^install ok installed' || missing="$missing $p"
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
	as_root=sudo
	command -v sudo >/dev/null || {
		echo "install-deps: missing:$missing" >&2
		echo "install-deps: run as root: apt-get install$missing" >&2
		exit 1
	}
fi
export DEBIAN_FRONTEND=noninteractive
echo "installing:$missing"
$as_root apt-get update -qq
# One by one where needed: what is only for some tests may be absent on
# another system; those tests skip themselves.
# shellcheck disable=SC2086
$as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null ||
	for p in $missing; do
		$as_root apt-get install -y -qq --no-install-recommends "$p" \
			>/dev/null || echo "install-deps: no package $p" >&2
	done
for p in $build; do
	dpkg-query -W -f '${Status}' "$p" 2>/dev/null |
		grep -q '^install ok installed' || {
		echo "install-deps: $p is not installed" >&2
		exit 1
	}
done
