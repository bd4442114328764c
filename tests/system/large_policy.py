# SPDX-License-Identifier: BSD-2-Clause
"""Writes the folder of the policy of large_policy.sh: lists, and Lua that reads and makes of them."""
import random, sys
folder, draw = sys.argv[1], random.Random(7)
with open(folder + '/blocked.txt', 'w') as out:
    for i in range(100000):
        print(f"b{i}.{draw.choice(['ads', 'trk', 'bad'])}.demo.test", file=out)
    print('last.bad.demo.test', file=out)
with open(folder + '/10-blocked.conf', 'w') as out:
    print('blocked = newSuffixMatchNode()', file=out)
    print(f"for line in io.lines('{folder}/blocked.txt') do blocked:add(line) end", file=out)
with open(folder + '/20-clients.conf', 'w') as out:
    print('abusers, resellers = newNMG(), newNMG()', file=out)
    for i in range(5000):
        print(f"abusers:addMask('172.{16 + i // 256}.{i % 256}.0/24')", file=out)
        print(f"resellers:addMask('2001:db8:{i:x}::/48')", file=out)
    print("resellers:addMask('10.53.2.0/24')", file=out)
with open(folder + '/30-rules.conf', 'w') as out:
    for i in range(200):
        print(f"newServer({{address='10.53.0.2:5300', pool='pool{i}', name='s{i}', checkType='A'}})", file=out)
    for i in range(1500):
        print(f"toPool('zone{i}.demo.test.', 'pool{i % 200}')", file=out)
        print(f"addAction(AndRule({{RegexRule('^h{i}[0-9]*\\\\.'), resellersOnly}}), RCodeAction(DNSRCode.NOTIMP))", file=out)
        print(f"addAction(AndRule({{QNameRule('q{i}.demo.test.'), QTypeRule(DNSQType.TXT)}}), SpoofRawAction('\\4test'))", file=out)
