# SPDX-License-Identifier: BSD-2-Clause
"""Where Sluice is meant to do something else than dnsdist 2.1, by the names of rows, and why."""
MORE = "Sluice takes what dnsdist does not"
POINTERS = "the same records, with the names in them compressed where dnsdist writes them anew"
COMPRESSED = "dnsdist leaves an answer as it is when a record's data has compressed names"
QUESTION = "the question becomes the query's, or the client would not take the answer"
PAYLOAD = "dnsdist announces 1,500 bytes at most, as that is its receive buffer"
TIME = "a rate recovers while nothing comes back, which only a clock shows"
DIFFERENCES = {
    "a public resolver": TIME,
    "QNameRule DNSName": MORE,
    "LimitTTLResponseAction min": MORE,
    "LuaFFIPerThreadAction string": MORE,
    "PoolAvailableRule empty": "dnsdist drops queries whose rule asks for a pool that is not there",
    "PoolAction no pool": "dnsdist drops queries for a pool that is not there",
    "PoolOutstandingRule": "its pool's server is at a port without a socket here, and so is down",
    "SpoofSVCAction": "without the addresses in the additional section, and RA is as RD",
    "SpoofPacketAction": QUESTION,
    "LuaAction SpoofPacket": QUESTION,
    "SetExtendedDNSErrorAction": POINTERS,
    "SetExtendedDNSErrorResponseAction": POINTERS,
    "SetEDNSOptionResponseAction": POINTERS,
    "SetEDNSOptionAction": "an answer made here has no OPT where the client had none: RFC 6891, section 7",
    "ClearRecordTypesResponseAction": COMPRESSED,
    "ClearRecordTypesResponseAction one": COMPRESSED,
    "setPayloadSizeOnSelfGeneratedAnswers": PAYLOAD,
    "setPayloadSizeOnSelfGeneratedAnswers Lua": PAYLOAD,
}


def reason(name):
    return DIFFERENCES.get(name)


# Steps of scenarios: how the name of the scenario begins, and what is done.
NO_TTL = "what has no TTL left is not put in, as it is gone at once; dnsdist counts it as an entry"
COUNT = "Lua gets the count, which the console prints; dnsdist prints a sentence"
NOTHING = "nil where dnsdist gives an object with nothing in it"
ABSENT = "it is for what is not here, and matches and does nothing"
LONG = "truncated if it is too long for its client or for one packet, when it comes as when it is in the cache"
NEWER = "newer than the dnsdist that is compared with"
HASH = "names are hashed with another function: each name has a server of its own here, too"
EXACT = "dnsdist leaves so many in each shard"
PLACES = "the places that rules have in the chain, which functions take, and equals in that order; dnsdist counts lines"
MARKED = "checks are marked as queries are, so that they test the same way"
UDP_FIRST = "what came over TCP is asked over UDP first, and over TCP if the answer is truncated"
ENDLESS = "a query is asked sixteen times more at most, where dnsdist goes on for ever"
UNREAD = "dnsdist keeps what it has not read to its end, or cannot"
CASE = "the question has the client's letters, or the client would not take the answer"
ONE_QUESTION = "dnsdist takes an answer with two questions, and keeps it"
CONNECTION = "a connection that is kept serves the next client; dnsdist has one that is another client's and opens no more"
UNSEEN = "dnsdist does not look at what an answer over TCP is an answer to"
# The words of poison.py that spoil an answer so.
UNREADABLE = ("moreanswers", "manyanswers", "moreadditional", "manyauthority", "trailing", "twoopts", "optnamed", "loop", "forward",
              "longdata", "cut", "longname", "otheropcode", "twoquestions")
