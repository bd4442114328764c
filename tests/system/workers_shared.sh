#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# What four workers share: a limit holds over all of them, and what one of them put into the packet
# cache the others answer with.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-END
	setUDPTimeout(20)
	newServer({address = '10.53.0.2:5300', healthCheckMode = 'up'})
	getPool(''):setCache(newPacketCache(1000))
	addAction(AndRule({QNameSuffixRule('limited.test'), NotRule(MaxQPSRule(100))}), RCodeAction(DNSRCode.REFUSED))
	addAction(QNameSuffixRule('limited.test'), SpoofAction('192.0.2.1'))
END
sed -i "s/^eal:.*/eal: {hugepages: auto, memory: 512}/
	s/^lcores:.*/lcores: {control: 0, workers: [0, 0, 0, 0], share: true}/" "$work/sluice.yml"
lab_net
lab_nsd
lab_sluice
in_client python3 - "$server" <<-'END' || fail "a limit does not hold over all workers"
	import socket, struct, sys, time

	QUERIES, RATE = 1000, 100
	QUESTION = b"\7limited\4test\0\0\1\0\1"
	clients = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(50)]
	for client in clients:
	    client.connect((sys.argv[1], 53))
	    client.settimeout(30)
	began, passed = time.monotonic(), 0
	for number in range(QUERIES // len(clients)):
	    for client in clients:
	        client.send(struct.pack(">6H", number, 0x100, 1, 0, 0, 0) + QUESTION)
	    for client in clients:
	        passed += client.recv(512)[3] & 15 == 0
	most = 1.05 * RATE * (1 + time.monotonic() - began)
	print("%d of %d passed, at most %d may" % (passed, QUERIES, most))
	sys.exit(not RATE <= passed <= most)
END

# Every worker has received some of the thousand clients' queries when all have been answered.
counter() { in_sluice curl -s http://127.0.0.1:8083/metrics | sed -n "s/^sluice_$1_total //p"; }
cached() { # QUERIES, all of them for one name
	awk -v n="$1" 'BEGIN { for (i = 0; i < n; i++) print "cached.load.demo.test A" }' >"$work/queries"
	in_client dnsperf -s "$server" -d "$work/queries" -n 1 -c 100 -q 100 -t 30 >"$work/dnsperf.log" 2>&1
	grep -q "Queries completed: *$1 (100" "$work/dnsperf.log" || fail "not all were answered"
}
cached 1
misses=$(counter cache_misses) hits=$(counter cache_hits)
cached 1000
hits=$(($(counter cache_hits) - hits)) misses=$(($(counter cache_misses) - misses))
[ "$hits:$misses" = 1000:0 ] || fail "$hits of 1,000 queries hit what one worker has cached"
workers=$(in_sluice curl -s http://127.0.0.1:8083/metrics | grep -c '^dnsdist_frontend_queries{.*thread="[0-3]"} [1-9]')
[ "$workers" -ge 4 ] || fail "not every worker received a query"
alive
