#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# While the control lcore has seconds of slow Lua before it: rules on the workers answer as ever, and
# so do metrics and console; the configuration is reloaded, and no query of the slow ones is lost.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

slow=400 # queries that take 10 ms each
lab_up <<-'END'
	local ffi = require('ffi')
	ffi.cdef('typedef struct {long s, ns;} lab_time; int clock_gettime(int, lab_time *);')
	local at = ffi.new('lab_time')
	local function now()
	  ffi.C.clock_gettime(1, at)
	  return tonumber(at.s) + tonumber(at.ns) / 1e9
	end
	addAction(QNameSuffixRule({'slow.test'}), LuaAction(function()
	  local till = now() + 0.01
	  while now() < till do end
	  return DNSAction.Refused
	end))
	addAction(QNameSuffixRule({'rule.test'}), SpoofAction('192.0.2.1'))
END

metric() {
	in_sluice curl -s --max-time 2 http://127.0.0.1:8083/metrics >"$work/metrics" || return 1
	sed -n "s/^sluice_$1 //p" "$work/metrics"
}
waiting() { metric 'handoff_depth{worker="0"}'; }
some_wait() { [ "$(waiting)" -gt 100 ]; }
none_waits() { [ "$(waiting)" = 0 ]; }

seq -f 'q%.0f.slow.test A' 1 "$slow" >"$work/slow"
in_client dnsperf -s "$server" -d "$work/slow" -n 1 -q 5000 -Q 1000 -t 20 >"$work/slow.log" 2>&1 &
dnsperf=$!
pids+=("$dnsperf")
wait_for 5 "slow queries to wait" some_wait

quick c1.rule.test 50 || fail "a rule's answer waits for Lua"
load 5000 rule.test 5000 || fail "queries that need no Lua were lost"
[ "$(timeout 2 "$binary" console -s "$console_socket" -e '6 * 7')" = 42 ] || fail "the console waits"
kill -HUP "$sluice_pid"
wait_for 3 "the reload" grep -q 'policy reloaded' "$work/sluice.log"
left=$(waiting) || fail "the metrics wait"
[ "$left" -gt 0 ] || fail "the control lcore was done before the measurement was"
say "$left of $slow slow queries still wait"

wait "$dnsperf" || fail "dnsperf ended with $?"
grep -qE "Queries completed: +$slow \(100.00%\)" "$work/slow.log" || fail "slow queries were lost"
grep -qE "REFUSED $slow " "$work/slow.log" || fail "slow queries were not answered by Lua"
wait_for 2 "an empty ring" none_waits
alive
