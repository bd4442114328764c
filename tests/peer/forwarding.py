# SPDX-License-Identifier: BSD-2-Clause
"""Scenarios of what servers are sent and how, of answers that are too long, and of those that lie."""
import poison
from steps import (Scenario, ask, came, check_came, go, lua, pause, spread, stop, titled, twice, until, value, values, wait)

ONE = "newServer({address='10.53.0.53:53'%s})\n"
SIX = "newServer({address='[fd53::53]:53'%s})\n"
PROXY = (ONE + SIX) % (", useProxyProtocol=true", ", useProxyProtocol=true, pool='six'") + """
addAction(QNameSuffixRule('six.test'), PoolAction('six'))
addAction(QNameSuffixRule('values.test'), SetProxyProtocolValuesAction({[0xe0]='customer-7'}))
addAction(QNameSuffixRule('more.values.test'), SetAdditionalProxyProtocolValueAction(0xe1, 'more'))
addAction(QNameSuffixRule('added.test'), SetAdditionalProxyProtocolValueAction(2, 'authority'))
addAction(QNameSuffixRule('twice.test'), SetAdditionalProxyProtocolValueAction(3, 'a'))
addAction(QNameSuffixRule('twice.test'), SetAdditionalProxyProtocolValueAction(3, 'b'))
addAction(QNameSuffixRule('lua.test'), LuaAction(function(dq)
  dq:addProxyProtocolValue(0xe2, 'lua') return DNSAction.None end))
addAction(QNameSuffixRule('set.lua.test'), LuaAction(function(dq)
  dq:setProxyProtocolValues({[5]='x', [6]='y'}) return DNSAction.None end))
addAction(QNameSuffixRule('empty.test'), SetAdditionalProxyProtocolValueAction(7, ''))
"""
PROXIED = [
    came(name, **more) for name in ("a.test", "a.values.test", "more.values.test", "added.test", "twice.test", "a.lua.test",
                                    "set.lua.test", "empty.test", "a.six.test", "a.values.test")
    for more in ({}, {"client": "fd60::1"})
]
TCP = [came(name, over=over) for name in ("a.test", "tcudp.test", "many60.test", "silent.test") for over in ("udp", "tcp")]
WHOLE = [ask(name, over="tcp", **more) for name in ("a.test", "tcudp.a.test", "many60.test", "many90.tcudp.test", "nx.test")
         for more in ({}, {"edns": True})]
LARGE = [ask("many%d.test" % count, edns=size > 0, size=size or 512, client=client)
         for count in (20, 28, 29, 30, 31, 60, 90) for size in (0, 512, 513, 1232, 1452, 4096) for client in ("10.60.0.1",)] + [
    ask("many60.test", edns=True, size=size, client="fd60::1") for size in (0, 100, 511, 1232, 4096)] + [
    ask("many40.extra5.test"), ask("many40.nx.test"), ask("many40.test", do=True, size=600), ask("many60.tc.test")]
LAZY = """
newServer({address='10.53.0.53:53', healthCheckMode='lazy', checkTimeout=300, checkInterval=1, udpTimeout=1,
  lazyHealthCheckMode='%s', lazyHealthCheckSampleSize=10, lazyHealthCheckMinSampleCount=%d, lazyHealthCheckThreshold=%d,
  lazyHealthCheckFailedInterval=1%s})
newServer({address='10.53.0.54:53', pool='other'})
setServFailWhenNoServer(true)
"""
UP, IS_UP = value("getServer(0):isUp()"), "getServer(0):isUp()"


def failing(name, count):
    return [titled("%d: " % i, ask(name, patience=1.5)) for i in range(count)]


