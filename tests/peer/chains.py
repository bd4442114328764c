# SPDX-License-Identifier: BSD-2-Clause
"""Scenarios of rule chains and what is shown of them, of tags, and of rates."""
from steps import Scenario, Step, ask, edit, lua, pause, query, value, values

UUIDS = ["00000000-0000-4000-8000-00000000000%d" % i for i in range(1, 6)]
# Of each chain: what its functions have in their names, how rules are added, and actions.
QUERY_CHAINS = ("", "CacheMiss")
RESPONSE_CHAINS = ("Response", "CacheHitResponse", "CacheInsertedResponse", "SelfAnsweredResponse", "TimeoutResponse",
                   "XFRResponse")
BACKEND = "newServer('10.53.0.53:53')\n"


def rules(chain):
    """Rules of all kinds in a chain, named and not."""
    response = chain.endswith("Response")
    one = "SetTagResponseAction('a', 'b')" if response else "SetTagAction('a', 'b')"
    two = "DropResponseAction()" if response else "RCodeAction(DNSRCode.REFUSED)"
    return """
add%(chain)sAction(QNameRule('one.test'), %(one)s, {name='first', uuid='%(id0)s'})
add%(chain)sAction({'two.test', 'three.test'}, %(two)s)
add%(chain)sAction(AndRule({QTypeRule(DNSQType.TXT), NotRule(TCPRule(true))}), %(two)s, {uuid='%(id1)s'})
add%(chain)sAction('10.60.7.0/24', %(one)s)
add%(chain)sAction(QNameSuffixRule({'a.very.long.name.example.', 'another.very.long.name.example.'}), %(one)s, {name='long'})
""" % {"chain": chain, "one": one, "two": two, "id0": UUIDS[0], "id1": UUIDS[1]}


def shown(chain):
    show, ids = "show%sRules" % chain, ("{showUUIDs=true}", "{truncateRuleWidth=20}", "{showUUIDs=true, truncateRuleWidth=10}")
    return [lua("%s(%s)" % (show, options)) for options in ("", *ids)]


def edits(chain):
    """All functions of a chain, one after the other, and the chain after each."""
    show = lua("show%sRules()" % chain)
    get = "get%sRule" % chain
    add = "addAction" if not chain else "add%sAction" % chain
    action = "DropResponseAction()" if chain.endswith("Response") else "DropAction()"
    steps = [*shown(chain), *values(
        *("%s(%s) ~= nil and %s(%s):getSelector():toString()" % (get, which, get, which)
          for which in ("0", "4", "'first'", "'%s'" % UUIDS[1], "9", "'nobody'")),
        "%s(0):getAction() ~= nil" % get, "%s(0):getSelector():getMatches()" % get),
        value("%s('one.test', %s)" % (add, action)), show]
    for change in ("mv%sRuleToTop()", "mv%sRule(0, 3)", "mv%sRule(4, 1)", "mv%sRule(2, 2)", "mv%sRule(0, 6)", "mv%sRule(9, 1)",
                 "mv%sRule(1, 9)", "rm%sRule(1)", "rm%sRule('long')", "rm%sRule('" + UUIDS[1] + "')", "rm%sRule('nobody')",
                 "rm%sRule(17)"):
        steps += [edit(change % chain), show]
    top = "Rules" if not chain else chain + "Rules"
    steps += [lua("top%s()" % top), lua("top%s(1)" % top), lua("top%s(2, {showUUIDs=true})" % top), value("#getTop%s()" % top),
              value("#getTop%s(1)" % top), value("clear%sRules()" % chain), show]
    return steps


