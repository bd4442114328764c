#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# SIGTERM, and no verdict for what is suspended: it ends after shutdown.grace, with 0. In the log, which is asked for in
# JSON, each line is an object, and with -v all levels are there.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-'END'
	addAction(AllRule(), LuaAction(function(dq)
	  dq:suspend(1, dq.dh:getID(), 60000)
	  return DNSAction.Allow
	end))
END
printf 'shutdown: {grace: 500ms}\nlog: {format: json, level: warning}\n' >>"$work/sluice.yml"
lab_net
(sluice_exec run -v -c "$work/sluice.yml") 2>"$work/sluice.log" &
sluice_pid=$!
pids+=("$sluice_pid")
wait_for 60 "sluice: ready" grep -qx 'sluice: ready' "$work/sluice.log"
ip netns exec "$client" dig +tries=1 +time=5 "@$server" a.ask.demo.test >/dev/null 2>&1 &
pids+=($!)
wait_for 10 "one that is suspended" metric_is_least sluice_async_suspended 1
begun=$(date +%s%N)
kill -TERM "$sluice_pid"
wait_for 10 "the end" process_ended "$sluice_pid"
status=0
wait "$sluice_pid" || status=$?
[ "$status" -eq 0 ] || fail "it ends with $status"
[ $(($(date +%s%N) - begun)) -ge 450000000 ] || fail "its grace was too short"
[ "$(grep -c '^sluice: ' "$work/sluice.log")" = 1 ] || fail "the log has more than one line that is no JSON"
grep '^{' "$work/sluice.log" | python3 -c 'import json, sys
lines = [json.loads(line) for line in sys.stdin]
assert all({"time", "level", "message"} == line.keys() for line in lines), lines
assert {"debug", "info"} <= {line["level"] for line in lines}, lines' || fail "the log is not as it was asked for"
