# SPDX-License-Identifier: BSD-2-Clause
"""Server policies in Lua, by dnsdist's FFI and in the worker's own Lua: which server each query goes to,
and SERVFAIL where there is none."""
from frames import POINTER, answer, draws, from_server, query, record, udp

NAMES = ["a.object.test", "b.object.test", "one.index.test", "two.index.test", "a.none.test", "far.wrong.test",
         "a.wrong.test", "other.ours.test", "a.ours.test", "a.readonly.test", "a.ffi.test", "a.beyond.test",
         "a.thread.test", "b.thread.test", "c.thread.test", "a.action.test"]
SENT = 11  # of these, to a server
PORTS = draws()
DRAWN = [next(PORTS) for _ in range(SENT + 3)]
THREAD, (P1, I1), (P2, I2) = DRAWN[8], DRAWN[SENT], DRAWN[SENT + 1]


def addressed(text, drawn, server):
    return from_server(answer(text, "A", drawn[1], [record(POINTER, "A", b"\x0a\0\0\1")]), drawn[0], source=server)


FRAMES = [udp(query(text, ident=number)) for number, text in enumerate(NAMES)]
FRAMES += [
    addressed("a.thread.test", THREAD, "10.53.0.54"),
    udp(query("a.cached.test", ident=101)),
    addressed("a.cached.test", (P1, I1), "10.53.0.54"),
    udp(query("a.cached.test", ident=102)),
    udp(query("b.cached.test", ident=103)),
]
