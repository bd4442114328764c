# SPDX-License-Identifier: BSD-2-Clause
"""Rows as policies, and what came of them beside what they expect: for run_rules, and for tests/peer."""
import dns.exception
import dns.message

import rows
import rules

GUARD = """-- SPDX-License-Identifier: BSD-2-Clause
local chains = {addAction = addAction, addResponseAction = addResponseAction}
local function guarded(add, networks)
  return function(selector, ...)
    return chains[add](AndRule({NetmaskGroupRule(networks), makeRule(selector)}), ...)
  end
end
"""
ROW = """do -- %s
local net4, net6, networks = '%s', '%s', {'%s'}
local addAction = guarded('addAction', networks)
local addResponseAction = guarded('addResponseAction', networks)
%s
end
"""


def policy(chosen):
    if chosen[0].settings is None:
        return chosen[0].policy
    text = GUARD + rules.PREAMBLE + chosen[0].settings + "\n"
    for number, row in enumerate(chosen):
        text += ROW % (row.name, *rows.prefixes(number), "', '".join(rows.networks(number)), row.policy)
    return text


def text(message):
    """Bytes as dnspython reads them, and as they are."""
    if message is None:
        return "      nothing"
    try:
        lines = dns.message.from_wire(message, ignore_trailing=True, one_rr_per_rrset=True).to_text().splitlines()
    except dns.exception.DNSException as error:
        lines = ["(%s: %s)" % (type(error).__name__, error)]
    return "\n".join("      " + line for line in lines + [message.hex()])


def compare(what, expected, got):
    """`expected`: bytes any of which is right, or None."""
    if got is None and expected is None or got is not None and expected is not None and got in expected:
        return []
    wanted = "\n      or\n".join(text(one) for one in expected or [None])
    return ["    %s, expected:\n%s\n    got:\n%s" % (what, wanted, text(got))]


def without_id(message):
    return message and b"\0\0" + message[2:]
