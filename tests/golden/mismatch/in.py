# SPDX-License-Identifier: BSD-2-Clause
"""Answers that are not quite the awaited one are dropped by their reasons, and the right one after
them is still taken; once more it is a duplicate. A query whose answer never comes is given up after two
seconds, and its answer is late then. From elsewhere both are what nobody asked for."""
from frames import QR, RD, answer, draws, from_server, message, opt, query, question, record, udp, POINTER, SERVER_MAC

PORTS = draws()
(P1, I1), (P2, I2), (P3, I3), (P4, I4) = [next(PORTS) for _ in range(4)]
ADDRESS = [record(POINTER, "A", b"\x0a\0\0\1")]


def right(ident=I1, text="a.example.test", qtype="A", **more):
    return answer(text, qtype, ident, ADDRESS, **more)


FRAMES = [
    udp(query("a.example.test", ident=0x1111)),
    from_server(right(ident=I1 ^ 1), P1),
    from_server(right(), P1 ^ 1),
    from_server(right(), P1, sport=54),
    from_server(right(), P1, source="10.53.0.54"),
    from_server(right(text="b.example.test"), P1),
    from_server(right(text="a.example.tes"), P1),
    from_server(right(qtype="AAAA"), P1),
    from_server(right(flags=RD), P1),
    from_server(message(I1, QR), P1),
    from_server(message(I1, QR | 3), P1),
    from_server(message(I1, QR | 5, (), ADDRESS), P1),
    from_server(message(I1, QR, [question("a.example.test")] * 2), P1),
    from_server(right()[:20], P1),
    from_server(right()[:11], P1),
    udp(right(), source="10.53.0.53", sport=53, dport=P1, mac=SERVER_MAC)[:-1],
    from_server(right(), P1),
    from_server(right(), P1),
    from_server(right(), P1, source="10.53.0.54"),
    udp(query("late.example.test", ident=0x2222)),
    (3000, from_server(answer("late.example.test", "A", I2, ADDRESS), P2)),
    from_server(answer("late.example.test", "A", I2, ADDRESS), P2, sport=54),
    from_server(answer("late.example.test", "A", I2 ^ 1, ADDRESS), P2),
    # An error may come without the question; it is put back.
    udp(query("refused.example.test", ident=0x3333)),
    from_server(message(I3, QR | 5), P3),
    udp(query("edns.example.test", ident=0x4444, edns=opt())),
    from_server(message(I4, QR | 2, additional=[opt()]), P4),
]
