#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The kernel's neighbours and ours are the same: who asked for us, and who says that it has moved.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-'END'
	newServer{address = '10.53.0.2:5300', pool = 'four'}
	newServer{address = '[fd53::2]:5300', pool = 'six'}
	addAction('four.demo.test.', PoolAction('four', false))
	addAction('six.demo.test.', PoolAction('six', false))
	addAction(AllRule(), PoolAction('four'))
END
lab_kernel
lab_net
lab_nsd
in_backend sysctl -qw net.ipv4.conf.b0.arp_notify=1 net.ipv6.conf.b0.ndisc_notify=1
lab_sluice

# knows ADDRESS MAC: the kernel on our side does.
knows() { ip -n "$kernel" neigh show "$1" | grep -q "lladdr $2"; }
stream_works() {
	[ -n "$(in_kernel dig +tcp +short +tries=1 +time=3 -p 5300 "@$1" demo.test SOA)" ] || fail "no TCP to $1 by the kernel's own way"
}

# Only we answer the client's question for our MAC; the kernel has heard it.
quick allowed.demo.test || fail "no answer"
wait_for 5 "the client among the kernel's neighbours" knows 10.53.2.2 "$(in_client cat /sys/class/net/c0/address)"
for address in 10.53.0.2 fd53::2; do
	stream_works "$address"
done
quick a.six.demo.test || true

for mac in 02:00:00:00:53:01 02:00:00:00:53:02; do
	ip -n "$backend" link set b0 address "$mac"
	wait_for 5 "the new MAC in the kernel, IPv4" knows 10.53.0.2 "$mac"
	wait_for 5 "the new MAC in the kernel, IPv6" knows fd53::2 "$mac"
	quick "$mac.four.demo.test" || fail "we do not know the new MAC of 10.53.0.2"
	quick "$mac.six.demo.test" || fail "we do not know the new MAC of fd53::2"
	stream_works 10.53.0.2
	stream_works fd53::2
done
[ "$(metric sluice_arp_requests_total)" -le 2 ] || fail "we had to ask again"
alive
