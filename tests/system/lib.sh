# SPDX-License-Identifier: BSD-2-Clause
# The laboratory of the system tests. Source it at the top of a test; it makes, and takes down at
# the end whatever happens:
#
#   client 10.53.2.2, fd53:2::2          backend 10.53.0.2, fd53::2 (NSD, port 5300)
#     [c0]──────[edge] sluice 10.53.2.1 ... 10.53.0.1 [back]──────[b0]
#
# three network namespaces with names of this run, joined by two veth pairs. The sluice namespace
# holds no address of its own: whatever answers there is Sluice. /run/sluice is private to it.
# shellcheck shell=bash
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib.sh"
need_root

binary=${SLUICE:-$top/build/sluice}
work=$(mktemp -d /tmp/sluice-test.XXXXXX)
run=${work##*.}
client=slc-$run sluice=slt-$run backend=slb-$run kernel=slk-$run
filter_program=$work/filter
export server=10.53.2.1 server6=fd53:2::1
console_socket=$work/run/console.sock
pids=()
sluice_pid='' filter_pid='' server_pid=''

lab_down() {
	local status=$? pid ns
	trap - EXIT INT TERM
	[ "$status" -eq 0 ] || lab_tell
	for pid in "${pids[@]}"; do
		stop_pid "$pid"
	done
	for ns in "$client" "$sluice" "$backend" "$kernel"; do
		for pid in $(ip netns pids "$ns" 2>/dev/null); do
			printf 'failed: process %s (%s) outlived its test\n' "$pid" \
				"$(cat "/proc/$pid/comm" 2>/dev/null)" >&2
			kill -KILL "$pid" 2>/dev/null || true
			status=1
		done
		ip netns del "$ns" 2>/dev/null || true
	done
	rm -rf "$work"
	exit "$status"
}
trap lab_down EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# What a reader wants to see of a test that failed.
lab_tell() {
	local log
	for log in "$work"/*.log; do
		[ ! -s "$log" ] || { printf -- '--- %s\n' "${log##*/}"; tail -n 40 "$log"; }
	done >&2
}

fail() {
	printf 'failed: %s\n' "$*" >&2
	exit 1
}

in_client() { ip netns exec "$client" "$@"; }
in_sluice() { ip netns exec "$sluice" "$@"; }
in_backend() { ip netns exec "$backend" "$@"; }
in_kernel() { ip netns exec "$kernel" "$@"; }

# make_pair NAMESPACE INTERFACE PORT ADDRESS...: joins NAMESPACE to the port of Sluice. A veth
# leaves checksums to hardware that does not exist, so it has to write them itself.
make_pair() {
	local ns=$1 interface=$2 port=$3 address
	shift 3
	ip -n "$ns" link add "$interface" type veth peer name "$port" netns "$sluice"
	ip netns exec "$ns" ethtool -K "$interface" tx off >/dev/null 2>&1
	for address in "$@"; do
		case $address in
		*:*) ip -n "$ns" addr add "$address" dev "$interface" nodad ;;
		*) ip -n "$ns" addr add "$address" dev "$interface" ;;
		esac
	done
	ip -n "$ns" link set "$interface" up
	ip -n "$sluice" link set "$port" up
}

lab_net() {
	local ns
	for ns in "$client" "$sluice" "$backend"; do
		ip netns add "$ns"
		ip -n "$ns" link set lo up
	done
	in_sluice sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
	make_pair "$client" c0 edge 10.53.2.2/24 fd53:2::2/64
	make_pair "$backend" b0 back 10.53.0.2/24 fd53::2/64
}

# lab_tcp: gives the kernel of the sluice namespace Sluice's addresses, for TCP. What comes over UDP is not
# for the kernel.
lab_tcp() {
	local family port
	in_sluice sysctl -qw net.ipv6.conf.edge.disable_ipv6=0 net.ipv6.conf.back.disable_ipv6=0
	ip -n "$sluice" addr add 10.53.2.1/24 dev edge
	ip -n "$sluice" addr add 10.53.0.1/24 dev back
	ip -n "$sluice" addr add fd53:2::1/64 dev edge nodad
	ip -n "$sluice" addr add fd53::1/64 dev back nodad
	for family in -4 -6; do
		for port in edge back; do
			ip $family -n "$sluice" rule add pref 1 ipproto udp iif $port blackhole
		done
		ip $family -n "$sluice" rule add pref 2 lookup local
		ip $family -n "$sluice" rule del pref 0
	done
}

