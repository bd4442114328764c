#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# A listener that the policy loses: what was asked on its connections is answered, then they end; nothing new
# is taken, and other listeners keep theirs. How fast a client may begin connections, and how many to a server
# are kept.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-'END'
	newServer({address = '10.53.0.2:5300', tcpOnly = true, healthCheckMode = 'up', maxInFlight = 1})
	addLocal('10.53.2.1:54')
	addLocal('10.53.2.1:55', {doTCP = false})
	setTCPRecvTimeout(30)
	setMaxTCPQueriesPerConnection(200)
	setMaxCachedTCPConnectionsPerDownstream(1)
	addAction('slow.test.', LuaAction(function(dq)
	  return sluice.suspend(dq, {timeout = 3000, on_expiry = 'refused'}) and DNSAction.None or DNSAction.Drop
	end))
	addAction('quick.test.', SpoofAction('192.0.2.2'))
END
lab_net
lab_tcp
lab_nsd
lab_sluice
sluice_pid=$sluice_pid lab_python "listeners over TCP" <<'END'
import os, signal, socket, time
from streams import Answers, connect, framed, is_closed
from lab import metrics, until
def connect_to(port):
    return socket.create_connection(('10.53.2.1', port), 5)
def refused(port):
    try:
        connect_to(port).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError: # it went while this was being made
        return False
assert refused(55)
idle, busy, other = connect_to(54), connect_to(54), connect()
busy.sendall(framed('slow.test', 1) + framed('quick.test', 2))
assert Answers(busy).take(1)[0].id == 2
policy = os.environ['work'] + '/policy.lua'
text = open(policy).read().replace("addLocal('10.53.2.1:54')", 'setMaxTCPConnectionRatePerClient(40)')
open(policy, 'w').write(text)
os.kill(int(os.environ['sluice_pid']), signal.SIGHUP)
until('nobody listens there', lambda: refused(54))
assert is_closed(idle)
busy.sendall(framed('quick.test', 3)) # too late; what was asked before is answered
assert Answers(busy).take(1)[0].id == 1 and is_closed(busy)
other.sendall(framed('quick.test', 4))
assert Answers(other).take(1)[0].id == 4
idle.close(), busy.close()
until('both have ended as such', lambda: metrics()['sluice_tcp_closed_total{reason="stopped"}'] >= 2)
# Two hundred queries and no more: none of their answers is lost to what was sent behind them.
for _ in range(10):
    stream = connect()
    stream.sendall(b''.join(framed('quick.test', n) for n in range(300)))
    answers = Answers(stream)
    got = set()
    while len(got) < 200:
        got.add(int.from_bytes(answers.wire()[:2], 'big'))
    assert got == set(range(200)) and not answers.data and is_closed(stream)
# Queries at once take connections of their own to the server; one is kept.
stream = connect()
stream.sendall(b''.join(framed('c%d.demo.test' % n, n) for n in range(20)))
Answers(stream).take(20)
def of(name):
    return sum(value for key, value in metrics().items() if key.startswith('dnsdist_server_' + name + '{'))
assert of('tcpmaxconcurrentconnections') > 1
until('one is left', lambda: of('tcpcurrentconnections') == 1)
# Forty connections a minute.
closed = 0
for _ in range(90):
    try:
        stream = connect()
        stream.sendall(framed('quick.test', 1))
        Answers(stream).take(1)
    except (AssertionError, ConnectionError):
        closed += 1
assert closed >= 15, closed
assert metrics()['sluice_tcp_refused_total{reason="client_rate"}'] == closed
END
console 'return showTCPStats()' | grep -qE '^10\.53\.2\.1:53 +[0-9]+ +[0-9]+ +[1-9]' || fail "showTCPStats(): $(console 'return showTCPStats()')"
stop_pid "$sluice_pid"
