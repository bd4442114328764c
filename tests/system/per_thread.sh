#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Lua that the worker runs itself: no packet crosses to the control lcore; errors, code that does not
# end and deep recursion cost their queries only; a reload takes new states or keeps the old.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

metric() {
	in_sluice curl -s --max-time 5 http://127.0.0.1:8083/metrics |
		awk -v name="$1" '$1 == name { sum += $2 } END { print sum + 0 }'
}
answers() { [ "$(ask "$1" +short)" = "$2" ]; }
logged() { grep -qE -- "$1" "$work/sluice.log"; }

lab_up <<-'END'
	newServer('10.53.0.2:5300')
	addAction('error.test', LuaFFIPerThreadAction("return function() error('meant') end"))
	addAction('endless.test', LuaFFIPerThreadAction('return function() while true do end end'))
	addAction('deep.test', LuaFFIPerThreadAction([[
	  local function deeper(s) return (s:gsub('.', deeper)) end
	  return function(dq) deeper('aa') return DNSAction.None end
	]]))
	addAction('count.test', LuaFFIPerThreadAction([[
	  local n = 0
	  return function() n = n + 1 return DNSAction.Spoof, '192.0.2.' .. n end
	]]))
	addResponseAction(LuaFFIPerThreadRule('return function() return true end'),
	  LuaFFIPerThreadResponseAction([[
	    local C = require('ffi').C
	    return function(dr)
	      C.dnsdist_ffi_dnsresponse_set_max_ttl(dr, 7)
	      return DNSResponseAction.None
	    end
	  ]]))
END

answers count.test 192.0.2.1 && answers count.test 192.0.2.2 || fail "the state has no memory"
expect '^c1.demo.test.[[:space:]]+7[[:space:]]' c1.demo.test
load 2000 load.demo.test 1000 || fail "queries were lost"
[ "$(metric sluice_handed_over_total)" -eq 0 ] || fail "packets went to the control lcore"

expect 'status: SERVFAIL' error.test
wait_for 5 "the error's message" logged 'policy.lua:2: code:1: meant'
[ "$(metric sluice_lua_errors_total)" -ge 1 ] || fail "the error is not counted"
answers count.test 192.0.2.3 || fail "an error threw the state away"
expect 'status: SERVFAIL' endless.test
wait_for 5 "a new state" answers count.test 192.0.2.1
expect 'status: SERVFAIL' deep.test
counts() { ask count.test +short | grep -q '^192\.0\.2\.'; }
wait_for 5 "an end of the recursion" counts

printf "addAction('count.test', LuaFFIPerThreadAction([[return\n5 5]]))\n" >"$work/policy.lua"
kill -HUP "$sluice_pid"
wait_for 5 "a complaint" logged 'policy.lua:1: code:2: '
counts || fail "a policy with an error replaced the one before"
printf "addAction('count.test', LuaFFIPerThreadAction('return function() return 2 end'))\n" >"$work/policy.lua"
kill -HUP "$sluice_pid"
refused() { ask count.test | grep -q 'status: REFUSED'; }
wait_for 5 "the new policy" refused
alive
