#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Queries that a server does not answer, or not as one likes: asked again elsewhere, answered with
# what has expired, or given up.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-'END'
	newServer({address = '10.53.0.2:5399', udpTimeout = 1, healthCheckMode = 'up'}) -- nobody is there
	newServer({address = '10.53.0.2:5300', udpTimeout = 1, healthCheckMode = 'up', pool = {'good', 'cached'}})
	pc = newPacketCache(1000, {staleTTL = 7})
	getPool('cached'):setCache(pc)
	sluice.serveStaleOnTimeout(3600)
	local function keep(dq)
	  dq:setRestartable()
	  return DNSAction.None
	end
	local function elsewhere(dr)
	  count = dr:getRestartCount()
	  dr.pool = 'good'
	  restarted = dr:restart()
	  return DNSResponseAction.Drop -- which is not looked at if it is restarted
	end
	addAction(QNameRule('brief.demo.test'), PoolAction('cached'))
	addAction(QNameRule('given.up.test'), AllowAction())
	addAction(AllRule(), LuaAction(keep))
	addAction(QNameRule('loop.demo.test'), PoolAction('good'))
	addTimeoutResponseAction(AllRule(), LuaResponseAction(elsewhere), {name = 'again'})
	addResponseAction(QNameRule('loop.demo.test'), LuaResponseAction(elsewhere))
	addResponseAction(RCodeRule(DNSRCode.REFUSED), DropResponseAction())
END
lab_net
mkdir -p "$work/nsd"
write_nsd_conf "$work/nsd"
printf 'brief 1 A 192.0.2.9\nloop A 192.0.2.9\n' >>"$work/nsd/demo.test.zone"
ip netns exec "$backend" nsd -d -c "$work/nsd/nsd.conf" >"$work/nsd.log" 2>&1 &
nsd_pid=$!
pids+=("$nsd_pid")
wait_for 10 "NSD" in_backend dig +short +time=1 +tries=1 -p 5300 @10.53.0.2 demo.test SOA
lab_sluice

# The first server is silent, the second answers; the client sees one answer to what it asked.
expect 'C1.demo.test.\s+60\s+IN\s+A\s+192.0.2.2' C1.demo.test A
[ "$(console 'return count')" = 0 ] || fail "it was not restarted once: $(console 'return count')"
console 'showTimeoutResponseRules()' | grep -qE '^0 +again +1 ' || fail "the rule's match is not counted"
# Nobody kept its query: it cannot be asked again, and the rule's result holds.
ask given.up.test A +timeout=2 >/dev/null && fail "an answer out of nowhere"
[ "$(console 'return restarted')" = false ] || fail "a query was restarted that nobody kept"
# What is restarted for ever is not.
ask loop.demo.test A +timeout=2 >/dev/null && fail "the loop has an answer"
[ "$(console 'return count')" = 16 ] || fail "the loop ended after $(console 'return count')"

# In time it is fresh; when the server hangs, stale.
expect 'brief.demo.test.\s+1\s' brief.demo.test A
signal() {
	local pid
	for pid in $(ip netns pids "$backend"); do kill "-$1" "$pid"; done
}
signal STOP
stale() { ask brief.demo.test A | grep -qE '^brief.demo.test.\s+7\s'; }
wait_for 5 "a stale answer" stale
signal CONT
fresh() { ask brief.demo.test A | grep -qE '^brief.demo.test.\s+1\s'; }
wait_for 5 "a fresh answer" fresh
metric() { in_sluice curl -s --max-time 5 http://127.0.0.1:8083/metrics | sed -n "s/^$1 //p"; }
[ "$(metric dnsdist_downstream_timeouts)" -ge 0 ] || fail "no timeouts in the metrics"
alive
