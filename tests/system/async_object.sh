#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# AsynchronousObject: what it raises, what losing it means, and that the process outlives misuse.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_repl <<-'END'
	addAction(QNameSuffixRule('ask.demo.test'), LuaAction(function(dq) return ask(dq) end))
	addAction(QNameSuffixRule('free.demo.test'), LuaAction(function(dq) return ask(dq, 200) end))
	addResponseAction(QNameSuffixRule('load.demo.test'), LuaResponseAction(function(dr)
	  ask(dr)
	  return DNSResponseAction.Allow
	end))
	addMaintenanceCallback(function()
	  if due then
	    due:resume()
	    filter:send('resumed')
	    due = nil
	  end
	end)
END
lab_net
lab_nsd
lab_sluice
lab_python "the object" <<-'END'
	from lab import *
	fails('Unable to find asynchronous object 1 with ID 4660', 'getAsynchronousObject(1, 4660)')

	def suspended(name='x.ask.demo.test'):
	    query = Query(name)
	    return query, asked()[0]

	query, id = suspended('x.free.demo.test')  # fetched and lost: by its timeout, as if it were not
	fails('boom', "getAsynchronousObject(1, %d) error('boom')", id)
	assert address(query.answer()) == '192.0.2.252' and 0.2 <= query.took < 0.4, query.took
	counts('abandoned', 1)
	log = os.environ['work'] + '/sluice.log'
	until('a line of the log', lambda: 'getAsynchronousObject()' in open(log).read())
	begun = time.monotonic()  # and one a second, however many are lost
	for _ in range(30):
	    query, id = suspended('x.free.demo.test')
	    fails('boom', "getAsynchronousObject(1, %d) error('boom')", id)
	counts('abandoned', 31)
	lines = open(log).read().count('getAsynchronousObject()')
	assert lines <= 3 + time.monotonic() - begun, (lines, time.monotonic() - begun)

	query, id = suspended()
	assert lua('object = getAsynchronousObject(1, %d) dq = object:getDQ() '
	           'return tostring(object:resume()) .. tostring(object:resume())', id) == 'truetrue'
	query.answer()
	assert lua('return object:resume()') == 'true'
	for call in ('object:getDQ()', 'object:getDR()', 'object:setRCode(5, true)', 'object:drop()'):
	    fails('resumed', call)
	for call in ('dq:setTag("a", "b")', 'return dq.qname', 'return dq:getContent()'):
	    fails('no longer in hand', call)

	query, id = suspended()
	lua('object = getAsynchronousObject(1, %d) object:drop()', id)
	fails('dropped', 'object:resume()')
	counts('dropped', 1)
	query.silence()

	query, id = suspended()  # outside a callback
	lua('due = getAsynchronousObject(1, %d)', id)
	assert filter.recv(100) == b'resumed'
	at = time.monotonic()
	query.answer()
	assert time.monotonic() - at < 0.05

	query, id = suspended('a.load.demo.test')
	lua('dr = getAsynchronousObject(1, %d):getDR()', id)
	assert lua('return dr:getSelectedBackend():getName() .. dr:getRestartCount() .. '
	           'tostring(dr:getStaleCacheHit())').endswith('0false')
	lua('dr = nil')

	query, id = suspended('b.load.demo.test')
	assert lua('local o = getAsynchronousObject(1, %d) o:setRCode(DNSRCode.REFUSED, true) '
	           'local skip = o:getDR().skipCache o:resume() return skip', id) == 'true'
	assert address(query.answer('REFUSED')) is None

	ffi = "local C = require('ffi').C return C."
	query, id = suspended()  # FFI: what fails leaves it suspended, useCache only ever forbids
	assert lua(ffi + "dnsdist_ffi_set_answer_from_async(1, %d, 'x', 1)", id) == 'false'
	assert lua(ffi + "dnsdist_ffi_set_answer_from_async(1, %d, ('z'):rep(60000), 60000)", id) == 'false'
	query.silence()
	assert lua("local o = getAsynchronousObject(1, %d) o:getDQ().skipCache = true "
	           "return o:getDQ():suspend(1, %d, 5000)", id, id) == 'true'
	assert lua(ffi + "dnsdist_ffi_resume_from_async(1, %d, 't', 1, 'v', 1, true)", id) == 'true'
	query.answer()
END
