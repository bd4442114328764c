#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# sluice check warns of what is allowed and probably not meant, with its line, and ends with 0.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<<"newServer('10.53.0.2:5300')"

warns '1: .*spoofs IPv4 addresses only, AAAA queries' '2: .*spoofs IPv6 addresses only, A queries' <<-'END'
	addAction('a.test', SpoofAction({'192.0.2.1', '192.0.2.2'}))
	addAction(AndRule({'b.test', NotRule(QTypeRule('AAAA'))}), SpoofAction('2001:db8::1'))
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
warns '2: .*no port has the address of "192.0.2.1:5353"' '4: .*no port has the address of "\[2001:db8::1\]"' <<-'END'
	setLocal('0.0.0.0:53') addLocal('[::]:53') addLocal('10.53.2.1:54') addLocal('fd53:2::1')
	addLocal('192.0.2.1:5353')
	addAction('a.test', DropAction())
	addLocal('[2001:db8::1]', {doTCP = true})
END
for example in "$top"/lua/examples/*.lua; do
	warns <"$example"
done
