#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# A policy as large operators have them: helper functions, included files, thousands of rules, names
# and netmasks, many pools, and listeners and settings that have nothing to do here.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

mkdir "$work/conf.d"
/usr/bin/python3 - "$work/conf.d" <<-'END'
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
END
SECONDS=0
lab_up <<-END
	setVerboseHealthChecks(false)
	setMaxTCPClientThreads(20)
	addTLSLocal('10.53.0.1:853', '/etc/ssl/none.pem', '/etc/ssl/none.key', {minTLSVersion = 'tls1.2'})
	addDOHLocal('10.53.0.1:443', '/etc/ssl/none.pem', '/etc/ssl/none.key', '/dns-query')
	newServer({address = '10.53.0.2:5300', name = 'main', checkType = 'A'})
	setServerPolicy(leastOutstanding)
	local pools = {}
	function toPool(name, pool)
	  pools[pool] = (pools[pool] or 0) + 1
	  addAction(QNameSuffixRule({name}), PoolAction(pool), {name = 'pool-' .. name})
	end
	resellersOnly = LuaRule(function() return true end)
	includeDirectory('$work/conf.d')
	mvRule(0, 1)
	addAction(NetmaskGroupRule(abusers), DropAction())
	addAction(SuffixMatchNodeRule(blocked), SpoofAction({'192.0.2.53', '2001:db8::53'}))
	addAction(MaxQPSIPRule(50000, 32, 48), TCAction())
	addAction(OrRule({QTypeRule(DNSQType.ANY), OpcodeRule(DNSOpcode.Notify)}), RCodeAction(DNSRCode.REFUSED))
END
[ "$SECONDS" -le 60 ] || fail "the policy took $SECONDS s to load"
expect 'status: NOERROR' c1.demo.test
expect 'status: NOTIMP' h1499.demo.test
expect '192\.0\.2\.53' www.last.bad.demo.test
expect '2001:db8::53' last.bad.demo.test AAAA
expect '"test"' q1499.demo.test TXT
expect 'status: REFUSED' c1.demo.test ANY +notcp
alive
