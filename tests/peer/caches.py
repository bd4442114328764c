# SPDX-License-Identifier: BSD-2-Clause
"""Scenarios of the packet cache."""
from steps import Scenario, ask, go, lua, pause, stop, titled, twice, value, values, wait

COOKIE, OTHER_COOKIE, PADDING = (10, b"12345678"), (10, b"87654321"), (12, b"\0" * 9)
OTHER_PADDING = (12, b"\1" * 9)
STATS = "pc:getStats()"


def cache(options="", rest="", servers="newServer({address='10.53.0.53:53', name='one'})"):
    return "%s\npc = newPacketCache(1000, {%s})\ngetPool(''):setCache(pc)\n%s\n" % (servers, options, rest)


def counters(*names):
    return values(*("%s.%s" % (STATS, name) for name in names or ("entries", "hits", "misses")))


KEYS = [
    twice("a.test"), ask("A.Test"), twice("a.test", "AAAA"),
    twice("a.test", edns=True), twice("a.test", do=True), twice("a.test", edns=True, size=4096),
    twice("a.test", flags=""), twice("a.test", flags="RD CD"), twice("a.test", flags="RD AD"),
    twice("a.test", options=[COOKIE]), ask("a.test", options=[OTHER_COOKIE]), ask("a.test", options=[(10, b"x" * 16)]),
    twice("a.test", options=[PADDING]), ask("a.test", options=[OTHER_PADDING]), twice("a.test", options=[(3, b"")]), ask("a.test", options=[(65001, b"1")]),
    ask("a.test", options=[(65001, b"2")]),
    twice("a.test", options=["192.0.2.0/24"]), ask("a.test", options=["198.51.100.0/24"]),
    ask("a.test", client="fd60::1"), ask("a.test", client="10.60.0.9"), counters(),
]
LIFE = [
    twice("ttl5.a.test"), pause(2.1), ask("ttl5.a.test"), pause(3.1), ask("ttl5.a.test"),
    twice("ttl0.a.test"), twice("ttl1.many3.rising.test"), twice("extra1.a.test"), twice("nx.ttl100.test"),
    twice("nx.min10.test"), twice("nodata.test"), twice("nx.empty.test"), twice("empty.test"), twice("servfail.test"),
    twice("refused.test"), twice("notimp.test"), twice("formerr.test"), twice("tc.test"), twice("tc.empty.test"),
    twice("ad.a.test"), twice("aa.a.test"), twice("ttl100000.a.test"), twice("ttl4000000000.a.test"),
    counters("entries", "hits", "misses", "ttlTooShorts", "lookupCollisions", "insertCollisions", "deferredInserts",
             "deferredLookups", "cleanupCount"),
]
BOUNDED = ("servfail.test", "refused.test", "nx.ttl100.test", "tc.empty.test", "ttl100000.a.test")
OBJECT = [
    ask("ttl100.a.test"), ask("ttl100.b.test"), ask("ttl100.many3.test"), ask("ttl100.c.test", "AAAA"),
    ask("nx.test"), ask("x.y.test", do=True), ask("X.Y.test"),
    *values("pc:toString()", "pc:getEntriesCount()", "pc:getSize()", "pc:isFull()", "pc:getHits()", "pc"),
    lua("pc:printStats()"),
    *values("(function() local k = {} for n, v in pairs(pc:getStats()) do k[#k + 1] = n .. '=' .. v end "
            "table.sort(k) return table.concat(k, ' ') end)()"),
    *values("#pc:getDomainListByAddress(newCA('192.0.2.1'))",
            "(function() local k = {} for _, n in ipairs(pc:getDomainListByAddress(newCA('192.0.2.1'))) do "
            "k[#k + 1] = tostring(n):lower() end table.sort(k) return table.concat(k, ' ') end)()",
            "(function() local k = {} for _, n in ipairs(pc:getAddressListByDomain(newDNSName('ttl100.many3.test'))) do "
            "k[#k + 1] = n:toString() end table.sort(k) return table.concat(k, ' ') end)()",
            "#pc:getAddressListByDomain(newDNSName('none.test'))",
            "#pc:getDomainListByAddress(newCA('192.0.2.200'))",
            "#pc:getDomainListByAddress(newCA('2001:db8::1'))"),
    value("pc:dump('/tmp/peer-dump')"),
    value("(function() local k = {} for l in io.lines('/tmp/peer-dump') do k[#k + 1] = "
          "l:gsub('key %d+', 'key K'):gsub('added %d+', 'added T') end table.sort(k) return table.concat(k, '\\n') end)()"),
    value("pc:dump('/tmp/peer-dump', true)"),
    value("(function() local k = {} for l in io.lines('/tmp/peer-dump') do k[#k + 1] = l:gsub('key %d+', 'key K')"
          ":gsub('added %d+', 'added T'):gsub('response ....', 'response ') end table.sort(k) "
          "return table.concat(k, '\\n') end)()"),
    value("os.remove('/tmp/peer-dump')"),
    lua("pc:expungeByName(newDNSName('ttl100.a.test'), DNSQType.AAAA)"), counters("entries"),
    lua("pc:expungeByName(newDNSName('TTL100.a.test'))"), counters("entries"),
    lua("pc:expungeByName(newDNSName('y.test'), DNSQType.ANY, true)"), counters("entries"),
    lua("pc:expungeByName(newDNSName('c.test'), DNSQType.AAAA, true)"), counters("entries"),
    value("pc:purgeExpired(0)"), value("pc:purgeExpired(100)"), counters("entries"),
    value("pc:expunge(1)"), titled("left: ", value("pc:getStats().entries")), value("pc:expunge(0)"), counters("entries"),
    lua("getPool(''):getCache():printStats()"), value("getPool(''):getCache() ~= nil"),
    lua("getPool(''):unsetCache()"), value("getPool(''):getCache()"), ask("ttl100.b.test"), ask("ttl100.b.test"),
]
STALE = [
    ask("ttl1.a.test"), ask("ttl1.b.test"), pause(2.1), stop(1), wait("getServer(0):isUp()", "false"),
    ask("ttl1.a.test", patience=0.4), ask("ttl1.a.test", patience=0.4), ask("unknown.test", patience=0.4),
    value("pc:purgeExpired(0)"), counters("entries", "hits", "misses"),
    go(1), wait("getServer(0):isUp()", "true"), ask("ttl1.a.test"),
]
DOWN = "newServer({address='10.53.0.53:53', checkTimeout=200})"
RULES = """
seen = {}
local function see(what) return function(dq) seen[#seen + 1] = what .. ' ' .. tostring(dq.qname) return DNSAction.None end end
local function sees(what) return function(dr) seen[#seen + 1] = what .. ' ' .. tostring(dr.qname) return DNSResponseAction.None end end
addCacheMissAction(QNameRule('miss.test'), LuaAction(see('miss')))
addCacheMissAction(QNameRule('refused.miss.test'), RCodeAction(DNSRCode.REFUSED))
addCacheMissAction(QNameRule('spoof.miss.test'), SpoofAction('192.0.2.77'))
addCacheMissAction(QNameRule('drop.miss.test'), DropAction())
addCacheMissAction(QNameRule('pool.miss.test'), PoolAction('second'))
addCacheMissAction(AllRule(), LuaAction(see('then')))
addCacheHitResponseAction(QNameRule('hit.test'), SetMaxReturnedTTLResponseAction(3))
addCacheHitResponseAction(QNameRule('drop.hit.test'), DropResponseAction())
addCacheHitResponseAction(AllRule(), LuaResponseAction(sees('hit')))
addCacheInsertedResponseAction(AllRule(), LuaResponseAction(sees('inserted')))
addResponseAction(QNameRule('edited.test'), SetMaxReturnedTTLResponseAction(7))
addResponseAction(QNameRule('kept.test'), SetMaxTTLResponseAction(9))
addSelfAnsweredResponseAction(AllRule(), LuaResponseAction(sees('self')))
addAction(QNameRule('skip.test'), SetSkipCacheAction())
addResponseAction(QNameRule('skipped.test'), SetSkipCacheResponseAction())
addAction(QNameRule('temp.servfail.test'), SetTempFailureCacheTTLAction(1))
addAction(QNameRule('ecs.off.test'), SetDisableECSAction())
function said() local s = table.concat(seen, ', ') seen = {} return s end
"""
TWO = "newServer({address='10.53.0.53:53'})\nnewServer({address='10.53.0.54:53', pool='second'})"
CHAINS = [step for name in ("miss.test", "refused.miss.test", "spoof.miss.test", "drop.miss.test", "pool.miss.test",
                            "hit.test", "drop.hit.test", "edited.test", "kept.test", "skip.test", "skipped.test",
                            "temp.servfail.test", "nx.test")
          for step in [*twice(name, patience=0.4), value("said()")]] + [
    pause(1.1), ask("temp.servfail.test"), ask("servfail.test"), ask("servfail.test"), counters(),
    *values("getCacheHitResponseRule(0) ~= nil", "getCacheMissRule(0) ~= nil", "getCacheInsertedResponseRule(0) ~= nil"),
]
ECS = "setECSOverride(true)\nsetECSSourcePrefixV4(24)\nsetECSSourcePrefixV6(56)\n"
ECS_SERVER = "newServer({address='10.53.0.53:53', useClientSubnet=true%s})"
SUBNETS = [
    *twice("a.test"), ask("a.test", client="10.60.0.2"), ask("a.test", client="10.60.9.1"), ask("a.test", client="fd60::1"),
    ask("a.test", client="fd60::1:0:0:1"), *twice("scope0.a.test"), ask("scope0.a.test", client="10.60.9.1"),
    ask("scope0.a.test", client="fd60::1"), *twice("scope16.a.test"), ask("scope16.a.test", client="10.60.9.1"),
    *twice("scope0.e.test", edns=True), ask("scope0.e.test", edns=True, client="10.60.9.1"),
    *twice("scope0.f.test", options=["192.0.2.0/24"]), ask("scope0.f.test", options=["198.51.100.0/24"]),
    *twice("scope24.f.test", options=["192.0.2.0/24"]), ask("scope24.f.test", options=["198.51.100.0/24"]),
    *twice("scope0.g.test", options=["192.0.2.0/24", COOKIE]), counters(),
]
SCENARIOS = [
    Scenario("cache keys", cache(), *KEYS),
    Scenario("cache keys cookies", cache("cookieHashing=true"), *KEYS),
    Scenario("cache keys skipOptions", cache("skipOptions={65001}"), *KEYS),
    Scenario("cache keys skipOptions none", cache("skipOptions={}"), *KEYS),
    Scenario("cache keys payloadRanks", cache("payloadRanks={1232, 4096}"), *KEYS,
             *[ask("p.test", edns=True, size=size) for size in (512, 1231, 1232, 1233, 4095, 4096, 5000, 1500)]),
    Scenario("cache keys parseECS", cache("parseECS=true"), *KEYS),
    Scenario("cache life", cache(), *LIFE),
    Scenario("cache life dontAge", cache("dontAge=true"), *LIFE),
    Scenario("cache life bounds", cache("maxTTL=4, minTTL=2, maxNegativeTTL=3, temporaryFailureTTL=2, truncatedTTL=3"),
             *LIFE),
    Scenario("cache bounds", cache("maxTTL=6, minTTL=2, maxNegativeTTL=4, temporaryFailureTTL=4, truncatedTTL=4"),
             *[twice(name) for name in BOUNDED], pause(2), *[ask(name) for name in BOUNDED],
             pause(2.5), *[ask(name) for name in BOUNDED], pause(1.5), ask(BOUNDED[-1])),
    Scenario("cache life failures off", cache("temporaryFailureTTL=0, maxNegativeTTL=0, truncatedTTL=10"), *LIFE),
    Scenario("cache size", cache("maximumEntrySize=100"), *twice("a.test"), *twice("many4.test"), *twice("many2.test"),
             counters("entries", "hits", "misses", "insertCollisions")),
    Scenario("cache large", cache("payloadRanks={512}"), *[twice("many%d.test" % count, **options) for count in (20, 40, 90)
                                                           for options in ({}, {"edns": True, "size": 4096}, {"edns": True})],
             counters()),
    Scenario("cache full", cache("numberOfShards=1").replace("(1000", "(4"), *[ask("f%d.test" % i) for i in range(6)],
             value("pc:isFull()")),
    Scenario("cache object", cache(), *OBJECT),
    Scenario("cache stale", cache("staleTTL=17, keepStaleData=true", "setStaleCacheEntriesTTL(600)", DOWN), *STALE),
    Scenario("cache stale default", cache("", "setStaleCacheEntriesTTL(600)\nsetServFailWhenNoServer(true)", DOWN), *STALE),
    Scenario("cache stale off", cache("keepStaleData=true", "setServFailWhenNoServer(true)", DOWN), *STALE),
    Scenario("cache chains", cache("", RULES, TWO), *CHAINS),
    Scenario("cache subnets", cache("parseECS=true", ECS, ECS_SERVER % ""), *SUBNETS),
    Scenario("cache subnets not parsed", cache("", ECS, ECS_SERVER % ""), *SUBNETS),
    Scenario("cache subnets no zero scope", cache("parseECS=true", ECS, ECS_SERVER % ", disableZeroScope=true"), *SUBNETS),
    Scenario("cache subnets pool", cache("parseECS=true", "getPool(''):setECS(true)", "newServer('10.53.0.53:53')"), *SUBNETS),
]
