#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Ports with an MTU of 9,000: long answers in one packet over af_packet, and over a tap, whose driver gives
# frames that are longer than a buffer in several of them.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-END
	newServer('10.53.0.2:5300')
	addAction(QNameSuffixRule({'refused.test'}), RCodeAction(DNSRCode.REFUSED))
END
sed -i 's/^eal:.*/eal: {hugepages: auto, memory: 512}/; s/\(name: [a-z]*\), /\1, mtu: 9000, /' "$work/sluice.yml"
lab_net
for pair in "$client c0" "$sluice edge" "$sluice back" "$backend b0"; do
	ip -n "${pair% *}" link set "${pair#* }" mtu 9000
done
lab_nsd_large
lab_sluice
for address in "$server" "$server6"; do
	in_client dig +tries=1 +time=3 +ignore +bufsize=4096 "@$address" big.demo.test TXT |
		grep -qE 'MSG SIZE +rcvd: 3[0-9]{3}$' || fail "no long answer of $address"
done
[ "$(metric sluice_truncated_total)" -eq 0 ] || fail "an answer was cut"
[ "$(metric sluice_fragments_total)" -eq 0 ] || fail "there were fragments"
alive
stop_pid "$sluice_pid"

# The client is the kernel at the other end of the tap, in Sluice's namespace.
ip -n "$sluice" link del edge
sed -i 's/net_af_packet0,iface=edge/net_tap0,iface=edge/' "$work/sluice.yml"
lab_sluice
ip -n "$sluice" addr add 10.53.2.2/24 dev edge
ip -n "$sluice" link set edge up mtu 9000
# A query of 4,000 bytes, whole; the same in a frame that is padded beyond a buffer; and one too long.
PYTHONPATH=$top/tests/golden in_sluice /usr/bin/python3 - "$server" <<-'END' || fail "the tap's long frames"
	import re, socket, subprocess, sys
	import frames
	to, wire = sys.argv[1], socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
	client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	client.settimeout(5)
	client.bind(("10.53.2.2", 0))
	client.connect((to, 53))
	padded = frames.query("www.refused.test", edns=frames.opt(4096, options=frames.option(12, bytes(4000))))
	client.send(padded)
	assert client.recv(4096)[3] & 15 == 5
	table = subprocess.run(["ip", "neigh", "show", to], capture_output=True, text=True, check=True).stdout
	mac = bytes.fromhex(re.search("lladdr ([0-9a-f:]{17})", table).group(1).replace(":", ""))
	wire.bind(("edge", 0))
	frame = frames.udp(padded, "10.53.2.2", client.getsockname()[1], to)
	wire.send(mac + wire.getsockname()[4] + frame[12:] + bytes(3000))
	assert client.recv(4096)[3] & 15 == 5
	client.send(padded + bytes(100))
END
wait_for 5 "the long message by name" metric_is_least 'sluice_drops_total{reason="udp_large"}' 1
alive
