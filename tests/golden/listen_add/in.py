# SPDX-License-Identifier: BSD-2-Clause
"""`listen:` holds beside what addLocal() adds; port 53 where none is given. Each query has the port it goes to as its
ID: over IPv4 those of 127.0.0.5 and that to 5300 are answered, over IPv6 that to 53."""
from frames import query, udp, udp6

FRAMES = [
    *(udp(query("a.test", ident=port), "127.0.0.9", destination="127.0.0.5", dport=port) for port in (53, 5301)),
    *(udp(query("b.test", ident=port), dport=port) for port in (53, 5300, 5302)),
    udp6(query("c.test", ident=53)),
    udp6(query("c.test", ident=5300), dport=5300),
]
