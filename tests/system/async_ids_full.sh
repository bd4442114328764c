#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# All 65,536 DNS IDs are in hand: on_overflow: resume goes on at the next rule, for none is left.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_repl <<-'END'
	addAction(QNameSuffixRule('ask.demo.test'), LuaAction(function(dq)
	  assert(dq:suspend(1, dq.dh:getID(), 60000))
	  return DNSAction.Allow
	end))
	addAction(QNameSuffixRule('ask.demo.test'), SpoofAction('192.0.2.99'))
END
printf 'async: {max_suspended: 70000, on_overflow: resume}\nshutdown: {grace: 100ms}\n' >>"$work/sluice.yml"
lab_net
lab_nsd
lab_sluice
lab_python "every DNS ID in hand" <<-'END'
	from lab import *
	KEY = 'sluice_async_suspended'
	first = Query('x.ask.demo.test')
	wire = first.question.to_wire()
	while (there := metrics()[KEY]) < 65536:
	    for _ in range(min(500, int(65536 - there))):
	        first.socket.send(wire)
	    until('more of them', lambda: metrics()[KEY] > there)
	over = Query('y.ask.demo.test')
	assert address(over.answer()) == '192.0.2.99'
	assert address(Query('x.free.demo.test').answer()) == '192.0.2.252'
	found = metrics()
	assert found[KEY] == 65536 and found['sluice_async_duplicate_total'] == 0
	assert found['sluice_handoff_overflow_total'] >= 1
	# One ends, and its ID is there for the next.
	lua('getAsynchronousObject(1, 4711):resume()')
	while address(first.answer()) != '192.0.2.251':  # some may have been sent in vain
	    pass
	again = Query('z.ask.demo.test')
	until('the next', lambda: metrics()[KEY] == 65536)
	again.silence()
END
