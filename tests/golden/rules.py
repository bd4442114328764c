# SPDX-License-Identifier: BSD-2-Clause
"""The selectors and actions that dnsdist has and that are here, each with packets and what becomes of them: run by
run_rules. A row is for its own clients alone: what it adds to a chain gets their networks as a condition."""
import dns.flags

from rows import (OTHER, Row, answered, dropped, edited, extended_error, forwarded, option, own, passed, query,
                  refused, response)

SELECTORS = """AllRule AndRule OrRule NotRule QNameRule QNameSetRule SuffixMatchNodeRule QNameSuffixRule
    QNameLabelsCountRule QNameWireLengthRule QTypeRule QClassRule OpcodeRule RDRule DNSSECRule EDNSOptionRule
    NetmaskGroupRule TimedIPSetRule MaxQPSIPRule MaxQPSRule ProbaRule TagRule RCodeRule RecordsCountRule
    RegexRule TCPRule DSTPortRule PayloadSizeRule TrailingDataRule PoolAvailableRule PoolOutstandingRule
    LuaRule LuaFFIRule LuaFFIPerThreadRule
    EDNSVersionRule ERCodeRule RecordsTypeCountRule RE2Rule IncomingProtocolRule ProxyProtocolValueRule
    KeyValueStoreLookupRule KeyValueStoreRangeLookupRule""".split()
ACTIONS = """AllowAction DropAction NoneAction ContinueAction RCodeAction SpoofAction SpoofCNAMEAction
    SpoofRawAction NegativeAndSOAAction PoolAction QPSAction QPSPoolAction TCAction SetNoRecurseAction
    SetSkipCacheAction SetTempFailureCacheTTLAction SetMaxReturnedTTLAction SetTagAction UnsetTagAction
    SetExtendedDNSErrorAction SetEDNSOptionAction LogAction LuaAction LuaFFIAction LuaFFIPerThreadAction
    AllowResponseAction DropResponseAction TCResponseAction ClearRecordTypesResponseAction
    LimitTTLResponseAction SetMinTTLResponseAction SetMaxTTLResponseAction SetMaxReturnedTTLResponseAction
    SetSkipCacheResponseAction SetTagResponseAction UnsetTagResponseAction
    SetExtendedDNSErrorResponseAction LuaResponseAction LuaFFIResponseAction
    LuaFFIPerThreadResponseAction
    ERCodeAction SpoofPacketAction SpoofSVCAction SetDisableValidationAction SetECSAction SetECSOverrideAction
    SetECSPrefixLengthAction SetDisableECSAction SetProxyProtocolValuesAction
    SetAdditionalProxyProtocolValueAction SetReducedTTLResponseAction SetEDNSOptionResponseAction
    LogResponseAction DelayAction DelayResponseAction KeyValueStoreLookupAction
    KeyValueStoreRangeLookupAction SetMacAddrAction""".split()
ABSENT = {  # without rows, and where they are shown instead
    "KeyValueStoreLookupRule": "tests/system/stores.sh",
    "KeyValueStoreRangeLookupRule": "tests/system/stores.sh",
    "KeyValueStoreLookupAction": "tests/system/stores.sh",
    "KeyValueStoreRangeLookupAction": "tests/system/stores.sh",
    "DelayAction": "tests/golden/delay",
    "SetMacAddrAction": "tests/golden/mac",
    "DelayResponseAction": "tests/golden/delay",
    "ProxyProtocolValueRule": "tests/golden/proxy",
    "SetProxyProtocolValuesAction": "tests/golden/proxy",
    "SetAdditionalProxyProtocolValueAction": "tests/golden/proxy",
    "SetECSAction": "tests/system/client_subnet.sh",
    "SetECSOverrideAction": "tests/system/client_subnet.sh",
    "SetECSPrefixLengthAction": "tests/system/client_subnet.sh",
    "SetDisableECSAction": "tests/system/client_subnet.sh",
}
# What every row's rules stand behind.
PREAMBLE = """
addLocal('10.53.0.1:5300')
newServer('10.53.0.53:53')
setServFailWhenNoServer(true)
newServer({address = '10.53.0.54:5353', pool = 'other'})
newServer({address = '10.53.0.54:5354', pool = 'down'}):setDown()
"""
ROWS = []
MATCHED, MISSED = set(), set()  # selectors with packets for which they are true, and false


def row(name, policy, *exchanges, settings=""):
    ROWS.append(Row(name, policy, exchanges, settings))


def case(item):
    """A packet of a selector's row: a query, or one and how it comes."""
    return item if isinstance(item, tuple) else (item, {})


def selector(name, made, yes=(), no=()):
    """Queries for which the selector is true are refused, others go on to the server."""
    MATCHED.update([name.split()[0]] if yes else [])
    MISSED.update([name.split()[0]] if no else [])
    row(name, "addAction(%s, RCodeAction(DNSRCode.REFUSED))" % made,
        *[refused(asked, **how) for asked, how in map(case, yes)],
        *[forwarded(asked, **how) for asked, how in map(case, no)])


def response_selector(name, made, yes=(), no=()):
    """Of (query, answer) pairs those for which the selector is true end here."""
    MATCHED.update([name.split()[0]] if yes else [])
    MISSED.update([name.split()[0]] if no else [])
    row(name, "addResponseAction(%s, DropResponseAction())" % made,
        *[passed(asked, reply, None) for asked, reply in yes],
        *[passed(asked, reply, reply) for asked, reply in no])


def series(name, policy, expected):
    """A selector or action that counts: queries at one moment, and what becomes of each."""
    MATCHED.add(name.split()[0])
    MISSED.add(name.split()[0])
    row(name, policy, *expected)


