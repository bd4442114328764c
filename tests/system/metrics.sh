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

busy_is_known() { metrics | grep -q '^sluice_worker_busy_ratio'; }
wait_for 5 "the workers' first second" busy_is_known

metrics >"$work/metrics"
# dnsdist's counters have no _total in their names: that remark, and only there, is to be expected.
if command -v promtool >/dev/null; then
	promtool check metrics <"$work/metrics" >"$work/promtool" 2>&1 || true
	grep -vE '^dnsdist_\w+ counter metrics should have "_total" suffix$' "$work/promtool" &&
		fail "promtool refuses the metrics"
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
	queries = get('sluice_queries_total{port="edge"}')
	assert get('sluice_queries_total{port="back"}') == 0
	kinds = {k: get('sluice_responses_total{port="edge",kind="%s"}' % k) for k in ('forwarded', 'cache', 'self')}
	assert kinds == {'forwarded': 1000, 'cache': 0, 'self': 2}, kinds
	answers = sum(kinds.values())
	assert queries == answers + query + get('sluice_inflight_queries') + get('sluice_in_hand'), text
	assert drop('rule') == 1 and get('sluice_lua_errors_total') == 1
	assert get('sluice_backend_responses_total') == get('sluice_backend_responses_matched_total') + sum(
		drop(r) for r in response)
	assert get('sluice_received_packets_total') == get('sluice_link_packets_total') + queries + get(
		'sluice_backend_responses_total') + sum(drop(r) for r in packet)
	assert get('sluice_latency_seconds_count') == answers
	ratio = float(re.search(r'^sluice_worker_busy_ratio{worker="0"} (\S+)$', text, re.M).group(1))
	assert 0 <= ratio <= 1, ratio
END
# The same by dnsdist's names and rules: what is counted under two names is the same number.
python3 - "$work/metrics" <<-'END' || fail "dnsdist's names do not agree"
	import re, sys
	text = open(sys.argv[1]).read()
	v = dict(re.findall(r'^(\S+) (\d+)$', text, re.M))
	def get(name): return int(v['dnsdist_' + name])
	def row(name, labels): return int(v['dnsdist_%s{%s}' % (name, labels)])
	assert get('queries') - get('noncompliant_queries') - get('empty_queries') == get('rule_drop') + get(
		'no_policy') + get('downstream_timeouts') + get('responses') - get('noncompliant_responses'), text
	assert get('queries') == int(v['sluice_queries_total{port="edge"}']) == 1003
	assert (get('rule_drop'), get('rule_refused'), get('rule_servfail'), get('self_answered')) == (1, 1, 1, 2), text
	back = 'server="10_53_0_2:5300",address="10.53.0.2:5300"'
	assert row('server_queries', back) == row('server_responses', back) == 1000
	assert row('server_outstanding', back) == row('server_drops', back) == 0 and row('server_status', back) == 1
	edge = 'frontend="10.53.2.1:53",proto="UDP",thread="0"'
	assert row('frontend_queries', edge) == 1003 and row('frontend_responses', edge) == 1002
	assert row('pool_servers', 'pool="_default_"') == row('pool_active_servers', 'pool="_default_"') == 1
	slices = ['latency0_1', 'latency1_10', 'latency10_50', 'latency50_100', 'latency100_1000', 'latency_slow']
	assert sum(get(s) for s in slices) == get('latency_count') == 1002
	assert row('latency_bucket', 'le="+Inf"') == 1002 and row('latency_bucket', 'le="1"') == get('latency0_1')
	assert get('real_memory_usage') > 1 << 20 and get('fd_usage') > 5 and 0 < get('uptime') < 180
END
alive
