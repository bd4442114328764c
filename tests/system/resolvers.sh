#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# An authoritative server and a resolver behind Sluice, each with a cache: negative answers, chains, DNSSEC
# and sizes come back as the server has them, and the same out of the cache.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-'END'
	setLocal('10.53.2.1')
	addLocal('10.53.2.1:5301')
	for _, pool in ipairs({'nsd', 'unbound'}) do
	  newServer({address = pool == 'nsd' and '10.53.0.2:5300' or '10.53.0.11:5300', name = pool, pool = pool,
	    checkName = 'demo.test.', mustResolve = true})
	  getPool(pool):setCache(newPacketCache(1000))
	end
	addAction(DSTPortRule(5301), PoolAction('unbound'))
	addAction(AllRule(), PoolAction('nsd'))
END
lab_net
ip -n "$backend" addr add 10.53.0.11/24 dev b0
long=$(printf '"%0250d" ' 1 2 3 4)
sig='8 3 60 20400101000000 20200101000000 4711 demo.test. c2lnbmF0dXJl'
lab_nsd "@ RRSIG DNSKEY ${sig/8 3/8 2}" "one CNAME two" "two CNAME three" "three CNAME c5" "dangling CNAME nowhere" "long TXT $long" "longer TXT $long $long" \
	"signed A 192.0.2.88" "signed RRSIG A $sig"
lab_unbound unbound 10.53.0.11@5300 'max-udp-size: 1232'
lab_sluice
lab_python "answers of NSD and of Unbound" <<'END'
import os, subprocess
import dns.flags, dns.message, dns.query, dns.rcode, dns.rdatatype
import lab
def hits(pool): return lab.metrics()['dnsdist_pool_cache_hits{pool="%s"}' % pool]
def ask(pool, name, kind='A', **options):
    query = dns.message.make_query(name + '.demo.test', kind, **options)
    answer = dns.query.udp(query, os.environ['server'], 4, port={'nsd': 53, 'unbound': 5301}[pool])
    assert answer.edns == query.edns, (query, answer) # EDNS only to those who speak it
    return answer
def types(answer): return [dns.rdatatype.to_text(rrset.rdtype) for rrset in answer.answer]
def sets(answer): return {(s.name, s.rdtype, str(r)) for part in answer.sections[1:] for s in part for r in s}
for pool in 'nsd', 'unbound':
    def twice(check, *question, **options):
        """That the answer is right, and comes out of the cache then, no older than it may be."""
        first, before = ask(pool, *question, **options), hits(pool)
        second = ask(pool, *question, **options)
        for answer in first, second:
            assert check(answer), (pool, question, options, answer)
        assert sets(first) == sets(second), (first, second)
        assert first.flags & ~dns.flags.AA == second.flags & ~dns.flags.AA
        lab.until('a hit', lambda: hits(pool) == before + 1)
        ttls = lambda answer: [s.ttl for part in answer.sections[1:] for s in part]
        assert all(0 <= b <= a for a, b in zip(ttls(first), ttls(second))), (first, second)
    SOA = lambda answer: [s.rdtype for s in answer.authority].count(dns.rdatatype.SOA) == 1
    # Negative: no such name, no such type, at the end of a chain.
    twice(lambda a: a.rcode() == 3 and SOA(a) and not a.answer, 'nowhere')
    twice(lambda a: a.rcode() == 3 and SOA(a) and not a.answer, 'nowhere', use_edns=0, payload=1400)
    twice(lambda a: a.rcode() == 0 and SOA(a) and not a.answer, 'c5', 'AAAA')
    twice(lambda a: a.rcode() == 3 and types(a) == ['CNAME'], 'dangling')
    # A chain, in its order, and a part of it.
    twice(lambda a: types(a) == ['CNAME', 'CNAME', 'CNAME', 'A'] and a.answer[3][0].address == '192.0.2.6', 'one')
    twice(lambda a: types(a) == ['CNAME', 'CNAME', 'A'], 'two', use_edns=0)
    twice(lambda a: types(a) == ['CNAME'], 'one', 'CNAME')
    # Signatures for those who ask for them, and nobody else; each in the cache for itself.
    twice(lambda a: types(a) == ['A', 'RRSIG'] and a.ednsflags & dns.flags.DO, 'signed', want_dnssec=True)
    twice(lambda a: types(a) == ['A'], 'signed')
    twice(lambda a: types(a) == ['A'] and not a.ednsflags & dns.flags.DO, 'signed', use_edns=0)
    # Sizes: what the client takes, whatever another one took before it.
    WHOLE = lambda a: types(a) == ['TXT'] and not a.flags & dns.flags.TC
    CUT = lambda a: a.flags & dns.flags.TC and not a.answer
    twice(WHOLE, 'long', 'TXT', use_edns=0, payload=1232)
    for options in {}, {'use_edns': 0, 'payload': 512}, {'use_edns': 0, 'payload': 900}:
        assert CUT(ask(pool, 'long', 'TXT', **options)), (pool, options)
    twice(WHOLE, 'long', 'TXT', use_edns=0, payload=4096)
    for size in 1232, 4096: # more than a packet's worth: the server itself says so
        assert CUT(ask(pool, 'longer', 'TXT', use_edns=0, payload=size)), (pool, size)
END
