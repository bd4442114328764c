#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Hugepages: used when they are there, and an error that says how many are missing when required.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

pages=/proc/sys/vm/nr_hugepages
before=$(cat "$pages")
pages_down() {
	local status=$?
	set +e
	echo "$before" >"$pages"
	(exit "$status")
	lab_down
}
hugepages_free() { sed -n 's/^HugePages_Free: *//p' /proc/meminfo; }

lab_config <<-END
	newServer('10.53.0.2:5300')
	addAction(QNameSuffixRule({'refused.test'}), RCodeAction(DNSRCode.REFUSED))
END
lab_net
lab_nsd

# More than any machine has.
sed -i 's/^eal:.*/eal: {hugepages: require, memory: 1048576}/' "$work/sluice.yml"
status=0
(sluice_exec run -c "$work/sluice.yml") 2>"$work/sluice.log" || status=$?
[ "$status" -eq 3 ] || fail "missing hugepages end with $status, not 3"
grep -qE '^eal\.memory asks for 1048576 MiB of hugepages and [0-9]+ MiB are free; reserve them with scripts/hugepages 1048576$' \
	"$work/sluice.log" || fail "no word of the missing hugepages"

# Only if there are too few: somebody else may be using those that are there.
if [ "$(hugepages_free)" -lt 160 ]; then
	trap pages_down EXIT
	echo $((before + 256)) >"$pages"
fi
free=$(hugepages_free)
if [ "$free" -lt 160 ]; then
	echo "skipped: the machine gives $free free hugepages of 2 MiB, 160 are needed"
	exit 0
fi
sed -i 's/^eal:.*/eal: {hugepages: require, memory: 256}/' "$work/sluice.yml"
lab_sluice
grep -qE '^sluice: running with hugepages \([0-9]+ MiB free, 256 MiB wanted\)$' "$work/sluice.log" ||
	fail "no word of the hugepages that are used"
[ "$(awk '/^Private_Hugetlb/ { sum += $2 } END { print sum + 0 }' "/proc/$sluice_pid/smaps")" -ge 131072 ] ||
	fail "less than 128 MiB of Sluice's memory are hugepages"
expect 'status: REFUSED' www.refused.test
expect 'status: NOERROR' c1.demo.test
load 2000 load.demo.test 2000 || fail "not all of 2,000 queries were answered"
alive
