# SPDX-License-Identifier: BSD-2-Clause
"""setLocal() takes the place of `listen:` and of what was added before it; addLocal() adds. 127.0.0.0/8 is as good as
other networks. Each query has the port it goes to as its ID: those to 5301 over IPv4 and 53 over IPv6 are answered."""
from frames import query, udp, udp6

FRAMES = [
    *(udp(query("a.test", ident=port), "127.0.0.9", destination="127.0.0.5", dport=port) for port in (53, 5301)),
    *(udp(query("b.test", ident=port), dport=port) for port in (53, 5300, 5302)),
    udp6(query("c.test", ident=53)),
    udp6(query("c.test", ident=5300), dport=5300),
]
