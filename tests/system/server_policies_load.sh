#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# A server policy in Lua under load: what a reload finds in hand goes on, and what the control lcore has
# no room for is balanced without the policy.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

metric() { in_sluice curl -s --max-time 5 http://127.0.0.1:8083/metrics | sed -n "s/^sluice_$1_total\({port=\"edge\"}\)\? //p"; }

lab_config <<-'END'
	for number = 1, 3 do
	  newServer({address = ('10.53.0.1%d:5300'):format(number), name = 's' .. number})
	end
	local turn = 0
	setServerPolicyLuaFFI('by turns', function(list, dq)
	  local sum = 0
	  for i = 1, slow or 0 do sum = sum + i % 7 end
	  turn = turn + 1
	  return turn % 3
	end)
END
lab_net
for number in 1 2 3; do server_start "$number"; done
lab_sluice

# What so many at once lose on their way through the kernel of a busy machine is not ours. Each that
# came is sent to a server, or was in the hands of a policy that the watchdog stopped.
all_went_on() { [ "$(($(metric forwarded) + $(metric no_server)))" -ge "$(metric queries)" ]; }
went_on() {
	wait_for 20 "the last query to go on" all_went_on || fail "$(metric queries) queries, $(metric forwarded) sent to servers"
	[ "$(metric queries)" -gt "$1" ] || fail "of the queries only $(metric queries) came"
	[ "$(metric no_server)" -le 5 ] || fail "$(metric no_server) queries found no server"
}

# Whatever a reload finds in hand goes on.
load 4500 load.demo.test 1500 -t 20 >"$work/reloads.txt" &
loading=$!
for reload in 1 2 3; do
	kill -HUP "$sluice_pid"
	wait_for 20 "reload $reload" sh -c "[ \$(grep -c 'policy reloaded' '$work/sluice.log') -ge $reload ]"
done
wait "$loading" || true
went_on 1000

# More than there is room for is balanced without the policy.
console 'slow = 20000'
load 9000 load.demo.test 100000 -t 20 || true
[ "$(metric server_policy_bypassed)" -gt 0 ] || fail "no query went past its policy"
went_on 5000
alive
