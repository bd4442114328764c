#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Stores of keys and values, as their own tools make them: CDB and LMDB, with all keys, and ranges.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

cdb_make text.test plain below.test suffix gold 192.0.2.5
printf '%s\n' '\05exact\04test\00' 'by name' '\0a\35\02\00' client | lmdb_load ''
printf '%s\n' '\0a\35\02\ff' '\0a\35\02\00range' | lmdb_load ranges
lab_config <<-END
	newServer('10.53.0.2:5300')
	cdb, lmdb = newCDBKVStore('$work/keys.cdb', 1), newLMDBKVStore('$work/keys.mdb', '')
	ranges = newLMDBKVStore('$work/keys.mdb', 'ranges')
	local function tag(store, key, range)
	  addAction(AllRule(), (range and KeyValueStoreRangeLookupAction or KeyValueStoreLookupAction)(store, key, 't'))
	  addAction(AllRule(), LuaAction(function(dq)
	    got[#got + 1] = (dq:getTag('t'):gsub('[^%w ]', ''))
	    return DNSAction.None
	  end))
	end
	got = {}
	tag(cdb, KeyValueLookupKeyQName(false))
	tag(cdb, KeyValueLookupKeySuffix(2, false))
	tag(lmdb, KeyValueLookupKeyQName())
	tag(lmdb, KeyValueLookupKeySourceIP(24))
	tag(ranges, KeyValueLookupKeySourceIP(), true)
	addAction('tagged.test', SetTagAction('kind', 'gold'))
	addAction('tagged.test', SetTagAction('none', 'lead'))
	addAction(KeyValueStoreLookupRule(cdb, KeyValueLookupKeyTag('kind')), SpoofAction('192.0.2.5'))
	addAction(KeyValueStoreLookupRule(cdb, KeyValueLookupKeyTag('none')), SpoofAction('192.0.2.6'))
	addAction(AndRule({'ranged.test', KeyValueStoreRangeLookupRule(ranges, KeyValueLookupKeySourceIP())}), SpoofAction('192.0.2.7'))
	addAction(KeyValueStoreLookupRule(cdb, KeyValueLookupKeySuffix(0, false)), SpoofAction('192.0.2.8'))
	addAction(AllRule(), RCodeAction(DNSRCode.REFUSED))
END
lab_net
lab_sluice
asks() { # NAME ADDRESS TAGS: what it is answered, and what the stores say of it.
	local got
	console 'got = {}' >/dev/null
	got=$(ask +short "$1" A)
	[ "$got" = "$2" ] || fail "$1 is '$got', not '$2'"
	console_is "return table.concat(got, '/')" "$3"
}
asks TEXT.test 192.0.2.8 plain/plain//client/5range
asks a.b.below.test 192.0.2.8 /suffix//client/5range
asks exact.test '' '//by name/client/5range'
asks tagged.test 192.0.2.5 ///client/5range
asks ranged.test 192.0.2.7 ///client/5range
console_is "return cdb:lookup('text.test'), lmdb:lookup(newDNSName('Exact.Test')), ranges:lookup('x')" $'plain\nby name'
console_is "return cdb:lookupSuffix('x.below.test', 2, false), cdb:lookupSuffix('x.below.test', 4, false)" suffix
for wrong in "KeyValueStoreRangeLookupRule(cdb, KeyValueLookupKeyQName())" "newLMDBKVStore('$work/none', '')" \
	"newLMDBKVStore('$work/keys.mdb', 'none')" "newLMDBKVStore('$work/keys.mdb', '', true)"; do
	console "$wrong" >"$work/wrong" 2>&1 && fail "no error: $wrong"
done
alive
