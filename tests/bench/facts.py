# SPDX-License-Identifier: BSD-2-Clause
"""What has no limit beside it: times, sizes and shares, each held against what it ought to be."""
import os
import re
import signal
import threading
import time
from collections import namedtuple

import lab
import lanes

# `most`: not to be exceeded; None: there is no aim. `digits` behind the point.
Fact = namedtuple("Fact", "what value unit most digits", defaults=[None, 0])
RELOAD_S, IDLE_S, LONE_S = 100, 5, 10
OPENING_S, CROWD_S = 12, 4  # until so many wait; how long is looked at them then
SUSPENDED_MAX = 1000000
WINDOW = "2000"  # queries on their way: the rings of a memif have room for so many answers
# Something of everything: answers by rules and Lua, and a cache that is too small for what is asked.
MIXED = f"""
newServer({{address = '{lab.BACKEND}', healthCheckMode = 'up'}})
getPool(''):setCache(newPacketCache(50000))
local n = 0
addAction(AndRule{{ProbaRule(0.1)}}, LuaAction(function(dq)
  n = n + 1
  return n % 2 == 0 and DNSAction.Refused or DNSAction.None, ''
end))
addAction(ProbaRule(0.1), SpoofAction('192.0.2.1'))
"""

# What a filter holds, by ids of Sluice's own: there are more than DNS has.
CROWD = """
local filter, verdicts = newNetworkEndpoint('@/filter.sock'), newNetworkListener()
verdicts:addUnixListeningEndpoint('@/verdicts.sock', 0, function(_, id)
  local suspended = sluice.suspended(tonumber(id))
  suspended:setRCode(DNSRCode.REFUSED, true)
  suspended:resume()
end)
verdicts:start()
addAction(AllRule(), LuaAction(function(dq)
  filter:send(tostring(sluice.suspend(dq, {timeout = 60000})))
  return DNSAction.Allow
end))
"""


def seconds_used(process):
    """CPU time of each thread of a process, to the nanosecond."""
    found = {}
    for thread in os.listdir(f"/proc/{process.pid}/task"):
        with open(f"/proc/{process.pid}/task/{thread}/comm", encoding="ascii") as file:
            name = file.read().strip()
        with open(f"/proc/{process.pid}/task/{thread}/schedstat", encoding="ascii") as file:
            found[thread, name] = int(file.read().split()[0]) / 1e9
    return found


def resident(process):
    """KiB of memory that are not hugepages."""
    with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1))


class Start:
    name, title = "start", f"from the start with a list of {lanes.LISTED:,} names until `sluice: ready`, and a reload under load"

    def facts(self, bench, options):
        lanes.listed(bench)
        before = time.monotonic()
        process = bench.sluice(lanes.LISTED_POLICY, bench.memif("server", "start"), name="start")
        ready = time.monotonic() - before
        device = bench.memif("client", "start")
        most = lanes.load(bench, device, "--seconds", "2", "--window", WINDOW)["rate"]
        with open(bench.path("listed.txt"), "a", encoding="ascii") as file:
            file.write("one.more.test\n")  # or there would be nothing to read anew
        generator = bench.start(lanes.load_command(bench, device, "--seconds", str(RELOAD_S), "--rate", str(int(0.8 * most)),
                                                   "--window", WINDOW), "load.log")
        time.sleep(1)
        before = time.monotonic()
        process.send_signal(signal.SIGHUP)
        lab.wait_for("the reload", RELOAD_S, lambda: self.entries(bench, process) == lanes.LISTED + 1)
        reloaded = time.monotonic() - before
        generator.send_signal(signal.SIGINT)
        generator.wait(10)
        found = lab.values(bench.log("load.log"))
        memory = resident(process) / 1024
        bench.stop(process)
        if generator.returncode != 0 or reloaded > RELOAD_S - 2:
            raise lab.Failure("the load ended before the reload:\n" + bench.log("load.log"))
        return [Fact("until ready", ready, "s", 25, 1), Fact("memory", memory, "MiB"),
                Fact("reload", reloaded, "s", None, 1),
                Fact("share of the maximum rate meanwhile", found["rate"] / most, "", None, 2),
                Fact("queries lost meanwhile", found["lost"] + found["strange"], "of %.0f" % found["sent"], 0),
                Fact("the longest that one waited", found["max_us"] / 1000, "ms", None, 1)]


    def entries(self, bench, process):
        return next(value for key, value in bench.metrics(process).items() if key.startswith("sluice_list_entries{"))


