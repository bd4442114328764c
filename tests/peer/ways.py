# SPDX-License-Identifier: BSD-2-Clause
"""How queries come to servers: over UDP or TCP, from whom, with which DSCP and behind which PROXY header."""
import socket
import struct

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def header_taken(data):
    """(what a PROXY header in front says or "", what follows)"""
    if data[:12] != SIGNATURE:
        return "", data
    size = struct.unpack("!H", data[14:16])[0]
    body, rest = data[16:16 + size], data[16 + size:]
    if data[12] & 15 == 0:
        return " PROXY LOCAL %s" % body.hex(), rest
    family, length = (socket.AF_INET6, 16) if data[13] >> 4 == 2 else (socket.AF_INET, 4)
    ports = struct.unpack("!HH", body[2 * length:2 * length + 4])
    source, destination = (socket.inet_ntop(family, body[i * length:(i + 1) * length]) for i in (0, 1))
    return " PROXY %02x%02x %s>%s %d>%d %s" % (data[12], data[13], source, destination, *ports,
                                               values(body[2 * length + 4:])), rest


def values(data):
    """Types and values in the order that they have."""
    found = []
    while data:
        size = struct.unpack("!H", data[1:3])[0]
        found.append("%d=%s" % (data[0], data[3:3 + size].hex()))
        data = data[3 + size:]
    return " ".join(found)


def datagrams_told(sock):
    """From now on it is known with which DSCP each datagram came."""
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)
    else:
        sock.setsockopt(socket.SOL_IP, socket.IP_RECVTOS, 1)


def datagram(sock):
    """(message, sender, how it came)"""
    data, told, _, sender = sock.recvmsg(65535, 256)
    dscp = next((value[0] >> 2 for _, kind, value in told if kind in (socket.IP_TOS, socket.IPV6_TCLASS)), 0)
    header, message = header_taken(data)
    return message, sender, "udp from %s dscp %d%s" % (sender[0], dscp, header)


def bound(address, port, kind):
    """A socket with this address, which may be there later."""
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if ":" in address:
        sock.setsockopt(socket.IPPROTO_IPV6, 78, 1)  # IPV6_FREEBIND
    else:
        sock.setsockopt(socket.SOL_IP, 15, 1)  # IP_FREEBIND
    sock.bind((address, port))
    return sock


def listening(address, port):
    sock = bound(address, port, socket.SOCK_STREAM)
    sock.listen(64)
    return sock


def exactly(sock, count):
    data = b""
    while len(data) < count:
        more = sock.recv(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def framed(message):
    return struct.pack("!H", len(message)) + message


def stream(sock, sender, answered):
    """Serves a connection to its end. `answered`: (message, how it came) -> answer or None."""
    header, way = "", "tcp from %s" % sender[0]
    try:
        head = exactly(sock, 2)
        if head == SIGNATURE[:2]:
            head += exactly(sock, 14)
            header, _ = header_taken(head + exactly(sock, struct.unpack("!H", head[14:16])[0]))
            head = exactly(sock, 2)
        while True:
            message = exactly(sock, struct.unpack("!H", head)[0])
            made = answered(message, way + header)
            if made is not None:
                sock.sendall(framed(made))
            head = exactly(sock, 2)
    except (EOFError, OSError):
        pass
    finally:
        sock.close()
