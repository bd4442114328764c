# SPDX-License-Identifier: BSD-2-Clause
"""A port with an MTU of 9,000: frames that come in several buffers, messages as long as there are."""
from frames import answer, draws, from_server, opt, option, pieces, query, record, udp, udp6, POINTER

PORT, IDENT = next(draws())


def padded(ident, size):
    plain = len(query("large.test", ident=ident, edns=opt(4096, options=option(12, b""))))
    return query("large.test", ident=ident, edns=opt(4096, options=option(12, b"\0" * (size - plain))))


FRAMES = [
    udp(padded(1, 4096)),
    udp6(padded(2, 4096)),
    udp(padded(3, 4097)),  # a message that is too long, in one buffer and in three
    udp6(padded(4, 8900)),
    # Padding of the link fills more buffers than the packet needs.
    udp(query("padded.test", ident=5)) + bytes(5000),
    udp6(padded(6, 4000), vlan=0) + bytes(4700),
    *pieces(padded(7, 4096), 4000, ident=7),
    udp(query("www.served.test", "TXT", ident=8, edns=opt(4096))),
    from_server(answer("www.served.test", "TXT", IDENT, [record(POINTER, "TXT", b"\xff" + b"x" * 255)] * 15), PORT),
    udp(query("longest.test", ident=9)) + bytes(9100),
]
