# SPDX-License-Identifier: BSD-2-Clause
"""Reports of a path's MTU: heeded if they quote what was sent lately, within limits, for ten minutes."""
from frames import answer, draws, from_server, icmp4, opt, query, record, to_client, too_big, udp, udp6, \
    CLIENT6, PORT6, POINTER

PORTS = draws()
SIX = {"client": CLIENT6, "port": PORT6}


def exchange(at, number, size, ask=udp):
    """A query, its answer of so many bytes, and the answer as it is sent."""
    port, ident = next(PORTS)
    rest = size - len(answer("www.path.test", "TXT", 0, [], additional=[opt()])) - 12
    made = [answer("www.path.test", "TXT", one, [record(POINTER, "TXT", strings(rest))], additional=[opt()])
            for one in (ident, number)]
    return [(at, ask(query("www.path.test", "TXT", ident=number, edns=opt(4096)))),
            (at, from_server(made[0], port))], made[1]


def strings(size):
    """TXT data of so many bytes."""
    data = b""
    while size > 0:
        part = min(size, 256)
        data += bytes([part - 1]) + b"x" * (part - 1)
        size -= part
    return data


FRAMES = []
first, sent = exchange(0, 1, 1400)
FRAMES += first
# Not heeded: other ports, other bytes, no news, another protocol's, damaged, of somebody else's packet.
FRAMES += [(1, too_big(1300, to_client(sent, dport=40001))), (1, too_big(1300, to_client(sent[:-1] + b"!"))),
           (1, too_big(1300, to_client(sent[:-4]))), (1, too_big(1500, to_client(sent))),
           (1, icmp4(3, b"\0\0\x05\x14" + to_client(sent)[14:])), (1, too_big(1300, to_client(sent))[:-1] + b"!"),
           (1, too_big(1300, to_client(sent, port="10.53.0.3")))]
FRAMES += exchange(2, 2, 1400)[0]
# Heeded: 1,300 bytes less 28.
FRAMES += [(3, too_big(1300, to_client(sent)))]
FRAMES += exchange(4, 3, 1273)[0] + exchange(5, 4, 1272)[0]
# Never below 1,232.
again, sent = exchange(6, 5, 1272)
FRAMES += again + [(7, too_big(576, to_client(sent)))] + exchange(8, 6, 1233)[0] + exchange(9, 7, 1232)[0]
# It is each host's own, and lasts ten minutes.
FRAMES += exchange(10, 8, 1272, udp6)[0]
sixth, sent = exchange(11, 9, 1400, udp6)
FRAMES += sixth + [(12, too_big(1279, to_client(sent, **SIX), "fd53::fe")), (12, too_big(1300, to_client(sent, **SIX), "fd53::fe"))]
FRAMES += exchange(13, 10, 1252, udp6)[0] + exchange(14, 11, 1253, udp6)[0]
late, sent = exchange(610000, 12, 1400)
FRAMES += late + [(615001, too_big(1300, to_client(sent)))] + exchange(615002, 13, 1400)[0]
