#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# log.format json: every line is JSON, those of DPDK too; but for the one that says that we are ready.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-END
	newServer('10.53.0.99:53')
	addAction(AllRule(), LuaAction(function() error('on "purpose"') end))
END
sed -i 's/^eal: {/&args: [--log-level, "lib.eal:info"], /' "$work/sluice.yml"
printf 'log: {level: debug, format: json}\n' >>"$work/sluice.yml"
lab_net
lab_sluice
expect 'status: SERVFAIL' c1.demo.test
printf 'addAction(' >"$work/policy.lua"
kill -HUP "$sluice_pid"
wait_for 10 "a complaint" grep -q 'the policy is refused' "$work/sluice.log"
kill -TERM "$sluice_pid"
wait_for 10 "the end" process_ended "$sluice_pid"
/usr/bin/python3 - "$work/sluice.log" <<-'END' || fail "not every line is JSON"
	import json, sys
	lines = open(sys.argv[1]).read().splitlines()
	lines.remove('sluice: ready')
	messages = [json.loads(line) for line in lines]
	assert all(list(m) == ['time', 'level', 'message'] for m in messages), messages
	assert any(m['message'].startswith('EAL: ') for m in messages), messages
	assert {m['level'] for m in messages} == {'debug', 'info', 'warning', 'error'}, messages
END
