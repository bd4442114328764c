#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Clients in a VLAN, servers outside of it: queries over IPv4 and IPv6 with tags, answers with tags; TCP through
# the kernel's interface, which sees none; frames of another VLAN, and of none, are dropped by name.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-'END'
	newServer('10.53.0.2:5300')
	addAction('refused.test.', RCodeAction(DNSRCode.REFUSED))
END
sed -i 's/{name: edge,/& vlan: 100,/' "$work/sluice.yml"
lab_kernel
lab_net
# The client is at a switch, whose trunk is where the port of Sluice was.
in_sluice ip link set edge name access
ip -n "$sluice" link set access up
ip -n "$sluice" link add trunk type veth peer name edge
ip -n "$sluice" link set trunk up
ip -n "$sluice" link set edge up
lab_nsd

# access VLAN: the client's port at the switch is in that VLAN.
relay_pid=''
access() {
	[ -z "$relay_pid" ] || stop_pid "$relay_pid"
	: >"$work/relay.log"
	ip netns exec "$sluice" python3 "$top/tests/system/vlan_relay.py" access trunk "$1" >"$work/relay.log" &
	relay_pid=$!
	pids+=("$relay_pid")
	wait_for 10 "the switch" grep -q relaying "$work/relay.log"
}
foreign() { metric 'sluice_drops_total{reason="frame_vlan"}'; }
foreign_more() { [ "$(foreign)" -gt "$1" ]; }

access 100
lab_sluice
lab_kernel_serve 7
expect 'status: REFUSED' "@$server" refused.test
# DPDK 22.11's net_af_packet has its socket hear all interfaces until it binds it to one: frames from
# before that have no tags.
strays=$(foreign)
for address in "$server" "$server6"; do
	expect 'status: REFUSED' "@$address" refused.test
	expect '192\.0\.2\.' "@$address" allowed.demo.test
	in_client ping -c 1 -w 5 "$address" >/dev/null || fail "no ping of $address"
	kernel_peer ask "$address" 7 20000 || fail "no TCP to $address"
done
load 500 load.demo.test 1000 || fail "queries are lost in the VLAN"
[ "$(foreign)" -eq "$strays" ] || fail "frames of the port's VLAN were dropped"

for vlan in 200 0; do
	before=$(foreign)
	access "$vlan"
	ask refused.test +time=1 | grep -q 'status: REFUSED' && fail "an answer in VLAN $vlan"
	wait_for 5 "drops by name in VLAN $vlan" foreign_more "$before"
done
access 100
wait_for 5 "answers in the VLAN" quick allowed.demo.test
alive
