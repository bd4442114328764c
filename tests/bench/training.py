#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Shows a build what packets do, so that the compiler knows which way they go: scripts/release.

  tests/bench/training.py SLUICE    replays captures through policies of each kind

Beside the lanes whose instructions are counted it has what those leave out: rules of each kind that
match now and then, and packets that are suspended, resumed, and run out of time. Each is met over
IPv4 and over IPv6, with EDNS and without.
"""
import os
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import capture  # noqa: E402
import instructions  # noqa: E402
import lab  # noqa: E402

CLIENT6, SERVER6 = "fd00:9::2", "fd00:9::1"
# That of the counted lanes, with IPv6.
CONFIG = instructions.CONFIG.replace(f"[{lab.SERVER}/24]", f'[{lab.SERVER}/24, "{SERVER6}/64"]').replace(
    "neighbours: [", f'neighbours: [{{address: "{CLIENT6}", mac: "02:00:00:00:00:02"}}, ')
# Of the 2048 names h0 to h2047 each rule has a part; the rest is forwarded.
RULES = instructions.SERVER + """
addAction(MaxQPSIPRule(1000000), DropAction())
addAction(QNameRule('h1.bench.test.'), SpoofAction({'192.0.2.1', '2001:db8::1'}))
addAction(RegexRule('^h[0-9]7[0-9]\\\\.'), RCodeAction(DNSRCode.NXDOMAIN))
addAction(QNameSuffixRule({'h2.bench.test', 'h3.bench.test', 'h4.bench.test', 'h5.bench.test'}), NegativeAndSOAAction(
  true, 'bench.test', 60, 'ns.bench.test', 'host.bench.test', 1, 2, 3, 4, 5))
addAction(AndRule({QTypeRule(DNSQType.A), NetmaskGroupRule('10.53.9.0/30'), ProbaRule(0.1)}), SetTagAction('seen', 'yes'))
addAction(AndRule({TagRule('seen'), NotRule(RDRule())}), SetExtendedDNSErrorAction(15, 'no'))
addAction(AndRule({QNameLabelsCountRule(1, 3), ProbaRule(0.1)}), TCAction())
addAction(OrRule({ProbaRule(0.05), QClassRule(DNSClass.CHAOS)}), DropAction())
addResponseAction(AllRule(), SetMaxTTLResponseAction(600))
"""
# Each query resumes the one before it, and those of one name run out of time.
SUSPEND = instructions.SERVER + """
local before
addAction(AllRule(), LuaAction(function(dq)
  local id = dq.dh:getID()
  if before then
    local object = getAsynchronousObject(0, before)
    object:setRCode(DNSRCode.REFUSED, true)
    object:resume()
  end
  local forgotten = id % 16 == 0
  dq:suspend(0, id, forgotten and 1 or 1000)
  before = not forgotten and id or nil
  return DNSAction.Allow
end))
"""
FUNCTIONS = """
addAction(AllRule(), LuaFFIAction(function(dq)
  local C = require('ffi').C
  if C.dnsdist_ffi_dnsquestion_get_id(dq) % 4 == 0 then return DNSAction.Refused end
  return DNSAction.None
end))
addAction(AllRule(), LuaAction(function(dq)
  if dq.qname:toString() == 'h1.bench.test.' then return DNSAction.Nxdomain end
  return DNSAction.Spoof, '192.0.2.7'
end))
"""
LANES = instructions.LANES + [
    instructions.Lane("kinds", RULES, edns=True, answered=True),
    instructions.Lane("suspend", SUSPEND),
    instructions.Lane("functions", FUNCTIONS, edns=True),
]
ENDS = [(lab.CLIENT, lab.SERVER), (CLIENT6, SERVER6)]


def replay(binary, folder, frames, out="/dev/null"):
    """Not all of them bring forth an answer."""
    taken = os.path.join(folder, "in.pcap")
    capture.store(taken, frames)
    lab.run([binary, "replay", "--burst", instructions.BURST, "-c", os.path.join(folder, "sluice.yml"), taken, out])


def train(binary, lane, client, server):
    with tempfile.TemporaryDirectory(prefix="sluice-training.") as folder:
        instructions.furnish(folder, lane, CONFIG)
        for edns in (False, True):
            frames = [capture.frame(number, f"h{number}", client, server, lab.MAC, edns)
                      for number in range(instructions.QUERIES)]
            if lane.answered:
                out = os.path.join(folder, "asked.pcap")
                replay(binary, folder, frames, out)
                # Servers are asked over IPv4; what leaves otherwise is an answer already.
                frames += [capture.answer(frame) for frame in capture.frames_of(out)
                           if frame[12:14] == b"\x08\x00" and not frame[capture.HEADERS + 2] & 0x80]
            replay(binary, folder, frames + (frames if lane.again else []))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    binary = os.path.realpath(sys.argv[1])
    for lane in LANES:
        for client, server in ENDS:
            train(binary, lane, client, server)
        print(f"training: {lane.name}", flush=True)


if __name__ == "__main__":
    try:
        main()
    except lab.Failure as failure:
        sys.exit(f"training: {failure}")
