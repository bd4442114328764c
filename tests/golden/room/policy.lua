-- SPDX-License-Identifier: BSD-2-Clause
newServer('10.53.0.53:53')
getPool(''):setCache(newPacketCache(100))
addAction('lua.test', LuaAction(function() return DNSAction.None end))
addAction('suspended.test', LuaAction(function(dq)
  dq:suspend(1, dq.dh:getID(), 10)
  return DNSAction.Allow
end))
addAction({'spoofed.test', 'late.test'}, LuaAction(function() return DNSAction.None end))
addAction('spoofed.test', SpoofRawAction({('a'):rep(250), ('b'):rep(250), ('c'):rep(250)}))
addCacheMissAction('late.test', SpoofRawAction({('d'):rep(250), ('e'):rep(250), ('f'):rep(250)}))
addAction('result.test', LuaAction(function()
  local addresses = {}
  for i = 1, 60 do
    addresses[i] = '192.0.2.' .. i
  end
  return DNSAction.Spoof, table.concat(addresses, ',')
end))
addResponseAction('error.test', LuaResponseAction(function() return DNSResponseAction.None end))
addResponseAction('error.test', SetExtendedDNSErrorResponseAction(3, ('stale'):rep(30)))
