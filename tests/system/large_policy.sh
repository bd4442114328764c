#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# A policy as large operators have them: helper functions, included files, thousands of rules, names and
# netmasks, many pools, and listeners and settings that have nothing to do here. Run, and replayed.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

mkdir "$work/conf.d"
/usr/bin/python3 "$top/tests/system/large_policy.py" "$work/conf.d"
SECONDS=0
lab_up <<-END
	setVerboseHealthChecks(false)
	setMaxTCPClientThreads(20)
	addTLSLocal('10.53.0.1:853', '/etc/ssl/none.pem', '/etc/ssl/none.key', {minTLSVersion = 'tls1.2'})
	addDOHLocal('10.53.0.1:443', '/etc/ssl/none.pem', '/etc/ssl/none.key', '/dns-query')
	newServer({address = '10.53.0.2:5300', name = 'main', checkType = 'A'})
	setServerPolicy(leastOutstanding)
	local pools = {}
	function toPool(name, pool)
	  pools[pool] = (pools[pool] or 0) + 1
	  addAction(QNameSuffixRule({name}), PoolAction(pool), {name = 'pool-' .. name})
	end
	resellersOnly = LuaRule(function() return true end)
	includeDirectory('$work/conf.d')
	mvRule(0, 1)
	addAction(NetmaskGroupRule(abusers), DropAction())
	addAction(SuffixMatchNodeRule(blocked), SpoofAction({'192.0.2.53', '2001:db8::53'}))
	addAction(MaxQPSIPRule(50000, 32, 48), TCAction())
	addAction(OrRule({QTypeRule(DNSQType.ANY), OpcodeRule(DNSOpcode.Notify)}), RCodeAction(DNSRCode.REFUSED))
END
[ "$SECONDS" -le 60 ] || fail "the policy took $SECONDS s to load"
expect 'status: NOERROR' c1.demo.test
expect 'status: NOTIMP' h1499.demo.test
expect '192\.0\.2\.53' www.last.bad.demo.test
expect '2001:db8::53' last.bad.demo.test AAAA
expect '"test"' q1499.demo.test TXT
expect 'status: REFUSED' c1.demo.test ANY +notcp
alive

# The same queries out of a capture; what each met is told.
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$top/tests/golden /usr/bin/python3 - "$work/in.pcap" <<-'END'
	import sys, frames
	frames.write(sys.argv[1], [frames.udp(frames.query(*asked), "10.53.2.2", destination="10.53.2.1")
	    for asked in (("h1499.demo.test", "A"), ("www.last.bad.demo.test", "A"), ("c1.demo.test", "ANY"))])
END
"$binary" replay --explain -c "$work/sluice.yml" "$work/in.pcap" "$work/out.pcap" >"$work/told" 2>"$work/replay.log" ||
	fail "replay: $(tail -n 3 "$work/replay.log")"
for told in '1, h1499\.demo\.test\. A: query [0-9]+ .*=> set rcode 4' '2, www\..* A: .*=> spoof A ' '3, .* ANY: .*=> set rcode 5'; do
	grep -qE "^packet $told" "$work/told" || fail "no line '$told' in: $(cat "$work/told")"
done
