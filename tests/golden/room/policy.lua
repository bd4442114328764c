-- SPDX-License-Identifier: BSD-2-Clause
newServer('10.53.0.53:53')
getPool(''):setCache(newPacketCache(100))
addAction('lua.test', LuaAction(function() return DNSAction.None end))
addAction('suspended.test', LuaAction(function(dq)
  dq:suspend(1, dq.dh:getID(), 10)
  return DNSAction.Allow
end))
addAction({'spoofed.test', 'late.test', 'continued.test'}, LuaAction(function()
  return DNSAction.None
end))
addAction('spoofed.test', SpoofRawAction({('a'):rep(250), ('b'):rep(250), ('c'):rep(250)}))
addCacheMissAction('late.test', SpoofRawAction({('d'):rep(250), ('e'):rep(250), ('f'):rep(250)}))
addAction('continued.test', ContinueAction(SpoofRawAction({('g'):rep(250), ('h'):rep(250),
  ('i'):rep(250)})))
local canned = '\0\0\129\128\0\1\0\4\0\0\0\0\6packet\4test\0\0\16\0\1' ..
  ('\192\12\0\16\0\1\0\0\0\60\0\201\200' .. ('p'):rep(200)):rep(4)
addAction({'packet.test', 'later.test'}, LuaAction(function() return DNSAction.None end))
addAction('packet.test', SpoofPacketAction(canned, #canned))
addCacheMissAction('later.test', SpoofPacketAction(canned, #canned))
addAction('returned.test', LuaAction(function() return DNSAction.SpoofPacket, canned end))
addAction('result.test', LuaAction(function()
  local addresses = {}
  for i = 1, 60 do
    addresses[i] = '192.0.2.' .. i
  end
  return DNSAction.Spoof, table.concat(addresses, ',')
end))
-- Those match once, however often their answer is tried.
addAction({'once.test', 'later.once.test'}, LuaAction(function() return DNSAction.None end))
local long = SpoofRawAction({('j'):rep(250), ('k'):rep(250), ('l'):rep(250)})
addAction(AndRule({QNameRule('once.test'), MaxQPSRule(1)}), long)
addCacheMissAction(AndRule({QNameRule('later.once.test'), MaxQPSRule(1)}), long)
addResponseAction('error.test', LuaResponseAction(function() return DNSResponseAction.None end))
addResponseAction('error.test', SetExtendedDNSErrorResponseAction(3, ('stale'):rep(30)))