Q = query()
REFUSE = "RCodeAction(DNSRCode.REFUSED)"
A300 = response(Q, "www.test 300 A 192.0.2.7")

# ---- selectors ----

selector("AllRule", "AllRule()", yes=[Q, query(".", "NS")])
selector("AllRule not", "NotRule(AllRule())", no=[Q])
selector("AndRule", "AndRule({QTypeRule('A'), QNameRule('www.test')})", yes=[Q],
         no=[query(qtype="AAAA"), query("w.test")])
selector("AndRule none", "AndRule({})", yes=[Q])
selector("OrRule", "OrRule({QTypeRule('AAAA'), QNameRule('www.test')})", yes=[Q, query("w.test", "AAAA")],
         no=[query("w.test")])
selector("NotRule", "NotRule(QTypeRule('A'))", yes=[query(qtype="TXT")], no=[Q])
selector("QNameRule", "QNameRule('WWW.test.')", yes=[Q, query("wWw.TeSt")],
         no=[query("a.www.test"), query("test"), query(".")])
selector("QNameRule DNSName", "QNameRule(newDNSName('.'))", yes=[query(".", "NS")], no=[Q])
selector("QNameSetRule", "(function() local set = newDNSNameSet() set:add(newDNSName('www.test')) "
         "set:add(newDNSName('b.test')) return QNameSetRule(set) end)()", yes=[Q, query("B.test")],
         no=[query("a.b.test"), query("test")])
selector("SuffixMatchNodeRule", "(function() local node = newSuffixMatchNode() node:add('b.test') "
         "local rule = SuffixMatchNodeRule(node, true) node:add('late.test') return rule end)()",
         yes=[query("b.test"), query("x.Y.B.TEST")], no=[query("ab.test"), query("test"), query("late.test")])
selector("QNameSuffixRule", "QNameSuffixRule({'b.test', 'c.test'})", yes=[query("b.test"), query("x.c.test")],
         no=[query("xc.test"), query("test"), Q])
selector("QNameSuffixRule string", "QNameSuffixRule('b.test')", yes=[query("x.b.test")], no=[Q])
selector("QNameSuffixRule root", "QNameSuffixRule('.')", yes=[Q, query(".", "NS")])
selector("QNameLabelsCountRule", "QNameLabelsCountRule(2, 3)",
         yes=[query("test"), query("."), query("a.b.c.test")], no=[Q, query("a.b.test")])
selector("QNameWireLengthRule", "QNameWireLengthRule(8, 10)",
         yes=[query("a.abc"), query("wwww.test")], no=[query("w.test"), Q])
selector("QTypeRule", "QTypeRule('AAAA')", yes=[query(qtype="AAAA")], no=[Q, query(qtype="ANY")])
selector("QTypeRule number", "QTypeRule(DNSQType.HTTPS)", yes=[query(qtype="HTTPS")], no=[Q])
selector("QTypeRule TYPE", "QTypeRule('TYPE65280')", yes=[query(qtype="TYPE65280")], no=[Q])
selector("QClassRule", "QClassRule(DNSClass.CHAOS)", yes=[query(qclass="CH", qtype="TXT")], no=[query(qtype="TXT")])
selector("OpcodeRule", "OpcodeRule(DNSOpcode.Notify)", yes=[query(opcode=4, qtype="SOA")], no=[Q])
selector("RDRule", "RDRule()", yes=[Q], no=[query(flags="")])
selector("DNSSECRule", "DNSSECRule()", yes=[query(do=True)], no=[Q, query(edns=True)])
selector("EDNSOptionRule", "EDNSOptionRule(EDNSOptionCode.ECS)",
         yes=[query(options=[option(10, b"cookie!!"), option(8, b"\0\1\x18\0\xc0\0\2")])],
         no=[Q, query(edns=True), query(options=[option(10, b"cookie!!")])])
selector("EDNSVersionRule", "EDNSVersionRule(0)", yes=[query(version=1)], no=[Q, query(edns=True)])
selector("NetmaskGroupRule", "NetmaskGroupRule({net4 .. '8/31', net6 .. '9'})",
         yes=[Q, (Q, {"host": 8}), (Q, {"ipv6": True})], no=[(Q, {"host": 10}), (Q, {"ipv6": True, "host": 8})])
selector("NetmaskGroupRule negated", "NetmaskGroupRule({net4 .. '0/24', '!' .. net4 .. '8/31'})",
         yes=[(Q, {"host": 10})], no=[Q, (Q, {"host": 8})])
selector("NetmaskGroupRule destination", "NetmaskGroupRule('fd53::/64', false)", yes=[(Q, {"ipv6": True})], no=[Q])
selector("NetmaskGroupRule group", "(function() local group = newNMG() group:addMask(net4 .. '9/32') "
         "local rule = NetmaskGroupRule(group) group:addMask(net4 .. '10/32') return rule end)()",
         yes=[Q], no=[(Q, {"host": 10})])
selector("NetmaskGroupRule bare", "net4 .. '9'", yes=[Q], no=[(Q, {"host": 10})])
selector("NetmaskGroupRule table", "{net4 .. '9/32', 'www.test'}", yes=[query("other.test")], no=[(Q, {"host": 10})])
selector("QNameSuffixRule table", "{'b.test', 'c.test'}", yes=[query("x.b.test")], no=[Q])
selector("TimedIPSetRule", "(function() local set = TimedIPSetRule() set:add(newCA(net4 .. '9'), 86400) "
         "set:add(newCA(net6 .. '9'), 86400) return set:slice() end)()", yes=[Q, (Q, {"ipv6": True})],
         no=[(Q, {"host": 10}), (Q, {"ipv6": True, "host": 10})])
