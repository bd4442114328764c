# SPDX-License-Identifier: BSD-2-Clause
"""Where the time of a query goes: cycles by stage in the lanes, instructions in a replay."""
import sys

import instructions
import lab
import lanes

STAGES = ("rx", "frame", "dns", "rules", "cache", "forward", "handoff", "tx", "other", "control")
LANES = ("rule", "spoof", "cache", "forward", "lua")
TURNS, TOP = 4, 12
QUERIES = 'sluice_queries_total{port="edge"}'


def cycles_of(counters, marked):
    """Of a query, by stage."""
    asked = counters[QUERIES] - marked.get(QUERIES, 0)
    keys = {stage: f'sluice_stage_cycles_total{{stage="{stage}"}}' for stage in STAGES}
    if keys["rx"] not in counters:
        raise lab.Failure("this Sluice counts no stages: it was not built with -Dstages=true")
    return {stage: (counters[key] - marked.get(key, 0)) / max(asked, 1) for stage, key in keys.items()}


def measure(lane, bench):
    """By title of a contestant, its cycles. The limit of the lane has no turn."""
    found = {}
    contestants = lane.open(bench)
    for contestant in contestants[1:]:
        def stopped(process, title=contestant.name):
            # A name server of the lane's own is not what is measured, and is started first.
            if hasattr(process, "metrics_port") and process.measured:
                found[title] = cycles_of(bench.metrics(process), getattr(process, "marked", {}))
        bench.on_stop = stopped
        for _ in range(min(TURNS, lane.turns)):
            contestant.turn()
        contestant.end()
    bench.on_stop = None
    contestants[0].end()
    return found


def stages(bench):
    """Prints the cycles of each lane; returns them."""
    print(f"\ncycles a query, without those of measuring\n    {'':28}" + "".join(f"{name:>9}" for name in (*STAGES, "sum")))
    report = {}
    for lane in lanes.ALL:
        if lane.name not in LANES:
            continue
        print(f"bench: {lane.name}", file=sys.stderr, flush=True)
        report[lane.name] = measure(lane, bench)
        for title, cycles in report[lane.name].items():
            row = (*(cycles[stage] for stage in STAGES), sum(cycles.values()))
            print(f"    {lane.name + ': ' + title:28}" + "".join(f"{value:9.0f}" for value in row), flush=True)
    return report


def functions(binary):
    """Prints what callgrind counts in a replay; returns it."""
    found = instructions.count_all(binary)
    print("\ninstructions a query of Sluice's own code, and the functions that have most of them")
    for name, costs in found.items():
        print(f"  {name}: {sum(costs.values()):.0f}")
        for function, cost in costs.most_common(TOP):
            print(f"    {cost:8.1f}  {function}")
    return {name: {function: round(cost, 1) for function, cost in costs.most_common()} for name, costs in found.items()}
