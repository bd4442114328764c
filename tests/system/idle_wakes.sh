#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Under `idle: auto` a worker sleeps, and packets, other lcores and what has its time wake it: nothing is late.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_repl <<-'END'
	newServer{address = '10.53.0.2:5399', pool = 'silent', udpTimeout = 1, healthCheckMode = 'up'} -- nobody is there
	addAction('slow.demo.test', LuaAction(function(dq) dq:setRestartable(); return DNSAction.Pool, 'silent' end))
	addTimeoutResponseAction(AllRule(), LuaResponseAction(function(dr) dr.pool = ''; dr:restart() return DNSResponseAction.None end))
	addAction('rule.test', SpoofAction('192.0.2.1'))
	addAction('lua.test', LuaAction(function() return DNSAction.Spoof, '192.0.2.2' end))
	addAction('later.test', DelayAction(100))
	addAction('later.test', SpoofAction('192.0.2.3'))
	addAction('c1.demo.test', LuaAction(ask))
END
lab_net
lab_nsd 'slow A 192.0.2.4'
lab_sluice
grep 'cannot wake' "$work/sluice.log" && fail "a veth can wake"
ended() { metric "sluice_worker_naps_total{worker=\"0\",ended=\"$1\"}"; }
least() { [ "$(ended "$1")" -ge "$2" ]; }
# calm: it sleeps for 10 ms at a time; a busy machine makes that fewer sleeps, and nothing more of them.
calm() {
	local start=${EPOCHREALTIME/./} us
	wait_for 30 "naps" least time $(($(ended time) + 100))
	us=$((${EPOCHREALTIME/./} - start))
	[ "$us" -ge 700000 ] || fail "the worker looked for work a hundred times in $us us"
}
calm
packets=$(ended packet) lcores=$(ended lcore)
lab_python "what wakes" <<-'END'
	from lab import *
	def silence():
	    naps = lambda: metrics()['sluice_worker_naps_total{worker="0",ended="time"}']
	    before = naps()
	    until('silence', lambda: naps() >= before + 5)
	def within(name, expected, least, most):
	    found = []
	    for _ in range(5):
	        silence()
	        query = Query(name)
	        assert address(query.answer()) == expected
	        found.append(query.took * 1000)
	    assert least <= min(found) < most, (name, found)
	within('rule.test', '192.0.2.1', 0, 3)
	within('lua.test', '192.0.2.2', 0, 5)
	within('later.test', '192.0.2.3', 100, 115)
	within('slow.demo.test', '192.0.2.4', 1000, 1100)
	query = Query('c1.demo.test')
	id, _ = asked()
	silence()
	lua(f'getAsynchronousObject(1, {id}):resume()')
	assert address(query.answer())
END
least packet $((packets + 5)) || fail "packets did not wake the worker"
least lcore $((lcores + 1)) || fail "the control lcore did not wake the worker"
ip -n "$sluice" link set edge down # which leaves an error in its socket
calm
ip -n "$sluice" link set edge up
wait_for 10 "an answer" quick rule.test
