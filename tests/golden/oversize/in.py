# SPDX-License-Identifier: BSD-2-Clause
"""oversize: fragment: answers that do not fit in a packet leave in fragments, over both families, and so do
queries to servers; where a router reports a smaller MTU, IPv6 fragments are as small."""
from frames import answer, datagram, draws, opt, option, piece, pieces, query, record, too_big, udp, udp6, \
    CLIENT6, PORT6, POINTER, SERVER4, SERVER_MAC

PORTS = draws()


def text(count):
    return [record(POINTER, "TXT", b"\xff" + b"x" * 255)] * count


def served(number, count):
    """The server's answer to the next query, in two fragments; and as the client is to have it."""
    port, ident = next(PORTS)
    wire = answer("big.test", "TXT", ident, text(count), additional=[opt(4096)])
    return pieces(wire, 1480, source=SERVER4, sport=53, dport=port, mac=SERVER_MAC, ident=number), \
        answer("big.test", "TXT", number, text(count), additional=[opt(4096)])


def asked(number, size=4096):
    return query("big.test", "TXT", ident=number, edns=opt(size))


def padded(number, size):
    plain = len(query("big.test", "TXT", ident=number, edns=opt(4096, options=option(12, b""))))
    return query("big.test", "TXT", ident=number, edns=opt(4096, options=option(12, b"\0" * (size - plain))))


ONE, TWO, THREE, FOUR, FIVE = served(1, 6), served(2, 14), served(3, 14), served(4, 6), served(5, 6)
FRAMES = [udp(asked(1)), *ONE[0]]  # 1,660 bytes: two fragments
FRAMES += [udp6(asked(2)), *TWO[0]]  # 3,804 bytes: three
# The client's size counts as before: this one is cut.
FRAMES += [udp(asked(3, 2000)), *THREE[0]]
# A router cannot pass on the first fragment.
SENT = piece(datagram(TWO[1], PORT6, 53, CLIENT6, 40000), 0, 1448, 1, source=PORT6, destination=CLIENT6)
FRAMES += [too_big(1280, SENT, "fd53::fe")]
FRAMES += [udp6(asked(4)), *FOUR[0], udp(asked(5)), *FIVE[0]]
# A query of 3,000 bytes in three fragments, and the largest.
FRAMES += pieces(padded(6, 3000), 1480, ident=6) + pieces(padded(7, 4096), 1480, 2960, ident=7)
