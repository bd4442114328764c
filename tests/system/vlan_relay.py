# SPDX-License-Identifier: BSD-2-Clause
"""A switch's access port: frames that come in at PLAIN leave at TRUNK with a tag, those with that tag the other way
without; others go nowhere.

  vlan_relay.py PLAIN TRUNK VLAN"""
import select
import socket
import struct
import sys

SOL_PACKET, PACKET_AUXDATA = 263, 8
PACKET_OUTGOING, TP_STATUS_VLAN_VALID = 4, 0x10
ALL = 3


def opened(interface):
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL))
    wire.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    wire.bind((interface, ALL))
    return wire


def received(wire):
    """A frame without its tag, which the kernel has taken off, and the tag; None: it went out here."""
    frame, extra, _, sender = wire.recvmsg(65536, 64)
    if sender[2] == PACKET_OUTGOING:
        return None, 0
    for _, kind, data in extra:
        if kind == PACKET_AUXDATA:
            status, _, _, _, _, tag, _ = struct.unpack_from("IIIHHHH", data)
            if status & TP_STATUS_VLAN_VALID:
                return frame, tag & 0xfff
    return frame, 0


plain, trunk, vlan = opened(sys.argv[1]), opened(sys.argv[2]), int(sys.argv[3])
print("relaying", flush=True)
while True:
    for wire in select.select([plain, trunk], [], [])[0]:
        frame, tag = received(wire)
        if frame is None:
            continue
        if wire is plain and tag == 0:
            trunk.send(frame[:12] + struct.pack("!HH", 0x8100, vlan) + frame[12:] if vlan else frame)
        elif wire is trunk and tag == vlan:
            plain.send(frame)
