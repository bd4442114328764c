#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The example policy, as it is, with the example filter: every query and response is approved, over UDP and
# TCP, IPv4 and IPv6.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <"$top/lua/examples/async-filter.lua"
lab_net
lab_tcp
lab_nsd
lab_filter
lab_sluice

for how in "@$server +notcp" "@$server +tcp" "@$server6 +notcp" "@$server6 +tcp"; do
	for n in {0..4}; do
		# shellcheck disable=SC2086
		got=$(in_client dig $how +tries=1 +time=3 +short "c$n.demo.test")
		[ "$got" = "192.0.2.$((n + 1))" ] || fail "c$n.demo.test $how is '$got'"
	done
done
quick c3.demo.test || fail "a lone query waited for a timeout"
load 5000 load.demo.test 2000 || fail "not all of 5,000 queries were answered"
load 2000 load.demo.test 2000 -m tcp || fail "not all of 2,000 queries were answered over TCP"
load 1000 load.demo.test 2000 -m tcp -s "$server6" || fail "nor of 1,000 over IPv6"

# Each query was shown to the filter, and so was each response.
stop_pid "$filter_pid"
seen=$(sed -n 's/^filter: \([0-9]*\) messages.*/\1/p' "$work/filter.log")
[ "$seen" -ge $((2 * 8021)) ] || fail "the filter saw $seen messages of $((2 * 8021))"
[ "$(in_sluice curl -s http://127.0.0.1:8083/metrics | grep -c '^sluice_worker_busy_ratio{')" -eq "${lab_workers:-1}" ] ||
	fail "not all workers are there"
alive
