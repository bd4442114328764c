# SPDX-License-Identifier: BSD-2-Clause
"""Fragments: put together in any order, over both families, behind other headers; dropped by name where
they are tiny, overlap, are too many, too large or alone, or where there is no room for them."""
from frames import answer, datagram, draws, opt, option, piece, pieces, query, record, udp, \
    CLIENT4, CLIENT6, PORT4, PORT6, POINTER, SERVER4, SERVER_MAC

SIX = {"source": CLIENT6, "destination": PORT6}
HOP, PADDED = b"\x2c\0\1\4\0\0\0\0", b"\x11\0\1\4\0\0\0\0"
PORT, IDENT = next(draws())


def padded(text, ident, size=2000):
    """A query of this size, by the padding option (RFC 7830)."""
    plain = len(query(text, ident=ident, edns=opt(4096, options=option(12, b""))))
    return query(text, ident=ident, edns=opt(4096, options=option(12, b"\0" * (size - plain))))


def stranger(number):
    """The first fragment of a datagram that never goes on."""
    return piece(datagram(padded("alone.test", 99)), 0, 512, 1, ident=1000 + number)


def behind(payload):
    """IPv6 destination options that are within what is cut."""
    return PADDED + datagram(payload, CLIENT6, 40000, PORT6, 53)


A = [pieces(padded("inorder.test", 1), 1480, ident=1), pieces(padded("turned.test", 2, 3000), 800, 1600, 2400, ident=2),
     pieces(padded("inorder6.test", 3), 1448, ident=3, **SIX), pieces(padded("hop6.test", 4), 800, 1600, ident=4,
                                                                    before=HOP, first=0, **SIX)]
LARGEST = pieces(padded("largest.test", 5, 4096), 552, 1104, 1656, 2208, 2760, 3312, 3864, ident=5)
WHOLE6 = datagram(padded("atomic6.test", 6, 600), CLIENT6, 40000, PORT6, 53)
INSIDE6 = behind(padded("inside6.test", 7))
BAD = datagram(padded("bad.test", 8))
SERVED = answer("www.served.test", "TXT", IDENT, [record(POINTER, "TXT", b"\xff" + b"x" * 255)] * 5)

FRAMES = A[0] + A[1][::-1] + A[2] + [A[3][i] for i in (1, 2, 0)] + LARGEST
FRAMES += [piece(WHOLE6, 0, len(WHOLE6), 0, ident=6, **SIX)]
FRAMES += [piece(INSIDE6, 0, 1448, 1, ident=7, protocol=60, **SIX),
           piece(INSIDE6, 1448, len(INSIDE6), 0, ident=7, protocol=60, **SIX)]
# The answer of a server comes in fragments, and leaves whole.
FRAMES += [udp(query("www.served.test", "TXT", ident=9, edns=opt(4096)))]
FRAMES += pieces(SERVED, 800, source=SERVER4, sport=53, dport=PORT, mac=SERVER_MAC, ident=9)
# Its checksum is looked at, as nothing else tells fragments of two datagrams apart.
FRAMES += pieces(padded("damaged.test", 10), 1480, ident=10, damage=1)
FRAMES += pieces(padded("damaged6.test", 11), 1448, ident=11, damage=1, **SIX)
FRAMES += pieces(padded("acl.test", 12), 1480, source="8.8.8.8", ident=12)
# Tiny: without the UDP header, with less than any path needs, so early that they overwrite it.
FRAMES += [piece(BAD, 0, 8, 1, ident=20), piece(BAD, 8, 1480, 1, ident=20), piece(BAD, 0, 248, 1, ident=20),
           piece(BAD, 1480, 1488, 1, ident=20),
           piece(b"\x11\xff" + INSIDE6[2:], 0, 512, 1, ident=21, protocol=60, **SIX)]
# Overlapping and repeated ones take all of their datagram with them.
FRAMES += [piece(BAD, 0, 800, 1, ident=22), piece(BAD, 792, 1600, 1, ident=22), piece(BAD, 1592, len(BAD), 0, ident=22)]
FRAMES += [piece(BAD, 0, 800, 1, ident=23, **SIX), piece(BAD, 0, 800, 1, ident=23, **SIX)]
FRAMES += [piece(BAD, 1600, len(BAD), 0, ident=24), piece(BAD, 1480, len(BAD), 0, ident=24)]
# Seven that are neither the first nor the last.
FRAMES += [piece(bytes(4000), start, start + 256, 1, ident=25) for start in range(256, 2048, 256)]
# Beyond the largest message, with nothing in them, of other protocols, for others.
FRAMES += [piece(bytes(8000), 4000, 4176, 0, ident=26), piece(bytes(65600), 65528, 65600, 0, ident=26, **SIX),
           piece(bytes(4000), 1480, 1480, 0, ident=26), piece(bytes(4000), 0, 1481, 1, ident=26),
           piece(BAD, 0, 1480, 1, ident=26, protocol=6), piece(BAD, 0, 1448, 1, ident=26, **SIX | {"protocol": 58}),
           piece(BAD, 0, 1480, 1, ident=26, destination="10.53.0.2"),
           piece(BAD, 0, 1448, 1, ident=26, **SIX | {"destination": "fd53::2"})]
# Nothing waits longer than half a second for the rest.
NOW = 1000
FRAMES += [(NOW, piece(BAD, 0, 1480, 1, ident=27)), (NOW + 600, piece(BAD, 1480, len(BAD), 0, ident=27))]
# More than there is room for: the first eight stay, and whole packets do not notice.
FRAMES += [(NOW + 2000, stranger(number)) for number in range(40)]
FRAMES += [(NOW + 2001, udp(query("whole.test", ident=13)))]
FRAMES += [(NOW + 2002, frame) for frame in pieces(padded("crowded.test", 14), 1480, ident=28)]
FRAMES += [(NOW + 3000, frame) for frame in pieces(padded("again.test", 15), 1480, ident=29)]
