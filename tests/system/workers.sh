#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Two workers, each with a queue of each port, over af_packet and over a tap: every query is answered
# once, by rule and by a server whose answers may reach the other worker.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-END
	newServer('10.53.0.2:5300')
	addAction(QNameSuffixRule({'rule.test'}), SpoofAction('192.0.2.1'))
END
# Ordinary memory holds less of the buffers of two workers than hugepages do.
sed -i 's/^eal:.*/eal: {hugepages: auto, memory: 512}/' "$work/sluice.yml"
sed -i 's/^lcores:.*/lcores: {control: 0, workers: [0, 1], share: true}/' "$work/sluice.yml"
[ "$(nproc)" -gt 1 ] || sed -i 's/workers: \[0, 1\]/workers: [0, 0]/' "$work/sluice.yml"
lab_net
lab_nsd

# once NAMESPACE: both kinds of queries from there.
once() {
	local name socket=/var/run/dpdk/sluice-$sluice_pid/dpdk_telemetry.v2
	for name in q%d.rule.test q%d.load.demo.test; do
		ip netns exec "$1" python3 "$top/tests/system/workers.py" "$server" "$name" "$socket" 2 ||
			fail "$2: not every query was answered once by both workers"
	done
	alive
	stop_pid "$sluice_pid"
}

lab_sluice
once "$client" af_packet

# The client is the kernel at the other end of the tap, in Sluice's namespace.
ip -n "$sluice" link del edge
sed -i 's/net_af_packet0,iface=edge/net_tap0,iface=edge/' "$work/sluice.yml"
lab_sluice
ip -n "$sluice" addr add 10.53.2.2/24 dev edge
ip -n "$sluice" link set edge up
once "$sluice" tap
