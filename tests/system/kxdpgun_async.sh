#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# kxdpgun sends 50,000 queries/s, which reuse their DNS IDs: each is suspended and answered.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

rate=${RATE:-50000} duration=3
lab_config <"$top/lua/examples/async-filter.lua"
lab_net
lab_nsd
lab_filter
lab_sluice

# kxdpgun asks the neighbour table for its peer, and somebody has to have asked for the way to NSD.
expect 'status: NOERROR' c1.demo.test
quick c1.demo.test || fail "no verdict at the start"
ip -n "$client" neigh replace "$server" dev c0 nud permanent \
	lladdr "$(in_sluice cat /sys/class/net/edge/address)"
seq -f 'q%.0f.load.demo.test A' 1 1000 >"$work/queries"

counter() {
	ip netns exec "$sluice" python3 -c \
		'import urllib.request; print(urllib.request.urlopen("http://127.0.0.1:8083/metrics", timeout=5).read().decode())' |
		sed -n "s/^sluice_$1 //p"
}

# Five programs share what may be two cores: where the machine held one of them up, a datagram is
# lost on the way to it. That is not what is tested, so the same number of queries is tried again, more
# slowly each time; it is more than there are DNS IDs.
queries=$((rate * duration))
for slower in 1 1 2 2 4 8; do
	timeout 60 ip netns exec "$client" kxdpgun -t $((duration * slower)) -Q $((rate / slower)) -b 10 -I c0 \
		-i "$work/queries" "$server" >"$work/kxdpgun.log" 2>&1 || fail "kxdpgun ended with $?"
	sent=$(sed -n 's/^total queries: *\([0-9]*\).*/\1/p' "$work/kxdpgun.log")
	answered=$(sed -n 's/^total replies: *\([0-9]*\).*/\1/p' "$work/kxdpgun.log")
	say "$((rate / slower)) queries/s: sent $sent, answered $answered"
	# No try may lose a query to an ID that is taken or used up.
	[ "$(counter async_duplicate_total)" = 0 ] || fail "IDs collided"
	[ "$(counter async_overflow_total)" = 0 ] || fail "the registry overflowed"
	[ "$sent" -lt $((queries * 9 / 10)) ] || [ "$sent" -ne "$answered" ] || break
done
[ "$sent" -ge $((queries * 9 / 10)) ] || fail "only $sent queries were sent"
[ "$sent" -eq "$answered" ] || fail "$((sent - answered)) of $sent queries were not answered"
grep -E 'NOERROR' "$work/kxdpgun.log" || fail "no NOERROR among the answers"
stop_pid "$filter_pid"
alive
