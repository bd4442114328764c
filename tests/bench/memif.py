# SPDX-License-Identifier: BSD-2-Clause
"""Two programs joined by a memif: queries from a capture on CPU 1, whoever answers on CPU 0.

All of a lane's pairs are there at once and all but one are stopped, so that turns can be short: a
fraction of a second, in which the machine hardly ever changes.
"""
import os
import re
import signal
import subprocess
import time

import capture
import lab

SETTLE_S, SLICE_S = 0.05, 0.4


class Generator:
    """dpdk-testpmd that replays the capture as fast as it goes, at its prompt."""

    def __init__(self, bench, name, kind):
        queries = bench.path(f"queries-{kind.name}.pcap")
        if not os.path.exists(queries):
            capture.write(queries, kind, lab.CLIENT, lab.SERVER, lab.MAC)
        room = kind.count  # the whole capture lies in buffers
        self.bench, self.file = bench, f"generator-{name}.log"
        self.process = bench.start(
            ["stdbuf", "-oL", "dpdk-testpmd", *bench.eal("0@1,1@1", bench.memif("client", name)),
             f"--vdev=net_pcap0,rx_pcap={queries},infinite_rx=1", "--", "-i", "--forward-mode=io",
             "--burst=64", f"--mbuf-size={2048 if kind.size > 256 else 512}", f"--total-num-mbufs={32768 + room}"], self.file,
            stdin=subprocess.PIPE)
        self.answered = 0
        lab.wait_for("the generator", 30, lambda: "testpmd>" in bench.log(self.file)
                     or self.process.poll() is not None)
        self.say("start")
        lab.wait_for("the memif to connect", 30, lambda: self.show()["RX-packets"] > 0)

    def say(self, command):
        if self.process.poll() is not None:
            raise lab.Failure("the generator ended:\n" + self.bench.log(self.file)[-2000:])
        self.process.stdin.write(command.encode() + b"\n")
        self.process.stdin.flush()

    def show(self):
        """The counters of the memif, and the rates since they were last shown."""
        self.say("show port stats 0")
        self.answered += 1
        pattern = re.compile(r"NIC statistics for port 0 .*?Rx-pps:.*?\n.*?#{40}", re.DOTALL)
        lab.wait_for("the generator's counters", 20, lambda: len(
            pattern.findall(self.bench.log(self.file))) >= self.answered)
        text = pattern.findall(self.bench.log(self.file))[-1]
        return {key: int(value) for key, value in re.findall(r"(\S+): +([0-9]+)", text)}


class Pair:
    """Somebody who answers, and the generator that asks; stopped unless it is their turn."""

    def __init__(self, bench, answerer, name, kind):
        self.bench, self.answerer = bench, answerer
        self.generator = Generator(bench, name, kind)
        self.signal(signal.SIGSTOP)

    def signal(self, number):
        """The generator stops first and goes on last: nothing is on its way while both stand."""
        both = [self.generator.process, self.answerer]
        for process in both if number == signal.SIGSTOP else reversed(both):
            process.send_signal(number)
            time.sleep(0.005)

    def turn(self):
        """Answers a second that came back to the generator in one slice."""
        self.signal(signal.SIGCONT)
        time.sleep(SETTLE_S)
        self.generator.show()
        time.sleep(SLICE_S)
        rate = self.generator.show()["Rx-pps"]
        self.signal(signal.SIGSTOP)
        return {"rate": rate}

    def end(self):
        """Ends the generator; how many answers it got. The other one goes on."""
        self.signal(signal.SIGCONT)
        self.generator.say("stop")
        lab.wait_for("the generator to stop", 10, lambda: "Accumulated forward" in self.bench.log(
            self.generator.file))
        received = self.generator.show()["RX-packets"]
        self.bench.stop(self.generator.process)
        return received


def testpmd(bench, name, mode, *devices, space=None):
    """testpmd in Sluice's place."""
    log = f"testpmd-{name}.log"
    for path in re.findall("socket=(/[^,]+)", ",".join(devices)):
        if os.path.exists(path):  # of one before it, which left it there
            os.unlink(path)
    process = bench.start([*(["ip", "netns", "exec", space] if space else []), "stdbuf", "-oL", "dpdk-testpmd",
                           *bench.eal("0@0,1@0", *devices), "--", f"--forward-mode={mode}", "--auto-start",
                           "--burst=64", "--total-num-mbufs=32768"], log,
                          stdin=subprocess.PIPE)  # it ends when its input does
    lab.wait_for("testpmd", 30, lambda: "Press enter" in bench.log(log) or process.poll() is not None)
    if process.poll() is not None:
        raise lab.Failure("testpmd did not start:\n" + bench.log(log))
    return process


def swap(bench, name, device, space=None):
    """Sends each packet back to where it came from, addresses and ports swapped."""
    return testpmd(bench, name, "5tswap", device, space=space)


def passing(bench, name, front, back):
    """Passes packets from each of two devices to the other, as they are."""
    return testpmd(bench, name, "io", front, back)
