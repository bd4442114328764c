# SPDX-License-Identifier: BSD-2-Clause
"""EDNS of queries: an answer has an OPT if the query had, DO is kept, options reach the server."""
from frames import answer, draws, from_server, opt, option, query, record, udp, POINTER

PORTS = draws()
PORT, IDENT = next(PORTS)
COOKIE = option(10, b"12345678")
FRAMES = [
    udp(query("none.do.test", ident=1)),
    udp(query("with.do.test", ident=2, edns=opt(4096))),
    udp(query("set.do.test", ident=3, edns=opt(1232, do=True))),
    udp(query("small.do.test", ident=4, edns=opt(100, do=True, options=COOKIE))),
    udp(query("version.do.test", ident=5, edns=opt(1232, version=1))),
    udp(query("cut.do.test", ident=6, edns=opt(1232, options=COOKIE)[:-1])),
    udp(query("forward.test", ident=7, edns=opt(1232, do=True, options=COOKIE))),
    from_server(answer("forward.test", "A", IDENT, [record(POINTER, "A", b"\x0a\0\0\1")],
                       additional=[opt(1232, do=True, options=COOKIE)]), PORT),
]
