#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# What is not for Sluice is the kernel's, on the same addresses: TCP, ICMP that is no echo, UDP of
# other programs, over IPv4 and IPv6; Sluice answers DNS over UDP, ARP, discovery and ping, once each.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<<'newServer("10.53.0.2:5300") addAction("refused.test.", RCodeAction(DNSRCode.REFUSED))'
lab_kernel 'rate: 100000'
# With `many`, each of four workers has a queue of its own in the kernel's interfaces.
[ "${1:-}" != many ] || sed -i 's/workers: [^}]*}/workers: [0, 0, 0, 0], share: true}/' "$work/sluice.yml"
lab_net
lab_nsd
lab_sluice
lab_kernel_serve 7

for address in "$server" "$server6"; do
	kernel_peer ask "$address" 7 200000 || fail "TCP to $address does not work"
	expect 'status: REFUSED' "@$address" refused.test
	expect '192\.0\.2\.' "@$address" allowed.demo.test
	pings=$(in_client ping -c 3 -i 0.2 -w 5 "$address") || fail "no ping of $address"
	! grep -q DUP <<<"$pings" || fail "two answers to a ping: $pings"
	# A port that nobody has is refused by the kernel.
	kernel_peer refused "$address" 9 || fail "UDP port 9 of $address"
done
kernel_peer answers c0 "$server" "$server6" 10.53.2.2 fd53:2::2 || fail "not one answer to each question for our MAC"

# A program of the kernel's asks a server over UDP from a port that could be Sluice's.
answer=$(in_kernel dig +short +tries=1 +time=3 -b '10.53.0.1#40000' -p 5300 @10.53.0.2 allowed.demo.test)
grep -q '192\.0\.2\.' <<<"$answer" || fail "no answer to a program of the kernel's own: $answer"
[ "$(metric sluice_kernel_passed_total)" -gt 100 ] || fail "nothing was counted"
[ "$(metric sluice_kernel_silenced_total)" -ge 6 ] || fail "the kernel had no second answers"
# What comes meanwhile may be counted between two readings: in the end they agree.
all_taken() {
	local passed=$(($(metric sluice_kernel_passed_total) + $(metric sluice_kernel_link_total)))
	[ "$passed" -eq "$(metric sluice_kernel_sent_total)" ]
}
wait_for 10 "the kernel to take all that is for it" all_taken || fail "the kernel did not take all"
alive
