#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Links that go and come back under load, on the servers' and the clients' side: that is seen, what is lost is
# counted, and all works again by itself.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_up <<-'END'
	newServer{address = '10.53.0.2:5300', checkInterval = 1, maxCheckFailures = 100}
END
drops() { metric "sluice_drops_total{reason=\"$1\"}"; }
lost_more() { [ "$(($(drops timeout) + $(drops no_neighbour) + $(metric sluice_unsent_packets_total)))" -gt "$before" ]; }
link_is() { [ "$(metric "sluice_port_link_up{port=\"$1\"}")" = "$2" ]; }
changes() { metric "sluice_port_link_changes_total{port=\"$1\"}"; }
changed() { [ "$(changes "$1")" -eq "$2" ]; }
told() { grep -cE 'port (edge|back): its link is (down|up again, after [0-9.]+ s)$' "$work/sluice.log" || true; }
works() { quick "w$RANDOM.demo.test"; }

# link_goes NAMESPACE INTERFACE: away until queries were lost and counted, and back.
link_goes() {
	before=$(($(drops timeout) + $(drops no_neighbour) + $(metric sluice_unsent_packets_total)))
	ip -n "$1" link set "$2" down
	wait_for 5 "the link to be down" link_is back 0
	wait_for 15 "lost queries that are counted" lost_more
	ip -n "$1" link set "$2" up
	wait_for 5 "the link to be up" link_is back 1
	wait_for 10 "answers once $2 is up again" works
}

wait_for 10 "an answer" works
# A new veth takes its time to be up.
wait_for 5 "the links" link_is edge 1
wait_for 5 "the links" link_is back 1
edge_before=$(changes edge) back_before=$(changes back) told_before=$(told)
seq -f 'q%.0f.load.demo.test A' 1 2000 >"$work/names"
ip netns exec "$client" dnsperf -s "$server" -d "$work/names" -l 40 -Q 1000 -t 1 >"$work/dnsperf.log" 2>&1 &
load_pid=$!
pids+=("$load_pid")
link_goes "$backend" b0
link_goes "$sluice" back
# On the clients' side nothing comes in meanwhile.
ip -n "$sluice" link set edge down
ip -n "$sluice" link set edge up
wait_for 10 "answers once edge is up again" works
wait_for 5 "both changes of edge" changed edge $((edge_before + 2))
changed back $((back_before + 4)) || fail "the changes of back were not counted"
[ "$(told)" -eq $((told_before + 6)) ] || fail "the log does not tell of six changes"
stop_pid "$load_pid" INT
load 2000 after.load.demo.test 2000 || fail "queries are lost with all links up"
alive
