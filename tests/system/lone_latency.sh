#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Under `idle: auto` lcores nap when nothing comes, and a lone query is still answered at once: half
# of them within 1 ms by a rule, and within LIMIT_US where the control lcore or a server has a part.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

limit=${LIMIT_US:-3000} queries=300
lab_up <<-END
	newServer('10.53.0.2:5300')
	addAction(QNameSuffixRule({'rule.test'}), SpoofAction('192.0.2.1'))
	addAction(QNameSuffixRule({'lua.test'}), LuaAction(function() return DNSAction.Refused end))
END
grep -q 'idle:' "$work/sluice.yml" && fail "the default is what is measured"

# median SUFFIX: of one query after the other, 100 a second, in microseconds.
median() {
	seq -f "q%.0f.$1 A" 1 "$queries" >"$work/lone"
	in_client dnsperf -v -s "$server" -d "$work/lone" -n 1 -Q 100 -q 1 -c 1 -t 3 >"$work/lone.log" 2>&1
	sed -n 's/^> [A-Z]* q[0-9]*\..* \([0-9.]*\)$/\1/p' "$work/lone.log" | sort -n >"$work/lone.us"
	[ "$(wc -l <"$work/lone.us")" -eq "$queries" ] || fail "not all of $queries queries were answered"
	awk -v half=$((queries / 2)) 'NR == half { printf "%.0f\n", $1 * 1000000 }' "$work/lone.us"
}

# within KIND SUFFIX MOST
within() {
	local us
	us=$(median "$2")
	say "half of the lone queries $1 take less than $us us"
	[ "$us" -gt 0 ] && [ "$us" -le "$3" ] || fail "half of the lone queries $1 take $us us, more than $3"
}

expect 'status: NOERROR' c1.demo.test
within "answered by a rule" rule.test 1000
within "answered by Lua" lua.test "$limit"
within "answered by a server" load.demo.test "$limit"
alive
