# SPDX-License-Identifier: BSD-2-Clause
"""The lanes of the benchmark: who runs in each, and how a turn becomes a figure.

A lane's open() starts whatever is there all the time and returns its contestants, the limit first;
turn() measures once, end() checks and stops what open() started, and may add to what its turns say.
"""
import os
import re
import signal
import sys
import time
from collections import namedtuple

import capture
import lab
import memif
import peer

Contestant = namedtuple("Contestant", "name turn end", defaults=[lambda: None])

REFUSED = "addAction(AllRule(), RCodeAction(DNSRCode.REFUSED))\n"
LUA = "addAction(AllRule(), LuaAction(function(dq) return DNSAction.Refused end))\n"
LUA_SPOOF = "addAction(AllRule(), LuaAction(function(dq) return DNSAction.Spoof, '192.0.2.1' end))\n"
ASYNC = """
filter = newNetworkEndpoint('@/filter.sock')
verdicts = newNetworkListener()
verdicts:addUnixListeningEndpoint('@/verdicts.sock', 0, function(_, id)
  local suspended = getAsynchronousObject(0, tonumber(id))
  suspended:setRCode(DNSRCode.REFUSED, true)
  suspended:resume()
end)
verdicts:start()
addAction(AllRule(), LuaAction(function(dq)
  local content = dq:getContent()
  dq:suspend(0, dq.dh:getID(), 2000)
  filter:send(content)
  return DNSAction.Allow
end))
"""
PER_THREAD = """
addAction(AllRule(), LuaFFIPerThreadAction([[
  local C = require('ffi').C
  return function(dq)
    if C.dnsdist_ffi_dnsquestion_get_qtype(dq) == DNSQType.A then return DNSAction.Refused end
  end
]]))
"""
# A list of names, each second one of those that are asked for.
LISTED = 10000000
LISTED_POLICY = """
addAction(QNameSuffixRule(sluice.loadNames('@/listed.txt')), RCodeAction(DNSRCode.NXDOMAIN))
""" + REFUSED
# One in a hundred has a rule of its own, which takes a millisecond of Lua or none; all else is a native rule's.
ASIDE = "addAction(QNameRule('aside---.bench.test'), %s)\n" + REFUSED
NATIVE = ASIDE % "RCodeAction(DNSRCode.SERVFAIL)"
SLOW = ASIDE % """LuaAction(function()
  local sum = 0
  for i = 1, 1e5 do sum = (sum + i) % 7 end
  return sum < 0 and DNSAction.Drop or DNSAction.Refused
end)"""
# What a cache holds, and whom it asks for it.
NAMES = 1000000
CACHED = f"""
newServer({{address = '{lab.BACKEND}', healthCheckMode = 'up'}})
getPool(''):setCache(newPacketCache({NAMES}))
"""
# Where queries go that some server is to answer: to one, or to a thousand of equal weight.
ONE_SERVER = f"newServer({{address = '{lab.BACKEND}', healthCheckMode = 'up'}})\n"
SERVERS = 1000
MANY_SERVERS = f"""
for i = 1, {SERVERS} do
  newServer({{address = '{lab.BACKEND}:' .. 5300 + i, weight = 100, healthCheckMode = 'up'}})
end
setServerPolicy(%s)
"""
FIVE_SERVERS = f"""
for i = 0, 4 do
  newServer({{address = '{lab.BACKEND}:' .. 5300 + i, weight = 100, checkInterval = 1, checkTimeout = 300, udpTimeout = 1,
    maxCheckFailures = 2, rise = 2, id = '00000000-0000-4000-8000-00000000000' .. i}})
end
setServerPolicy(%s)
"""
VETH_CACHED = f"""
newServer({{address = '{lab.CLIENT}:5300', healthCheckMode = 'up'}})
getPool(''):setCache(newPacketCache(100000))
"""
SPOOF = "setACL('0.0.0.0/0') addAction(AllRule(), SpoofAction('192.0.2.1', {ttl = 86400}))\n"
CACHE = 'sluice_responses_total{port="edge",kind="cache"}'
FORWARDED = 'sluice_responses_total{port="edge",kind="forwarded"}'
ANNOUNCED = "sluice_address_announcements_total"
SELF = 'sluice_responses_total{port="edge",kind="self"}'
NOERROR, REFUSED_CODE = 0, 5


