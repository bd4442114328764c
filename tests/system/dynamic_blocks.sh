#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Dynamic blocks of clients and names: what they do over UDP and TCP, that they end after their time and
# outlive a reload, and that they pass over a query that is suspended.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-END
	newServer('10.53.0.2:5300')
	addAction(TagRule('who', 'them'), RCodeAction(DNSRCode.NOTIMP))
	addAction('rule.demo.test', RCodeAction(DNSRCode.YXDOMAIN))
	addAction('c50.demo.test', LuaAction(function(dq)
		held = dq.dh:getID()
		return dq:suspend(1, held, 60000) and DNSAction.Allow or DNSAction.Refused
	end))
	function maintenance() if trap then addDynBlocks({[newCA('10.53.2.2')] = 9}, 'trapped', 60) end end
END
lab_net
lab_tcp
lab_nsd
lab_sluice

answers() { ask +time=1 c1.demo.test | grep -q 'status: NOERROR'; }
silent() { ! ask +time=1 c1.demo.test | grep -q 'status:'; }
suspended() { [ "$(console 'held ~= nil')" = true ]; }
shown() { console 'showDynBlocks()' | grep -qE "$1" || fail "not shown: $1"; }
offends() { in_sluice curl -s http://127.0.0.1:8083/metrics | grep -qF "$1"; }
counted() { [ "$(metric "$1")" -ge "$2" ] || fail "$1 is less than $2"; }
block() { console "clearDynBlocks() addDynamicBlock('10.53.2.77', 'by hand', DNSAction.$1, 3600, 24)"; }

block Refused
expect 'status: REFUSED' c1.demo.test
expect 'EDNS: version: 0' c1.demo.test
expect 'status: REFUSED' c1.demo.test +tcp
kill -HUP "$sluice_pid"
wait_for 10 "the reload" grep -q 'policy reloaded' "$work/sluice.log"
expect 'status: REFUSED' rule.demo.test
shown '^10\.53\.2\.0/24 +[0-9]+ +4 false +Send Refused +false +by hand$'
console "sluice.removeDynBlock('10.53.2.0/24')"
expect 'status: NOERROR' c1.demo.test
block Nxdomain && expect 'status: NXDOMAIN' c1.demo.test
block Truncate && expect 'flags: qr tc' c1.demo.test +ignore
expect 'status: NOERROR' c1.demo.test # as dig comes back over TCP
block NoOp && expect 'status: YXDOMAIN' rule.demo.test
shown ' 1 false +Do nothing'
block NoRecurse && expect 'status: NXDOMAIN' rule.demo.test # of the server: it passes the rules by
console "addDynamicBlock('10.53.2.2', 't', DNSAction.SetTag, 60, 32, 0, {tagName='who', tagValue='them'})"
expect 'status: NOTIMP' c1.demo.test
console "clearDynBlocks() addDynBlockSMT({'C2.demo.test'}, 'say \"x\"', 3600, DNSAction.Refused)"
expect 'status: REFUSED' www.c2.Demo.test
expect 'status: NOERROR' c1.demo.test

ask c50.demo.test +time=30 >"$work/held" &
asked=$!
wait_for 10 "the suspended query" suspended
console "addDynamicBlock('10.53.2.2', 'for a while', nil, 5)"
silent || fail "a query is answered in spite of the block"
console 'getAsynchronousObject(1, held):resume()'
wait "$asked"
grep -q 'status: NOERROR' "$work/held" || fail "the suspended query is lost"
wait_for 20 "the end of the block" answers
console 'trap = true'
wait_for 20 "the block that maintenance() adds" silent
grep -q 'Inserting dynamic block for 10.53.2.2/32 for 60 seconds: trapped' "$work/sluice.log" || fail "no log"
counted 'sluice_drops_total{reason="dyn_block"}' 2
counted dnsdist_dyn_blocked 9
for rcode in refused nxdomain truncated; do
	[ "$(metric "dnsdist_rule_$rcode")" = 0 ] || fail "answers of blocks are counted as rules' ones: $rcode"
done
counted dnsdist_dyn_block_nmg_size 1
wait_for 20 "the top offenders" offends '_smt_top_offenders_hits_per_second{reason="say \"x\"",suffix="c2.demo.test."} 0.0'
alive
