# SPDX-License-Identifier: BSD-2-Clause
# Shared by the scripts of this folder and by tests/system/lib.sh. Source it, do not run it.
# shellcheck shell=bash

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export top

say() {
	printf '%s\n' "$*"
}

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

need_root() {
	[ "$(id -u)" -eq 0 ] || die "this needs root: run it with sudo or as root"
}

# wait_for SECONDS WHAT COMMAND...: polls until COMMAND succeeds, at most SECONDS.
wait_for() {
	local deadline=$((SECONDS + $1)) what=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		if [ "$SECONDS" -ge "$deadline" ]; then
			printf 'waited in vain for %s\n' "$what" >&2
			return 1
		fi
		sleep 0.05
	done
}

# stop_pid PID [SIGNAL]: ends a child of ours, also one that is stopped, by force after 5 s.
stop_pid() {
	local pid=$1 signal=${2:-TERM}
	kill -CONT "$pid" 2>/dev/null || return 0
	kill "-$signal" "$pid" 2>/dev/null || true
	wait_for 5 "the end of process $pid" process_ended "$pid" || kill -KILL "$pid" 2>/dev/null || true
	wait "$pid" 2>/dev/null || true
}

# A zombie has ended too: only its parent has not looked yet.
process_ended() {
	local state
	state=$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null) || return 0
	[ -z "$state" ] || [ "$state" = Z ]
}

# build_sluice FOLDER [MESON OPTIONS...]: configures once, then builds.
build_sluice() {
	local dir=$1
	shift
	if [ ! -e "$dir/build.ninja" ]; then
		meson setup "$dir" "$top" "$@" >"$dir.setup.log" 2>&1 || {
			cat "$dir.setup.log" >&2
			rm -f "$dir.setup.log"
			return 1
		}
		rm -f "$dir.setup.log"
	fi
	ninja -C "$dir" -j "$(nproc)" >"$dir/build.log" 2>&1 || {
		cat "$dir/build.log" >&2
		return 1
	}
}

build_filter() {
	mkdir -p "$(dirname "$1")"
	cc -std=gnu11 -O2 -Wall -Wextra -Werror -o "$1" "$top/tests/system/filter.c"
}

# Sluice goes on without hugepages; the reader should know which of the two he looks at.
say_hugepages() {
	if [ "$(sed -n 's/^HugePages_Free: *//p' /proc/meminfo)" -gt 0 ]; then
		say "hugepages: $(sed -n 's/^HugePages_Free: *//p' /proc/meminfo) free, Sluice uses them"
	else
		say "hugepages: none, so Sluice runs with ordinary memory (scripts/hugepages reserves some)"
	fi
}

# write_zone FILE: demo.test with a few speaking names, c0 to c99, and a wildcard for load.
write_zone() {
	local name n=200
	{
		printf '$ORIGIN demo.test.\n$TTL 60\n'
		printf '@ SOA ns.demo.test. admin.demo.test. 1 3600 600 86400 60\n@ NS ns\nns A 10.53.0.2\n'
		for name in allowed refused dropped silent; do
			printf '%s A 192.0.2.%d\n%s AAAA 2001:db8::%d\n' "$name" $((++n)) "$name" $n
		done
		for n in {0..99}; do
			printf 'c%d A 192.0.2.%d\n' "$n" $((n + 1))
		done
		printf '*.load A 192.0.2.250\n*.ask A 192.0.2.251\n*.free A 192.0.2.252\n'
	} >"$1"
}

# write_nsd_conf DIR: an NSD that lives in DIR alone. Its rate limiter is on by default and would
# answer 200 queries a second per client: it is switched off.
write_nsd_conf() {
	write_zone "$1/demo.test.zone"
	cat >"$1/nsd.conf" <<-END
		server:
		  ip-address: 10.53.0.2@5300
		  ip-address: fd53::2@5300
		  ip-freebind: yes
		  server-count: 1
		  rrl-ratelimit: 0
		  username: ""
		  zonesdir: "$1"
		  database: ""
		  pidfile: "$1/nsd.pid"
		  xfrdfile: "$1/xfrd.state"
		  xfrdir: "$1"
		  zonelistfile: "$1/zone.list"
		  cookie-secret-file: ""
		remote-control:
		  control-enable: no
		zone:
		  name: demo.test
		  zonefile: demo.test.zone
	END
}
