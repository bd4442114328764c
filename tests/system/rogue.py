# SPDX-License-Identifier: BSD-2-Clause
"""A name server whose answers have what the first label of the name says, and an address that is
another one each time it is asked."""
import socket
import sys

import dns.message
import dns.rrset

count = 0


def counts(wire, section, by):
    at = 4 + 2 * section
    number = int.from_bytes(wire[at:at + 2], 'big') + by
    return wire[:at] + number.to_bytes(2, 'big') + wire[at + 2:]


OPT = b'\0\0\x29\x04\xd0\0\0\0\0\0\0'
ADDRESS = b'\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\xfe'
TSIG = b'\0\0\xfa\0\xff\0\0\0\0\0\4abcd'
WHAT = {
    'good': lambda wire: wire,
    'case': lambda wire: wire[:13] + wire[13:17].upper() + wire[17:],
    'afteropt': lambda wire: counts(wire + OPT + ADDRESS, 3, 2),
    'trailing': lambda wire: wire + b'x',
    'morecount': lambda wire: counts(wire, 1, 1),
    'lesscount': lambda wire: counts(wire, 1, -1),
    'twoquestions': lambda wire: counts(wire, 0, 1),
    'hugecount': lambda wire: wire[:6] + b'\xff\xff' + wire[8:],
    'hugequestions': lambda wire: wire[:4] + b'\xff\xff' + wire[6:],
    'longdata': lambda wire: wire[:-6] + b'\xff\xff' + wire[-4:],
    'loop': lambda wire: wire[:-16] + (len(wire) - 16 | 0xc000).to_bytes(2, 'big') + wire[-14:],
    'forwards': lambda wire: wire[:-16] + b'\xff\xff' + wire[-14:],
    'othertype': lambda wire: wire[:-20] + b'\0\x1c' + wire[-18:],
    'otherclass': lambda wire: wire[:-18] + b'\0\3' + wire[-16:],
    'longerquestion': lambda wire: wire[:12] + b'\1x' + wire[12:],
    'noquestion': lambda wire: counts(wire, 0, -1),
    'otherquestion': lambda wire: wire[:13] + b'x' + wire[14:],
    'twoopts': lambda wire: counts(wire + OPT + OPT, 3, 2),
    'optanswer': lambda wire: counts(wire + OPT, 1, 1),
    'tsig': lambda wire: counts(wire + TSIG, 3, 1),
    'query': lambda wire: wire[:2] + bytes([wire[2] & 0x7f]) + wire[3:],
    'update': lambda wire: wire[:2] + bytes([wire[2] | 0x28]) + wire[3:],
    'cut': lambda wire: wire[:-1],
    'empty': lambda wire: wire[:12],
}

server = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
server.bind((sys.argv[1], int(sys.argv[2])))
print('rogue: ready', flush=True)
while True:
    data, client = server.recvfrom(65535)
    query = dns.message.from_wire(data)
    answer = dns.message.make_response(query)
    answer.use_edns(-1)
    count += 1
    name = query.question[0].name
    answer.answer.append(dns.rrset.from_text(name, 300, 'IN', 'A', f'192.0.{count % 250}.1'))
    label = name.labels[0].decode().split('-')[0]
    server.sendto(WHAT.get(label, WHAT['good'])(answer.to_wire()), client)
