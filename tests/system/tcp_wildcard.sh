#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# A listener on all addresses takes TCP in each network namespace that a port has its kernel interface in.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-'END'
	setLocal('0.0.0.0:53')
	addLocal('[::]:53')
	addAction(AllRule(), SpoofAction({'192.0.2.1', '2001:db8::1'}))
END
lab_kernel ""
# The back port's interface is in the namespace that Sluice itself is in.
sed -i "/name: back/s/, netns: [^}]*}/}/" "$work/sluice.yml"
lab_net
in_sluice sysctl -qw net.ipv6.conf.default.disable_ipv6=0
lab_sluice

expect 'NOERROR' x.test
answers() { ip netns exec "$1" dig +short +tries=1 +time=2 +tcp "@$2" x.test | grep -qx 192.0.2.1; }
for from in "$client $server" "$client $server6" "$backend 10.53.0.1" "$backend fd53::1"; do
	# shellcheck disable=SC2086
	wait_for 10 "an answer over TCP from $from" answers $from || fail "no TCP from $from"
done
[ "$(in_sluice ss -Htln 'sport = 53' | wc -l)" -eq 2 ] || fail "Sluice's own namespace: $(in_sluice ss -tln)"
[ "$(in_kernel ss -Htln 'sport = 53' | wc -l)" -eq 2 ] || fail "the kernel's namespace: $(in_kernel ss -tln)"
alive
