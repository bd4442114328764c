#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# SIGHUP takes a new policy and keeps the old on an error; SIGTERM and SIGINT end with 0.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

answers() { ask c1.demo.test | grep -q "status: $1"; }
complaints() { grep -c 'policy\.lua:' "$work/sluice.log" || true; }
complained() { [ "$(complaints)" -gt "$1" ]; }

ends_with_zero() {
	local status=0
	kill "-$1" "$sluice_pid"
	wait_for 10 "the end after SIG$1" process_ended "$sluice_pid" || fail "SIG$1 does not end it"
	wait "$sluice_pid" || status=$?
	[ "$status" -eq 0 ] || fail "SIG$1 ends with $status"
}

lab_up <<<'addAction(AllRule(), RCodeAction(DNSRCode.REFUSED))'
answers REFUSED || fail "the first policy does not work"

printf 'addAction(AllRule(), RCodeAction(DNSRCode.NXDOMAIN))\n' >"$work/policy.lua"
kill -HUP "$sluice_pid"
wait_for 5 "the new policy" answers NXDOMAIN

for broken in 'addAction(' 'addAction(AllRule(), NoSuchAction())'; do
	before=$(complaints)
	printf '%s\n' "$broken" >"$work/policy.lua"
	kill -HUP "$sluice_pid"
	wait_for 5 "a complaint about '$broken'" complained "$before"
	answers NXDOMAIN || fail "'$broken' replaced the working policy"
done
# Nor does a configuration, whatever its policy.
printf 'addAction(AllRule(), DropAction())\n' >"$work/policy.lua"
printf 'colour: blue\n' >>"$work/sluice.yml"
kill -HUP "$sluice_pid"
wait_for 5 "a complaint about the configuration" grep -q 'the configuration is refused' "$work/sluice.log"
grep -q "sluice\.yml:[0-9]*:1: unknown key 'colour'" "$work/sluice.log" || fail "no word of what is wrong"
answers NXDOMAIN || fail "a configuration that is refused replaced the working policy"
sed -i '/^colour/d; s/memory: [0-9]*/memory: 300/; s/8083/8084/' "$work/sluice.yml"
kill -HUP "$sluice_pid"
wait_for 5 "word of what a reload does not take" grep -q 'only after a restart: eal\.memory, metrics\.listen$' "$work/sluice.log"
ends_with_zero TERM

printf "newServer('10.53.0.2:5300')\n" >"$work/policy.lua"
lab_sluice
expect 'status: NOERROR' c1.demo.test
# Reloading under load loses nothing.
load 3000 load.demo.test 1000 >"$work/reload.log" &
load_pid=$!
for _ in 1 2 3 4 5; do
	kill -HUP "$sluice_pid"
	answers NOERROR || fail "no answer after a reload"
done
wait "$load_pid" || fail "queries were lost over reloads"
ends_with_zero INT
