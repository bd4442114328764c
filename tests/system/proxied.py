# SPDX-License-Identifier: BSD-2-Clause
"""PROXY headers, and what proxy_server.py says of those that it got."""
import ipaddress
import socket
import struct

from streams import Answers, framed

SIGNATURE = b'\r\n\r\n\0\r\nQUIT\n'


def header(client, values=b'', command=0x21):
    packed = ipaddress.ip_address(client).packed
    body = packed * 2 + struct.pack('!HH', 4242, 53) + values
    return SIGNATURE + bytes([command, 0x11 if len(packed) == 4 else 0x21]) + struct.pack('!H', len(body)) + body


def connect(source, port=53):
    six = ':' in source
    made = socket.create_connection(('fd53:2::1' if six else '10.53.2.1', port), 5, (source, 0))
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def told(stream, names, head=b''):
    """Connection and client of each answer."""
    stream.sendall(head + b''.join(framed(name, n, 'TXT') for n, name in enumerate(names)))
    found = {m.id: b' '.join(m.answer[0][0].strings).decode() for m in Answers(stream).take(len(names))}
    return [found[n].split(' ', 1) for n in range(len(names))]
