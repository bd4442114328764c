# SPDX-License-Identifier: BSD-2-Clause
"""QDCOUNT other than 1 is NOTIMP (RFC 9619), whatever stands behind the header."""
from frames import RD, message, query, question, udp, udp6

FRAMES = [
    udp(message(1, RD)),
    udp(message(2, RD, [question("a.test"), question("b.test")])),
    udp6(message(3, RD, [question("a.test")] * 3)),
    udp(b"\0\4\1\0\xff\xff\0\0\0\0\0\0"),
    udp(query("one.test", ident=5)),
]
