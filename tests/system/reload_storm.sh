#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# A SIGHUP that comes while the policy is still being read for the last one: queries that need the control lcore
# are answered in between, however many come, and SIGTERM ends it all the same.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

reloads() { [ "$(grep -c 'policy reloaded' "$work/sluice.log")" -ge "$1" ]; }
# Each as soon as the kernel has delivered the last, and a query of a worker's own has been answered.
storm() {
	while [ -e "$work/storm" ] && kill -HUP "$sluice_pid" 2>/dev/null; do
		ask plain.demo.test >/dev/null 2>&1 || true
	done
}

lab_up <<-END
	addAction('lua.demo.test', LuaAction(function(dq) return DNSAction.Nxdomain, '' end))
	addAction(AllRule(), RCodeAction(DNSRCode.REFUSED))
	local enough = os.clock() + 0.3
	while os.clock() < enough do end
END
touch "$work/storm"
storm &
storm_pid=$!
wait_for 20 "reloads" reloads 3
expect 'status: NXDOMAIN' lua.demo.test +time=10
[ "$(console '1 + 1')" = 2 ] || fail "the console does not answer"
kill -TERM "$sluice_pid"
wait_for 30 "the end" process_ended "$sluice_pid"
wait "$sluice_pid" || fail "it ends with $?"
wait "$storm_pid"
