#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# What is told of connections over TCP: all of them in the log, showTCPStats(), latencies, and how many found no place
# with the kernel.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-END
	setMaxTCPQueuedConnections(7)
	addAction('quick.test.', SpoofAction('192.0.2.2'))
END
lab_net
lab_tcp
lab_sluice
binary=$binary sluice_pid=$sluice_pid lab_python "what is told of connections" <<'END'
import os, re, subprocess
from streams import Answers, connect, framed, overflow, stopped
from lab import metrics, until
stream = connect()
stream.sendall(framed('quick.test', 1) + b'\0')
Answers(stream).take(1)
def console(line):
    return subprocess.run([os.environ['binary'], 'console', '-s', os.environ['work'] + '/run/console.sock', '-e', line],
                          capture_output=True, text=True, check=True).stdout
console('requestTCPStatesDump()')
line = re.compile(r'TCP: client 10\.53\.2\.2:%d to 10\.53\.2\.1:53, open for .*: 1 queries, 0 in hand' % stream.getsockname()[1])
until('it is in the log', lambda: line.search(open(os.environ['work'] + '/sluice.log').read()))
for over in 100, 1000, 10000, 1000000:
    assert 0 < metrics()['dnsdist_latency_tcp_avg%d' % over] < 5e6 / over, over
assert re.search(r'^10\.53\.2\.1:53 +1 +1 +1 +1 ', console('return showTCPStats()'), re.M), console('return showTCPStats()')
assert metrics()['dnsdist_tcp_listen_overflows'] == 0
with stopped(int(os.environ['sluice_pid']), 'sluice-tcp'):
    crowd = overflow(20)
    until('nobody else to have a place', lambda: ' 0' not in subprocess.run(
        ['ip', 'netns', 'exec', os.environ['sluice'], 'nstat', '-asz', 'TcpExtListenOverflows'],
        capture_output=True, text=True, check=True).stdout.replace('0.0', ''))
until('the kernel\'s overflows', lambda: metrics()['dnsdist_tcp_listen_overflows'] > 0)
END
stop_pid "$sluice_pid"
