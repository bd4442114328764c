# SPDX-License-Identifier: BSD-2-Clause
"""Clients of a group of dynamic blocks, for 24 seconds, at the packets' own time: one above the rate,
which is blocked for as long as it goes on; one just below; one far above that is excluded, in the same
range; two of one IPv6 network that are above it together; and two that ask for names that do not exist,
above the ratio and just below."""
from frames import query, udp, udp6

EVENTS = []


def client(rate, until, make, begin=0):
    for n in range(int(rate * (until - begin) / 1000)):
        EVENTS.append((begin + int(n * 1000 / rate), make(n)))


client(2.5, 24000, lambda n: udp(query("above.test", ident=n), source="10.53.0.9"))
client(2, 24000, lambda n: udp(query("below.test", ident=n), source="10.53.0.20"))
client(5, 12000, lambda n: udp(query("excluded.test", ident=n), source="10.53.0.10"))
client(2.2, 14000, lambda n: udp6(query("network.test", ident=n), source="fd53::%x" % (9 + n % 2)))
client(1.5, 14000, lambda n: udp(query("nx.test" if n % 5 < 3 else "is.test", ident=n), source="10.53.0.21"))
client(1.5, 14000, lambda n: udp(query("nx.test" if n % 5 < 2 else "is.test", ident=n), source="10.53.0.22"))

FRAMES = sorted(EVENTS, key=lambda event: event[0])
