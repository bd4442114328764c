# SPDX-License-Identifier: BSD-2-Clause
"""Pools: the default one, another with its own server, and one without any, which is SERVFAIL."""
from frames import answer, draws, from_server, query, udp

PORTS = draws()
(P1, I1), (P2, I2) = next(PORTS), next(PORTS)
FRAMES = [
    udp(query("www.test", ident=1)),
    udp(query("www.other.test", ident=2)),
    udp(query("www.empty.test", ident=3)),
    from_server(answer("www.other.test", "A", I2, []), P2),
    from_server(answer("www.other.test", "A", I2, []), P2, source="10.53.0.54", sport=5353),
    from_server(answer("www.test", "A", I1, []), P1),
]
