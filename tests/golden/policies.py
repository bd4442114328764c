# SPDX-License-Identifier: BSD-2-Clause
"""Whole policies of the shapes that public configurations have, each run for itself by run_rules: front
ends of resolvers and of authoritative servers, filters, tags and tables that Lua keeps."""
from rows import OTHER, SERVER, Row, answered, dropped, extended_error, forwarded, option, own, passed, query, refused, response
from rules import A300, Q

POLICIES = []


def policy(name, text, *exchanges):
    POLICIES.append(Row(name, text, exchanges, None))


ANY = query(qtype="ANY")
DO = query(do=True)

policy("a public resolver", r"""
-- Encrypted transports, the console and the web server are elsewhere, or not there.
setLocal('10.53.0.1:53', {doTCP = true, reusePort = true, tcpFastOpenQueueSize = 64})
addLocal('[fd53::1]:53', {reusePort = true})
addTLSLocal('0.0.0.0:853', '/etc/ssl/a.pem', '/etc/ssl/a.key', {minTLSVersion = 'tls1.2', provider = 'openssl'})
addDOHLocal('0.0.0.0:443', '/etc/ssl/a.pem', '/etc/ssl/a.key', {'/dns-query'}, {reusePort = true})
addDOQLocal('0.0.0.0:853', '/etc/ssl/a.pem', '/etc/ssl/a.key')
controlSocket('127.0.0.1:5199')
setKey('not looked at')
setConsoleACL({'127.0.0.1/32', '::1/128'})
webserver('127.0.0.1:8083')
setWebserverConfig({password = 'none', apiKey = 'none', acl = '127.0.0.1'})
setSecurityPollSuffix('')
setMaxUDPOutstanding(65535)
setMaxTCPClientThreads(256)
setMaxTCPQueuedConnections(1000)
setMaxTCPConnectionsPerClient(100)
setMaxTCPQueriesPerConnection(100)
setMaxTCPConnectionDuration(10)
setUDPTimeout(2) setTCPRecvTimeout(2) setTCPSendTimeout(2)
setRingBuffersSize(100000, 10)
setServFailWhenNoServer(true)
setPayloadSizeOnSelfGeneratedAnswers(1232)
setACL({'0.0.0.0/0', '::/0'})
newServer({address = '10.53.0.53', name = 'near', qps = 1000, order = 1, weight = 1, healthCheckMode = 'up'})
newServer({address = '10.53.0.54:5353', name = 'far', qps = 1000, order = 2, healthCheckMode = 'up', tcpFastOpen = true})
setServerPolicy(firstAvailable)
trusted = newNMG()
trusted:addMask('10.60.0.200/29')
trusted:addMask('fd60:0:1::/120')
addAction(NetmaskGroupRule(trusted), AllowAction(), {name = 'trusted'})
addAction(MaxQPSIPRule(3, 32, 64), DropAction(), {name = 'rate'})
addAction(QTypeRule(DNSQType.ANY), SpoofRawAction('\007rfc\056\052\056\050\000', {typeForAny = DNSQType.HINFO}))
addAction({'version.bind', 'hostname.bind', 'id.server'}, DropAction())
addAction(NotRule(QClassRule(1)), RCodeAction(DNSRCode.REFUSED))
cache = newPacketCache(10000, {maxTTL = 3600, minTTL = 0, temporaryFailureTTL = 60, staleTTL = 60, dontAge = false})
getPool(''):setCache(cache)
setStaleCacheEntriesTTL(3600)
""", passed(Q, A300, A300),
       answered(query(), response(query(), "www.test 300 A 192.0.2.7")),  # out of the cache
       answered(ANY, own('www.test 60 HINFO "rfc8482" ""')), dropped(), dropped(ANY),
       forwarded(query("x.test"), host=201), forwarded(query("x2.test"), host=201), forwarded(query("x3.test"), host=201),
       forwarded(query("x4.test"), host=201), dropped(query("version.bind", "TXT", "CH"), host=10),
       refused(query("other.bind", "TXT", "CH"), host=10), forwarded(query("6.test"), ipv6=True))

