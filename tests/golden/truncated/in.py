# SPDX-License-Identifier: BSD-2-Clause
"""TCAction, and answers that are larger than their client takes: cut to the question and the OPT,
with TC. What just fits stays whole."""
from frames import answer, draws, from_server, opt, query, record, udp, POINTER

PORTS = draws()
(P1, I1), (P2, I2), (P3, I3), (P4, I4) = (next(PORTS) for _ in range(4))


def texts(count, last):
    return [record(POINTER, "TXT", b"\x63" + b"x" * 99)] * count + \
        [record(POINTER, "TXT", bytes([last]) + b"y" * last)]


# Header and question take 28 bytes, a record of 99 letters 112: 512 and 513 bytes.
FRAMES = [
    udp(query("www.tc.test", ident=1)),
    udp(query("www.tc.test", ident=2, edns=opt(1232, do=True))),
    udp(query("big.test", "TXT", ident=3)),
    udp(query("big.test", "TXT", ident=4)),
    udp(query("big.test", "TXT", ident=5, edns=opt(600))),
    udp(query("big.test", "TXT", ident=6, edns=opt(1232))),
    from_server(answer("big.test", "TXT", I1, texts(4, 512 - 26 - 4 * 112 - 13)), P1),
    from_server(answer("big.test", "TXT", I2, texts(4, 513 - 26 - 4 * 112 - 13)), P2),
    from_server(answer("big.test", "TXT", I3, texts(6, 10), additional=[opt(1232)]), P3),
    from_server(answer("big.test", "TXT", I4, texts(6, 10), additional=[opt(1232)]), P4),
]
