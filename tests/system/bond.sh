#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# A bonded pair on the servers' side, one leg of which fails under load, and then the other: the pair changes
# over, the few queries that are lost meanwhile are counted, and the primary leg carries again when it is back.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-'END'
	newServer{address = '10.53.0.2:5300', checkInterval = 1, maxCheckFailures = 100}
END
sed -i 's/^eal:.*/eal: {hugepages: auto, memory: 512, args: ["--vdev=net_af_packet10,iface=leg0", "--vdev=net_af_packet11,iface=leg1"]}/
	s/net_af_packet1,iface=back/net_bonding0,mode=1,slave=net_af_packet10,slave=net_af_packet11,primary=net_af_packet10/' "$work/sluice.yml"
lab_net
# The switch at the other end of both legs has the servers' addresses.
ip -n "$backend" link del b0
ip -n "$backend" link add switch type bridge
ip -n "$backend" link set switch up
ip -n "$backend" addr add 10.53.0.2/24 dev switch
ip -n "$backend" addr add fd53::2/64 dev switch nodad
for leg in 0 1; do
	make_pair "$backend" "far$leg" "leg$leg"
	ip -n "$backend" link set "far$leg" master switch
done
in_backend ethtool -K switch tx off >/dev/null 2>&1
lab_nsd
lab_sluice

# shows TEXT: the log does, for wait_for. leg NUMBER: its link. works: a server's answer comes at once.
shows() { [ "$(grep -cF -- "$2" "$work/sluice.log")" -ge "$1" ]; }
link_is() { [ "$(metric "sluice_port_link_up{port=\"back\"${2:+,leg=\"net_af_packet1$2\"}}")" = "$1" ]; }
works() { quick "w$RANDOM.demo.test"; }
timeouts() { metric 'sluice_drops_total{reason="timeout"}'; }

wait_for 10 "an answer" works
before=$(timeouts)
seq -f 'q%.0f.load.demo.test A' 1 2000 >"$work/names"
ip netns exec "$client" dnsperf -s "$server" -d "$work/names" -l 60 -Q 1000 -q 5000 -t 5 >"$work/dnsperf.log" 2>&1 &
load_pid=$!
pids+=("$load_pid")
wait_for 10 "load" metric_is_least sluice_backend_responses_total 500
ip -n "$backend" link set far0 down
wait_for 5 "the second leg to carry" shows 1 'its leg net_af_packet11 carries now'
link_is 0 0 || fail "the failed leg is not shown as down"
wait_for 5 "answers over the second leg" works
ip -n "$backend" link set far0 up
wait_for 5 "the primary leg to carry again" shows 1 'its leg net_af_packet10 carries now'
ip -n "$sluice" link set leg1 down
wait_for 5 "the leg that waits to be down" link_is 0 1
ip -n "$sluice" link set leg1 up
wait_for 5 "the leg that waits to be up" link_is 1 1
wait_for 5 "answers" works
stop_pid "$load_pid" INT
sent=$(sed -n 's/.*Queries sent: *\([0-9]*\).*/\1/p' "$work/dnsperf.log")
lost=$(($(timeouts) - before))
say "$sent queries sent, $lost lost and counted"
[ "$lost" -le $((sent / 10)) ] || fail "too many were lost"

# Without both nothing works, which is said; with one of them all does.
ip -n "$backend" link set far0 down
ip -n "$backend" link set far1 down
wait_for 5 "the pair to be down" link_is 0
ip -n "$backend" link set far1 up
wait_for 5 "the pair to be up" link_is 1
wait_for 10 "answers" works
load 1000 after.load.demo.test 2000 || fail "queries are lost with one leg"
alive
