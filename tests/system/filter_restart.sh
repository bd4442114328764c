#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The filter is killed and restarted under load: Sluice finds the new one by itself.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <"$top/lua/examples/async-filter.lua"
lab_net
lab_nsd
lab_filter
lab_sluice

quick c1.demo.test || fail "no verdict at the start"
for signal in TERM KILL; do
	load 3000 load.demo.test 1000 >"$work/load-$signal.log" &
	load_pid=$!
	wait_for 5 "dnsperf" in_client sh -c "ss -Huan | grep -q ."
	stop_pid "$filter_pid" "$signal"
	expect 'status: NOERROR' c2.demo.test
	lab_filter
	wait_for 5 "verdicts of the new filter" quick c3.demo.test
	wait "$load_pid" || fail "queries were lost when the filter went with SIG$signal"
done
load 500 load.demo.test 500 || fail "queries were lost after the restarts"
alive