LAZY_STEPS = [
    wait(IS_UP, "true"), ask("a.test"), *failing("servfail.test", 4), pause(1.5), UP, value("getServer(0):getHealthCheckMode()"),
    stop(1), until(ask("silent.test", patience=1.5), IS_UP, "false", 9), ask("b.test", patience=1.5), go(1), wait(IS_UP, "true"),
    ask("c.test"),
]
HEALTH = """
newServer({address='10.53.0.53:53', checkTCP=true, checkTimeout=500})
newServer({address='10.53.0.54:53', tcpOnly=true, checkTimeout=500, pool='only'})
newServer({address='10.53.0.55:53', checkTimeout=500, pool='udp'})
newServer({address='[fd53::53]:53', checkTCP=true, checkTimeout=500, pool='six'})
"""
BOUND = """
newServer({address='10.53.0.53:53'})
newServer({address='10.53.0.54:53', pool='second', udpTimeout=1})
seen, restarts = 0, 0
addAction(QNameSuffixRule('keep.test'), LuaAction(function(dq) dq:setRestartable() return DNSAction.None end))
addResponseAction(QNameSuffixRule('loop.keep.test'), LuaResponseAction(function(dr)
  seen = seen + 1
  if dr:restart() then restarts = restarts + 1 end
  return DNSResponseAction.None end))
addResponseAction(QNameSuffixRule('late.test'), LuaResponseAction(function(dr)
  seen = seen + 1 if dr:restart() then restarts = restarts + 1 end return DNSResponseAction.None end))
addResponseAction(QNameSuffixRule('move.keep.test'), LuaResponseAction(function(dr)
  if dr.pool == '' then dr.pool = 'second' dr:restart() end return DNSResponseAction.None end))
addResponseAction(QNameSuffixRule('edit.keep.test'), LuaResponseAction(function(dr)
  if dr:getRestartCount() == 0 then dr:setTag('again', '1') dr.pool = 'second' dr:restart() end
  return DNSResponseAction.None end))
addResponseAction(TagRule('again', '1'), LuaResponseAction(function(dr) tagged = dr:getTag('again') return DNSResponseAction.None end))
"""
COUNT = value("(function() local s = seen .. ' ' .. restarts .. ' ' .. tostring(tagged) seen, restarts = 0, 0 return s end)()")
BOUNDED = [step for name in ("late.test", "move.keep.test", "edit.keep.test", "silent2.move.keep.test")
           for step in (ask(name, patience=2.5), COUNT)]
CACHED = """
newServer({address='10.53.0.53:53', udpTimeout=1, healthCheckMode='up'})
pc = newPacketCache(100, {})
getPool(''):setCache(pc)
"""
CACHE_STEPS = [ask("silent.a.test", patience=1.6), ask("silent.a.test", patience=1.6), stop(1), ask("b.test", patience=1.6), go(1),
               *twice("b.test"), stop(1), ask("b.test"), ask("ttl1.c.test", patience=1.6), value("pc:getStats().entries"),
               value("pc:getStats().hits"), value("pc:getStats().misses")]
