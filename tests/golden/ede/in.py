# SPDX-License-Identifier: BSD-2-Clause
"""Extended errors (RFC 8914) go into answers whose client sent EDNS, and into no others."""
from frames import answer, draws, from_server, opt, query, record, udp, POINTER

PORT, IDENT = next(draws())
FRAMES = [
    udp(query("www.blocked.test", ident=1, edns=opt(1232))),
    udp(query("www.blocked.test", ident=2)),
    udp(query("www.stale.test", ident=3, edns=opt(1232))),
    from_server(answer("www.stale.test", "A", IDENT, [record(POINTER, "A", b"\x0a\0\0\1")],
                       additional=[opt(1232)]), PORT),
]
