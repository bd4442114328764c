# SPDX-License-Identifier: BSD-2-Clause
"""Asks for what rogue.py answers, over Sluice: what is kept, what is passed on, and what is dropped."""
import os
import socket

import dns.message

KEPT = ['good', 'case', 'afteropt']
PASSED_ON = ['trailing', 'morecount', 'lesscount', 'twoopts', 'optanswer', 'tsig', 'update', 'cut', 'hugecount',
             'longdata', 'loop', 'forwards']
DROPPED = ['twoquestions', 'noquestion', 'otherquestion', 'query', 'empty', 'hugequestions',
           'othertype', 'otherclass', 'longerquestion']


def ask(name, patience=3):
    """The answer's bytes but its ID, or None."""
    query = dns.message.make_query(name, 'A')
    with socket.socket(family, socket.SOCK_DGRAM) as client:
        client.connect((os.environ[server], 53))
        client.settimeout(patience)
        client.send(query.to_wire())
        try:
            wire = client.recv(65535)
        except TimeoutError:
            return None
    assert wire[:2] == query.to_wire()[:2] and wire[2] & 0x80, wire
    # In the case in which it was asked for.
    assert wire[12:13 + len(name)] == query.to_wire()[12:13 + len(name)], wire
    return wire[2:]


for server, family in (('server', socket.AF_INET), ('server6', socket.AF_INET6)):
    for label in KEPT:
        first = ask(label + '-1.test')
        assert first == ask(label + '-1.test'), 'not kept: ' + label
        assert first != ask(label + '-2.test')
        other = ask(label.upper() + '-1.TEST')
        assert other[10 + len(label) + 9:] == first[10 + len(label) + 9:], 'not kept in another case: ' + label
    for label in PASSED_ON:
        first, second = ask(label + '-1.test'), ask(label + '-1.test')
        assert first and second and first != second, 'kept: ' + label
    for label in DROPPED:
        assert ask(label + '-1.test', 0.3) is None, 'passed on: ' + label
        assert ask(label + '-1.test', 0.3) is None, 'kept: ' + label
    assert ask('xtherquestion-1.test') == ask('xtherquestion-1.test')
