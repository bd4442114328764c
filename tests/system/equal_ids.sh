#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# A hundred clients use the same DNS ID at the same time: each gets its own answer.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <"$top/lua/examples/async-filter.lua"
lab_net
lab_nsd
for n in {100..199}; do
	ip -n "$client" addr add "10.53.2.$n/24" dev c0
done
# Late verdicts keep all hundred suspended together.
lab_filter --delay-ms 100
lab_sluice

in_client python3 - "$server" <<-'END' || fail "clients with equal IDs lost or mixed up their answers"
	import select, socket, struct, sys, time

	ID, COUNT, ROUNDS = 0x1234, 100, 5
	def query(n):
	    labels = b''.join(bytes([len(l)]) + l for l in (b'c%d' % n, b'demo', b'test'))
	    return struct.pack('!6H', ID, 0x0100, 1, 0, 0, 0) + labels + b'\0\0\1\0\1'

	sockets = {}
	for n in range(COUNT):
	    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	    s.bind(('10.53.2.%d' % (100 + n), 0))
	    s.connect((sys.argv[1], 53))
	    sockets[s] = n
	for turn in range(ROUNDS):
	    for s, n in sockets.items():
	        s.send(query(n))
	    waiting, deadline = dict(sockets), time.monotonic() + 5
	    while waiting and time.monotonic() < deadline:
	        for s in select.select(list(waiting), [], [], 0.1)[0]:
	            n, answer = waiting.pop(s), s.recv(4096)
	            ident, flags, _, count = struct.unpack('!4H', answer[:8])
	            question = query(n)[12:]
	            # NSD writes the A record directly after the question
	            address = answer[12 + len(question):][12:16]
	            assert ident == ID and flags & 0x800f == 0x8000 and count == 1, (n, answer)
	            assert answer[12:12 + len(question)] == question, (n, answer)
	            assert address == bytes([192, 0, 2, n + 1]), (n, answer)
	    assert not waiting, 'round %d: %d of %d not answered' % (turn, len(waiting), COUNT)
END
alive
