# SPDX-License-Identifier: BSD-2-Clause
"""A pool that has more than one query to answer gets no more, asked on a worker or behind Lua: until an
answer comes, or the queries are given up. Those of another pool are not counted."""
from frames import answer, draws, from_server, query, udp

PORTS = draws()
DRAWN = [next(PORTS) for _ in range(5)]
FRAMES = [
    udp(query("www.other.test", ident=1)),
    udp(query("www.other.test", ident=2)),
    udp(query("a.test", ident=3)),
    udp(query("b.test", ident=4)),
    udp(query("refused.test", ident=5)),
    udp(query("lua.test", ident=6)),
    from_server(answer("a.test", "A", DRAWN[2][1], []), DRAWN[2][0]),
    udp(query("lua.test", ident=7)),
    udp(query("refused.test", ident=8)),
    (2500, udp(query("c.test", ident=9))),
]