ORDER = """
newServer({address='10.53.0.53:53'})
newServer({address='10.53.0.54:53', pool='b'})
newServer({address='10.53.0.55:53', pool='c'})
addAction(QNameSuffixRule('one.test'), PoolAction('b'))
addAction(QNameSuffixRule('one.test'), PoolAction('c'))
addAction(QNameSuffixRule('two.test'), PoolAction('b', false))
addAction(QNameSuffixRule('two.test'), PoolAction('c', false))
addAction(QNameSuffixRule('three.test'), ContinueAction(PoolAction('b')))
addAction(QNameSuffixRule('four.test'), PoolAction('b', false))
addAction(QNameSuffixRule('four.test'), AllowAction())
addAction(QNameSuffixRule('five.test'), LuaAction(function(dq) dq.pool = 'b' return DNSAction.None end))
addAction(AndRule({QNameSuffixRule('five.test'), QNameSuffixRule('x.five.test')}), PoolAction('c'))
addAction(QNameSuffixRule('six.test'), LuaAction(function(dq) return DNSAction.Pool, 'c' end))
addAction(QNameSuffixRule('six.test'), PoolAction('b'))
addAction(QNameSuffixRule('seven.test'), QPSPoolAction(1000, 'c'))
addAction(QNameSuffixRule('eight.test'), PoolAction('b', false))
addAction(AndRule({QNameSuffixRule('eight.test'), PoolAvailableRule('c')}), PoolAction('c', false))
addAction(QNameSuffixRule('nine.test'), PoolAction('b', false))
addAction(QNameSuffixRule('nine.test'), PoolAction(''))
"""
BALANCED = "".join("newServer({address='10.53.0.%d:53', healthCheckMode='up', weight=100, udpTimeout=30})\n" % n for n in (53, 54, 55))
POISONED = ONE % ", udpTimeout=1" + "pc = newPacketCache(1000, {})\ngetPool(''):setCache(pc)\n"
SCENARIOS = [
    Scenario("sent dscp", (ONE + SIX) % (", dscp=10", ", dscp=46, pool='six'") +
             "addAction(QNameSuffixRule('six.test'), PoolAction('six'))", came("a.test"), came("a.six.test"), check_came(1), check_came(5)),
    *[Scenario("sent source " + source, ONE % (", source='%s'" % source), came("a.test"), check_came(1))
      for source in ("10.53.0.2", "edge", "10.53.0.2@edge", "10.53.0.1")],
    Scenario("sent proxy", PROXY, *PROXIED, pause(1.2), check_came(1), check_came(5)),
    Scenario("sent proxy tcp", PROXY, *[came(name, client=client, over="tcp") for name in ("a.test", "a.values.test", "a.six.test",
                                        "tcudp.test", "more.values.test") for client in ("10.60.0.1", "fd60::1")], tcp=True),
    Scenario("sent proxy tcpOnly", ONE % ", useProxyProtocol=true, tcpOnly=true",
             came("a.test"), came("b.test", client="fd60::1"), came("c.test", over="tcp"), tcp=True),
    Scenario("sent tcpOnly", ONE % ", tcpOnly=true" + SIX % ", tcpOnly=true, pool='six'" +
             "addAction(QNameSuffixRule('six.test'), PoolAction('six'))", came("a.test"), came("b.test", over="tcp"),
             came("c.six.test"), ask("many60.test"), ask("many60.test", edns=True, size=4096), check_came(1), tcp=True),
    Scenario("sent tcp", ONE % "", *TCP, tcp=True),
    Scenario("answers tcp", ONE % "", *WHOLE, tcp=True),
    *[Scenario("options %s" % options, ONE % (", " + options), ask("a.test"), ask("b.test"), ask("c.test", over="tcp"), tcp=True)
      for options in ("sockets=4", "maxInFlight=10", "maxInFlight=10, tcpOnly=true", "tcpFastOpen=true, retries=2",
                      "maxConcurrentTCPConnections=1, tcpOnly=true", "ipBindAddrNoPort=false, reconnectOnUp=true")],
    Scenario("answers large", ONE % "", *LARGE),
    Scenario("health tcp", HEALTH, pause(1.3), *[check_came(number) for number in (1, 2, 3, 5)],
             *values(*("getServer(%d):isUp()" % n for n in range(4))), stop(1, 2), wait(IS_UP, "false"),
             wait("getServer(1):isUp()", "false"), go(1, 2), wait(IS_UP, "true"), wait("getServer(1):isUp()", "true"), tcp=True),
    *[Scenario("lazy %s %d %d" % (mode, least, threshold), LAZY % (mode, least, threshold, more), *LAZY_STEPS)
      for mode, least, threshold, more in (("TimeoutOrServFail", 1, 20, ""), ("TimeoutOnly", 1, 20, ""), ("TimeoutOrServFail", 6, 20, ""),
                                           ("TimeoutOrServFail", 3, 90, ", rise=2, maxCheckFailures=2"),
                                           ("TimeoutOnly", 2, 30, ", lazyHealthCheckUseExponentialBackOff=true"))],
    *[Scenario("bounded " + name, BALANCED + "setServerPolicy(%s)\nsetWHashedPerturbation(7)\n%s" % (name, setting),
               spread("silent.same.test", 15)) for name, setting in (
                   ("chashed", ""), ("chashed", "setConsistentHashingBalancingFactor(1.5)"), ("whashed", ""),
                   ("chashed", "setConsistentHashingBalancingFactor(1.1)"), ("chashed", "setConsistentHashingBalancingFactor(2)"),
                   ("whashed", "setWeightedBalancingFactor(1.5)"), ("whashed", "setWeightedBalancingFactor(1.1)"),
                   ("leastOutstanding", ""))],
    Scenario("restarts", BOUND, *BOUNDED),
    Scenario("restarts without end", BOUND, came("loop.keep.test", patience=1)),
    Scenario("cache timeout", CACHED, *CACHE_STEPS),
    Scenario("pools order", ORDER, *[ask(name) for name in (
        "a.one.test", "a.two.test", "a.three.test", "a.four.test", "a.five.test", "x.five.test", "a.six.test", "a.seven.test",
        "a.eight.test", "a.nine.test")], lua("showRules()")),
    Scenario("poison", POISONED, *[step for word in poison.WAYS for step in twice("%s.a.test" % word, patience=0.4)],
             *values("pc:getStats().entries")),
    Scenario("poison edns", POISONED, *[step for word in poison.WAYS for step in twice("%s.a.test" % word, edns=True, patience=0.4)],
             *values("pc:getStats().entries")),
    Scenario("poison tcp", ONE % ", tcpOnly=true, tcpRecvTimeout=1", *[ask("%s.a.test" % word, patience=0.5) for word in poison.WAYS],
             tcp=True),
]
