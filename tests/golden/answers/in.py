# SPDX-License-Identifier: BSD-2-Clause
"""Each action that answers, with and without EDNS, and selectors that read into the message."""
from frames import opt, option, query, udp, udp6

FRAMES = [
    udp(query("cname.test", ident=1)),
    udp6(query("CName.Test", "AAAA", ident=2, edns=opt(do=True))),
    udp(query("raw.test", "TXT", ident=3, edns=opt())),
    udp(query("raw.test", "ANY", ident=4)),
    udp(query("nxd.test", ident=5, edns=opt(do=True))),
    udp(query("nodata.test", ident=6)),
    udp(query("spoof.test", ident=7, edns=opt())),
    udp(query("spoof.test", "AAAA", ident=8, flags=0)),
    udp(query("badvers.test", ident=9, edns=opt())),
    udp(query("badvers.test", ident=10)),
    udp(query("tc.test", ident=11, edns=opt())),
    udp(query("continue.test", ident=12, edns=opt())),
    udp(query("continue.test", ident=13)),
    udp(query("cookie.test", ident=14, edns=opt(options=option(10, b"12345678")))),
    udp(query("a-name-that-is-long-enough-for-the-rule-about-sizes.test", ident=15)),
    udp(query("trailing.test", ident=16) + b"\0"),
    udp(query("AD1.test", ident=17)),
]
