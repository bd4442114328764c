#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Long messages over TCP, of whose buffers there are few: with four workers, each of which has dropped more of them
# than that, there are as many as before; and so there are where the least are wanted.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_workers=4 lab_config <<-'END'
	addAction('dropped.test.', DropAction())
	addAction('answered.test.', SpoofAction('192.0.2.1'))
END
lab_net
lab_tcp
for queries in 2048 64; do
	sed -i '/^tcp:/d' "$work/sluice.yml"
	echo "tcp: {queries: $queries}" >>"$work/sluice.yml"
	lab_sluice
	lab_python "long queries, $queries at a time" <<'END'
import struct
import dns.edns, dns.message
from streams import Answers, connect
from lab import metrics, until
def long(name, id):
    padding = dns.edns.GenericOption(dns.edns.OptionType.PADDING, bytes(5000))
    wire = dns.message.make_query(name, 'A', id=id, use_edns=0, options=[padding]).to_wire(max_size=65535)
    return struct.pack('!H', len(wire)) + wire
stream = connect()
for n in range(1, 41):
    stream.sendall(long('x.dropped.test', n) * 20)
    until('they are dropped', lambda: metrics()['sluice_drops_total{reason="rule"}'] == 20 * n)
for n in range(200):
    stream.sendall(long('x.answered.test', n))
    assert Answers(stream).take(1)[0].id == n
END
	stop_pid "$sluice_pid"
done
