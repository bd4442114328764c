#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Queries and answers that a packet is too small for, cut and put together by kernels on both sides; then a
# flood of fragments that nobody finishes. AF_XDP shows Sluice fragments as they are.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-END
	newServer('10.53.0.2:5300')
	addAction(QNameSuffixRule({'refused.test'}), RCodeAction(DNSRCode.REFUSED))
END
sed -i 's/net_af_packet\([01]\),/net_af_xdp\1,/' "$work/sluice.yml"
echo 'fragments: {max: 16, timeout: 300ms}' >>"$work/sluice.yml"
lab_net
lab_nsd_large

# dig_shows PATTERN ADDRESS NAME: a long TXT answer over UDP, whatever becomes of it.
dig_shows() {
	local output
	output=$(in_client dig +tries=1 +time=3 +ignore +bufsize=4096 "@$2" "$3" TXT 2>&1) || true
	grep -qE -- "$1" <<<"$output" || fail "dig @$2 $3 shows no '$1':"$'\n'"$output"
}

# Truncated: answers only.
lab_sluice
for address in "$server" "$server6"; do
	dig_shows 'flags: qr aa tc rd' "$address" big.demo.test
	dig_shows 'flags: qr aa rd' "$address" middle.demo.test
done
metric_is_least 'sluice_reassembled_total' 2 || fail "the answers of NSD were not put together"
stop_pid "$sluice_pid"

# In fragments: answers, and queries to NSD.
sed -i 's/\(name: [a-z]*\), /\1, oversize: fragment, /' "$work/sluice.yml"
lab_sluice
for address in "$server" "$server6"; do
	dig_shows 'MSG SIZE +rcvd: 3[0-9]{3}$' "$address" big.demo.test
done
lab_python "queries in fragments" <"$top/tests/system/fragments.py"
for metric in 'sluice_fragmented_total 6' 'sluice_reassembled_total 8' \
	'sluice_drops_total{reason="fragment_full"} 100' 'sluice_drops_total{reason="fragment_timeout"} 16' \
	'sluice_drops_total{reason="udp_checksum"} 0'; do
	wait_for 5 "$metric" metric_is_least "${metric% *}" "${metric##* }"
done
alive
