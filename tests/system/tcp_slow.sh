#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# A client with 400 connections that send a byte a second: they cost little memory, are closed when their query has
# taken as long as it may, and counted; others are answered as fast as before meanwhile.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-END
	setTCPRecvTimeout(6)
	setMaxTCPReadIOsPerQuery(0)
	addAction('quick.test.', SpoofAction('192.0.2.1'))
END
lab_net
lab_tcp
lab_sluice
sluice_pid=$sluice_pid lab_python "a byte a second" <<'END'
import select, statistics, time
from streams import Answers, connect, framed
from lab import Query, metrics, resident, until
def asked():
    """The time that an answer takes, over UDP and over TCP."""
    query = Query('quick.test')
    query.answer()
    stream, begun = connect(), time.monotonic()
    stream.sendall(framed('quick.test', 1))
    Answers(stream).take(1)
    return query.took, time.monotonic() - begun
before = [asked() for _ in range(100)]
memory, COUNT = resident(), 400
slow = {stream.fileno(): stream for stream in (connect() for _ in range(COUNT))}
message, begun = framed('%s.test' % '.'.join(['a' * 60] * 3), 1), time.monotonic()
events, first, sent, meanwhile, grown = select.poll(), None, 0, [], 0
for fd in slow:
    events.register(fd, select.POLLIN)
while slow:
    assert time.monotonic() - begun < 30, '%d connections are still there' % len(slow)
    if time.monotonic() >= begun + sent: # the next second's byte
        for stream in slow.values():
            try:
                stream.send(message[sent:sent + 1])
            except (ConnectionResetError, BrokenPipeError):
                pass
        sent += 1
    meanwhile.append(asked())
    grown = max(grown, resident() - memory)
    for fd, _ in events.poll(0):
        last = time.monotonic() - begun
        first = first or last
        events.unregister(fd)
        del slow[fd]
assert first > 5.5, 'closed after %.1f s, before its time' % first
until('all counted', lambda: metrics()['sluice_tcp_closed_total{reason="slow_query"}'] == COUNT)
until('nothing left of them', lambda: metrics()['sluice_tcp_connections'] + metrics()['sluice_tcp_stashed_bytes'] == 0)
assert grown < 1024 * COUNT + (1 << 20), grown
for of, name in enumerate(('UDP', 'TCP')):
    usual, now = (statistics.median(took[of] for took in list) for list in (before, meanwhile))
    print('%s: %.1f ms before, %.1f ms beside %d slow connections' % (name, usual * 1000, now * 1000, COUNT))
    assert now < 5 * usual + 0.1, name
print('closed from %.1f s to %.1f s, %d bytes grown for each' % (first, last, grown / COUNT))
END
stop_pid "$sluice_pid"
