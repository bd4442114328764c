#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Rules with Lua that the workers run themselves, added while it runs: of code that is broken only the
# rule fails. Two workers, each with a state of its own; reloading under load loses nothing.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

answers() { ask "$1" | grep -q "status: $2"; }
logged() { grep -qE -- "$1" "$work/sluice.log"; }

lab_config <<-'END'
	newServer('10.53.0.2:5300')
	addAction('count.test', LuaFFIPerThreadAction([[
	  local n = 0
	  return function() n = n + 1 return DNSAction.Spoof, '192.0.2.' .. n end
	]]))
	addAction(LuaFFIPerThreadRule('return function() return false end'), DropAction())
END
# Ordinary memory holds less of the buffers of two workers than hugepages do.
sed -i 's/workers: .*/workers: [0, 1], share: true}/; s/memory: 256/memory: 512/; s/iface=\(edge\|back\)/&,qpairs=2/' "$work/sluice.yml"
[ "$(nproc)" -gt 1 ] || sed -i 's/workers: \[0, 1\]/workers: [0, 0]/' "$work/sluice.yml"
lab_net
lab_nsd
lab_sluice

counts() { in_client dig +short +tries=1 +time=3 -b "10.53.2.2#$1" "@$server" count.test; }
for port in {5000..5019}; do
	counts "$port"
done | sort -u >"$work/counts"
# Where both workers had some of the twenty, both counted from one on.
[ "$(wc -l <"$work/counts")" -lt 20 ] || fail "the states have one memory"

console "addAction('late.test', LuaFFIPerThreadAction('return function() return DNSAction.Refused end'))"
wait_for 5 "the new rule" answers late.test REFUSED
console "addAction('bad.test', LuaFFIPerThreadAction('return nothing.at.all'))"
wait_for 5 "a complaint" logged 'the rules with new code for the workers fail: console:1: code:1: '
wait_for 5 "the broken rule" answers bad.test SERVFAIL
answers late.test REFUSED || fail "broken code took another rule with it"
console "addAction('later.test', LuaFFIPerThreadAction('return function() return DNSAction.Nxdomain end'))"
wait_for 5 "a rule after it" answers later.test NXDOMAIN
answers bad.test SERVFAIL || fail "the broken rule runs other code"
console "local a = LuaFFIPerThreadAction('return (')" >"$work/syntax" 2>&1 || true
grep -q '^console:1: code:1: ' "$work/syntax" || fail "a syntax error has no place"

load 3000 load.demo.test 1000 >"$work/reload.log" &
load_pid=$!
for _ in 1 2 3 4 5; do
	kill -HUP "$sluice_pid"
	answers count.test NOERROR || fail "no answer after a reload"
done
wait "$load_pid" || fail "queries were lost over reloads"
grep -q 'NOERROR 3000 ' "$work/reload.log" || fail "queries failed over reloads"
alive
