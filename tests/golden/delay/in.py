# SPDX-License-Identifier: BSD-2-Clause
"""Answers that wait: made here, from the server, from the cache; as rules and as Lua have it. The times at
which they leave are in out.pcap. In the end more are to wait than there is room for."""
from frames import answer, draws, from_server, query, record, udp, udp6, POINTER

PORTS = draws()
FRAMES = []


def at(after, frame):
    """So many milliseconds after the last one."""
    FRAMES.append(((FRAMES[-1][0] if FRAMES else 0) + after, frame))


def served(text, ident):
    """A query that goes to the server, which takes a millisecond, and then once more for the cache."""
    port, drawn = next(PORTS)
    at(1000, udp(query(text, ident=ident)))
    at(1, from_server(answer(text, "A", drawn, [record(POINTER, "A", b"\xc0\0\2\7")]), port))
    at(999, udp(query(text, ident=ident + 1)))


for number, own in enumerate(("own", "never", "lua", "number", "broken", "dropped")):
    at(1000, (udp6 if own == "lua" else udp)(query(own + ".test", ident=0x100 + number)))
for number, remote in enumerate(("served", "long", "word", "later", "plain")):
    served(remote + ".test", 0x200 + 2 * number)
for number in range(200):
    at(0 if number else 1000, udp(query("own.test", ident=0x1000 + number)))
at(1000, udp(query("last.test", ident=0x300)))
