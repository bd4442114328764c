# SPDX-License-Identifier: BSD-2-Clause
"""Latency of forwarded queries over load, of Sluice and of dnsdist on the same veths, with one policy file."""
import lab
import lanes
import memif
import peer
from facts import Fact

POLICY = f"""
newServer({{address = '{lab.BACKEND}:53', healthCheckMode = 'up'}})
addAction(QNameRule('ready.test.'), RCodeAction(DNSRCode.REFUSED))
"""
RING = lanes.AfPacket.ring
SHARES = (0.1, 0.25, 0.5, 0.75, 0.9)  # of what dnsdist answers at most
KEYS = ("p50_us", "p99_us", "p999_us")


def drive(bench, client, *more):
    """The generator is the name server, too, on veths of its own."""
    return lanes.load(bench, "net_af_packet0,iface=c0" + RING, "--window", "256", "--from", lab.NOBODY, "--seconds",
                      str(bench.seconds), *more, space=client, back=["net_af_packet1,iface=c1" + RING])


def sweep(bench, client, rates):
    """Figures by rate, and those of as much as there is; `rates` makes the others of that."""
    most = drive(bench, client)
    return most, {rate: drive(bench, client, "--rate", str(rate)) for rate in rates(most["rate"])}


def sluice(bench, rates):
    client, server = bench.pair()
    process = bench.sluice(POLICY, "net_af_packet0,iface=e0", server, more=bench.port(
        "back", "net_af_packet1,iface=e1", lab.BACK, lab.BACKEND, lab.BACKEND_MAC))
    try:
        return sweep(bench, client, rates)
    finally:
        bench.stop(process)


def dnsdist(bench, rates):
    return peer.dnsdist(bench, POLICY, lambda bench, client: sweep(bench, client, rates))


def swap(bench, rate):
    """What the machine itself does to a packet: testpmd in Sluice's place, which sends it straight back."""
    client, server = bench.pair()
    process = memif.swap(bench, "veth", "net_af_packet0,iface=e0" + RING, server)
    try:
        return lanes.load(bench, "net_af_packet0,iface=c0" + RING, "--window", "256", "--from", lab.NOBODY, "--seconds",
                          str(bench.seconds), "--rate", str(rate), "--echo", space=client)
    finally:
        bench.stop(process)


def word(bench, rate):
    """What the machine does to two threads that pass one word on, each alone on its CPU: nobody is quicker."""
    found = lab.run([bench.path("distance"), "0", "1", str(rate), str(bench.seconds)])
    return {"lost": 0, **lab.values(found)}


class Latency:
    name, title = "latency", "forwarded queries at half of what dnsdist answers at most, over veth; latency with --peer dnsdist"

    def facts(self, bench, options):
        if bench.peer != "dnsdist" or not peer.available():
            return []
        most, theirs = dnsdist(bench, lambda most: [int(most / 2)])
        half = next(iter(theirs))
        own_most, own = sluice(bench, lambda most: [half, int(most / 2)])
        found = [Fact("dnsdist answers at most", most["rate"], "/s"), Fact("Sluice answers at most", own_most["rate"], "/s"),
                 Fact("half of dnsdist's", half, "/s")]
        for title, figures in (("dnsdist", theirs[half]), ("Sluice", own[half]), ("Sluice at half of its own", list(own.values())[-1]),
                               ("testpmd 5tswap, there and back", swap(bench, half)),
                               ("a word from CPU to CPU and back", word(bench, half))):
            aim = theirs[half]["p50_us"] if title == "Sluice" else None
            found += [Fact(f"{title}: {key[:-3]}", figures[key], "us", aim if key == "p99_us" else None, 1) for key in KEYS]
            found.append(Fact(f"{title}: lost", figures["lost"], "of %.0f" % figures["sent"], 0 if aim else None))
        return found
