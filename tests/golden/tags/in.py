# SPDX-License-Identifier: BSD-2-Clause
"""Tags that query rules set are there for later rules and, after the server's answer, for response rules."""
from frames import answer, draws, from_server, query, record, udp, POINTER

PORTS = draws()
DRAWN = [next(PORTS) for _ in range(3)]
NAMES = ["www.red.test", "www.blue.test", "www.example"]
FRAMES = [udp(query("www.red.test", "TXT", ident=9))]
FRAMES += [udp(query(text, ident=at)) for at, text in enumerate(NAMES)]
FRAMES += [from_server(answer(text, "A", ident, [record(POINTER, "A", b"\x0a\0\0\1")]), port)
           for text, (port, ident) in zip(NAMES, DRAWN)]
