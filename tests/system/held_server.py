# SPDX-License-Identifier: BSD-2-Clause
"""A name server over TCP that keeps its answers back, all without records, as long as a file is not there.

  held_server.py ADDRESS PORT FILE"""
import os
import selectors
import socket
import struct
import sys

events, held, data = selectors.DefaultSelector(), [], {}
listening = socket.create_server((sys.argv[1], int(sys.argv[2])), backlog=100)
events.register(listening, selectors.EVENT_READ)
print('listening', file=sys.stderr, flush=True)
while True:
    for key, _ in events.select(0.01):
        if key.fileobj is listening:
            data[stream := listening.accept()[0]] = b''
            events.register(stream, selectors.EVENT_READ)
            continue
        data[stream := key.fileobj] += (more := stream.recv(65536))
        if not more:
            events.unregister(stream)
        while len(rest := data[stream]) > 2 and len(rest) >= (size := 2 + struct.unpack('!H', rest[:2])[0]):
            held.append((stream, rest[:4] + b'\x81\x80' + rest[6:size]))
            data[stream] = rest[size:]
    while held and os.path.exists(sys.argv[3]):
        held[-1][0].sendall(held.pop()[1])
