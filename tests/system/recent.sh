#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Recent queries and responses in the console: who asked most and what, lines, sums by suffix.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# shows PATTERN EXPRESSION: a line of its text is like that, soon.
shows() { wait_for 20 "a line like '$1' of $2" has_line "$1" "$2"; }
has_line() { console "$2" | grep -qE -- "$1"; }

lab_up <<-'END'
	newServer({address = '10.53.0.2:5300', healthCheckMode = 'up'})
	newServer({address = '10.53.0.2:5999', pool = 'silent', healthCheckMode = 'up'})
	getPool(''):setCache(newPacketCache(1000))
	addAction(QNameRule('silent.demo.test'), PoolAction('silent'))
	addAction(QNameRule('refused.demo.test'), RCodeAction(DNSRCode.REFUSED))
	setUDPTimeout(1)
END
[ "$(console 'topQueries()')" = '   1  Rest                                        0 100.0%' ] ||
	fail "there is something before the first query"
expect 'status: NOERROR' c1.demo.test
expect 'status: NOERROR' C1.demo.test
expect 'status: NOERROR' c2.demo.test
expect 'status: REFUSED' refused.demo.test
in_client dig +tries=1 "@$server6" AAAA c1.demo.test >"$work/six.log"
ask silent.demo.test >"$work/silent.log" || true

# None is left out at this load.
shows '^   1  c1\.demo\.test\. +3 50\.0%$' 'topQueries()'
shows '^   1  demo\.test\. +6 100\.0%$' 'topQueries(10, 2)'
shows '^   1  10\.53\.2\.2 +5 83\.3%$' 'topClients()'
shows '^   2  fd53:2::2 +1 16\.7%$' 'topClients()'
shows '^   1  refused\.demo\.test\. +1 100\.0%$' 'topResponses(10, 5)'
shows '^   1  silent\.demo\.test\. +1 100\.0%$' 'topTimeouts()'
shows '^   1  Rest +0 100\.0%$' 'topSlow(10, 60000)'
shows '^   1  10\.53\.2\.2 ' 'topBandwidth()'
shows '^-[0-9.]+ +10\.53\.2\.2:[0-9]+ +Do53 UDP +[0-9]+ +c1\.demo\.test\. +A +RD +Question$' \
	"grepq('c1.demo.test')"
shows '10\.53\.0\.2:5300 +[0-9]+ +c1\.demo\.test\. +A +[0-9.]+ +RD AA No Error\. [0-9]+ answers$' \
	"grepq({'10.53.2.0/24', 'c1.demo.test'})"
shows ' - +Cache +[0-9]+ +C1\.demo\.test\. +A ' "grepq('demo.test')"
shows ' - +- +[0-9]+ +refused\.demo\.test\. .* Query Refused$' "grepq('refused.demo.test')"
shows '10\.53\.0\.2:5999 +[0-9]+ +silent\.demo\.test\. +A +T\.O ' "grepq('>100ms')"
[ "$(console "grepq('fd53::/16')" | wc -l)" -eq 3 ] || fail "a query and its answer, of IPv6"
console "grepq('demo.test', 2, {outputFile = '$work/grepq'})" >/dev/null
[ "$(wc -l <"$work/grepq") $(stat -c %a "$work/grepq")" = '5 600' ] || fail "the file of grepq()"

visitor="function(node, own, all) if node.fullname == 'demo.test.' then
	text = ('%d %d %d %d'):format(own.queries, all.queries, all.drops, node:numChildren()) end end"
console "statNodeRespRing($visitor)"
[ "$(console text)" = '0 6 1 4' ] || fail "sums: $(console text)"

# The rings are those of before after a reload, unless they are to be others.
kill -HUP "$sluice_pid"
wait_for 20 "the reload" grep -q 'policy reloaded' "$work/sluice.log"
shows '^   1  demo\.test\. +6 100\.0%$' 'topQueries(10, 2)'
console "setRingBuffersOptions({samplingRate = 1, recordResponses = false})" >/dev/null
shows '^   1  Rest +0 100\.0%$' 'topQueries()'
expect 'status: NOERROR' c3.demo.test
shows '^   1  c3\.demo\.test\. +1 100\.0%$' 'topQueries()'
shows '^   1  Rest +0 100\.0%$' 'topResponses()'
