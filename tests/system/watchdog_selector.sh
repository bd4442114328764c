#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# A selector that does not end, between two actions in Lua: its query gets SERVFAIL, once; what came
# with it goes through the rules of the policy that was loaded anew.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_up <<-'END'
	newServer('10.53.0.2:5300')
	addAction(AllRule(), LuaAction(function(dq)
	  dq:setTag('first', 'yes')
	  return DNSAction.None
	end))
	addAction(LuaRule(function(dq)
	  while tostring(dq.qname):find('^hang') do end
	  return false
	end), DropAction())
	addAction(AllRule(), LuaAction(function(dq)
	  if dq:getTag('first') ~= 'yes' then
	    return DNSAction.Refused
	  end
	  return DNSAction.None
	end))
	addAction(LuaRule(function(dq) return true end), SpoofAction('192.0.2.99'))
END

for round in 1 2 3; do
	expect 'status: SERVFAIL' "hang$round.demo.test"
	got=$(ask "c$round.demo.test" +short)
	[ "$got" = 192.0.2.99 ] || fail "round $round: the new state answers '$got'"
done

# Both kinds at once: dnsperf counts what has no answer.
for n in {1..2000}; do
	[ $((n % 500)) -eq 0 ] && echo "hang$n.demo.test A" || echo "q$n.demo.test A"
done >"$work/mixed"
in_client dnsperf -s "$server" -d "$work/mixed" -n 1 -Q 4000 -q 5000 -c 10 -t 3 >"$work/mixed.log" 2>&1
grep -q 'Queries completed: *2000 ' "$work/mixed.log" || fail "queries have no answer: $(cat "$work/mixed.log")"
grep -q 'SERVFAIL 4 ' "$work/mixed.log" || fail "not 4 of them failed: $(cat "$work/mixed.log")"
alive
