-- SPDX-License-Identifier: BSD-2-Clause
newServer('10.53.0.53:53')
addAction(QNameSuffixRule({'lua.test'}), LuaAction(function(dq)
  dq:setTag('name', dq.qname:toString())
  return DNSAction.None
end))
addAction(QNameSuffixRule({'refused.test'}), SetExtendedDNSErrorAction(15, 'no'))
addAction(QNameSuffixRule({'refused.test'}), RCodeAction(DNSRCode.REFUSED))
