# SPDX-License-Identifier: BSD-2-Clause
"""Queries of 3,000 bytes, which the kernel cuts, and answers as long, which it puts together; both among
fragments whose rest never comes."""
import os
import re
import socket
import subprocess
import sys

import dns.edns
import dns.flags
import dns.message
import dns.rcode

sys.path.insert(0, os.path.dirname(os.environ['PYTHONPATH']) + '/golden')
import frames  # noqa: E402

ADDRESSES = {socket.AF_INET: os.environ['server'], socket.AF_INET6: os.environ['server6']}


def ask(family, name, kind='A', size=0, patience=3):
    """The answer to a query that is padded to a size; None: there is none."""
    query = dns.message.make_query(name, kind, use_edns=0, payload=4096)
    if size:
        padding = size - len(query.to_wire()) - 4
        query.use_edns(0, 0, 4096, options=[dns.edns.GenericOption(12, bytes(padding))])
    with socket.socket(family, socket.SOCK_DGRAM) as client:
        client.settimeout(patience)
        client.connect((ADDRESSES[family], 53))
        client.send(query.to_wire())
        try:
            wire = client.recv(65535)
        except TimeoutError:
            return None
    response = dns.message.from_wire(wire)
    assert query.is_response(response) and not response.flags & dns.flags.TC
    response.size = len(wire)
    return response


def flood(count):
    """First fragments of the client's, each of another datagram."""
    table = subprocess.run(['ip', 'neigh', 'show', ADDRESSES[socket.AF_INET]], capture_output=True, text=True,
                           check=True).stdout
    mac = bytes.fromhex(re.search(r'lladdr ([0-9a-f:]{17})', table).group(1).replace(':', ''))
    whole = frames.datagram(frames.query('alone.test') + bytes(1000), '10.53.2.2', 40000, '10.53.2.1', 53)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
        wire.bind(('c0', 0))
        for number in range(count):
            frame = frames.piece(whole, 0, 800, 1, '10.53.2.2', '10.53.2.1', ident=number)
            wire.send(mac + wire.getsockname()[4] + frame[12:])
            if number % 20 == 0:
                assert ask(socket.AF_INET, 'n%d.refused.test' % number).rcode() == dns.rcode.REFUSED


for family in ADDRESSES:
    assert ask(family, 'long.refused.test', size=3000).rcode() == dns.rcode.REFUSED
    assert ask(family, 'c1.demo.test', size=3000).answer, 'not through NSD'
    assert ask(family, 'big.demo.test', 'TXT', size=4000).size > 3000
flood(2000)
# What waits ends, and there is room again.
assert any(ask(socket.AF_INET, 'again.refused.test', size=3000, patience=0.5) for _ in range(20))
