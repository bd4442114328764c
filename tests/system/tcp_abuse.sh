#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# A client opens 20,000 connections; half of them send nothing, the others a byte now and then. That
# costs Sluice little memory, and others are answered as before, over UDP and TCP.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-END
	setTCPRecvTimeout(60)
	setTCPConnectionsOverloadThreshold(0)
	addAction('quick.test.', SpoofAction('192.0.2.1'))
END
lab_net
lab_tcp
lab_sluice
for ns in "$client" "$sluice"; do
	ip netns exec "$ns" sysctl -qw net.ipv4.tcp_max_syn_backlog=8192 net.ipv4.tcp_syncookies=1 net.core.somaxconn=8192
done

lab_patience=180 sluice_pid=$sluice_pid lab_python "20,000 connections" <<'END'
import resource, subprocess, time
from streams import Crowd
from lab import metrics, resident, until
COUNT, PLACES = 20000, 16384
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
def quick():
    for tcp in '+tcp', '+notcp':
        begun = time.monotonic()
        text = subprocess.run(['dig', '+short', '+tries=1', '+time=3', tcp, '@10.53.2.1', 'quick.test'],
                              capture_output=True, text=True).stdout
        assert text == '192.0.2.1\n', (tcp, text)
        assert time.monotonic() - begun < 2, tcp
quick()
before, crowds = resident(), [Crowd(COUNT // 2) for _ in range(2)]
until('all places taken', lambda: metrics()['sluice_tcp_connections'] >= PLACES - 10)
until('those unused longest gone', lambda: metrics()['sluice_tcp_closed_total{reason="evicted"}'] >= COUNT - PLACES)
assert metrics()['sluice_tcp_connections'] <= PLACES
quick()
crowds[1].more() # of what is announced nothing is kept that has not come
quick()
grown, kept = resident() - before, metrics()['sluice_tcp_stashed_bytes']
print('%d bytes for each of %d connections, %d in all for bytes of queries' % (grown / PLACES, PLACES, kept))
assert grown < 1024 * PLACES and kept <= 64 * PLACES, (grown, kept)
for crowd in crowds:
    crowd.end()
until('no connection left', lambda: metrics()['sluice_tcp_connections'] == 0)
assert metrics()['sluice_tcp_stashed_bytes'] == 0
quick()
END
stop_pid "$sluice_pid"
