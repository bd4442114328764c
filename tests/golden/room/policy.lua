-- SPDX-License-Identifier: BSD-2-Clause
newServer('10.53.0.53:53')
getPool(''):setCache(newPacketCache(100))
addAction('lua.test', LuaAction(function() return DNSAction.None end))
addAction('suspended.test', LuaAction(function(dq)
  dq:suspend(1, dq.dh:getID(), 10)
  return DNSAction.Allow
end))
