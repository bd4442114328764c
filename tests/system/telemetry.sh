#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# DPDK's telemetry socket has /sluice/...; its numbers are those of /metrics. The folder that DPDK
# makes for the socket goes with the process.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_up <<-'END'
	newServer('10.53.0.2:5300')
	local nobody = newNetworkEndpoint('/run/sluice/"nobody".sock')
	addAction(QNameRule('c1.demo.test'), RCodeAction(DNSRCode.REFUSED))
	addAction(QNameRule('c2.demo.test'), LuaAction(function(dq)
		nobody:send('to nobody')
		return DNSAction.None
	end))
	addAction(QNameRule('c3.demo.test'), LuaAction(function(dq)
		dq:suspend(7, dq.dh:getID(), 50)
		return DNSAction.Allow
	end))
END
folder=/var/run/dpdk/sluice-$sluice_pid
[ -S "$folder/dpdk_telemetry.v2" ] || fail "there is no telemetry socket"

expect 'status: REFUSED' c1.demo.test
expect 'status: NOERROR' c2.demo.test
expect 'status: NOERROR' c3.demo.test
load 500 load.demo.test 1000 || fail "not all of 500 queries were answered"

cat >"$work/ask.py" <<-'END'
	import json, re, socket, sys, urllib.request
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
END
same() { ip netns exec "$sluice" python3 "$work/ask.py" "$folder/dpdk_telemetry.v2" 2>"$work/ask.log"; }
wait_for 5 "telemetry and metrics that agree" same || fail "telemetry and metrics differ"

alive
stop_pid "$sluice_pid"
[ ! -e "$folder" ] || fail "$folder is still there"
