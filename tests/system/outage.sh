#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Servers that die under load: each is out after the failures that were configured, no query that another
# server could take is lost after that, and who comes back gets its share and no more. RATE queries a second.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-'END'
	local function add(number, options)
	  options.address, options.name = '10.53.0.1' .. number .. ':5300', 's' .. number
	  options.checkName, options.checkTimeout, options.mustResolve, options.udpTimeout = 'demo.test.', 800, true, 1
	  options.maxCheckFailures, options.rise = 2, 2
	  return newServer(options)
	end
	local function lazy(number)
	  return add(number, {pool = 'lazy', healthCheckMode = 'lazy', lazyHealthCheckMinSampleCount = 20,
	    lazyHealthCheckThreshold = 30, lazyHealthCheckFailedInterval = 1, lazyHealthCheckUseExponentialBackOff = true,
	    lazyHealthCheckMaxBackOff = 2})
	end
	add(1, {}) add(2, {}) add(3, {}) lazy(4) lazy(5)
	setServerPolicy(roundrobin)
	addAction(QTypeRule('AAAA'), PoolAction('lazy'))
	addServerStateChangeCallback(function(title, up) infolog('told: ' .. title:match('^%S+') .. ' ' .. tostring(up)) end)
END
lab_net
lab_nsd
declare -A started
# NSD at 1, 3 and 5, Unbound at 2 and 4.
server_start() {
	case $1 in
	2 | 4) lab_unbound "s$1" "10.53.0.1$1@5300" ;;
	*) lab_nsd_at "s$1" "10.53.0.1$1" ;;
	esac
	started[$1]=$server_pid
}
for number in 1 2 3 4 5; do
	ip -n "$backend" addr add "10.53.0.1$number/24" dev b0
	server_start "$number"
done
lab_sluice
metrics() { in_sluice curl -s --max-time 5 http://127.0.0.1:8083/metrics; }
metric() { metrics | sed -n "s/^dnsdist_server_$1{server=\"$2\".*} //p"; }
all() { metrics | sed -n 's/^dnsdist_queries //p'; }
status_is() { [ "$(metric status "$1")" = "$2" ]; }
told() { [ "$(grep -c "told: $1 $2" "$work/sluice.log")" -ge "${3:-1}" ]; }
asked_more() { [ "$(all)" -gt "$1" ]; } # queries in all
none_left() { [ "$(metric outstanding "$1")" = 0 ]; }
# is_out NUMBER: it is, and then gets no query and loses none while the others go on.
is_out() {
	local queries drops
	wait_for 20 "s$1 to be out" status_is "s$1" 0
	queries=$(metric queries "s$1")
	wait_for 10 "the end of what s$1 was asked" none_left "s$1"
	drops=$(metric drops "s$1")
	wait_for 20 "more queries" asked_more $(($(all) + 5000))
	[ "$(metric queries "s$1")" = "$queries" ] || fail "s$1 is out and was asked $(metric queries "s$1"), not $queries"
	[ "$(metric drops "s$1")" = "$drops" ] || fail "queries to s$1 were lost after it was out"
	[ "$(metric healthcheckfailures "s$1")" -ge 2 ] || fail "s$1 is out after $(metric healthcheckfailures "s$1") failures"
}
# asked NUMBER OTHER: how often each has been, at one moment.
asked() {
	metrics | sed -nE "s/^dnsdist_server_queries\{server=\"s($1|$2)\".*\} /\1 /p" | sort -n | cut -d' ' -f2 | xargs
}
# has_share NUMBER OTHER, in their order: both are up, and are asked about as often.
has_share() {
	local before after one other
	read -ra before <<<"$(asked "$1" "$2")"
	wait_for 20 "more queries" asked_more $(($(all) + 5000))
	read -ra after <<<"$(asked "$1" "$2")"
	one=$((after[0] - before[0])) other=$((after[1] - before[1]))
	[ $((one * 2)) -gt "$other" ] && [ $((other * 2)) -gt "$one" ] ||
		fail "s$1 was asked $one times, s$2 $other times"
}
for n in {0..99}; do printf 'c%d.demo.test A\nc%d.demo.test AAAA\n' "$n" "$n"; done >"$work/names"
ip netns exec "$client" dnsperf -s "$server" -d "$work/names" -Q "${RATE:-5000}" -q 20000 -c 8 -l 120 -t 3 >"$work/dnsperf.out" 2>&1 &
load_pid=$!
pids+=("$load_pid")
wait_for 20 "the load" asked_more 5000
kill -KILL "${started[2]}" # gone
is_out 2
kill -STOP "${started[4]}" # hangs
is_out 4
server_start 2
kill -CONT "${started[4]}"
wait_for 20 "s2 to be up" status_is s2 1
wait_for 20 "s4 to be up" status_is s4 1
has_share 1 2
has_share 4 5
for name in s2 s4; do told "$name" false && told "$name" true || fail "the policy was not told of $name"; done
for name in s1 s3 s5; do ! told "$name" false || fail "$name was out"; done
[ "$(metrics | sed -n 's/^sluice_no_server_total //p')" = 0 ] || fail "queries found no server"
# What the others lost, on their way through a busy machine, is next to nothing.
lost=$(($(metric drops s1) + $(metric drops s3) + $(metric drops s5)))
say "outage: of $(all) queries s2 lost $(metric drops s2), s4 $(metric drops s4), the others $lost"
[ $((lost * 100)) -lt "$(all)" ] || fail "servers that are up lost $lost queries"
alive
