#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Keys and timeouts: a key that is taken, ids cut to 16 bits, late verdicts, every fate at expiry.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_repl <<-'END'
	local function rule(name, act) addAction(QNameSuffixRule(name), LuaAction(act)) end
	rule('c1.demo.test', function(dq) -- a key of its own, used twice
	  return dq:suspend(1, 7, 5000) and DNSAction.Allow or DNSAction.Refused
	end)
	rule('c2.demo.test', function(dq)
	  assert(dq:suspend(65536 + 2, 65536 * 3 + 9, 5000))
	  return DNSAction.Allow
	end)
	rule('c3.demo.test', function(dq) return ask(dq, 50) end)
	rule('c4.demo.test', function(dq) return ask(dq) end)
	rule('c5.demo.test', function(dq) return ask(dq, 0) end)
	for fate in ('resume servfail refused drop'):gmatch('%a+') do
	  rule(fate .. '.ask.demo.test', function(dq)
	    assert(sluice.suspend(dq, {timeout = 100, on_expiry = fate}))
	    return DNSAction.Allow
	  end)
	end
END
lab_net
lab_nsd
lab_sluice
lab_python "keys and timeouts" <<-'END'
	from lab import *
	first = Query('c1.demo.test')
	until('c1', lambda: '1/7 ' in lua('return showSuspended()'))
	second = Query('c1.demo.test')
	second.answer('REFUSED')  # suspend() was false: the packet went on
	first.silence()
	counts('duplicate', 1)
	lua('getAsynchronousObject(1, 7):resume()')
	assert address(first.answer()) == '192.0.2.2'

	cut = Query('c2.demo.test')
	until('c2', lambda: '2/9 ' in lua('return showSuspended()'))
	lua('getAsynchronousObject(2 + 65536, "9"):resume()')
	cut.answer()

	# The verdict of one that expired comes late: it hits nobody, whoever came in the meantime.
	old, old_id = Query('c3.demo.test'), asked()[0]
	assert address(old.answer()) == '192.0.2.4' and old.took >= 0.05, old.took
	others = [Query('c4.demo.test') for _ in range(50)]
	ids = [asked()[0] for _ in others]
	assert old_id not in ids and len(set(ids)) == 50, (old_id, ids)
	fails('Unable to find asynchronous object 1 with ID %d' % old_id,
	      'getAsynchronousObject(1, %d):setRCode(DNSRCode.REFUSED, true)', old_id)
	counts('late', 1)
	for id in ids:
	    lua('getAsynchronousObject(1, %d):resume()', id)
	for other in others:
	    assert address(other.answer()) == '192.0.2.5'

	at_once = Query('c5.demo.test')
	at_once.answer()
	assert at_once.took < 0.05, at_once.took

	fates = [Query(fate + '.ask.demo.test') for fate in ('resume', 'servfail', 'refused', 'drop')]
	for query, rcode in zip(fates, ('NOERROR', 'SERVFAIL', 'REFUSED')):
	    query.answer(rcode)
	    assert 0.1 <= query.took < 0.2, query.took
	until('the drop', lambda: metrics()['sluice_drops_total{reason="async_expired"}'] == 1)
	fates[3].silence()
	assert metrics()['sluice_async_suspended'] == 0
END
