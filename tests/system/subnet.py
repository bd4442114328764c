# SPDX-License-Identifier: BSD-2-Clause
"""A name server whose TXT answers say what it was told of the client, and how often it was asked. The
first label of the name is the scope it answers with; "none": it says nothing of subnets."""
import socket
import sys

import dns.edns
import dns.message
import dns.rrset

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind((sys.argv[1], int(sys.argv[2])))
print('subnet: ready', flush=True)
count = 0
while True:
    data, client = server.recvfrom(65535)
    query = dns.message.from_wire(data)
    told = [option for option in query.options if option.otype == dns.edns.ECS]
    name = query.question[0].name
    scope = name.labels[0].decode().split('-')[0]
    answer = dns.message.make_response(query)
    if query.edns >= 0:
        answer.use_edns(0, options=[dns.edns.ECSOption(option.address, option.srclen, int(scope))
                                    for option in told if scope != 'none'])
    count += 1
    subnets = ' '.join(f'{option.address}/{option.srclen}' for option in told)
    text = f'"{count}" "{query.edns}" "{subnets}"'
    answer.answer.append(dns.rrset.from_text(name, 300, 'IN', 'TXT', text))
    server.sendto(answer.to_wire(), client)
