#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# A flood of TCP connections towards the kernel: it gets its rate of them and no more, all are counted,
# DNS loses no query, and a connection that was open before goes on.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<<'newServer("10.53.0.2:5300")'
lab_kernel 'rate: 1000'
lab_net
lab_nsd
lab_sluice
lab_kernel_serve 7
expect 'status: NOERROR' allowed.demo.test
mac=$(in_sluice cat /sys/class/net/edge/address)

begun=$(date +%s%N)
kernel_peer flood c0 "$mac" "$server" 7 60000 >"$work/flood.log" &
flood_pid=$!
pids+=("$flood_pid")
load 6000 load.demo.test 3000 || fail "queries were lost beside the flood"
wait "$flood_pid" || fail "the connection that was open did not live on: $(cat "$work/flood.log")"
cat "$work/flood.log"
ask allowed.demo.test >/dev/null
took=$((($(date +%s%N) - begun) / 1000000))

metric sluice_received_packets_total
value() { awk -v name="$1" '$1 == name { print $2 }' "$work/metrics"; }
passed=$(value sluice_kernel_passed_total) link=$(value sluice_kernel_link_total) sent=$(value sluice_kernel_sent_total)
rate=$(value 'sluice_drops_total{reason="kernel_rate"}') full=$(value 'sluice_drops_total{reason="kernel_full"}')
say "$passed and $link for the kernel in $took ms: it took $sent, $rate were beyond its rate, $full beyond its queue"
[ "$passed" -ge 60000 ] || fail "not all of the flood was seen"
[ "$sent" -le $((took + 100)) ] || fail "more than 1,000 a second"
[ "$rate" -gt 30000 ] || fail "the flood was not held back"
# A word of the old connection may be on its way.
[ $((passed + link - sent - rate - full)) -le 16 ] || fail "some are not accounted for"
alive