class Idle:
    name, title = "idle", "nothing to do, with `idle: auto`, and a program that does nothing but sleep"
    nap_us = 800  # where the port wakes nobody

    def facts(self, bench, options):
        client, server = bench.pair()

        def veth(*more):
            return lanes.AfPacket().load(bench, client, *more)

        def memif(*more):
            return lanes.load(bench, bench.memif("client", "idle"), *more)

        return [*self.of("veth", bench, veth, lanes.REFUSED, "net_af_packet0,iface=e0", server), *self.echo(bench, veth, server),
                *self.of("memif", bench, memif, lanes.REFUSED, bench.memif("server", "idle")), self.nap(bench)]

    def of(self, port, bench, load, *sluice):
        process = bench.sluice(*sluice, name="idle", control=1)
        time.sleep(1)
        before = seconds_used(process)
        time.sleep(IDLE_S)
        after = seconds_used(process)
        shares = {thread: (after[thread] - before.get(thread, 0)) / IDLE_S for thread in after}
        lone = self.lone(load)
        bench.stop(process)
        worker = sum(share for (_, name), share in shares.items() if "worker" in name)
        return [Fact(f"{port}: CPU of the worker", worker * 100, "%", 2, 2),
                Fact(f"{port}: CPU of all threads", sum(shares.values()) * 100, "%", None, 2),
                Fact(f"{port}: first query after a second of silence, median", lone["p50_us"], "us", 1000),
                Fact(f"{port}: the longest of them", lone["max_us"], "us", 1000)]

    def lone(self, load):
        found = load("--seconds", str(LONE_S), "--window", "1", "--rate", "1")
        if found["lost"] or found["received"] < LONE_S - 2:
            raise lab.Failure(f"queries after a second of silence were lost: {found}")
        return found

    def echo(self, bench, load, space):
        process = bench.start(["ip", "netns", "exec", space, "taskset", "-c", "0", bench.path("idle"), "echo", "e0"], "echo.log")
        lab.wait_for("the echo", 5, lambda: "ready" in bench.log("echo.log"))
        lone = self.lone(load)
        bench.stop(process)
        return [Fact("veth: by a program that sleeps in poll(), median", lone["p50_us"], "us"),
                Fact("veth: the longest of those", lone["max_us"], "us")]

    def nap(self, bench):
        found = lab.values(lab.run(["taskset", "-c", "0", bench.path("idle"), "nap", str(self.nap_us), str(IDLE_S)]))
        return Fact(f"memif: CPU of a program that does nothing but nap for {self.nap_us} us", found["percent"], "%", None, 2)


