#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Stores of keys and values whose files change: replaced, written to, broken, and over a reload of the policy.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

cdb_make text.test plain
printf '%s\n' '\05exact\04test\00' 'by name' | lmdb_load ''
printf '%s\n' '\0a\35\02\ff' '\0a\35\02\00range' | lmdb_load ranges
lab_config <<-END
	cdb, lmdb = newCDBKVStore('$work/keys.cdb', 1), newLMDBKVStore('$work/keys.mdb', '')
	ranges = newLMDBKVStore('$work/keys.mdb', 'ranges')
	local source, text = KeyValueLookupKeySourceIP(), KeyValueLookupKeyQName(false)
	addAction(AllRule(), KeyValueStoreLookupAction(lmdb, KeyValueLookupKeyQName(), 't'))
	addAction(TagRule('t', 'by name'), SpoofAction('192.0.2.1'))
	addAction(TagRule('t', 'anew'), SpoofAction('192.0.2.2'))
	addAction(AllRule(), KeyValueStoreLookupAction(cdb, text, 't'))
	addAction(TagRule('t', 'plain'), SpoofAction('192.0.2.3'))
	addAction(TagRule('t', 'fresh'), SpoofAction('192.0.2.4'))
	addAction(KeyValueStoreRangeLookupRule(ranges, source), SpoofAction('192.0.2.5'))
	addAction(AllRule(), RCodeAction(DNSRCode.REFUSED))
END
lab_net
lab_sluice
is() { [ "$(ask +short "$1" A)" = "$2" ]; }
asks() { is "$1" "$2" || fail "$1 is not '$2'"; }
asks text.test 192.0.2.3
asks exact.test 192.0.2.1
asks ranged.test 192.0.2.5
# A file that is replaced is noticed, what is written to a database is there at once; over a reload too.
cdb_make text.test fresh
wait_for 20 "the new file" is text.test 192.0.2.4
printf '%s\n' '\05exact\04test\00' 'anew' | lmdb_load ''
printf '%s\n' '\0a\35\02\80' '\0a\35\02\40not ours' | lmdb_load ranges
asks exact.test 192.0.2.2
asks ranged.test ''
kill -HUP "$sluice_pid"
wait_for 10 "the reload" grep -q 'policy reloaded' "$work/sluice.log"
asks text.test 192.0.2.4
asks exact.test 192.0.2.2
# What is broken leaves all as it was, also while many ask.
echo nonsense >"$work/keys.cdb"
wait_for 20 "the complaint" grep -q 'keys.cdb: is no CDB file' "$work/sluice.log"
asks text.test 192.0.2.4
echo "text.test A" >"$work/names"
in_client timeout 20 dnsperf -s "$server" -d "$work/names" -n 2000 -Q 4000 -q 50 >"$work/dnsperf.log" 2>&1 &
asking=$!
for n in 1 2 3 4 5; do
	cdb_make text.test fresh other "$n"
	seq -f '%.0f' 1 2000 | lmdb_load ''
done
wait "$asking"
grep -q 'Queries completed: *2000 (100.00%)' "$work/dnsperf.log" || fail "$(cat "$work/dnsperf.log")"
asks text.test 192.0.2.4
alive
