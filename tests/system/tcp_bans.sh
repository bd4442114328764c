#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Who sends a query in too many pieces, or begins connections too fast, has none for a time; clients behind one
# address are told apart by their ports.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-'END'
	setTCPRecvTimeout(30)
	setMaxTCPReadIOsPerQuery(10)
	setBanDurationForExceedingMaxReadIOsPerQuery(600)
	setTCPConnectionsMaskV4Port(3)
	addAction('quick.test.', SpoofAction('192.0.2.2'))
END
lab_net
lab_tcp
lab_sluice
sluice_pid=$sluice_pid lab_python "bans" <<'END'
import os, signal, socket, time
from streams import Answers, connect, framed, is_closed
from lab import metrics, until
# One query in too many pieces: closed, and nobody of its eighth of the ports has another connection.
def connect_from(port):
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(('10.53.2.2', port))
    made.connect(('10.53.2.1', 53))
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made
def serves(stream):
    try:
        stream.sendall(framed('quick.test', 1))
        return len(Answers(stream).take(1)) == 1
    except (AssertionError, ConnectionError):
        return False
def count(name):
    return metrics()['sluice_tcp_%s_total{reason="%s"}' % name]
slow = connect_from(8193)
try:
    for byte in framed('a.quick.test', 1):
        slow.send(bytes([byte]))
        time.sleep(0.02)
except ConnectionError:
    pass
assert is_closed(slow) and count(('closed', 'slow_reads')) == 1
assert not serves(connect_from(16383)) and not serves(connect_from(8194)) and count(('refused', 'client_rate')) == 2
assert serves(connect_from(8191)) and serves(connect_from(16385))
# So many a second, on average.
policy = os.environ['work'] + '/policy.lua'
text = open(policy).read() + 'setMaxTCPConnectionRatePerClient(1) setTCPConnectionsMaskV4Port(0)'
open(policy, 'w').write(text + " addAction('new.test.', SpoofAction('192.0.2.3'))")
os.kill(int(os.environ['sluice_pid']), signal.SIGHUP)
until('the new policy', lambda: count(('refused', 'client_rate')) > 2 or not serves(connect()))
before = count(('refused', 'client_rate'))
assert not any(serves(connect()) for _ in range(20)) # banned
assert count(('refused', 'client_rate')) == before + 20
END
stop_pid "$sluice_pid"