policy("zones to pools", """
newServer({address = '10.53.0.53:53', name = 'recursor', healthCheckMode = 'up'})
newServer({address = '10.53.0.54:5353', name = 'auth', pool = {'auth', 'reverse'}, healthCheckMode = 'up'})
local inside = newNMG()
for _, mask in ipairs({'10.60.0.0/25', '10.99.0.0/16'}) do inside:addMask(mask) end
local own = {'corp.test.', 'intra.example.'}
local reverse = newSuffixMatchNode()
for third = 0, 255 do reverse:add(newDNSName(third .. '.60.10.in-addr.arpa.')) end
local hidden = newDNSNameSet()
hidden:add(newDNSName('secret.corp.test'))
addAction(AndRule({NotRule(NetmaskGroupRule(inside)), QNameSuffixRule(own)}), RCodeAction(DNSRCode.NXDOMAIN))
addAction(QNameSetRule(hidden), RCodeAction(DNSRCode.REFUSED))
addAction(AndRule{QNameRule('gw.corp.test'), QTypeRule('A')}, SpoofAction('10.99.0.1', {ttl = 3600, aa = true}))
addAction(AndRule{QNameRule('gw.corp.test'), NotRule(QTypeRule('A'))},
  NegativeAndSOAAction(false, 'zone.example', 60, 'ns.one', 'mail.two', 1, 2, 3, 4, 5))
addAction(QNameSuffixRule(own), PoolAction('auth'))
addAction(SuffixMatchNodeRule(reverse), PoolAction('reverse'))
addAction(AllRule(), PoolAction(''))
""", forwarded(), forwarded(query("a.corp.test"), to=OTHER), answered(query("a.corp.test"), own(rcode=3), host=200),
       refused(query("SECRET.corp.test")), answered(query("gw.corp.test"), own("gw.corp.test 3600 A 10.99.0.1", flags="AA")),
       answered(query("gw.corp.test", "AAAA"), own(
           additional=["zone.example 60 SOA ns.one. mail.two. 1 2 3 4 5"])),
       forwarded(query("1.2.60.10.in-addr.arpa", "PTR"), to=OTHER), forwarded(query("1.61.10.in-addr.arpa", "PTR")))

policy("before authoritative servers", """
local common = {healthCheckMode = 'lazy', checkInterval = 1, lazyHealthCheckFailedInterval = 30, rise = 2,
  maxCheckFailures = 3, lazyHealthCheckThreshold = 30, lazyHealthCheckSampleSize = 100,
  lazyHealthCheckMinSampleCount = 10, lazyHealthCheckMode = 'TimeoutOnly'}
local function server(address, more)
  local made = {address = address}
  for key, value in pairs(common) do made[key] = value end
  for key, value in pairs(more) do made[key] = value end
  return newServer(made)
end
server('10.53.0.53', {name = 'primary', weight = 1})
server('10.53.0.54:5353', {name = 'secure', pool = 'dnssec', weight = 2})
setServerPolicy(wrandom)
setACL({'0.0.0.0/0', '::/0'})
local secondaries = {'10.60.0.32/27'}
addAction(AndRule({OrRule({OpcodeRule(DNSOpcode.Notify), OpcodeRule(DNSOpcode.Update), QTypeRule(DNSQType.AXFR),
  QTypeRule(DNSQType.IXFR)}), NotRule(NetmaskGroupRule(secondaries))}), RCodeAction(DNSRCode.REFUSED))
addAction(AndRule({QTypeRule(DNSQType.ANY), TCPRule(false)}), TCAction())
addAction(RDRule(), SetNoRecurseAction())
addAction(DNSSECRule(), PoolAction('dnssec'))
addResponseAction(RCodeRule(DNSRCode.SERVFAIL), SetExtendedDNSErrorResponseAction(23, 'no server'))
addResponseAction(AllRule(), SetMaxTTLResponseAction(200))
""", forwarded(edits={"flags": ""}), forwarded(query("axfr.test", "AXFR"), host=40, edits={"flags": ""}),
       refused(query("axfr.test", "AXFR")), refused(query(opcode=4, qtype="SOA", flags="")),
       answered(ANY, own(flags="TC")), forwarded(DO, to=OTHER, edits={"flags": ""}),
       passed(query(flags=""), A300, response(query(flags=""), "www.test 200 A 192.0.2.7", flags="QR RA")),
       passed(DO, response(DO, rcode=2, flags="QR"),
              response(DO, rcode=2, flags="QR RD", options=[extended_error(23, "no server")]), {"flags": ""}, OTHER))

