#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# suspend(): which rules still run, what the object reads, what is kept until the response.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_repl <<-'END'
	ran, ids = {}, {}
	local function note(text) return LuaAction(function() ran[#ran + 1] = text return DNSAction.None end) end
	local function rule(name, act) addAction(QNameSuffixRule(name), act) end
	local function lua(name, act) rule(name, LuaAction(act)) end
	local function answer(name, act) addResponseAction(QNameSuffixRule(name), LuaResponseAction(act)) end

	rule('ask.demo.test', note('before'))
	lua('plain.ask.demo.test', function(dq) return ask(dq) end)
	for _, fate in ipairs({'on', 'expire', 'fail'}) do
	  lua(fate .. '.ask.demo.test', function(dq)
	    local to = fate == 'fail' and nowhere or filter
	    ids[fate] = assert(sluice.suspend(dq, {timeout = fate == 'on' and 5000 or 50, continue_rules = true}))
	    to:send(dq:getContent())
	    return DNSAction.Allow
	  end)
	end
	nowhere = newNetworkEndpoint('/run/sluice/nowhere.sock')
	sluice.onSendFailure(nowhere, 'resume')
	rule('ask.demo.test', note('after'))
	-- Suspended once more by the rule after it, under the DNS ID it then has.
	lua('on.ask.demo.test', function(dq) return ask(dq) end)

	lua('c1.demo.test', function(dq)
	  local before = dq:getContent()
	  assert(dq:suspend(1, 1, 5000))
	  assert(dq:getContent() == before and tostring(dq.qname) == 'c1.demo.test.')
	  wrong = pcall(dq.setTag, dq, 'a', 'b') or pcall(function() dq.dh:setRD(false) end) or
	    pcall(dq.setContent, dq, before) or pcall(function() dq.skipCache = true end)
	  filter:send(before)
	  return DNSAction.Drop
	end)

	rule('c2.demo.test', PoolAction('other', false))
	rule('c2.demo.test', SetTagAction('native', 'yes'))
	rule('c2.demo.test', SetMaxReturnedTTLAction(7))
	rule('c2.demo.test', SetTempFailureCacheTTLAction(9))
	rule('c2.demo.test', SetExtendedDNSErrorAction(29, 'kept'))
	rule('c2.demo.test', SetSkipCacheAction())
	lua('c2.demo.test', function(dq) dq:setTag('own', 'too') return ask(dq) end)
	newServer({address = '[fd53::2]:5300', pool = 'other'})
	answer('c2.demo.test', function(dr)
	  kept = dr:getTag('native') .. dr:getTag('own') .. dr:getTag('verdict') .. dr.pool ..
	    tostring(dr.skipCache)
	  ask(dr)
	  return DNSResponseAction.Allow
	end)

	lua('c3.demo.test', function(dq) -- both in one action
	  assert(dq:suspend(1, 3, 5000))
	  local object = getAsynchronousObject(1, 3)
	  object:getDQ():setTag('inline', 'yes')
	  object:resume()
	  return DNSAction.Allow
	end)
	answer('c3.demo.test', function(dr) inline = dr:getTag('inline') return DNSResponseAction.None end)
	lua('c4.demo.test', function(dq) return ask(dq) end)
	rule('c5.demo.test', RCodeAction(DNSRCode.REFUSED))
	addSelfAnsweredResponseAction(QNameSuffixRule('c5.demo.test'), LuaResponseAction(function(dr)
	  ask(dr)
	  return DNSResponseAction.Allow
	end))
END
lab_net
lab_nsd
lab_sluice
lab_python "suspend()" <<-'END'
	from lab import *
	resume = 'getAsynchronousObject(1, %d):resume()'

	def ran():
	    return lua("local was = table.concat(ran, ' ') ran = {} return was")

	query = Query('plain.ask.demo.test')
	id = asked()[0]
	assert ran() == 'before'
	lua(resume, id)
	query.answer()
	assert ran() == ''

	query = Query('on.ask.demo.test')
	former = asked()[0]
	assert ran() == 'before'
	lua('sluice.suspended(ids.on):resume()')
	id = asked()[0]
	assert ran() == 'after' and id != former  # the other was given back, and may be anybody's
	lua(resume, id)
	query.answer()
	for name in ('expire', 'fail'):
	    Query(name + '.ask.demo.test').answer()
	    assert ran() == 'before after', name
	asked()  # what expired

	query = Query('c1.demo.test')
	asked()
	assert lua('return wrong') == 'false'
	lua(resume, 1)
	assert address(query.answer()) == '192.0.2.2'  # and not dropped, as the action said then

	query = Query('c2.demo.test', use_edns=True)
	lua("local o = getAsynchronousObject(1, %d) local dq = o:getDQ() assert(dq.tempFailureTTL == 9) "
	    "dq:setTag('verdict', 'pass') o:resume()", asked()[0])
	id, message = asked()  # the response
	assert message[2] & 0x80 and lua('return kept') == 'yestoopassothertrue', lua('return kept')
	lua(resume, id)
	found = query.answer()
	assert found.answer[0].ttl == 7 and address(found) == '192.0.2.3', found
	assert [(o.code, o.text) for o in found.options] == [(29, 'kept')], found.options

	Query('c3.demo.test').answer()
	assert lua('return inline') == 'yes'

	query = Query('c4.demo.test')  # anew, from the callback, under another key
	lua('getAsynchronousObject(1, %d):getDQ():suspend(2, 77, 5000)', asked()[0])
	query.silence()
	lua('getAsynchronousObject(2, 77):resume()')
	query.answer()

	query = Query('c5.demo.test')  # the chain of self-answered queries
	id, message = asked()
	assert message[2] & 0x80 and message[3] & 15 == 5
	lua(resume, id)
	query.answer('REFUSED')
END