# lab_nsd [ZONE LINE...]: an NSD at the backend's own addresses.
# shellcheck disable=SC2120
lab_nsd() {
	lab_nsd_at nsd 10.53.0.2 "$@"
}

# lab_nsd_large: with middle and big.demo.test too, TXT answers of 1,400 and 3,500 bytes, which NSD gives
# over UDP whole, in fragments.
lab_nsd_large() {
	local name lines=()
	for name in "middle 5" "big 13"; do
		lines+=("${name% *} 300 TXT$(seq -f " \"%0250g\"" -s '' "${name#* }")")
	done
	nsd_answers=4096 lab_nsd "${lines[@]}"
}

# lab_nsd_at DIR ADDRESS [ZONE LINE...]: an NSD that lives in $work/DIR, port 5300, with more lines in its
# zone. Its process, with children of its own, is $server_pid.
lab_nsd_at() {
	local dir=$work/$1 address=$2
	shift 2
	mkdir -p "$dir"
	write_nsd_conf "$dir"
	[ "$address" = 10.53.0.2 ] || sed -i "s/10\.53\.0\.2/$address/g; /fd53::2/d" "$dir/nsd.conf"
	[ -z "${nsd_answers:-}" ] ||
		sed -i "s/^  server-count.*/&\n  ipv4-edns-size: $nsd_answers\n  ipv6-edns-size: $nsd_answers/" "$dir/nsd.conf"
	[ $# -eq 0 ] || printf '%s\n' "$@" >>"$dir/demo.test.zone"
	# Not through in_backend: $! would be the function's shell, and NSD would outlive it.
	ip netns exec "$backend" nsd -d -c "$dir/nsd.conf" >"$dir.log" 2>&1 &
	server_pid=$!
	pids+=("$server_pid")
	wait_for 10 "NSD at $address" in_backend dig +short +time=1 +tries=1 -p 5300 "@$address" demo.test SOA
}

# lab_unbound DIR ADDRESS@PORT [LINE...]: an Unbound that lives in $work/DIR and asks NSD for demo.test, with
# further lines of its server clause. It does not validate. Its process is $server_pid.
lab_unbound() {
	local dir=$work/$1 at=$2
	shift 2
	mkdir -p "$dir"
	cat >"$dir/unbound.conf" <<-END
		server:
		  interface: $at
		  access-control: 0.0.0.0/0 allow
		  access-control: ::/0 allow
		  directory: "$dir"
		  chroot: ""
		  username: ""
		  pidfile: ""
		  use-syslog: no
		  module-config: "iterator"
		  num-threads: 1
		  do-not-query-localhost: no
		  so-rcvbuf: 0
		  local-zone: "test." nodefault
		$(printf '  %s\n' "$@")
		remote-control:
		  control-enable: no
		stub-zone:
		  name: demo.test
		  stub-addr: 10.53.0.2@5300
	END
	ip netns exec "$backend" unbound -d -c "$dir/unbound.conf" >"$dir.log" 2>&1 &
	server_pid=$!
	pids+=("$server_pid")
	wait_for 10 "Unbound at $at" grep -q 'start of service' "$dir.log"
}

# server_start NUMBER: a name server 10.53.0.1NUMBER of the backend's namespace. They are told apart by
# who.demo.test and who.own.demo.test, and all names below, which have 192.0.2.NUMBER there.
declare -a servers
server_start() {
	local name lines=('brief 1 A 192.0.2.'"$1")
	for name in who '*.who' who.own '*.who.own'; do
		lines+=("$name A 192.0.2.$1")
	done
	ip -n "$backend" addr replace "10.53.0.1$1/24" dev b0
	lab_nsd_at "nsd$1" "10.53.0.1$1" "${lines[@]}"
	servers[$1]=$server_pid
}
# server_signal NUMBER SIGNAL: to a name server and all processes that it forked.
server_signal() {
	tree_signal "${servers[$1]}" "$2"
}
tree_signal() {
	local child
	kill "-$2" "$1"
	for child in $(cat "/proc/$1"/task/*/children); do
		tree_signal "$child" "$2"
	done
}

# lab_config: writes the configuration; the policy comes from standard input. $lab_workers: 1 or 4.
lab_config() {
	local workers=1 share=false memory=256
	[ "$(nproc)" -gt 1 ] || workers=0 share=true
	[ "${lab_workers:-1}" -eq 1 ] || workers=$workers,0,$workers,0 share=true memory=512
	mkdir -p "$work/run"
	cat >"$work/policy.lua"
	cat >"$work/sluice.yml" <<-END
		eal: {hugepages: auto, memory: $memory}
		lcores: {control: 0, workers: [$workers], share: $share}
		ports:
		  - {name: edge, device: "net_af_packet0,iface=edge", addresses: [10.53.2.1/24, "fd53:2::1/64"]}
		  - {name: back, device: "net_af_packet1,iface=back", addresses: [10.53.0.1/24, "fd53::1/64"]}
		policy: policy.lua
		metrics: {listen: 127.0.0.1:8083}
	END
}

# lab_kernel [KEYS]: after lab_config: both ports get interfaces, kedge and kback, in a namespace of the
# kernel's own.
lab_kernel() {
	local port
	for port in edge back; do
		sed -i "s/{name: $port,/& kernel: {interface: k$port, netns: $kernel${1:+, $1}},/" "$work/sluice.yml"
	done
	ip netns add "$kernel"
	ip -n "$kernel" link set lo up
}

# lab_kernel_serve PORT: a TCP echo server on the kernel's side of the ports.
lab_kernel_serve() {
	ip netns exec "$kernel" /usr/bin/python3 "$top/tests/system/kernel_peer.py" serve "$1" 2>"$work/echo.log" &
	pids+=($!)
	wait_for 10 "the echo server" grep -q listening "$work/echo.log"
}

# kernel_peer WHAT ARGUMENTS...: what kernel_peer.py does, from the client.
kernel_peer() { in_client timeout 30 /usr/bin/python3 "$top/tests/system/kernel_peer.py" "$@"; }

# sluice_exec ARGUMENTS...: Sluice in its namespace, with a /run/sluice that nobody else sees.
sluice_exec() {
	mkdir -p /run/sluice
	# shellcheck disable=SC2016
	exec ip netns exec "$sluice" unshare --mount sh -c \
		'mount --bind "$1" /run/sluice && shift && exec "$@"' sh "$work/run" "$binary" "$@"
}

sluice_is_up_or_gone() {
	grep -q '^sluice: ready' "$work/sluice.log" || process_ended "$sluice_pid"
}

lab_sluice() {
	: >"$work/sluice.log"
	(sluice_exec run -c "$work/sluice.yml") 2>"$work/sluice.log" &
	sluice_pid=$!
	pids+=("$sluice_pid")
	wait_for 60 "sluice: ready" sluice_is_up_or_gone || fail "Sluice did not become ready"
	process_ended "$sluice_pid" && fail "Sluice ended at its start"
	return 0
}

# lab_repl: as lab_config, for the tests that steer the policy from tests/system/lab.py.
lab_repl() {
	lab_config < <(cat "$top/tests/system/repl.lua" -)
}

# lab_python WHAT: runs the Python of standard input in the client's namespace, with lab.py to import.
# Debian's Python by its path: that one has the dnspython of scripts/install.
# $lab_patience: how many seconds it may take, if more than 60.
lab_python() {
	work=$work sluice=$sluice PYTHONPATH=$top/tests/system PYTHONDONTWRITEBYTECODE=1 \
		in_client timeout "${lab_patience:-60}" /usr/bin/python3 - || fail "$1"
	alive
}

# lab_up: everything; the policy comes from standard input.
lab_up() {
	lab_config
	lab_net
	lab_nsd
	lab_sluice
}

lab_filter() {
	[ -x "$filter_program" ] || build_filter "$filter_program"
	: >"$work/filter.log"
	"$filter_program" "$@" "$work/run/filter.sock" "$work/run/verdicts.sock" 2>"$work/filter.log" &
	filter_pid=$!
	pids+=("$filter_pid")
	wait_for 5 "the filter" grep -q '^filter: ready' "$work/filter.log"
}

# console EXPRESSION: its results, from the console of the Sluice that runs.
console() {
	"$binary" console -s "$console_socket" -e "$1"
}

# console_is EXPRESSION RESULT: fails if it gives another.
console_is() {
	local got
	got=$(console "$1")
	[ "$got" = "$2" ] || fail "$1 gives '$got', not '$2'"
}

# cdb_make [KEY VALUE]...: moved where it belongs when it is whole. lmdb_load DATABASE: of lines, a key, its value.
cdb_make() {
	{
		while [ $# -gt 0 ]; do printf '+%d,%d:%s->%s\n' ${#1} ${#2} "$1" "$2" && shift 2; done
		echo
	} | cdb -c "$work/new.cdb"
	mv "$work/new.cdb" "$work/keys.cdb"
}
lmdb_load() { mdb_load -n -T ${1:+-s "$1"} "$work/keys.mdb"; }

# warns PATTERN...: the policy of standard input has just these warnings, in this order.
warns() {
	local status=0 pattern
	cat >"$work/policy.lua"
	"$binary" check -c "$work/sluice.yml" >"$work/said.log" 2>&1 || status=$?
	[ "$status" -eq 0 ] || fail "check ends with $status for: $(cat "$work/policy.lua")"
	mapfile -t said < <(grep 'policy\.lua:[0-9]*: warning: ' "$work/said.log" || true)
	for pattern in "$@"; do
		grep -qE "policy\.lua:$pattern" <<<"${said[0]:-}" || fail "'${said[0]:-nothing}' is not '$pattern'"
		said=("${said[@]:1}")
	done
	[ ${#said[@]} -eq 0 ] || fail "too many warnings: ${said[*]}"
}

# said PATTERN [TIMES]: so many lines of its log match, or more; for wait_for.
said() { [ "$(grep -cE -- "$1" "$work/sluice.log")" -ge "${2:-1}" ]; }

# waits NAME: the end of a policy that says "NAME is being read", and is for as long as there is a file "wait".
waits() {
	cat <<-END
		infolog('$1 is being read')
		local file = io.open('$work/wait')
		while file do
		  file:close()
		  file = io.open('$work/wait')
		end
	END
}

# metric NAME: its value, labels and all; nothing if it is not there. metric_is_least NAME VALUE, for wait_for.
metric() {
	in_sluice curl -s --max-time 5 -o "$work/metrics" http://127.0.0.1:8083/metrics
	awk -v name="$1" '$1 == name { print $2 }' "$work/metrics"
}
metric_is_least() { [ "$(metric "$1")" -ge "$2" ]; }

alive() {
	! process_ended "$sluice_pid" || fail "Sluice is gone"
}

# ask NAME [DIG ARGUMENTS...]: one query over IPv4, sent once.
ask() {
	in_client dig +tries=1 +time=3 "@$server" "$@"
}

# expect PATTERN NAME [DIG ARGUMENTS...]: the whole output of dig has to match.
expect() {
	local pattern=$1 output
	shift
	output=$(ask "$@" 2>&1) || true
	grep -qE -- "$pattern" <<<"$output" || fail "dig $* shows no '$pattern':"$'\n'"$output"
}

# quick NAME [MS]: it is answered within MS (250) milliseconds, so nothing timed out on its way.
quick() {
	local took
	took=$(ask "$1" | sed -n 's/^;; Query time: \([0-9]*\) msec/\1/p')
	[ -n "$took" ] && [ "$took" -le "${2:-250}" ]
}

# load COUNT NAME RATE [DNSPERF ARGUMENTS...]: COUNT queries, each for a name of its own under NAME;
# prints dnsperf's figures and fails unless all were answered.
load() {
	local count=$1 name=$2 rate=$3 list
	shift 3
	list=$(mktemp "$work/load.XXXXXX")
	seq -f "q%.0f.$name A" 1 "$count" >"$list"
	in_client dnsperf -s "$server" -d "$list" -n 1 -Q "$rate" -q 5000 -c 10 -t 3 -W "$@" >"$list.log" 2>&1
	grep -E 'Queries (sent|completed|lost)|Average Latency|Response codes' "$list.log"
	grep -qE "Queries completed: +$count \(100.00%\)" "$list.log"
}

# lab_subnet_servers: name servers at 10.53.0.2, ports 5301 and 5302, that answer with the client subnet they were told.
lab_subnet_servers() {
	local port
	for port in 5301 5302; do
		ip netns exec "$backend" /usr/bin/python3 "$top/tests/system/subnet.py" 10.53.0.2 "$port" >"$work/server-$port.log" 2>&1 &
		pids+=($!)
		wait_for 10 "the server" grep -q 'subnet: ready' "$work/server-$port.log"
	done
}

# lab_proxy_server: a name server at 10.53.0.2, port 5302, that wants PROXY headers and answers with what they said.
lab_proxy_server() {
	ip netns exec "$backend" /usr/bin/python3 "$top/tests/system/proxy_server.py" 10.53.0.2 5302 2>"$work/server.log" &
	pids+=($!)
	wait_for 10 "the server" grep -q listening "$work/server.log"
}
