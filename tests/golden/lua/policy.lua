-- SPDX-License-Identifier: BSD-2-Clause
newServer('10.53.0.53:53')
local absent = newNetworkEndpoint('/nowhere/filter.sock')

addAction(QNameRule('tc.test'), LuaAction(function(dq)
  dq.dh:setQR(true)
  dq.dh:setTC(true)
  return DNSAction.HeaderModify
end))
addAction(QNameSuffixRule({'park.test'}), LuaAction(function(dq)
  dq:suspend(1, dq.dh:getID(), 250)
  if absent:send(dq:getContent()) then error('there is no filter in replay') end
  return DNSAction.Allow
end))
addAction(QNameRule('error.test'), LuaAction(function() error('meant') end))
addAction(QNameRule('nx.test'), LuaAction(function() return DNSAction.Nxdomain end))
addAction(QNameRule('drop.test'), LuaAction(function() return DNSAction.Drop end))
addResponseAction(AllRule(), LuaResponseAction(function(dr)
  dr:setTag('length', tostring(#dr:getContent()))
  return DNSResponseAction.Allow
end))