SET = """
setRules({newRuleAction(QNameRule('a.test'), SpoofAction('192.0.2.1'), {name='n'}), newRuleAction('b.test', DropAction())})
"""
MATCHED = [
    *[ask(name) for name in ("a.test", "b.test", "a.test")], lua("showRules()"), lua("topRules()"), lua("topRules(1)"),
    *values("getRule(0):getSelector():getMatches()", "getTopRules()[1]:getSelector():toString()", "#getTopRules(5)"),
    value("setRules({newRuleAction('c.test', SpoofAction('192.0.2.3'))})"), ask("c.test"), lua("showRules()"),
    value("makeRule('10.0.0.0/8'):toString()"), value("makeRule({'a.test', 'b.test'}):toString()"),
    value("makeRule('a.test'):toString()"), value("makeRule(QTypeRule('A')):toString()"), value("newRuleAction('x.test', DropAction()) ~= nil"),
]
TAGS = BACKEND + """
seen = {}
function said() local s = table.concat(seen, ', ') seen = {} return s end
local function sorted(tags) local k = {} for n, v in pairs(tags) do k[#k + 1] = n .. '=' .. v end table.sort(k) return table.concat(k, ' ') end
addAction(AllRule(), SetTagAction('a', '1'))
addAction(QNameSuffixRule('two.test'), SetTagAction('a', '2'))
addAction(QNameSuffixRule('two.test'), SetTagAction('b', ''))
addAction(QNameSuffixRule('unset.test'), UnsetTagAction('a'))
addAction(QNameSuffixRule('lua.test'), LuaAction(function(dq) dq:setTag('l', 'x') dq:setTagArray({m='y', n='z'}) dq:unsetTag('a')
  seen[#seen + 1] = 'get ' .. tostring(dq:getTag('l')) .. '|' .. tostring(dq:getTag('none')) return DNSAction.None end))
addAction(AndRule({TagRule('a', '2'), QNameSuffixRule('answer.two.test')}), SpoofAction('192.0.2.22'))
addAction(AndRule({TagRule('b'), QNameSuffixRule('empty.two.test')}), SpoofAction('192.0.2.23'))
addAction(AndRule({TagRule('none'), QNameSuffixRule('never.test')}), SpoofAction('192.0.2.24'))
addResponseAction(AllRule(), SetTagResponseAction('r', '1'))
addResponseAction(AllRule(), LuaResponseAction(function(dr) seen[#seen + 1] = sorted(dr:getTagArray()) return DNSResponseAction.None end))
addSelfAnsweredResponseAction(AllRule(), LuaResponseAction(function(dr) seen[#seen + 1] = 'self ' .. sorted(dr:getTagArray()) return DNSResponseAction.None end))
"""
TAGGED = [step for name in ("one.test", "two.test", "unset.test", "lua.test", "answer.two.test", "empty.two.test", "never.test")
          for step in (ask(name), value("said()"))]


def rate(name, count, client="10.60.0.1"):
    """How many of so many queries in a burst are answered, to one in fifty."""
    def do(world, program):
        return str(world.burst([query("%s%d.test" % (name, i), "A", "RD", False, False, 0, ()) for i in range(count)], client))

    def same(a, b):
        return abs(int(a) - int(b)) <= max(2, count / 50)
    return Step("rate %s from %s" % (name, client), do, same)


TIMED = BACKEND + """
timed = TimedIPSetRule()
addAction(timed:slice(), RCodeAction(DNSRCode.REFUSED))
other = TimedIPSetRule()
addAction(AndRule({other:slice(), QTypeRule('AAAA')}), SpoofAction('2001:db8::7'))
"""
BOTH = [step for name, client in (("a.test", "10.60.0.1"), ("b.test", "10.60.0.2"), ("c.test", "fd60::1"))
        for step in (ask(name, client=client), ask(name, "AAAA", client=client))]


def renamed(prefix, steps):
    """The same steps once more."""
    return [Step(prefix + step.title, step.do, step.same) for step in steps]


