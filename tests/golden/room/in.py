# SPDX-License-Identifier: BSD-2-Clause
"""An answer out of the cache that is longer than the buffer in which its query came back from Lua."""
from frames import POINTER, answer, draws, from_server, opt, query, record, udp

PORTS = draws()
FRAMES, NOW = [], 0
for NAME in "plain.test", "lua.test", "suspended.test":
    PORT, IDENT = next(PORTS)
    TEXTS = [record(POINTER, "TXT", bytes([200]) + bytes([65 + i]) * 200) for i in range(4)]
    NOW += 200
    FRAMES += [(NOW, udp(query(NAME, "TXT", ident=1, edns=opt(4096)))),
               (NOW + 50, from_server(answer(NAME, "TXT", IDENT, TEXTS, additional=[opt(4096)]), PORT)),
               (NOW + 100, udp(query(NAME, "TXT", ident=2, edns=opt(4096))))]
