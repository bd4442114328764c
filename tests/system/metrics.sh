#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# /metrics is Prometheus' format, and the counters add up: no query is lost without a reason.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_up <<-END
	newServer('10.53.0.2:5300')
	addAction(QNameRule('c1.demo.test'), RCodeAction(DNSRCode.REFUSED))
	addAction(QNameRule('c2.demo.test'), DropAction())
	addAction(QNameRule('c3.demo.test'), LuaAction(function() error('on purpose') end))
END

metrics() {
	ip netns exec "$sluice" python3 -c \
		'import urllib.request; print(urllib.request.urlopen("http://127.0.0.1:8083/metrics", timeout=5).read().decode())'
}

expect 'status: REFUSED' c1.demo.test
in_client dig +tries=1 +time=1 "@$server" c2.demo.test >/dev/null && fail "c2 was answered"
expect 'status: SERVFAIL' c3.demo.test
load 1000 load.demo.test 1000 || fail "not all of 1,000 queries were answered"

metrics >"$work/metrics"
if command -v promtool >/dev/null; then
	promtool check metrics <"$work/metrics" || fail "promtool refuses the metrics"
fi
python3 - "$work/metrics" <<-'END' || fail "the counters do not add up"
	import re, sys
	text = open(sys.argv[1]).read()
	v = dict(re.findall(r'^(\S+) (\d+)$', text, re.M))
	def get(name): return int(v[name])
	def drop(reason): return get('sluice_drops_total{reason="%s"}' % reason)
	packet = ['frame_short', 'frame_vlan', 'frame_type', 'frame_chained', 'not_ours', 'ip_header',
	          'ip_checksum', 'ip_fragment', 'ip_protocol', 'ip_source', 'udp_header',
	          'udp_checksum', 'udp_port', 'draining', 'acl']
	response = ['response_unsolicited', 'response_source', 'response_question',
	            'response_malformed', 'response_home_full']
	drops = {m: int(n) for m, n in re.findall(r'sluice_drops_total{reason="(\w+)"} (\d+)', text)}
	query = sum(n for r, n in drops.items()
	            if r not in packet + response + ['arp', 'nd', 'icmp'])
	queries = get('sluice_queries_total')
	answers = get('sluice_responses_total{kind="forwarded"}') + get('sluice_responses_total{kind="self"}')
	assert queries == answers + query + get('sluice_inflight_queries') + get('sluice_in_hand'), text
	assert drop('rule') == 1 and get('sluice_lua_errors_total') == 1
	assert get('sluice_backend_responses_total') == get('sluice_backend_responses_matched_total') + sum(
		drop(r) for r in response)
	assert get('sluice_received_packets_total') == get('sluice_link_packets_total') + queries + get(
		'sluice_backend_responses_total') + sum(drop(r) for r in packet)
END
alive
