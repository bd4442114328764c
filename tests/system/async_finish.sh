#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Where a resumed packet goes on, and what of its bytes is Sluice's: ID, flags, OPT, size.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_repl <<-'END'
	addAction(QNameSuffixRule('ask.demo.test'), LuaAction(function(dq) return ask(dq) end))
	addResponseAction(QNameSuffixRule('load.demo.test'), LuaResponseAction(function(dr)
	  ask(dr)
	  return DNSResponseAction.Allow
	end))
	self_answered = 0
	addSelfAnsweredResponseAction(AllRule(), LuaResponseAction(function()
	  self_answered = self_answered + 1
	  return DNSResponseAction.None
	end))
	function content(id, bytes)
	  local object = getAsynchronousObject(1, id)
	  object:getDQ():setContent(bytes)
	  return object:resume()
	end
END
lab_net
lab_nsd
lab_sluice
lab_python "where it goes on" <<-'END'
	from lab import *
	import dns.rrset

	def suspended(name, **options):
	    query = Query(name, **options)
	    return query, asked()[0]

	def give(id, message):
	    wire = message if isinstance(message, bytes) else message.to_wire(max_size=65535)
	    return lua('return content(%d, "%s")', id, ''.join('\\%03d' % b for b in wire))

	# setRCode: QR, RA as RD, AA and AD off, four bits of rcode; of the records only an OPT with DO.
	for flags in (dns.flags.RD, dns.flags.AD | dns.flags.CD, 0):
	    for edns in (False, True):
	        query = Query('x.ask.demo.test', flags, use_edns=edns, want_dnssec=edns)
	        lua('local o = getAsynchronousObject(1, %d) o:setRCode(16 + 5, true) o:resume()', asked()[0])
	        found = query.answer('REFUSED')
	        wanted = dns.flags.QR | (flags & (dns.flags.RD | dns.flags.CD))
	        if flags & dns.flags.RD:
	            wanted |= dns.flags.RA
	        assert found.flags & ~15 == wanted, (flags, found.flags)
	        assert (found.edns == 0 and found.ednsflags & dns.flags.DO) if edns else found.edns < 0
	        assert not found.answer and not found.authority
	assert lua('return self_answered') == '6'

	# setContent with QR=1: its own answer, through the self-answered rules, under the client's ID.
	def own(query, records, id=0xffff):
	    reply = dns.message.make_response(query.question)
	    reply.id = id
	    reply.answer.append(dns.rrset.from_text_list('x.ask.demo.test.', 5, 'IN', 'A',
	                        ['192.0.2.%d' % n for n in range(1, records + 1)]))
	    return reply

	query, id = suspended('x.ask.demo.test')
	give(id, own(query, 3))
	assert len(query.answer().answer[0]) == 3
	assert lua('return self_answered') == '7'

	# QR=0: another question goes to the server, and its answer to the client.
	query, id = suspended('x.ask.demo.test')
	other = dns.message.make_query('c9.demo.test', 'A', id=0x7777)
	give(id, other)
	query.question.question = other.question
	assert address(query.answer()) == '192.0.2.10'
	assert lua('return self_answered') == '7'

	# Cut to what the client takes, and that is never less than 512.
	for size, fits in ((None, 25), (100, 25), (512, 25), (1232, 60)):
	    options = {} if size is None else {'use_edns': True, 'payload': size}
	    for records, cut in ((fits, False), (fits + 60, True)):
	        query, id = suspended('x.ask.demo.test', **options)
	        give(id, own(query, records))
	        found = query.answer()
	        assert bool(found.flags & dns.flags.TC) == cut, (size, records, found)
	        assert query.length <= max(size or 0, 512), (size, query.length)
	        assert cut or len(found.answer[0]) == records

	# Responses: another content, or an rcode; the client's ID all the same.
	query, id = suspended('a.load.demo.test', use_edns=True)
	lua('local o = getAsynchronousObject(1, %d) local dr = o:getDR() '
	    'dr:editTTLs(function() return 3 end) o:resume()', id)
	assert query.answer().answer[0].ttl == 3
	query, id = suspended('b.load.demo.test', use_edns=True, want_dnssec=True)
	lua('local o = getAsynchronousObject(1, %d) o:setRCode(DNSRCode.NXDOMAIN, true) o:resume()', id)
	found = query.answer('NXDOMAIN')
	assert found.edns == 0 and found.ednsflags & dns.flags.DO and not found.answer, found
	query, id = suspended('c.load.demo.test')
	lua('local o = getAsynchronousObject(1, %d) o:setRCode(DNSRCode.SERVFAIL, false) o:resume()', id)
	assert address(query.answer('SERVFAIL')) == '192.0.2.250'
END
