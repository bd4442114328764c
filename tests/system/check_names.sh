#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# sluice check: names that are not there are errors with their line, and tell of those that are meant.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<<"newServer('10.53.0.2:5300')"

# refuses PATTERN POLICY: in its first line.
refuses() {
	printf '%s\n' "$2" >"$work/policy.lua"
	"$binary" check -c "$work/sluice.yml" 2>"$work/said.log" && fail "accepted: $2"
	grep -qE "^$work/policy\.lua:1: $1" "$work/said.log" || fail "no line like '$1' for $2"
}
refuses '.*NoSuchAction' 'addAction(AllRule(), NoSuchAction())'
refuses 'submitToMainThread is refused: ' 'submitToMainThread()'
refuses "attempt to call global 'addActoin' \(a nil value\); did you mean addAction\?" "addActoin('a', DropAction())"
refuses "attempt to call global 'qtyperule' .*; did you mean QTypeRule\?" "addAction(qtyperule(1), DropAction())"
refuses "attempt to index global 'DNSRcodes' .*; did you mean DNSRCode\?" "addAction('a', RCodeAction(DNSRcodes.REFUSED))"
refuses "attempt to call field 'suspnd' .*; did you mean sluice.suspend\?" "sluice.suspnd()"
refuses "attempt to call global 'wellKnown' \(a nil value\)$" "wellKnown()"
