#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# A group of dynamic blocks, over two workers: who asks too much, or mostly for what is not there, is
# blocked; others are not; and what is counted outlives a reload.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-END
	newServer('10.53.0.2:5300')
	local dbr = dynBlockRulesGroup({clients = 10000})
	dbr:setQueryRate(30, 5, 'Exceeded query rate', 3600)
	dbr:setRCodeRatio(DNSRCode.NXDOMAIN, 0.5, 10, 'Exceeded NXD ratio', 3600, 20, DNSAction.Refused)
	dbr:excludeRange('10.53.2.5')
	dbr:setNewBlockInsertedHook(function(kind, key) infolog('the hook has ' .. key) end)
	function maintenance()
	  dbr:apply()
	end
END
cpus=0,1
[ "$(nproc)" -gt 1 ] || cpus=0,0
sed -i "s/^lcores:.*/lcores: {control: 0, workers: [$cpus], share: true}/" "$work/sluice.yml"
lab_net
for host in 3 4 5; do
	ip -n "$client" addr add "10.53.2.$host/24" dev c0
done
lab_nsd
lab_sluice

# load_from ADDRESS RATE NAME: in the background, for half a minute at most; its process is $load_pid.
load_from() {
	echo "$3 A" >"$work/names.$1"
	ip netns exec "$client" dnsperf -s "$server" -a "$1" -d "$work/names.$1" -Q "$2" -l 30 -t 1 -c 4 \
		>"$work/load.$1.log" 2>&1 &
	load_pid=$!
	pids+=("$load_pid")
}
blocked() { console 'showDynBlocks()' | grep -qE "^${1//./\\.}/32 .*$2"; }
from() { in_client dig +tries=1 +time=2 -b "$1" @"$server" c1.demo.test | grep -q "status: $2"; }

grep -qE 'memory: [0-9]+ MiB for what 10000 clients' "$work/sluice.log" || fail "memory is not said"
load_from 10.53.2.5 300 c1.demo.test # who is excluded, all the time
load_from 10.53.2.2 300 c1.demo.test
wait_for 30 "the block of who asks too much" blocked 10.53.2.2 'Exceeded query rate'
stop_pid "$load_pid"
! from 10.53.2.2 NOERROR || fail "who is blocked is answered"
from 10.53.2.3 NOERROR || fail "another client is not answered"

load_from 10.53.2.4 20 no-such-name.demo.test
wait_for 30 "the block of who asks for nothing" blocked 10.53.2.4 'Exceeded NXD ratio'
stop_pid "$load_pid"
from 10.53.2.4 REFUSED || fail "who asked for what is not there is not refused"
from 10.53.2.3 NOERROR || fail "another client is not answered later"
for host in 3 5; do
	! blocked "10.53.2.$host" . || fail "10.53.2.$host is blocked"
done
from 10.53.2.5 NOERROR || fail "who is excluded is not answered"
grep -q 'the hook has 10.53.2.2/32' "$work/sluice.log" || fail "the hook was not called"
kill -HUP "$sluice_pid"
wait_for 20 "the reload" grep -q 'a group of dynamic blocks did, kept from the policy before' "$work/sluice.log"
[ "$(metric sluice_counted_clients_untold_total)" -eq 0 ] || fail "notes were lost"
alive
