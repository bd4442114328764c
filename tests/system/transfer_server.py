# SPDX-License-Identifier: BSD-2-Clause
"""A name server whose transfers of zones do not end well: cut.test closes the connection behind some messages,
stall.test sends no more, endless.test goes on for as long as it is read. What is no transfer is answered.

  transfer_server.py ADDRESS PORT; it says `gone NAME` when the connection of a transfer has ended"""
import os
import socketserver
import struct
import sys

import dns.message
import dns.rdatatype
import dns.rrset

RECORDS = 250  # a message, of about 16 KB


class Stream(socketserver.StreamRequestHandler):
    def send(self, query, *sets):
        answer = dns.message.make_response(query)
        answer.answer.extend(sets)
        wire = answer.to_wire()
        self.wfile.write(framed := struct.pack('!H', len(wire)) + wire)
        return framed

    def transfer(self, query, name):
        soa = dns.rrset.from_text(name, 60, 'IN', 'SOA', 'ns. host. 1 2 3 4 5')
        records = dns.rrset.from_text(name, 60, 'IN', 'TXT', *['"%050d"' % n for n in range(RECORDS)])
        self.send(query, soa)
        again, sent = self.send(query, records), 1
        while str(name).startswith('endless') or sent < 12:
            self.wfile.write(again)
            sent += 1
        if str(name).startswith('stall'):
            self.rfile.read(1)

    def handle(self):
        while len(size := self.rfile.read(2)) == 2:
            query = dns.message.from_wire(self.rfile.read(struct.unpack('!H', size)[0]))
            question = query.question[0]
            if question.rdtype != dns.rdatatype.AXFR:
                self.send(query, dns.rrset.from_text(question.name, 60, 'IN', 'TXT', 'fine'))
                continue
            try:
                self.transfer(query, question.name)
            except OSError:
                pass
            os.write(2, b'gone %s\n' % question.name.to_text().encode())  # whole: others write too
            return


socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer.daemon_threads = True
with socketserver.ThreadingTCPServer((sys.argv[1], int(sys.argv[2])), Stream) as server:
    print('listening', file=sys.stderr, flush=True)
    server.serve_forever()
