# SPDX-License-Identifier: BSD-2-Clause
"""DNS over TCP as a client of the lab speaks it; lib.sh's lab_python has this folder in the path."""
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
