#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# What UDP clients notice of a load over TCP: latencies of single queries over UDP alone, beside a load over TCP,
# and for comparison beside one as large over UDP, from the same generator on the same CPUs.
# tcp_latency.sh [RATE]: queries a second of the load.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
rate=${1:-2000}

lab_config <<<"addAction('load.test.', SpoofAction('192.0.2.1')) addAction('lone.test.', SpoofAction('192.0.2.2'))"
lab_net
lab_tcp
lab_sluice
seq -f 'q%.0f.load.test A' 1 1000 >"$work/queries"
# beside NAME [DNSPERF ARGUMENTS...]: the latencies, while dnsperf runs.
beside() {
	local name=$1 pid=''
	shift
	if [ $# -gt 0 ]; then
		ip netns exec "$client" dnsperf -s "$server" -d "$work/queries" -l 60 -Q "$rate" -c 20 -q 1000 "$@" >"$work/dnsperf.log" 2>&1 &
		pid=$!
		pids+=("$pid")
		before=$(metric sluice_tcp_queries_total)
		wait_for 10 "the load" more_than_before "$name"
	fi
	what=$name lab_python "single queries over UDP" <<'END'
import os, socket, time
import dns.message
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.connect(('10.53.2.1', 53))
client.settimeout(5)
wire, took = bytearray(dns.message.make_query('lone.test', 'A').to_wire()), []
end = time.monotonic() + 10
for n in range(3000):
    if time.monotonic() > end:
        break
    wire[0:2] = n.to_bytes(2, 'big')
    begun = time.monotonic()
    client.send(wire)
    assert client.recv(4096)[:2] == wire[:2], 'a query was not answered in its turn'
    took.append(time.monotonic() - begun)
    time.sleep(0.0005)
took.sort()
p50, p99 = (took[len(took) * n // 1000] * 1e6 for n in (500, 990))
print('%s: p50 %d us, p99 %d us' % (os.environ['what'], p50, p99))
assert p50 < 50000, 'UDP waits for TCP'
END
	[ -z "$pid" ] || stop_pid "$pid"
}
more_than_before() { [ "$(metric sluice_tcp_queries_total)" -gt "$before" ]; }
beside alone
beside tcp -m tcp
beside udp
stop_pid "$sluice_pid"
