# SPDX-License-Identifier: BSD-2-Clause
"""Writes captures of queries: 4,096 names in turn, or many names by Zipf's law."""
import bisect
import ipaddress
import itertools
import random
import struct

COUNT = 4096
ZIPF_COUNT = 131072


def checksum(header):
    total = sum(struct.unpack(f"!{len(header) // 2}H", header))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def query(number, label):
    labels = (label, "bench", "test")
    name = b"".join(bytes([len(label)]) + label.encode() for label in labels) + b"\0"
    return struct.pack("!6H", number & 0xffff, 0x100, 1, 0, 0, 0) + name + struct.pack("!2H", 1, 1)


def frame(number, label, client, server, mac):
    dns = query(number, label)
    udp = struct.pack("!4H", 1024 + number % COUNT * 7, 53, 8 + len(dns), 0) + dns
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0,
                     ipaddress.IPv4Address(client).packed, ipaddress.IPv4Address(server).packed)
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    ethernet = bytes.fromhex(mac.replace(":", "")) + bytes.fromhex("020000000002") + b"\x08\x00"
    return ethernet + ip + udp


def loadgen_label(number):
    """The first label of the query that the load generator sends as this number."""
    return f"{number:08x}"[::-1]


def zipf(names):
    """Labels of the load generator's names; the last of them is asked most, the one before half as often."""
    chance = random.Random(1)
    sums = list(itertools.accumulate(1 / rank for rank in range(1, names + 1)))
    for _ in range(ZIPF_COUNT):
        yield loadgen_label(names - 1 - bisect.bisect_left(sums, chance.random() * sums[-1]))


def write(path, client, server, mac, names=None):
    """With `names` by Zipf's law, with exponent 1, over so many."""
    labels = zipf(names) if names else (f"h{number}" for number in range(COUNT))
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for number, label in enumerate(labels):
            data = frame(number, label, client, server, mac)
            file.write(struct.pack("<4I", 0, number, len(data), len(data)) + data)
