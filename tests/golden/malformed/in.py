# SPDX-License-Identifier: BSD-2-Clause
"""Messages that are no query: dropped, each by its reason, and none is answered but the last."""
from frames import QR, RD, TC, message, name, query, question, udp

LABEL_63 = b"\x3f" + b"a" * 63
FRAMES = [udp(data, sport=40000 + at) for at, data in enumerate([
    query("short.test")[:11],
    query("header.test")[:12],
    query("cut.test")[:-1],
    query("cut.test")[:-5],
    query("response.test", flags=QR | RD),
    query("truncated.test", flags=TC | RD),
    message(1, RD, [b"\x40" + b"a" * 64 + b"\0\0\1\0\1"]),  # no such kind of label
    message(2, RD, [b"\xc0\x0c\0\1\0\1"]),  # a pointer to itself
    message(3, RD, [b"\1a\xc0\x20\0\1\0\1"]),  # a pointer forwards
    message(4, RD, [LABEL_63 * 4 + b"\0\0\1\0\1"]),  # 257 bytes of name
    message(5, RD, [b"\x3fshort"]),
    message(6, RD, [question("two.test")], additional=[b"\0\0\x29\4\0\0\0\0\0\0\5"]),  # data beyond
    b"",
    b"\0",
    b"\xff" * 40,
    message(7, RD, [LABEL_63 * 3 + b"\x3d" + b"b" * 61 + b"\0\0\1\0\1"]),  # 255 bytes: allowed
    query("trailing.test", ident=8) + b"trailing",
    message(9, RD, [name("last.test") + b"\0\1\0\1"]),
])]
