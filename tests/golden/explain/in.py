# SPDX-License-Identifier: BSD-2-Clause
"""Each packet's line names the rules that matched it, in whatever chain and whoever ran them; what
matches while time passes has a line of its own."""
from frames import answer, arp, draws, from_server, query, udp, QR, RA, RD

PORTS = draws()
P1, I1 = next(PORTS)
FRAMES = [
    udp(query("www.example", ident=1)),
    from_server(answer("www.example", "A", I1, [], QR | RD | RA | 3), P1),
    udp(query("www.bad.test", ident=2)),
    udp(query("park.test", ident=3)),
    udp(query("text.test", "TXT", ident=4)),
    udp(query("a\x07b.worse.test", "ANY", ident=6)),
    arp(1, "10.53.0.9", "10.53.0.1"),
    udp(b"no message"),
]
