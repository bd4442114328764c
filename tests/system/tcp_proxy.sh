#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# PROXY headers over TCP: read at the start of connections of proxies, and of nobody else; written once at the
# start of connections to servers that want them, which clients do not share.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-'END'
	newServer({address = '10.53.0.2:5302', name = 'udp', useProxyProtocol = true, checkTCP = true, mustResolve = true})
	newServer({address = '10.53.0.2:5302', name = 'tcp', useProxyProtocol = true, tcpOnly = true, pool = 'only', healthCheckMode = 'up'})
	newServer({address = '10.53.0.2:5302', name = 'few', useProxyProtocol = true, tcpOnly = true, pool = 'few', healthCheckMode = 'up',
	  maxConcurrentTCPConnections = 2})
	setProxyProtocolACL({'10.53.2.4', 'fd53:2::4'})
	setProxyProtocolMaximumPayloadSize(128)
	setProxyProtocolApplyACLToProxiedClients(true)
	addLocal('10.53.2.1:54', {enableProxyProtocol = false})
	addAction(ProxyProtocolValueRule(0xe0, 'tell'), SetAdditionalProxyProtocolValueAction(0xe1, 'more'))
	for _, pool in ipairs{'only', 'few'} do addAction(QNameSuffixRule(pool .. '.test'), PoolAction(pool)) end
	addAction(NetmaskGroupRule({'192.168.0.0/16'}), SpoofAction('192.0.2.99'))
END
lab_net
lab_tcp
for address in 10.53.2.4/24 fd53:2::4/64; do ip -n "$client" addr add "$address" dev c0 nodad 2>/dev/null; done
ip netns exec "$backend" /usr/bin/python3 "$top/tests/system/proxy_server.py" 10.53.0.2 5302 2>"$work/server.log" &
pids+=($!)
wait_for 10 "the server" grep -q listening "$work/server.log"
lab_sluice
wait_for 10 "the check over TCP, as Sluice's own" test "$(console 'return getServer(0):isUp()')" = true
lab_python "PROXY headers over TCP" <<'END'
import ipaddress, socket, struct, time
from streams import Answers, framed, is_closed
from lab import metrics
SIGNATURE = b'\r\n\r\n\0\r\nQUIT\n'
def header(client, values=b'', command=0x21):
    packed = ipaddress.ip_address(client).packed
    body = packed * 2 + struct.pack('!HH', 4242, 53) + values
    return SIGNATURE + bytes([command, 0x11 if len(packed) == 4 else 0x21]) + struct.pack('!H', len(body)) + body
def connect(source, port=53):
    six = ':' in source
    made = socket.create_connection(('fd53:2::1' if six else '10.53.2.1', port), 5, (source, 0))
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made
def told(stream, names, head=b''):
    """Connection and client of each answer."""
    stream.sendall(head + b''.join(framed(name, n, 'TXT') for n, name in enumerate(names)))
    found = {m.id: b' '.join(m.answer[0][0].strings).decode() for m in Answers(stream).take(len(names))}
    return [found[n].split(' ', 1) for n in range(len(names))]
for pool in 'x.test', 'x.only.test': # after a truncated answer, and at once
    for source in '10.53.2.2', 'fd53:2::2':
        streams = [connect(source) for _ in range(2)]
        numbers = set()
        for stream in streams:
            both = told(stream, ['a.' + pool, 'b.' + pool]) + told(stream, ['c.' + pool])
            assert all(who == '%s %d 1 ' % (source, stream.getsockname()[1]) for _, who in both), both
            numbers |= {number for number, _ in both}
        assert len(numbers) == 2, numbers # a connection for each client, for all that it asks
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
# More clients than connections: each in its turn, under its own name.
streams = [connect('10.53.2.2') for _ in range(20)]
for n, stream in enumerate(streams):
    stream.sendall(framed('x.few.test', n, 'TXT'))
for n, stream in enumerate(streams):
    assert Answers(stream).take(1)[0].answer[0][0].strings[1].decode().split()[1] == str(stream.getsockname()[1])
# More than are kept idle: those go that were idle longest, not the one that has just been used.
streams = [connect('10.53.2.2') for _ in range(15)]
for stream in streams:
    told(stream, ['x.only.test'])
for _ in range(2):
    (one, _), = told(streams[-1], ['a.only.test'])
    (other, _), = told(streams[-1], ['b.only.test'])
    assert one == other, (one, other)
# No header, garbage, another version, too long, values that do not fit; a client that the ACL does not have.
wrong = [framed('x.test', 1), b'GET / HTTP/1.1\r\n\r\n', SIGNATURE + b'\x11\x11\0\x0c' + b'x' * 12,
         header('10.1.2.3', b'\xe0\0\x70' + b'x' * 0x70), header('10.1.2.3', b'\xe0\0\x09x')]
before = metrics()
for begin in wrong + [header('8.8.8.8')]:
    stream, begun = connect('10.53.2.4'), time.monotonic()
    stream.sendall(begin)
    assert is_closed(stream) and time.monotonic() - begun < 1.5, begin
after = metrics()
assert after['dnsdist_proxy_protocol_invalid'] - before['dnsdist_proxy_protocol_invalid'] == len(wrong)
assert after['dnsdist_acl_drops'] - before['dnsdist_acl_drops'] == 1
(_, who), = told(connect('10.53.2.4', 54), ['a.test']) # a listener for nobody's headers
assert who.startswith('10.53.2.4 '), who
END
stop_pid "$sluice_pid"
