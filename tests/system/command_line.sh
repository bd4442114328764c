#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The command line: which commands there are, what each takes, and what its exit status says.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# status EXPECTED ARGUMENTS...: runs Sluice, keeps what it says.
status() {
	local expected=$1 got=0
	shift
	timeout 30 "$binary" "$@" >"$work/said.log" 2>&1 || got=$?
	[ "$got" -eq "$expected" ] || fail "sluice $* ends with $got, not $expected"
}
says() {
	grep -qE -- "$1" "$work/said.log" || fail "no line like '$1'"
}

lab_config <<<"newServer('10.53.0.2:5300')"
status 0 version
for line in 'sluice [0-9]+\.[0-9]' 'DPDK [0-9]+\.' 'LuaJIT 2\.' 'features: .*udp.*async'; do says "^$line"; done
status 0 --help
says '^usage: sluice run \[-c FILE\] \[-p POLICY\] \[-v\]$'

# What is not there, and what another command has.
while read -r line; do
	read -ra words <<<"$line"
	status 2 "${words[@]}"
	says '^usage: sluice run '
done <<-END

	frobnicate
	run --no-such-option
	run more
	run -e 1
	check -c $work/sluice.yml more
	check -e 1
	check --explain
	check -c
	replay -c $work/sluice.yml in.pcap
	replay in.pcap out.pcap more.pcap
	replay --burst 65 in.pcap out.pcap
	replay --burst 4 --explain in.pcap out.pcap
	console -c $work/sluice.yml -s /run/sluice/console.sock
	console -p policy.lua
	version -c $work/sluice.yml
END
status 3 console -c "$work/sluice.yml" -e 1
says 'is Sluice running'

# Without -c it is /etc/sluice/sluice.yml; -p comes before its policy.
mkdir -p "$work/etc/sluice"
sed 's/net_af_packet\([01]\),iface=[a-z]*/net_null\1/' "$work/sluice.yml" >"$work/etc/sluice/sluice.yml"
in_etc() {
	# shellcheck disable=SC2016
	unshare --mount sh -c 'mount --bind "$1" /etc && shift && exec "$@"' sh "$work/etc" "$binary" "$@" 2>"$work/said.log"
}
in_etc check && fail "a policy that is not there is accepted"
says '^/etc/sluice/policy\.lua:1:1: cannot read'
in_etc check -p "$work/policy.lua" || fail "-p does not come before the policy of the configuration"
in_etc run -p "$work/none.lua" && fail "run takes a policy that is not there"
says "^$work/none\.lua:1:1: cannot read"
