#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# A collector that does not read: what finds no room is lost and counted, answers go on, the connection is made anew.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

of() { metric "sluice_export_$1{logger=\"127.0.0.1:6999\",kind=\"protobuf\"}"; }
is_least() { [ "$(of "$1")" -ge "$2" ]; }
all_told() { [ $(($(of queued_total) + $(of full_total) + $(of lost_total))) -eq "$1" ]; }

lab_config <<-END
	logger = newRemoteLogger('127.0.0.1:6999', 1, 100, 1, 1, 2)
	for _ = 1, 40 do
	  addAction(AllRule(), RemoteLogAction(logger, nil, {serverID = ('x'):rep(2000)}))
	end
	addAction(AllRule(), RCodeAction(DNSRCode.REFUSED))
	addSelfAnsweredResponseAction(AllRule(), RemoteLogResponseAction(logger))
END
lab_net
ip netns exec "$sluice" /usr/bin/python3 "$top/tests/system/collector.py" stall 6999 <><(:) 2>"$work/collector.log" &
pids+=($!)
lab_sluice
wait_for 20 "the connection" is_least connected 1
load 1000 load.demo.test 1000 || fail "not all of 1,000 queries were answered"
wait_for 20 "41,000 messages" all_told 41000
is_least full_total 1 || fail "80 MB found room"
is_least sent_total 1 || fail "nothing was sent before that"
wait_for 20 "the end of the connection" is_least failures_total 1
[[ $(console 'logger:getStats().pipeFull') -ge 1 ]] || fail "what the logger says"
alive
