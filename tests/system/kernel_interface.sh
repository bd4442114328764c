#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The kernel's interfaces of the ports: what they carry, that they are gone however Sluice ends, and
# what is said when they cannot be made.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<<'addAction(AllRule(), RCodeAction(DNSRCode.REFUSED))'
lab_kernel
sed -i -e 's/{name: edge,/& gateways: [10.53.2.254, "fe80::9"], mtu: 1400,/' \
	-e 's/{name: back,/& neighbours: [{address: 10.53.0.77, mac: "02:00:00:00:00:77"}],/' "$work/sluice.yml"
lab_net

# shows PATTERN ARGUMENTS...: `ip ARGUMENTS` in the kernel's namespace shows it.
shows() {
	local pattern=$1 output
	shift
	output=$(ip -n "$kernel" "$@")
	grep -qE -- "$pattern" <<<"$output" || fail "ip $* shows no '$pattern':"$'\n'"$output"
}
nothing_left() { [ "$(ip -n "$kernel" -o link | wc -l)" -eq 1 ]; }

# refused PATTERN: a start ends with 3 and says so, and nothing stays behind.
refused() {
	local status=0
	(sluice_exec run -c "$work/sluice.yml") >"$work/refused.log" 2>&1 || status=$?
	[ "$status" -eq 3 ] || fail "exit $status for '$1'"
	grep -qE -- "$1" "$work/refused.log" || { cat "$work/refused.log" >&2; fail "nothing says '$1'"; }
}

lab_sluice
mac=$(in_sluice cat /sys/class/net/edge/address)
shows "mtu 1400 .*LOWER_UP|LOWER_UP.* mtu 1400 " link show kedge
shows "link/ether $mac " link show kedge
shows 'inet 10.53.2.1/24 brd 10.53.2.255' addr show kedge
shows 'inet6 fd53:2::1/64 scope global nodad' addr show kedge
[ "$(ip -n "$kernel" -6 -o addr show kedge | wc -l)" -eq 2 ] || fail "another link-local address than ours"
shows 'default via 10.53.2.254 dev kedge .*metric 20000' route
shows 'default via fe80::9 dev kedge .*metric 20001' -6 route
shows '10.53.0.77 lladdr 02:00:00:00:00:77 PERMANENT' neigh show dev kback
grep -q 'port back: the kernel has it as kback in network namespace' "$work/sluice.log" || fail "no word of it"
stop_pid "$sluice_pid"
wait_for 5 "the interfaces' end" nothing_left
lab_sluice
stop_pid "$sluice_pid" KILL
wait_for 5 "the interfaces' end" nothing_left

ip -n "$kernel" tuntap add kback mode tap
refused 'port back: no kernel interface kback: there is an interface of that name'
ip -n "$kernel" tuntap del kback mode tap
nothing_left || fail "the other interface is still there"
# vhost-net works, or it is said what it lacks.
sed -i 's/{interface: kedge,/& driver: virtio-user,/' "$work/sluice.yml"
if [ -e /dev/vhost-net ]; then
	lab_sluice
	shows "link/ether $mac " link show kedge
	stop_pid "$sluice_pid"
	wait_for 5 "the interfaces' end" nothing_left
else
	refused 'port edge: no kernel interface kedge: /dev/vhost-net cannot be opened .*load the module vhost_net'
fi
sed -i 's/ driver: virtio-user,//' "$work/sluice.yml"
sed -i "s/netns: $kernel/netns: $kernel-not/" "$work/sluice.yml"
refused "port edge: no kernel interface kedge: .*ip netns add $kernel-not"
