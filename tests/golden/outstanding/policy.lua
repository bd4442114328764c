-- SPDX-License-Identifier: BSD-2-Clause
newServer('10.53.0.53:53')
newServer({address='10.53.0.54:53', pool='other'})
setUDPTimeout(1)
addAction(QNameRule('lua.test'), LuaAction(function() return DNSAction.None, '' end))
addAction(PoolOutstandingRule('', 1), RCodeAction(DNSRCode.REFUSED))
addAction(QNameSuffixRule({'other.test'}), PoolAction('other'))
