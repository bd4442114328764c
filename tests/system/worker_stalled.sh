#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# A worker that does not turn is named, and named again when it does; systemd's watchdog hears of it.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-END
	addAction(AllRule(), SpoofAction('192.0.2.1'))
END
sed -i 's/^eal:.*/eal: {hugepages: auto, memory: 512}/' "$work/sluice.yml"
sed -i 's/^lcores:.*/lcores: {control: 0, workers: [0, 0], share: true}/' "$work/sluice.yml"
lab_net
NOTIFY_SOCKET=$work/notify WATCHDOG_USEC=200000 lab_sluice
ip netns exec "$sluice" timeout 60 python3 "$top/tests/system/worker_stalled.py" "$sluice_pid" \
	"$work/sluice.log" "$work/notify" || fail "the worker that stalled was not handled as it should be"
expect '192.0.2.1' q.rule.test
alive
