#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Suspended queries that are longer than async.message_size share larger buffers: so many of them are
# suspended, the others end by on_overflow at once, and short ones find room as before.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_repl <<-'END'
	addAction(AndRule({QNameSuffixRule('ask.demo.test'), NotRule(QNameSuffixRule('on.ask.demo.test'))}),
	  LuaAction(function(dq)
	    assert(sluice.suspend(dq, {timeout = 60000, on_expiry = 'refused'}))
	    return DNSAction.Allow
	  end))
	addAction('short.on.ask.demo.test', LuaAction(ask))
	-- What a resumed query becomes may be longer than what it was suspended in.
	addAction('cname.on.ask.demo.test', LuaAction(function(dq)
	  sluice.suspend(dq, {timeout = 1, continue_rules = true})
	  return DNSAction.Allow
	end))
	addAction('cname.on.ask.demo.test', SpoofCNAMEAction(string.rep('abcdefghi.', 24) .. 'test'))
	addAction('text.on.ask.demo.test', LuaAction(ask))
END
printf 'async: {max_suspended: 16384, on_overflow: servfail}\nshutdown: {grace: 100ms}\n' >>"$work/sluice.yml"
lab_net
lab_nsd
lab_sluice
grep -E 'memory: [0-9]+ MiB for 16384 suspended packets .*of 176 bytes a message' "$work/sluice.log" ||
	fail "no word of the memory"
lab_python "long queries suspended" <<-'END'
	from lab import *
	LARGER, OVER = 'sluice_suspended_larger_total', 'sluice_handoff_overflow_total'
	long = '.'.join(['x' * 60] * 3) + '.ask.demo.test'
	first = Query(long)
	until('the first', lambda: metrics()[LARGER] == 1)
	while (before := metrics())[OVER] == 0:
	    for _ in range(300):
	        first.socket.send(first.question.to_wire())
	    until('more', lambda: (now := metrics())[LARGER] + now[OVER] > before[LARGER] + before[OVER])
	there = metrics()['sluice_async_suspended']
	assert 1024 <= there <= 4096, there
	first.answer('SERVFAIL')  # one of those sent
	# Short ones are suspended and resumed, and have room for what they become.
	short = Query('short.on.ask.demo.test')
	content = filter.recv(4096)
	assert metrics()['sluice_async_suspended'] == there + 1
	lua('getAsynchronousObject(1, %d):resume()', int.from_bytes(content[:2], 'big'))
	assert address(short.answer()) == '192.0.2.251'
	assert 'abcdefghi' in str(Query('cname.on.ask.demo.test', use_edns=0).answer().answer)
	text = Query('text.on.ask.demo.test', use_edns=0, payload=1232)
	content = filter.recv(4096)
	lua('''local object = getAsynchronousObject(1, %d)
	  object:getDQ():spoof({string.rep('\\\\200' .. string.rep('t', 200), 4)}, 16, 60)
	  object:resume()''', int.from_bytes(content[:2], 'big'))
	assert len(text.raw()) > 800  # texts, though it asked for an address
	assert metrics()['sluice_not_widened_total'] == 0
END
