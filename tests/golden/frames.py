# SPDX-License-Identifier: BSD-2-Clause
"""Frames for the golden tests, made of nothing but struct, and captures of them.

The port of `sluice replay` has 02:00:00:00:00:01; the client and the server of the cases have
addresses beside its own. replay() draws source ports and DNS IDs as draws() does, so a case can hold
the answers of its server."""
import ipaddress
import struct

PORT_MAC, CLIENT_MAC, SERVER_MAC = b"\2\0\0\0\0\1", b"\2\0\0\0\0\xc1", b"\2\0\0\0\0\x53"
PORT4, CLIENT4, SERVER4 = "10.53.0.1", "10.53.0.9", "10.53.0.53"
PORT6, CLIENT6, SERVER6 = "fd53::1", "fd53::9", "fd53::53"
TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "ANY": 255}
QR, AA, TC, RD, RA, AD, CD = 0x8000, 0x400, 0x200, 0x100, 0x80, 0x20, 0x10


def draws():
    """The (source port, DNS ID) of each query that replay sends to a server, in their order."""
    state = 0x5BD1E9955BD1E995
    while True:
        state ^= state << 13 & (1 << 64) - 1
        state ^= state >> 7
        state ^= state << 17 & (1 << 64) - 1
        word = state >> 32
        yield 16384 + (word >> 16 & 32767), struct.unpack(">H", struct.pack("<H", word & 0xFFFF))[0]


# ---- DNS ----

