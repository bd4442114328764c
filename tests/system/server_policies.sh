#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Server policies in Lua over three name servers: the one that is chosen is asked, what is no choice
# is SERVFAIL, and a policy that does not end is loaded anew.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

metric() { in_sluice curl -s --max-time 5 http://127.0.0.1:8083/metrics | sed -n "s/^sluice_$1\(_total\)\?\({.*}\)\? //p"; }
counted() { [ "$(metric "$1")" -gt "$2" ]; }
who() { ask who.demo.test A +short; }
# chooses WHAT ADDRESS: as policies return WHAT, the server with this address answers.
chooses() {
	console "answer = function(servers) return $1 end"
	[ "$(who)" = "$2" ] || fail "a policy that returns $1: $(who), not $2"
}

lab_config <<-'END'
	for number = 1, 3 do
	  newServer({address = ('10.53.0.1%d:5300'):format(number), name = 's' .. number, order = number, weight = 1000,
	    pool = {'', 'hashed'}, checkName = 'demo.test.', checkTimeout = 200})
	end
	setServFailWhenNoServer(true)
	setServerPolicyLua('as the console says', function(servers, dq) return answer(servers) end)
	setPoolServerPolicyLuaFFIPerThread('by name', [[
	  local C = require('ffi').C
	  return function(list, dq)
	    return C.dnsdist_ffi_servers_list_chashed(list, dq, C.dnsdist_ffi_dnsquestion_get_qname_hash(dq, 0))
	  end
	]], 'hashed')
	addAction(QNameSuffixRule('hashed.demo.test'), PoolAction('hashed'))
END
lab_net
for number in 1 2 3; do server_start "$number"; done
lab_sluice

chooses 'servers[2]' 192.0.2.2
chooses '3' 192.0.2.3
chooses 'orderedWrandUntag.policy(servers, nil)' 192.0.2.1
chooses 'leastOutstanding.policy({servers[3]})' 192.0.2.3
chooses 'getServer("nobody").name' '' # an error, as all below: SERVFAIL
counted lua_errors 0 || fail "errors of a policy are not counted"
chooses 'nil' ''
chooses '4' ''
[ "$(metric no_server)" -ge 3 ] || fail "no server is not counted"
chooses '(function() while true do end end)()' '' # and all is loaded anew
chooses '1' 192.0.2.1
server_signal 1 STOP
first_is_up() { [ "$(console 'return getServer(0):isUp()')" = "$1" ]; }
wait_for 15 "the first server to be down" first_is_up false
chooses '(servers[1]:isUp() and servers[1] or servers[2])' 192.0.2.2
server_signal 1 CONT
wait_for 15 "the first server to be up" first_is_up true
console 'showPools()' | grep -qE '^hashed +by name +s1 ' || fail "showPools() does not name the policy"

load 3000 hashed.demo.test 3000 || fail "queries of the workers' own policy were lost"
console 'for i = 0, 2 do print(getServer(i):getQueries() > 300) end' | grep -q false && fail "names are not spread"

alive
