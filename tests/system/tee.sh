#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# TeeAction: another server gets the query too, with what is asked for; its answers are counted and nobody gets them.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

got() { [ "$(wc -l <"$work/copies")" -ge "$1" ]; }
has() { [ "$(console "getAction($1):getStats()['$2']")" = "$3" ]; }

lab_up <<-'END'
	newServer('10.53.0.2:5300')
	addAction(AllRule(), TeeAction('127.0.0.1:5301'))
	addAction(AllRule(), TeeAction('127.0.0.1:5302', true, '127.0.0.3'))
	addAction(AllRule(), TeeAction('127.0.0.1:5303', false, nil, true))
	addAction(AllRule(), TeeAction('127.0.0.1:5304', true, nil, true))
END
# A server of four ports; each answers with an rcode of its own, the last one with too little.
ip netns exec "$sluice" /usr/bin/python3 - "$work/copies" 2>"$work/copies.log" <<-'END' &
	import select, socket, sys
	sockets = {}
	for port, rcode in ((5301, 0), (5302, 3), (5303, 5), (5304, None)):
	    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	    one.bind(("127.0.0.1", port))
	    sockets[one] = (port, rcode)
	with open(sys.argv[1], "w", buffering=1, encoding="ascii") as out:
	    while True:
	        for one in select.select(list(sockets), [], [])[0]:
	            copy, source = one.recvfrom(4096)
	            port, rcode = sockets[one]
	            out.write(f"{port} {source[0]} {copy.hex()}\n")
	            header = copy[:2] + bytes([0x84, rcode or 0]) + copy[4:12]
	            one.sendto(header if rcode is not None else b"short", source)
END
pids+=($!)
wait_for 10 "the server" test -e "$work/copies"
expect 'status: NOERROR' c1.demo.test +noedns
wait_for 20 "four copies" got 4
/usr/bin/python3 - "$work/copies" <<-'END' || fail "see above"
	import sys
	import dns.message
	with open(sys.argv[1], encoding="ascii") as file:
	    copies = {int(port): (source, bytes.fromhex(data)) for port, source, data in map(str.split, file)}
	plain = dns.message.from_wire(copies[5301][1])
	assert str(plain.question[0]) == "c1.demo.test. IN A" and plain.edns < 0, plain
	told = dns.message.from_wire(copies[5302][1])
	assert [option.to_text() for option in told.options] == ["ECS 10.53.2.0/24 scope/0"], told
	assert told.id == plain.id and copies[5302][0] == "127.0.0.3", copies[5302]
	for port in (5303, 5304):
	    head, copy = copies[port][1][:28], copies[port][1][28:]
	    assert head[:16] == b"\r\n\r\n\0\r\nQUIT\n\x21\x12\0\x0c", head
	    assert head[16:24] == bytes([10, 53, 2, 2, 10, 53, 2, 1]) and head[26:] == b"\0\x35", head
	    assert copy == copies[5301 if port == 5303 else 5302][1]
END
wait_for 20 "the first one's answer" has 0 noerrors 1
wait_for 20 "the second one's" has 1 nxdomains 1
wait_for 20 "the third one's" has 2 refuseds 1
wait_for 20 "what is no answer" has 3 recv-errors 1
for rule in 0 1 2 3; do has $rule queries 1 || fail "rule $rule: $(console "getAction($rule):printStats()")"; done
[ "$(console 'getAction(0):printStats()' | grep -c .)" -eq 12 ] || fail "printStats"
[ "$(metric 'sluice_tee_responses_total{server="127.0.0.1:5301"}')" = 1 ] || fail "no metric"
alive
