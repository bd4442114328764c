#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# sluice check and the command line: exit codes, and every error with its position in one go.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# status EXPECTED ARGUMENTS...: runs Sluice, keeps what it says.
status() {
	local expected=$1 got=0
	shift
	timeout 30 "$binary" "$@" >"$work/said.log" 2>&1 || got=$?
	[ "$got" -eq "$expected" ] || fail "sluice $* ends with $got, not $expected"
}
says() {
	grep -qE -- "$1" "$work/said.log" || fail "no line like '$1'"
}

lab_config <<<"newServer('10.53.0.2:5300')"
status 0 check -c "$work/sluice.yml"
status 0 version
says '[Ss]luice.*[0-9]'
status 2 frobnicate
status 2 run --no-such-option
status 2 check -e '1 + 1'
status 2 check --explain
status 2 replay --burst 65 in.pcap out.pcap
status 2 replay --burst 4 --explain in.pcap out.pcap
status 2 console -c "$work/sluice.yml" -s /run/sluice/console.sock
status 3 console -c "$work/sluice.yml" -e 1
says 'is Sluice running'
status 1 check -c "$work/missing.yml"
says 'missing\.yml'

cat >"$work/wrong.yml" <<-END
	eal: {memory: plenty}
	lcores: {control: 0, workers: [4096]}
	ports:
	  - name: edge
	    device: net_null0
	    addresses: [10.53.2.1/33]
	    colour: blue
	listen: [10.99.0.1:53]
	policy: policy.lua
	async: {on_expiry: explode}
	console: {socket: /run/sluice/$(printf '%0100d' 0).sock}
END
status 1 check -c "$work/wrong.yml"
for line in 1 2 6 7 10 11; do
	says "wrong\.yml:$line:[0-9]+: "
done
says 'wrong\.yml:7:5: .*colour'

# replay: a capture that is none, one that is cut, and none of it needs privileges.
golden=$top/tests/golden/refused
status 2 replay -c "$golden/config.yml" "$golden/in.pcap"
status 3 replay -c "$golden/config.yml" "$work/missing.pcap" "$work/out.pcap"
says 'missing\.pcap'
status 3 replay -c "$golden/config.yml" "$golden/config.yml" "$work/out.pcap"
head -c 200 "$golden/in.pcap" >"$work/cut.pcap"
status 3 replay -c "$golden/config.yml" "$work/cut.pcap" "$work/out.pcap"
says 'cut\.pcap: truncated'
status 1 replay -c "$golden/config.yml" -p "$work/none.lua" "$golden/in.pcap" "$work/out.pcap"
setpriv --reuid 65534 --regid 65534 --clear-groups "$binary" replay -c "$golden/config.yml" \
	"$golden/in.pcap" - 2>"$work/said.log" | cmp -n 500 - "$golden/out.pcap" || fail "replay by nobody"
"$binary" replay --explain -c "$golden/config.yml" "$golden/in.pcap" - 2>"$work/said.log" |
	cmp -n 500 - "$golden/out.pcap" || fail "replay --explain changes what is sent"
says '^packet 1, .*: query 0 '

printf 'newServer("10.53.0.2:5300")\naddAction(AllRule(), NoSuchAction())\n' >"$work/policy.lua"
status 1 check -c "$work/sluice.yml"
says 'policy\.lua:2:.*NoSuchAction'
printf 'local function (\n' >"$work/other.lua"
status 1 check -c "$work/sluice.yml" -p "$work/other.lua"
says 'other\.lua:1:'

# What only shows when the whole is looked at: an address on no port, a CPU used twice.
cp "$work/sluice.yml" "$work/whole.yml"
sed -i 's/^lcores:.*/lcores: {control: 0, workers: [0], share: false}/' "$work/whole.yml"
printf 'listen: [10.99.0.1:53]\n' >>"$work/whole.yml"
status 1 check -c "$work/whole.yml"
says "whole\.yml:2:[0-9]+: "
says "whole\.yml:$(wc -l <"$work/whole.yml"):[0-9]+: .*10\.99\.0\.1"
