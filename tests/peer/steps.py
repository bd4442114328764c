# SPDX-License-Identifier: BSD-2-Clause
"""What a scenario is made of: steps, each of which gives a text that is to be the same with both programs."""
import re
import time

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rdatatype

from world import text

UUID = (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "UUID")
PATIENCE = 1.0  # seconds; a program that answers does so at once


class Scenario:
    def __init__(self, name, policy, *steps, workers=1, tcp=False):
        self.name, self.policy, self.workers, self.tcp = name, policy, workers, tcp
        self.steps = [step for one in steps for step in (one if isinstance(one, list) else [one])]


class Step:
    """`title`: what is done. `same`: whether two texts are."""

    def __init__(self, title, do, same=lambda a, b: a == b):
        self.title, self.do, self.same = title, do, same


def query(name, kind, flags, edns, do, size, options):
    made = dns.message.make_query(dns.name.from_text(name), dns.rdatatype.from_text(kind), id=0x1234)
    made.flags = dns.flags.from_text(flags)
    if edns or do or options:
        made.use_edns(0, dns.flags.DO if do else 0, size, options=[
            dns.edns.ECSOption.from_text("ECS " + one) if isinstance(one, str) else dns.edns.GenericOption(*one)
            for one in options])
    return made.to_wire()


def destination(client):
    return "fd53::1" if ":" in client else "10.53.0.1"


def exchanged(world, wire, client, patience, over):
    got, seen = world.ask(wire, client, destination(client), patience, over)
    lines = ["server %d got %s" % (number, text(message)) for number, message, _ in seen]
    return "\n".join(["client got " + text(got)] + lines)


def ask(name, kind="A", flags="RD", edns=False, do=False, size=1232, options=(), client="10.60.0.1", patience=PATIENCE,
        wire=None, over="udp"):
    """One query: the answer, and what servers got. Options: (code, bytes), or a client subnet as text."""
    made = wire or query(name, kind, flags, edns, do, size, options)
    title = "ask %s %s %s%s%s from %s" % (name, kind, flags, " DO" if do else " EDNS %d" % size if edns else "",
                                         " %s" % (list(options)) if options else "", client)
    title += " over TCP" if over == "tcp" else ""
    return Step(title, lambda world, program: exchanged(world, made, client, patience, over), nearly)


def came(name, kind="A", client="10.60.0.1", over="udp", patience=PATIENCE):
    """How one query comes to servers, and whether it is answered."""
    wire = query(name, kind, "RD", False, False, 0, ())

    def do(world, program):
        got, seen = world.ask(wire, client, destination(client), patience, over)
        lines = ["%s" % ("answered" + (" truncated" if got[2] & 2 else "") if got else "silence")]
        return "\n".join(lines + ["server %d, %s" % (number, re.sub(r"\b%d\b" % world.port, "PORT", way)) for number, _, way in seen])
    return Step("came %s %s from %s%s" % (name, kind, client, " over TCP" if over == "tcp" else ""), do)


def check_came(number):
    """How the last check came to a server."""
    def do(world, program):
        with world.lock:
            got = world.checks.get(number)
        return got[-1][1] if got else "no check"
    return Step("how server %d is checked" % number, do)


def twice(name, *arguments, **named):
    """Whether the second is answered from a cache."""
    return [ask(name, *arguments, **named), titled("again: ", ask(name, *arguments, **named))]


TTL = re.compile(r"^([+=*] \S+ )(\d+)( )", re.MULTILINE)


def nearly(a, b):
    """The same, but that seconds may end between one and the other: TTLs."""
    first, second = ([int(found[1]) for found in TTL.findall(got)] for got in (a, b))
    return TTL.sub(r"\1-\3", a) == TTL.sub(r"\1-\3", b) and all(abs(x - y) <= 1 for x, y in zip(first, second))


def masked(got, masks):
    for pattern, into in (UUID, *masks):
        got = re.sub(pattern, into, got, flags=re.MULTILINE)
    return "\n".join(line.rstrip() for line in got.splitlines())


def lua(code, *masks):
    """What the console says to it. `masks`: (pattern, what stands in its place)."""
    return Step(code, lambda world, program: masked(program.console(code), masks))


