#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Instructions per query, counted by callgrind while `sluice replay` meets captures in bursts.

  tests/bench/instructions.py SLUICE            each beside its figure in instructions.txt; 1 if one is off by 5 %
  tests/bench/instructions.py --update SLUICE   writes that file

Sluice is that of the folder `build`: other compilers and options give other figures. Only what is in the
executable counts, with what is inlined into it, and only in the turns of the lcores: what libraries do
differs between machines by what their CPUs can do.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter, namedtuple
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import capture  # noqa: E402
import lab  # noqa: E402

KEPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "instructions.txt")
HEAD = """# SPDX-License-Identifier: BSD-2-Clause
# Instructions per query of Sluice's own code, by `tests/bench/instructions.py --update build/sluice`
# with the folder `build` as scripts/test sets it up.
"""
TOLERANCE = 0.05
QUERIES, BURST = 2048, "64"
CONFIG = f"""eal: {{hugepages: never, memory: 256}}
lcores: {{control: 0, workers: [0], share: true}}
async: {{max_suspended: 4096}}
ports:
  - name: edge
    device: net_null0
    addresses: [{lab.SERVER}/24]
    neighbours: [{{address: {lab.CLIENT}, mac: "02:00:00:00:00:02"}}]
policy: policy.lua
metrics: {{listen: off}}
console: {{socket: off}}
"""
SERVER = f"newServer({{address = '{lab.CLIENT}', healthCheckMode = 'up'}})\n"
# `answered`: servers answer, too; `again`: then all is asked once more, and only that counts.
Lane = namedtuple("Lane", "name policy edns answered again", defaults=[False, False, False])
LANES = [
    Lane("rule", "addAction(AllRule(), RCodeAction(DNSRCode.REFUSED))\n"),
    Lane("spoof", "addAction(AllRule(), SpoofAction('192.0.2.1'))\n", edns=True),
    # A hundred rules that miss, of those that are met one by one, and a list that has every second name.
    Lane("rules", """for i = 1, 100 do addAction(QTypeRule(256 + i), DropAction()) end
addAction(QNameSuffixRule(sluice.loadNames('@/names.txt')), RCodeAction(DNSRCode.NXDOMAIN))
addAction(AllRule(), RCodeAction(DNSRCode.REFUSED))
"""),
    # A list that is large enough to be looked into for a burst at once.
    Lane("names", """addAction(QNameSuffixRule(sluice.loadNames('@/many.txt')), RCodeAction(DNSRCode.NXDOMAIN))
addAction(AllRule(), RCodeAction(DNSRCode.REFUSED))
"""),
    Lane("cache", SERVER + "getPool(''):setCache(newPacketCache(10000))\n", edns=True, answered=True, again=True),
    Lane("forward", SERVER, edns=True, answered=True),
    Lane("per_thread", """addAction(AllRule(), LuaFFIPerThreadAction([[
  local C = require('ffi').C
  return function(dq)
    if C.dnsdist_ffi_dnsquestion_get_qtype(dq) == DNSQType.A then return DNSAction.Refused end
  end
]]))
"""),
    Lane("lua", "addAction(AllRule(), LuaAction(function(dq) return DNSAction.Refused end))\n"),
]


def queries(lane):
    return [capture.frame(number, f"h{number}", lab.CLIENT, lab.SERVER, lab.MAC, lane.edns)
            for number in range(QUERIES)]


def replay(binary, folder, frames, under=()):
    """Replays these frames, each of which is to bring forth another one."""
    taken = tempfile.mkstemp(suffix=".pcap", dir=folder)[1]
    capture.store(taken, frames)
    text = lab.run([*under, binary, "replay", "--burst", BURST, "-c", os.path.join(folder, "sluice.yml"), taken, "/dev/null"])
    if text != f"received {len(frames)}\nsent {len(frames)}\n":
        raise lab.Failure(f"not what the replay of {len(frames)} frames should say:\n{text}")


def frames_of(lane, binary, folder):
    """What is replayed, and which part of it does not count."""
    asked = queries(lane)
    if not lane.answered:
        return asked, None
    out = os.path.join(folder, "asked.pcap")
    taken = tempfile.mkstemp(suffix=".pcap", dir=folder)[1]
    capture.store(taken, asked)
    lab.run([binary, "replay", "--burst", BURST, "-c", os.path.join(folder, "sluice.yml"), taken, out])
    # The IDs and source ports are drawn in the same order each time.
    answers = [capture.answer(frame) for frame in capture.frames_of(out)]
    if len(answers) != len(asked):
        raise lab.Failure(f"{lane.name}: {len(answers)} of {len(asked)} queries were forwarded")
    return (asked + answers + asked, asked + answers) if lane.again else (asked + answers, None)