def load_command(bench, device, *more, space=None, under=(), back=()):
    """Our own generator: it looks at every answer. `back`: the device on which it is the name server."""
    return [*(["ip", "netns", "exec", space] if space else []), *under, bench.path("loadgen"),
            *bench.eal("0@1", device, *back), "--", *(["--reflect"] if back else []), "--from", lab.CLIENT, "--to",
            lab.SERVER, "--mac", lab.MAC, *more]


def load(*arguments, **more):
    """Runs it for its time; what it says."""
    return lab.values(lab.run(load_command(*arguments, **more)))


def checked(figures, rcode, may_lose=False):
    """
    Of somebody who was to give every query an answer with this code; only a peer may lose some. Losses
    are a "fault": whether that fails the lane depends on who else was using the CPUs.
    """
    if figures["received"] == 0 or figures.get(f"rcode{rcode}", 0) != figures["received"]:
        raise lab.Failure(f"not every answer had the rcode {rcode}: {figures}")
    seen = {key: figures[key] for key in ("rate", "lost", "p50_us", "p99_us")}
    if not may_lose and (figures["strange"] != 0 or figures["lost"] != 0):
        seen["fault"] = f"answers were lost or wrong: {figures}"
    return seen


def listed(bench):
    """Writes the list, once."""
    if os.path.exists(bench.path("listed.txt")):
        return
    with open(bench.path("listed.txt"), "w", encoding="ascii") as file:
        for first in range(0, 2 * LISTED, 200000):
            file.write("".join(f"{capture.loadgen_label(number)}.bench.test\n" for number in range(first, first + 200000, 2)))


class Memif:
    limit, turns, kind = "testpmd 5tswap", 6, capture.TURNS

    def swap(self, bench):
        process = memif.swap(bench, "swap", bench.memif("server", "swap"))
        pair = memif.Pair(bench, process, "swap", self.kind)

        def end():
            pair.end()
            bench.stop(process)
        return Contestant(self.limit, pair.turn, end)

    def sluice(self, bench, title, name, policy, rcode=REFUSED_CODE):
        process = bench.sluice(policy, bench.memif("server", name), name=name)
        pair = memif.Pair(bench, process, name, self.kind)

        def end():
            received, counters = pair.end(), bench.metrics(process)
            answered, asked = counters[SELF], counters['sluice_queries_total{port="edge"}']
            # Whatever reached the generator was an answer of Sluice's ...
            # (it says once whose its addresses are, too)
            if not 0 < received <= answered + counters[ANNOUNCED]:
                raise lab.Failure(f"{answered:.0f} answers were sent and {received} packets came back")
            # ... and of a second more, each is looked at.
            seen = self.check(load(bench, bench.memif("client", name), "--seconds", "1", "--window", "512",
                                   *(["--edns"] if self.kind.edns else [])), rcode)
            bench.stop(process)
            if "fault" in seen:
                raise lab.Failure(seen["fault"])
            return {"unanswered": asked - answered}
        return Contestant(title, pair.turn, end)


    def check(self, figures, rcode):
        return checked(figures, rcode)


class Rule(Memif):
    name, title = "rule", "REFUSED by a native rule, over memif"

    def open(self, bench):
        return [self.swap(bench), self.sluice(bench, "Sluice", "rule", REFUSED)]


class Spoof(Memif):
    name, title, kind = "spoof", "an address by a native rule, with EDNS, over memif", capture.EDNS

    def open(self, bench):
        return [self.swap(bench), self.sluice(bench, "Sluice", "spoof", SPOOF, NOERROR)]


class PerThread(Memif):
    name, title = "per_thread", "REFUSED by a LuaFFIPerThreadAction, which the worker runs itself, over memif"

    def open(self, bench):
        return [self.swap(bench), self.sluice(bench, "Sluice", "per_thread", PER_THREAD)]


