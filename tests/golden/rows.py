# SPDX-License-Identifier: BSD-2-Clause
"""What the rows of rules.py are made of: messages, which dnspython encodes, and what becomes of them."""
import copy

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

UDP_SIZE = 1232  # of the OPT in answers made here
KEPT = dns.flags.RD | dns.flags.CD  # of the client's header in answers made here
SERVER, OTHER = ("10.53.0.53", 53), ("10.53.0.54", 5353)  # of the pool "" and of the pool "other"


# ---- messages ----

def query(name="www.test", qtype="A", qclass="IN", flags="RD", opcode=0, rcode=0, edns=None, do=False,
          options=(), version=0, tail=b"", size=4096):
    """A query; with an OPT if `edns`, `do`, `options` or `version` ask for one."""
    made = dns.message.QueryMessage(id=0x1234)
    made.flags = dns.flags.from_text(flags)
    made.set_opcode(opcode)
    made.find_rrset(made.question, dns.name.from_text(name), dns.rdataclass.from_text(qclass),
                    dns.rdatatype.from_text(qtype), create=True, force_unique=True)
    if edns or do or options or version:
        made.use_edns(version, dns.flags.DO if do else 0, size, options=list(options))
    made.set_rcode(rcode)
    made.tail = tail
    return made


def option(code, data=b""):
    return dns.edns.GenericOption(code, data)


def extended_error(code, text=""):
    return option(15, code.to_bytes(2, "big") + text.encode())


def records(section, lines):
    for line in lines:
        owner, ttl, kind, data = line.split(None, 3)
        data = dns.rdata.from_text("IN", kind, data, dns.name.root, False)
        section.append(dns.rrset.from_rdata(dns.name.from_text(owner), int(ttl), data))


def response(asked, *answers, authority=(), additional=(), rcode=0, flags="QR RD RA", edns=None, options=()):
    """What the server says; `edns` is whether with an OPT, None: if the query has one."""
    made = dns.message.QueryMessage(id=asked.id)
    made.flags = dns.flags.from_text(flags)
    made.question = asked.question
    for section, lines in zip((made.answer, made.authority, made.additional),
                              (answers, authority, additional)):
        records(section, lines)
    if asked.edns >= 0 if edns is None else edns:
        made.use_edns(0, asked.ednsflags if edns is None else 0, UDP_SIZE, options=list(options))
    made.set_rcode(rcode)
    made.tail = b""
    return made


def edited(message, **changes):
    """A copy with other attributes: flags as text, options as a list, name, and such."""
    if not changes:
        return message
    made = copy.deepcopy(message)
    for key, value in changes.items():
        if key == "flags":
            made.flags = dns.flags.from_text(value) | made.flags & 0x780F
        elif key == "options":
            made.use_edns(0, max(made.ednsflags, 0) & dns.flags.DO,
                          made.payload if made.edns >= 0 else changes.get("size", UDP_SIZE), options=list(value))
        elif key == "name":
            asked = made.question[0]
            made.question = [dns.rrset.RRset(dns.name.from_text(value), asked.rdclass, asked.rdtype)]
        elif key == "tail":
            made.tail = value
        else:
            assert key == "size" and "options" in changes  # of a new OPT
    return made


def wire(message):
    """Its bytes. dnspython writes an OPT at the end, as is usual."""
    if isinstance(message, bytes):
        return message
    return message.to_wire(max_size=65535) + message.tail


def own(*answers, rcode=0, flags="", ra=None, **more):
    """The answer that Sluice makes of the query itself: Answer() of it."""
    return lambda asked: [wire(own_message(asked, answers, rcode, flags, ra, **more))]


def own_message(asked, answers, rcode, flags, ra, authority=(), additional=(), options=()):
    made = response(asked, *answers, authority=authority, additional=additional, rcode=0, edns=False, flags="")
    made.flags = dns.flags.QR | asked.flags & KEPT | dns.flags.from_text(flags)
    if ra if ra is not None else asked.flags & dns.flags.RD:
        made.flags |= dns.flags.RA
    made.set_opcode(asked.opcode())
    if asked.edns >= 0:
        made.use_edns(0, asked.ednsflags & dns.flags.DO, UDP_SIZE, options=list(options))
    made.set_rcode(rcode)
    return made


# ---- what becomes of a packet ----

class Outcome:
    """`forwarded`: the bytes that the server gets (their ID is Sluice's), None: nothing.
    `answers`: those that the client may get, None: nothing."""

    def __init__(self, asked, forwarded=None, server=SERVER, reply=None, answers=None):
        self.forwarded = forwarded and wire(forwarded(asked) if callable(forwarded) else forwarded)
        self.server = server
        self.reply = reply
        self.answers = [wire(one) for one in answers] if answers is not None else None


class Exchange:
    def __init__(self, asked, outcome, host=9, ipv6=False, after=0, port=53):
        self.query, self.outcome = wire(asked), outcome
        self.host, self.ipv6, self.after, self.port = host, ipv6, after, port


def dropped(asked=None, **how):
    asked = asked or query()
    return Exchange(asked, Outcome(asked), **how)


def forwarded(asked=None, to=SERVER, edits=None, **how):
    """On to a server, as it came or with edits."""
    asked = asked or query()
    return Exchange(asked, Outcome(asked, edited(asked, **(edits or {})), to), **how)


def answered(asked, made, **how):
    """By Sluice: own(), several of which any is right, or bytes."""
    made = made if isinstance(made, (list, tuple)) else [made]
    answers = [answer for one in made for answer in (one(asked) if callable(one) else [wire(one)])]
    return Exchange(asked, Outcome(asked, answers=answers), **how)


def refused(asked=None, **how):
    asked = asked or query()
    return answered(asked, own(rcode=5), **how)


def passed(asked, reply, got, edits=None, to=SERVER, **how):
    """By the server with `reply`, of which the client gets `got`: None is nothing."""
    outcome = Outcome(asked, edited(asked, **(edits or {})), to, wire(reply), None if got is None else [got])
    return Exchange(asked, outcome, **how)


# ---- rows ----

class Row:
    """`settings`: Lua that holds for all clients; rows with the same ones run together."""

    def __init__(self, name, policy, exchanges, settings=""):
        self.name, self.policy, self.exchanges, self.settings = name, policy, exchanges, settings

    @property
    def of(self):
        """The name of dnsdist's that it is about: the first word."""
        return self.name.split()[0]


def prefixes(number):
    """Of the clients of a row, which are all the row's rules are for: IPv4 and IPv6."""
    return "10.60.%d." % number, "fd60:0:%x::" % (number + 1)


def place(number, ipv6, host):
    """The address of a client of a row."""
    return "%s%d" % (prefixes(number)[ipv6], host)


def networks(number):
    net4, net6 = prefixes(number)
    return [net4 + "0/24", net6 + "/48"]
