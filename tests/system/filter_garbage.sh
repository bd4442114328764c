#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# A filter that answers twice, garbage, a 64 KiB blob, or for an id that never was.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <"$top/lua/examples/async-filter.lua"
lab_net
lab_nsd
lab_sluice

for mode in --twice --garbage --blob --unknown-id; do
	say "filter $mode"
	lab_filter "$mode"
	wait_for 5 "verdicts with $mode" quick c1.demo.test
	expect 'status: NOERROR' c2.demo.test
	# Each right verdict comes with a wrong one, and still nothing is lost or waits.
	load 1000 load.demo.test 500 || fail "queries were lost with $mode"
	quick c3.demo.test || fail "a verdict was not seen with $mode"
	stop_pid "$filter_pid"
	alive
done