def table(code):
    """What the console says to it, of rows that may have any order."""
    return Step(code, lambda world, program: "\n".join(sorted(masked(program.console(code), ()).splitlines())))


def value(code):
    """What Lua makes of an expression, as text; an error as such, without its words."""
    whole = "local ok, v = pcall(function() return %s end) return ok and tostring(v) or 'error'" % code
    return Step(code, lambda world, program: masked(program.console(whole), ()))


def titled(prefix, step):
    """The same, to be told from others."""
    step.title = prefix + step.title
    return step


def edit(code):
    """As value(), without what is said of it."""
    whole = value(code)
    return Step(code, lambda world, program: whole.do(world, program).splitlines()[-1])


def values(*codes):
    return [value(code) for code in codes]


def stop(*numbers):
    def do(world, program):
        world.stopped.update(numbers)
        return ""
    return Step("stop %s" % (numbers,), do)


def go(*numbers):
    def do(world, program):
        world.stopped.difference_update(numbers)
        return ""
    return Step("go %s" % (numbers,), do)


def wait(code, wanted, seconds=10):
    """That it comes to be so."""
    def do(world, program):
        until = time.monotonic() + seconds
        while (got := program.console("return tostring(%s)" % code)) != wanted:
            if time.monotonic() > until:
                return "%s, not %s" % (got, wanted)
            time.sleep(0.05)
        return wanted
    return Step("wait for %s to be %s" % (code, wanted), do)


def until(step, code, wanted, times):
    """The step again and again, until it is so."""
    def do(world, program):
        for _ in range(times):
            step.do(world, program)
            if program.console("return tostring(%s)" % code) == wanted:
                return wanted
        return "never"
    return Step("until %s is %s: %s" % (code, wanted, step.title), do)


def pause(seconds):
    def do(world, program):
        time.sleep(seconds)
        return ""
    return Step("pause %g" % seconds, do)


def checks(number):
    """The last check that a server got."""
    def do(world, program):
        with world.lock:
            got = world.checks.get(number)
        return text(got[-1][0]) if got else "no check"
    return Step("what server %d is checked with" % number, do)


def servers_of(world, names, client, patience=PATIENCE):
    """Which server got each of these, asked one by one."""
    sequence = []
    for name in names:
        _, seen = world.ask(query(name, "A", "RD", False, False, 0, ()), client, "10.53.0.1", patience)
        sequence.append(",".join(str(number) for number, _, _ in seen) or "-")
    return sequence


def choices(pattern, count, client="10.60.0.1", patience=PATIENCE):
    """Which server each of `count` names gets."""
    names = [pattern % i for i in range(count)]
    return Step("choices " + pattern, lambda world, program: " ".join(servers_of(world, names, client, patience)))


def spared(pattern, count, number):
    """That all are asked of a server, and none of that one."""
    def do(world, program):
        sequence = servers_of(world, [pattern % i for i in range(count)], "10.60.0.1")
        return "none asked" if "-" in sequence else "asked" if str(number) in sequence else "spared"
    return Step("spared %d %s" % (number, pattern), do)


def shares(pattern, count, within=0.08, client="10.60.0.1"):
    """Which part each server gets, the same but for chance."""
    names = [pattern % i for i in range(count)]

    def do(world, program):
        sequence = servers_of(world, names, client)
        return " ".join("%s:%.3f" % (one, sequence.count(one) / count) for one in sorted(set(sequence)))

    def same(a, b):
        first, second = (dict(one.split(":") for one in got.split()) for got in (a, b))
        return all(abs(float(first.get(one, 0)) - float(second.get(one, 0))) <= within for one in {*first, *second})
    return Step("shares " + pattern, do, same)


def spread(name, count):
    """Which server gets the same name each time while none answers: named by the turn in which they were first asked."""
    def do(world, program):
        sequence = servers_of(world, [name] * count, "10.60.0.1", patience=0.05)
        turns = sorted(set(sequence), key=sequence.index)
        return " ".join("-" if one == "-" else "abcde"[turns.index(one)] for one in sequence)
    return Step("spread %d %s" % (count, name), do)