selector("TimedIPSetRule expired", "(function() local set = TimedIPSetRule() set:add(newCA(net4 .. '9'), 0) "
         "return set:slice() end)()", no=[Q])
series("MaxQPSIPRule", "addAction(MaxQPSIPRule(2), %s)" % REFUSE,
       [forwarded(), forwarded(), refused(), forwarded(host=10), forwarded(ipv6=True), forwarded(ipv6=True, host=10),
        refused(ipv6=True, host=11), forwarded(after=1200), forwarded(), refused()])
series("MaxQPSIPRule masks and burst", "addAction(MaxQPSIPRule(1, 24, 128, 3), %s)" % REFUSE,
       [forwarded(), forwarded(host=10), forwarded(host=11), refused(host=12),
        forwarded(ipv6=True), forwarded(ipv6=True), forwarded(ipv6=True), refused(ipv6=True),
        forwarded(ipv6=True, host=10)])
series("MaxQPSRule", "addAction(MaxQPSRule(2), %s)" % REFUSE,
       [refused(), refused(host=10), forwarded(), refused(after=1200), refused(), forwarded()])
series("MaxQPSRule burst", "addAction(MaxQPSRule(1, 3), %s)" % REFUSE,
       [refused(), refused(), refused(), forwarded()])
selector("ProbaRule always", "ProbaRule(1.0)", yes=[Q] * 5)
selector("ProbaRule never", "ProbaRule(0.0)", no=[Q] * 5)
for wanted, yes, no in (("'t'", ["red.test", "empty.test"], ["w.test"]),
                        ("'t', 'red'", ["red.test"], ["empty.test", "w.test"]),
                        ("'t', ''", ["empty.test"], ["red.test", "w.test"])):
    MATCHED.add("TagRule")
    MISSED.add("TagRule")
    row("TagRule " + wanted, """addAction(QNameRule('red.test'), SetTagAction('t', 'red'))
        addAction(QNameRule('empty.test'), SetTagAction('t', ''))
        addAction(TagRule(%s), %s)""" % (wanted, REFUSE),
        *map(refused, map(query, yes)), *map(forwarded, map(query, no)))
selector("RCodeRule", "RCodeRule(DNSRCode.NXDOMAIN)", yes=[query(rcode=3)], no=[Q])
response_selector("RCodeRule response", "RCodeRule(DNSRCode.NXDOMAIN)", yes=[(Q, response(Q, rcode=3))],
                  no=[(Q, A300), (Q, response(Q, rcode=2))])
DO = query(do=True)
response_selector("ERCodeRule", "ERCodeRule(DNSRCode.BADVERS)", yes=[(DO, response(DO, rcode=16))],
                  no=[(DO, response(DO)), (Q, A300)])
selector("RecordsCountRule questions", "RecordsCountRule(DNSSection.Question, 1, 1)", yes=[Q])
selector("RecordsCountRule additional", "RecordsCountRule(DNSSection.Additional, 1, 2)", yes=[DO], no=[Q])
TWO = response(Q, "www.test 300 A 192.0.2.7", "www.test 300 A 192.0.2.8", authority=["test 300 NS ns.example"])
response_selector("RecordsCountRule response", "RecordsCountRule(DNSSection.Answer, 2, 3)", yes=[(Q, TWO)],
                  no=[(Q, A300), (Q, response(Q))])
response_selector("RecordsTypeCountRule", "RecordsTypeCountRule(DNSSection.Authority, DNSQType.NS, 1, 1)",
                  yes=[(Q, TWO)], no=[(Q, A300)])
selector("RegexRule", "RegexRule('w\\\\.te')", yes=[Q, query("xWW.TEST")], no=[query("test"), query("wte.test")])
selector("RegexRule anchors", "RegexRule('^w+\\\\.test$')", yes=[Q, query("W.test")], no=[query("a.www.test")])
selector("RE2Rule", "RE2Rule('w+\\\\.test')", yes=[Q], no=[query("WWW.test"), query("a.www.test")])
selector("TCPRule", "TCPRule(false)", yes=[Q])
selector("TCPRule", "TCPRule(true)", no=[Q])
selector("DSTPortRule", "DSTPortRule(5300)", yes=[(Q, {"port": 5300})], no=[Q])
for word, bounds in (("equal", "26"), ("greater", "26"), ("greaterOrEqual", "26"), ("smaller", "26"),
                     ("smallerOrEqual", "26")):
    three = [query("ww.test"), Q, query("wwww.test")]  # of 25, 26 and 27 bytes
    yes = [size for size, one in zip((25, 26, 27), three) if {
        "equal": size == 26, "greater": size > 26, "greaterOrEqual": size >= 26, "smaller": size < 26,
        "smallerOrEqual": size <= 26}[word]]
    selector("PayloadSizeRule " + word, "PayloadSizeRule('%s', 26)" % word, yes=[three[size - 25] for size in yes],
             no=[three[size - 25] for size in (25, 26, 27) if size not in yes])
selector("TrailingDataRule", "TrailingDataRule()", yes=[query(tail=b"x"), query(edns=True, tail=b"\0")],
         no=[Q, query(edns=True)])
