#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# A listener that the policy loses: what was asked on its connections is answered, those included that nobody had
# accepted yet, then they end; nothing new is taken, and other listeners keep theirs.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-'END'
	addLocal('10.53.2.1:54')
	addLocal('10.53.2.1:55', {doTCP = false})
	setTCPRecvTimeout(30)
	addAction('slow.test.', LuaAction(function(dq)
	  return sluice.suspend(dq, {timeout = 3000, on_expiry = 'refused'}) and DNSAction.None or DNSAction.Drop
	end))
	addAction('quick.test.', SpoofAction('192.0.2.2'))
END
lab_net
lab_tcp
lab_sluice
sluice_pid=$sluice_pid lab_python "listeners over TCP" <<'END'
import os, signal, socket
from streams import Answers, connect, framed, is_closed, stopped
from lab import Query, address, metrics, until
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
policy, pid = os.environ['work'] + '/policy.lua', int(os.environ['sluice_pid'])
text = open(policy).read().replace("addLocal('10.53.2.1:54')", '').replace('192.0.2.2', '192.0.2.3')
with stopped(pid, 'sluice-tcp'): # so what comes now waits to be accepted
    waiting = [connect_to(54) for _ in range(200)]
    for n, stream in enumerate(waiting[:100]):
        stream.sendall(framed('quick.test', n) + framed('quick.test', n + 1) + b'\0')
    open(policy, 'w').write(text)
    os.kill(pid, signal.SIGHUP)
    until('the new policy', lambda: address(Query('quick.test').answer()) == '192.0.2.3')
for n, stream in enumerate(waiting[:100]):
    assert {m.id for m in Answers(stream).take(2)} == {n, n + 1}
for stream in waiting:
    assert stream.recv(1) == b'', 'something else than the end' # nor is it a reset
until('nobody listens there', lambda: refused(54))
assert idle.recv(1) == b''
busy.sendall(framed('quick.test', 3)) # too late; what was asked before is answered
assert Answers(busy).take(1)[0].id == 1 and is_closed(busy)
other.sendall(framed('quick.test', 4))
assert Answers(other).take(1)[0].id == 4
for stream in [idle, busy] + waiting:
    stream.close()
until('all have ended as such', lambda: metrics()['sluice_tcp_closed_total{reason="stopped"}'] >= 202)
END
stop_pid "$sluice_pid"
