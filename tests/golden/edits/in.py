# SPDX-License-Identifier: BSD-2-Clause
"""Queries and responses that rules edit on their way."""
import struct

from frames import answer, draws, from_server, opt, query, record, udp, POINTER

PORTS = draws()
A, AAAA = b"\x0a\0\0\1", b"\x20\1\x0d\xb8" + b"\0" * 11 + b"\1"
BADCOOKIE = b"\0" + struct.pack(">HHBBHH", 41, 1232, 1, 0, 0, 0)


def both(name, ident, records, edns=None, additional=(), flags=0x8180):
    port, drawn = next(PORTS)
    return [udp(query(name, ident=ident, edns=edns)),
            from_server(answer(name, "A", drawn, records, flags, additional), port)]


MIXED = [record(POINTER, "A", A, 50), record(POINTER, "AAAA", AAAA, 3000), record(POINTER, "TXT", b"\1x", 175)]
FRAMES = [
    *both("option.test", 1, [record(POINTER, "A", A)], additional=[opt()]),
    *both("option.test", 2, [record(POINTER, "A", A)], edns=opt(), additional=[opt()]),
    *both("clear.test", 3, MIXED),
    *both("limit.test", 4, MIXED),
    *both("some.test", 5, MIXED),
    *both("half.test", 6, MIXED, edns=opt(), additional=[opt(do=True)]),
    *both("two.test", 7, [record(POINTER, "A", A), record(POINTER, "A", A)]),
    *both("cookie.test", 8, [], edns=opt(), additional=[BADCOOKIE], flags=0x8187),
]
