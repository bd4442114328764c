#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The packet cache before a name server: what is kept and for how long, what is told apart, the
# chains around it, answers without a server, and a policy that is loaded anew.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-'END'
	newServer({address = '10.53.0.2:5300', name = 'nsd', checkName = 'demo.test.',
	  checkTimeout = 500, maxCheckFailures = 2, rise = 1})
	pc = newPacketCache(10000, {maxNegativeTTL = 40, staleTTL = 7, temporaryFailureTTL = 0})
	getPool(''):setCache(pc)
	setStaleCacheEntriesTTL(3600)
	function count(name) return function()
	  seen = seen or {}
	  seen[name] = (seen[name] or 0) + 1
	  return DNSAction.None
	end end
	function counted(name) return function()
	  count(name)()
	  return DNSResponseAction.None
	end end
	addAction(QNameRule('skip.demo.test'), SetSkipCacheAction())
	addAction(QNameSuffixRule('ask.demo.test'), sluice.CacheOnlyAction())
	addCacheMissAction(QNameRule('refused.demo.test'), RCodeAction(DNSRCode.REFUSED))
	addCacheMissAction(QNameRule('lua.demo.test'), LuaAction(count('miss')))
	addCacheHitResponseAction(QNameRule('lua.demo.test'), LuaResponseAction(counted('hit')))
	addCacheHitResponseAction(QNameRule('c9.demo.test'), SetMaxReturnedTTLResponseAction(3))
	addCacheInsertedResponseAction(QNameRule('lua.demo.test'), LuaResponseAction(counted('inserted')))
END
lab_net
mkdir -p "$work/nsd"
write_nsd_conf "$work/nsd"
printf 'lua A 192.0.2.9\nskip A 192.0.2.9\nbrief 1 A 192.0.2.9\n' >>"$work/nsd/demo.test.zone"
nsd_start() {
	ip netns exec "$backend" nsd -d -c "$work/nsd/nsd.conf" >"$work/nsd.log" 2>&1 &
	nsd_pid=$!
	pids+=("$nsd_pid")
	wait_for 10 "NSD" in_backend dig +short +time=1 +tries=1 -p 5300 @10.53.0.2 demo.test SOA
}
nsd_start
lab_sluice
stat() { console "return pc:getStats().$1"; }
is() { [ "$(stat "$1")" = "$2" ] || fail "$3: $1 is $(stat "$1"), not $2"; }

# The same question in any case; the answer's case is the client's. Others are told apart.
lab_python "answers out of the cache" <<'END'
import dns.flags, dns.message, dns.query
server = __import__('os').environ['server']
def ask(name, qtype='A', **options):
    query = dns.message.make_query(name, qtype, **options)
    answer = dns.query.udp(query, server, timeout=3)
    assert answer.question[0].name.to_text() == name, answer
    return answer
first, again = ask('c1.demo.test.'), ask('C1.Demo.TEST.')
assert again.answer[0].to_rdataset() == first.answer[0].to_rdataset(), again
assert again.flags == first.flags and again.edns == -1, again
assert ask('c1.demo.test.', want_dnssec=True).edns == 0
assert ask('c1.demo.test.', use_edns=0).edns == 0
assert ask('c1.demo.test.', flags=0).flags & dns.flags.RD == 0
for _ in range(2):
    assert ask('none.demo.test.').rcode() == 3
    assert ask('refused.demo.test.').rcode() == 5
    assert ask('x.ask.demo.test.').rcode() == 5
    ask('skip.demo.test.')
ask('c9.demo.test.')
assert ask('c9.demo.test.').answer[0].ttl == 3
END
is entries 6 "after five kinds of c1 and none, c9"
is hits 3 "c1, none and c9 were asked again"
is misses 10 "what was asked first, and what is never kept"

# The chains around it, in Lua: the packet leaves its worker and comes back.
for _ in 1 2 3; do expect 192.0.2.9 lua.demo.test A; done
[ "$(console 'return seen.miss .. seen.inserted .. seen.hit')" = 112 ] || fail "the chains did not run as they should"

# Out by name, by type, below a name; and all of it.
[ "$(console 'return pc:expungeByName("c1.demo.test", DNSQType.AAAA)')" = 0 ] || fail "another type was taken out"
[ "$(console 'return pc:expungeByName("C1.demo.test")')" = 4 ] || fail "not all of c1 was taken out"
[ "$(console 'return pc:getDomainListByAddress(newCA("192.0.2.10"))[1]')" = c9.demo.test. ] || fail "no domain by address"
[ "$(console 'return pc:getAddressListByDomain("c9.demo.test")[1]')" = 192.0.2.10 ] || fail "no address by domain"
[ "$(console "return pc:dump('$work/dump', true)")" = 3 ] || fail "the dump is not of three"
grep -qE '^c9\.demo\.test\. [0-9]+ IN A ; ecs empty, rcode 0, .*, dnssecOK 0, raw query flags [0-9]+, response [A-Za-z0-9+/]+=*$' "$work/dump" || fail "the dump lacks c9"
[ "$(console 'return pc:expungeByName("test", nil, true)')" = 3 ] || fail "not all below a name were taken out"

expect 192.0.2.2 c1.demo.test A
delete() { in_sluice curl -s --max-time 5 -X DELETE "http://127.0.0.1:8083/api/v1/cache?$1"; }
[ "$(delete 'pool=&name=demo.test&suffix=')" = '{"count": "1", "status": "purged"}' ] || fail "DELETE took out: $(delete 'pool=&name=demo.test&suffix=')"
delete 'pool=&name=demo.test&type=AAAA' | grep -q '"count": "0"' || fail "a type is not understood"
delete 'pool=none&name=demo.test' | grep -q 'no such pool' || fail "a pool without a cache is not refused"
delete 'pool=' | grep -q 'must be given' || fail "a request without a name is not refused"
in_sluice curl -s http://127.0.0.1:8083/metrics | grep -q '^dnsdist_pool_cache_hits{pool="_default_"} [1-9]' || fail "no hits in the metrics"

# Without a server: what is fresh is, what has expired is stale, the rest is SERVFAIL or silence.
expect 192.0.2.9 brief.demo.test A
expect 192.0.2.2 c1.demo.test A
kill -TERM "$nsd_pid"
wait_for 10 "the server to be down" grep -q 'nsd.*down' "$work/sluice.log"
expect 'c1.demo.test.*192.0.2.2' c1.demo.test A
stale() { ask brief.demo.test A | grep -qE '^brief.demo.test.\s+7\s'; }
wait_for 5 "a stale answer" stale
[ "$(stat staleHits)" -ge 1 ] || fail "stale answers are not counted"

# A policy that is loaded anew has the same cache; one with other options has a new one.
kill -HUP "$sluice_pid"
wait_for 5 "the reload" grep -q 'policy reloaded' "$work/sluice.log"
expect 'c1.demo.test.*192.0.2.2' c1.demo.test A
sed -i 's/maxNegativeTTL = 40/maxNegativeTTL = 41/' "$work/policy.lua"
kill -HUP "$sluice_pid"
empty() { [ "$(stat entries)" = 0 ]; }
wait_for 5 "another cache" empty
alive
