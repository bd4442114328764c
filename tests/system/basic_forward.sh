#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Queries reach a name server and come back, over both protocols and to both kinds of address.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_up <<-END
	newServer('10.53.0.2:5300')
	newServer('[fd53::2]:5300')
END

for to in "$server" "$server6"; do
	# Twice as many as servers, so that round robin comes by each of them.
	for n in 1 2 3 4; do
		got=$(in_client dig +short +tries=1 +time=3 "@$to" "c$n.demo.test" A)
		[ "$got" = "192.0.2.$((n + 1))" ] || fail "c$n.demo.test from $to is '$got'"
	done
	got=$(in_client dig +short +tries=1 +time=3 "@$to" allowed.demo.test AAAA)
	[ "$got" = 2001:db8::201 ] || fail "allowed.demo.test AAAA from $to is '$got'"
done

expect 'status: NXDOMAIN' nothing.demo.test
expect 'EDNS: version: 0, flags: do' c5.demo.test +dnssec +bufsize=1232
expect '^;C5\.DeMo\.TeSt\.' C5.DeMo.TeSt +noedns
in_client ping -c 3 -i 0.2 -W 2 -q "$server" >/dev/null || fail "no ICMP echo"
in_client ping -c 3 -i 0.2 -W 2 -q "$server6" >/dev/null || fail "no ICMPv6 echo"
load 2000 load.demo.test 2000 || fail "not all of 2,000 queries were answered"
alive
