# SPDX-License-Identifier: BSD-2-Clause
"""Answers that no name server should give, by the label that asks for them."""
import struct


def question_end(wire):
    at = 12
    while wire[at]:
        at += wire[at] + 1
    return at + 5


def counted(wire, section, count):
    at = 4 + 2 * section
    return wire[:at] + struct.pack("!H", count & 0xffff) + wire[at + 2:]


def count_of(wire, section):
    return struct.unpack("!H", wire[4 + 2 * section:6 + 2 * section])[0]


def record(name, kind, data, ttl=60):
    return name + struct.pack("!HHIH", kind, 1, ttl, len(data)) + data


def with_last(wire, added):
    """One more record at the end, in the additional section."""
    return counted(wire, 3, count_of(wire, 3) + 1) + added


def with_answer(wire, added):
    """An answer of this alone."""
    bare = wire[:question_end(wire)] + added
    return counted(counted(counted(bare, 1, 1), 2, 0), 3, 0)


OPT = b"\0" + struct.pack("!HHIH", 41, 1232, 0, 0)
A = b"\xc0\x0c"
WAYS = {
    "othername": lambda wire: wire[:13] + bytes([wire[13] ^ 1]) + wire[14:],
    "othercase": lambda wire: wire[:12] + wire[12:question_end(wire) - 4].swapcase() + wire[question_end(wire) - 4:],
    "othertype": lambda wire: wire[:question_end(wire) - 3] + b"\x1c" + wire[question_end(wire) - 2:],
    "otherclass": lambda wire: wire[:question_end(wire) - 1] + b"\3" + wire[question_end(wire):],
    "otherid": lambda wire: bytes([wire[0] ^ 255]) + wire[1:],
    "noquestion": lambda wire: counted(wire[:12] + wire[question_end(wire):], 0, 0),
    "onlyheader": lambda wire: counted(counted(wire[:12], 0, 0), 1, 0),
    "twoquestions": lambda wire: counted(wire[:question_end(wire)] + wire[12:], 0, 2),
    "noqr": lambda wire: wire[:2] + bytes([wire[2] & 0x7f]) + wire[3:],
    "otheropcode": lambda wire: wire[:2] + bytes([wire[2] | 0x20]) + wire[3:],
    "moreanswers": lambda wire: counted(wire, 1, count_of(wire, 1) + 1),
    "manyanswers": lambda wire: counted(wire, 1, 65535),
    "moreadditional": lambda wire: counted(wire, 3, count_of(wire, 3) + 1),
    "manyauthority": lambda wire: counted(wire, 2, 65535),
    "feweranswers": lambda wire: counted(wire, 1, 0),
    "trailing": lambda wire: wire + b"trailing",
    "afteropt": lambda wire: with_last(with_last(wire, OPT), record(A, 1, b"\xc0\0\2\x21")),
    "twoopts": lambda wire: with_last(with_last(wire, OPT), OPT),
    "unaskedopt": lambda wire: with_last(wire, OPT),
    "optanswer": lambda wire: with_answer(wire, OPT),
    "optnamed": lambda wire: with_last(wire, b"\1x\0" + OPT[1:]),
    "loop": lambda wire: with_answer(wire, record(struct.pack("!H", 0xc000 | question_end(wire)), 1, b"\xc0\0\2\1")),
    "forward": lambda wire: with_answer(wire, record(b"\xc0\xff", 1, b"\xc0\0\2\1")),
    "badlabel": lambda wire: with_answer(wire, record(b"\x80x\0", 1, b"\xc0\0\2\1")),
    "othernamed": lambda wire: with_answer(wire, record(b"\5other\4test\0", 1, b"\xc0\0\2\1")),
    "shortdata": lambda wire: with_answer(wire, record(A, 1, b"\xc0\0")),
    "longdata": lambda wire: with_answer(wire, record(A, 1, b"\xc0\0\2\1")[:-5] + b"\x40\xc0\0\2\1"),
    "cut": lambda wire: wire[:-3],
    "cutname": lambda wire: wire[:14],
    "short": lambda wire: wire[:11],
    "cname": lambda wire: with_answer(wire, record(A, 5, b"\xc0\x0c")),
    "negativettl": lambda wire: with_answer(wire, record(A, 1, b"\xc0\0\2\1", 0xffffffff)),
    "longname": lambda wire: with_answer(wire, record((b"\x3f" + b"x" * 63) * 4 + b"\0", 1, b"\xc0\0\2\1")),
}


def spoilt(words, wire):
    """The answer with what the labels of its name ask for done to it."""
    for word in words:
        if word in WAYS:
            wire = WAYS[word](wire)
    return wire
