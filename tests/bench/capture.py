# SPDX-License-Identifier: BSD-2-Clause
"""Writes a capture of queries: 4,096 names, as many IDs and source ports."""
import ipaddress
import struct

COUNT = 4096


def checksum(header):
    total = sum(struct.unpack(f"!{len(header) // 2}H", header))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def query(number):
    labels = (f"h{number}", "bench", "test")
    name = b"".join(bytes([len(label)]) + label.encode() for label in labels) + b"\0"
    return struct.pack("!6H", number, 0x100, 1, 0, 0, 0) + name + struct.pack("!2H", 1, 1)


def frame(number, client, server, mac):
    dns = query(number)
    udp = struct.pack("!4H", 1024 + number * 7, 53, 8 + len(dns), 0) + dns
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0,
                     ipaddress.IPv4Address(client).packed, ipaddress.IPv4Address(server).packed)
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    ethernet = bytes.fromhex(mac.replace(":", "")) + bytes.fromhex("020000000002") + b"\x08\x00"
    return ethernet + ip + udp


def write(path, client, server, mac):
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for number in range(COUNT):
            data = frame(number, client, server, mac)
            file.write(struct.pack("<4I", 0, number, len(data), len(data)) + data)
