#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# DPDK's telemetry socket has /sluice/...; its numbers are those of /metrics. The folder that DPDK
# makes for the socket goes with the process.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_up <<-'END'
	newServer('10.53.0.2:5300')
	local nobody = newNetworkEndpoint('/run/sluice/"nobody".sock')
	addAction(QNameRule('c1.demo.test'), RCodeAction(DNSRCode.REFUSED))
	addAction(QNameRule('c2.demo.test'), LuaAction(function(dq)
		nobody:send('to nobody')
		return DNSAction.None
	end))
	addAction(QNameRule('c3.demo.test'), LuaAction(function(dq)
		dq:suspend(7, dq.dh:getID(), 50)
		return DNSAction.Allow
	end))
END
folder=/var/run/dpdk/sluice-$sluice_pid
[ -S "$folder/dpdk_telemetry.v2" ] || fail "there is no telemetry socket"

expect 'status: REFUSED' c1.demo.test
expect 'status: NOERROR' c2.demo.test
expect 'status: NOERROR' c3.demo.test
load 500 load.demo.test 1000 || fail "not all of 500 queries were answered"

same() { ip netns exec "$sluice" python3 "$top/tests/system/telemetry.py" "$folder/dpdk_telemetry.v2" 2>"$work/ask.log"; }
wait_for 5 "telemetry and metrics that agree" same || fail "telemetry and metrics differ"

alive
stop_pid "$sluice_pid"
[ ! -e "$folder" ] || fail "$folder is still there"
