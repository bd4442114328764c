#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Servers over TCP: truncated answers fetched whole, servers that are asked over TCP alone, transfers of
# zones, connections that are reused, fail and come back.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-END
	newServer{address = '10.53.0.2:5300', name = 'both'}
	newServer{address = '[fd53::2]:5300', name = 'only', pool = 'only', tcpOnly = true, checkInterval = 1}
	newServer{address = '10.53.0.2:5399', name = 'none', pool = 'none', tcpOnly = true, healthCheckMode = 'up', retries = 2}
	addAction(QNameSuffixRule{'none.test.'}, PoolAction('none'))
	addAction(AndRule{QNameSuffixRule{'demo.test.'}, QTypeRule('AAAA')}, PoolAction('only'))
	addXFRResponseAction(AllRule(), LuaResponseAction(function(dr)
		transfers = (transfers or 0) + 1
		return DNSResponseAction.Allow
	end))
	addResponseAction(OrRule{QTypeRule('AXFR'), QTypeRule('IXFR')}, DropResponseAction())
	getPool(''):setCache(newPacketCache(1000))
END
lab_net
lab_tcp
lab_nsd
# A zone of about 300 KB, which takes many messages, and a name with more than UDP takes.
seq -f 'z%.0f TXT "0123456789012345678901234567890123456789"' 1 5000 >>"$work/nsd/demo.test.zone"
for n in {1..60}; do printf 'big TXT "%d %0240d"\n' "$n" "$n"; done >>"$work/nsd/demo.test.zone"
sed -i 's/zonefile: demo.test.zone/&\n  provide-xfr: 0.0.0.0\/0 NOKEY\n  provide-xfr: ::\/0 NOKEY/' "$work/nsd/nsd.conf"
stop_pid "$server_pid"
start_nsd() {
	ip netns exec "$backend" nsd -d -c "$work/nsd/nsd.conf" >"$work/nsd.log" 2>&1 &
	pids+=($!) nsd_pid=$!
	wait_for 10 "NSD" in_backend dig +short +time=1 +tries=1 -p 5300 @10.53.0.2 demo.test SOA
}
start_nsd
lab_sluice

expect 'flags: qr.* tc' big.demo.test TXT +ignore
[ "$(ask big.demo.test TXT +tcp +short | wc -l)" -eq 60 ] || fail "the large answer is not whole over TCP"
[ "$(ask big.demo.test TXT +short | wc -l)" -eq 60 ] || fail "nor is it when dig comes back for it"
[ "$(metric sluice_tcp_retries_total)" -ge 1 ] || fail "no truncated answer was asked for again"
for n in 1 2 3; do
	for over in +notcp +tcp; do expect 'status: NOERROR' allowed.demo.test AAAA "$over"; done
done
expect 'flags: qr.* tc' big.demo.test TXT +ignore

# The zone, whole: over IPv4 and IPv6; its rules are those for transfers, and it is not cached.
in_backend dig -p 5300 @10.53.0.2 demo.test AXFR +onesoa +nostats +nocmd | sort >"$work/zone"
for to in "$server" "$server6"; do
	in_client dig "@$to" demo.test AXFR +onesoa +nostats +nocmd | sort >"$work/got"
	cmp -s "$work/zone" "$work/got" || fail "the zone from $to is another: $(wc -l <"$work/got") of $(wc -l <"$work/zone") lines"
done
[ "$(console 'return transfers')" -ge 2 ] || fail "the rules saw $(console 'return transfers') messages"
expect 'XFR size: 1 records' demo.test IXFR=1

# A server that is gone: its queries end, and it is asked again when it is back.
load 500 load.demo.test 500 -m tcp || fail "not all were answered"
quick x.none.test && fail "answered by nobody"
stop_pid "$nsd_pid"
start_nsd
wait_for 5 "an answer after the restart" in_client dig +tcp +short +time=1 +tries=1 "@$server" allowed.demo.test AAAA
stop_pid "$sluice_pid"
