#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The example policy, as it is, with the example filter: every query and response is approved.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <"$top/lua/examples/async-filter.lua"
lab_net
lab_nsd
lab_filter
lab_sluice

for n in {0..19}; do
	got=$(ask "c$n.demo.test" +short)
	[ "$got" = "192.0.2.$((n + 1))" ] || fail "c$n.demo.test is '$got'"
done
quick c3.demo.test || fail "a lone query waited for a timeout"
load 5000 load.demo.test 2000 || fail "not all of 5,000 queries were answered"

# Each query was shown to the filter, and so was each response.
stop_pid "$filter_pid"
seen=$(sed -n 's/^filter: \([0-9]*\) messages.*/\1/p' "$work/filter.log")
[ "$seen" -ge $((2 * 5021)) ] || fail "the filter saw $seen messages of $((2 * 5021))"
alive
