# SPDX-License-Identifier: BSD-2-Clause
"""A name server that wants PROXY headers: over UDP all its answers are truncated; over TCP they say on which
connection, counted from 0, for which client and with which values it was asked.

  proxy_server.py ADDRESS PORT"""
import socket
import socketserver
import struct
import sys
import threading

import dns.flags
import dns.message
import dns.rrset

SIGNATURE = b'\r\n\r\n\0\r\nQUIT\n'
connections = 0


def header_take(data):
    """Who is asking, and what follows the header."""
    assert data[:12] == SIGNATURE, data[:16]
    size = struct.unpack('!H', data[14:16])[0]
    body, rest = data[16:16 + size], data[16 + size:]
    if data[12] == 0x20:
        return 'local', rest
    family, length = (socket.AF_INET6, 16) if data[13] >> 4 == 2 else (socket.AF_INET, 4)
    port = struct.unpack('!H', body[2 * length:2 * length + 2])[0]
    return '%s %d %d %s' % (socket.inet_ntop(family, body[:length]), port, data[13] & 15,
                            body[2 * length + 4:].hex()), rest


class Datagram(socketserver.BaseRequestHandler):
    def handle(self):
        answer = dns.message.make_response(dns.message.from_wire(header_take(self.request[0])[1]))
        answer.flags |= dns.flags.TC
        self.request[1].sendto(answer.to_wire(), self.client_address)


class Stream(socketserver.StreamRequestHandler):
    def handle(self):
        global connections
        number, connections = connections, connections + 1
        head = self.rfile.read(16)
        client, _ = header_take(head + self.rfile.read(struct.unpack('!H', head[14:16])[0]))
        while len(size := self.rfile.read(2)) == 2:
            query = dns.message.from_wire(self.rfile.read(struct.unpack('!H', size)[0]))
            answer = dns.message.make_response(query)
            text = '"%d" "%s"' % (number, client)
            answer.answer.append(dns.rrset.from_text(query.question[0].name, 0, 'IN', 'TXT', text))
            wire = answer.to_wire()
            self.wfile.write(struct.pack('!H', len(wire)) + wire)


socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer.daemon_threads = True
socketserver.TCPServer.request_queue_size = 256
address = (sys.argv[1], int(sys.argv[2]))
threading.Thread(target=socketserver.UDPServer(address, Datagram).serve_forever, daemon=True).start()
with socketserver.ThreadingTCPServer(address, Stream) as server:
    print('listening', file=sys.stderr, flush=True)
    server.serve_forever()
