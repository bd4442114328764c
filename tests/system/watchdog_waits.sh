#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Policy code that does not end costs the policy, whose file has been changed since and now has expressions that
# take long to compile: it comes into force by itself, and until then what needs Lua has SERVFAIL, as it is said.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

gives() { ask "$2" >"$work/answer.log" 2>&1; grep -q "status: $1" "$work/answer.log"; }

lab_up <<-END
	addAction('endless.demo.test', LuaAction(function() while true do end end))
	addAction('mark.demo.test', RCodeAction(DNSRCode.YXDOMAIN))
END
gives YXDOMAIN mark.demo.test || fail "the first policy is not in force"
cat >"$work/policy.lua" <<-'END'
	addAction('endless.demo.test', LuaAction(function() return DNSAction.Nxdomain, '' end))
	addAction('mark.demo.test', RCodeAction(DNSRCode.YXRRSET))
	for i = 10000, 10500 do
	  addAction(RegexRule('^(.+[-.])?adv?(ert)?[0-9]*[-_.]x' .. i .. 'y\\.'), RCodeAction(DNSRCode.REFUSED))
	end
END
expect 'status: SERVFAIL' endless.demo.test
wait_for 20 "what it waits for" said 'answer SERVFAIL until the policy, which has changed'
! said 'send SIGHUP' || fail "it asks for what is not needed"
wait_for 60 "the policy of the file" gives YXRRSET mark.demo.test
gives NXDOMAIN endless.demo.test || fail "its Lua does not work"
alive
