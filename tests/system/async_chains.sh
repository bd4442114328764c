#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Packets are suspended in every chain, over UDP and TCP, once, and go on behind it.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_repl <<-'END'
	getPool(''):setCache(newPacketCache(1000))
	local function rule(name) return QNameSuffixRule(name .. '.free.demo.test') end
	addAction(rule('query'), LuaAction(ask))
	addAction(rule('self'), RCodeAction(DNSRCode.REFUSED))
	addCacheMissAction(rule('miss'), LuaAction(ask))
	for chain, add in pairs({response = addResponseAction, inserted = addCacheInsertedResponseAction,
	                         hit = addCacheHitResponseAction, self = addSelfAnsweredResponseAction}) do
	  add(rule(chain), LuaResponseAction(function(dr)
	    ask(dr)
	    return DNSResponseAction.Allow
	  end))
	end
END
lab_net
lab_tcp
lab_nsd
lab_sluice
lab_python "every chain" <<-'END'
	from lab import *
	from streams import Answers, framed
	class Stream:  # as lab.Query
	    def __init__(self, name):
	        self.socket = socket.create_connection((SERVER, 53), PATIENCE)
	        self.socket.sendall(framed(name, 0x4711, 'A'))

	    silence = Query.silence

	    def answer(self, rcode='NOERROR'):
	        self.socket.settimeout(PATIENCE)
	        found = Answers(self.socket).take(1)[0]
	        assert found.id == 0x4711 and dns.rcode.to_text(found.rcode()) == rcode, found
	        return found

	suspended = 0
	for kind in Query, Stream:
	    for chain in 'query', 'miss', 'response', 'inserted', 'hit', 'self':
	        name = '%s.%s.free.demo.test' % (kind.__name__, chain)
	        rcode, there = ('REFUSED', None) if chain == 'self' else ('NOERROR', '192.0.2.252')
	        if chain == 'hit':
	            kind(name).answer()
	        for end in 'o:resume()', 'o:setRCode(DNSRCode.NXDOMAIN, true) o:resume()':
	            if end != 'o:resume()':
	                name = name if chain == 'hit' else 'other' + name  # what is cached is another chain's
	            query = kind(name)
	            id, message = asked()
	            assert (message[2] & 0x80 != 0) == (chain not in ('query', 'miss')), chain
	            query.silence()
	            lua('local o = getAsynchronousObject(1, %d) ' + end, id)
	            found = query.answer(rcode if end == 'o:resume()' else 'NXDOMAIN')
	            assert address(found) == (there if end == 'o:resume()' else None), (chain, found)
	            suspended += 1
	            counts('suspended', suspended)
	assert metrics()['sluice_in_hand'] == 0
END
