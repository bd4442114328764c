# SPDX-License-Identifier: BSD-2-Clause
"""ARP, neighbour discovery and echo, and a server whose MAC address has to be asked for: its query
waits, and goes out when the answer comes. One that nobody answers for is asked for thrice."""
from frames import arp, icmp4, icmp6, query, udp, udp6, CLIENT_MAC, PORT_MAC, SERVER_MAC

SOLICITED = b"\x33\x33\xff\0\0\1"
TARGET = b"\0\0\0\0" + bytes.fromhex("fd530000000000000000000000000001")
FRAMES = [
    arp(1, "10.53.0.9", "10.53.0.1"),
    arp(1, "10.53.0.9", "10.53.0.2"),
    arp(1, "0.0.0.0", "10.53.0.1"),  # a probe (RFC 5227)
    icmp6(135, TARGET + b"\1\1" + CLIENT_MAC, destination="ff02::1:ff00:1", mac=SOLICITED),
    icmp6(135, TARGET + b"\1\1" + CLIENT_MAC, destination="ff02::1:ff00:1", mac=SOLICITED, hops=64),
    icmp4(8, b"\0\1\0\2echo"),
    icmp6(128, b"\0\1\0\2echo6"),
    icmp4(0, b"\0\1\0\2reply"),
    udp(query("asks.test", ident=1)),
    udp(query("waits.test", ident=2)),
    (500, arp(2, "10.53.0.53", "10.53.0.1", SERVER_MAC, PORT_MAC, PORT_MAC)),
    udp(query("knows.test", ident=3)),
]
