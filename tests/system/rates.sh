#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Rate limits over time, regular expressions, and a set of clients that changes while it is used.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_up <<-'END'
	local block = TimedIPSetRule()
	addAction(AndRule({QNameSuffixRule('limited.demo.test'), NotRule(MaxQPSRule(400, 100))}), DropAction())
	addAction(AndRule({QNameSuffixRule('client.demo.test'), MaxQPSIPRule(300, 24, 64, 50)}),
	  RCodeAction(DNSRCode.REFUSED))
	addAction(RegexRule('^ad[0-9]+\\.(a|b)\\.demo'), RCodeAction(DNSRCode.NXDOMAIN))
	addAction(AndRule({block, QNameRule('block.demo.test')}), RCodeAction(DNSRCode.REFUSED))
	addAction('on.demo.test', LuaAction(function(dq)
	  for i = 1, 100 do
	    block:add(newCA('192.0.2.' .. i), 100) -- so that it has to grow
	  end
	  block:add(dq.remoteaddr, 100)
	  return DNSAction.Refused
	end))
	addAction('off.demo.test', LuaAction(function()
	  block:clear()
	  block:cleanup()
	  return DNSAction.Refused
	end))
	addAction(AllRule(), SpoofAction('192.0.2.1'))
END

# limited NAME EXPECTED WHAT: 3 seconds of 2,000 queries a second; EXPECTED of them, within 5 %.
limited() {
	local got list=$work/limited
	awk -v name="x.$1" 'BEGIN { for (i = 0; i < 6000; i++) print name, "A" }' >"$list"
	in_client dnsperf -s "$server" -d "$list" -n 1 -Q 2000 -q 8000 -c 1 -t 1 >"$list.log" 2>&1 || true
	got=$(sed -n "s/.*$3[^0-9]*\([0-9]*\).*/\1/p" "$list.log")
	echo "$1: $got of 6000, expected $2"
	[ "${got:-0}" -ge $(($2 * 95 / 100)) ] && [ "$got" -le $(($2 * 105 / 100)) ] ||
		{ cat "$list.log"; fail "$1: $got where $2 are right"; }
}

limited limited.demo.test 1300 'Queries completed:' # 100 at once and 400 a second
limited client.demo.test 950 'Response codes:.*NOERROR'
expect 'status: NXDOMAIN' AD17.b.demo.test
expect 'status: NOERROR' bad17.b.demo.test
expect 'status: NOERROR' block.demo.test
expect 'status: REFUSED' on.demo.test
expect 'status: REFUSED' block.demo.test
expect 'status: REFUSED' off.demo.test
expect 'status: NOERROR' block.demo.test
alive
