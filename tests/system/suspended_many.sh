#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# A registry for 1,000,000: a filter that never answers is asked about 150,000 queries, all of which
# are suspended at once; each expires on time and is answered, and other traffic goes on.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

if [ "$(sed -n 's/^MemAvailable: *\([0-9]*\).*/\1/p' /proc/meminfo)" -lt 4000000 ]; then
	echo "skipped: 4 GB of memory are needed"
	exit 0
fi
rate=${RATE:-40000} duration=4 timeout=6000 at_least=${AT_LEAST:-100000} late_ms=${LATE_MS:-250} late_share=${LATE_SHARE:-10}
lab_config <<-END
	newServer('10.53.0.2:5300')
	local filter = newNetworkEndpoint('/run/sluice/filter.sock')
	addAction(QNameSuffixRule({'park.test'}), LuaAction(function(dq)
		assert(sluice.suspend(dq, {timeout = $timeout, on_expiry = 'refused'}))
		filter:send(dq:getContent())
		return DNSAction.Allow
	end))
END
sed -i 's/^eal:.*/eal: {hugepages: never, memory: 2600}/' "$work/sluice.yml"
printf 'async: {max_suspended: 1000000, send_queue: 65536}\n' >>"$work/sluice.yml"
lab_net
lab_nsd
lab_filter --silent park.test
lab_sluice
# Before other programs of this machine, whose turns on its CPUs are not what is measured. Only from
# here on: the kernel has to make memory and ports while Sluice starts, and would wait for its turn.
chrt --all-tasks --fifo --pid 10 "$sluice_pid"
grep -E 'memory: [0-9]+ MiB for 1000000 suspended packets' "$work/sluice.log" || fail "no word of the memory"

metrics() { in_sluice curl -s --max-time 5 -o "$work/metrics" http://127.0.0.1:8083/metrics; }
counter() { awk -v name="sluice_$1" '$1 == name { print $2 }' "$work/metrics"; }
all_ended() { metrics && [ "$(counter async_suspended)" = 0 ]; }

expect 'status: NOERROR' c1.demo.test
ip -n "$client" neigh replace "$server" dev c0 nud permanent \
	lladdr "$(in_sluice cat /sys/class/net/edge/address)"
seq -f 'q%.0f.park.test A' 1 1000 >"$work/queries"
timeout 30 ip netns exec "$client" kxdpgun -t "$duration" -Q "$rate" -b 10 -I c0 -i "$work/queries" "$server" \
	>"$work/kxdpgun.log" 2>&1 || fail "kxdpgun ended with $?"
metrics
parked=$(counter async_suspended)
say "$(sed -n 's/^total queries: *\([0-9]*\).*/\1/p' "$work/kxdpgun.log") sent, $parked suspended at once"
[ "$parked" -ge "$at_least" ] || fail "only $parked were suspended at once"
quick c2.demo.test || fail "other queries wait behind those that are suspended"

wait_for 20 "the end of all that are suspended" all_ended
[ "$(counter async_expired_total)" = "$(counter async_suspended_total)" ] || fail "not all expired"
[ "$(counter async_overflow_total)" = 0 ] || fail "the registry overflowed"
late=$(counter async_expiry_late_seconds_max)
say "the latest expiry was $late s late; $(counter async_overdue_total) of $parked were more than 2 ms late"
awk -v late="$late" -v most="$late_ms" 'BEGIN { exit !(late > 0 && late * 1000 <= most) }' ||
	fail "an expiry was $late s late, $late_ms ms are allowed"
[ $(($(counter async_overdue_total) * 100)) -le $((parked * late_share)) ] ||
	fail "more than $late_share in a hundred were late"
expect 'status: NOERROR' c3.demo.test
alive