selector("PoolAvailableRule", "PoolAvailableRule('other')", yes=[Q])
selector("PoolAvailableRule default", "PoolAvailableRule('')", yes=[Q])
selector("PoolAvailableRule down", "PoolAvailableRule('down')", no=[Q])
selector("PoolAvailableRule empty", "PoolAvailableRule('nobody')", no=[Q])
series("PoolOutstandingRule", """addAction(PoolOutstandingRule('busy', 1), %s)
    newServer({address = '10.53.0.54:5355', pool = 'busy'})
    addAction(AllRule(), PoolAction('busy'))""" % REFUSE,
       [forwarded(to=("10.53.0.54", 5355)), forwarded(to=("10.53.0.54", 5355)), refused(),
        forwarded(to=("10.53.0.54", 5355), after=3000)])
selector("LuaRule", "LuaRule(function(dq) return dq.qtype == DNSQType.AAAA end)", yes=[query(qtype="AAAA")], no=[Q])
selector("LuaRule error", "LuaRule(function() error('meant') end)", no=[Q])
selector("LuaRule nothing", "LuaRule(function() end)", no=[Q])
selector("LuaFFIRule", "LuaFFIRule(function(dq) return require('ffi').C.dnsdist_ffi_dnsquestion_get_qtype(dq) == 28 "
         "end)", yes=[query(qtype="AAAA")], no=[Q])

# ---- actions ----

ALL = "addAction(AllRule(), %s)\n"
THEN_REFUSE = ALL % REFUSE
EDNS = query(edns=True)
THREAD = "[[ local C = require('ffi').C return function(%s) %s end ]]"
selector("LuaFFIPerThreadRule", "LuaFFIPerThreadRule(%s)"
         % THREAD % ("dq", "return C.dnsdist_ffi_dnsquestion_get_qtype(dq) == DNSQType.AAAA"),
         yes=[query(qtype="AAAA")], no=[Q])
selector("LuaFFIPerThreadRule error", "LuaFFIPerThreadRule(%s)" % THREAD % ("", "error('meant')"), no=[Q])
selector("IncomingProtocolRule", "IncomingProtocolRule('DoUDP')", yes=[Q])
selector("IncomingProtocolRule", "IncomingProtocolRule('DoTCP')", no=[Q])

row("AllowAction", "addAction(QNameRule('www.test'), AllowAction())" + THEN_REFUSE, forwarded(), refused(query("x.test")))
row("DropAction", ALL % "DropAction()" + THEN_REFUSE, dropped(), dropped(DO))
row("NoneAction", ALL % "NoneAction()" + THEN_REFUSE, refused())
row("ContinueAction drop", ALL % "ContinueAction(DropAction())", forwarded())
row("ContinueAction pool", ALL % "ContinueAction(PoolAction('other'))" + "addAction(QNameRule('x.test'), %s)" % REFUSE,
    forwarded(to=OTHER), refused(query("x.test")))
row("ContinueAction answer", ALL % "ContinueAction(RCodeAction(DNSRCode.NXDOMAIN))"
    + ALL % "SetExtendedDNSErrorAction(15, 'blocked')",
    answered(EDNS, own(rcode=3, options=[extended_error(15, "blocked")])))
row("ContinueAction allow", ALL % "ContinueAction(AllowAction())" + THEN_REFUSE, refused())
for code, name in ((0, "NOERROR"), (2, "SERVFAIL"), (3, "NXDOMAIN"), (4, "NOTIMP"), (5, "REFUSED")):
    row("RCodeAction " + name, ALL % "RCodeAction(DNSRCode.%s)" % name,
        answered(Q, own(rcode=code)), answered(query(flags="CD AD"), own(rcode=code)),
        answered(query(do=True, options=[option(10, b"cookie!!")], flags="RD CD"), own(rcode=code)),
        answered(query(opcode=4, qtype="SOA"), own(rcode=code)), answered(query(tail=b"tail"), own(rcode=code)))
row("RCodeAction self-answered", ALL % REFUSE + """addSelfAnsweredResponseAction(
    AndRule({NetmaskGroupRule(networks), QNameRule('x.test')}), DropResponseAction())""",
    refused(), dropped(query("x.test")))
row("RCodeAction options", ALL % "RCodeAction(DNSRCode.NXDOMAIN, {aa = true, ad = true, ra = false})",
    answered(Q, own(rcode=3, flags="AA AD", ra=False)))
row("RCodeAction more options", ALL % "RCodeAction(3, {aa = false, ra = true, ttl = 5})",
    answered(query(flags=""), own(rcode=3, ra=True)))
row("ERCodeAction", ALL % "ERCodeAction(DNSRCode.BADVERS)", answered(query(version=1), own(rcode=16)))
row("SpoofAction", ALL % "SpoofAction('192.0.2.1')", answered(Q, own("www.test 60 A 192.0.2.1")),
    forwarded(query(qtype="AAAA")), forwarded(query(qtype="HTTPS")),
    answered(DO, own("www.test 60 A 192.0.2.1")), answered(query(qtype="ANY"), own("www.test 60 A 192.0.2.1")))
row("SpoofAction any", ALL % "SpoofAction({'192.0.2.1', '2001:db8::1'})",
    answered(query(qtype="ANY"), [own(*pair) for pair in (
        ("www.test 60 A 192.0.2.1", "www.test 60 AAAA 2001:db8::1"),
        ("www.test 60 AAAA 2001:db8::1", "www.test 60 A 192.0.2.1"))]))
row("SpoofAction several", ALL % "SpoofAction({'192.0.2.1', '2001:db8::1', '192.0.2.2'}, {ttl = 9, aa = true})",
    answered(Q, [own("www.test 9 A 192.0.2.%d" % first, "www.test 9 A 192.0.2.%d" % (3 - first), flags="AA")
                 for first in (1, 2)]),
    answered(query(qtype="AAAA"), own("www.test 9 AAAA 2001:db8::1", flags="AA")))
