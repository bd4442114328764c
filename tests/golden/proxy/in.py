# SPDX-License-Identifier: BSD-2-Clause
"""Queries of a proxy, which has to say who asked it: rules see the client, servers are told of it, and
the answer goes to the proxy. What is not said properly is dropped."""
import ipaddress
import struct

from frames import answer, draws, from_server, query, record, udp, udp6, POINTER

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
PROXY4, PROXY6 = "10.53.0.7", "fd53::7"
CLIENT, ASKED = "192.0.2.9", "198.51.100.1"
PORTS = draws()
ADDRESS = [record(POINTER, "A", b"\x0a\0\0\1")]


def value(kind, data):
    return struct.pack(">BH", kind, len(data)) + data


def header(source=CLIENT, destination=ASKED, values=b"", command=0x21, transport=2, length=None):
    a, b = ipaddress.ip_address(source), ipaddress.ip_address(destination)
    body = a.packed + b.packed + struct.pack(">HH", 4242, 53) + values
    family = (0x10 if a.version == 4 else 0x20) | transport
    return SIGNATURE + struct.pack(">BBH", command, family, len(body) if length is None else length) + body


def proxied(text, head=None, source=PROXY4, **more):
    send = udp6 if ":" in source else udp
    return send((header() if head is None else head) + query(text), source=source, **more)


def asked(text, *frame, sport=53, **more):
    """A query that gets to a server, and its answer."""
    port, ident = next(PORTS)
    return [frame[0] if frame else proxied(text, **more), from_server(answer(text, "A", ident, ADDRESS), port, sport=sport)]


def unanswered(frame):
    next(PORTS)
    return frame


FRAMES = [
    *asked("www.test"),
    *asked("values.test", head=header(values=value(0xe0, b"abc") + value(1, b""))),
    *asked("by6.test", source=PROXY6),
    *asked("local.test", head=SIGNATURE + b"\x20\0\0\0"),
    *asked("stream.test", head=header(transport=1)),
    *asked("add.test", head=header(values=value(0xe0, b"abc"))),
    *asked("set.test", head=header(values=value(0xe0, b"abc"))),
    *asked("lua.test", head=header(values=value(0xe0, b"abc"))),
    *asked("long.test"),
    proxied("longer.test"),
    # Clients that are none of a proxy; at the address that looks for no header, neither is the proxy.
    *asked("direct.test", udp(query("direct.test"))),
    *asked("unproxied.test", udp(query("unproxied.test"), source=PROXY4, dport=5300)),
    proxied("unlooked.test", dport=5300),
    # Answered here.
    proxied("refused.test", head=header(values=value(0xe0, b"refuse"))),
    proxied("spoofed.test", head=header(values=value(0xe5, b"")), source=PROXY6),
    proxied("client6.test", head=header("fd53::9", "fd53::1", value(0xe0, b"refuse"))),
    # The client is not allowed.
    proxied("acl.test", head=header("203.0.113.1")),
    # No header, or none that is right.
    proxied("none.test", head=b""),
    udp(header()[:-1], source=PROXY4),
    proxied("version.test", head=header(command=0x11)),
    proxied("command.test", head=header(command=0x22)),
    proxied("beyond.test", head=header(length=600)),
    proxied("value.test", head=header(values=b"\xe0\0\x09abc")),
    proxied("large.test", head=header(values=value(0xe0, b"x" * 180))),
    udp(header(), source=PROXY4),
    # The server is on the other family.
    unanswered(proxied("to.six.test")),
    unanswered(proxied("to.six.test", head=header("fd53::9", "fd53::1"))),
    *asked("to.plain.test", sport=54),
]
