# SPDX-License-Identifier: BSD-2-Clause
"""Clients that hold connections of the web server and never come to an end: web_slow.py PORT. A newcomer gets
in all the same, and who has few keeps them."""
import socket
import sys

PORT = int(sys.argv[1])
GET = b"GET /mine?a=1 HTTP/1.1\r\nHost: x\r\n"


def connect(address):
    return socket.create_connection(("127.0.0.1", PORT), timeout=5, source_address=(address, 0))


def asked(peer):
    """Whether the connection has an answer yet."""
    try:
        peer.sendall(GET + b"\r\n")
        return b" 200 OK\r\n" in peer.recv(65536)
    except OSError:
        return False


def slow(address, count):
    """Connections that are in the midst of a request."""
    peers = [connect(address) for _ in range(count)]
    for peer in peers:
        try:
            peer.sendall(GET)
        except OSError:
            pass
    return peers


# As many as there are, and more, of one address; what others have is left to them.
with connect("127.0.0.4") as kept:
    assert asked(kept), "no answer"
    SLOW = slow("127.0.0.2", 100)
    with connect("127.0.0.1") as peer:
        assert asked(peer), "nothing beside one slow client"
    assert asked(kept), "a client of one connection lost it to another"
    # Two together.
    SLOW += slow("127.0.0.3", 100)
    for address in "127.0.0.1", "127.0.0.5":
        with connect(address) as peer:
            assert asked(peer), "nothing beside two slow clients"
    assert asked(kept), "a client of one connection lost it"
    # Everybody has one.
    SLOW += [peer for i in range(100) for peer in slow("127.0.1.%d" % i, 1)]
    with connect("127.0.0.1") as peer:
        assert asked(peer), "nothing beside many slow clients"
for peer in SLOW:
    peer.close()
