# SPDX-License-Identifier: BSD-2-Clause
"""Lua on queries and responses. A suspended query whose verdict never comes goes on after its 250 ms
of the packets' own time; there is no filter in replay."""
from frames import answer, draws, from_server, query, record, udp, POINTER

PORTS = draws()
(P1, I1), (P2, I2) = next(PORTS), next(PORTS)
FRAMES = [
    udp(query("tc.test", ident=1)),
    udp(query("www.park.test", ident=2)),
    udp(query("error.test", ident=3)),
    udp(query("nx.test", ident=4)),
    udp(query("drop.test", ident=5)),
    udp(query("plain.test", ident=6)),
    from_server(answer("plain.test", "A", I1, [record(POINTER, "A", b"\x0a\0\0\1")]), P1),
    (300, from_server(answer("www.park.test", "A", I2, []), P2)),
]