def name(text):
    """A name as it goes over the wire; "" is the root."""
    labels = [label.encode() for label in text.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def question(text, qtype="A", qclass=1):
    return name(text) + struct.pack(">HH", TYPES[qtype], qclass)


def record(owner, rtype, data, ttl=300):
    return owner + struct.pack(">HHIH", TYPES[rtype], 1, ttl, len(data)) + data


def opt(size=1232, do=False, options=b"", version=0):
    return b"\0" + struct.pack(">HHBBHH", 41, size, 0, version, 0x8000 if do else 0, len(options)) + options


def option(code, data):
    return struct.pack(">HH", code, len(data)) + data


def message(ident, flags, questions=(), answers=(), authority=(), additional=()):
    parts = [questions, answers, authority, additional]
    return struct.pack(">HH4H", ident, flags, *map(len, parts)) + b"".join(b"".join(p) for p in parts)


def query(text, qtype="A", ident=0x1234, flags=RD, edns=None):
    return message(ident, flags, [question(text, qtype)], additional=[edns] if edns else [])


def answer(text, qtype, ident, answers, flags=QR | RD | RA, additional=()):
    return message(ident, flags, [question(text, qtype)], answers, additional=additional)


POINTER = b"\xc0\x0c"  # to the question's name


# ---- frames ----

def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(">%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ethernet(payload, kind, source=CLIENT_MAC, destination=PORT_MAC, vlan=None):
    tag = struct.pack(">HH", 0x8100, vlan) if vlan is not None else b""
    return destination + source + tag + struct.pack(">H", kind) + payload


def pseudo(source, destination, protocol, length):
    a, b = ipaddress.ip_address(source), ipaddress.ip_address(destination)
    form = ">BBH" if a.version == 4 else ">IHBB"
    rest = (0, protocol, length) if a.version == 4 else (length, 0, 0, protocol)
    return a.packed + b.packed + struct.pack(form, *rest)


def ip(source, destination, protocol, payload, options=b"", fragment=0, ident=7):
    a, b = ipaddress.ip_address(source), ipaddress.ip_address(destination)
    if a.version == 6:
        return struct.pack(">IHBB", 6 << 28, len(payload), protocol, 64) + a.packed + b.packed + payload
    length = 20 + len(options)
    header = struct.pack(">BBHHHBBH", 0x40 | length // 4, 0, length + len(payload), ident, fragment, 64,
                         protocol, 0) + a.packed + b.packed + options
    return header[:10] + struct.pack(">H", checksum(header)) + header[12:] + payload


def datagram(payload, source=CLIENT4, sport=40000, destination=PORT4, dport=53, damage=0):
    header = struct.pack(">HHHH", sport, dport, 8 + len(payload), 0)
    value = checksum(pseudo(source, destination, 17, 8 + len(payload)) + header + payload) or 0xFFFF
    return header[:6] + struct.pack(">H", value ^ damage) + payload


def udp(payload, source=CLIENT4, sport=40000, destination=PORT4, dport=53, mac=CLIENT_MAC, vlan=None,
        options=b"", fragment=0, damage=0):
    data = datagram(payload, source, sport, destination, dport, damage)
    kind = 0x86DD if ":" in source else 0x0800
    return ethernet(ip(source, destination, 17, data, options, fragment), kind, mac, vlan=vlan)


def piece(data, start, end, more, source=CLIENT4, destination=PORT4, ident=7, mac=CLIENT_MAC, protocol=17,
          before=b"", first=None):
    """Bytes `start` to `end` of a datagram as a fragment. IPv6 headers `before` the fragment's begin
    with one of kind `first`."""
    if ":" in source:
        header = struct.pack(">BBHI", protocol, 0, start | more, ident)
        packet = ip(source, destination, 44 if first is None else first, before + header + data[start:end])
        return ethernet(packet, 0x86DD, mac)
    return ethernet(ip(source, destination, protocol, data[start:end], before, start // 8 | more << 13, ident),
                    0x0800, mac)


def pieces(payload, *cuts, source=CLIENT4, destination=PORT4, sport=40000, dport=53, damage=0, **more):
    """A message in fragments that are cut at these bytes of its datagram."""
    data = datagram(payload, source, sport, destination, dport, damage)
    return [piece(data, start, end, end != len(data), source, destination, **more)
            for start, end in zip((0,) + cuts, cuts + (len(data),))]


def udp6(payload, source=CLIENT6, destination=PORT6, **more):
    return udp(payload, source=source, destination=destination, **more)


def from_server(payload, port, source=SERVER4, destination=PORT4, sport=53):
    return udp(payload, source=source, sport=sport, destination=destination, dport=port, mac=SERVER_MAC)


def arp(operation, sender, target, mac=CLIENT_MAC, target_mac=b"\0" * 6, destination=b"\xff" * 6):
    body = struct.pack(">HHBBH", 1, 0x0800, 6, 4, operation) + mac + ipaddress.ip_address(sender).packed + \
        target_mac + ipaddress.ip_address(target).packed
    return ethernet(body, 0x0806, mac, destination)


def icmp4(kind, body, source=CLIENT4, destination=PORT4):
    message_ = struct.pack(">BBH", kind, 0, 0) + body
    message_ = message_[:2] + struct.pack(">H", checksum(message_)) + message_[4:]
    return ethernet(ip(source, destination, 1, message_), 0x0800)


def icmp6(kind, body, source=CLIENT6, destination=PORT6, mac=PORT_MAC, hops=255):
    message_ = struct.pack(">BBH", kind, 0, 0) + body
    value = checksum(pseudo(source, destination, 58, len(message_)) + message_)
    message_ = message_[:2] + struct.pack(">H", value) + message_[4:]
    packet = bytearray(ip(source, destination, 58, message_))
    packet[7] = hops
    return ethernet(bytes(packet), 0x86DD, destination=mac)


def too_big(mtu, quoted, source="10.53.0.254", mac=SERVER_MAC):
    """A router's report that takes `mtu` bytes only, of a frame that it got."""
    packet = quoted[14:14 + 548]
    if packet[0] >> 4 == 6:
        body = struct.pack(">BBHI", 2, 0, 0, mtu) + packet
        target = str(ipaddress.ip_address(packet[8:24]))
        value = checksum(pseudo(source, target, 58, len(body)) + body)
        return ethernet(ip(source, target, 58, body[:2] + struct.pack(">H", value) + body[4:]), 0x86DD, mac)
    body = struct.pack(">BBHHH", 3, 4, 0, 0, mtu) + packet
    target = str(ipaddress.ip_address(packet[12:16]))
    return ethernet(ip(source, target, 1, body[:2] + struct.pack(">H", checksum(body)) + body[4:]), 0x0800, mac)


def to_client(payload, client=CLIENT4, port=PORT4, dport=40000):
    """What an answer of ours looks like on its way."""
    return udp(payload, source=port, sport=53, destination=client, dport=dport)


START = 1700000000 * 1000000


def write_at(path, timed):
    """A capture of (microseconds, frame) pairs."""
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for at, frame in timed:
            at += START
            file.write(struct.pack("<IIII", at // 1000000, at % 1000000, len(frame), len(frame)) + frame)


def write(path, frames):
    """A capture of (milliseconds, frame) pairs; a frame alone comes a millisecond after the last."""
    now, timed = 0, []
    for item in frames:
        now, frame = item if isinstance(item, tuple) else (now + 1, item)
        timed.append((now * 1000, frame))
    write_at(path, timed)


def packets(path):
    """The (time in microseconds, frame) pairs of a capture."""
    with open(path, "rb") as file:
        data = file.read()
    at, found = 24, []
    while at < len(data):
        seconds, us, length, _ = struct.unpack_from("<IIII", data, at)
        found.append((seconds * 1000000 + us, data[at + 16:at + 16 + length]))
        at += 16 + length
    return found
