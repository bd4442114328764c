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
lab_python "answers of a rogue server" <"$top/tests/system/rogue_client.py"
for cache in pc pc6; do
	[ "$(console "return $cache:getStats().entries")" = 7 ] || fail "$cache holds $(console "return $cache:getStats().entries") responses"
	[ "$(console "return $cache:getStats().unfitResponses")" = 24 ] || fail "$cache: not each unfit response is counted"
done
# Each server sent nine kinds of what is no answer to the question, twice.
refused=$(in_sluice curl -s --max-time 5 http://127.0.0.1:8083/metrics | awk '/^dnsdist_server_noncompliantresponses\{/ {n += $NF} END {print n}')
[ "$refused" = 36 ] || fail "not all that is no answer is counted: $refused"
