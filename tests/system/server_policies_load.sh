#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# A server policy in Lua under load: what a reload finds in hand goes on, and what the control lcore has
# no room for is balanced without the policy.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

bypassed() { in_sluice curl -s --max-time 5 http://127.0.0.1:8083/metrics | sed -n 's/^sluice_server_policy_bypassed_total //p'; }

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

# Whatever a reload finds in hand goes on.
load 6000 load.demo.test 3000 >"$work/reloads.txt" &
loading=$!
for reload in 1 2 3; do
	kill -HUP "$sluice_pid"
	wait_for 10 "reload $reload" sh -c "[ \$(grep -c 'policy reloaded' '$work/sluice.log') -ge $reload ]"
done
wait "$loading" || fail "queries were lost over reloads: $(cat "$work/reloads.txt")"

# More than there is room for is balanced without the policy, and none is lost.
console 'slow = 300000'
load 9000 load.demo.test 100000 -t 20 || fail "queries were lost as the policy had no room"
[ "$(bypassed)" -gt 0 ] || fail "no query went past its policy"
alive