class Names(Memif):
    name, kind = "names", capture.spread_of(2 * LISTED)
    title = f"NXDOMAIN for the names of a set of {LISTED:,}, which every second query asks for, and REFUSED, over memif"

    def check(self, figures, rcode):
        """The load generator's names are those with even numbers and, in turn, the odd ones."""
        if abs(figures["rcode3"] / figures["received"] - 0.5) > 0.01:
            raise lab.Failure(f"not every second name was found: {figures}")
        return checked({**figures, f"rcode{rcode}": figures["rcode3"] + figures["rcode5"]}, rcode)

    def open(self, bench):
        listed(bench)
        return [self.swap(bench), self.sluice(bench, "Sluice", "names", LISTED_POLICY)]


class Lua(Memif):
    name, title = "lua", "answers by a LuaAction on the control lcore, which shares CPU 0 with the worker, over memif"

    def open(self, bench):
        return [self.swap(bench), self.sluice(bench, "Sluice, Refused", "lua", LUA),
                self.sluice(bench, "Sluice, Spoof", "spoof", LUA_SPOOF, NOERROR)]


class Cache(Memif):
    name, kind = "cache", capture.zipf_of(NAMES)
    title = f"hits in a packet cache that was filled with {NAMES:,} responses, names by Zipf's law (exponent 1), over memif"

    def hits(self, bench):
        back, its_port = bench.back("cache")
        server = bench.sluice(SPOOF, name="server", control=1, cpu=1, ports=its_port)
        process = bench.sluice(CACHED, bench.memif("server", "cache"), name="cache", more=back)
        # The names are asked in order, so that those that are asked most come last and stay.
        checked(load(bench, bench.memif("client", "cache"), "--seconds", "60", "--window", "512", "--count", str(NAMES)),
                NOERROR)
        before = bench.mark(process)
        pair = memif.Pair(bench, process, "cache", self.kind)

        def end():
            received, counters = pair.end(), bench.metrics(process)
            answered = counters[CACHE] - before[CACHE]
            hits, misses = (counters[f"dnsdist_cache_{key}"] - before[f"dnsdist_cache_{key}"] for key in ("hits", "misses"))
            if not 0 < received <= answered + misses or hits < 0.97 * (hits + misses):
                raise lab.Failure(f"{received:.0f} packets came back after {hits:.0f} hits and {misses:.0f} misses")
            seen = checked(load(bench, bench.memif("client", "cache"), "--seconds", "1", "--window", "512"), NOERROR)
            bench.stop(process)
            bench.stop(server)
            if "fault" in seen:
                raise lab.Failure(seen["fault"])
            return {"entries": counters['dnsdist_pool_cache_entries{pool="_default_"}'],
                    "missed": misses / (hits + misses) * 1e6}
        return Contestant("Sluice", pair.turn, end)

    def open(self, bench):
        return [self.swap(bench), self.hits(bench)]


class Forward:
    """
    Generator and name server are one program on CPU 1. What that and two memifs leave at most is what testpmd
    gets through that passes packets from one to the other, looking at none of them.
    """
    name, title = "forward", "queries forwarded to a name server on a second memif, and its answers back"
    limit, turns, window = "testpmd 5tswap", 3, "1024"
    policies = (("Sluice", ONE_SERVER),)

    def drive(self, bench, name, *more, back=True):
        return checked(load(bench, bench.memif("client", name), "--seconds", "1", "--window", self.window, *more,
                            back=[bench.back_device(name, "client", lab.BACKEND_MAC)] if back else []), NOERROR)

    def standing(self, bench, title, process, drive, check=lambda: None):
        """Somebody who is there all the time, and stopped unless it is their turn."""
        process.send_signal(signal.SIGSTOP)

        def turn():
            process.send_signal(signal.SIGCONT)
            time.sleep(memif.SETTLE_S)
            figures = drive()
            time.sleep(memif.SETTLE_S)  # until it has seen that its memifs lost their other end
            process.send_signal(signal.SIGSTOP)
            return figures

        def end():
            process.send_signal(signal.SIGCONT)
            check()
            bench.stop(process)
        return Contestant(title, turn, end)

    def swap(self, bench):
        process = memif.swap(bench, "swap", bench.memif("server", "swap"))
        return self.standing(bench, self.limit, process, lambda: self.drive(bench, "swap", "--echo", back=False))

    def bare(self, bench):
        process = memif.passing(bench, "bare", bench.memif("server", "bare"), bench.back_device("bare", "server", lab.BACK_MAC))
        return self.standing(bench, "testpmd io, both ways", process, lambda: self.drive(bench, "bare"))

    def sluice(self, bench, title, policy):
        name = "".join(filter(str.isalnum, title.lower()))  # a comma would end the socket's name for the driver
        back = bench.port("back", bench.back_device(name, "server", lab.BACK_MAC), lab.BACK, lab.BACKEND, lab.BACKEND_MAC)
        process = bench.sluice(policy, bench.memif("server", name), name=name, more=back)

        def check():
            counters = bench.metrics(process)
            asked, answered = (counters[key] for key in ('sluice_queries_total{port="edge"}', FORWARDED))
            if asked != answered:
                raise lab.Failure(f"of {asked:.0f} queries {answered:.0f} were forwarded and answered")
        return self.standing(bench, title, process, lambda: self.drive(bench, name), check)

    def open(self, bench):
        return [self.swap(bench), self.bare(bench), *(self.sluice(bench, *each) for each in self.policies)]