row("SpoofCNAMEAction", ALL % "SpoofCNAMEAction('portal.example')",
    answered(Q, own("www.test 60 CNAME portal.example.")),
    answered(query(qtype="MX", edns=True), own("www.test 60 CNAME portal.example.")))
row("SpoofRawAction", ALL % "SpoofRawAction('\\003abc\\002de', {ttl = 7})",
    answered(query(qtype="TXT"), own('www.test 7 TXT "abc" "de"')))
row("SpoofRawAction several", ALL % "SpoofRawAction({'\\003abc', '\\001d'}, {typeForAny = DNSQType.TXT})",
    *[answered(query(qtype=kind), [own('www.test 60 TXT "abc"', 'www.test 60 TXT "d"'),
                                   own('www.test 60 TXT "d"', 'www.test 60 TXT "abc"')])
      for kind in ("TXT", "ANY")])
row("SpoofSVCAction", ALL % """SpoofSVCAction({newSVCRecordParameters(1, 'dot.test.',
      {mandatory = {'port'}, alpn = {'dot'}, noDefaultAlpn = true, port = 853, ipv4hint = {'192.0.2.1'},
       ipv6hint = {'2001:db8::1'}, key7 = '/q{?dns}'})}, {ttl = 9, aa = true})""",
    *[answered(query(qtype=kind), own('www.test 9 %s 1 dot.test. mandatory=port alpn=dot no-default-alpn port=853 '
                                      'ipv4hint=192.0.2.1 ipv6hint=2001:db8::1 key7="/q{?dns}"' % kind, flags="AA"))
      for kind in ("SVCB", "HTTPS")])
CANNED = response(query("canned.example"), "canned.example 5 A 192.0.2.5")
row("SpoofPacketAction", ALL % ("SpoofPacketAction('%s', %d)" % (
    "".join("\\%03d" % byte for byte in CANNED.to_wire()), len(CANNED.to_wire()))),
    answered(Q, response(Q, "www.test 5 A 192.0.2.5")))
SOA = "zone.example 30 SOA ns.one. mail.two. 1 2 3 4 5"
NEGATIVE = "NegativeAndSOAAction(%s, 'zone.example', 30, 'ns.one', 'mail.two', 1, 2, 3, 4, 5%s)"
row("NegativeAndSOAAction", ALL % NEGATIVE % ("true", ""), answered(Q, own(rcode=3, additional=[SOA])),
    answered(DO, own(rcode=3, additional=[SOA])))
row("NegativeAndSOAAction authority", ALL % NEGATIVE % ("false", ", {soaInAuthoritySection = true, aa = true}"),
    answered(EDNS, own(authority=[SOA], flags="AA")))
row("PoolAction", ALL % "PoolAction('other')" + THEN_REFUSE, forwarded(to=OTHER), forwarded(DO, to=OTHER))
row("PoolAction goes on", ALL % "PoolAction('other', false)" + "addAction(QNameRule('x.test'), %s)" % REFUSE,
    forwarded(to=OTHER), refused(query("x.test")))
row("PoolAction no server", ALL % "PoolAction('down')",
    answered(Q, own(rcode=2, ra=False)), answered(DO, own(rcode=2, ra=False)))
row("PoolAction no pool", ALL % "PoolAction('nobody')", answered(Q, own(rcode=2, ra=False)))
row("PoolAction no server, self-answered", ALL % "PoolAction('nobody')" + """addSelfAnsweredResponseAction(
    NetmaskGroupRule(networks), DropResponseAction())""", dropped())
row("QPSAction", ALL % "QPSAction(2)", forwarded(), forwarded(host=10), dropped(), forwarded(after=1200))
row("QPSPoolAction", ALL % "QPSPoolAction(2, 'other')" + "addAction(QNameRule('x.test'), %s)" % REFUSE,
    forwarded(query("x.test"), to=OTHER), forwarded(to=OTHER), forwarded(), refused(query("x.test")))
row("QPSPoolAction goes on", ALL % "QPSPoolAction(1, 'other', false)" + "addAction(QNameRule('x.test'), %s)" % REFUSE,
    forwarded(to=OTHER), forwarded(), refused(query("x.test")))
row("TCAction", ALL % "TCAction()", answered(Q, own(flags="TC")), answered(query(do=True, flags="CD"), own(flags="TC")))
row("SetNoRecurseAction", ALL % "SetNoRecurseAction()" + "addAction(QNameRule('x.test'), %s)" % REFUSE,
    forwarded(edits={"flags": ""}), answered(query("x.test"), own(rcode=5, ra=False)),
    passed(Q, response(Q, flags="QR RA"), response(Q, flags="QR RD RA"), {"flags": ""}))
row("SetDisableValidationAction", ALL % "SetDisableValidationAction()", forwarded(edits={"flags": "RD CD"}),
    passed(Q, response(Q, flags="QR RD RA CD"), response(Q), {"flags": "RD CD"}))
SAY = "addAction(LuaRule(function(dq) return %s end), " + REFUSE + ")"
row("SetSkipCacheAction", SAY % "dq.skipCache" + "addAction(QNameRule('x.test'), SetSkipCacheAction())"
    + SAY % "dq.skipCache", refused(query("x.test")), forwarded())
row("SetTempFailureCacheTTLAction", SAY % "dq.tempFailureTTL == 7"
    + "addAction(QNameRule('x.test'), SetTempFailureCacheTTLAction(7))" + SAY % "dq.tempFailureTTL == 7",
    refused(query("x.test")), forwarded())
