#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# More queries for a server that is asked over TCP than there are buffers, while it keeps its answers back: once it
# gives them, all queries that were taken have theirs, those of clients over UDP and of clients over TCP; and nobody
# over TCP is taken for slow whose query has come, and waits for a buffer.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-'END'
	newServer({address = '10.53.0.2:5304', tcpOnly = true, healthCheckMode = 'up'})
	setTCPRecvTimeout(1)
END
echo 'tcp: {queries: 64}' >>"$work/sluice.yml"
lab_net
lab_tcp
ip netns exec "$backend" /usr/bin/python3 "$top/tests/system/held_server.py" 10.53.0.2 5304 "$work/go" 2>"$work/held.log" &
pids+=($!)
wait_for 10 "the server" grep -q listening "$work/held.log"
lab_sluice
lab_python "more than there is room for" <<'END'
import os
from streams import Answers, connect, framed, is_closed
from lab import Query, metrics, until
GO = os.environ['work'] + '/go'
count = lambda name: metrics()['sluice_' + name]
queries = []
while count('drops_total{reason="tcp_full"}') == 0:
    queries += [Query('x%d.test' % n) for n in range(20)]
taken = int(count('inflight_queries'))
assert 64 <= taken < len(queries), taken
open(GO, 'w').close()
until('all have their answers', lambda: count('responses_total{port="edge",kind="forwarded"}') == taken)
os.unlink(GO)
for n, stream in enumerate(streams := [connect() for _ in range(40)]):
    stream.sendall(b''.join(framed('y%d-%d.test' % (n, id), id) for id in range(10)))
until('there is no room for more', lambda: count('tcp_stalled_turns_total') > 0)
assert is_closed(connect()) # one that asks nothing
open(GO, 'w').close()
for stream in streams:
    assert {answer.id for answer in Answers(stream).take(10)} == set(range(10))
assert count('inflight_queries') + count('drops_total{reason="timeout"}') == 0
END
stop_pid "$sluice_pid"