class Servers(Forward):
    name, title = "servers", f"the same with {SERVERS:,} servers to choose from, all behind the second memif"
    policies = (("Sluice, chashed", MANY_SERVERS % "chashed"),
                ("Sluice, leastOutstanding", MANY_SERVERS % "leastOutstanding"))


class Outage:
    """Servers of the generator's own, at a rate that none of them is short of; one dies and comes back."""
    name, rate, title = "outage", 100000, "queries to five name servers, of which one is dead from the third to the fifth second; " \
        "two checks a second apart take it out, two bring it back"
    limit, turns = "none dies, roundrobin", 1
    policies = (("Sluice, roundrobin", FIVE_SERVERS % "roundrobin"),
                ("Sluice, leastOutstanding", FIVE_SERVERS % "leastOutstanding"), ("Sluice, chashed", FIVE_SERVERS % "chashed"))

    def drive(self, bench, policy, dies="2000,5000"):
        back = bench.port("back", bench.back_device("front", "server", lab.BACK_MAC), lab.BACK, lab.BACKEND, lab.BACKEND_MAC)
        process = bench.sluice(policy, bench.memif("server", "front"), name="front", more=back)
        figures = load(bench, bench.memif("client", "front"), "--seconds", "9", "--rate", str(self.rate), "--window", "60000",
                       "--outage", f"5,{dies}", back=[bench.back_device("front", "client", lab.BACKEND_MAC)])
        bench.stop(process)
        seen = {"rate": figures["rate"], **{key: figures[key] for key in (
            "lost", "lost_else", "out_ms", "back_ms", "herd_percent", "share_percent")}}
        # A check and its timeout after the second failed, it is out; two good ones, and it is back.
        late = dies != "0,0" and not (0 < figures["out_ms"] < 2500 and 0 < figures["back_ms"] < 2500)
        if late or figures["lost_else"] != 0 or figures["strange"] != 0 or figures["rcode0"] != figures["received"]:
            seen["fault"] = f"queries were lost that another server could take, or the server was out or back late: {figures}"
        return seen

    def open(self, bench):
        return [Contestant(self.limit, lambda: self.drive(bench, FIVE_SERVERS % "roundrobin", "0,0")),
                *(Contestant(title, lambda policy=policy: self.drive(bench, policy)) for title, policy in self.policies)]


