# SPDX-License-Identifier: BSD-2-Clause
"""Scenarios of servers, pools, how one is chosen, checks, and queries that are not answered."""
from steps import Scenario, ask, checks, choices, go, lua, pause, shares, spared, stop, table, value, values, wait

ONE, TWO, THREE = "address='10.53.0.53:53'", "address='10.53.0.54:53'", "address='10.53.0.55:53'"
IDS = ["id='00000000-0000-4000-8000-00000000000%d'" % i for i in range(1, 4)]
COLUMNS = (r"[ ]*(?<![\d.])\d+\.\d(?![\d.])", " N")  # latencies and rates
QUERIES = (r" +\d+(?= +0 N )|(?<=All N)[ 0-9]+", " Q")


def servers(*options):
    """Three, with these options."""
    options = options or ("", "", "")
    return "".join("newServer({%s, %s%s})\n" % (at, one, ", " + more if more else "")
                   for at, one, more in zip((ONE, TWO, THREE), IDS, options))


def state(*numbers):
    return values(*("getServer(%d):isUp()" % number for number in numbers))


def up(number, wanted=True):
    return wait("getServer(%d):isUp()" % number, "true" if wanted else "false")


OBJECTS = """
newServer({address='10.53.0.53:53', name='first', id='00000000-0000-4000-8000-000000000001', weight=3, order=2, qps=1000,
  pool={'', 'kids'}, checkName='check.test.'})
newServer({address='10.53.0.54:53', pool='kids', healthCheckMode='up', id='00000000-0000-4000-8000-000000000002'})
newServer({address='[fd53::53]:5353', name='six', healthCheckMode='down', id='00000000-0000-4000-8000-000000000003'})
newServer('10.53.0.55')
addAction(QNameSuffixRule('kids.test'), PoolAction('kids'))
mine = newServerPolicy('mine', function(servers, dq) return 1 end)
"""
SERVER = [
    lua("showServers()", COLUMNS), lua("showServers({showUUIDs=true})", COLUMNS), table("showPools()"),
    *values("#getServers()", "getServer(0).name", "getServer(0).weight", "getServer(0).order", "getServer(0).upStatus",
            "getServer(0):getName()", "getServer(1):getName()", "getServer(0):getNameWithAddr()", "getServer(1):getNameWithAddr()",
            "getServer(2):getNameWithAddr()", "getServer(3):getNameWithAddr()", "getServer(0):getID()",
            "getServer('00000000-0000-4000-8000-000000000002'):getName()", "getServer(17)", "getServer('none')",
            "getServer(0):canAcceptQueries(true)", "getServer(2):canAcceptQueries(false)", "getServer(0):isUp()", "getServer(1):isUp()",
            "getServer(2):isUp()", "getServer(0):getDrops()", "getServer(0):getQueries()", "getServer(0):getOutstanding()",
            "getServer(0):getLatency()", "getServer(0):getHealthCheckMode()", "getServer(1):getHealthCheckMode()",
            "getServer(2):getHealthCheckMode()", "#getPoolServers('kids')", "#getPoolServers('')", "#getPoolServers('new')",
            "(function() local k = getPoolNames() table.sort(k) return table.concat(k, ',') end)()",
            "getServer(0):addPool('late')", "#getPoolServers('late')", "getServer(0):rmPool('kids')", "#getPoolServers('kids')"),
    lua("showServers()", COLUMNS), table("showPools()"), ask("a.kids.test"), ask("a.test"),
    *values("getServer(0):setUp()", "getServer(0):isUp()", "getServer(0):setDown()", "getServer(0):isUp()"),
    lua("showServers()", COLUMNS),
    *values("getServer(0):setLazyAuto()", "getServer(0):getHealthCheckMode()", "getServer(0):setAuto(false)",
            "getServer(0):setActiveAuto()", "getServer(0):getHealthCheckMode()", "getServer(0):setLazyAuto(true)"),
    lua("showServers()", COLUMNS),
    *values("(function() getServer(0).weight = 17 return getServer(0).weight end)()",
            "(function() getServer(0).order = 5 return getServer(0).order end)()",
            "(function() getServer(0).upStatus = true end)()",
            "getServer(0):setQPS(10)", "getServer(0):setHealthCheckParams({maxCheckFailures=3, rise=2, checkInterval=5})"),
    lua("showServers()", COLUMNS),
    *values("rmServer(1)", "#getServers()", "rmServer('00000000-0000-4000-8000-000000000003')", "#getServers()",
            "rmServer(getServer(0))", "#getServers()", "rmServer('none')", "rmServer(9)"),
    lua("showServers()", COLUMNS), table("showPools()"),
]
POLICY = [
    *values("mine.name", "mine.isLua", "mine.isFFI", "mine.isPerThread", "mine:toString()", "roundrobin.name",
            "roundrobin.isLua", "roundrobin:toString()", "tostring(chashed)", "leastOutstanding.name", "firstAvailable.name",
            "wrandom.name", "whashed.name", "chashed.name", "orderedWrandUntag.name", "mine.policy ~= nil", "mine.ffipolicy"),
    lua("showServerPolicy()"), lua("showPoolServerPolicy('')"), lua("showPoolServerPolicy('kids')"),
    lua("setServerPolicy(roundrobin)"), lua("showServerPolicy()"), lua("showPoolServerPolicy('')"),
    lua("setPoolServerPolicy(chashed, 'kids')"), lua("showPoolServerPolicy('kids')"), table("showPools()"),
    lua("setServerPolicyLua('lua', function(s, d) return 1 end)"), lua("showServerPolicy()"),
    lua("setPoolServerPolicyLua('plua', function(s, d) return 1 end, 'kids')"), lua("showPoolServerPolicy('kids')"),
    lua("setPoolServerPolicyLuaFFI('pffi', function(s, d) return 0 end, 'kids')"), lua("showPoolServerPolicy('kids')"),
    lua("setPoolServerPolicyLuaFFIPerThread('pt', 'return function(s, d) return 0 end', 'kids')"),
    lua("showPoolServerPolicy('kids')"), table("showPools()"), lua("setServerPolicy(mine)"), lua("showServerPolicy()"),
]
CHOICES = {
    "leastOutstanding": ("setServerPolicy(leastOutstanding)", ("order=2", "order=1", "order=3")),
    "firstAvailable": ("setServerPolicy(firstAvailable)", ("order=3", "order=2, qps=5", "order=1, qps=1")),
    "roundrobin": ("setServerPolicy(roundrobin)", ()),
    "Lua": ("setServerPolicyLua('l', function(s, dq) return dq.len % #s + 1 end)", ()),
    "Lua none": ("setServerPolicyLua('l', function(s, dq) return 17 end) setServFailWhenNoServer(true)", ()),
    "Lua zero": ("setServerPolicyLua('l', function(s, dq) return 0 end) setServFailWhenNoServer(true)", ()),
    "Lua nil": ("setServerPolicyLua('l', function(s, dq) return nil end) setServFailWhenNoServer(true)", ()),
    "Lua error": ("setServerPolicyLua('l', function(s, dq) error('x') end) setServFailWhenNoServer(true)", ()),
    "Lua roundrobin": ("setServerPolicyLua('l', function(s, dq) return roundrobin.policy(s, dq) end)", ()),
    "Lua FFI": ("setServerPolicyLuaFFI('l', function(s, dq) return require('ffi').C.dnsdist_ffi_dnsquestion_get_len(dq) % 3 end)", ()),
    "Lua FFI none": ("setServerPolicyLuaFFI('l', function(s, dq) return 17 end) setServFailWhenNoServer(true)", ()),
    "Lua FFI per thread": ("setServerPolicyLuaFFIPerThread('l', [[local C = require('ffi').C return function(s, dq) "
                           "return tonumber(C.dnsdist_ffi_dnsquestion_get_qtype(dq)) % 3 end]])", ()),
    "chashed": ("setServerPolicy(chashed) setWHashedPerturbation(7)", ("weight=200", "weight=300", "weight=100")),
    "chashed bounded": ("setServerPolicy(chashed) setWHashedPerturbation(7) setConsistentHashingBalancingFactor(1.5)",
                        ("weight=200", "weight=300", "weight=100")),
    "whashed": ("setServerPolicy(whashed) setWHashedPerturbation(7)", ("weight=2", "weight=3", "weight=1")),
    "whashed bounded": ("setServerPolicy(whashed) setWHashedPerturbation(7) setWeightedBalancingFactor(1.5)",
                        ("weight=2", "weight=3", "weight=1")),
}
DISTRIBUTION = [
    Scenario("choice " + name, servers(*options) + setup, choices("a%d.test", 12), choices("b%d.test", 12, client="10.60.1.9"),
             choices("rather.long.name.%d.example.test", 6))
    for name, (setup, options) in CHOICES.items()
] + [
    Scenario("shares " + name, servers("weight=1", "weight=2", "weight=5") + "setServerPolicy(%s)" % name + more,
             shares("c%d.test", 300, within=0.12))
    for name, more in (("wrandom", ""), ("whashed", ""), ("wrandom", " setWeightedBalancingFactor(1.2)"))
] + [
    Scenario("shares chashed", servers("weight=100", "weight=200", "weight=500") + "setServerPolicy(chashed)",
             shares("c%d.test", 300, within=0.15)),
    Scenario("shares orderedWrandUntag", servers("order=1", "order=1", "order=2") + "setServerPolicy(orderedWrandUntag)",
             shares("c%d.test", 200, within=0.12)),
]
DOWN = [
    stop(2), up(1, False), spared("d%d.test", 12, 2), lua("showServers()", COLUMNS, QUERIES), stop(1, 3), up(0, False), up(2, False),
    spared("none%d.test", 3, 4), go(1, 2, 3), up(0), up(1), up(2), spared("e%d.test", 12, 4),
]
ALL_DOWN = [
    ask("a.test", patience=0.4), ask("b.test", "AAAA", edns=True, patience=0.4), ask("c.test", flags="RD CD", do=True, patience=0.4),
    *values("getServer(0):setDown()"), ask("d.test", patience=0.4),
]
LIMITS = servers("maxOutstandingQueries=2", "maxOutstandingQueries=1", "healthCheckMode='down'") + "setUDPTimeout(5)"
HEALTH = """
newServer({address='10.53.0.53:53', checkName='check.one.test.', checkType='SOA', checkClass=3, setCD=true, checkTimeout=300,
  maxCheckFailures=2, rise=2, checkInterval=1})
newServer({address='10.53.0.54:53', checkName='check.servfail.test.', checkTimeout=300})
newServer({address='10.53.0.55:53', checkName='check.refused.test.', checkTimeout=300})
newServer({address='10.53.0.55:5353', checkName='check.nx.test.', checkTimeout=300, mustResolve=true})
newServer({address='10.53.0.53:53', name='fn', checkFunction=function(name, qtype, qclass, dh) dh:setRD(false) dh:setCD(true)
  return newDNSName('check.function.test.'), DNSQType.TXT, qclass end})
"""
CHECKED = [
    pause(1.5), *state(0, 1, 2, 3, 4), checks(2), checks(3), checks(4),
    stop(1), pause(0.9), up(0, False), go(1), up(0), *values("getServer(0):getHealthCheckMode()"),
]
CALLBACK = """
said = {}
newServer({address='10.53.0.53:53', name='told', checkTimeout=300})
newServer({address='10.53.0.54:53', checkTimeout=300, healthCheckMode='lazy'})
newServer({address='10.53.0.54:5399', name='gone', checkTimeout=300})
newServer({address='10.53.0.54:5398', name='lazy gone', checkTimeout=300, healthCheckMode='lazy'})
newServer({address='10.53.0.54:5397', name='up', healthCheckMode='up'})
addServerStateChangeCallback(function(name, up) said[#said + 1] = name .. ' ' .. tostring(up) end)
"""
SAID = value("(function() table.sort(said) local s = table.concat(said, ', ') said = {} return s end)()")
TIMEOUTS = """
newServer({address='10.53.0.53:53', udpTimeout=1})
newServer({address='10.53.0.54:53', pool='second', udpTimeout=1})
seen = {}
function said() local s = table.concat(seen, ', ') seen = {} return s end
addAction(AllRule(), LuaAction(function(dq) if not dq.qname:isPartOf(newDNSName('once.test.')) then dq:setRestartable() end return DNSAction.None end))
addTimeoutResponseAction(QNameSuffixRule({'again.test', 'once.test', 'loop.test'}), LuaResponseAction(function(dr)
  seen[#seen + 1] = 'timeout ' .. tostring(dr.qname) .. ' ' .. dr:getRestartCount() .. ' ' .. tostring(dr.dh:getTC()) .. ' ' .. dr.pool
  if dr:getRestartCount() < 2 then
    if not dr.qname:isPartOf(newDNSName('loop.test.')) then dr.pool = 'second' end
    seen[#seen + 1] = tostring(dr:restart())
  end
  return DNSResponseAction.None
end))
addTimeoutResponseAction(QNameSuffixRule('tag.test'), LuaResponseAction(function(dr)
  seen[#seen + 1] = 'tagged ' .. dr:getTag('a') return DNSResponseAction.None end))
addResponseAction(AndRule({RCodeRule(DNSRCode.SERVFAIL), QNameSuffixRule('other.test')}), LuaResponseAction(function(dr)
  seen[#seen + 1] = 'servfail ' .. dr:getRestartCount() .. ' ' .. tostring(dr:getSelectedBackend():getNameWithAddr())
  if dr:getRestartCount() == 0 then dr.pool = 'second' seen[#seen + 1] = tostring(dr:restart()) end
  return DNSResponseAction.None
end))
addAction(QNameSuffixRule('tag.test'), SetTagAction('a', 'b'))
"""
RESTARTS = [step for name, patience in (("silent1.again.test", 4), ("silent.loop.test", 8), ("silent1.once.test", 3), ("silent.tag.test", 3),
                                        ("servfail1.other.test", 1), ("servfail.other.test", 1), ("fine.again.test", 1))
            for step in (ask(name, patience=patience), value("said()"))] + [
    ask("servfail1.x.other.test", do=True, options=[(10, b"12345678")]), value("said()"),
    *values("getServer(0):getDrops()", "getServer(1):getDrops()", "getServer(0):getQueries()", "getServer(0):getOutstanding()"),
]
SUBNETS = "setECSSourcePrefixV4(%d)\nsetECSSourcePrefixV6(%d)\nsetECSOverride(%s)\nnewServer({address='10.53.0.53:53', useClientSubnet=true})\n"
TOLD = [
    ask("a.test"), ask("a.test", edns=True), ask("a.test", do=True, size=4096), ask("a.test", client="fd60::1:2:3:4"),
    ask("a.test", options=["192.0.2.0/24"]), ask("a.test", options=["192.0.2.1/32"]), ask("a.test", options=["0.0.0.0/0"]),
    ask("a.test", options=["2001:db8::/48"]), ask("a.test", options=["2001:db8::/48"], client="fd60::5"),
    ask("a.test", options=[(10, b"12345678")]), ask("a.test", options=[(10, b"12345678"), "192.0.2.0/24", (12, b"\0\0")]),
    ask("scope0.a.test"), ask("scope24.a.test", edns=True), ask("scope16.a.test", options=["192.0.2.0/24"]),
    ask("none.test"), ask("set.test"), ask("set.test", client="fd60::9"), ask("wide.test"), ask("lua.test", options=["192.0.2.0/24"]),
    ask("prefix.test"), ask("override.test", options=["192.0.2.0/24"]), ask("many9.tc.scope0.test"),
]
TOLD_RULES = """
addAction(QNameRule('none.test'), SetDisableECSAction())
addAction(QNameRule('set.test'), SetECSAction('198.51.100.0/24', '2001:db8:1::/48'))
addAction(QNameRule('wide.test'), SetECSPrefixLengthAction(32, 128))
addAction(QNameRule('override.test'), SetECSOverrideAction(true))
addAction(QNameRule('lua.test'), LuaAction(function(dq) dq.ecsOverride = true dq.ecsPrefixLength = 8 return DNSAction.None end))
addAction(QNameRule('prefix.test'), LuaAction(function(dq) dq.ecsPrefixLength = 20 return DNSAction.None end))
"""
POOLS = """
newServer({address='10.53.0.53:53'})
newServer({address='10.53.0.54:53', pool='b'})
newServer({address='10.53.0.55:53', pool={'b', 'c'}})
newServer({address='10.53.0.55:5353', pool='down', healthCheckMode='down'})
setPoolServerPolicy(roundrobin, 'b')
setPoolServerPolicyLua('last', function(s, dq) return #s end, 'c')
addAction(QNameSuffixRule('b.test'), PoolAction('b'))
addAction(AndRule({QNameSuffixRule('c.test'), PoolAvailableRule('c')}), PoolAction('c'))
addAction(AndRule({QNameSuffixRule('down.test'), PoolAvailableRule('down')}), SpoofAction('192.0.2.66'))
addAction(QNameSuffixRule('forced.test'), PoolAction('down'))
addAction(QNameSuffixRule('lua.test'), LuaAction(function(dq) dq.pool = 'c' return DNSAction.None end))
addAction(QNameSuffixRule('string.test'), LuaAction(function(dq) return DNSAction.Pool, 'b' end))
addAction(QNameSuffixRule('go.test'), PoolAction('b', false))
addAction(QNameSuffixRule('go.test'), SpoofAction('192.0.2.55'))
setServFailWhenNoServer(true)
"""
POOLS_TOLD = """
newServer({address='10.53.0.53:53', pool='a', useClientSubnet=true})
newServer({address='10.53.0.53:53', pool='b', useClientSubnet=true, disableZeroScope=true})
newServer({address='10.53.0.54:53', pool='c'})
getPool('a'):setECS(false)
getPool('c'):setECS(true)
"""
SCENARIOS = [
    Scenario("pools told of clients", POOLS_TOLD,
             *values(*("getPool('%s'):%s()" % (pool, get) for pool in "abc" for get in ("getECS", "getZeroScope")))),
    Scenario("server objects", OBJECTS, *SERVER),
    Scenario("policy objects", OBJECTS, *POLICY),
    *DISTRIBUTION,
    *[Scenario("down " + name, servers(*["checkTimeout=300"] * 3) + "setServerPolicy(%s)\n%s" % (name, more), *DOWN)
      for name, more in (("roundrobin", ""), ("leastOutstanding", ""), ("wrandom", "setServFailWhenNoServer(true)"))],
    *[Scenario("no server " + name, servers(*["healthCheckMode='down'"] * 3) + "setServerPolicy(%s)\n%s" % (name, more), *ALL_DOWN)
      for name in ("leastOutstanding", "firstAvailable", "roundrobin", "wrandom", "whashed", "chashed")
      for more in ("", "setServFailWhenNoServer(true)") if name != "roundrobin"],
    Scenario("no server roundrobin", servers(*["healthCheckMode='down'"] * 3) + "setServerPolicy(roundrobin)",
             spared("d%d.test", 9, 4)),
    Scenario("no server roundrobin fails", servers(*["healthCheckMode='down'"] * 3) + "setServerPolicy(roundrobin)\n"
             "setRoundRobinFailOnNoServer(true)\nsetServFailWhenNoServer(true)", *ALL_DOWN),
    Scenario("no servers", "setServFailWhenNoServer(true)", ask("a.test"), lua("showServers()"), table("showPools()")),
    Scenario("outstanding", LIMITS, choices("silent.f%d.test", 6, patience=0.15)),
    Scenario("health", HEALTH, *CHECKED),
    Scenario("state changes", CALLBACK, SAID, stop(1), up(0, False), go(1), up(0), pause(0.2), SAID, *state(1, 2, 3, 4),
             *values("getServer(0):setDown()", "getServer(0):setUp()"), SAID),
    Scenario("timeouts", TIMEOUTS, *RESTARTS),
    Scenario("subnets", SUBNETS % (24, 56, "false") + TOLD_RULES, *TOLD),
    Scenario("subnets override", SUBNETS % (24, 56, "true") + TOLD_RULES, *TOLD),
    Scenario("subnets odd", SUBNETS % (19, 61, "true") + TOLD_RULES, *TOLD),
    Scenario("subnets whole", SUBNETS % (32, 128, "false") + TOLD_RULES, *TOLD),
    Scenario("subnets none", SUBNETS % (0, 0, "true") + TOLD_RULES, *TOLD),
    Scenario("pools", POOLS, choices("a%d.test", 3), choices("a%d.b.test", 4), choices("a%d.c.test", 3), ask("x.down.test"),
             ask("x.forced.test"), ask("x.lua.test"), ask("x.string.test"), ask("x.go.test"), table("showPools()"),
             lua("showServers()", COLUMNS)),
]
