# SPDX-License-Identifier: BSD-2-Clause
"""Queries go to the server with an ID and a port of their own; answers come back with the client's
ID and its own case of the name (0x20), over the client's protocol. A second answer has no query."""
from frames import CD, QR, RA, RD, answer, draws, from_server, query, record, udp, udp6, POINTER

PORTS = draws()
(P1, I1), (P2, I2), (P3, I3) = next(PORTS), next(PORTS), next(PORTS)
ADDRESS = [record(POINTER, "A", b"\x0a\0\0\1"), record(POINTER, "A", b"\x0a\0\0\2", 7)]
FIRST = from_server(answer("www.example.test", "A", I1, ADDRESS), P1)
FRAMES = [
    udp(query("WwW.eXaMpLe.TeSt", ident=0x1111), sport=41001),
    udp6(query("six.example.test", "AAAA", ident=0x2222, flags=0), sport=41002),
    udp(query("no.example.test", "MX", ident=0x1111, flags=RD | CD), sport=41003),
    from_server(answer("six.example.test", "AAAA", I2, [record(POINTER, "AAAA", b"\xfd" * 16)]), P2),
    FIRST,
    FIRST,
    from_server(answer("NO.EXAMPLE.TEST", "MX", I3, [], flags=QR | RA | 3), P3),
]
