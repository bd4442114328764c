# SPDX-License-Identifier: BSD-2-Clause
"""A server that nobody answers for: asked for a bounded number of times, then its queries are dropped."""
from frames import query, udp

FRAMES = [udp(query("one.test", ident=1)), (100, udp(query("two.test", ident=2))),
          (8000, udp(query("three.test", ident=3)))]
