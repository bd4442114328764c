#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Statistics go to Carbon, as dnsdist names them; a server that does not take them holds nothing up.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_up <<-END
	newServer({address = '10.53.0.2:5300', name = 'nsd.one'})
	carbonServer('127.0.0.1:2003', 'this.host', 1, 'ours')
	carbonServer('127.0.0.1:2004', nil, 1)
	carbonServer('127.0.0.1:2005', nil, 1)
END
expect 'status: NOERROR' c1.demo.test

cat >"$work/carbon.py" <<-'END'
	import re, socket, sys, time
	listener = socket.create_server(('127.0.0.1', 2003))
	listener.settimeout(20)
	wanted = int(sys.argv[1])
	while wanted > 0:
	    client, text = listener.accept()[0], b''
	    while part := client.recv(65536):
	        text += part
	    assert text.endswith(b'\r\n')
	    values = {}
	    for line in text.decode().split('\r\n')[:-1]:
	        name, value, when = re.fullmatch(r'(\S+) (\S+) (\d+)', line).groups()
	        values[name] = float(value)
	        assert abs(int(when) - time.time()) < 30, line
	    wanted -= values['ours.this_host.main.queries'] >= 1
	assert values['ours.this_host.main.servers.nsd_one.queries'] >= 1, values
	assert values['ours.this_host.main.frontends.10_53_2_1:53.queries'] >= 1, values
	assert values['ours.this_host.main.pools._default_.servers-up'] == 1, values
	assert values['ours.this_host.main.latency-avg100'] > 0, values
END
in_sluice python3 "$work/carbon.py" 1 >"$work/carbon.log" 2>&1 || fail "what came is wrong"
refused() { grep -q 'could not be sent to 127.0.0.1, port 2004: Connection refused' "$work/sluice.log"; }
wait_for 20 "the log to say that nobody listens" refused
# One that lets nobody in: the kernel would try for two minutes.
cat >"$work/shut.py" <<-'END'
	import signal, socket
	shut = socket.create_server(('127.0.0.1', 2005), backlog=0)
	others = [socket.socket() for _ in range(4)]
	for other in others:
	    other.setblocking(False)
	    other.connect_ex(('127.0.0.1', 2005))
	signal.pause()
END
ip netns exec "$sluice" /usr/bin/python3 "$work/shut.py" &
pids+=($!)
given_up() { grep -c 'could not be sent to 127.0.0.1, port 2005: Connection timed out' "$work/sluice.log"; }
wait_for 40 "an attempt that takes too long to be given up" given_up
before=$(given_up)
in_sluice python3 "$work/carbon.py" 12 >"$work/carbon.log" 2>&1 || fail "others get nothing meanwhile"
# Each attempt takes five seconds: were they everybody's, there would be six while twelve texts come.
[ $(($(given_up) - before)) -le 4 ] || fail "others wait for who lets nobody in"
alive
