# SPDX-License-Identifier: BSD-2-Clause
"""A rule that answers REFUSED, over IPv4 and IPv6; the case of the name and RD are kept."""
from frames import CD, RD, query, udp, udp6

FRAMES = [
    udp(query("www.refused.test", ident=1)),
    udp6(query("www.refused.test", "AAAA", ident=2)),
    udp(query("WwW.rEfUsEd.TeSt", ident=3, flags=RD | CD), sport=53001),
    udp(query("refused.test", ident=4, flags=0)),
    udp(query("notrefused.test", ident=5)),
    udp6(query("", "NS", ident=6)),
]
