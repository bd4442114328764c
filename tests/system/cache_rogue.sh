#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# A server whose answers are not what they should be: what is wrong is never kept, and never given to
# somebody who asked for something else.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-'END'
	newServer({address = '10.53.0.2:5301', healthCheckMode = 'up', udpTimeout = 1})
	newServer({address = '[fd53::2]:5301', healthCheckMode = 'up', udpTimeout = 1, pool = 'six'})
	pc, pc6 = newPacketCache(10000), newPacketCache(10000)
	getPool(''):setCache(pc)
	getPool('six'):setCache(pc6)
	addAction('fd53:2::/64', PoolAction('six'))
END
lab_net
for address in 10.53.0.2 fd53::2; do
	ip netns exec "$backend" /usr/bin/python3 "$top/tests/system/rogue.py" "$address" 5301 >"$work/rogue-$address.log" 2>&1 &
	pids+=($!)
	wait_for 10 "the rogue server" grep -q 'rogue: ready' "$work/rogue-$address.log"
done
lab_sluice
lab_python "answers of a rogue server" <<'END'
import os, socket
import dns.message, dns.query, dns.exception
KEPT = ['good', 'case', 'afteropt']
PASSED_ON = ['trailing', 'morecount', 'lesscount', 'twoopts', 'optanswer', 'tsig', 'update', 'cut', 'hugecount',
             'longdata', 'loop', 'forwards']
DROPPED = ['twoquestions', 'noquestion', 'otherquestion', 'query', 'empty', 'hugequestions',
           'othertype', 'otherclass', 'longerquestion']
def ask(name, patience=3):
    """The answer's bytes but its ID, or None."""
    query = dns.message.make_query(name, 'A')
    with socket.socket(family, socket.SOCK_DGRAM) as client:
        client.connect((os.environ[server], 53))
        client.settimeout(patience)
        client.send(query.to_wire())
        try:
            wire = client.recv(65535)
        except TimeoutError:
            return None
    assert wire[:2] == query.to_wire()[:2] and wire[2] & 0x80, wire
    # In the case in which it was asked for.
    assert wire[12:13 + len(name)] == query.to_wire()[12:13 + len(name)], wire
    return wire[2:]
for server, family in (('server', socket.AF_INET), ('server6', socket.AF_INET6)):
    for label in KEPT:
        first = ask(label + '-1.test')
        assert first == ask(label + '-1.test'), 'not kept: ' + label
        assert first != ask(label + '-2.test')
        other = ask(label.upper() + '-1.TEST')
        assert other[10 + len(label) + 9:] == first[10 + len(label) + 9:], 'not kept in another case: ' + label
    for label in PASSED_ON:
        first, second = ask(label + '-1.test'), ask(label + '-1.test')
        assert first and second and first != second, 'kept: ' + label
    for label in DROPPED:
        assert ask(label + '-1.test', 0.3) is None, 'passed on: ' + label
        assert ask(label + '-1.test', 0.3) is None, 'kept: ' + label
    assert ask('xtherquestion-1.test') == ask('xtherquestion-1.test')
END
for cache in pc pc6; do
	[ "$(console "return $cache:getStats().entries")" = 7 ] || fail "$cache holds $(console "return $cache:getStats().entries") responses"
	[ "$(console "return $cache:getStats().unfitResponses")" = 24 ] || fail "$cache: not each unfit response is counted"
done
# Each server sent nine kinds of what is no answer to the question, twice.
refused=$(in_sluice curl -s --max-time 5 http://127.0.0.1:8083/metrics | awk '/^dnsdist_server_noncompliantresponses\{/ {n += $NF} END {print n}')
[ "$refused" = 36 ] || fail "not all that is no answer is counted: $refused"
