#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# sluice replay: a capture that is none, one that is cut; it needs no privilege, and gives the same each time.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

golden=$top/tests/golden/refused
# status EXPECTED PATTERN ARGUMENTS...: how it ends, and a line that it says.
status() {
	local expected=$1 pattern=$2 got=0
	shift 2
	timeout 30 "$binary" replay "$@" >"$work/said.log" 2>&1 || got=$?
	[ "$got" -eq "$expected" ] || fail "sluice replay $* ends with $got, not $expected"
	grep -qE -- "$pattern" "$work/said.log" || fail "no line like '$pattern'"
}
status 3 "^replay: $work/missing\.pcap: No such file or directory$" -c "$golden/config.yml" "$work/missing.pcap" "$work/out.pcap"
status 3 'config\.yml' -c "$golden/config.yml" "$golden/config.yml" "$work/out.pcap"
head -c 200 "$golden/in.pcap" >"$work/cut.pcap"
status 3 'cut\.pcap: truncated' -c "$golden/config.yml" "$work/cut.pcap" "$work/out.pcap"
cp "$golden/in.pcap" "$work/in.pcap"
ln "$work/in.pcap" "$work/again.pcap"
for name in in again; do
	status 3 "$name\.pcap: this is the capture itself" -c "$golden/config.yml" "$work/in.pcap" "$work/$name.pcap"
	cmp "$golden/in.pcap" "$work/in.pcap" || fail "the capture is not what it was"
done
status 1 'none\.lua:1:1: ' -c "$golden/config.yml" -p "$work/none.lua" "$golden/in.pcap" "$work/out.pcap"

setpriv --reuid 65534 --regid 65534 --clear-groups "$binary" replay -c "$golden/config.yml" \
	"$golden/in.pcap" - 2>"$work/said.log" | cmp - "$golden/out.pcap" || fail "replay by nobody"
"$binary" replay --explain -c "$golden/config.yml" "$golden/in.pcap" - 2>"$work/said.log" |
	cmp - "$golden/out.pcap" || fail "replay --explain changes what is sent"
grep -qE '^packet 1, .*: query 0 ' "$work/said.log" || fail "nothing is explained"
