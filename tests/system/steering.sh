#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Each port says at the start how answers come home, by what its device has: net_null tells an RSS key
# and table, veth pairs do not; what is asked for and not there is an error.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-END
	newServer('10.53.3.2')
END
sed -i 's/^eal:.*/eal: {hugepages: auto, memory: 512}/' "$work/sluice.yml"
sed -i 's/^lcores:.*/lcores: {control: 0, workers: [0, 0, 0, 0], share: true}/' "$work/sluice.yml"
sed -i '/name: edge/i\  - {name: none, device: "net_null0,no-rx=1", addresses: [10.53.3.1/24]}' "$work/sluice.yml"
lab_net
lab_sluice
in_sluice curl -s http://127.0.0.1:8083/metrics >"$work/metrics"

# shows METRIC VALUE
shows() {
	grep -qF "$1 $2" "$work/metrics" || fail "$1 is not $2:"$'\n'"$(grep -F sluice_port_s "$work/metrics")"
}
for family in ipv4 ipv6; do
	shows "sluice_port_steering{port=\"none\",family=\"$family\",by=\"rss\"}" 1
	shows "sluice_port_source_ports{port=\"none\",family=\"$family\"}" 12288
	shows "sluice_port_steering{port=\"back\",family=\"$family\",by=\"ring\"}" 1
	shows "sluice_port_source_ports{port=\"back\",family=\"$family\"}" 8192
done
grep -q 'port none: answers come home by rss over IPv4 and by rss over IPv6' "$work/sluice.log" ||
	fail "the log does not say how answers come home"
stop_pid "$sluice_pid"

sed -i 's/name: edge,/name: edge, steering: rss,/' "$work/sluice.yml"
(sluice_exec run -c "$work/sluice.yml") 2>"$work/refused.log" && fail "steering: rss over veth was taken"
grep -q 'sluice\.yml:[0-9]*:[0-9]*: port edge: steering: rss, and the device does not tell' "$work/refused.log" ||
	fail "no reason was given"
