# SPDX-License-Identifier: BSD-2-Clause
"""From turns to figures: only what was measured undisturbed, at one distance of the CPUs, is compared."""
import statistics

SAME, GAP = 1.4, 1.25
ANYWHERE = 1  # stands for the distance in a lane whose rate is given: what it prints does not depend on it
NOTES = ("lost", "unanswered", "p50_us", "p99_us", "entries", "missed", "lost_else", "out_ms", "back_ms", "herd_percent",
         "share_percent")


def alike(one, other):
    """Distances vary by a fifth by themselves, and by half and more when a CPU has moved."""
    return max(one, other) < SAME * min(one, other)


def places(turns):
    """The distances that were met, as lists of turns."""
    found = []
    steady = (turn for turn in turns if turn["steady"])
    for turn in sorted(steady, key=lambda turn: turn["distance"]):
        if not found or turn["distance"] > GAP * found[-1][-1]["distance"]:
            found.append([])
        found[-1].append(turn)
    return found


def ratios(rounds, name):
    """By round: this contestant's rate over the limit's, if both were measured at one distance."""
    found = []
    for turns in rounds:
        limit, turn = turns[0], next(turn for turn in turns if turn["name"] == name)
        if limit["steady"] and turn["steady"] and alike(limit["distance"], turn["distance"]):
            found.append((turn["distance"], turn["rate"] / limit["rate"]))
    return found


def spread(values):
    if not values:
        return None
    return {"median": statistics.median(values), "min": min(values), "max": max(values), "count": len(values)}


def summary(rounds):
    turns = [turn for turns in rounds for turn in turns]
    result = {"left_out": sum(not turn["steady"] for turn in turns),
              "disturbed": sum(turn["disturbed"] for turn in turns), "taken": len(turns), "places": []}
    for place in places(turns):
        near, far = place[0]["distance"], place[-1]["distance"]
        rows = {}
        for name in (turn["name"] for turn in rounds[0]):
            own = [turn for turn in place if turn["name"] == name]
            rows[name] = {"rate": spread([turn["rate"] for turn in own]), "ratio": spread(
                [ratio for distance, ratio in ratios(rounds, name) if near <= distance <= far])}
            for key in NOTES:
                if own and key in own[0]:
                    rows[name][key] = statistics.median(turn[key] for turn in own)
        result["places"].append({"distance_ns": [round(near), round(far)], "rows": rows})
    result["ratio"] = {name: spread([ratio for _, ratio in ratios(rounds, name)])
                       for name in (turn["name"] for turn in rounds[0])}
    result["turns"] = rounds
    return result
