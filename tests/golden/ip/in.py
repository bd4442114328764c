# SPDX-License-Identifier: BSD-2-Clause
"""What IP allows: options are skipped; lone fragments, bad headers and other hosts are dropped. UDP checksums
are what the port says of them, and this one says nothing."""
from frames import query, udp, udp6

GOOD = udp(query("good.test", ident=1))
NO_CHECKSUM = GOOD[:40] + b"\0\0" + GOOD[42:]
NO_CHECKSUM6 = bytearray(udp6(query("none6.test", ident=2)))
NO_CHECKSUM6[60:62] = b"\0\0"
FRAMES = [
    GOOD,
    udp(query("options.test", ident=3), options=b"\x94\4\0\0" + b"\1" * 36),
    NO_CHECKSUM,
    bytes(NO_CHECKSUM6),
    udp(query("udp.test", ident=4), damage=1),
    udp6(query("udp6.test", ident=5), damage=1),
    GOOD[:24] + b"\xff" + GOOD[25:],  # the IP header's own checksum
    udp(query("first.test", ident=6), fragment=0x2000),
    udp(query("later.test", ident=7), fragment=0x00b9),
    udp(query("other.test", ident=8), destination="10.53.0.2"),
    udp6(query("other6.test", ident=9), destination="fd53::2"),
    udp(query("port.test", ident=10), dport=54),
    udp(query("source.test", ident=11), source="224.0.0.9"),
    udp(query("acl.test", ident=12), source="8.8.8.8"),
    GOOD + b"\0" * 20,  # Ethernet's padding is not the message's
    GOOD[:50],
    b"\2\0\0\0\0\7" + GOOD[6:],  # another station's frame
    udp(b"", sport=1),
]