class Isolation:
    name = "isolation"
    title = "REFUSED by a native rule, over memif, beside one in a hundred that asks a slow LuaAction; CPU 1 has the generator and " \
        "the control lcore, or a program that takes as much of it"
    limit, turns = "no Lua, CPU 1 busy", 1
    paced = 500000  # queries a second of the turns whose latency counts

    def drive(self, bench, name):
        """As fast as it goes for the rate, then paced for the latency; before whoever else is on its CPU."""
        first, then = (checked(load(
            bench, bench.memif("client", name), "--seconds", str(bench.seconds), "--window", "512", "--aside", "100",
            "--rate", str(rate), under=("nice", "-n", "-15")), REFUSED_CODE) for rate in (0, self.paced))
        return {**then, "rate": first["rate"]}

    def native(self, bench):
        spinner = bench.start(["taskset", "-c", "1", "sh", "-c", "while :; do :; done"], "spinner.log")
        sluice = bench.sluice(NATIVE, bench.memif("server", "native"), name="native", control=1)
        figures = self.drive(bench, "native")
        bench.stop(sluice)
        bench.stop(spinner)
        return figures

    def slow(self, bench):
        sluice = bench.sluice(SLOW, bench.memif("server", "slow"), name="slow", control=1)
        figures = self.drive(bench, "slow")
        counters = bench.metrics(sluice)
        if counters["sluice_handoff_overflow_total"] == 0:
            raise lab.Failure("the control lcore was not saturated")
        bench.stop(sluice)
        return figures

    def open(self, bench):
        return [Contestant(self.limit, lambda: self.native(bench)),
                Contestant("1 % slow Lua", lambda: self.slow(bench))]


def external_filter(bench, folder=None):
    """The program that is asked, on sockets in a folder, and answers there."""
    sockets = [os.path.join(folder or bench.folder, name) for name in ("filter.sock", "verdicts.sock")]
    process = bench.start(["taskset", "-c", "1", bench.path("filter"), *sockets], "filter.log")
    lab.wait_for("the filter", 5, lambda: "filter: ready" in bench.log("filter.log"))
    return process


class Async:
    name = "async"
    title = "every query suspended, a filter asked over unix sockets, answered as it says, over memif"
    limit, turns = "bare ping-pong", 1
    window = "512"


    def pingpong(self, bench):
        process = external_filter(bench)
        figures = lab.values(lab.run(["taskset", "-c", "0", bench.path("pingpong"), bench.path("filter.sock"),
                                      bench.path("verdicts.sock"), str(bench.seconds), self.window]))
        bench.stop(process)
        return figures

    def suspended(self, bench):
        process = external_filter(bench)
        sluice = bench.sluice(ASYNC, bench.memif("server"))
        figures = checked(load(bench, bench.memif("client"), "--seconds", str(bench.seconds), "--window",
                               self.window, "--yield"), REFUSED_CODE)
        counters = bench.metrics(sluice)
        suspended, answered = (counters[f"sluice_async_{key}_total"] for key in ("suspended", "answered"))
        if answered != suspended or suspended != counters[SELF]:
            raise lab.Failure(f"{suspended:.0f} suspended, {answered:.0f} answered, {counters[SELF]:.0f} sent")
        bench.stop(sluice)
        bench.stop(process)
        return figures

    def open(self, bench):
        return [Contestant(self.limit, lambda: self.pingpong(bench)),
                Contestant("Sluice", lambda: self.suspended(bench))]


class Veth:
    name, title = "veth", "REFUSED by a native rule, over veth and af_packet; dnsperf on CPU 1"
    limit, turns = "Sluice", 1

    def dnsperf(self, bench, client):
        queries = bench.path("queries")
        with open(queries, "w", encoding="ascii") as file:
            file.writelines(f"h{i}.bench.test A\n" for i in range(10000))
        text = lab.run(["ip", "netns", "exec", client, "taskset", "-c", "1", "dnsperf", "-s", lab.SERVER, "-d",
                        queries, "-l", str(bench.seconds), "-q", "1000", "-c", "8", "-T", "1", "-t", "2"])
        number = {key: float(re.search(pattern, text).group(1)) for key, pattern in (
            ("rate", r"Queries per second: +([0-9.]+)"), ("lost", r"Queries lost: +([0-9]+)"),
            ("completed", r"Queries completed: +([0-9]+)"), ("refused", r"REFUSED ([0-9]+)"))}
        if number["refused"] != number["completed"]:
            raise lab.Failure("not every answer was REFUSED:\n" + text)
        return {key: number[key] for key in ("rate", "lost")}

    def sluice(self, bench):
        client, server = bench.pair()
        process = bench.sluice(REFUSED, "net_af_packet0,iface=e0", server)
        figures = self.dnsperf(bench, client)
        bench.stop(process)
        return figures

    def open(self, bench):
        contestants = [Contestant("Sluice", lambda: self.sluice(bench))]
        if bench.peer == "dnsdist" and peer.available():
            contestants.append(Contestant("dnsdist", lambda: peer.dnsdist(bench, REFUSED, self.dnsperf)))
        return contestants


