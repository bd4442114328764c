# SPDX-License-Identifier: BSD-2-Clause
"""Writes captures of queries, and reads them."""
import bisect
import ipaddress
import itertools
import random
import struct
from collections import namedtuple

COUNT = 4096
MANY = 131072
OPT = b"\0" + struct.pack("!2HIH", 41, 1232, 0, 0)
HEADERS = 14 + 20 + 8  # before a message over IPv4


def checksum(header):
    total = sum(struct.unpack(f"!{len(header) // 2}H", header))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def udp_checksum6(ends, udp):
    """Over IPv6 there has to be one (RFC 8200, section 8.1)."""
    pseudo = b"".join(ends) + struct.pack("!IHBB", len(udp), 0, 0, 17)
    return struct.pack("!H", checksum(pseudo + udp + bytes(len(udp) % 2)) or 0xffff)


def query(number, label, edns=False):
    labels = (label, "bench", "test")
    name = b"".join(bytes([len(label)]) + label.encode() for label in labels) + b"\0"
    return (struct.pack("!6H", number & 0xffff, 0x100, 1, 0, 0, int(edns)) + name + struct.pack("!2H", 1, 1)
            + (OPT if edns else b""))


def pad(dns, size):
    """A query with EDNS, of so many bytes."""
    room = size - len(dns) - 4
    if room < 0:
        return dns
    return dns[:-2] + struct.pack("!3H", room + 4, 12, room) + bytes(room)


def frame(number, label, client, server, mac, edns=False, size=0):
    dns = pad(query(number, label, edns), size) if size else query(number, label, edns)
    udp = struct.pack("!4H", 1024 + number % COUNT * 7, 53, 8 + len(dns), 0) + dns
    ends = [ipaddress.ip_address(end).packed for end in (client, server)]
    if len(ends[0]) == 16:
        udp = udp[:6] + udp_checksum6(ends, udp) + udp[8:]
        ip, kind = struct.pack("!IHBB", 6 << 28, len(udp), 17, 64) + b"".join(ends), b"\x86\xdd"
    else:
        ip, kind = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0) + b"".join(ends), b"\x08\x00"
        ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    ethernet = bytes.fromhex(mac.replace(":", "")) + bytes.fromhex("020000000002") + kind
    return ethernet + ip + udp


def answer(asked):
    """The frame that answers such a frame, with one address."""
    dns = bytearray(asked[HEADERS:])
    dns[2] |= 0x80
    dns[7] = 1
    end = dns.index(0, 12) + 5
    dns[end:end] = b"\xc0\x0c" + struct.pack("!2HIH4B", 1, 1, 3600, 4, 192, 0, 2, 1)
    source, target = asked[26:30], asked[30:34]
    udp = asked[36:38] + asked[34:36] + struct.pack("!2H", 8 + len(dns), 0) + dns
    ip = asked[14:16] + struct.pack("!H", 20 + len(udp)) + asked[18:24] + b"\0\0" + target + source
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    return asked[6:12] + asked[:6] + asked[12:14] + ip + udp


def loadgen_label(number):
    """The first label of the query that the load generator sends as this number."""
    return f"{number:08x}"[::-1]


def turns():
    """4,096 names, one after the other."""
    return (f"h{number}" for number in range(COUNT))


def zipf(names):
    """Labels of the load generator's names; the last of them is asked most, the one before half as often."""
    chance = random.Random(1)
    sums = list(itertools.accumulate(1 / rank for rank in range(1, names + 1)))
    for _ in range(MANY):
        yield loadgen_label(names - 1 - bisect.bisect_left(sums, chance.random() * sums[-1]))


def spread(names):
    """Labels of the load generator's names, each as likely as the others."""
    chance = random.Random(1)
    return (loadgen_label(chance.randrange(names)) for _ in range(MANY))


# What is asked: `name` is that of the capture, `labels` gives those of its queries, which have `size` bytes if not 0.
Kind = namedtuple("Kind", "name labels count edns size", defaults=[COUNT, False, 0])
TURNS = Kind("turns", turns)
EDNS = Kind("edns", turns, edns=True)


def padded_of(size):
    return EDNS._replace(name=f"padded-{size}", size=size)


def zipf_of(names):
    return Kind(f"zipf-{names}", lambda: zipf(names), MANY)


def spread_of(names):
    return Kind(f"spread-{names}", lambda: spread(names), MANY)


def store(path, frames):
    """A capture of these frames, a microsecond after each other."""
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for number, data in enumerate(frames):
            file.write(struct.pack("<4I", 0, number, len(data), len(data)) + data)


def frames_of(path):
    """The frames of a capture that this machine wrote."""
    with open(path, "rb") as file:
        data = file.read()
    at, found = 24, []
    while at < len(data):
        length = struct.unpack_from("<I", data, at + 8)[0]
        found.append(data[at + 16:at + 16 + length])
        at += 16 + length
    return found


def write(path, kind, client, server, mac):
    store(path, (frame(number, label, client, server, mac, kind.edns, kind.size) for number, label in enumerate(kind.labels())))
