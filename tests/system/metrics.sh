#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# /metrics is Prometheus' format, and the counters add up: no query is lost without a reason.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_up <<-END
	newServer('10.53.0.2:5300')
	nobody = newNetworkEndpoint('/run/sluice/nobody.sock')
	declareMetric('of-ours', 'counter', 'a metric of the policy, with \\\\ and a\nline')
	declareMetric('by-kind', 'gauge', 'one with labels', {name = 'lab_kinds', withLabels = true})
	declareMetric('queries', 'counter', 'called as one of dnsdist is')
	declareMetric('sum', 'gauge', 'called as a part of one', {name = 'dnsdist_latency_sum'})
	incMetric('queries', 5)
	incMetric('of-ours', 3)
	setMetric('by-kind', 0.5, {labels = {kind = 'a "b"', other = 'c'}})
	addAction(QNameRule('c1.demo.test'), RCodeAction(DNSRCode.REFUSED), {name = 'no "c1"'})
	addAction(QNameRule('c2.demo.test'), DropAction(), {name = 'twice'})
	addAction(QNameRule('c3.demo.test'), LuaAction(function()
	  nobody:send('to nobody')
	  error('on purpose')
	end), {name = 'twice'})
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
for name in dnsdist_queries dnsdist_latency_sum; do
	said "warning: .*: $name is one of Sluice's own" || fail "no word of $name"
	[ "$(grep -c "^$name " "$work/metrics")" = 1 ] || fail "$name is there twice"
done
console_is 'getMetric("queries")' 5
# dnsdist's counters have no _total in their names: that remark, and only there, is to be expected.
if command -v promtool >/dev/null; then
	promtool check metrics <"$work/metrics" >"$work/promtool" 2>&1 || true
	grep -vE '^dnsdist_\w+ counter metrics should have "_total" suffix$' "$work/promtool" &&
		fail "promtool refuses the metrics"
fi
python3 "$top/tests/system/metrics.py" "$work/metrics" || fail "the counters do not add up"
alive
