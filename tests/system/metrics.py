# SPDX-License-Identifier: BSD-2-Clause
"""Checks that the counters of metrics.sh's traffic add up, under our names and under dnsdist's."""
import re
import sys

text = open(sys.argv[1]).read()
v = dict(re.findall(r'^(\S+) (\d+)$', text, re.M))
def get(name): return int(v[name])
def drop(reason): return get('sluice_drops_total{reason="%s"}' % reason)
packet = ['frame_short', 'frame_vlan', 'frame_type', 'frame_chained', 'not_ours', 'ip_header', 'ip_cut',
          'ip_checksum', 'multicast', 'broadcast', 'ip_fragment', 'ip_extension', 'frame_large',
          'ip_extensions_many', 'ip_routed', 'ip_protocol', 'ip_source', 'udp_header', 'udp_large',
          'fragment_tiny', 'fragment_overlap', 'fragment_many', 'fragment_large', 'fragment_timeout', 'fragment_full',
          'udp_checksum', 'udp_port', 'draining', 'acl', 'proxy']
response = ['response_unsolicited', 'response_late', 'response_duplicate', 'response_id',
            'response_source', 'response_question',
            'response_malformed', 'response_home_full']
drops = {m: int(n) for m, n in re.findall(r'sluice_drops_total{reason="(\w+)"} (\d+)', text)}
query = sum(n for r, n in drops.items()
            if r not in packet + response + ['arp', 'nd', 'icmp', 'mtu_foreign', 'mtu_unsafe'])
queries = get('sluice_queries_total{port="edge"}')
assert get('sluice_queries_total{port="back"}') == 0
kinds = {k: get('sluice_responses_total{port="edge",kind="%s"}' % k) for k in ('forwarded', 'cache', 'self')}
assert kinds == {'forwarded': 1000, 'cache': 0, 'self': 2}, kinds
answers = sum(kinds.values())
assert queries == answers + query + get('sluice_inflight_queries') + get('sluice_in_hand'), text
assert get('sluice_backend_probe_answers_total') > 0
assert drop('rule') == 1 and get('sluice_lua_errors_total') == 1
assert get('sluice_backend_responses_total') == get('sluice_backend_responses_matched_total') + get('sluice_backend_probe_answers_total') + sum(
    drop(r) for r in response)
assert get('sluice_received_packets_total') == get('sluice_link_packets_total') + queries + get(
    'sluice_backend_responses_total') + sum(drop(r) for r in packet) + get(
        'sluice_fragments_joined_total') + get('sluice_fragments_held')
assert get('sluice_latency_seconds_count') == answers
ratio = float(re.search(r'^sluice_worker_busy_ratio{worker="0"} (\S+)$', text, re.M).group(1))
assert 0 <= ratio <= 1, ratio

# By dnsdist's names and rules: what is counted under two names is the same number.
def dnsdist(name): return int(v['dnsdist_' + name])
def row(name, labels): return int(v['dnsdist_%s{%s}' % (name, labels)])
assert dnsdist('queries') - dnsdist('noncompliant_queries') - dnsdist('empty_queries') == dnsdist('rule_drop') + dnsdist(
    'no_policy') + dnsdist('downstream_timeouts') + dnsdist('responses') - dnsdist('noncompliant_responses'), text
assert dnsdist('queries') == int(v['sluice_queries_total{port="edge"}']) == 1003
assert (dnsdist('rule_drop'), dnsdist('rule_refused'), dnsdist('rule_servfail'), dnsdist('self_answered')) == (1, 1, 1, 2), text
back = 'server="10_53_0_2:5300",address="10.53.0.2:5300"'
assert row('server_queries', back) == row('server_responses', back) == 1000
assert row('server_outstanding', back) == row('server_drops', back) == 0 and row('server_status', back) == 1
edge = 'frontend="10.53.2.1:53",proto="UDP",thread="0"'
assert row('frontend_queries', edge) == 1003 and row('frontend_responses', edge) == 1002
assert row('pool_servers', 'pool="_default_"') == row('pool_active_servers', 'pool="_default_"') == 1
hits = re.findall(r'^dnsdist_rule_hits{id="(.*)"} (\d+)$', text, re.M)
assert hits[0] == (r'no \"c1\"', '1') and [h[1] for h in hits] == ['1', '1', '1'], hits
assert all(re.fullmatch(r'[0-9a-f-]{36}', h[0]) for h in hits[1:]), hits
slices = ['latency0_1', 'latency1_10', 'latency10_50', 'latency50_100', 'latency100_1000', 'latency_slow']
assert sum(dnsdist(s) for s in slices) == dnsdist('latency_count') == 1002
assert row('latency_bucket', 'le="+Inf"') == 1002 and row('latency_bucket', 'le="1"') == dnsdist('latency0_1')
assert dnsdist('real_memory_usage') > 1 << 20 and dnsdist('special_memory_usage') > 1 << 20 and dnsdist('trunc_failures') == 0 and dnsdist('fd_usage') > 5 and 0 < dnsdist('uptime') < 180
assert get('dnsdist_of_ours') == 3 and '# HELP dnsdist_of_ours a metric of the policy, with \\\\ and a\\nline\n' in text, text
assert 'lab_kinds{kind="a \\"b\\"",other="c"} 0.5\n' in text, text

# A family has one head, and all its samples behind it.
heads = re.findall(r'^# HELP (\S+)', text, re.M)
assert len(heads) == len(set(heads)), [h for h in heads if heads.count(h) > 1]
assert heads == re.findall(r'^# TYPE (\S+)', text, re.M)
family = None
for line in text.splitlines():
    family = line.split()[2] if line.startswith('# HELP') else family
    assert not line or line.startswith('#') or re.fullmatch(re.escape(family) + r'(_bucket|_sum|_count)?[ {].*', line), line

# The names that others' dashboards and scripts have, their types and labels.
types = dict(re.findall(r'^# TYPE (\S+) (\S+)$', text, re.M))
labels = {}
for name, inside in re.findall(r'^([a-z_0-9]+)(?:{(.*)})? \S+$', text, re.M):
    labels.setdefault(name, set()).add(tuple(re.findall(r'(\w+)="', inside)))
def promised(type, names, *wanted):
    for name in names.split():
        assert types.get(name) == type and labels[name] == {wanted}, (name, types.get(name), labels.get(name))
promised('counter', 'sluice_queries_total', 'port')
promised('counter', 'sluice_responses_total', 'port', 'kind')
promised('counter', 'sluice_drops_total', 'reason')
promised('gauge', 'sluice_async_suspended')
promised('counter', ' '.join('sluice_async_%s_total' % end for end in (
    'suspended', 'resumed', 'answered', 'dropped', 'expired', 'late', 'duplicate', 'overflow')))
promised('counter', 'sluice_endpoint_sent_total sluice_endpoint_failed_total sluice_endpoint_reconnected_total', 'path')
promised('counter', 'sluice_lua_errors_total')
promised('gauge', 'sluice_worker_busy_ratio sluice_handoff_depth', 'worker')
assert types['sluice_latency_seconds'] == 'histogram' and labels['sluice_latency_seconds_bucket'] == {('le',)}
assert set(re.findall(r'^sluice_responses_total{port="edge",kind="(\w+)"}', text, re.M)) == {'forwarded', 'cache', 'self'}
nobody = '{path="/run/sluice/nobody.sock"}'
assert [get('sluice_endpoint_%s_total%s' % (what, nobody)) for what in ('sent', 'failed')] == [0, 1], text
