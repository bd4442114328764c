#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Queries over TCP meet the same rules as those over UDP, and their answers come back to their connection.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-END
	newServer('10.53.0.2:5300')
	addAction(AndRule{'over.test.', TCPRule(true)}, SpoofAction('192.0.2.99'))
	addAction('over.test.', TCAction())
	addAction('drop.test.', DropAction())
	addAction('c50.demo.test.', LuaAction(function(dq)
		dq:suspend(0, dq.dh:getID(), 300)
		return DNSAction.Allow
	end))
END
lab_net
lab_tcp
lab_nsd
lab_sluice
for to in "$server" "$server6"; do
	for n in 1 2 3; do
		got=$(in_client dig +tcp +short +tries=1 +time=3 "@$to" "c$n.demo.test" A)
		[ "$got" = "192.0.2.$((n + 1))" ] || fail "c$n.demo.test from $to over TCP is '$got'"
	done
done
# Truncated over UDP, so dig comes back over TCP, where TCAction is passed over.
expect '^over.test.*192.0.2.99' over.test
expect 'flags: qr tc' over.test +ignore
load 3000 load.demo.test 3000 -m tcp || fail "not all of 3,000 queries over TCP were answered"

lab_python "streams" <<'END'
import socket, time
from streams import Answers, connect, framed, is_closed
# Pipelined, with the side closed behind the last, and split at every byte.
stream = connect()
stream.sendall(b''.join(framed('c%d.demo.test' % n, n) for n in range(100)) + framed('drop.test', 500))
stream.shutdown(socket.SHUT_WR)
found = {message.id: str(message.answer[0][0]) for message in Answers(stream).take(100)}
assert found == {n: '192.0.2.%d' % (n + 1) for n in range(100)}, found
assert is_closed(stream)
two = framed('c7.demo.test', 7) + framed('c8.demo.test', 8)
for at in range(len(two)):
    stream = connect()
    stream.sendall(two[:at])
    time.sleep(0.002)
    stream.sendall(two[at:])
    Answers(stream).take(2)
# Out of order: one is suspended, and those behind it are not.
stream = connect()
stream.sendall(framed('c50.demo.test', 50) + framed('c1.demo.test', 1) + framed('over.test', 2))
order = [message.id for message in Answers(stream).take(3)]
assert sorted(order[:2]) == [1, 2] and order[2] == 50, order
# Garbage ends at once, and what was asked before it is answered.
for garbage in b'GET / HTTP/1.1\r\n\r\n', b'\0\0', b'\0\x0c\x12\x34\x80\0\0\1\0\0\0\0\0\0':
    stream, begun = connect(), time.monotonic()
    stream.sendall(two + garbage)
    Answers(stream).take(2)
    assert is_closed(stream) and time.monotonic() - begun < 1, garbage
END
stop_pid "$sluice_pid"