policy("suspicion in tags", """
newServer({address = '10.53.0.53:53', healthCheckMode = 'up'})
local offenders, struck = TimedIPSetRule(), {}
local known = newSuffixMatchNode()
known:add({'cdn.test', 'antivirus.test'})
-- Who is struck three times is shut out for an hour.
local function strike(dq)
  local client = dq.remoteaddr:toString()
  struck[client] = (struck[client] or 0) + 1
  if struck[client] >= 3 then offenders:add(dq.remoteaddr, 3600) end
  return DNSAction.Refused
end
function maintenance() struck = {} end
addAction(offenders:slice(), DropAction(), {name = 'shut out'})
addAction(SuffixMatchNodeRule(known, true), AllowAction())
addAction(OrRule({QTypeRule(10), QTypeRule('HINFO')}), SetTagAction('odd', 'type'))
addAction(QNameWireLengthRule(0, 60), SetTagAction('odd', 'long'))
addAction(RegexRule('([^.]{20,}\\\\.){2,}'), SetTagAction('odd', 'tunnel'))
addAction(TagRule('odd'), LogAction('/dev/null', false, true, true, false, true))
addAction(TagRule('odd', 'type'), RCodeAction(DNSRCode.NOTIMP))
addAction(TagRule('odd'), LuaAction(strike))
""", forwarded(), answered(query(qtype="NULL"), own(rcode=4)), forwarded(query("a" * 30 + ".cdn.test")),
       *[answered(query(name + ".test"), own(rcode=5, ra=False)) for name in
         ("a" * 25 + "." + "a" * 25, "b" * 25 + "." + "b" * 25, "c" * 60)],
       dropped(), dropped(query("antivirus.test")), forwarded(host=10))

policy("a blocker", """
setACL('0.0.0.0/0') addACL('::/0')
newServer('10.53.0.53')
local blocked = newSuffixMatchNode()
for name in ([[ads.test  tracker.test. Metrics.Example]]):gmatch('%S+') do blocked:add(name) end
addAction(MaxQPSIPRule(5), NoRecurseAction and NoRecurseAction() or SetNoRecurseAction())
addAction(AndRule({SuffixMatchNodeRule(blocked), QTypeRule('HTTPS')}), RCodeAction(DNSRCode.NOERROR, {ra = true}))
addAction(SuffixMatchNodeRule(blocked), SetExtendedDNSErrorAction(15, 'blocked here'))
addAction(SuffixMatchNodeRule(blocked), SpoofAction({'0.0.0.0', '::'}, {ttl = 3600}))
addAction(SuffixMatchNodeRule(blocked), RCodeAction(DNSRCode.NXDOMAIN))
addAction(QNameRule('use-application-dns.net'), RCodeAction(DNSRCode.NXDOMAIN))
addAction('search.test', SpoofCNAMEAction('safe.example'))
local function narrow(dr)
  dr:editTTLs(function(section, class, qtype, ttl) return math.max(ttl, 60) end)
  return DNSResponseAction.None, ''
end
addResponseAction(AllRule(), LuaResponseAction(narrow))
addResponseAction(AllRule(), ClearRecordTypesResponseAction({DNSQType.HTTPS}))
""", forwarded(), answered(query("x.ads.test"), own("x.ads.test 3600 A 0.0.0.0")),
       answered(query("tracker.test", "AAAA", edns=True),
                own("tracker.test 3600 AAAA ::", options=[extended_error(15, "blocked here")])),
       answered(query("metrics.example", "HTTPS"), own()), answered(query("metrics.example", "MX"), own(rcode=3)),
       forwarded(edits={"flags": ""}),
       answered(query("use-application-dns.net"), own(rcode=3), host=10),
       answered(query("www.search.test"), own("www.search.test 60 CNAME safe.example."), host=10),
       passed(Q, response(Q, "www.test 5 A 192.0.2.7", "www.test 5 HTTPS 1 . alpn=h2"),
              response(Q, "www.test 60 A 192.0.2.7"), host=10))

