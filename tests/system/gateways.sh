#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# A server behind two gateways: the second one serves while the first is not there, which is counted, and the first
# again when it is; a gateway whose address moves to another MAC, as VRRP does it, is followed at once.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-'END'
	newServer{address = '10.99.0.1:5300', checkInterval = 1, maxCheckFailures = 100}
END
sed -i 's/{name: back,/& gateways: [10.53.0.3, 10.53.0.4],/' "$work/sluice.yml"
lab_net
ip -n "$backend" addr add 10.99.0.1/32 dev lo
ip -n "$backend" addr add 10.53.0.4/24 dev b0
in_backend sysctl -qw net.ipv4.conf.b0.arp_notify=1
lab_nsd_at far 10.99.0.1
lab_sluice

other() { metric sluice_other_gateway_total; }
works() { quick "w$RANDOM.demo.test"; }
first_serves() {
	local before
	before=$(other)
	works && [ "$(other)" -eq "$before" ]
}
wait_for 10 "answers through the second gateway" works
load 500 second.demo.test 500 || fail "queries are lost with one gateway"
[ "$(other)" -ge 500 ] || fail "the second gateway was not counted"
ip -n "$backend" addr add 10.53.0.3/24 dev b0
wait_for 10 "the first gateway to serve" first_serves
for mac in 02:00:00:00:53:01 02:00:00:00:53:02; do
	ip -n "$backend" link set b0 address "$mac"
	wait_for 10 "answers through a gateway that moved" works
done
load 500 first.demo.test 500 || fail "queries are lost with both gateways"
alive