class AfPacket:
    name, title = "af_packet", "REFUSED by a native rule, over veth and af_packet on both ends (dnsdist: its own sockets)"
    limit, turns = "testpmd 5tswap", 1
    policy, rcode = REFUSED, REFUSED_CODE
    ring = ",framesz=2048,blocksz=65536,framecnt=8192,qdisc_bypass=1"

    def load(self, bench, client, *more):
        return load(bench, "net_af_packet0,iface=c0" + self.ring, "--window", "256", "--from", lab.NOBODY, *more, space=client)

    def drive(self, bench, client):
        return self.load(bench, client, "--seconds", str(bench.seconds))

    def swap(self, bench):
        client, server = bench.pair()
        process = memif.swap(bench, "veth", "net_af_packet0,iface=e0" + self.ring, server)
        figures = checked(self.load(bench, client, "--seconds", str(bench.seconds), "--echo"), NOERROR)
        bench.stop(process)
        return figures

    def sluice(self, bench):
        client, server = bench.pair()
        process = bench.sluice(self.policy, "net_af_packet0,iface=e0", server)
        figures = checked(self.drive(bench, client), self.rcode)
        bench.stop(process)
        return figures

    def peer(self, bench, client):
        return checked(self.drive(bench, client), self.rcode, may_lose=True)

    def open(self, bench):
        contestants = [Contestant(self.limit, lambda: self.swap(bench)),
                       Contestant("Sluice", lambda: self.sluice(bench))]
        if bench.peer == "dnsdist" and peer.available():
            contestants.append(Contestant("dnsdist", lambda: peer.dnsdist(bench, self.policy, self.peer)))
        return contestants


class CacheVeth(AfPacket):
    name, title = "cache_veth", "hits in a packet cache, over veth as in af_packet; one policy file for both"
    policy, rcode, names = VETH_CACHED, NOERROR, "10000"
    server = None

    def drive(self, bench, client):
        """Each name once, slowly, so that the name server answers all; then as fast as it goes."""
        self.load(bench, client, "--seconds", "30", "--names", self.names, "--count", self.names, "--rate", "5000")
        return self.load(bench, client, "--seconds", str(bench.seconds), "--names", self.names)

    def open(self, bench):
        client, _ = bench.pair()
        self.server = bench.start(["ip", "netns", "exec", client, "taskset", "-c", "1", sys.executable,
                                   os.path.join(lab.TOP, "tests", "bench", "answers.py"), lab.CLIENT, "5300"], "answers.log")
        contestants = super().open(bench)
        last = contestants[-1]
        return [*contestants[:-1], last._replace(end=lambda: bench.stop(self.server))]


class AsyncVeth(AfPacket):
    name, title = "async_veth", "every query suspended as in async, over veth as in af_packet; one policy file for both"
    limit, policy, window = "bare ping-pong", ASYNC, "256"
    pingpong = Async.pingpong

    def drive(self, bench, client):
        return self.load(bench, client, "--seconds", str(bench.seconds), "--yield")

    def sluice(self, bench):
        process = external_filter(bench)
        figures = super().sluice(bench)
        bench.stop(process)
        return figures

    def dnsdist(self, bench):
        """Its sockets are where it sees them, in the folder that it runs in."""
        folder = peer.inside("tmp/bench")
        process = external_filter(bench, folder)
        figures = peer.dnsdist(bench, self.policy.replace("@", "/tmp/bench"), self.peer)
        bench.stop(process)
        return figures

    def open(self, bench):
        _, *others = super().open(bench)
        return [Contestant(self.limit, lambda: self.pingpong(bench)), *(
            contestant._replace(turn=lambda: self.dnsdist(bench)) if contestant.name == "dnsdist" else contestant
            for contestant in others)]


ALL = [Rule(), Spoof(), Names(), Cache(), Forward(), Servers(), Outage(), Lua(), PerThread(),
       Isolation(), Async(), AsyncVeth(), AfPacket(), CacheVeth(), Veth()]
