# SPDX-License-Identifier: BSD-2-Clause
"""The server is told the MAC of a client on the link: with an OPT and without one, over both protocols. That of a
router, which others come through, it is not. The answer's option is not for clients without an OPT."""
from frames import RD, answer, draws, from_server, opt, option, query, record, udp, udp6, POINTER

PORT, DRAWN = next(draws())
FRAMES = [
    udp(query("link.test", ident=1), sport=41001),
    udp(query("edns.test", ident=2, edns=opt(options=option(10, b"12345678"))), sport=41002),
    udp6(query("six.test", "AAAA", ident=3, flags=RD), sport=41003),
    udp(query("far.test", ident=4), source="192.0.2.9", sport=41004),
    from_server(answer("link.test", "A", DRAWN, [record(POINTER, "A", b"\xc0\0\2\7")],
                       additional=[opt(options=option(5, b"\2\0\0\0\0\xc1"))]), PORT),
]
