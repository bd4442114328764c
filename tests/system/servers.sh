#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Servers that go down and come back: checks find them, queries go to those that are up, the policy
# is told; lazy checks go by what becomes of queries.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

state() { console "return getServer($1):isUp()"; }
is_up() { [ "$(state "$1")" = true ]; }
is_down() { [ "$(state "$1")" = false ]; }
told() { grep -q "told: $1 $2" "$work/sluice.log"; }
# who SECONDS WHAT: which servers answer thirty queries, in order and once each.
who() {
	for _ in $(seq 30); do ask who.demo.test A +short; done | sort -u | tr '\n' ' '
}

lab_config <<-'END'
	local function add(number, options)
	  options.address, options.name = '10.53.0.1' .. number .. ':5300', 's' .. number
	  options.checkTimeout, options.checkName = 200, 'demo.test.'
	  return newServer(options)
	end
	add(1, {mustResolve = true, checkType = 'SOA'})
	add(2, {rise = 2, maxCheckFailures = 2})
	add(3, {healthCheckMode = 'lazy', lazyHealthCheckMinSampleCount = 5, udpTimeout = 1,
	  lazyHealthCheckFailedInterval = 1, pool = {'lazy'}, checkFunction = function(name, qtype, class, dh)
	    dh:setCD(true)
	    return newDNSName('who.demo.test.'), DNSQType.A, class
	  end})
	addServerStateChangeCallback(function(title, up)
	  infolog('told: ' .. title:match('^%S+') .. ' ' .. tostring(up))
	end)
	setServerPolicy(roundrobin)
	addAction(QNameSuffixRule({'lazy.demo.test'}), PoolAction('lazy'))
END
lab_net
for number in 1 2 3; do
	server_start "$number"
done
# It is not there when Sluice starts: so it is down before the first query.
stop_pid "${servers[1]}"
lab_sluice
is_down 0 || fail "a server that is not there counts as up"
told s1 false || fail "the policy was not told that a server is down"
[ "$(who)" = "192.0.2.2 " ] || fail "queries go to a server that is down: $(who)"

server_start 1
wait_for 5 "the first server to be up" is_up 0
[ "$(who)" = "192.0.2.1 192.0.2.2 " ] || fail "not both servers answer: $(who)"
wait_for 2 "word of it" told s1 true

# Stopped, it takes queries and answers none: out after two failures, none lost after that.
server_signal 2 STOP
wait_for 6 "the second server to be down" is_down 1
[ "$(who)" = "192.0.2.1 " ] || fail "queries go to a server that hangs: $(who)"
load 500 load.demo.test 2000 || fail "queries were lost though a server is up"
server_signal 2 CONT
wait_for 6 "the second server to be up" is_up 1

# By decree, whatever checks say.
console 'getServer(1):setDown()'
[ "$(who)" = "192.0.2.1 " ] || fail "setDown() has no effect"
console 'showServers()' | grep -qE '^1 +s2 .* DOWN ' || fail "showServers() does not say DOWN"
console 'getServer(1):setAuto()'
wait_for 5 "the second server to be up again" is_up 1

# Lazy: up without checks until its queries fail, then it is asked, and so it comes back.
[ "$(console 'return getServer(2):getHealthCheckMode()')" = lazy ] || fail "the third is not lazy"
metric() { in_sluice curl -s --max-time 5 http://127.0.0.1:8083/metrics | sed -n "s/^dnsdist_server_$1{server=\"$2\".*} //p"; }
ask who.lazy.demo.test A >/dev/null
is_up 2 || fail "a server that is checked lazily has to be up"
server_signal 3 STOP
for i in 1 2 3 4 5 6; do ask "x$i.lazy.demo.test" A +timeout=1 >/dev/null || true; done
wait_for 10 "the third server to be down" is_down 2
told s3 false || wait_for 2 "word of it" told s3 false
server_signal 3 CONT
wait_for 10 "the third server to be up" is_up 2
[ "$(metric healthcheckfailures s3)" -ge 1 ] || fail "failed checks are not counted"
in_sluice curl -s --max-time 5 http://127.0.0.1:8083/metrics | grep -qE '^sluice_server_state_changes_total\{server="s3".*\} 2$' ||
	fail "changes of the third server's state are not counted"
[ "$(metric healthchecklatency_histo_count s1)" -ge 1 ] || fail "good checks are not in the histogram"
[ "$(metric status s1)" = 1 ] || fail "the state is not in the metrics"

# What is reloaded keeps what is known.
console 'getServer(0):setDown()'
kill -HUP "$sluice_pid"
wait_for 5 "the reload" grep -q 'policy reloaded' "$work/sluice.log"
wait_for 5 "the first server to be checked again" is_up 0
alive
