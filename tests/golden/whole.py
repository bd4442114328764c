#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What cases sent in fragments, as others read it: tests/golden/whole.py CASE... puts the fragments of each
out.pcap together, checks lengths and checksums of all its packets, and gives the messages to dnspython."""
import ipaddress
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True
import dns.message  # noqa: E402
import frames  # noqa: E402


def ipv4(packet):
    total, ident, place = struct.unpack_from(">HHH", packet, 2)
    assert packet[0] == 0x45 and total == len(packet) and frames.checksum(packet[:20]) == 0
    offset, more, whole = (place & 0x1FFF) * 8, place >> 13 & 1, place >> 14 & 1
    assert bool(whole) == (offset == 0 and not more), "DF is for whole packets"
    return packet[12:16], packet[16:20], None if whole else ident, offset, more, packet[20:]


def ipv6(packet):
    length, following = struct.unpack_from(">HB", packet, 4)
    assert packet[0] >> 4 == 6 and length == len(packet) - 40
    if following == 17:
        return packet[8:24], packet[24:40], None, 0, 0, packet[40:]
    inner, reserved, place, ident = struct.unpack_from(">BBHI", packet, 40)
    assert (following, inner, reserved) == (44, 17, 0) and ident != 0
    return packet[8:24], packet[24:40], ident, place & 0xFFF8, place & 1, packet[48:]


def datagrams(path, limit):
    waiting, idents = {}, set()
    for _, frame in frames.packets(path):
        kind = struct.unpack_from(">H", frame, 12)[0]
        source, target, ident, offset, more, part = (ipv6 if kind == 0x86DD else ipv4)(frame[14:])
        assert len(frame) <= 14 + limit
        if ident is not None:
            pieces = waiting.setdefault((source, target, ident), {})
            pieces[offset] = part
            assert offset % 8 == 0 and (not more or len(part) % 8 == 0)
            if more:
                continue
            del waiting[source, target, ident]
            assert ident not in idents, "the same ID again"
            idents.add(ident)
            part = b""
            for at in sorted(pieces):
                assert at == len(part), "a hole or an overlap"
                part += pieces[at]
        yield ipaddress.ip_address(source), ipaddress.ip_address(target), part, ident is not None
    assert not waiting


def main(cases):
    for case in cases:
        cut = 0
        for source, target, data, fragmented in datagrams(os.path.join(HERE, case, "out.pcap"), 1500):
            length, value = struct.unpack_from(">HH", data, 4)
            assert length == len(data) and value != 0
            assert frames.checksum(frames.pseudo(str(source), str(target), 17, length) + data) == 0
            message = dns.message.from_wire(data[8:])
            cut += fragmented
            print("%s: %s to %s: %d bytes%s, %s" % (case, source, target, len(data) - 8,
                                                    " in fragments" if fragmented else "", message.question[0]))
        assert cut > 0


main(sys.argv[1:])
