# SPDX-License-Identifier: BSD-2-Clause
"""A TCP echo server for the kernel's side of a port, and clients that look at what comes back."""
import socket
import struct
import sys
import threading

ETH_P_ARP, ETH_P_IPV6 = 0x0806, 0x86DD


def echo(connection):
    with connection:
        while data := connection.recv(65536):
            connection.sendall(data)


def serve(port):
    with socket.create_server(("::", int(port)), family=socket.AF_INET6, dualstack_ipv6=True, backlog=512) as listener:
        print("listening", file=sys.stderr, flush=True)
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=echo, args=(connection,), daemon=True).start()


def ask(address, port, size=200_000):
    """Sends so many bytes and gets them back."""
    message = bytes(i * 7 % 251 for i in range(int(size)))
    with socket.create_connection((address, int(port)), timeout=10) as connection:
        writer = threading.Thread(target=lambda: (connection.sendall(message), connection.shutdown(socket.SHUT_WR)))
        writer.start()
        got = b""
        while data := connection.recv(65536):
            got += data
        writer.join()
    assert got == message, f"{len(got)} of {size} bytes came back"


def refused(address, port):
    """A datagram to a port that nobody has comes back as an ICMP error."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as asking:
        asking.settimeout(5)
        asking.connect((address, int(port)))
        asking.send(b"anybody?")
        try:
            asking.recv(100)
        except ConnectionRefusedError:
            return
    raise SystemExit("an answer out of nowhere")


def answers(interface, address4, address6, source4, source6):
    """Asks three times each who has the addresses; counts who says so until all is through the kernel."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003)) as link:
        link.bind((interface, 0))
        link.settimeout(5)
        me = link.getsockname()[4]
        question = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + me + socket.inet_aton(source4) + bytes(6) + socket.inet_aton(address4)
        for _ in range(3):
            link.send(b"\xff" * 6 + me + struct.pack("!H", ETH_P_ARP) + question)
            link.send(solicitation(me, source6, address6))
        arp = nd = 0
        while True:
            try:
                frame, (_, _, kind, _, _) = link.recvfrom(2000)
            except (BlockingIOError, TimeoutError):
                break
            if kind == 4:  # our own, on its way out
                continue
            arp += frame[12:14] == b"\x08\x06" and frame[20:22] == b"\x00\x02" and frame[28:32] == socket.inet_aton(address4)
            nd += frame[12:14] == b"\x86\xdd" and frame[20] == 58 and frame[54] == 136 and frame[62:78] == socket.inet_pton(socket.AF_INET6, address6)
            if link.getblocking() and arp >= 3 and nd >= 3:
                refused(address4, 9)  # in both, for this went through the kernel after the questions
                refused(address6, 9)
                link.setblocking(False)
    assert (arp, nd) == (3, 3), f"{arp} ARP answers and {nd} advertisements"


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!H", ~total & 0xFFFF)


def syn(me, mac, source, target, port, number):
    segment = struct.pack("!HHIIBBHHH", 1024 + number % 60000, port, number, 0, 0x50, 2, 8192, 0, 0)
    pseudo = source + target + struct.pack("!BBH", 0, 6, len(segment))
    segment = segment[:16] + checksum(pseudo + segment) + segment[18:]
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), 0, 0, 64, 6, 0) + source + target
    return mac + me + b"\x08\x00" + header[:10] + checksum(header) + header[12:] + segment


def flood(interface, mac, address, port, count):
    """Opens connections from addresses that nobody has, while one that was open before goes on."""
    mac, target = bytes.fromhex(mac.replace(":", "")), socket.inet_aton(address)
    turns = 0
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as link, socket.create_connection((address, int(port)), timeout=5) as old:
        link.bind((interface, 0))
        me = link.getsockname()[4]
        frames = [syn(me, mac, struct.pack("!I", 0x0A350280 + n % 100), target, int(port), n) for n in range(1000)]
        for number in range(int(count)):
            link.send(frames[number % len(frames)])
            if number % 1000 == 0:
                old.sendall(b"still here")
                got = b""
                while len(got) < 10:
                    got += old.recv(10)
                turns += got == b"still here"
    print(f"{count} connections begun, {turns} words over the old one")


def solicitation(me, source, target):
    """A neighbour solicitation, sealed."""
    source, target = (socket.inet_pton(socket.AF_INET6, text) for text in (source, target))
    group = socket.inet_pton(socket.AF_INET6, "ff02::1:ff00:0")[:13] + target[13:]
    message = struct.pack("!BBHI", 135, 0, 0, 0) + target + b"\x01\x01" + me
    pseudo = source + group + struct.pack("!II", len(message), 58)
    message = message[:2] + checksum(pseudo + message) + message[4:]
    header = struct.pack("!IHBB", 6 << 28, len(message), 58, 255) + source + group
    return b"\x33\x33" + group[12:] + me + struct.pack("!H", ETH_P_IPV6) + header + message


globals()[sys.argv[1]](*sys.argv[2:])
