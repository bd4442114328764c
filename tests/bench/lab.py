# SPDX-License-Identifier: BSD-2-Clause
"""Processes, namespaces and configurations of the benchmark; all of it ends with close()."""
import os
import signal
import socket
import subprocess
import time
import urllib.request

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MAC = "02:00:00:00:00:01"  # of Sluice, or of what stands in its place
CLIENT, SERVER = "10.53.9.2", "10.53.9.1"
BACKEND, BACK = "10.53.8.2", "10.53.8.1"  # a name server, and the address from which Sluice asks it
BACKEND_MAC, BACK_MAC = "02:00:00:00:00:03", "02:00:00:00:00:04"
NOBODY = "10.53.9.3"  # an address that no kernel has: none says that nobody listens there
MEMORY = 256      # MiB of each DPDK program
PROGRAMS_MAX = 6  # of those at a time
CACHE_MEMORY = 384  # MiB beside that, of a packet cache for a million responses


class Failure(Exception):
    """Something that the reader has to know or to mend."""


def run(command, **more):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **more)
    if done.returncode != 0:
        raise Failure(f"{' '.join(command[:4])} ... failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def hugepages_free():
    """MiB of hugepages that nobody has."""
    with open("/proc/meminfo", encoding="ascii") as file:
        info = dict(line.split(":", 1) for line in file)
    return int(info["HugePages_Free"]) * int(info["Hugepagesize"].split()[0]) // 1024


def wait_for(what, seconds, test):
    end = time.monotonic() + seconds
    while not test():
        if time.monotonic() > end:
            raise Failure(f"waited in vain for {what}")
        time.sleep(0.02)


def values(text):
    """The "name value" lines of our own programs."""
    return {name: float(value) for name, value in (line.split() for line in text.splitlines() if line.count(" ") == 1)}


class Bench:
    def __init__(self, folder, binary, seconds, peer, build=None):
        self.folder, self.binary, self.seconds, self.peer = folder, binary, seconds, peer
        self.running, self.spaces, self.number = [], [], 0
        self.build = build  # a target of the release build, for its path
        self.on_stop = None  # gets each process that is about to be stopped
        # All alike, or the comparison is one of memory.
        self.huge = hugepages_free() >= MEMORY * PROGRAMS_MAX + CACHE_MEMORY
        for name, more in (("loadgen", ["dpdk"]), ("pingpong", []), ("distance", []), ("lone", []), ("idle", []), ("crowd", [])):
            self.compile(os.path.join(TOP, "tests", "bench", name + ".c"), name, more)
        self.compile(os.path.join(TOP, "tests", "system", "filter.c"), "filter", [])

    def path(self, name):
        return os.path.join(self.folder, name)

    def compile(self, source, name, libraries):
        flags = ["-std=gnu11", "-O2", "-pthread"] + ([] if name == "filter" else ["-D_GNU_SOURCE"])
        libs = []
        for library in libraries:
            flags += run(["pkg-config", "--cflags", "lib" + library]).split()
            libs += run(["pkg-config", "--libs", "lib" + library]).split()
        run(["cc", *flags, source, "-o", self.path(name), *libs])

    # ---- processes

    def start(self, command, log, stdin=subprocess.DEVNULL):
        with open(self.path(log), "w", encoding="utf-8") as file:
            process = subprocess.Popen(command, stdin=stdin, stdout=file, stderr=subprocess.STDOUT)
        process.log = log
        self.running.append(process)
        return process

    def stop(self, process, number=signal.SIGTERM):
        if self.on_stop is not None and process.poll() is None:
            self.on_stop(process)
        if process in self.running:
            self.running.remove(process)
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.send_signal(number)
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def distance(self):
        """Nanoseconds for a cache line from CPU 0 to CPU 1 and back; nothing else may run."""
        return float(run([self.path("distance"), "0", "1"]))

    def foreign(self):
        """Seconds in which the CPUs have run programs that are not ours, in their own code."""
        tick = os.sysconf("SC_CLK_TCK")
        with open("/proc/stat", encoding="ascii") as file:
            user, nice = file.readline().split()[1:3]
        own = os.times()
        seconds = (int(user) + int(nice)) / tick - own.user - own.children_user
        for process in self.running:
            if process.poll() is not None:
                raise Failure(f"{' '.join(process.args[:8])}... has ended with {process.returncode}:\n{self.log(process.log)[-3000:]}")
            with open(f"/proc/{process.pid}/stat", encoding="ascii", errors="replace") as file:
                seconds -= int(file.read().rpartition(")")[2].split()[11]) / tick
        return seconds

    def log(self, name):
        with open(self.path(name), encoding="utf-8", errors="replace") as file:
            return file.read()

    def close(self):
        self.on_stop = None
        for process in list(self.running):
            self.stop(process)
        for space in self.spaces:
            subprocess.run(["ip", "netns", "del", space], capture_output=True, check=False)

    # ---- DPDK programs

    def eal(self, cores, *devices):
        """Arguments of a DPDK program that sees these devices alone."""
        self.number += 1
        return ["--lcores", cores, "--file-prefix", f"bench{os.getpid()}-{self.number}", "--no-pci",
                "--no-telemetry", "--in-memory" if self.huge else "--no-huge", "-m", str(MEMORY),
                *("--vdev=" + device for device in devices)]

    def memif(self, role, name="memif"):
        """One end of the memif that is called so in the folder of this run."""
        return (f"net_memif0,role={role},socket={self.path(name + '.sock')},socket-abstract=no,rsize=11"
                + (f",mac={MAC}" if role == "server" else ""))

    def port(self, name, device, address, neighbour, mac):
        """A port of a configuration."""
        return f"""  - name: {name}
    device: "{device}"
    addresses: [{address}/24]
    neighbours: [{{address: {neighbour}, mac: "{mac}"}}]
"""

    def back_device(self, name, role, mac):
        """One end of the memif to the name server of the Sluice that is called so."""
        return f"net_memif1,role={role},socket={self.path(name + '-back.sock')},socket-abstract=no,rsize=11,mac={mac}"

    def back(self, name):
        """Both ends of that memif as ports of a Sluice each."""
        return (self.port("back", self.back_device(name, "client", BACK_MAC), BACK, BACKEND, BACKEND_MAC),
                self.port("edge", self.back_device(name, "server", BACKEND_MAC), BACKEND, BACK, BACK_MAC))

    def sluice(self, policy, device=None, space=None, name="sluice", control=0, cpu=0, more="", ports=None,
               memory=MEMORY, settings="", idle="auto"):
        """
        A running Sluice with one port, and those of `more`, its worker on CPU 0 or `cpu`; the control lcore shares
        that unless told otherwise.
        """
        log = name + ".log"
        measured = ports is None  # it is no name server of a lane's
        ports = ports or self.port("edge", device, SERVER, CLIENT, "02:00:00:00:00:02") + more
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        with open(self.path(name + ".lua"), "w", encoding="utf-8") as file:
            file.write(policy.replace("@", self.folder))
        with open(self.path(name + ".yml"), "w", encoding="utf-8") as file:
            file.write(f"""eal: {{hugepages: {"require" if self.huge else "never"}, memory: {memory}}}
lcores: {{control: {control}, workers: [{cpu}], share: {str(str(control) in str(cpu)).lower()}, idle: {idle}}}
ports:
{ports}policy: {name}.lua
metrics: {{listen: 127.0.0.1:{port}}}
console: {{socket: off}}
{settings}""")
        command = [self.binary, "run", "-c", self.path(name + ".yml")]
        if space:
            command = ["ip", "netns", "exec", space] + command
        process = self.start(command, log)
        wait_for("Sluice", 60, lambda: "sluice: ready" in self.log(log) or process.poll() is not None)
        if process.poll() is not None:
            raise Failure("Sluice did not start:\n" + self.log(log))
        process.metrics_port, process.measured = port, measured
        return process

    def mark(self, process):
        """What it counts now; in a profile all before does not count."""
        process.marked = self.metrics(process)
        return process.marked

    def metrics(self, process):
        """What a running Sluice counts; not one in a namespace of its own."""
        url = f"http://127.0.0.1:{process.metrics_port}/metrics"
        with urllib.request.urlopen(url, timeout=5) as answer:
            text = answer.read().decode()
        lines = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, value in lines}

    # ---- namespaces

    def pair(self):
        """Two namespaces joined by a veth: (client's, server's). The client's end is c0, ours e0."""
        client, server = f"slbc-{os.getpid()}", f"slbs-{os.getpid()}"
        if client in self.spaces:
            return client, server
        for space in (client, server):
            run(["ip", "netns", "add", space])
            self.spaces.append(space)
            run(["ip", "-n", space, "link", "set", "lo", "up"])
            # Or the kernels would have something to say to each other.
            run(["ip", "netns", "exec", space, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1",
                 "net.ipv6.conf.default.disable_ipv6=1"])
        run(["ip", "-n", client, "link", "add", "c0", "address", "02:00:00:00:00:02", "type", "veth",
             "peer", "name", "e0", "address", MAC, "netns", server])
        run(["ip", "netns", "exec", client, "ethtool", "-K", "c0", "tx", "off"])
        run(["ip", "-n", client, "addr", "add", CLIENT + "/24", "dev", "c0"])
        run(["ip", "-n", client, "link", "set", "c0", "up"])
        run(["ip", "-n", server, "link", "set", "e0", "up"])
        run(["ip", "-n", client, "neigh", "add", SERVER, "lladdr", MAC, "dev", "c0"])
        # The way to a name server, which no kernel knows of.
        run(["ip", "-n", client, "link", "add", "c1", "address", BACKEND_MAC, "type", "veth", "peer", "name", "e1", "address",
             BACK_MAC, "netns", server])
        run(["ip", "netns", "exec", client, "ethtool", "-K", "c1", "tx", "off"])
        run(["ip", "-n", client, "link", "set", "c1", "up"])
        run(["ip", "-n", server, "link", "set", "e1", "up"])
        return client, server
