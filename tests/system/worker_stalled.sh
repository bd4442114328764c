#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# A worker that does not turn is named, and named again when it does; systemd's watchdog hears of it. Meanwhile the
# policy can be changed, as often as anybody likes.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-END
	addAction(AllRule(), SpoofAction('192.0.2.1'))
END
sed -i 's/^eal:.*/eal: {hugepages: auto, memory: 512}/' "$work/sluice.yml"
# A worker that naps holds nothing that is to be freed.
cpu=1
[ "$(nproc)" -gt 1 ] || cpu=0
sed -i "s/^lcores:.*/lcores: {control: 0, workers: [$cpu, $cpu], share: true, idle: poll}/" "$work/sluice.yml"
lab_net
NOTIFY_SOCKET=$work/notify WATCHDOG_USEC=200000 lab_sluice
ip netns exec "$sluice" timeout 60 python3 "$top/tests/system/worker_stalled.py" "$sluice_pid" \
	"$work/sluice.log" "$work/notify" "$binary" "$console_socket" || fail "the worker that stalled was not handled as it should be"
expect '192.0.2.1' q.rule.test
alive
