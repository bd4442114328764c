#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The example policy with pools, weights, caches and lazy checks, as it is, over three name servers of
# which one after the other stops.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <"$top/lua/examples/pools.lua"
lab_net
for number in 1 2 3; do server_start "$number"; done
lab_sluice

queries() { console "return getServer($1):getQueries()"; }
hits() { console 'return resolved:getStats().hits'; }
state() { [ "$(console "return getServer($1):isUp()")" = "$2" ]; }
says() { [ "$(ask "$1" A +short)" = "$2" ]; }

# Three quarters of the names are the first server's, and none is asked for twice.
load 400 w.demo.test 1000 || fail "queries were lost"
big=$(queries 0) small=$(queries 1)
[ "$((big + small))" -ge 400 ] && [ "$big" -gt "$((2 * small))" ] && [ "$small" -gt 40 ] ||
	fail "by weight 3 and 1 the servers got $big and $small queries"
before=$(hits)
load 400 w.demo.test 1000 || fail "queries were lost"
[ "$(hits)" -ge "$((before + 400))" ] || fail "the cache answered $(($(hits) - before)) of 400 queries"

expect 'flags:.* tc' demo.test ANY +ignore +notcp
expect 'status: REFUSED' version.bind TXT CH
says who.own.demo.test 192.0.2.3 || fail "the pool's own policy has no effect"
console 'showPools()' | grep -qE '^own +.* by the name own 10' || fail "showPools() does not name the policy"

# The third is asked about its health once queries fail; names of its own go elsewhere if they may.
server_signal 3 STOP
for i in 1 2 3 4 5 6; do ask "x$i.own.demo.test" A +timeout=1 >/dev/null || true; done
wait_for 10 "the third server to be down" state 2 false
says deep.who.own.demo.test 192.0.2.1 || fail "the pool for both does not step in"
server_signal 3 CONT
wait_for 10 "the third server to be up" state 2 true
wait_for 5 "the third server's answer" says after.who.own.demo.test 192.0.2.3

# Without the resolvers what is in the cache serves on, by its staleTTL; all else is SERVFAIL.
ask brief.demo.test A >/dev/null
server_signal 1 STOP
server_signal 2 STOP
wait_for 10 "the first server to be down" state 0 false
wait_for 10 "the second server to be down" state 1 false
stale() { ask brief.demo.test A | grep -qE '^brief.demo.test.\s+30\s+IN\s+A\s'; }
wait_for 5 "a stale answer" stale
expect 'status: SERVFAIL' new.demo.test A
server_signal 1 CONT
server_signal 2 CONT
wait_for 10 "the first server to be up" state 0 true
expect 'status: NOERROR' again.who.demo.test A
alive
