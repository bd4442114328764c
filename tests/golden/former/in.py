# SPDX-License-Identifier: BSD-2-Clause
"""Names that dnsdist's FFI asks for in place of others: the client gets its own back, also where the other one
is in the cache; and a response that is suspended becomes such a query, if the policy kept it."""
from frames import POINTER, answer, draws, from_server, query, record, udp

PORTS = draws()
FRAMES = []


def asked(name, ident, *servers):
    FRAMES.append(udp(query(name, ident=ident)))
    for number, other in enumerate(servers):
        port, draw = next(PORTS)
        data = b"\xc0\0\2" + bytes([ident * 16 + number])
        FRAMES.append(from_server(answer(other, "A", draw, [record(POINTER, "A", data)]), port))


asked("new.test", 1, "new.test")
asked("new.test", 2)
asked("former.test", 3, "new.test")
asked("again.test", 4, "again.test", "new.test")
asked("lost.test", 5, "lost.test")
asked("former.test", 6, "new.test")
asked("new.test", 7)
