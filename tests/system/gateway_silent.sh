#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# A gateway dies, and another MAC has its address, which nobody tells: it is noticed since servers behind it do not
# answer, neither queries nor checks, long before the gateway's time to be asked again has come.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-'END'
	newServer{address = '10.99.0.1:5300', pool = 'queries', healthCheckMode = 'up'}
	newServer{address = '[fd99::1]:5300', pool = 'checks', checkName = 'demo.test.', maxCheckFailures = 2, mustResolve = true}
	setUDPTimeout(1)
	addAction('none.test.', PoolAction('checks'))
	addAction(AllRule(), PoolAction('queries'))
END
sed -i 's/{name: back,/& gateways: [10.53.0.3, "fd53::3"],/' "$work/sluice.yml"
lab_net
for address in 10.99.0.1/32 fd99::1/128; do ip -n "$backend" addr add "$address" dev lo; done
ip -n "$backend" addr add 10.53.0.3/24 dev b0
ip -n "$backend" addr add fd53::3/64 dev b0 nodad
lab_nsd
sed -e '/ip-address/d' -e 's/^server:/&\n  ip-address: 10.99.0.1@5300\n  ip-address: fd99::1@5300/' "$work/nsd/nsd.conf" >"$work/nsd/far.conf"
stop_pid "$server_pid"
ip netns exec "$backend" nsd -d -c "$work/nsd/far.conf" >"$work/far.log" 2>&1 &
pids+=($!)
lab_sluice

works() { quick "w$RANDOM.demo.test"; }
is_up() { [ "$(console 'return getServer(1):isUp()')" = true ]; }
is_down() { ! is_up; }
wait_for 20 "answers through the gateway" works
wait_for 20 "the other server to be up" is_up
# Frames to a MAC that is not there are lost, and nobody says where the address is now.
SECONDS=0
ip -n "$backend" link set b0 address 02:00:00:00:53:01
wait_for 10 "the server to be down" is_down
wait_for 29 "answers through a gateway that nobody announced" works
wait_for 29 "checks through it" is_up
[ "$(metric sluice_neighbours_doubted_total)" -ge 2 ] || fail "nobody was doubted"
[ "$SECONDS" -le 29 ] || fail "$SECONDS s: that is no sooner than the gateway's time to be asked"
alive
