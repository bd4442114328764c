#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# A client behind a router whose other link takes less than Sluice's port. The router's kernel reports what
# it cannot pass on; the next answers are made for that path, truncated or in smaller fragments, by whichever of
# two workers.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-END
	newServer('10.53.0.2:5300')
END
sed -i 's/^eal:.*/eal: {hugepages: auto, memory: 512}/; s/workers: [^}]*}/workers: [0, 0], share: true}/' "$work/sluice.yml"
lab_net
lab_nsd_large
# The far end of the router's link of 1,300 bytes is in the server's namespace.
ip -n "$client" link add far mtu 1300 type veth peer name near mtu 1300 netns "$backend"
ip -n "$client" addr add 10.53.9.1/24 dev far
ip -n "$client" addr add fd53:9::1/64 dev far nodad
ip -n "$backend" addr add 10.53.9.2/24 dev near
ip -n "$backend" addr add fd53:9::2/64 dev near nodad
ip -n "$client" link set far up
ip -n "$backend" link set near up
in_client sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
ip -n "$backend" route add 10.53.2.0/24 via 10.53.9.1
ip -n "$backend" route add fd53:2::/64 via fd53:9::1

# far_dig ADDRESS TIME: the answer of 1,400 bytes at the far end.
far_dig() {
	in_backend dig +tries=1 +time="$2" +ignore +bufsize=4096 "@$1" middle.demo.test TXT 2>&1 || true
}

# learns PATTERN: the first answer is lost and reported; then they are as the pattern says.
learns() {
	local address output heeded=0 try
	lab_sluice
	for address in "$server" "$server6"; do
		far_dig "$address" 1 | grep -q 'no servers could be reached' || fail "$address: an answer of 1,400 bytes got through"
		heeded=$((heeded + 1))
		wait_for 5 "the router's report" metric_is_least sluice_path_mtus_total "$heeded"
		for try in $(seq 8); do
			output=$(far_dig "$address" 3)
			grep -qE -- "$1" <<<"$output" || fail "dig $try @$address shows no '$1':"$'\n'"$output"
		done
		[ "$(metric sluice_path_mtus_total)" -eq "$heeded" ] || fail "a worker had to learn for itself"
	done
	# Others are not concerned.
	ask middle.demo.test TXT +bufsize=4096 +ignore | grep -qE 'MSG SIZE +rcvd: 1[34]' || fail "a path of 1,500 bytes takes less"
	alive
	stop_pid "$sluice_pid"
}
learns 'flags: qr aa tc rd'
sed -i 's/\(name: [a-z]*\), /\1, oversize: fragment, /' "$work/sluice.yml"
learns 'MSG SIZE +rcvd: 1[34]'
