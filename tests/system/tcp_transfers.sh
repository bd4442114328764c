#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Transfers of zones that do not come to their end: the server stops or goes away in the middle, the client reads
# no more or goes away. Each is ended and counted, takes no more memory than a few messages, and holds up nobody.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-'END'
	newServer({address = '10.53.0.2:5303', tcpOnly = true, tcpRecvTimeout = 1, healthCheckMode = 'up'})
	setTCPSendTimeout(1)
	addXFRResponseAction(AllRule(), LuaResponseAction(function() return DNSResponseAction.Allow end))
END
lab_net
lab_tcp
ip netns exec "$backend" /usr/bin/python3 "$top/tests/system/transfer_server.py" 10.53.0.2 5303 2>"$work/server.log" &
pids+=($!)
wait_for 10 "the server" grep -q listening "$work/server.log"
lab_sluice
sluice_pid=$sluice_pid lab_python "transfers" <<'END'
import os, socket, time
from streams import Answers, connect, framed
from lab import metrics, resident, until
LOG = os.environ['work'] + '/server.log'
gone = lambda name: open(LOG).read().count('gone %s.' % name)
ended = lambda reason: metrics()['sluice_tcp_closed_total{reason="%s"}' % reason]
def others():
    stream, begun = connect(), time.monotonic()
    stream.sendall(framed('x.test', 9, 'TXT'))
    assert Answers(stream).take(1)[0].answer[0][0].strings == (b'fine',)
    assert time.monotonic() - begun < 1, 'others wait'
def ask(name):
    stream = connect()
    stream.sendall(framed(name, 7, 'AXFR'))
    return stream, Answers(stream)
others()
for name in 'cut.test', 'stall.test':
    before, (stream, answers) = ended('broken'), ask(name)
    size = sum(len(answers.wire()) for _ in range(6))
    others()
    while more := stream.recv(65536):
        size += len(more)
    assert size > 65536, size
    until('it is counted', lambda: ended('broken') == before + 1)
    until('the server is left alone', lambda: gone(name) == 1)
# A client that takes nothing: the server is held up, its messages do not heap up here.
before, memory = ended('unread_answer'), resident()
unread = [ask('endless.test')[0] for _ in range(8)]
unread[0].shutdown(socket.SHUT_WR) # one that has no more to say takes nothing either
others()
until('those that take nothing are closed', lambda: ended('unread_answer') == before + 8)
assert resident() - memory < 8 << 20, resident() - memory
until('the server is told', lambda: gone('endless.test') == 8)
# One that goes away after five megabytes.
stream, answers = ask('endless.test')
assert sum(len(answers.wire()) for _ in range(400)) > 5 << 20
stream.close()
until('the server is told that, too', lambda: gone('endless.test') == 9)
others()
assert metrics()['sluice_tcp_stashed_bytes'] == 0
END
stop_pid "$sluice_pid"