MANY = ("www.test 300 CNAME x.test.", "x.test 30 A 192.0.2.7")
row("SetMaxReturnedTTLAction", ALL % "SetMaxReturnedTTLAction(60)",
    passed(Q, response(Q, *MANY), response(Q, "www.test 60 CNAME x.test.", MANY[1])),
    passed(DO, response(DO, *MANY), response(DO, "www.test 60 CNAME x.test.", MANY[1])))
row("SetTagAction", ALL % "SetTagAction('t', 'one')" + ALL % "SetTagAction('t', 'two')"
    + "addAction(TagRule('t', 'two'), %s)" % REFUSE, refused())
row("SetTagAction response", ALL % "SetTagAction('t', 'one')" + "addResponseAction(TagRule('t', 'one'), "
    "DropResponseAction())", passed(Q, A300, None))
row("UnsetTagAction", ALL % "SetTagAction('t', '1')" + "addAction(QNameRule('x.test'), UnsetTagAction('t'))"
    + ALL % "UnsetTagAction('never')" + "addAction(TagRule('t'), %s)" % REFUSE, refused(), forwarded(query("x.test")))
BLOCKED = extended_error(15, "blocked")
row("SetExtendedDNSErrorAction", ALL % "SetExtendedDNSErrorAction(15, 'blocked')"
    + "addAction(QNameRule('x.test'), %s)" % REFUSE,
    answered(query("x.test", edns=True), own(rcode=5, options=[BLOCKED])), refused(query("x.test")),
    passed(Q, A300, A300), passed(DO, response(DO, *MANY), response(DO, *MANY, options=[BLOCKED])),
    passed(DO, response(DO, options=[option(3, b"n")]), response(DO, options=[option(3, b"n"), BLOCKED])))
row("SetExtendedDNSErrorAction several", ALL % "SetExtendedDNSErrorAction(15, 'one')"
    + ALL % "SetExtendedDNSErrorAction(17, '', false)" + ALL % REFUSE,
    answered(EDNS, own(rcode=5, options=[extended_error(15, "one"), extended_error(17)])))
row("SetExtendedDNSErrorAction clear", ALL % "SetExtendedDNSErrorAction(15, 'one')"
    + ALL % "SetExtendedDNSErrorAction(17)" + ALL % REFUSE,
    answered(EDNS, own(rcode=5, options=[extended_error(17)])))
HELLO = option(65001, b"hello")
row("SetEDNSOptionAction", ALL % "SetEDNSOptionAction(65001, 'hello')" + "addAction(QNameRule('x.test'), %s)" % REFUSE,
    forwarded(edits={"options": [HELLO], "size": 512}), forwarded(DO, edits={"options": [HELLO]}),
    forwarded(query(options=[HELLO]), edits={"options": [HELLO]}),
    forwarded(query(options=[option(65001, b"x"), option(3)]), edits={"options": [option(3), HELLO]}),
    passed(Q, response(Q, *MANY, edns=True), response(Q, *MANY), {"options": [HELLO], "size": 512}),
    passed(DO, response(DO, *MANY), response(DO, *MANY), {"options": [HELLO]}),
    refused(query("x.test")), refused(query("x.test", edns=True)))
row("LogAction", ALL % "LogAction('/dev/null')" + ALL % "LogAction('/dev/null', false, true, true, false, true)"
    + "addAction(QNameRule('x.test'), %s)" % REFUSE, forwarded(), forwarded(DO), refused(query("x.test")))


def lua(result, text="", body=""):
    return ALL % "LuaAction(function(dq) %s return %s%s end)" % (body, result, text and ", " + text)


SOFT = THEN_REFUSE  # what follows a result that goes on
for word, outcome in (("Drop", dropped()), ("Nxdomain", answered(EDNS, own(rcode=3, ra=False))), ("Refused", answered(Q, own(rcode=5, ra=False))),
                      ("Allow", forwarded()), ("HeaderModify", forwarded()),
                      ("ServFail", answered(Q, own(rcode=2, ra=False))), ("None", refused()), ("NoOp", refused()),
                      ("NoRecurse", forwarded(edits={"flags": ""})), ("Truncate", answered(Q, own(flags="TC")))):
    row("LuaAction " + word, lua("DNSAction." + word) + SOFT, outcome)
row("LuaAction error", lua("DNSAction.Allow", body="error('meant')"), answered(Q, own(rcode=2, ra=False)))
row("LuaAction nothing", ALL % "LuaAction(function() end)", answered(Q, own(rcode=2, ra=False)))
row("LuaAction no number", lua("'Allow'"), answered(Q, own(rcode=2, ra=False)))
row("LuaAction Pool", lua("DNSAction.Pool", "'other'") + SOFT, forwarded(to=OTHER))
row("LuaAction Spoof", lua("DNSAction.Spoof", "'192.0.2.1,2001:db8::1'"),
    answered(Q, own("www.test 60 A 192.0.2.1")), answered(query(qtype="AAAA"), own("www.test 60 AAAA 2001:db8::1")),
    answered(query(qtype="MX", edns=True), own()))
row("LuaAction Spoof name", lua("DNSAction.Spoof", "'portal.example'"),
    answered(Q, own("www.test 60 CNAME portal.example.")))
row("LuaAction SpoofRaw", lua("DNSAction.SpoofRaw", "'\\192\\000\\002\\001'"),
    answered(Q, own("www.test 60 A 192.0.2.1")))
row("LuaAction SpoofPacket", lua("DNSAction.SpoofPacket", "'%s'" % "".join(
    "\\%03d" % byte for byte in CANNED.to_wire())), answered(Q, response(Q, "www.test 5 A 192.0.2.5")))
