#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Queries over TCP that have no room for their PROXY header, where packets are long enough for both: they are dropped,
# and take no buffers with them.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-'END'
	newServer({address = '10.53.0.2:5302', useProxyProtocol = true, healthCheckMode = 'up'})
	addAction('long.test.', SetAdditionalProxyProtocolValueAction(0xe0, string.rep('v', 200)))
END
sed -i 's/memory: [0-9]*/memory: 512/; s/\(name: [a-z]*\), /\1, mtu: 9000, /' "$work/sluice.yml"
echo 'tcp: {queries: 64}' >>"$work/sluice.yml"
lab_net
lab_tcp
for pair in "$client c0" "$sluice edge" "$sluice back" "$backend b0"; do
	ip -n "${pair% *}" link set "${pair#* }" mtu 9000
done
lab_proxy_server
lab_sluice
lab_python "long queries" <<'END'
import struct
import dns.edns, dns.message
from proxied import connect, told
from lab import metrics, until
dropped = lambda: metrics()['sluice_drops_total{reason="too_large"}']
padding = dns.edns.GenericOption(dns.edns.OptionType.PADDING, bytes(4150))
wire = dns.message.make_query('x.long.test', 'A', use_edns=0, options=[padding]).to_wire(max_size=65535)
stream = connect('10.53.2.2')
for n in range(1, 16): # more than there are buffers
    stream.sendall((struct.pack('!H', len(wire)) + wire) * 20)
    until('they are dropped', lambda: dropped() == 20 * n)
(_, who), = told(stream, ['x.test'])
assert who.startswith('10.53.2.2 '), who
END
stop_pid "$sluice_pid"
