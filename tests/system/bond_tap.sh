#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# A bonded pair whose legs are taps: one fails, the other carries, and the first again when it is back.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-'END'
	newServer{address = '10.53.0.2:5300', healthCheckMode = 'up'}
END
sed -i 's/^eal:.*/eal: {hugepages: auto, memory: 512, args: ["--vdev=net_tap10,iface=leg0", "--vdev=net_tap11,iface=leg1"]}/
	s/net_af_packet1,iface=back/net_bonding0,mode=1,slave=net_tap10,slave=net_tap11,primary=net_tap10/' "$work/sluice.yml"
lab_net
lab_sluice
# The kernel's ends of the taps are where Sluice is: so is the server, which answers over the leg that is up.
in_sluice sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.leg0.rp_filter=0 net.ipv4.conf.leg1.rp_filter=0
ip -n "$sluice" addr add 10.53.0.2/32 dev lo
way() { ip -n "$sluice" route replace 10.53.0.1 dev "$1" src 10.53.0.2; }
way leg0
ip netns exec "$sluice" /usr/bin/python3 "$top/tests/system/subnet.py" 10.53.0.2 5300 >"$work/server.log" 2>&1 &
pids+=($!)
wait_for 10 "the server" grep -q 'subnet: ready' "$work/server.log"

shows() { [ "$(grep -cF -- "$2" "$work/sluice.log")" -ge "$1" ]; }
works() { quick "w$RANDOM.demo.test"; }
wait_for 20 "an answer" works
ip -n "$sluice" link set leg0 down
wait_for 10 "the second leg to carry" shows 1 'its leg net_tap11 carries now'
way leg1
wait_for 20 "answers over the second leg" works
ip -n "$sluice" link set leg0 up
wait_for 10 "the primary leg to carry again" shows 1 'its leg net_tap10 carries now'
way leg0
wait_for 20 "answers over the primary leg" works
alive
stop_pid "$sluice_pid"
