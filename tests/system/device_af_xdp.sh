#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# net_af_xdp over veth on both ports, with arguments of Sluice's own choice: answered and forwarded.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-END
	newServer('10.53.0.2:5300')
	addAction(QNameSuffixRule({'refused.test'}), RCodeAction(DNSRCode.REFUSED))
END
sed -i 's/net_af_packet\([01]\),/net_af_xdp\1,/' "$work/sluice.yml"
lab_net
lab_nsd

# answers HUGEPAGES: the same with the one and the other kind of memory below the device.
answers() {
	sed -i "s/hugepages: [a-z]*/hugepages: $1/" "$work/sluice.yml"
	lab_sluice
	expect 'status: REFUSED' www.refused.test
	in_client dig +tries=1 +time=3 "@$server6" www.refused.test | grep -q 'status: REFUSED' ||
		fail "no answer over IPv6"
	expect 'status: NOERROR' c1.demo.test
	load 2000 refused.test 2000 || fail "not all of 2,000 queries were answered by the rule"
	load 2000 load.demo.test 2000 || fail "not all of 2,000 queries were answered by NSD"
	alive
	stop_pid "$sluice_pid"
}
answers never
answers auto
