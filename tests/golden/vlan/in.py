# SPDX-License-Identifier: BSD-2-Clause
"""A port in VLAN 7: tagged frames are answered tagged, whatever their priority; others are dropped."""
from frames import arp, query, udp, udp6

FRAMES = [
    udp(query("tagged.test", ident=1), vlan=7),
    udp6(query("tagged6.test", ident=2), vlan=7),
    udp(query("priority.test", ident=3), vlan=7 | 5 << 13),
    udp(query("untagged.test", ident=4)),
    udp(query("other.test", ident=5), vlan=8),
    arp(1, "10.53.0.9", "10.53.0.1"),
    udp(query("last.test", ident=6), vlan=7)[:17],
]
