#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Answers that rules hold back: made here, from a server, from the cache, not over TCP; over a reload, and
# when the program ends.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-'END'
	newServer('10.53.0.2:5300')
	getPool(''):setCache(newPacketCache(100))
	addAction('c1.demo.test', DelayAction(400))
	addAction('own.test', DelayAction(400))
	addAction('long.test', DelayAction(3000))
	addAction('longer.test', DelayAction(60000))
	addAction('lua.test', LuaAction(function() return DNSAction.Delay, '400' end))
	addAction({'own.test', 'lua.test', 'long.test', 'longer.test'}, SpoofAction('192.0.2.1'))
END
sed -i '/^metrics:/i dataplane: {max_delayed: 64}' "$work/sluice.yml"
lab_net
lab_tcp
lab_nsd
lab_sluice

# takes LEAST NAME [DIG ARGUMENTS...]: it is answered, and not before so many milliseconds.
takes() {
	local least=$1 took
	shift
	expect 'status: NOERROR' "$@"
	took=$(ask "$@" | sed -n 's/^;; Query time: \([0-9]*\) msec/\1/p')
	[ "$took" -ge "$least" ] || fail "dig $* takes $took ms, not $least"
}
takes 400 c1.demo.test
[ "$(metric sluice_cache_hits_total)" -ge 1 ] || fail "the cache had no answer"
takes 400 own.test
takes 400 lua.test
[ "$(metric sluice_answers_held)" = 0 ] || fail "answers are held that have left"
# Their wait is not their latency: six of at least 0.4 s.
in_sluice curl -s http://127.0.0.1:8083/metrics | awk '/^sluice_latency_seconds_sum/ { exit $2 > 0.4 }' ||
	fail "the delay counts as latency"

# Over TCP none waits, and one that waits does not wait for a reload.
start=$SECONDS
expect 'status: NOERROR' longer.test +tcp
[ $((SECONDS - start)) -lt 50 ] || fail "an answer over TCP waits"
ask long.test +time=30 >"$work/long" &
asking=$!
wait_for 10 "an answer that waits" metric_is_least sluice_answers_held 1
kill -HUP "$sluice_pid"
wait_for 10 "the reload" grep -q 'policy reloaded' "$work/sluice.log"
wait "$asking"
grep -q 192.0.2.1 "$work/long" || fail "an answer is lost over a reload"

# There is room for 64; the others leave at once, and at the end those that wait.
for _ in {1..200}; do echo longer.test A; done >"$work/names"
in_client dnsperf -s "$server" -d "$work/names" -n 1 -q 200 -t 50 >"$work/dnsperf.log" 2>&1 &
asking=$!
wait_for 10 "all answers" metric_is_least sluice_undelayed_answers_total 136
[ "$(metric sluice_answers_held)" = 64 ] || fail "$(metric sluice_answers_held) answers wait"
kill -TERM "$sluice_pid"
wait_for 20 "its end" process_ended "$sluice_pid"
wait "$asking"
grep -qE 'Queries completed: +200 ' "$work/dnsperf.log" || fail "not all were answered: $(cat "$work/dnsperf.log")"
