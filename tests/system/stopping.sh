#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# SIGTERM: nothing new is taken, what is suspended and what is at servers is answered, then it ends with 0. systemd is
# told of the start and of the end.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_repl <<-'END'
	newServer({address = '10.53.0.2:5399', pool = 'slow', healthCheckMode = 'up', checkInterval = 3600})
	addAction('slow.demo.test', PoolAction('slow'))
	addAction(QNameSuffixRule('ask.demo.test'), LuaAction(function(dq) return ask(dq, 60000) end))
END
printf 'shutdown: {grace: 30s}\n' >>"$work/sluice.yml"
lab_net
lab_nsd
python3 -c 'import socket, sys
told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
told.bind(sys.argv[1])
while True: print(told.recv(4096).decode(), flush=True)' "$work/notify" >"$work/notify.log" &
pids+=($!)
wait_for 10 "the socket for systemd" test -S "$work/notify"
NOTIFY_SOCKET=$work/notify lab_sluice
wait_for 10 "word to systemd" grep -qx READY=1 "$work/notify.log"

export work sluice backend pid=$sluice_pid PYTHONPATH=$top/tests/system PYTHONDONTWRITEBYTECODE=1
in_client timeout 60 /usr/bin/python3 - <<-'END' || fail "what was in hand at the end"
	from lab import *
	import ctypes, signal
	libc, home = ctypes.CDLL(None), os.open('/proc/self/ns/net', os.O_RDONLY)
	assert libc.setns(os.open('/run/netns/' + os.environ['backend'], os.O_RDONLY), 0) == 0
	server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	server.bind(('10.53.0.2', 5399))
	assert libc.setns(home, 0) == 0
	server.settimeout(PATIENCE)
	suspended, id = Query('a.ask.demo.test'), asked()[0]
	waiting = Query('slow.demo.test')
	question, sluice = server.recvfrom(4096)
	os.kill(int(os.environ['pid']), signal.SIGTERM)
	until('the end to begin', lambda: 'stopping' in open(os.environ['work'] + '/sluice.log').read())
	late = Query('c1.demo.test')
	until('what is not taken', lambda: metrics()['sluice_drops_total{reason="draining"}'] >= 1)
	for query in late, suspended, waiting:
	    query.silence()
	lua('getAsynchronousObject(1, %d):resume()', id)
	assert address(suspended.answer()) == '192.0.2.251'
	server.sendto(dns.message.make_response(dns.message.from_wire(question)).to_wire(), sluice)
	waiting.answer()
END
wait_for 20 "the end" process_ended "$sluice_pid" || fail "it does not end" # and not after 30 s: nothing was left
status=0
wait "$sluice_pid" || status=$?
[ "$status" -eq 0 ] || fail "it ends with $status"
grep -qx STOPPING=1 "$work/notify.log" || fail "systemd is not told of the end"