def own_costs(path, binary):
    """By function of the executable, what callgrind counted in it itself."""
    costs, objects, names = Counter(), {}, {}
    here, function, inclusive = None, None, False

    def full(known, text):
        number, _, name = text.partition(" ")
        if name:
            known[number] = name
        return known.get(number, number)
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            key, _, value = line.rstrip("\n").partition("=")
            if key == "ob":
                here = full(objects, value)
            elif key == "cob":
                full(objects, value)
            elif key == "fn":
                function = full(names, value)
            elif key == "cfn":
                full(names, value)
            elif key == "calls":
                inclusive = True  # the line that follows is the callee's cost
            elif line[:1] in "0123456789+-*":
                if not inclusive and here == binary:
                    costs[function] += int(line.split()[-1])
                inclusive = False
    return costs


def counted(binary, folder, frames):
    """What the turns of both lcores take for these frames, by function."""
    out = os.path.join(folder, "callgrind")
    replay(binary, folder, frames, under=["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}",
                                          "--collect-atstart=no", "--toggle-collect=worker_turn*",
                                          "--toggle-collect=loop_turn*"])
    return own_costs(out, binary)


def furnish(folder, lane, config=CONFIG):
    """Writes what a replay of this lane reads there."""
    names = "".join(f"h{number}.bench.test\n" for number in range(0, 2 * QUERIES, 2))
    more = "".join(f"h{number}.more{number % 100}.test\n" for number in range(60000))
    for name, text in (("sluice.yml", config), ("policy.lua", lane.policy),
                       ("names.txt", names), ("many.txt", names + more)):
        with open(os.path.join(folder, name), "w", encoding="ascii") as file:
            file.write(text.replace("@", folder))


def count(lane, binary):
    """Instructions per query, by function."""
    with tempfile.TemporaryDirectory(prefix="sluice-instructions.") as folder:
        furnish(folder, lane)
        frames, before = frames_of(lane, binary, folder)
        costs = counted(binary, folder, frames)
        if before is not None:
            costs -= counted(binary, folder, before)
    return Counter({name: cost / QUERIES for name, cost in costs.items()})


def count_all(binary):
    """Of each lane; as many at a time as there are CPUs."""
    binary = os.path.realpath(binary)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip((lane.name for lane in LANES), pool.map(lambda lane: count(lane, binary), LANES)))


def kept():
    with open(KEPT, encoding="ascii") as file:
        return {name: int(value) for name, value in re.findall(r"^(\w+) +(\d+)$", file.read(), re.MULTILINE)}


def compare(found, expected):
    """Sentences about what differs."""
    for name in sorted({*found, *expected}):
        if name not in found or name not in expected:
            yield f"{name}: counted {found.get(name)}, kept {expected.get(name)}"
        elif abs(found[name] / expected[name] - 1) > TOLERANCE:
            yield (f"{name}: {found[name]} instructions a query, where {expected[name]} are kept: "
                   f"{found[name] / expected[name] - 1:+.1%}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--update", action="store_true", help="writes the figures that are kept")
    parser.add_argument("sluice")
    options = parser.parse_args()
    found = {name: round(sum(costs.values())) for name, costs in count_all(options.sluice).items()}
    if options.update:
        with open(KEPT, "w", encoding="ascii") as file:
            file.write(HEAD + "".join(f"{name} {value}\n" for name, value in found.items()))
        return 0
    expected = kept()
    for name, value in found.items():
        print(f"{name:12} {value:6} instructions a query, {expected.get(name, '?'):>6} kept")
    faults = list(compare(found, expected))
    for fault in faults:
        print(fault)
    if faults:
        print("A change that costs or saves 5 % says so: with a build by scripts/test, run\n"
              "  tests/bench/instructions.py --update build/sluice\n"
              "and commit tests/bench/instructions.txt with it.")
    return int(bool(faults))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except lab.Failure as failure:
        sys.exit(f"instructions: {failure}")
