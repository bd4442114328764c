#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# What a packet keeps while it is suspended: what its server is told of the client's subnet, and the
# query that setRestartable() saved, to be asked again elsewhere.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-'END'
	newServer({address = '10.53.0.2:5301', healthCheckMode = 'up', useClientSubnet = true})
	newServer({address = '10.53.0.2:5302', healthCheckMode = 'up', pool = 'other'})
	addAction('off.test', SetDisableECSAction())
	addAction('over.test', SetECSOverrideAction(true))
	addAction('short.test', SetECSPrefixLengthAction(13, 20))
	addAction('fixed.test', SetECSAction('192.0.2.99/25', '2001:db8::/32'))
	addAction('again.test', LuaAction(function(dq)
	  dq:setRestartable()
	  assert(dq:changeName('24.changed.test'))
	  return DNSAction.None
	end))
	-- Each waits out its timeout, which resumes it.
	addAction(AllRule(), LuaAction(function(dq)
	  suspended = (suspended or 0) + (dq:suspend(1, dq.dh:getID(), 20) and 1 or 0)
	  return DNSAction.Allow
	end))
	addResponseAction(AllRule(), LuaResponseAction(function(dr)
	  if dr:getRestartCount() == 0 then
	    suspended = suspended + (sluice.suspend(dr, {timeout = 20, continue_rules = true}) and 1 or 0)
	  end
	  return DNSResponseAction.None
	end))
	addResponseAction(AllRule(), LuaResponseAction(function(dr)
	  if dr:getRestartCount() == 0 and dr.qname:isPartOf(newDNSName('changed.test')) then
	    dr.pool = 'other'
	    assert(dr:restart())
	  end
	  return DNSResponseAction.Allow
	end))
END
lab_net
lab_subnet_servers
lab_sluice
lab_python "what is kept" <<'END'
import os, dns.edns, dns.message, dns.query
def told(name, subnet=None): # its EDNS, and the subnet
    query = dns.message.make_query(name, 'TXT', options=[dns.edns.ECSOption(*subnet)] if subnet else None)
    answer = dns.query.udp(query, os.environ['server'], timeout=5)
    assert answer.question == query.question, answer
    return [text.decode() for text in answer.answer[0][0].strings[1:]]
for name, subnet, wanted in (('24.plain.test', None, ['0', '10.53.2.0/24']), ('24.off.test', None, ['-1', '']),
                             ('24.over.test', ('203.0.113.0', 24), ['0', '10.53.2.0/24']),
                             ('24.plain.test', ('203.0.113.0', 24), ['0', '203.0.113.0/24']),
                             ('24.short.test', None, ['0', '10.48.0.0/13']),
                             ('24.fixed.test', None, ['0', '192.0.2.0/25'])):
    assert told(name, subnet) == wanted, (name, told(name, subnet))
assert told('24.again.test') == ['-1', ''], 'not asked again, as it was, at the other server'
END
[ "$(console 'return suspended')" -ge 14 ] || fail "$(console 'return suspended') suspended"
