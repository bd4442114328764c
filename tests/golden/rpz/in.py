# SPDX-License-Identifier: BSD-2-Clause
"""Response policy zones: each policy for names, a client, and addresses in answers; which goes first."""
from frames import answer, draws, from_server, opt, query, record, udp, POINTER

PORTS = draws()
NAMES = ["gone.test", "Www.GONE.test", "nodata.test", "dropped.test", "tcp.test", "data.test",
         "alias.test", "a.b.wild.test", "wild.test"]
FRAMES = [udp(query(name, ident=1 + i, edns=opt(1232))) for i, name in enumerate(NAMES)]
FRAMES += [
    udp(query("data.test", "AAAA", ident=20)),
    udp(query("data.test", "TXT", ident=21)),
    udp(query("data.test", "MX", ident=22)),
    udp(query("alias.test", "TXT", ident=23)),
    udp(query("other.test", ident=24), source="10.53.0.99"),
    udp(query("only.second.test", ident=25)),
    udp(query("abcdefgh.renamed.test", ident=26, edns=opt(1232))),
]


def asked(number, name, *addresses):
    """A query and the server's answer to it."""
    port, ident = next(PORTS)
    records = [record(POINTER, "A", bytes(map(int, address.split(".")))) for address in addresses]
    return [udp(query(name, ident=number, edns=opt(1232))),
            from_server(answer(name, "A", ident, records, additional=[opt(1232)]), port)]


next(PORTS)  # wild.test itself is no trigger: it went to the server
FRAMES += asked(30, "bad.test", "10.0.0.1", "192.0.2.77")
FRAMES += asked(31, "good.test", "10.0.0.1")
FRAMES += asked(32, "exempt.test", "192.0.2.9")
FRAMES += asked(33, "pass.gone.test", "192.0.2.77")
