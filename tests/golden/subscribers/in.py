# SPDX-License-Identifier: BSD-2-Clause
"""Subscribers behind a shared address by their ports, by address, by prefix; their tags in later rules,
in Lua, and when the answer comes."""
from frames import answer, draws, from_server, opt, query, record, udp, udp6, POINTER

PORTS = draws()
FRAMES = []
for at, port in enumerate([39999, 40000, 40999, 41000, 41999, 42000]):
    FRAMES += [udp(query("whoami.test", ident=1 + at), sport=port)]
FRAMES += [
    udp(query("whoami.test", ident=10), source="10.53.0.10", sport=1),
    udp(query("whoami.test", ident=11), source="172.16.0.1", sport=40000),
    udp6(query("whoami.test", ident=12), sport=1),
    udp(query("a.games.test", ident=13), sport=40500),
    udp6(query("games.test", ident=14)),
    udp(query("unasked.test", ident=15), sport=40500),
    udp(query("lua.test", "TXT", ident=20), sport=40500),
    udp(query("lua.test", "TXT", ident=21), sport=41999),
    udp(query("lua.test", "TXT", ident=22), source="10.53.0.77"),
    udp(query("lua.test", "TXT", ident=23), source="172.16.0.1"),
]


def asked(number, name, sport):
    """A query and the server's answer to it."""
    port, ident = next(PORTS)
    records = [record(POINTER, "A", b"\x0a\0\0\1")]
    return [udp(query(name, ident=number, edns=opt(1232)), sport=sport),
            from_server(answer(name, "A", ident, records, additional=[opt(1232)]), port)]


FRAMES += asked(30, "plain.test", 40001)
FRAMES += asked(31, "b.games.test", 41001)
FRAMES += asked(32, "late.test", 41001)
FRAMES += asked(33, "entry.test", 41001)
