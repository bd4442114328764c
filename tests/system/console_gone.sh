#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Who goes while its edit waits for expressions that are being compiled is let go of at once, and the edit
# comes into force all the same.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<<"addAction('mark.demo.test', RCodeAction(DNSRCode.YXDOMAIN))"
echo 'lua: {watchdog: 10000}' >>"$work/sluice.yml"
lab_net
lab_sluice
gives() { ask mark.demo.test >"$work/answer.log" 2>&1; grep -q "status: $1" "$work/answer.log"; }
descriptors() { find "/proc/$sluice_pid/fd" -mindepth 1 | wc -l; }
guests_are() { [ "$(descriptors)" = $((before + $1)) ]; }

gives YXDOMAIN || fail "the policy is not in force"
before=$(descriptors)
"$binary" console -s "$console_socket" -e "for i = 1, 4000 do addAction(RegexRule('^(.+[-.])?adv?(ert)?[0-9]*[-_.]x' .. i .. 'y\\\\.'), DropAction()) end
	addAction('mark.demo.test', RCodeAction(DNSRCode.YXRRSET)) mvRuleToTop()" >"$work/console.log" 2>&1 &
guest=$!
wait_for 10 "somebody at the console" guests_are 1
kill -KILL "$guest"
wait_for 10 "the end of that" guests_are 0
gives YXDOMAIN || fail "it was not waiting any more"
wait_for 90 "the edit" gives YXRRSET
alive