STEPS = [
    ("cache life bounds", "pc:getStats().entries", None),
    ("cache life", "pc:getStats().entries", NO_TTL),
    ("cache object", "pc", MORE),
    ("cache object", "pc:printStats()", MORE),
    ("cache object", "getPool(''):getCache():printStats()", MORE),
    ("cache object", "(function() local k = {} for n, v in pairs(pc:getStats())...", MORE),
    ("cache object", "pc:dump(...", COUNT),
    ("cache object", "(function() local k = {} for l in io.lines(...", "a first line of its own, and responses if they are wanted"),
    ("cache object", "pc:expungeByName(...", COUNT),
    ("cache object", "pc:expunge(...", EXACT),
    ("cache object", "left: pc:getStats().entries", EXACT),
    ("cache object", "getPool(''):getCache()", NOTHING),
    ("server objects", "getServer(0).upStatus", "it is what isUp() says, whatever the mode"),
    ("server objects", "getServer('none')", NOTHING),
    ("server objects", "getServer(0):canAcceptQueries(true)", NEWER),
    ("server objects", "getServer(2):canAcceptQueries(false)", NEWER),
    ("server objects", "#getPoolServers('new')", MORE),
    ("policy objects", "mine.ffipolicy", NOTHING),
    ("choice chashed", "choices ...", HASH),
    ("choice whashed", "choices ...", HASH),
    ("outstanding", "choices ...", NEWER),
    *[("chain", "get%sRule(9)..." % chain, NOTHING) for chain in (
        "", "CacheMiss", "Response", "CacheHitResponse", "CacheInsertedResponse", "SelfAnsweredResponse", "TimeoutResponse",
        "XFRResponse")],
    ("cache large", "ask many40.test A RD from...", LONG),
    ("cache large", "ask many90.test A RD from...", LONG),
    ("cache large", "ask many90.test A RD EDNS 4096...", LONG),
    ("cache large", "again: ask many90.test A RD EDNS 4096...", LONG),
    ("many rules", "getRule(9999)...", NOTHING),
    ("many rules", "topRules(4)", PLACES),
    ("many rules", "showRules...", "a large set is shown by its size"),
    ("timed set", "showRules()", "of a set that changes its size is not shown"),
    ("sent dscp", "how server...", MARKED),
    ("sent proxy tcpOnly", "came...", None),
    *[("sent proxy tcp", "came %s..." % name, UDP_FIRST) for name in ("a.test", "a.values", "a.six", "tcudp", "more.values")],
    *[("sent tcp", "came %s A from 10.60.0.1 over TCP" % name, UDP_FIRST) for name in ("a.test", "tcudp.test", "many60.test", "silent.test")],
    ("sent tcp", "came many60.test A from 10.60.0.1", LONG),
    ("answers tcp", "ask tcudp...", UDP_FIRST),
    ("answers tcp", "ask many90.tcudp...", UDP_FIRST),
    ("options maxConcurrentTCPConnections", "ask b...", CONNECTION),
    ("options maxConcurrentTCPConnections", "ask c...", CONNECTION),
    *[("answers large", "ask many%d.test A RD%s from..." % (count, edns), LONG) for edns, counts in (
        ("", (31, 60, 90)), (" EDNS 512", (30, 31, 60, 90)), (" EDNS 513", (30, 31, 60, 90)), (" EDNS 1232", (90,)),
        (" EDNS 1452", (90,)), (" EDNS 4096", (90,)), (" EDNS 0", (60,)), (" EDNS 100", (60,)), (" EDNS 511", (60,)), (" DO", (40,)))
      for count in counts],
    ("answers large", "ask many40.extra5...", LONG),
    ("answers large", "ask many60.tc...", LONG),
    ("restarts without end", "came...", ENDLESS),
    ("poison edns", "again: ask feweranswers...", UNREAD),
    ("poison edns", "again: ask afteropt...", UNREAD),
    ("poison edns", "again: ask unaskedopt...", UNREAD),
    ("poison tcp", "ask othercase...", CASE),
    *[("poison tcp", "ask %s.a.test..." % one, UNSEEN) for one in ("othername", "othertype", "otherclass", "noquestion", "onlyheader",
                                                           "twoquestions", "noqr", "cutname")],
    ("poison", "ask othercase...", CASE),
    ("poison", "ask twoquestions...", ONE_QUESTION),
    *[("poison", "again: ask %s.a.test..." % one, UNREAD) for one in UNREADABLE],
    ("poison", "pc:getStats().entries", UNREAD),
    ("texts selectors", "HTTP...", ABSENT),
    ("texts selectors", "SNIRule...", ABSENT),
    ("texts selectors", "TimedIPSetRule...", MORE),
    ("texts actions", "unset: showRules()", "a quote that is missing in dnsdist"),
    ("texts actions", "SpoofPacketAction: showRules()", MORE),
    ("texts response actions", "unset: showResponseRules()", "a quote that is missing in dnsdist"),
]


def of_step(scenario, title):
    """Why a step is to differ, or None. A title that ends in "..." is how it begins."""
    for name, begin, why in STEPS:
        if scenario.startswith(name) and (title == begin or begin.endswith("...") and title.startswith(begin[:-3])):
            return why
    return None
