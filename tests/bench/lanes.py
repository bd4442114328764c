# SPDX-License-Identifier: BSD-2-Clause
"""The lanes of the benchmark: who runs in each, and how a run becomes a figure."""
import os
import re
import statistics
import subprocess
from collections import namedtuple

import capture
import lab

Contestant = namedtuple("Contestant", "name run")

REFUSED = "addAction(AllRule(), RCodeAction(DNSRCode.REFUSED))\n"
LUA = "addAction(AllRule(), LuaAction(function(dq) return DNSAction.Refused end))\n"
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


def load(bench, device, *more):
    """Our generator against whoever has the other end."""
    command = [bench.path("loadgen"), *bench.eal("0@1", device), "--", "--from", lab.CLIENT, "--to",
               lab.SERVER, "--mac", lab.MAC, "--seconds", str(bench.seconds), *more]
    return lab.values(lab.run(command))


def checked(figures):
    """Of a Sluice that was to refuse everything."""
    if figures.get("rcode5", 0) != figures["received"] or figures["strange"] != 0:
        raise lab.Failure(f"not every answer was REFUSED: {figures}")
    return {key: figures.get(key) for key in ("rate", "lost", "p50_us", "p99_us")}


def testpmd(bench, device):
    command = ["dpdk-testpmd", *bench.eal("0@0,1@0", device), "--", "--forward-mode=5tswap",
               "--auto-start", "--burst=64"]
    # It ends when its input does; its output is held back until then.
    process = bench.start(command, "testpmd.log", stdin=subprocess.PIPE)
    lab.wait_for("testpmd", 30, lambda: os.path.exists(bench.path("memif.sock")) or
                 process.poll() is not None)
    if process.poll() is not None:
        raise lab.Failure("testpmd did not start:\n" + bench.log("testpmd.log"))
    return process


def replay(bench):
    """Queries out of a capture, as many as go, on CPU 1; what came back in a second."""
    capture.write(bench.path("queries.pcap"), lab.CLIENT, lab.SERVER, lab.MAC)
    pcap = f"--vdev=net_pcap0,rx_pcap={bench.path('queries.pcap')},infinite_rx=1"
    command = ["timeout", "--signal=INT", str(bench.seconds + 4), "dpdk-testpmd",
               *bench.eal("0@1,1@1", bench.memif("client")), pcap, "--", "--forward-mode=io",
               "--auto-start", "--burst=64", "--total-num-mbufs=32768", "--stats-period", "1"]
    process = bench.start(command, "generator.log")
    process.wait(bench.seconds + 30)
    bench.running.remove(process)
    text = bench.log("generator.log")
    rates = [int(rate) for rate in re.findall(
        r"NIC statistics for port 0 .*?Rx-pps: +([0-9]+)", text, re.DOTALL)]
    # The first second is the start's; the last may not be a whole one.
    if len(rates) < 3:
        raise lab.Failure("the generator did not run:\n" + text[-2000:])
    return statistics.median(rates[1:])


class Memif:
    """Queries from a capture, replayed by testpmd on CPU 1 over memif to CPU 0, and back."""
    limit = "testpmd 5tswap"

    def swap(self, bench):
        process = testpmd(bench, bench.memif("server"))
        rate = replay(bench)
        bench.stop(process)
        return {"rate": rate}

    def sluice(self, bench, policy):
        process = bench.sluice(policy, bench.memif("server"))
        rate = replay(bench)
        counters = bench.metrics()
        answers = float(counters['sluice_responses_total{port="edge",kind="self"}'])
        if answers == 0 or float(counters["sluice_rule_refused_total"]) < answers:
            raise lab.Failure("not every answer was REFUSED")
        bench.stop(process)
        return {"rate": rate}


class Rule(Memif):
    name, title = "rule", "REFUSED by a native rule, over memif"

    def contestants(self, bench):
        yield Contestant(self.limit, lambda: self.swap(bench))
        yield Contestant("Sluice", lambda: self.sluice(bench, REFUSED))


class Lua(Memif):
    name, title = "lua", "REFUSED by a LuaAction on the control lcore, over memif; worker and control share CPU 0"

    def contestants(self, bench):
        yield Contestant(self.limit, lambda: self.swap(bench))
        yield Contestant("Sluice, native rule", lambda: self.sluice(bench, REFUSED))
        yield Contestant("Sluice, LuaAction", lambda: self.sluice(bench, LUA))


class Async(Memif):
    name = "async"
    title = "every query suspended, a filter asked over unix sockets, answered as it says"
    limit = "bare ping-pong"
    window = "512"

    def filter(self, bench):
        process = bench.start(["taskset", "-c", "1", bench.path("filter"), bench.path("filter.sock"),
                               bench.path("verdicts.sock")], "filter.log")
        lab.wait_for("the filter", 5, lambda: "filter: ready" in bench.log("filter.log"))
        return process

    def pingpong(self, bench):
        process = self.filter(bench)
        figures = lab.values(lab.run(["taskset", "-c", "0", bench.path("pingpong"), bench.path("filter.sock"),
                                      bench.path("verdicts.sock"), str(bench.seconds), self.window]))
        bench.stop(process)
        return figures

    def suspended(self, bench):
        process = self.filter(bench)
        sluice = bench.sluice(ASYNC, bench.memif("server"))
        figures = checked(load(bench, bench.memif("client"), "--window", self.window, "--yield"))
        counters = bench.metrics()
        ended = float(counters["sluice_async_answered_total"])
        if ended != float(counters["sluice_async_suspended_total"]):
            raise lab.Failure(f"suspended {counters['sluice_async_suspended_total']}, answered {ended:.0f}")
        bench.stop(sluice)
        bench.stop(process)
        return figures

    def contestants(self, bench):
        yield Contestant(self.limit, lambda: self.pingpong(bench))
        yield Contestant("Sluice", lambda: self.suspended(bench))


class Veth:
    name, title = "veth", "REFUSED by a native rule, over veth and af_packet, dnsperf on CPU 1"
    limit = "Sluice"

    def dnsperf(self, bench, client):
        queries = bench.path("queries")
        with open(queries, "w", encoding="ascii") as file:
            file.writelines(f"h{i}.bench.test A\n" for i in range(10000))
        text = lab.run(["ip", "netns", "exec", client, "taskset", "-c", "1", "dnsperf", "-s", lab.SERVER, "-d",
                        queries, "-l", str(bench.seconds), "-q", "1000", "-c", "8", "-T", "1", "-t", "2"])
        number = {key: float(re.search(pattern, text).group(1)) for key, pattern in (
            ("rate", r"Queries per second: +([0-9.]+)"), ("lost", r"Queries lost: +([0-9]+)"))}
        if "REFUSED" not in text:
            raise lab.Failure("dnsperf saw no REFUSED:\n" + text)
        return number

    def sluice(self, bench):
        client, server = bench.pair()
        process = bench.sluice(REFUSED, "net_af_packet0,iface=e0", server)
        figures = self.dnsperf(bench, client)
        bench.stop(process)
        return figures

    def contestants(self, bench):
        yield Contestant("Sluice", lambda: self.sluice(bench))
        if bench.peer == "dnsdist":
            import peer
            yield Contestant("dnsdist", lambda: peer.dnsdist(bench, REFUSED, self.dnsperf))


ALL = [Rule(), Lua(), Async(), Veth()]
