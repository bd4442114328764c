# SPDX-License-Identifier: BSD-2-Clause
"""Good frames of all kinds with bytes changed, cut off and put in, the same ones each time: whatever
comes of them, it comes again, and nothing crashes."""
from frames import answer, arp, draws, from_server, icmp4, icmp6, opt, query, record, udp, udp6, CLIENT_MAC, POINTER

STATE = [0x9E3779B97F4A7C15]


def dice(sides):
    STATE[0] ^= STATE[0] << 13 & (1 << 64) - 1
    STATE[0] ^= STATE[0] >> 7
    STATE[0] ^= STATE[0] << 17 & (1 << 64) - 1
    return (STATE[0] >> 33) % sides


def spoilt(frame):
    data = bytearray(frame)
    for _ in range(1 + dice(3)):
        at = dice(len(data))
        kind = dice(4)
        if kind == 0:
            data[at] = dice(256)
        elif kind == 1:
            data[at] ^= 1 << dice(8)
        elif kind == 2:
            del data[max(at, 1):]
        else:
            data[at:at] = bytes(dice(256) for _ in range(1 + dice(20)))
    return bytes(data)


PORT, IDENT = next(draws())
TARGET = b"\0\0\0\0" + bytes.fromhex("fd530000000000000000000000000001")
SEEDS = [
    udp(query("www.refused.test", ident=1, edns=opt(1232, do=True))),
    udp6(query("www.lua.test", "AAAA", ident=2)),
    udp(query("www.lua.test", "MX", ident=3, edns=opt(4096))),
    from_server(answer("first.test", "A", IDENT, [record(POINTER, "A", b"\x0a\0\0\1")],
                       additional=[opt()]), PORT),
    arp(1, "10.53.0.9", "10.53.0.1"),
    icmp4(8, b"\0\1\0\2echo"),
    icmp6(128, b"\0\1\0\2echo6"),
    icmp6(135, TARGET + b"\1\1" + CLIENT_MAC, destination="ff02::1:ff00:1", mac=b"\x33\x33\xff\0\0\1"),
]


def without_udp_checksum(frame):
    """So that what is spoilt of the message is looked at."""
    data = bytearray(frame)
    if data[12:14] == b"\x08\0" and len(data) > 42 and data[23] == 17:
        data[40:42] = b"\0\0"
    return bytes(data)


def message_spoilt(frame):
    return frame[:42] + spoilt(frame[42:])


FRAMES = [udp(query("first.test", ident=9))]
FRAMES += [spoilt(SEEDS[dice(len(SEEDS))]) for _ in range(400)]
FRAMES += [message_spoilt(without_udp_checksum(SEEDS[0 if dice(2) else 2])) for _ in range(400)]
FRAMES += [b"", b"\0", bytes(13), bytes(14), bytes(4000), bytes(9000)]
