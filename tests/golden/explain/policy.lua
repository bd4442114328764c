-- SPDX-License-Identifier: BSD-2-Clause
newServer('10.53.0.53:53')
local names = newSuffixMatchNode()
names:add({'bad.test', 'worse.test'})

addAction(AllRule(), SetTagAction('seen', 'two\nlines'))
addAction(SuffixMatchNodeRule(names), RCodeAction(DNSRCode.REFUSED), {name = 'blocked'})
addAction(AndRule({QNameRule('www.bad.test'), QTypeRule(DNSQType.A)}), DropAction())
addAction(QNameRule('park.test'), LuaAction(function(dq)
  sluice.suspend(dq, {timeout = 250, on_expiry = 'refused'})
  return DNSAction.None
end), {name = 'filter'})
addAction(LuaRule(function(dq) return dq.qtype == DNSQType.TXT end), TCAction())
addResponseAction(RCodeRule(DNSRCode.NXDOMAIN), DropResponseAction())
addSelfAnsweredResponseAction(AllRule(), AllowResponseAction())