class Memory:
    name, title = "memory", "what a suspended query has, and what grows in a run of queries of all kinds"

    def facts(self, bench, options):
        return [*self.suspended(bench), *self.growth(bench, options.minutes * 60)]

    def suspended(self, bench):
        sizes = []
        for count in (SUSPENDED_MAX // 2, SUSPENDED_MAX):
            process = bench.sluice(lanes.REFUSED, bench.memif("server", "memory"), name="memory", memory=2048,
                                   settings=f"async: {{max_suspended: {count}}}\n")
            said = re.search(r"memory: (\d+) MiB for (\d+) suspended.*", bench.log("memory.log"))
            sizes.append(int(said.group(1)))
            bench.stop(process)
        print(f"  {said.group(0)}")
        return [Fact("a suspended query more", (sizes[1] - sizes[0]) * 2**20 / (SUSPENDED_MAX // 2), "bytes", 1024)]

    def growth(self, bench, seconds):
        back, its_port = bench.back("growth")
        server = bench.sluice(lanes.SPOOF, name="server", control=1, cpu=1, ports=its_port)
        process = bench.sluice(MIXED, bench.memif("server", "growth"), name="growth", more=back)
        thread = threading.Thread(target=lambda: lanes.load(
            bench, bench.memif("client", "growth"), "--seconds", str(int(seconds)), "--window", "512", "--names", "100000"))
        thread.start()
        time.sleep(seconds * 0.2)
        early = resident(process)
        thread.join()
        late, counters = resident(process), bench.metrics(process)
        bench.stop(process)
        bench.stop(server)
        return [Fact("queries answered", sum(counters[key] for key in (lanes.SELF, lanes.CACHE, lanes.FORWARDED)) / 1e6, "M"),
                Fact("resident at the end", late / 1024, "MiB"),
                Fact(f"more than after a fifth of {seconds / 60:.1f} minutes", late - early, "KiB", 256)]


class Suspended:
    name, title = "suspended", "suspend and resume or expire, beside a thousand suspended and beside a million"
    answered = "sluice_async_answered_total"

    def facts(self, bench, options):
        return [*self.registry(bench), *self.whole(bench)]

    def registry(self, bench):
        rows = [line.split() for line in lab.run([bench.build("bench_async")]).splitlines()[1:]]
        costs = {int(row[0]): [float(value) for value in row[1:]] for row in rows}
        found = []
        for at, what in enumerate(("resumed in order", "resumed in any order", "expired")):
            few, many = costs[1000][at], costs[SUSPENDED_MAX][at]
            found += [Fact(f"{what}, beside a million", many, "ns"),
                      Fact(f"{what}: times what it takes beside a thousand", many / few, "", 1.5, 2)]
        return found

    def whole(self, bench):
        """From query to answer: with Lua, sockets and the packets themselves, on one CPU."""
        few, many = self.crowd(bench, 1000, 0), self.crowd(bench, SUSPENDED_MAX, OPENING_S)
        return [Fact("answered in any order, beside a thousand", few, "a second"),
                Fact("answered in any order, beside a million", many, "a second"),
                Fact("answered: times what it takes beside a thousand", few / many, "", 1.5, 2)]

    def crowd(self, bench, held, opening):
        """Answers a second while a filter holds so many questions and answers one of chance for each that comes."""
        sockets = (bench.path("filter.sock"), bench.path("verdicts.sock"))
        crowd = bench.start(["taskset", "-c", "1", bench.path("crowd"), *sockets, str(held)], "crowd.log")
        lab.wait_for("the filter", 5, lambda: "filter: ready" in bench.log("crowd.log"))
        process = bench.sluice(CROWD, bench.memif("server", "crowd"), name="crowded", memory=2048,
                               settings=f"async: {{max_suspended: {held + 1000}, send_queue: 4096}}\n")
        generator = bench.start(lanes.load_command(
            bench, bench.memif("client", "crowd"), "--seconds", str(opening + CROWD_S + 3), "--window", str(held + 512),
            "--ramp", str(opening), "--patience", "60", "--yield"), "load.log")
        lab.wait_for("the crowd", opening + 20, lambda: bench.metrics(process)["sluice_async_suspended"] >= held)
        time.sleep(1)
        start, before = time.monotonic(), bench.metrics(process)[self.answered]
        time.sleep(CROWD_S)
        rate = (bench.metrics(process)[self.answered] - before) / (time.monotonic() - start)
        generator.wait(60)
        found = lab.values(bench.log("load.log"))
        bench.stop(process)
        bench.stop(crowd)
        if found["lost"] or found["strange"] or found["rcode5"] != found["sent"]:
            raise lab.Failure(f"answers were lost or wrong: {found}")
        return rate


ALL = [Suspended(), Start(), Idle(), Memory()]


def show(fact):
    aim = ""
    if fact.most is not None:
        aim = f"{'met' if fact.value <= fact.most else 'NOT MET'}: at most {fact.most}"
    print(f"    {fact.what:66} {fact.value:12,.{fact.digits}f} {fact.unit:8} {aim}", flush=True)


def measure(lane, bench, options):
    print(f"\n{lane.name}: {lane.title}", flush=True)
    found = lane.facts(bench, options)
    for fact in found:
        show(fact)
    return [fact._asdict() for fact in found]
