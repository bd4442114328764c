#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# net_memif between dpdk-testpmd, which sends the queries of a golden test over and over, and Sluice:
# all are answered and the answers come back.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

memif="net_memif0,socket=$work/memif.sock,socket-abstract=no"
mkdir -p "$work/run"
cp "$top/tests/golden/refused/policy.lua" "$work"
cat >"$work/sluice.yml" <<-END
	eal: {hugepages: never, memory: 256}
	lcores: {control: 0, workers: [0], share: true}
	ports: [{name: edge, device: "$memif,role=server,mac=02:00:00:00:00:01", addresses: [10.53.0.1/24, "fd53::1/64"]}]
	policy: policy.lua
	metrics: {listen: 127.0.0.1:8083}
END
ip netns add "$sluice"
ip -n "$sluice" link set lo up

metric() {
	in_sluice curl -s --max-time 5 -o "$work/metrics" http://127.0.0.1:8083/metrics
	awk -v name="$1" '$1 == name { print $2 }' "$work/metrics"
}
sent_is_least() { [ "$(metric sluice_sent_packets_total)" -ge "$1" ]; }

lab_sluice
mkfifo "$work/commands"
stdbuf -oL dpdk-testpmd --lcores '0@0,1@0' --file-prefix "peer-$run" --no-pci --no-huge --no-shconf --no-telemetry \
	-m 128 --vdev="net_pcap0,rx_pcap=$top/tests/golden/refused/in.pcap,infinite_rx=1" \
	--vdev="$memif,role=client" -- -i --forward-mode=io --total-num-mbufs=4096 --auto-start \
	<"$work/commands" >"$work/testpmd.log" 2>&1 &
testpmd_pid=$!
pids+=("$testpmd_pid")
exec 9>"$work/commands"
wait_for 30 "100,000 answers" sent_is_least 100000
printf 'stop\nquit\n' >&9
wait_for 10 "the end of testpmd" process_ended "$testpmd_pid"
received=$(metric sluice_received_packets_total) sent=$(metric sluice_sent_packets_total)
back=$(sed -n '/statistics for port 1 /,/RX-total/s/.*RX-packets: *\([0-9]*\).*/\1/p' "$work/testpmd.log" | tail -n 1)
say "received $received, sent $sent, $back came back"
[ "$received" = "$(metric 'sluice_queries_total{port="edge"}')" ] || fail "not every frame was a query"
[ "$received" = "$(metric 'sluice_responses_total{port="edge",kind="self"}')" ] || fail "not every query was answered"
# A ring that is full when its reader is away loses frames, and says so. A link that comes up is told of our addresses.
[ $((sent + $(metric sluice_unsent_packets_total) - $(metric sluice_address_announcements_total))) = "$received" ] || fail "answers were lost in silence"
[ "$back" -ge 100000 ] || fail "only $back answers came back"
alive
