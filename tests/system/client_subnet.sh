#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# What servers are told of the client's subnet, what of their answers comes back, and that no answer
# reaches another subnet out of a cache, unless its server said that it is for all.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-'END'
	addACL('198.51.100.0/24')
	newServer({address = '10.53.0.2:5301', healthCheckMode = 'up', useClientSubnet = true,
	  pool = {'', 'cached', 'zero', 'mixed'}})
	newServer({address = '10.53.0.2:5302', healthCheckMode = 'up', pool = {'plain', 'mixed'}})
	setPoolServerPolicy(roundrobin, 'mixed')
	getPool('cached'):setCache(newPacketCache(10000))
	getPool('mixed'):setCache(newPacketCache(10000))
	zero = newPacketCache(10000, {parseECS = true})
	getPool('zero'):setCache(zero)
	for _, pool in ipairs({'cached', 'zero', 'mixed', 'plain'}) do
	  addAction(pool .. '.test', PoolAction(pool, false))
	end
	addAction('off.test', SetDisableECSAction())
	addAction('over.test', SetECSOverrideAction(true))
	addAction('short.test', SetECSPrefixLengthAction(13, 20))
	addAction('fixed.test', SetECSAction('192.0.2.99/25', '2001:db8::/32'))
	addAction('lua.test', LuaAction(function(dq)
	  dq.ecsPrefixLength, dq.ecsOverride = 32, true
	  return DNSAction.None
	end))
	addAction('luaoff.test', LuaAction(function(dq) dq.useECS = false return DNSAction.None end))
	addCacheMissAction('late.cached.test', SetECSAction('192.0.2.0/24'))
END
lab_net
ip -n "$client" addr add 198.51.100.7/32 dev c0
lab_subnet_servers
lab_sluice
lab_python "what servers are told" <<'END'
import os, dns.edns, dns.message, dns.query
NEAR, FAR, V6 = '10.53.2.2', '198.51.100.7', 'fd53:2::2'
NEAR_NET, FAR_NET, V6_NET = '10.53.2.0/24', '198.51.100.0/24', 'fd53:2::/56'
def ask(name, source=NEAR, subnet=None, edns=None):
    """How often the server had been asked, its EDNS and subnets; the answer."""
    options = [dns.edns.ECSOption(*subnet)] if subnet else None
    query = dns.message.make_query(name, 'TXT', use_edns=0 if subnet else edns, options=options)
    server = os.environ['server6' if ':' in source else 'server']
    answer = dns.query.udp(query, server, timeout=3, source=source)
    # Nothing of EDNS comes back that was not sent.
    assert answer.edns == query.edns and (subnet or not answer.options), answer
    return [text.decode() for text in answer.answer[0][0].strings] + [answer]
def told(wanted, *question, edns='0', **options):
    found = ask(*question, **options)
    assert found[1:3] == [edns, wanted], found
    return found[0]
for source, net in ((NEAR, NEAR_NET), (FAR, FAR_NET), (V6, V6_NET)):
    told(net, '24.test', source)
    assert not ask('24.test', source, edns=0)[3].options
    told('', '24.plain.test', source, edns='-1')
    told('', '24.off.test', source, edns='-1')
    told('', '24.luaoff.test', source, edns='-1')
    told('203.0.113.0/24', '24.test', source, subnet=('203.0.113.0', 24))
    told(net, '24.over.test', source, subnet=('203.0.113.0', 24))
    told('2001:db8::/32' if source == V6 else '192.0.2.0/25', '24.fixed.test', source)
told('10.48.0.0/13', '24.short.test')
told('fd53::/20', '24.short.test', V6)
told('198.51.100.7/32', '24.lua.test', FAR, subnet=('2001:db8::', 32))
# Each subnet its own answers, whoever asks first, and however the scope is.
for label in ('24', '0', 'none'):
    for edns in (None, 0):
        first = {source: ask(f'{label}.cached.test', source, edns=edns) for source in (NEAR, FAR, V6)}
        for source, net in ((NEAR, NEAR_NET), (FAR, FAR_NET), (V6, V6_NET)):
            assert first[source][2] == net, first
            assert ask(f'{label}.cached.test', source, edns=edns)[:3] == first[source][:3]
sent = told('198.51.100.0/24', '0.cached.test', NEAR, subnet=('198.51.100.0', 24))
assert ask('0.cached.test', NEAR, subnet=('198.51.100.0', 24))[0] == sent
late = [told('192.0.2.0/24', '24.late.cached.test', source) for source in (NEAR, FAR, NEAR, FAR)]
assert len(set(late)) == 4, late # what a rule told behind the look-up is not kept
for _ in range(3): # told by one of two servers
    for source, net in ((NEAR, NEAR_NET), (FAR, FAR_NET)):
        for label in 'abcdefgh':
            assert ask(f'0-{label}.mixed.test', source)[2] in ('', net)
# What is for all is shared, but not with who tells a subnet itself; all else is not.
for edns in (None, 0):
    first = ask('0.zero.test', edns=edns)[:3]
    assert first[2] == NEAR_NET, first
    assert ask('0.zero.test', FAR, edns=edns)[:3] == ask('0.zero.test', edns=edns)[:3] == first
told('203.0.113.0/24', '0.zero.test', FAR, subnet=('203.0.113.0', 24))
for label in ('24', 'none'):
    near, far = told(NEAR_NET, f'{label}.zero.test'), told(FAR_NET, f'{label}.zero.test', FAR)
    assert told(NEAR_NET, f'{label}.zero.test') == near != far == told(FAR_NET, f'{label}.zero.test', FAR)
END
