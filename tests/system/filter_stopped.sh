#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The filter hangs for 10 s under load: its queries expire, others are not slowed.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

resident() { sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$sluice_pid/status"; }
average_ms() { sed -n 's/.*Average Latency (s): *\([0-9.]*\).*/\1/p' "$1" | awk '{print int($1 * 1000)}'; }

sed 's/AllRule()/QNameSuffixRule("ask.demo.test.")/' "$top/lua/examples/async-filter.lua" >"$work/ask.lua"
lab_config <"$work/ask.lua"
lab_net
lab_nsd
lab_filter
lab_sluice
quick x.ask.demo.test || fail "no verdict at the start"
load 2000 ask.demo.test 2000 || fail "queries were lost before"
before=$(resident)

kill -STOP "$filter_pid"
load 10000 ask.demo.test 1000 >"$work/asked.log" &
asked=$!
load 20000 free.demo.test 2000 >"$work/free.log" || fail "other traffic lost queries"
wait "$asked" || fail "queries were lost instead of going on after their timeout"
grown=$(($(resident) - before))

cat "$work/asked.log" "$work/free.log"
[ "$(average_ms "$work/free.log")" -le 20 ] || fail "other traffic was slowed"
[ "$(average_ms "$work/asked.log")" -ge 500 ] || fail "the filter was not asked at all"
[ "$grown" -le 65536 ] || fail "memory grew by $grown KiB"

kill -CONT "$filter_pid"
wait_for 5 "verdicts after the hang" quick y.ask.demo.test
load 2000 ask.demo.test 2000 || fail "queries were lost after the hang"
alive
