# SPDX-License-Identifier: BSD-2-Clause
"""Clients of the console that a unit test would not think of: many, rude, silent, greedy."""
import os
import random
import socket
import struct
import sys

OK, ERROR, REFUSED = 0, 1, 2
PATH = sys.argv[1]


def connect():
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.connect(PATH)  # waits where the queue of the socket is full
    s.settimeout(10)
    return s


def frame(text):
    return struct.pack('!I', len(text)) + text


def take(s, size):
    data = b''
    while len(data) < size:
        more = s.recv(size - len(data))
        assert more, 'the connection ended early'
        data += more
    return data


def reply(s):
    body = take(s, struct.unpack('!I', take(s, 4))[0])
    return body[0], body[1:]


def ask(text):
    with connect() as s:
        s.sendall(frame(text))
        return reply(s)


def many():
    clients = [connect() for _ in range(50)]
    for i, s in enumerate(clients):
        s.sendall(frame(b'%d' % i) + frame(b'%d + 1' % i)[:5])
    for i, s in enumerate(clients):
        s.sendall(frame(b'%d + 1' % i)[5:])
    for i, s in enumerate(clients):
        assert reply(s) == (OK, b'%d\n' % i) and reply(s) == (OK, b'%d\n' % (i + 1))
        s.close()


def too_many():
    clients = [connect() for _ in range(80)]  # more than are served at once: the rest wait
    clients[0].sendall(frame(b'1'))
    assert reply(clients[0]) == (OK, b'1\n')
    for s in clients:
        s.close()
    assert ask(b'2') == (OK, b'2\n')


def rude():
    for junk in (b'GET / HTTP/1.0\r\n\r\n', b'\xff' * 100, struct.pack('!I', 65537)):
        with connect() as s:
            s.sendall(junk)
            assert reply(s)[0] == REFUSED
            try:
                assert s.recv(1) == b''
            except ConnectionResetError:  # it had sent more than was read
                pass
    assert ask(b'\x00\x1b\x80')[0] == ERROR and ask(b'') == (OK, b'')
    assert ask(b"'a\\0b'") == (OK, b'a\0b\n')
    assert ask(b'return ' + b' ' * 65500 + b'1') == (OK, b'1\n')
    dice = random.Random(53)
    for _ in range(100):
        with connect() as s:
            try:
                s.sendall(dice.randbytes(dice.randrange(1, 200)))
            except (BrokenPipeError, ConnectionResetError):
                pass


def greedy():
    status, text = ask(b"string.rep('x', 3000000)")
    assert status == OK and len(text) == 1 << 20 and text.endswith(b'left out\n'), len(text)
    with connect() as s:  # half closed: it gets its reply all the same
        s.sendall(frame(b'53'))
        s.shutdown(socket.SHUT_WR)
        assert reply(s) == (OK, b'53\n') and s.recv(1) == b''


def silent():
    """Asks for megabytes and reads nothing: the others are served, and memory stays bounded."""
    stuck = [connect() for _ in range(10)]
    for s in stuck:
        s.setblocking(False)
        try:
            for _ in range(1000):
                s.send(frame(b"string.rep('x', 1000000)"))
        except BlockingIOError:
            pass
    for i in range(100):
        assert ask(b'%d' % i) == (OK, b'%d\n' % i)
    return stuck


kept = silent()
for test in (many, rude, greedy):
    test()
for waiting in kept:
    waiting.close()
too_many()
assert ask(b'1') == (OK, b'1\n')
sys.exit(os.EX_OK)
