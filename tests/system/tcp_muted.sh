#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Muted over TCP, an address answers over UDP alone, until it is told to answer again.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-'END'
	addAction('over.test.', SpoofAction('192.0.2.99'))
END
lab_net
lab_tcp
lab_sluice
expect 'status: NOERROR' over.test +tcp
console 'getBind(1).muted = true'
ask +tcp +time=1 over.test | grep -q 'status:' && fail "what is muted answers over TCP"
[ "$(metric 'sluice_drops_total{reason="muted"}')" -ge 1 ] || fail "what is muted is not counted"
expect 'status: NOERROR' over.test
console 'getBind(1).muted = false'
expect 'status: NOERROR' over.test +tcp
stop_pid "$sluice_pid"
