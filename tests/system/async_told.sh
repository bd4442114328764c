#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# What a query has of a proxy and of rules is there when it goes on, for its server, its answer and its client: PROXY
# values, of the header and of rules, before and after the suspension; a delay; over UDP and TCP.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_repl <<-'END'
	newServer({address = '10.53.0.2:5302', useProxyProtocol = true, tcpOnly = true, pool = 'told', healthCheckMode = 'up'})
	setProxyProtocolACL({'10.53.2.4'})
	addAction(QNameSuffixRule('told.test'), PoolAction('told', false))
	addAction(ProxyProtocolValueRule(0xe0, 'tell'), SetAdditionalProxyProtocolValueAction(0xe1, 'more'))
	addAction(QNameSuffixRule('late.told.test'), DelayAction(400))
	addAction(QNameSuffixRule('told.test'), LuaAction(function(dq)
	  dq:addProxyProtocolValue(0xe2, 'lua')
	  return ask(dq, 60000)
	end))
	local all = {}
	for kind, value in pairs({[0xe0] = 'tell', [0xe1] = 'more', [0xe2] = 'lua', [0xe3] = 'verdict'}) do
	  all[#all + 1] = ProxyProtocolValueRule(kind, value)
	end
	addResponseAction(AndRule(all), LuaResponseAction(function(dr)
	  ask(dr, 60000)
	  return DNSResponseAction.Allow
	end))
END
lab_net
lab_tcp
ip -n "$client" addr add 10.53.2.4/24 dev c0
lab_proxy_server
lab_sluice
lab_python "what a suspended query keeps" <<'END'
from lab import *
from proxied import connect, header
from streams import Answers, framed
def told(name, tcp):
    query = dns.message.make_query(name, 'TXT', id=0x4711)
    head = header('10.1.2.3', b'\xe0\0\4tell', 0x21)
    if tcp:
        client = connect('10.53.2.4')
        client.sendall(head + framed(name, 0x4711, 'TXT'))
    else:
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        client.bind(('10.53.2.4', 0))
        client.settimeout(PATIENCE)
        client.sendto(head[:13] + b'\x12' + head[14:] + query.to_wire(), (SERVER, 53))
    lua("""local o = getAsynchronousObject(1, %d) local dq = o:getDQ()
      dq:addProxyProtocolValue(0xe3, 'verdict') o:resume()""", asked()[0])
    id, message = asked() # the response, which has all the values
    assert message[2] & 0x80
    resumed = time.monotonic()
    lua('getAsynchronousObject(1, %d):resume()', id)
    answer = Answers(client).take(1)[0] if tcp else dns.message.from_wire(client.recv(65535))
    assert answer.id == 0x4711 and answer.question[0].name == query.question[0].name, answer
    return answer.answer[0][0].strings[1].decode(), time.monotonic() - resumed
for tcp in False, True:
    who, _ = told('a.told.test', tcp)
    assert who.startswith('10.1.2.3 4242 ') and who.endswith(
        ' e0000474656c6ce100046d6f7265e200036c7561e3000776657264696374'), who
_, took = told('late.told.test', False)
assert took >= 0.4, took
END
