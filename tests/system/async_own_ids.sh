#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# async.rewrite_ids: false: Lua sees the IDs of clients, of which two may be the same, and nobody is lost for that.
# async.send_queue: so many datagrams wait for who does not read, and send() is false at once.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_repl <<-'END'
	addAction(QNameSuffixRule('ask.demo.test'), LuaAction(function(dq)
	  local content = dq:getContent()
	  if not dq:suspend(1, dq.dh:getID(), 60000) then return DNSAction.Refused end
	  filter:send(content)
	  return DNSAction.Allow
	end))
	addAction(QNameSuffixRule('free.demo.test'), LuaAction(function(dq) -- an id of ours is nobody else's
	  ids = ids or {}
	  ids[#ids + 1] = assert(sluice.suspend(dq, {timeout = 60000}))
	  filter:send(dq:getContent())
	  return DNSAction.Allow
	end))
END
printf 'async: {rewrite_ids: false, send_queue: 64}\n' >>"$work/sluice.yml"
lab_net
lab_nsd
lab_sluice
lab_python "IDs of clients" <<-'END'
	from lab import *
	first = Query('a.ask.demo.test', id=0x1234)
	assert asked()[0] == 0x1234
	second = Query('b.ask.demo.test', id=0x1234)
	second.answer('REFUSED')  # suspend() was false: the packet went on
	counts('duplicate', 1)
	other = Query('c.ask.demo.test', id=0x1235)
	assert asked()[0] == 0x1235
	first.silence()
	for id in (0x1235, 0x1234):
	    lua('getAsynchronousObject(1, %d):resume()', id)
	for query in (first, other):
	    assert address(query.answer()) == '192.0.2.251'
	again = Query('d.ask.demo.test', id=0x1234)  # free at once
	assert asked()[0] == 0x1234
	fails('with ID 4661', 'getAsynchronousObject(1, 0x1235)')
	lua('local object = getAsynchronousObject(1, 0x1234) object:setRCode(DNSRCode.NXDOMAIN) object:resume()')
	again.answer('NXDOMAIN')

	same = [Query('%d.free.demo.test' % n, id=7) for n in range(20)]
	assert [asked()[0] for _ in same] == [7] * 20
	assert metrics()['sluice_async_suspended'] == 20
	lua('for _, id in ipairs(ids) do sluice.suspended(id):resume() end')
	for query in same:
	    assert address(query.answer()) == '192.0.2.252'
	counts('duplicate', 1)

	# The socket of who does not read holds some itself.
	went = int(lua("local n = 0 for _ = 1, 2000 do n = n + (filter:send('x') and 1 or 0) end return n"))
	held = int(open('/proc/sys/net/unix/max_dgram_qlen').read()) + 1
	assert 64 <= went <= 64 + held, (went, held)
	for _ in range(went):
	    assert filter.recv(100) == b'x'
	assert lua("return filter:send('y')") == 'true' and filter.recv(100) == b'y'
	failed = metrics()['sluice_endpoint_failed_total{path="/run/sluice/filter.sock"}']
	assert failed == 2000 - went, failed
END
