#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# How many queries a connection may have, how long it lasts, and how many connections to a server are kept.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-'END'
	newServer({address = '10.53.0.2:5300', tcpOnly = true, healthCheckMode = 'up', maxInFlight = 1})
	setTCPRecvTimeout(30)
	setMaxTCPQueriesPerConnection(200)
	setMaxCachedTCPConnectionsPerDownstream(1)
	addAction('quick.test.', SpoofAction('192.0.2.2'))
END
lab_net
lab_tcp
lab_nsd
lab_sluice
lab_python "limits over TCP" <<'END'
from streams import Answers, connect, framed, is_closed
from lab import metrics, until
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
END
console 'setMaxTCPConnectionDuration(1)'
lab_python "how long a connection lasts" <<'END'
import select, time
from streams import Answers, connect, framed, is_closed
from lab import metrics, until
before, stream, answered = time.monotonic(), connect(), 0
try: # asked all the time, it is not idle
    while time.monotonic() < before + 20:
        stream.sendall(framed('quick.test', answered & 0xff))
        Answers(stream).take(1)
        answered += 1
        select.select([stream], [], [], 0.05) # or the end of it; not so often that it is of too many
except (AssertionError, OSError):
    pass
assert 0 < answered < 200 and 1 <= time.monotonic() - before < 20 and is_closed(stream), answered
stream.close() # until then what comes behind the end is read
def reached():
    return sum(value for key, value in metrics().items() if key.startswith('dnsdist_frontend_tcpmaxdurationreached{'))
until('it is counted', lambda: reached() == 1)
END
stop_pid "$sluice_pid"
