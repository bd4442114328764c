#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# A policy that is long to read: meanwhile the one before answers, verdicts and people are served, what it asked
# for is not lost, another SIGHUP is not forgotten, and SIGTERM does not wait for it.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# policy NAME: answers NAME.demo.test in Lua, and is read for as long as there is a file "wait".
policy() {
	cat >"$work/policy.lua" <<-END
		getAddressInfo('localhost', function(host) found = host end)
		addAction('$1.demo.test', LuaAction(function(dq) return DNSAction.Nxdomain, '' end))
		addAction(AllRule(), RCodeAction(DNSRCode.REFUSED))
		$(waits "$1")
	END
}
reads() { policy "$1"; kill -HUP "$sluice_pid"; wait_for 20 "$1 to be read" said "$1 is being read" "${2:-1}"; }
answers() {
	expect 'status: NXDOMAIN' "$1.demo.test"
	expect 'status: REFUSED' "$2.demo.test"
	[ "$(console '1 + 1')" = 2 ] || fail "the console does not answer"
}

policy old
lab_up <<<"$(cat "$work/policy.lua")"
touch "$work/wait"
reads new
answers old new
said 'policy reloaded' 1 && fail "it is in force before it has been read"
policy newer
kill -HUP "$sluice_pid"
answers old newer
rm "$work/wait"
wait_for 20 "both policies" said 'policy reloaded' 2
answers newer new
found() { [ "$(console 'found')" = localhost ]; }
wait_for 20 "the host that it asked for" found

touch "$work/wait"
reads last
answers newer last
kill -TERM "$sluice_pid"
wait_for 10 "the end" process_ended "$sluice_pid"
wait "$sluice_pid" || fail "it ends with $?"
