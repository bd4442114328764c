# SPDX-License-Identifier: BSD-2-Clause
"""Captures between `sluice replay` and DPDK's net_pcap, which differ in the MAC address of the port.

  pcap_readdress.py IN OUT            frames to the port of replay become frames to that of net_pcap
  pcap_readdress.py --compare A B     whether the frames are the same but for addresses and times"""
import struct
import sys

REPLAY, PCAP = b"\2\0\0\0\0\1", b"\2pcap\0"


def frames(path):
    with open(path, "rb") as file:
        data = file.read()
    at = 24
    while at < len(data):
        length = struct.unpack_from("<I", data, at + 8)[0]
        yield data[at:at + 16], data[at + 16:at + 16 + length]
        at += 16 + length


def main(first, second, third=None):
    if first == "--compare":
        bodies = [[frame[12:] for _, frame in frames(path)] for path in (second, third)]
        return 0 if bodies[0] == bodies[1] and bodies[0] else 1
    with open(first, "rb") as file:
        head = file.read(24)
    with open(second, "wb") as file:
        file.write(head)
        for header, frame in frames(first):
            file.write(header + (PCAP + frame[6:] if frame[:6] == REPLAY else frame))
    return 0


sys.exit(main(*sys.argv[1:]))
