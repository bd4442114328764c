#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Policies that follow each other at once, each with a thousand servers of its own: all come into force, the
# later ones when queries to servers that have left have ended, of which there is one.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# policy NUMBER: its servers are of no other policy's; who.test tells which policy it is.
policy() {
	cat >"$work/policy.lua" <<-END
		newServer{address = '10.53.0.2:5300', pool = 'good', healthCheckMode = 'up'}
		for i = 1, 1023 do
		  newServer{address = '10.53.0.$((100 + $1)):' .. 10000 + i, udpTimeout = 4, healthCheckMode = 'up'}
		end
		addAction('demo.test', PoolAction('good'))
		addAction('who.test', SpoofAction('192.0.2.$1'))
	END
}
# The next one is read only when the one before is in force, or known to wait.
reload() {
	local seen
	seen=$(grep -cE "$answered" "$work/sluice.log") || true
	policy "$1"
	kill -HUP "$sluice_pid"
	wait_for 20 "a word of policy $1" said "$answered" "$((seen + 1))"
}
answered='policy reloaded|comes into force when queries'
in_force() { ask who.test | grep -q "192.0.2.$1\$"; }

lab_config </dev/null
lab_net
lab_nsd
policy 1
lab_sluice
expect 192.0.2.1 who.test
ask silent.test +time=1 >/dev/null || true # on its way to a server of the first policy
for number in 2 3 4; do
	reload "$number"
done
grep -q 'comes into force when queries' "$work/sluice.log" || fail "no policy had to wait"
wait_for 30 "the last policy" in_force 4
grep 'refused' "$work/sluice.log" && fail "a policy was refused"
expect 'status: NOERROR' c1.demo.test
console_is 'return #getServers()' 1024