policy("Lua decides", """
newServer({address = '10.53.0.53', name = 'usual'})
newServer({address = '10.53.0.54:5353', name = 'slow', pool = 'abuse'})
local slow = newNMG()
slow:addMask('10.60.0.64/26')
function route(dq)
  if dq.qtype == DNSQType.NAPTR then return DNSAction.Pool, 'abuse' end
  if dq.qname:isPartOf(newDNSName('portal.test')) and not dq.dh:getRD() then return DNSAction.Refused, '' end
  if dq.qname:countLabels() > 5 then return DNSAction.Spoof, '192.0.2.80' end
  if slow:match(dq.remoteaddr) and dq.qtype == DNSQType.ANY then
    dq.dh:setTC(true) dq.dh:setQR(true)
    return DNSAction.HeaderModify, ''
  end
  return DNSAction.None, ''
end
addAction(QNameSuffixRule('com.test'), QPSPoolAction(2, 'abuse'))
addAction(AllRule(), LuaAction(route))
addAction('drop.test.', DropAction())
mvRuleToTop()
addAction(LuaRule(function(dq)
  local options = dq:getEDNSOptions()
  return options[EDNSOptionCode.COOKIE] ~= nil and #options[EDNSOptionCode.COOKIE]:getValues()[1] < 8
end), RCodeAction(DNSRCode.FORMERR))
""", forwarded(), forwarded(query(qtype="NAPTR"), to=OTHER), refused(query("portal.test", flags="")),
       answered(query("a.b.c.d.e.test"), own("a.b.c.d.e.test 60 A 192.0.2.80")), dropped(query("x.drop.test")),
       *[forwarded(query("com.test"), to=to) for to in (OTHER, OTHER, SERVER)],
       answered(ANY, own(flags="TC"), host=70), answered(query(options=[option(10, b"short")]), own(rcode=1)),
       forwarded(query(options=[option(10, b"longer..")])))


def shut_out(asked=Q, **how):
    return answered(asked, own(rcode=5, ra=False), **how)


policy("dynamic blocks", """
newServer('10.53.0.53:53')
newServer({address = '10.53.0.54:5353', pool = 'other'})
addDynamicBlock('10.60.0.77', 'a network', DNSAction.Refused, 3600, 26)
addDynamicBlock('10.60.0.9', 'one of them', DNSAction.Nxdomain, 4)
addDynamicBlock('10.60.0.70', 'not known', nil, 3600)
addDynamicBlock('fd60:0:1::9', 'longer than IPv4', DNSAction.Truncate, 3600, 64)
addDynamicBlock('10.60.0.130', 'no recursion', DNSAction.NoRecurse, 3600)
addDynamicBlock('10.60.0.131', 'a tag', DNSAction.SetTag, 3600, 32, 0, {tagName = 'to', tagValue = 'other'})
addDynamicBlock('10.60.0.132', 'counted', DNSAction.NoOp, 3600)
addDynBlockSMT({'Bad.test', 'x.worse.test'}, 'names', 3600, DNSAction.Refused)
setDynBlocksAction(DNSAction.Drop)
setRules({newRuleAction(TagRule('to', 'other'), PoolAction('other')),
  newRuleAction(QTypeRule('TXT'), SpoofAction('192.0.2.9'))})
""", answered(query(edns=True), own(rcode=3, ra=False)), shut_out(host=65), shut_out(query(do=True, flags="RD CD"), host=127),
       dropped(host=70), answered(query(), own(flags="TC"), ipv6=True), forwarded(host=128),
       forwarded(query(qtype="TXT"), host=130, edits={"flags": ""}),
       forwarded(host=131, to=OTHER), shut_out(query("bad.test"), host=131), forwarded(host=132),
       shut_out(query("WWW.bAd.test"), host=132), forwarded(query("worse.test"), host=132),
       shut_out(query("a.x.worse.test", edns=True), host=133), answered(query(), own(rcode=3, ra=False)), forwarded(after=4000))
