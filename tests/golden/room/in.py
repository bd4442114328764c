# SPDX-License-Identifier: BSD-2-Clause
"""Answers that are longer than the buffer in which their query is since Lua saw it: out of the cache, and of
rules on both lcores, canned ones too, of Lua itself, and with an extended error."""
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
FRAMES += [udp(query(name, "TXT", ident=3, edns=opt(4096))) for name in ("spoofed.test", "late.test")]
FRAMES.append(udp(query("result.test", ident=4, edns=opt(4096))))
PORT, IDENT = next(PORTS)
FRAMES += [udp(query("error.test", "TXT", ident=5, edns=opt(4096))),
           from_server(answer("error.test", "TXT", IDENT, [record(POINTER, "TXT", bytes([200]) + b"t" * 200)] * 2,
                              additional=[opt(4096)]), PORT)]
# At the end: no query of theirs goes to a server.
FRAMES += [udp(query(name, "TXT", ident=6, edns=opt(4096))) for name in
           ("packet.test", "later.test", "returned.test", "continued.test", "once.test", "later.once.test")]
