#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Lists from files: under rules, replaced while they are, and what becomes of broken files.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# answers CODE NAME; the server says REFUSED to what is not below demo.test.
answers() { ask "$2" | grep -q "status: $1"; }
replace() { cat >"$work/$1.new" && mv "$work/$1.new" "$work/$1"; }

metrics() {
	in_sluice python3 -c \
		'import urllib.request; print(urllib.request.urlopen("http://127.0.0.1:8083/metrics", timeout=5).read().decode())'
}
lists() { metrics | sed -n 's/^sluice_list_entries{list="\([^"]*\)".*/\1/p' | sort | paste -sd ' '; }
lists_are() { [ "$(lists)" = "$1" ]; }

# A new policy, which answers something with a code that no other does.
policy() {
	cat >"$work/policy.lua"
	kill -HUP "$sluice_pid"
}

printf '# ours\nads.test\n*.tracker.test\nno name here\nbad..name\n' >"$work/block.txt"
printf '0.0.0.0 host.test\n' >"$work/block.hosts"
lab_up <<-END
	newServer('10.53.0.2:5300')
	block = sluice.loadNames('$work/block.txt', {name = 'block'})
	addAction(QNameSuffixRule(block), LogAction('$work/blocked', false, false, false))
	addAction(QNameSuffixRule(block), RCodeAction(DNSRCode.NXDOMAIN))
	addAction(QNameSetRule(sluice.loadNames('$work/block.hosts')), RCodeAction(DNSRCode.REFUSED))
	addAction(sluice.loadNames('$work/later.txt', {optional = true}), RCodeAction(DNSRCode.NOTIMP))
END
said 'block\.txt:4: ' || fail "no complaint about line 4"
said 'block\.txt:5: ' || fail "no complaint about line 5"
answers NXDOMAIN ads.test || fail "an entry is not found"
answers NXDOMAIN a.b.ADS.test || fail "a name below an entry is not found"
answers NXDOMAIN x.tracker.test || fail "a name below a wildcard is not found"
wait_for 10 "the entry in the log" grep -qE \
	'for a\.b\.ADS\.test\. A with id [0-9]+, listed: ads\.test in block$' "$work/blocked"
answers REFUSED host.test || fail "a name of a hosts file is not found"
expect 'status: NOERROR' c1.demo.test

# A rename, a file written where it lies, one that comes later.
replace block.txt <<<'demo.test'
wait_for 10 "the new list" answers NXDOMAIN c1.demo.test
printf 'other.test\n' >"$work/block.txt"
wait_for 10 "the list written in place" answers NOERROR c1.demo.test
answers NXDOMAIN other.test || fail "the list written in place is not in force"
printf 'later.test\n' >"$work/later.txt"
wait_for 10 "the list that came later" answers NOTIMP later.test

# What is missing or empty changes nothing.
rm "$work/block.txt"
wait_for 10 "a word about the missing file" said 'block\.txt: .*the list stays as it was'
answers NXDOMAIN other.test || fail "a missing file emptied the list"
printf '# nothing\n' >"$work/block.txt"
wait_for 10 "a word about the empty file" said 'block\.txt: .*(no|without|nothing).*the list stays'
answers NXDOMAIN other.test || fail "an empty file emptied the list"

# Behind a symbolic link, in either folder; opened by the console, while rules are in force.
mkdir "$work/one" "$work/two"
printf 'one.test\n' >"$work/one/list.txt"
printf 'two.test\n' >"$work/two/list.txt"
ln -s one/list.txt "$work/link.txt"
in_sluice "$binary" console -s "$console_socket" -e \
	"addAction(sluice.loadNames('$work/link.txt', {name = 'link'}), RCodeAction(DNSRCode.NOTAUTH))"
wait_for 10 "the list behind a link" answers NOTAUTH one.test
printf 'more.test\n' >"$work/one/list.txt"
wait_for 10 "the list where the link leads" answers NOTAUTH more.test
ln -s two/list.txt "$work/link.new" && mv -T "$work/link.new" "$work/link.txt"
wait_for 10 "the list where the link leads now" answers NOTAUTH two.test

# Prefixes.
printf '10.53.2.0/24 ; the clients\n!10.53.2.7\nfd53:2::/64\n10.53.2.0/33\n' >"$work/clients.txt"
policy <<-END
	newServer('10.53.0.2:5300')
	block = sluice.loadNames('$work/block.txt', {name = 'block'})
	clients = sluice.loadPrefixes('$work/clients.txt')
	addAction(AndRule({NetmaskGroupRule(clients), 'pre.test'}), RCodeAction(DNSRCode.YXRRSET))
	addAction(AndRule({NetmaskGroupRule(clients, false), 'own.test'}), RCodeAction(DNSRCode.NOTZONE))
END
wait_for 10 "the policy with prefixes" answers YXRRSET pre.test
answers NOTZONE own.test || fail "the address that was asked is not looked up"
said 'clients\.txt:4: ' || fail "no complaint about a prefix of 33 bits"
printf '192.0.2.0/24\n' >"$work/clients.txt"
wait_for 10 "the new prefixes" answers REFUSED pre.test

# The console and the metrics tell.
in_sluice "$binary" console -s "$console_socket" -e 'return showLists()' >"$work/lists.log"
grep -qE '^block +ready +1 ' "$work/lists.log" || fail "showLists() does not know the list"
in_sluice "$binary" console -s "$console_socket" -e "return block:match('x.other.test')" |
	grep -q '^other.test\.$' || fail "match() does not tell the entry"
in_sluice "$binary" console -s "$console_socket" -e "return clients:match('192.0.2.9')" |
	grep -q '^192\.0\.2\.0/24$' || fail "match() does not tell the prefix"

metrics >"$work/metrics"
grep -qE '^sluice_list_entries\{list="block",path=".*block\.txt"\} 1$' "$work/metrics" ||
	fail "the metrics do not know the list"
grep -qE '^sluice_list_failures_total\{list="block".*\} 2$' "$work/metrics" ||
	fail "the metrics do not count failures"

# A new policy with a new list comes into force when that has been read; without, not at all.
printf 'fresh.test\n' >"$work/fresh.txt"
policy <<-END
	newServer('10.53.0.2:5300')
	addAction(sluice.loadNames('$work/fresh.txt'), RCodeAction(DNSRCode.YXDOMAIN))
END
wait_for 10 "the new policy" answers YXDOMAIN fresh.test
wait_for 10 "the end of lists that nobody uses" lists_are fresh.txt
policy <<-END
	newServer('10.53.0.2:5300')
	addAction(sluice.loadNames('$work/absent.txt'), RCodeAction(DNSRCode.NXDOMAIN))
END
wait_for 10 "the refusal" said 'policy\.lua:2: sluice\.loadNames: .*absent\.txt: '
answers YXDOMAIN fresh.test || fail "a policy without its list came into force"
status=0
timeout 30 "$binary" check -c "$work/sluice.yml" >"$work/check.log" 2>&1 || status=$?
[ "$status" -eq 1 ] || fail "check accepts a list that is missing"
grep -q 'policy\.lua:2: sluice\.loadNames: ' "$work/check.log" || fail "check does not say where"
