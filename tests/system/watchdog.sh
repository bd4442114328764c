#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Policy code that does not end is stopped: its query gets SERVFAIL, all others go on.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_up <<-END
	newServer('10.53.0.2:5300')
	addAction(QNameRule('c1.demo.test'), LuaAction(function() while true do end end))
	addAction(QNameRule('c2.demo.test'), LuaAction(function(dq)
	  local s = string.rep('a', 26)
	  while true do s:find('.-.-.-.-.-.-.-.-b') end
	end))
	addAction(QNameRule('c4.demo.test'), LuaAction(function() -- what it makes and leaves is no progress
	  while true do QNameRule('x') end
	end))
	addAction(QNameRule('c3.demo.test'), LuaAction(function(dq)
	  if dq.qtype == DNSQType.A and tostring(dq.qname) == 'c3.demo.test.' then
	    return DNSAction.Spoof, '192.0.2.99'
	  end
	end))
END

for round in 1 2 3 4 5; do
	expect 'status: SERVFAIL' c1.demo.test
	expect 'status: SERVFAIL' c2.demo.test
	expect 'status: SERVFAIL' c4.demo.test
	got=$(in_client dig +short +tries=1 +time=3 "@$server" c3.demo.test A)
	[ "$got" = 192.0.2.99 ] || fail "round $round: the new state answers '$got'"
done
load 1000 load.demo.test 1000 || fail "queries without Lua were lost"
alive
