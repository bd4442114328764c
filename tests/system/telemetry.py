# SPDX-License-Identifier: BSD-2-Clause
"""Asks DPDK's telemetry socket for /sluice/... and compares with /metrics and telemetry.sh's traffic."""
import json
import re
import socket
import sys
import urllib.request

s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.settimeout(5)
s.connect(sys.argv[1])
size = json.loads(s.recv(1024))['max_output_len']
def ask(command):
    s.send(command.encode())
    return list(json.loads(s.recv(size)).values())[0]
stats, suspended = ask('/sluice/stats'), ask('/sluice/async')
text = urllib.request.urlopen('http://127.0.0.1:8083/metrics', timeout=5).read().decode()
v = dict(re.findall(r'^(\S+) (\d+)$', text, re.M))
moving = ('turns', 'cycles', 'arp', 'neighbour', 'link', 'received', 'sent_packets')
for name, value in stats.items():
    if name.startswith(moving) or name.endswith(moving):
        continue
    if name.startswith('drop_'):
        assert value == int(v['sluice_drops_total{reason="%s"}' % name[5:]]), name
    elif name == 'queries' or name.startswith('responses_') and name[10:] in ('forwarded', 'cache', 'self'):
        assert value == sum(int(n) for k, n in v.items() if k.startswith('sluice_queries_total' if name ==
            'queries' else 'sluice_responses_total') and ('kind' not in k or name[10:] in k)), name
    else:
        assert value == int(v['sluice_%s_total' % name]), name
assert stats['queries'] == 503 and stats['responses_self'] == 1 and stats['drop_rule'] == 0
assert suspended['suspended'] == suspended['expired'] == int(v['sluice_async_expired_total']) == 1
assert suspended['suspended_now'] == suspended['in_hand'] == 0
assert ask('/sluice/endpoints') == ['/run/sluice/"nobody".sock']
nobody = ask('/sluice/endpoints,0')
assert (nobody['sent'], nobody['failed'], nobody['queued']) == (0, 1, 0), nobody
assert ask('/sluice/workers') == [0] and ask('/sluice/ports') == ['edge', 'back']
worker, edge = ask('/sluice/workers,0'), ask('/sluice/ports,0')
assert worker['queries'] == edge['queries'] == 503 and worker['lcore'] == 1
assert 0 <= worker['busy_permille'] <= 1000 and edge['responses_forwarded'] == 502
assert ask('/sluice/info')['workers'] == 1
for wrong in ('/sluice/workers,1', '/sluice/workers,-1', '/sluice/workers,x', '/sluice/stats,1',
              '/sluice/endpoints,99999999999999999999', '/sluice/nothing'):
    assert ask(wrong) is None, wrong
