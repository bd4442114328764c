# SPDX-License-Identifier: BSD-2-Clause
"""A policy that makes its rules anew for some queries; what is left of the former ones is collected."""
from frames import query, udp

NAMES = ["a.test", "n5.test", "r1.test", "other.test"]
FRAMES = []
for _ in range(3):
    FRAMES += [udp(query(text, ident=len(FRAMES) + number)) for number, text in enumerate(NAMES)]
    FRAMES.append(udp(query("again.test", ident=len(FRAMES))))
