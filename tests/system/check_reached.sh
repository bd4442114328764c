#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# sluice check warns of rules that no packet reaches, and of no others.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<<"newServer('10.53.0.2:5300')"

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
