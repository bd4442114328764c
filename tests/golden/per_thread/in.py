# SPDX-License-Identifier: BSD-2-Clause
"""Lua that the worker runs itself: its own memory, errors, results, and what comes behind the
control lcore's Lua."""
from frames import answer, draws, from_server, opt, query, record, udp, POINTER, QR, RA, RD

PORTS = draws()
(P1, I1), (P2, I2) = next(PORTS), next(PORTS)
FRAMES = [
    udp(query("a.spoof.test", ident=1)),
    udp(query("b.spoof.test", ident=2)),
    udp(query("mail.test", "MX", ident=3)),
    udp(query("error.test", ident=4)),
    udp(query("nothing.test", ident=5)),
    udp(query("endless.test", ident=6)),
    udp(query("result.test", ident=7)),
    udp(query("both.test", ident=8)),
    udp(query("rename.test", ident=9)),
    (200, udp(query("c.spoof.test", ident=10))),
    udp(query("plain.test", ident=11)),
    from_server(answer("plain.test", "A", I1, [record(POINTER, "A", b"\x0a\0\0\1")]), P1),
    udp(query("absent.test", ident=12)),
    from_server(answer("absent.test", "A", I2, [], flags=QR | RD | RA | 3), P2),
    udp(query("packet.test", "TXT", ident=13, edns=opt(4096))),
    udp(query("packet.test", "TXT", ident=14, edns=opt(4096))),
]
