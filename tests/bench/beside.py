# SPDX-License-Identifier: BSD-2-Clause
"""What queries over UDP notice of others over TCP: of the code, and of a CPU that the TCP thread shares with the worker."""
import os
import re
import signal
import statistics
import time

import lab
import lanes
from facts import Fact

RATE = 5000  # queries a second of the load
POLICY = "setACL('0.0.0.0/0') addAction('lone.test.', SpoofAction('192.0.2.1')) addAction(AllRule(), RCodeAction(DNSRCode.REFUSED))"
BETWEEN_US = "500"
KEYS = ("p50_us", "p99_us", "p999_us")
THREAD = "sluice-tcp"


def thread_of(process, name):
    """The number of the thread of Sluice, which `ip netns exec` has become, that is called so."""
    for thread in os.listdir(f"/proc/{process.pid}/task"):
        with open(f"/proc/{process.pid}/task/{thread}/comm", encoding="ascii") as file:
            if file.read().strip() == name:
                return int(thread)
    raise lab.Failure(f"there is no thread {name}")


class Load:
    """dnsperf on CPU 1 while what is within it runs; nothing, without a transport."""
    def __init__(self, bench, client, transport):
        self.bench, self.client, self.transport = bench, client, transport

    def __enter__(self):
        if not self.transport:
            return
        queries = self.bench.path("queries")
        with open(queries, "w", encoding="ascii") as file:
            file.writelines(f"h{i}.bench.test A\n" for i in range(10000))
        self.process = self.bench.start(["ip", "netns", "exec", self.client, "taskset", "-c", "1", "dnsperf", "-s", lab.SERVER, "-d",
                                         queries, "-l", "100", "-Q", str(RATE), "-q", "1000", "-c", "20", "-T", "1", "-m", self.transport], "dnsperf.log")
        time.sleep(1)

    def __exit__(self, *_):
        if not self.transport:
            return
        self.bench.stop(self.process, signal.SIGINT)
        rate = float(re.search(r"Queries per second: +([0-9.]+)", self.bench.log("dnsperf.log")).group(1))
        if rate < 0.9 * RATE:
            raise lab.Failure(f"only {rate:.0f} queries a second over {self.transport}")


class Beside:
    name = "tcp"
    title = f"single queries over UDP beside {RATE:,} a second over TCP, and beside as many over UDP; the worker has CPU 0 and polls, all " \
        "else has CPU 1"
    # What runs beside them, over which transport, and on which CPU the TCP thread is.
    turns = (("alone", None, 1), ("beside TCP", "tcp", 1), ("beside as much UDP", "udp", 1),
             ("beside TCP, whose thread is on the worker's CPU", "tcp", 0))

    def turn(self, bench, client, thread, transport, cpu):
        os.sched_setaffinity(thread, {cpu})
        with Load(bench, client, transport):
            figures = lab.values(lab.run(["ip", "netns", "exec", client, "taskset", "-c", "1", bench.path("lone"), lab.SERVER,
                                          str(bench.seconds), BETWEEN_US]))
        if figures["lost"]:
            raise lab.Failure(f"queries were lost: {figures}")
        return figures

    def facts(self, bench, options):
        client, server = bench.pair()
        lab.run(["ip", "-n", server, "addr", "replace", lab.SERVER + "/24", "dev", "e0"])
        lab.run(["ip", "-n", server, "rule", "add", "pref", "1", "ipproto", "udp", "iif", "e0", "blackhole"])
        lab.run(["ip", "-n", server, "rule", "add", "pref", "2", "lookup", "local"])
        lab.run(["ip", "-n", server, "rule", "del", "pref", "0"])
        process = bench.sluice(POLICY, "net_af_packet0,iface=e0" + lanes.AfPacket.ring, server, name="beside", control=1, idle="poll")
        thread, found = thread_of(process, THREAD), {what: [] for what, _, _ in self.turns}
        for _ in range(options.rounds):
            for what, transport, cpu in self.turns:
                found[what].append(self.turn(bench, client, thread, transport, cpu))
        bench.stop(process)
        median = {what: {key: statistics.median(turn[key] for turn in turns) for key in KEYS} for what, turns in found.items()}
        facts = [Fact(f"{what}: {key[:-3]}", median[what][key], "us", None, 1) for what in found for key in KEYS]
        for key in KEYS:
            ratios = [tcp[key] / udp[key] for tcp, udp in zip(found["beside TCP"], found["beside as much UDP"])]
            facts.append(Fact(f"{key[:-3]} beside TCP to that beside UDP: median of {len(ratios)} pairs", statistics.median(ratios), "", None, 2))
            facts += [Fact(f"the {word} of them", pick(ratios), "", None, 2) for word, pick in (("least", min), ("most", max))]
        return facts
