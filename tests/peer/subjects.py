# SPDX-License-Identifier: BSD-2-Clause
"""dnsdist and Sluice, each in a network namespace of its own behind the same veth pair, with the same policy."""
import os
import re
import shutil
import subprocess
import tempfile
import time

import peer

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
SLUICE = os.environ.get("SLUICE", os.path.join(TOP, "build", "sluice"))
KEY = "MXNeLFWHUe4363BBKrY06cAsH8NWNb+Se2eXU5+Bb74="
SETTINGS = "setLocal('10.53.0.1:53')\naddLocal('[fd53::1]:53')\nsetACL({'0.0.0.0/0', '::/0'})\n" \
    "setSecurityPollSuffix('')\ncontrolSocket('127.0.0.1:5199')\nsetKey('%s')\n" % KEY
CONFIG = """eal: {hugepages: auto, memory: 128}
lcores: {control: 0, workers: [%s], share: true}
ports:
  - name: edge
    device: "net_af_packet0,iface=edge"
    addresses: [10.53.0.1/24, "fd53::1/64", 10.53.0.2/24]
    gateways: [10.53.0.53, "fd53::53"]
policy: policy.lua
console: {socket: %s/console.sock}
tcp: {listen: "%s"}
metrics: {listen: "off"}
"""


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout


class Subject:
    """A program under test, with this policy, at 10.53.0.1 and fd53::1; gone at the end."""
    name = None

    def __init__(self, policy, workers=1, tcp=False):
        self.policy, self.workers, self.tcp = policy, workers, tcp
        self.work = tempfile.mkdtemp(prefix="sluice-peer.")
        self.keeper = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        self.process = None

    def inside(self, *command):
        return ["nsenter", "--net=/proc/%d/ns/net" % self.keeper.pid, *command]

    def pair(self):
        """The veth pair: `front` is ours."""
        mine = os.readlink("/proc/self/ns/net")
        while os.readlink("/proc/%d/ns/net" % self.keeper.pid) == mine:
            time.sleep(0.01)
        run("sh", "-ec", """
            ip link add front type veth peer name edge netns %d
            ethtool -K front tx off
            for address in 10.53.0.53/24 10.53.0.54/24 10.53.0.55/24 fd53::53/64; do
                case $address in *:*) nodad=nodad;; *) nodad=;; esac
                ip addr add $address dev front $nodad
            done
            ip link set front up""" % self.keeper.pid)
        run(*self.inside("sh", "-ec", self.SETUP))

    def start(self, command):
        self.log = open(os.path.join(self.work, "log"), "wb")
        self.process = subprocess.Popen(self.inside(*command), stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        until = time.monotonic() + 30
        while not self.ready():
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("%s does not start:\n%s" % (self.name, self.said()))
            time.sleep(0.05)

    def said(self):
        with open(os.path.join(self.work, "log"), encoding="utf-8", errors="replace") as log:
            return log.read().strip()

    def neighbours(self):
        """Both sides know each other from now on, and no query waits for that."""
        for address in ("10.53.0.1", "fd53::1"):
            run("ping", "-c", "3", "-i", "0.2", "-W", "2", address)

    def __enter__(self):
        self.pair()
        try:
            self.begin()
            self.neighbours()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)
        run("ip", "link", "del", "front")  # at once, where the end of its namespace would take it later
        self.keeper.kill()
        self.keeper.wait()
        shutil.rmtree(self.work)


class Dnsdist(Subject):
    name = "dnsdist"
    SETUP = """
        ip link set lo up
        sysctl -qw net.ipv6.conf.edge.accept_dad=0 net.ipv6.conf.edge.dad_transmits=0
        ip addr add 10.53.0.1/24 dev edge
        ip addr add 10.53.0.2/24 dev edge
        ip addr add fd53::1/64 dev edge nodad
        ethtool -K edge tx off
        ip link set edge up
        ip route add default via 10.53.0.53
        ip -6 route add default via fd53::53"""

    def begin(self):
        self.conf = os.path.join(peer.ROOT, "etc/sluice-peer-%d.conf" % os.getpid())
        with open(self.conf, "w", encoding="utf-8") as file:
            file.write(SETTINGS + self.policy)
        self.start(["chroot", peer.ROOT, "/usr/bin/dnsdist", "--supervised", "--disable-syslog", "-C",
                    "/etc/sluice-peer-%d.conf" % os.getpid()])

    def client(self, expression):
        return subprocess.run(self.inside("chroot", peer.ROOT, "/usr/bin/dnsdist", "-c", "-C", "/etc/sluice-peer-%d.conf" % os.getpid(),
                                          "-e", expression), capture_output=True, text=True, check=False)

    def ready(self):
        return self.client("return 1").returncode == 0

    def console(self, expression):
        done = self.client(expression)
        return (done.stdout + done.stderr).strip("\n")


class Sluice(Subject):
    name = "sluice"
    SETUP = """
        sysctl -qw net.ipv6.conf.all.disable_ipv6=1
        ethtool -K edge tx off
        ip link set edge up"""
    KERNEL = """
        sysctl -qw net.ipv6.conf.edge.disable_ipv6=0
        ip addr add 10.53.0.1/24 dev edge
        ip addr add 10.53.0.2/24 dev edge
        ip addr add fd53::1/64 dev edge nodad
        ip route add default via 10.53.0.53
        ip -6 route add default via fd53::53
        for family in -4 -6; do
            ip $family rule add pref 1 ipproto udp iif edge blackhole
            ip $family rule add pref 2 lookup local
            ip $family rule del pref 0
        done"""

    def begin(self):
        if self.tcp:
            run(*self.inside("sh", "-ec", self.KERNEL))
        with open(os.path.join(self.work, "policy.lua"), "w", encoding="utf-8") as file:
            file.write(self.policy)
        with open(os.path.join(self.work, "sluice.yml"), "w", encoding="utf-8") as file:
            file.write(CONFIG % (",".join(["0", "1"][:self.workers]), self.work, "auto" if self.tcp else "off"))
        self.start([SLUICE, "run", "-c", os.path.join(self.work, "sluice.yml")])

    def ready(self):
        return re.search("^sluice: ready", self.said(), re.MULTILINE)

    def console(self, expression):
        done = subprocess.run([SLUICE, "console", "-s", os.path.join(self.work, "console.sock"), "-e", expression],
                              capture_output=True, text=True, check=False)
        return (done.stdout + done.stderr).strip("\n")
