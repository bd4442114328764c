#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Nobody who uses the console can stop Sluice, and its socket is replaced, refused and removed as it
# has to be.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_up <<-'END'
	newServer('10.53.0.2:5300')
END
is_served() { [ "$(console '1 + 1')" = 2 ] || fail "the console does not answer"; }

console "addAction(QNameRule('c1.demo.test'), RCodeAction(DNSRCode.REFUSED))"
expect 'status: REFUSED' c1.demo.test

# The watchdog has an eye on the console too. The rules are those of the file again.
for endless in 'while true do end' "local t = {} while true do t[#t + 1] = 'x' end" \
	"string.rep('a', 1e5):find(('.-'):rep(30) .. 'b')"; do
	status=0
	console "$endless" 2>"$work/endless.log" || status=$?
	[ "$status" -eq 1 ] && [ -s "$work/endless.log" ] || fail "'$endless' ended with $status"
	alive
done
quick c2.demo.test || fail "slow after a runaway"
expect 'status: NOERROR' c1.demo.test
is_served

resident() { sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$sluice_pid/status"; }
before=$(resident)
python3 "$top/tests/system/console.py" "$console_socket" || fail "console: rough clients"
[ $(($(resident) - before)) -lt 65536 ] || fail "rough clients cost $(($(resident) - before)) KiB"
is_served
quick c3.demo.test || fail "slow after rough clients"

# A socket left behind is replaced, a file is not; after an end in order nothing is left.
kill -KILL "$sluice_pid"
wait "$sluice_pid" 2>/dev/null || true
[ -S "$console_socket" ] || fail "nothing was left behind"
lab_sluice
is_served
stop_pid "$sluice_pid"
[ ! -e "$console_socket" ] || fail "the socket is still there"
echo precious >"$work/run/file"
echo "console: {socket: /run/sluice/file}" >>"$work/sluice.yml"
status=0
(sluice_exec run -c "$work/sluice.yml") 2>"$work/refused.log" || status=$?
[ "$status" -eq 3 ] || fail "a regular file: exit code $status"
grep -q 'console: .*/file exists and is not a socket' "$work/refused.log" || fail "a regular file: no clear word"
[ "$(cat "$work/run/file")" = precious ] || fail "the file was touched"
