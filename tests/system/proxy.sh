#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# PROXY headers: Unbound is told whose query it gets, and answers some and refuses others; what a proxy
# says is taken from proxies alone, and has to be right.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-'END'
	newServer({address = '10.53.0.11:5301', useProxyProtocol = true, checkName = 'demo.test.', mustResolve = true})
	newServer({address = '[fd53::11]:5301', useProxyProtocol = true, checkName = 'demo.test.', mustResolve = true,
	  pool = 'six'})
	addAction(QNameRule('c6.demo.test'), PoolAction('six', false))
	setProxyProtocolACL({'10.53.2.4', 'fd53:2::4'})
	addAction(QNameRule('c7.demo.test'), LuaAction(function(dq)
	  return sluice.suspend(dq, {timeout = 20}) and DNSAction.None or DNSAction.Drop
	end))
	addResponseAction(AndRule({QNameRule('c7.demo.test'), RCodeRule(DNSRCode.NOERROR)}), LuaResponseAction(function(dr)
	  return sluice.suspend(dr, {timeout = 20}) and DNSResponseAction.None or DNSResponseAction.Drop
	end))
	addAction(ProxyProtocolValueRule(0xe0, 'tell'), SetAdditionalProxyProtocolValueAction(0xe1, 'more'))
	addAction(ProxyProtocolValueRule(0xe0, 'spoof'), SpoofAction('192.0.2.99'))
END
lab_net
lab_nsd
for address in 10.53.0.11/24 fd53::11/64; do ip -n "$backend" addr add "$address" dev b0 nodad 2>/dev/null; done
for address in 10.53.2.3/24 10.53.2.4/24 fd53:2::3/64 fd53:2::4/64; do ip -n "$client" addr add "$address" dev c0 nodad 2>/dev/null; done
lab_unbound unbound 10.53.0.11@5301 'interface: fd53::11@5301' 'proxy-protocol-port: 5301' \
	'access-control: 10.53.2.3/32 refuse' 'access-control: fd53:2::3/128 refuse'
lab_sluice
# Its checks are of Sluice's own, and answered as such.
for i in 0 1; do [ "$(console "return getServer($i):isUp()")" = true ] || fail "server $i is down"; done
lab_python "PROXY headers" <<'END'
import os, socket, struct
import dns.message, dns.rcode
SIGNATURE = b'\r\n\r\n\0\r\nQUIT\n'
def header(client, server, values=b''):
    six = ':' in client
    pack = lambda text: socket.inet_pton(socket.AF_INET6 if six else socket.AF_INET, text)
    body = pack(client) + pack(server) + struct.pack('>HH', 4242, 53) + values
    return SIGNATURE + b'\x21' + (b'\x22' if six else b'\x12') + struct.pack('>H', len(body)) + body
def ask(name, source, head=b'', patience=4):
    six = ':' in source
    query = dns.message.make_query(name, 'A')
    with socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.bind((source, 0))
        client.connect((os.environ['server6' if six else 'server'], 53))
        client.settimeout(patience)
        client.send(head + query.to_wire())
        try:
            answer = dns.message.from_wire(client.recv(65535))
        except TimeoutError:
            return 'NOTHING'
    assert query.is_response(answer), answer
    return answer.answer[0][0].address if answer.answer else dns.rcode.to_text(answer.rcode())
def gives(wanted, *question, **options):
    found = ask(*question, **options)
    assert found == wanted, (question, found)
FOUR, SIX = '10.53.2.', 'fd53:2::'
for name, address in (('c5.demo.test', '192.0.2.6'), ('c6.demo.test', '192.0.2.7')): # over IPv4, over IPv6
    for net in (FOUR, SIX):
        gives(address, name, net + '2')
        gives('REFUSED', name, net + '3')
        for proxy in (FOUR, SIX): # of the client's family, and not
            gives(address, name, proxy + '4', header(net + '2', net + '1'))
            gives('REFUSED', name, proxy + '4', header(net + '3', net + '1', b'\xe0\0\4tell'))
            gives('192.0.2.99', name, proxy + '4', header(net + '3', net + '1', b'\xe0\0\5spoof'))
for proxy in (FOUR, SIX): # suspended on its way, and its answer
    gives('192.0.2.8', 'c7.demo.test', proxy + '4', header(FOUR + '2', FOUR + '1'))
    gives('REFUSED', 'c7.demo.test', proxy + '4', header(FOUR + '3', FOUR + '1', b'\xe0\0\4tell'))
gives('192.0.2.6', 'c5.demo.test', FOUR + '4', SIGNATURE + b'\x20\0\0\0') # the proxy itself asks
for head in (b'', SIGNATURE, header(FOUR + '2', FOUR + '1', b'\xe0\0\9'), header(FOUR + '2', FOUR + '1', b'\xe0\2\0' + b'x' * 512)):
    gives('NOTHING', 'c5.demo.test', FOUR + '4', head, patience=0.2)
END
metric() { in_sluice curl -s --max-time 5 http://127.0.0.1:8083/metrics | sed -n "s/^$1 //p"; }
[ "$(metric dnsdist_proxy_protocol_invalid)" = 4 ] || fail "wrong headers are counted as $(metric dnsdist_proxy_protocol_invalid)"
