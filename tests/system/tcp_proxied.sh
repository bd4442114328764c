#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# PROXY headers over TCP from proxies, and from nobody else: split at every byte, wrong ones, whose clients the rules
# and the ACL see, and what becomes of their values.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-'END'
	newServer({address = '10.53.0.2:5302', useProxyProtocol = true, healthCheckMode = 'up'})
	newServer({address = '10.53.0.2:5302', useProxyProtocol = true, tcpOnly = true, pool = 'only', healthCheckMode = 'up'})
	setProxyProtocolACL({'10.53.2.4', 'fd53:2::4'})
	setProxyProtocolMaximumPayloadSize(128)
	setProxyProtocolApplyACLToProxiedClients(true)
	addLocal('10.53.2.1:54', {enableProxyProtocol = false})
	addAction(ProxyProtocolValueRule(0xe0, 'tell'), SetAdditionalProxyProtocolValueAction(0xe1, 'more'))
	addAction(QNameSuffixRule('only.test'), PoolAction('only'))
	addAction(NetmaskGroupRule({'192.168.0.0/16'}), SpoofAction('192.0.2.99'))
END
lab_net
lab_tcp
for address in 10.53.2.4/24 fd53:2::4/64; do ip -n "$client" addr add "$address" dev c0 nodad 2>/dev/null; done
lab_proxy_server
lab_sluice
lab_python "PROXY headers of proxies" <<'END'
import time
from proxied import SIGNATURE, connect, header, told
from streams import Answers, framed, is_closed
from lab import metrics
for pool in 'x.test', 'x.only.test': # after a truncated answer, and at once
    for proxy in '10.53.2.4', 'fd53:2::4':
        for client in '10.1.2.3', 'fd99::7':
            (_, who), = told(connect(proxy), ['a.' + pool], header(client, b'\xe0\0\4tell'))
            assert who == '%s 4242 1 e0000474656c6ce100046d6f7265' % client, who
    (_, who), = told(connect('10.53.2.4'), ['a.' + pool], header('10.1.2.3', command=0x20))
    assert who.startswith('10.53.2.4 '), who
# Split at every byte, with two queries behind it.
bytes_ = header('10.1.2.3', b'\xe4\0\2ab') + framed('a.only.test', 0, 'TXT') + framed('b.only.test', 1, 'TXT')
for at in range(1, len(bytes_)):
    stream = connect('10.53.2.4')
    stream.sendall(bytes_[:at])
    time.sleep(0.002)
    stream.sendall(bytes_[at:])
    assert {m.answer[0][0].strings[1] for m in Answers(stream).take(2)} == {b'10.1.2.3 4242 1 e400026162'}
stream = connect('10.53.2.4')
stream.sendall(header('192.168.1.1') + framed('x.test', 5))
assert Answers(stream).take(1)[0].answer[0][0].address == '192.0.2.99' # it is the client's to rules
# No header, garbage, another version, too long, values that do not fit; a client that the ACL does not have.
wrong = [framed('x.test', 1), b'GET / HTTP/1.1\r\n\r\n', SIGNATURE + b'\x11\x11\0\x0c' + b'x' * 12,
         header('10.1.2.3', b'\xe0\0\x70' + b'x' * 0x70), header('10.1.2.3', b'\xe0\0\x09x')]
before = metrics()
for begin in wrong + [header('8.8.8.8')]:
    stream, begun = connect('10.53.2.4'), time.monotonic()
    stream.sendall(begin)
    assert is_closed(stream) and time.monotonic() - begun < 1.5, begin
def more(name):
    return metrics()[name] - before[name]
assert more('dnsdist_proxy_protocol_invalid') == len(wrong) and more('dnsdist_acl_drops') == 1
(_, who), = told(connect('10.53.2.4', 54), ['a.test']) # a listener for nobody's headers
assert who.startswith('10.53.2.4 '), who
END
stop_pid "$sluice_pid"
