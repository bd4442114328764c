# SPDX-License-Identifier: BSD-2-Clause
"""What is aimed at, beside what reports of scripts/bench found: the table at the top of docs/performance.md."""
import json
import statistics
from collections import namedtuple

# `kind`: at least so much of the limit, so many a second, or so many times what the peer does.
Aim = namedtuple("Aim", "lane who kind least")
AIMS = [
    Aim("rule", "Sluice", "limit", 0.70), Aim("spoof", "Sluice", "limit", 0.60), Aim("cache", "Sluice", "limit", 0.50),
    Aim("forward", "Sluice", "limit", 0.35), Aim("names", "Sluice", "limit", 0.45), Aim("af_packet", "Sluice", "limit", 0.9),
    Aim("af_packet", "Sluice", "peer", 2), Aim("lua", "Sluice, Refused", "rate", 3e6), Aim("per_thread", "Sluice", "limit", 0.4),
    Aim("async", "Sluice", "limit", 0.7), Aim("async_veth", "Sluice", "peer", 6),
]
TEXTS = {"limit": "≥ {0.least:g} of the limit", "peer": "≥ {0.least:g} × dnsdist", "rate": "≥ {0.least:,.0f} a second"}


def spread(one, more=""):
    return f"{one['median']:.2f} ({one['min']:.2f} to {one['max']:.2f}){more}"


def turns_of(result, who):
    """Of a lane, turns in which nobody else used the CPUs, and how many queries got an answer."""
    return [turn["rate"] for turns in result["turns"] for turn in turns if turn["name"] == who and not turn["disturbed"]]


def judge_limit(aim, result):
    found = result["ratio"].get(aim.who)
    if not found:
        return None
    places = [spread(place["rows"][aim.who]["ratio"], " at {} to {} ns".format(*place["distance_ns"]))
              for place in result["places"] if place["rows"][aim.who]["ratio"]]
    return "; ".join(places), found["median"] >= aim.least


def judge_peer(aim, result):
    own, theirs = turns_of(result, aim.who), turns_of(result, "dnsdist")
    if not own or not theirs:
        return None
    times = statistics.median(own) / statistics.median(theirs)
    return f"{times:.1f}: {statistics.median(own):,.0f} and {statistics.median(theirs):,.0f} a second", times >= aim.least


def judge_rate(aim, result):
    own = turns_of(result, aim.who)
    return (f"{statistics.median(own):,.0f}", statistics.median(own) >= aim.least) if own else None


JUDGES = {"limit": judge_limit, "peer": judge_peer, "rate": judge_rate}


def rows(report):
    """Lane, aim, what was found, and whether that is enough."""
    for aim in AIMS:
        result = report["lanes"].get(aim.lane)
        found = JUDGES[aim.kind](aim, result) if result else None
        if found:
            yield aim.lane, TEXTS[aim.kind].format(aim), *found
    for lane, facts in report["facts"].items():
        for fact in facts:
            if fact["most"] is not None:
                yield (lane, f"{fact['what']} ≤ {fact['most']:g} {fact['unit']}",
                       f"{fact['value']:,.{fact['digits']}f} {fact['unit']}", fact["value"] <= fact["most"])


def table(report):
    """As Markdown."""
    yield "| lane | aim | found | |\n|---|---|---|---|"
    for lane, aim, found, met in rows(report):
        yield f"| `{lane}` | {aim} | {found} | {'met' if met else '**not met**'} |"


def load(paths):
    """One report of several: of a lane, the last one's."""
    whole = {"lanes": {}, "facts": {}}
    for path in paths:
        with open(path, encoding="ascii") as file:
            report = json.load(file)
        for part, found in whole.items():
            found.update(report[part])
    return whole
