#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Rate limits over time and over all workers together, regular expressions, and a set of clients that
# changes while it is used.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-'END'
	local block = TimedIPSetRule()
	addAction(AndRule({QNameSuffixRule('limited.demo.test'), NotRule(MaxQPSRule(400))}), DropAction())
	addAction(AndRule({QNameSuffixRule('client.demo.test'), MaxQPSIPRule(300, 24, 64)}),
	  RCodeAction(DNSRCode.REFUSED))
	addAction(QNameSuffixRule('action.demo.test'), QPSAction(200))
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
cpus=0,1
[ "$(nproc)" -gt 1 ] || cpus=0,0
sed -i "s/^lcores:.*/lcores: {control: 0, workers: [$cpus], share: true}/" "$work/sluice.yml"
lab_net
lab_nsd
lab_sluice

# limited NAME RATE WHAT: 3 seconds of 2,000 queries a second for a rule that lets RATE of them pass,
# and as many at once. What is above that by more than 5 % is wrong; a busy machine may let fewer pass.
limited() {
	local got seconds most list=$work/limited
	awk -v name="x.$1" 'BEGIN { for (i = 0; i < 6000; i++) print name, "A" }' >"$list"
	in_client dnsperf -s "$server" -d "$list" -n 1 -Q 2000 -q 8000 -c 16 -t 1 >"$list.log" 2>&1 || true
	got=$(sed -n "s/.*$3[^0-9]*\([0-9]*\).*/\1/p" "$list.log")
	seconds=$(sed -n 's/^ *Run time (s): *\([0-9.]*\).*/\1/p' "$list.log")
	most=$(awk -v rate="$2" -v seconds="$seconds" 'BEGIN { printf "%d", 1.05 * rate * (1 + seconds) }')
	echo "$1: $got of 6000 in $seconds s, $2 a second allowed: $most at most"
	[ "${got:-0}" -ge $(($2 * 4 * 8 / 10)) ] && [ "$got" -le "$most" ] ||
		fail "$1: $got is not what the rate lets pass"
}

limited limited.demo.test 400 'Queries completed:'
limited action.demo.test 200 'Queries completed:'
limited client.demo.test 300 'Response codes:.*NOERROR'
expect 'status: NXDOMAIN' AD17.b.demo.test
expect 'status: NOERROR' bad17.b.demo.test
expect 'status: NOERROR' block.demo.test
expect 'status: REFUSED' on.demo.test
expect 'status: REFUSED' block.demo.test
expect 'status: REFUSED' off.demo.test
expect 'status: NOERROR' block.demo.test
alive
