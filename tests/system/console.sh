#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The console: what it evaluates, at a terminal and from a pipe, and what it changes.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_up <<-'END'
	newServer('10.53.0.2:5300')
	addAction(QNameRule('c7.demo.test'), LuaAction(function(dq)
		dq:suspend(7, dq.dh:getID(), 20000) return DNSAction.Allow
	end))
END

# says TEXT EXPRESSION: its results are TEXT; complains PATTERN EXPRESSION: it is an error that says so.
says() {
	local text
	text=$(console "$2" 2>&1) || fail "console: '$2' failed: $text"
	[ "$text" = "$1" ] || fail "console: '$2' gave '$text', not '$1'"
}
complains() {
	local text status=0
	text=$(console "$2" 2>&1 >/dev/null) || status=$?
	[ "$status" -eq 1 ] || fail "console: '$2' ended with $status"
	grep -qE -- "$1" <<<"$text" || fail "console: '$2' complained '$text', not '$1'"
}

[ "$(stat -c %a "$console_socket")" = 600 ] || fail "the console is open to others"
says 2 '1 + 1'
says $'a\t1\nb\ttrue' '{a = 1, b = true}'
says '' 'x = 5'
says $'5\ntrue' 'x, true'
says $'hello\t5\nnil' "print('hello', x) print(nil)"
says 'www.example.org.' "newDNSName('www.example.org')"
complains 'attempt to call global .nosuch' 'nosuch()'
complains 'console:1:.*near' 'x ='
says 'RDRule() -- recursion is desired' "help('RDRule')"
complains 'there is no function "nosuch"' "help('nosuch')"
[ "$(printf 'y = 6\n\ny * 7\n' | "$binary" console -s "$console_socket")" = 42 ] || fail "lines from a pipe"
env -u HOME script -qec "$binary console -s $console_socket" /dev/null <<<$'"termi" .. "nal"\nquit' >"$work/terminal"
grep -q '^terminal' "$work/terminal" || fail "at a terminal: $(cat "$work/terminal")"
"$binary" console -s "$work/nobody" -e 1 2>"$work/client.log" && fail "a console without a socket"
grep -q 'is Sluice running' "$work/client.log" || fail "no word of what is wrong with the socket"

# What it changes is in force at once; what is parked is seen, and can be let go.
says '' "addAction(QNameRule('c1.demo.test'), RCodeAction(DNSRCode.REFUSED))"
expect 'status: REFUSED' c1.demo.test
ask c7.demo.test >"$work/parked" & asking=$!
parked() { console 'showSuspended()' >"$work/list" && grep -q 'c7\.demo\.test' "$work/list"; }
wait_for 5 "c7 in the list" parked
grep -qE '^7/[0-9]+ +query +[0-9]+ +[0-9]+ +c7\.demo\.test\.? 1$' "$work/list" || fail "showSuspended(): $(cat "$work/list")"
says true "getAsynchronousObject(7, $(sed -nE 's|^7/([0-9]+) .*|\1|p' "$work/list")):resume()"
wait "$asking" || fail "c7 was not answered"
grep -q 'status: NOERROR' "$work/parked" || fail "c7: $(cat "$work/parked")"
# What changed something is remembered, and only that; a failed check of a server is in the log.
says '' 'setVerboseHealthChecks(true)'
says "addAction(QNameRule('c1.demo.test'), RCodeAction(DNSRCode.REFUSED)) setVerboseHealthChecks(true)" \
	'(delta():gsub("%-%- %a%a%a %a%a%a %d%d %d%d%d%d %d%d:%d%d:%d%d %S+\n", ""):gsub("\n(.)", " %1"))'
says '' "newServer({address = '10.53.0.2:5399', healthCheckMode = 'auto', maxCheckFailures = 100}):setAuto()"
wait_for 10 "a failed check in the log" grep -q 'check of server 10.53.0.2:5399 failed: it did not answer in time' "$work/sluice.log"
alive
