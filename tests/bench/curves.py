# SPDX-License-Identifier: BSD-2-Clause
"""How figures grow with what there is more of: a table and a drawing of each curve, in docs/performance/."""
import json
import os
import subprocess

import capture
import lab
import lanes
import latency
import memif
import peer

FOLDER = os.path.join(lab.TOP, "docs", "performance")
TURNS = 4
BYTES = (64, 128, 256, 512, 1024, 1400)  # of a message
STYLE = """set terminal svg size 640,360 font 'sans-serif,12' background 'white'
set datafile separator '\\t'
set key {key}
set grid
set title "{title}"
set xlabel "{xlabel}"
set ylabel "{ylabel}"
{more}
plot {plots}
"""


def text_of(bench, target, *more):
    return lab.run([bench.build(target), *map(str, more)])


def rules(bench):
    """Nanoseconds that a chain of rules takes which all miss."""
    kinds = ("QNameRule", "QTypeRule", "mixed")
    for count in (1, 10, 100, 1000, 10000):
        yield [count, *(float(text_of(bench, "bench_rule_chain", count, kind).split("rules")[1].split()[0]) for kind in kinds)]


def names(bench):
    """Nanoseconds of a look-up of a name of four labels, in bursts."""
    for count in (10**3, 10**4, 10**5, 10**6, 10**7):
        rows = [line.split() for line in text_of(bench, "bench_name_index", count).splitlines()]
        found = {row[1]: row for row in rows if len(row) == 9 and row[2] == "4"}
        yield [count, *(float(found[query][at]) for query in ("miss", "hit") for at in (7, 8))]


def suspended(bench):
    for line in text_of(bench, "bench_async").splitlines()[1:]:
        yield [float(value) for value in line.split()[:4]]


def cache(bench):
    for count in (10**3, 10**4, 10**5, 10**6, 10**7):
        rows = [json.loads(line) for line in text_of(bench, "bench_cache", count).splitlines()]
        yield [count, *(next(row["ns"] for row in rows if row.get("mix") == mix) for mix in ("zipf", "uniform"))]


def rate_of(pair):
    """The best of some turns: what others took of the machine's time is not in it."""
    return max(pair.turn()["rate"] for _ in range(TURNS))


def sizes(bench):
    """Queries a second over memif, and what testpmd swaps, over the size of a message, filled by EDNS padding."""
    for size in BYTES:
        kind = capture.padded_of(size)
        row = [size]
        for name, start in (("sluice", lambda: bench.sluice(lanes.REFUSED, bench.memif("server", "sluice"))),
                            ("swap", lambda: memif.swap(bench, "swap", bench.memif("server", "swap")))):
            process = start()
            pair = memif.Pair(bench, process, name, kind)
            row.append(rate_of(pair) / 1e6)
            pair.end()
            bench.stop(process)
        yield row


def workers(bench):
    """Queries a second with so many workers, on CPUs in turn: CPU 1 has the generator, too."""
    for count in (1, 2, 3, 4):
        process = bench.sluice(lanes.REFUSED, bench.memif("server", "sluice"), cpu=", ".join(str(i % 2) for i in range(count)))
        yield [count, lanes.load(bench, bench.memif("client", "sluice"), "--seconds", "2", "--window", "2000")["rate"] / 1e6]
        bench.stop(process)


def latencies(bench):
    """Percentiles over load; what the other program does not answer any more it has no figures of."""
    def at_shares(most):
        return [int(most * share) for share in latency.SHARES]
    contestants = [("Sluice", latency.sluice)]
    if peer.available():
        contestants.append(("dnsdist", latency.dnsdist))
    for title, sweep in contestants:
        most, by_rate = sweep(bench, at_shares)
        for figures in [*by_rate.values(), most]:
            yield [title, figures["rate"] / 1000, *(figures[key] for key in latency.KEYS)]


def lines(*titles):
    return ", ".join(f"FILE using 1:{at} with linespoints title '{title}'" for at, title in enumerate(titles, 2))


def of_both():
    return ", ".join(f"'<grep \"^{who}\" ' . FILE using 2:{at} with linespoints title '{who}, {title}'"
                     for who in ("Sluice", "dnsdist") for at, title in ((3, "p50"), (4, "p99"), (5, "p99.9")))


LOG_X, LOG = "set logscale x 10\nset format x '10^{%L}'", "set logscale xy 10\nset format x '10^{%L}'"
# name: rows, titles of their columns, title, what x and y are, more of gnuplot, what is drawn
CURVES = {
    "rules": (rules, "rules QNameRule QTypeRule mixed", "A chain of rules that all miss",
              "rules", "ns a packet", LOG, lines("QNameRule", "QTypeRule", "some of each")),
    "names": (names, "names miss_warm miss_cold hit_warm hit_cold", "A name of four labels in a set, looked up in bursts",
              "names in the set", "ns a name", LOG_X + "\nset yrange [0:]",
              lines("miss, warm", "miss, cold", "hit, warm", "hit, cold")),
    "suspended": (suspended, "suspended in_order any_order expired", "Suspend and resume, or expire",
                  "suspended at once", "ns a packet", LOG_X + "\nset yrange [0:]",
                  lines("resumed in order", "resumed in any order", "expired")),
    "cache": (cache, "entries zipf uniform", "A hit in the packet cache, in bursts", "entries", "ns a look-up",
              LOG_X + "\nset yrange [0:]", lines("by Zipf''s law", "each name alike")),
    "sizes": (sizes, "bytes sluice 5tswap", "REFUSED by a rule, over memif", "bytes of a query", "million a second",
              "set yrange [0:]", lines("Sluice", "testpmd 5tswap")),
    "workers": (workers, "workers sluice", "Workers on two CPUs, one of which has the generator", "workers", "million a second",
                "set yrange [0:]\nset xtics 1", lines("Sluice")),
    "latency": (latencies, "who kqps p50 p99 p999", "Forwarded queries over veth", "thousand queries a second", "us",
                "set logscale y 10", of_both()),
}


def draw(name):
    """The table of a curve as a drawing beside it."""
    _, _, title, xlabel, ylabel, more, plots = CURVES[name]
    table, drawing = (os.path.join(FOLDER, f"{name}.{ending}") for ending in ("tsv", "svg"))
    script = STYLE.format(title=title, xlabel=xlabel, ylabel=ylabel, more=more, key="left top",
                          plots=plots.replace("' . FILE", f"{table}'").replace("FILE", f"'{table}'"))
    done = subprocess.run(["gnuplot"], input=script, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise lab.Failure(f"gnuplot: {done.stderr}")
    with open(drawing, "w", encoding="utf-8") as file:
        file.write(done.stdout)


def measure(name, bench):
    """Writes the table of a curve, and draws it."""
    make, columns, title = CURVES[name][:3]
    os.makedirs(FOLDER, exist_ok=True)
    print(f"\n{name}: {title}\n    " + "".join(f"{column:>14}" for column in columns.split()), flush=True)
    rows = []
    for row in make(bench):
        rows.append(["%.6g" % value if isinstance(value, (int, float)) else value for value in row])
        print("    " + "".join(f"{value:>14}" for value in rows[-1]), flush=True)
    with open(os.path.join(FOLDER, name + ".tsv"), "w", encoding="ascii") as file:
        file.write("# " + columns.replace(" ", "\t") + "\n" + "".join("\t".join(row) + "\n" for row in rows))
    draw(name)
