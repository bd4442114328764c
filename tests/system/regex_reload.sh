#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Thousands of regular expressions are compiled beside the traffic: queries that need the control lcore are
# answered meanwhile, and the policy before stays in force. What a newer policy does not want is not waited
# for; one with an error changes nothing; what is the same is not compiled again.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

given() { grep -q "status: $1" "$work/answer.log"; }
gives() { ask "$2" >"$work/answer.log" 2>&1; given "$1"; }

# policy CODE FIRST COUNT [LINE...]: marks itself by what it answers to mark.demo.test.
policy() {
	local code=$1 first=$2 count=$3
	shift 3
	printf '%s\n' "newServer('10.53.0.2:5300')" "$@" \
		"addAction('mark.demo.test', RCodeAction(DNSRCode.$code))" \
		"addAction('lua.demo.test', LuaAction(function(dq) return DNSAction.Nxdomain, '' end))" \
		"for i = $first, $first + $count - 1 do" \
		"  addAction(RegexRule('^(.+[-.])?adv?(ert)?[0-9]*[-_.]x' .. i .. 'y\\\\.'), RCodeAction(DNSRCode.REFUSED))" \
		"end" >"$work/policy.lua"
}
reload() { policy "$@" && kill -HUP "$sluice_pid"; }

policy YXDOMAIN 0 3
lab_up <<<"$(cat "$work/policy.lua")"
wait_for 10 "the first policy" gives YXDOMAIN mark.demo.test

reload YXRRSET 10000 6000
wait_for 20 "a policy that waits" said 'comes into force when its regular expressions'
# By one program: starting ten may take longer than the expressions do.
for ((i = 0; i < 10; i++)); do printf '%s\n' lua.demo.test mark.demo.test; done >"$work/pairs"
ask -f "$work/pairs" | sed -n 's/.*status: \([A-Z]*\).*/\1/p' | paste -d ' ' - - >"$work/statuses"
[ "$(grep -c '^NXDOMAIN' "$work/statuses")" = 10 ] || fail "a query that needs Lua had no answer"
[ "$(grep -c '^NXDOMAIN YXDOMAIN$' "$work/statuses")" -ge 3 ] || fail "the new policy waited for nothing"
[ "$(console '1 + 1')" = 2 ] || fail "the console does not answer"
# A newer one, of others, before it came: that is in force, and the one between them never was.
reload NXRRSET 4000 2000
changed() { ask mark.demo.test >"$work/answer.log" 2>&1; given NXRRSET || given YXRRSET; }
wait_for 60 "the newest policy" changed
given NXRRSET || fail "the policy that a newer one replaced came into force"
gives REFUSED ad1.x4003y.demo.test || fail "an expression is not found"
gives REFUSED ad1.x5999y.demo.test || fail "the last expression is not found"

# One with an error is refused, and says where it is.
reload NOTAUTH 9000 1000 "addAction(RegexRule('(bad'), DropAction())"
wait_for 60 "the refusal" said 'policy.lua:2: .*"[(]bad"'
gives NXRRSET mark.demo.test || fail "the policy before is not in force"

# The same set serves a policy with another rule, and one more expression.
reload NOTZONE 4000 2001
wait_for 20 "the policy with one more" gives NOTZONE mark.demo.test
said '2000 regular expressions of a chain together, .*; 1 more are asked alone' || fail "another set was made"

# At run time: an error is told, and what is right is in force when the console says so.
console "addAction(RegexRule('*bad'), DropAction())" >"$work/told" 2>&1 && fail "an error in an expression is taken"
console "addAction(RegexRule('^one-more'), RCodeAction(DNSRCode.NOTIMP))" || fail "an expression is refused"
gives NOTIMP one-more.demo.test || fail "an expression that was added is not in force"
alive
