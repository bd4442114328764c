#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Tables of subscribers: profiles by source port, by address and by prefix, replaced under live rules.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

replace() { cat >"$work/$1.new" && mv "$work/$1.new" "$work/$1"; }
# is CODE PORT: what who asks from there for a game is told. The server says REFUSED.
is() { ask game.test -b "10.53.2.2#$2" | grep -q "status: $1"; }
is6() { in_client dig +tries=1 +time=3 "@$server6" game.test | grep -q "status: $1"; }
loads() {
	in_sluice python3 -c \
		'import urllib.request; print(urllib.request.urlopen("http://127.0.0.1:8083/metrics", timeout=5).read().decode())' |
		sed -n 's/^sluice_list_loads_total{list="people".*} //p'
}
loaded_since() { [ "$(loads)" -gt "$1" ]; }

{
	printf '10.53.2.2:20000-20999 sub1 profile=kids region=north\n10.53.2.2:21000-21999 sub2 profile=adults\n'
	printf '10.53.2.2:20500-20600 sub3\n10.53.2.2:30000 sub4\nfd53:2::/64 sub1 profile=kids\n'
} >"$work/people.txt"
lab_up <<-END
	newServer('10.53.0.2:5300')
	people = sluice.loadTable('$work/people.txt', {name = 'people'})
	addAction(AllRule(), sluice.SubscriberAction(people))
	addAction(AndRule({TagRule('profile', 'kids'), 'game.test'}), RCodeAction(DNSRCode.NXDOMAIN))
	addAction(AndRule({sluice.SubscriberRule(people), 'game.test'}), RCodeAction(DNSRCode.NOTIMP))
	addResponseAction(TagRule('subscriber', 'sub1'), SetMaxTTLResponseAction(17))
END
said 'people\.txt:3: its ports overlap those of the same address in line 1' || fail "no word about line 3"
said 'people\.txt:4: .*no range of ports' || fail "no complaint about line 4"
is NXDOMAIN 20000 || fail "the first port of a range is not found"
is NXDOMAIN 20999 || fail "the last port of a range is not found"
is NOTIMP 21000 || fail "the neighbour of a range has its profile"
is REFUSED 22000 || fail "a port that nobody has is somebody's"
is6 NXDOMAIN || fail "a prefix is not found"
expect 'c1\.demo\.test\.[[:space:]]+17[[:space:]]' c1.demo.test -b "10.53.2.2#20001"

# Somebody else has the ports now; then it is the whole address.
replace people.txt <<<'10.53.2.2:20000-20999 sub5 profile=adults'
wait_for 10 "the new table" is NOTIMP 20000
is REFUSED 21000 || fail "who left the table is still there"
is6 REFUSED || fail "a prefix that left the table is still there"
printf '10.53.2.2 sub6 profile=kids\n' >"$work/people.txt"
wait_for 10 "the table written in place" is NXDOMAIN 40000

# A table that is missing or broken changes nothing.
printf '<html>not here</html>\n' >"$work/people.txt"
wait_for 10 "a word about the broken table" said 'people\.txt: .*the list stays as it was'
is NXDOMAIN 40000 || fail "a broken file emptied the table"

# Replaced over and over under load: every query is answered, and by the rule.
before=$(loads)
load 4000 game.test 1000 >"$work/load.out" &
loader=$!
for round in 1 2 3 4 5; do
	{ printf '10.53.2.0/24 all%s profile=kids\n' "$round" && seq -f '10.9.%.0f.0/24 s profile=adults' 0 255; } |
		replace people.txt
	wait_for 10 "table $round under load" loaded_since $((before + round - 1))
done
wait "$loader" || fail "queries were lost while the table was replaced: $(cat "$work/load.out")"
grep -qE 'NXDOMAIN 4000 ' "$work/load.out" || fail "not all queries met the rule: $(cat "$work/load.out")"

console "local found = people:match('10.53.2.2', 20000)
	return table.concat({found.id, found.tags.profile, tostring(people:match('192.0.2.1')), people:count()}, ' ')" |
	grep -q '^all5 kids nil 257$' || fail "the console does not tell what is in the table"
console 'return showLists()' | grep -qE '^people +ready +257 +0 ' || fail "showLists() does not know the table"
{ console 'sluice.SubscriberAction({})' 2>&1 || true; } | grep -q 'takes a table of sluice.loadTable' ||
	fail "an action takes anything for a table"
{ console 'NetmaskGroupRule(people)' 2>&1 || true; } | grep -q 'there is sluice.SubscriberRule' ||
	fail "a rule for prefixes takes a table"
