#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The filter is not there when Sluice starts: queries go on unfiltered, then it is found.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_up <"$top/lua/examples/async-filter.lua"

expect 'status: NOERROR' c1.demo.test
quick c1.demo.test && fail "answered at once although nobody gave a verdict"
load 500 load.demo.test 500 || fail "queries were lost while the filter was away"

lab_filter
wait_for 5 "verdicts of a filter that came late" quick c2.demo.test
load 500 load.demo.test 500 || fail "queries were lost with the filter there"
alive
