#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# sluice run that does not start: exit status and one sentence each, with its place where it has one.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<<"addAction(AllRule(), RCodeAction(DNSRCode.REFUSED))"
ip netns add "$sluice"
ip -n "$sluice" link set lo up
# no_port: its ports are of no device, so that what comes after them is the first that is refused.
no_port() { sed 's/net_af_packet\([01]\),iface=[a-z]*/net_null\1/' "$work/sluice.yml" >"$work/${1:-null}.yml"; }
no_port

# refused STATUS PATTERN ARGUMENTS...: it ends so, and a line is like that.
refused() {
	local expected=$1 pattern=$2 got=0
	shift 2
	(exec timeout 60 ip netns exec "$sluice" "$@") >"$work/said.log" 2>&1 || got=$?
	[ "$got" -eq "$expected" ] || fail "$* ends with $got, not $expected"
	grep -qE -- "$pattern" "$work/said.log" || fail "no line like '$pattern' of $*"
	! grep -q '^sluice: ready' "$work/said.log" || fail "it was ready"
}
run=("$binary" run -c)

# Devices: all of them, each where it stands.
refused 3 "^$work/sluice\.yml:4:26: port edge: cannot open device 'net_af_packet0,iface=edge.*check" "${run[@]}" "$work/sluice.yml"
grep -qE "^$work/sluice\.yml:5:26: port back: cannot open device 'net_af_packet1,iface=back.*check" "$work/said.log" ||
	fail "the second device is not told"
ip -n "$sluice" link add edge type veth peer name back
chmod 755 "$work" # for nobody
refused 3 'port edge: cannot open device .*that you are root$' setpriv --reuid 65534 --regid 65534 --clear-groups \
	"$binary" run -c "$work/sluice.yml"

# Memory, sockets, DPDK.
with() { no_port other && printf '%s\n' "${@:2}" >>"$work/other.yml" && sed -i "$1" "$work/other.yml"; }
with 's/^eal:.*/eal: {hugepages: never, memory: 64}/' 'async: {max_suspended: 4000000}'
refused 3 '^no memory for parked packets; raise eal.memory or lower async.max_suspended' "${run[@]}" "$work/other.yml"
with 's/^eal:.*/eal: {hugepages: never, memory: 256, args: [--no-such-argument]}/'
refused 3 'no-such-argument' "${run[@]}" "$work/other.yml"
with "s/memory: 256/memory: 512/" "console: {socket: $work/nowhere/console.sock}"
refused 3 "$work/nowhere/console\.sock" "${run[@]}" "$work/other.yml"
with 's/127.0.0.1:8083/192.0.2.1:8083/'
refused 3 'metrics: cannot listen on port 8083; .*metrics\.listen' "${run[@]}" "$work/other.yml"

# Configuration and policy.
with 's/^metrics:.*/metrics: {listen: 8083}/' 'colour: blue'
refused 1 "^$work/other\.yml:7:19: listen: " "${run[@]}" "$work/other.yml"
grep -qE "^$work/other\.yml:8:1: unknown key 'colour'" "$work/said.log" || fail "no word of the second error"
refused 1 "^$work/none\.lua:1:1: cannot read the file: " "${run[@]}" "$work/null.yml" -p "$work/none.lua"
printf '\nNoSuchAction()\n' >"$work/policy.lua"
refused 1 "^$work/policy\.lua:2: .*NoSuchAction" "${run[@]}" "$work/null.yml"
