# SPDX-License-Identifier: BSD-2-Clause
"""DNS over TCP as a client of the lab speaks it; lib.sh's lab_python has this folder in the path."""
import contextlib
import ctypes
import os
import socket
import struct

import dns.message

SERVER = '10.53.2.1'
SERVER6 = 'fd53:2::1'
PATIENCE = 5  # seconds, for what has to come


def connect(server=SERVER):
    made = socket.create_connection((server, 53), PATIENCE)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def framed(name, id, type='A'):
    wire = dns.message.make_query(name, type, id=id).to_wire()
    return struct.pack('!H', len(wire)) + wire


class Answers:
    """What comes in on a connection, message by message, in the order of coming."""

    def __init__(self, stream):
        self.stream, self.data = stream, b''

    def wire(self):
        while len(self.data) < 2 or len(self.data) < 2 + struct.unpack('!H', self.data[:2])[0]:
            more = self.stream.recv(65536)
            assert more, 'closed before an answer'
            self.data += more
        size = 2 + struct.unpack('!H', self.data[:2])[0]
        message, self.data = self.data[2:size], self.data[size:]
        return message

    def take(self, count):
        messages = [dns.message.from_wire(self.wire()) for _ in range(count)]
        assert not self.data, self.data
        return messages


def is_closed(stream):
    """That nothing but the end comes."""
    try:
        return stream.recv(1) == b''
    except ConnectionResetError:
        return True


@contextlib.contextmanager
def stopped(pid, name):
    """One thread of a process stands still meanwhile."""
    tid, = (int(entry) for entry in os.listdir('/proc/%d/task' % pid)
            if open('/proc/%d/task/%s/comm' % (pid, entry)).read() == name + '\n')
    libc = ctypes.CDLL(None, use_errno=True)

    def trace(request):
        if libc.ptrace(ctypes.c_long(request), ctypes.c_long(tid), None, None) != 0:
            raise OSError(ctypes.get_errno(), 'ptrace')
    trace(0x4206)  # PTRACE_SEIZE
    trace(0x4207)  # PTRACE_INTERRUPT
    os.waitpid(tid, 0x40000000)  # __WALL: it has stopped
    try:
        yield
    finally:
        trace(17)  # PTRACE_DETACH


def overflow(count):
    """Connections that nobody waits for."""
    made = [socket.socket() for _ in range(count)]
    for stream in made:
        stream.setblocking(False)
        stream.connect_ex((SERVER, 53))
    return made


class Crowd:
    """A process with connections: half of them idle, the others with a byte of a query."""

    def __init__(self, count):
        there, self.commands = os.pipe()
        self.replies, back = os.pipe()
        self.pid = os.fork()
        if self.pid:
            os.read(self.replies, 1)
            return
        streams = [connect() for _ in range(count)]
        for byte in b'\0', b'\xff':
            for stream in streams[1::2]:
                stream.send(byte)
            os.write(back, b'.')
            os.read(there, 1)
        os._exit(0)

    def more(self):
        os.write(self.commands, b'.')
        os.read(self.replies, 1)

    def end(self):
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)
