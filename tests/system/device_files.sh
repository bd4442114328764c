#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Devices without a wire: net_pcap from a file to a file, net_null, net_ring; and a device that has
# fewer queues than there are workers, which is an error that says how many.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# device DEVICE WORKERS: a configuration of one port.
device() {
	mkdir -p "$work/run"
	cp "$top/tests/golden/refused/policy.lua" "$work"
	cat >"$work/sluice.yml" <<-END
		eal: {hugepages: never, memory: 256}
		lcores: {control: 0, workers: [$2], share: true}
		ports: [{name: edge, device: "$1", addresses: [10.53.0.1/24, "fd53::1/64"]}]
		policy: policy.lua
		metrics: {listen: 127.0.0.1:8083}
	END
}

ends_well() {
	local status=0
	alive
	kill -TERM "$sluice_pid"
	wait "$sluice_pid" || status=$?
	[ "$status" -eq 0 ] || fail "Sluice on $1 ends with $status"
}

ip netns add "$sluice"
ip -n "$sluice" link set lo up

# The frames of a golden test, to the address that net_pcap has; six answers in the file behind.
python3 "$top/tests/system/pcap_readdress.py" "$top/tests/golden/refused/in.pcap" "$work/in.pcap"
device "net_pcap0,rx_pcap=$work/in.pcap,tx_pcap=$work/out.pcap" 0
lab_sluice
wait_for 10 "six answers" metric_is_least sluice_sent_packets_total 6
[ "$(metric 'sluice_queries_total{port="edge"}')" -eq 6 ] || fail "the file was read more than once"
ends_well net_pcap
python3 "$top/tests/system/pcap_readdress.py" --compare "$work/out.pcap" "$top/tests/golden/refused/out.pcap" ||
	fail "net_pcap's file is not what replay gives"

# net_null receives empty frames without end: all dropped by name, and Sluice still listens.
device net_null0 0
lab_sluice
wait_for 10 "frames of net_null" metric_is_least 'sluice_drops_total{reason="not_ours"}' 100000
ends_well net_null

# net_ring gives back what it is sent.
device net_ring0 0
lab_sluice
in_sluice curl -sf --max-time 5 -o "$work/metrics" http://127.0.0.1:8083/metrics || fail "no metrics with net_ring"
ends_well net_ring

# One receive queue, two workers.
device "net_pcap0,rx_pcap=$work/in.pcap,tx_pcap=$work/out.pcap" "0, 1"
status=0
(sluice_exec run -c "$work/sluice.yml") 2>"$work/sluice.log" || status=$?
[ "$status" -eq 3 ] || fail "too few queues end with $status, not 3"
grep -qxE "$work/sluice\.yml:[0-9]+:[0-9]+: port edge: the device has 1 receive and 1 transmit queues, 2 workers need \
one of each; use fewer workers or ask the device for more queues" "$work/sluice.log" || fail "no word of the queues"