row("LuaAction answer", lua("DNSAction.HeaderModify", body="dq.rcode = DNSRCode.NXDOMAIN dq.dh:setQR(true)"),
    *[answered(one, own(rcode=3, ra=False)) for one in (Q, DO, query(flags="CD", options=[option(10, b"cookie!!")]))])
row("LuaAction setContent", lua("DNSAction.HeaderModify", body="dq:setContent('%s')" % "".join(
    "\\%03d" % byte for byte in CANNED.to_wire())), answered(query("canned.example"), CANNED))
row("LuaAction spoof", lua("DNSAction.HeaderModify", body="dq:spoof({newCA('192.0.2.1')})"),
    answered(Q, own("www.test 60 A 192.0.2.1")), answered(query(qtype="AAAA"), own()))
row("LuaFFIAction", """local C = require('ffi').C
    addAction(AllRule(), LuaFFIAction(function(dq)
      C.dnsdist_ffi_dnsquestion_set_result(dq, 'other', 5)
      return DNSAction.Pool
    end))""", forwarded(to=OTHER))
row("LuaFFIPerThreadAction", ALL % ("LuaFFIPerThreadAction(%s)" % THREAD % ("dq", """
      C.dnsdist_ffi_dnsquestion_set_result(dq, 'other', 5)
      return DNSAction.Pool""")), forwarded(to=OTHER))
row("LuaFFIPerThreadAction string", ALL % ("LuaFFIPerThreadAction(%s)" % THREAD % (
    "dq", "return DNSAction.Spoof, '192.0.2.1'")), answered(Q, own("www.test 60 A 192.0.2.1")))
row("LuaFFIPerThreadAction error", ALL % ("LuaFFIPerThreadAction(%s)" % THREAD % ("", "error('meant')")),
    answered(Q, own(rcode=2, ra=False)))
row("LuaFFIAction error", ALL % "LuaFFIAction(function() error('meant') end)", answered(Q, own(rcode=2, ra=False)))

# ---- response actions ----

RALL = "addResponseAction(AllRule(), %s)\n"
THEN_DROP = RALL % "DropResponseAction()"
row("AllowResponseAction", RALL % "AllowResponseAction()" + THEN_DROP, passed(Q, A300, A300))
row("DropResponseAction", THEN_DROP, passed(Q, A300, None))
row("TCResponseAction", RALL % "TCResponseAction()" + THEN_DROP,
    passed(Q, response(Q, *MANY), response(Q, flags="QR RD RA TC")),
    passed(DO, response(DO, *MANY, rcode=3), response(DO, rcode=3, flags="QR RD RA TC")))
row("ClearRecordTypesResponseAction", RALL % "ClearRecordTypesResponseAction({DNSQType.AAAA, DNSQType.NS})",
    passed(Q, response(Q, "www.test 300 AAAA 2001:db8::1", *MANY, authority=["test 300 NS ns.test."],
                       additional=["ns.test 300 AAAA 2001:db8::2", "ns.test 300 A 192.0.2.2"]),
           response(Q, *MANY, additional=["ns.test 300 A 192.0.2.2"])),
    passed(DO, response(DO, "www.test 300 AAAA 2001:db8::1", "www.test 300 HTTPS 1 . alpn=h2"),
           response(DO, "www.test 300 HTTPS 1 . alpn=h2")))
row("ClearRecordTypesResponseAction one", RALL % "ClearRecordTypesResponseAction(DNSQType.A)",
    passed(Q, response(Q, *MANY), response(Q, MANY[0])))
for name, action, made in (
        ("LimitTTLResponseAction", "LimitTTLResponseAction(50, 200)", (200, 50)),
        ("LimitTTLResponseAction min", "LimitTTLResponseAction(50)", (300, 50)),
        ("LimitTTLResponseAction types", "LimitTTLResponseAction(0, 9, {DNSQType.A})", (300, 9)),
        ("SetMinTTLResponseAction", "SetMinTTLResponseAction(100)", (300, 100)),
        ("SetMaxTTLResponseAction", "SetMaxTTLResponseAction(20)", (20, 20)),
        ("SetReducedTTLResponseAction", "SetReducedTTLResponseAction(50)", (150, 15)),
        ("SetMaxReturnedTTLResponseAction", "SetMaxReturnedTTLResponseAction(60)", (60, 30))):
    got = ("www.test %d CNAME x.test." % made[0], "x.test %d A 192.0.2.7" % made[1])
    row(name, RALL % action + "addResponseAction(QNameRule('x.test'), DropResponseAction())",
        passed(Q, response(Q, *MANY), response(Q, *got)), passed(DO, response(DO, *MANY), response(DO, *got)),
        passed(query("x.test"), response(query("x.test")), None))
RSAY = "addResponseAction(LuaRule(function(dr) return %s end), DropResponseAction())"
row("SetSkipCacheResponseAction", RSAY % "dr.skipCache"
    + "addResponseAction(QNameRule('x.test'), SetSkipCacheResponseAction())" + RSAY % "dr.skipCache",
    passed(Q, A300, A300), passed(query("x.test"), response(query("x.test")), None))
row("SetTagResponseAction", RALL % "SetTagResponseAction('t', 'one')"
    + "addResponseAction(TagRule('t', 'one'), DropResponseAction())", passed(Q, A300, None))
row("UnsetTagResponseAction", ALL % "SetTagAction('t', '')" + RALL % "UnsetTagResponseAction('t')"
    + "addResponseAction(TagRule('t'), DropResponseAction())", passed(Q, A300, A300))
