#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Who is told to end at its start, or before the first check of a server is over, ends with 0 and is never ready.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config </dev/null
lab_net
for policy in "newServer('10.53.0.99')" "os.execute('kill -SIGNAL \$PPID')"; do
	for signal in TERM INT; do
		printf '%s\n' "${policy/SIGNAL/$signal}" >"$work/policy.lua"
		status=0
		: >"$work/sluice.log"
		(sluice_exec run -c "$work/sluice.yml") 2>"$work/sluice.log" &
		sluice_pid=$!
		pids+=("$sluice_pid")
		wait_for 30 "its start" grep -q '^sluice: running with' "$work/sluice.log"
		[[ $policy == *SIGNAL* ]] || kill "-$signal" "$sluice_pid"
		wait_for 10 "the end after SIG$signal" process_ended "$sluice_pid" || fail "SIG$signal does not end it"
		wait "$sluice_pid" || status=$?
		[ "$status" -eq 0 ] || fail "SIG$signal ends with $status"
		! grep -q '^sluice: ready' "$work/sluice.log" || fail "it is ready after its end: $policy"
	done
done