TIMES = [
    *BOTH, edit("timed:add(newCA('10.60.0.1'), 2)"), edit("timed:add(newCA('fd60::1'), 60)"), edit("other:add(newCA('10.60.0.2'), 60)"),
    *renamed("added: ", BOTH), pause(2.2), *renamed("later: ", BOTH), value("timed:cleanup()"), *renamed("cleaned: ", BOTH),
    edit("timed:add(newCA('10.60.0.2'), 60)"), edit("timed:add(newCA('10.60.0.2'), 1)"), *renamed("shortened: ", BOTH), pause(1.2),
    *renamed("over: ", BOTH), edit("timed:clear()"), *renamed("cleared: ", BOTH), lua("showRules()"),
]
RESTARTED = BACKEND + """
newServer({address='10.53.0.54:53', pool='second'})
seen = {}
function said() local s = table.concat(seen, ', ') seen = {} return s end
local function sorted(tags) local k = {} for n, v in pairs(tags) do k[#k + 1] = n .. '=' .. v end table.sort(k) return table.concat(k, ' ') end
addAction(AllRule(), SetTagAction('before', '1'))
addAction(AllRule(), LuaAction(function(dq) dq:setRestartable() dq:setTag('restartable', 'x') return DNSAction.None end))
addAction(AllRule(), SetTagAction('after', '2'))
addResponseAction(QNameSuffixRule('again.test'), LuaResponseAction(function(dr)
  seen[#seen + 1] = dr.pool .. ' ' .. dr:getRestartCount() .. ' ' .. sorted(dr:getTagArray())
  if dr:getRestartCount() < 2 then dr:setTag('round', tostring(dr:getRestartCount())) dr.pool = 'second' dr:restart() end
  return DNSResponseAction.None end))
addResponseAction(TagRule('round', '1'), SetMaxTTLResponseAction(7))
addResponseAction(QNameSuffixRule('unset.again.test'), UnsetTagResponseAction('before'))
"""
MANY = BACKEND + """
for i = 1, 1500 do
  addAction(QNameRule('exact' .. i .. '.test'), SpoofAction('192.0.2.' .. i % 250))
  addAction('suffix' .. i .. '.test', RCodeAction(i % 2 == 0 and DNSRCode.REFUSED or DNSRCode.NXDOMAIN))
end
for i = 1, 200 do
  addAction(AndRule({QTypeRule(i), NetmaskGroupRule('10.60.' .. i .. '.0/24')}), SpoofRawAction('abcd'))
  addAction(RegexRule('^re' .. i .. '[a-z]+\\\\.'), SetTagAction('re', tostring(i)))
end
addAction(TagRule('re', '77'), SpoofAction('192.0.2.77'))
for i = 1, 300 do addResponseAction(QNameSuffixRule('ttl' .. i .. 'x.test'), SetMaxTTLResponseAction(i)) end
local names = newSuffixMatchNode()
for i = 1, 3000 do names:add('listed' .. i .. '.test.') end
addAction(SuffixMatchNodeRule(names), SpoofAction('192.0.2.88'))
addAction(AndRule({QNameSuffixRule('exact7.test'), QTypeRule('TXT')}), SpoofRawAction('never'))
"""
CHOSEN = [ask(name, kind, client=client) for name, kind, client in (
    ("exact1.test", "A", "10.60.0.1"), ("exact1500.test", "A", "10.60.0.1"), ("x.exact1.test", "A", "10.60.0.1"), ("EXACT7.Test", "TXT", "10.60.0.1"),
    ("exact9.test", "AAAA", "10.60.0.1"), ("suffix1.test", "A", "10.60.0.1"), ("a.suffix1500.test", "A", "10.60.0.1"),
    ("asuffix1500.test", "A", "10.60.0.1"), ("none.test", "TXT", "10.60.16.9"), ("none.test", "TXT", "10.60.17.9"), ("re77abc.test", "A", "10.60.0.1"),
    ("re78abc.test", "A", "10.60.0.1"), ("re77.test", "A", "10.60.0.1"), ("a.ttl12x.test", "A", "10.60.0.1"), ("ttl299x.test", "A", "10.60.0.1"),
    ("b.listed3000.test", "A", "10.60.0.1"), ("listed3001.test", "A", "10.60.0.1"))]
RATES = BACKEND + """
addAction(QNameSuffixRule({'warm.test'}), SpoofAction('192.0.2.1'))
addAction(AndRule({MaxQPSIPRule(20), RegexRule('^ip')}), DropAction())
addAction(AndRule({RegexRule('^all'), NotRule(MaxQPSRule(30))}), DropAction())
addAction(RegexRule('^action'), QPSAction(25))
addAction(AndRule({RegexRule('^net'), MaxQPSIPRule(15, 24, 56)}), DropAction())
addAction(AllRule(), SpoofAction('192.0.2.9'))
"""
LIMITED = [rate("all", 100), rate("action", 100)]
SCENARIOS = [
    *[Scenario("chain " + (chain or "query"), BACKEND + rules(chain), *edits(chain)) for chain in QUERY_CHAINS + RESPONSE_CHAINS],
    Scenario("chain counters", BACKEND + SET, *MATCHED),
    Scenario("tags", TAGS, *TAGGED),
    Scenario("timed set", TIMED, *TIMES),
    Scenario("tags restarted", RESTARTED, *[step for name in ("a.again.test", "unset.again.test", "a.test") for step in (ask(name), value("said()"))]),
    Scenario("many rules", MANY, *CHOSEN, lua("topRules(4)"), value("#getTopRules(5000)"),
             *values("getRule(2999):getSelector():toString()", "getRule(3400):getSelector():toString()", "getRule(9999)"),
             lua("mvRuleToTop()"), *renamed("moved: ", CHOSEN[:4]), lua("showRules({truncateRuleWidth=30})")),
    Scenario("rates", RATES, *LIMITED),
    Scenario("rates by client", RATES, rate("ip", 100), rate("ip", 100, client="10.60.0.2")),
    Scenario("rates by network", RATES, rate("net", 19), rate("net", 60, client="10.60.3.9")),
]