row("SetExtendedDNSErrorResponseAction", RALL % "SetExtendedDNSErrorResponseAction(15, 'blocked')"
    + "addResponseAction(QNameRule('x.test'), DropResponseAction())",
    passed(Q, A300, A300), passed(DO, response(DO, *MANY), response(DO, *MANY, options=[BLOCKED])),
    passed(query("x.test"), response(query("x.test")), None))
row("SetEDNSOptionResponseAction", RALL % "SetEDNSOptionResponseAction(65001, 'hello')",
    passed(DO, response(DO, *MANY), response(DO, *MANY, options=[HELLO])))
row("LogResponseAction", RALL % "LogResponseAction('/dev/null')"
    + "addResponseAction(QNameRule('x.test'), DropResponseAction())",
    passed(Q, A300, A300), passed(query("x.test"), response(query("x.test")), None))


def rlua(result, body=""):
    return RALL % "LuaResponseAction(function(dr) %s return %s end)" % (body, result)


for word, got in (("Allow", A300), ("Drop", None), ("HeaderModify", A300),
                  ("ServFail", edited_rcode := response(Q, "www.test 300 A 192.0.2.7", rcode=2)), ("None", None),
                  ("Truncate", response(Q, flags="QR RD RA TC"))):
    row("LuaResponseAction " + word, rlua("DNSResponseAction." + word) + THEN_DROP, passed(Q, A300, got))
row("LuaResponseAction error", rlua("0", "error('meant')"), passed(Q, A300, edited_rcode))
row("LuaResponseAction editTTLs", rlua("DNSResponseAction.Allow", "dr:editTTLs(function(s, c, t, ttl) "
                                       "return t == DNSQType.A and ttl + 1 or ttl end)"),
    passed(Q, A300, response(Q, "www.test 301 A 192.0.2.7")))
row("LuaFFIResponseAction", "local C = require('ffi').C\n" + RALL % """LuaFFIResponseAction(function(dr)
      C.dnsdist_ffi_dnsresponse_set_max_ttl(dr, 7)
      return DNSResponseAction.Allow
    end)""" + THEN_DROP, passed(Q, A300, response(Q, "www.test 7 A 192.0.2.7")))
row("LuaFFIPerThreadResponseAction", RALL % ("LuaFFIPerThreadResponseAction(%s)" % THREAD % ("dr", """
      C.dnsdist_ffi_dnsresponse_set_max_ttl(dr, 7)
      return DNSResponseAction.Allow""")) + THEN_DROP, passed(Q, A300, response(Q, "www.test 7 A 192.0.2.7")))
row("LuaFFIPerThreadResponseAction error", RALL % ("LuaFFIPerThreadResponseAction(%s)" % THREAD % (
    "", "error('meant')")), passed(Q, A300, edited_rcode))
row("LuaFFIResponseAction error", RALL % "LuaFFIResponseAction(function() error('meant') end)",
    passed(Q, A300, edited_rcode))

# ---- settings of answers made here ----

SIZE = {"settings": "setPayloadSizeOnSelfGeneratedAnswers(4000)"}
NO_OPT = {"settings": "setAddEDNSToSelfGeneratedResponses(false)"}


def sized(asked, flags="QR RD RA"):
    made = response(asked, rcode=0, edns=False, flags=flags)
    made.use_edns(0, asked.ednsflags & dns.flags.DO, 4000)
    made.set_rcode(5)
    return made


row("setPayloadSizeOnSelfGeneratedAnswers", THEN_REFUSE, refused(), answered(DO, sized(DO)), **SIZE)
row("setPayloadSizeOnSelfGeneratedAnswers Lua", lua("DNSAction.Refused"), answered(DO, sized(DO, "QR RD")), **SIZE)
row("setPayloadSizeOnSelfGeneratedAnswers forwarded", "", passed(DO, response(DO, *MANY), response(DO, *MANY)), **SIZE)
BARE = response(DO, rcode=5, edns=False)
row("setAddEDNSToSelfGeneratedResponses", THEN_REFUSE, refused(), answered(DO, BARE),
    answered(query(options=[HELLO]), BARE), **NO_OPT)
row("setAddEDNSToSelfGeneratedResponses header", lua("DNSAction.HeaderModify", body="dq.rcode = 5 dq.dh:setQR(true)"),
    answered(DO, response(DO, rcode=5, edns=False, flags="QR RD")), **NO_OPT)
row("setAddEDNSToSelfGeneratedResponses forwarded", "", passed(DO, response(DO, *MANY), response(DO, *MANY)), **NO_OPT)
CUT = {"flags": "QR RD RA TC"}
row("truncateTC", "", passed(Q, response(Q, *MANY, **CUT), response(Q, *MANY, **CUT)))
row("truncateTC true", "", passed(Q, response(Q, *MANY, **CUT), response(Q, **CUT)),
    passed(DO, response(DO, *MANY, authority=["test 300 NS ns.test."], rcode=3, **CUT), response(DO, rcode=3, **CUT)),
    passed(DO, response(DO, *MANY), response(DO, *MANY)), settings="truncateTC(true)")
row("truncateTC EDNS", "", passed(DO, response(DO, *MANY, **CUT), response(DO, edns=False, **CUT)),
    settings="truncateTC(true) setAddEDNSToSelfGeneratedResponses(false)")
EMPTY = bytes.fromhex("123401000000000000000000")
NO_QUESTION = answered(EMPTY, bytes.fromhex("123481040000000000000000"))
row("setDropEmptyQueries", "", NO_QUESTION)
row("setDropEmptyQueries true", "", dropped(EMPTY), settings="setDropEmptyQueries(true)")
row("setDropEmptyQueries false", "", NO_QUESTION, settings="setDropEmptyQueries(false)")
