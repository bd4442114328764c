#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# sluice check warns of what is allowed and probably not meant, with its line, and ends with 0.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<<"newServer('10.53.0.2:5300')"

# warns PATTERN...: the policy of standard input has just these warnings, in this order.
warns() {
	local status=0 pattern
	cat >"$work/policy.lua"
	"$binary" check -c "$work/sluice.yml" >"$work/said.log" 2>&1 || status=$?
	[ "$status" -eq 0 ] || fail "check ends with $status for: $(cat "$work/policy.lua")"
	mapfile -t said < <(grep 'policy\.lua:[0-9]*: warning: ' "$work/said.log" || true)
	for pattern in "$@"; do
		grep -qE "policy\.lua:$pattern" <<<"${said[0]:-}" || fail "'${said[0]:-nothing}' is not '$pattern'"
		said=("${said[@]:1}")
	done
	[ ${#said[@]} -eq 0 ] || fail "too many warnings: ${said[*]}"
}
# refuses PATTERN POLICY
refuses() {
	printf '%s\n' "$2" >"$work/policy.lua"
	"$binary" check -c "$work/sluice.yml" >"$work/said.log" 2>&1 && fail "accepted: $2"
	grep -qE "policy\.lua:1: $1" "$work/said.log" || fail "no line like '$1' for $2"
}

warns '1: .*spoofs IPv4 addresses only, AAAA queries' '2: .*spoofs IPv6 addresses only, A queries' <<-'END'
	addAction('a.test', SpoofAction({'192.0.2.1', '192.0.2.2'}))
	addAction(AndRule({'b.test', NotRule(QTypeRule('AAAA'))}), SpoofAction('2001:db8::1'))
END
warns '3: .*never reached: that of .*policy.lua:2 ' <<-'END'
	addAction('a.test', PoolAction('later', false))
	addAction(AllRule(), PoolAction('all'), {name = 'all'})
	addAction('a.test', DropAction())
END
warns '2: .*never reached: that of .*policy.lua:1 ' <<-'END'
	local first = newRuleAction('b.test', AllowAction())
	setRules({first, newRuleAction(OrRule({'x.b.test', 'b.test'}), DropAction())})
END
warns '2: .*never reached' '7: .*never reached' '8: .*never reached' <<-'END'
	addAction(AndRule({NetmaskGroupRule('192.0.2.0/24'), TagRule('t')}), RCodeAction(5))
	addAction(AndRule({TagRule('t', 'x'), NetmaskGroupRule('192.0.2.0/24')}), DropAction())
	local names = newSuffixMatchNode()
	names:add({'test', 'example'})
	addAction(SuffixMatchNodeRule(names), NegativeAndSOAAction(true, '.', 60, '.', '.', 1, 2, 3, 4, 5))
	addAction('www.other', SpoofAction({'192.0.2.1', '2001:db8::1'}))
	addAction('WWW.other', SpoofAction('192.0.2.2'))
	addAction({'a.b.test', 'c.EXAMPLE'}, LuaAction(function() return DNSAction.None end))
END
warns '2: .*netmasks and names: the names are ignored' <<-'END'
	local mixed = {'192.0.2.0/24', 'a.test'}
	addAction(mixed, DropAction())
END
warns <<-'END'
	addAction('a.test', SpoofAction('192.0.2.1'))
	addAction('a.test', SpoofAction('2001:db8::1'))
	addAction(AndRule({QTypeRule('A'), 'b.test'}), SpoofAction('192.0.2.1'))
	addAction(AndRule({QTypeRule('AAAA'), 'test'}), RCodeAction(DNSRCode.REFUSED))
	addAction('c.test', SpoofAction('192.0.2.1'))
	addAction('a.b.test', ContinueAction(DropAction()))
	addAction(MaxQPSIPRule(10), DropAction()) addAction(MaxQPSIPRule(10), DropAction())
	addAction(TagRule('t'), DropAction()) addAction(AllRule(), SetTagAction('t', 'v')) addAction(TagRule('t'), DropAction())
	addAction(QNameRule('test'), DropAction()) addAction('test', DropAction()) addAction(AllRule(), AllowAction())
	addResponseAction(AllRule(), AllowResponseAction())
END
warns '7: .*never reached: that of .*policy.lua:6 ' <<-'END'
	local function rename(dq) dq:changeName(newDNSName('a.test')) return DNSAction.None end
	addAction(OrRule({QNameRule('a.test'), RegexRule('^b'), TagRule('t')}), DropAction())
	addAction('c.test', LuaAction(rename))
	addAction(QNameRule('a.test'), AllowAction())
	addAction(AndRule({LuaRule(rename), RegexRule('^b')}), AllowAction())
	addAction('d.test', DropAction())
	addAction('www.d.test', AllowAction())
END
warns <<-'END'
	addAction('a.test', DropAction())
	addAction(AndRule({'a.test', HTTPPathRule('/dns-query')}), DropAction())
END
warns '2: .*no port has the address of "192.0.2.1:5353"' '4: .*no port has the address of "\[2001:db8::1\]"' <<-'END'
	setLocal('0.0.0.0:53') addLocal('[::]:53') addLocal('10.53.2.1:54') addLocal('fd53:2::1')
	addLocal('192.0.2.1:5353')
	addAction('a.test', DropAction())
	addLocal('[2001:db8::1]', {doTCP = true})
END
for example in "$top"/lua/examples/*.lua; do
	warns <"$example"
done

refuses "attempt to call global 'addActoin' \(a nil value\); did you mean addAction\?" "addActoin('a', DropAction())"
refuses "attempt to call global 'qtyperule' .*; did you mean QTypeRule\?" "addAction(qtyperule(1), DropAction())"
refuses "attempt to index global 'DNSRcodes' .*; did you mean DNSRCode\?" "addAction('a', RCodeAction(DNSRcodes.REFUSED))"
refuses "attempt to call field 'suspnd' .*; did you mean sluice.suspend\?" "sluice.suspnd()"
refuses "attempt to call global 'wellKnown' \(a nil value\)$" "wellKnown()"
