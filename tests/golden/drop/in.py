# SPDX-License-Identifier: BSD-2-Clause
"""Rules that drop: by name, network, type and in the response; the first that says so ends it."""
from frames import answer, draws, from_server, query, udp

PORTS = draws()
(P1, I1), (P2, I2) = next(PORTS), next(PORTS)
FRAMES = [
    udp(query("drop.test", ident=1)),
    udp(query("www.lost.test", ident=2)),
    udp(query("www.ok.test", ident=3), source="10.53.0.129"),
    udp(query("www.ok.test", "ANY", ident=4)),
    udp(query("www.ok.test", ident=5)),
    udp(query("www.example", ident=6)),
    from_server(answer("www.lost.test", "A", I1, []), P1),
    from_server(answer("www.ok.test", "A", I2, []), P2),
]
