#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# async.rewrite_ids: false: Lua sees the IDs of clients, of which two may be the same, and nobody is lost for that.
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
printf 'async: {rewrite_ids: false}\n' >>"$work/sluice.yml"
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
END
