-- SPDX-License-Identifier: BSD-2-Clause
newServer('10.53.0.53:53')
getPool(''):setCache(newPacketCache(100))
-- The last one holds, whoever sets it.
addAction('own.test', DelayAction(500))
addAction('own.test', DelayAction(100))
addAction('never.test', DelayAction(50))
addAction('never.test', DelayAction(0))
addAction('last.test', DelayAction(7200)) -- longer than the wheel turns
addAction('lua.test', LuaAction(function() return DNSAction.Delay, '20' end))
addAction('number.test', LuaAction(function() return DNSAction.Delay, 30 end))
addAction('broken.test', LuaAction(function() return DNSAction.Delay, 'soon' end))
addAction('dropped.test', DelayAction(10))
addAction('dropped.test', DropAction())
addAction({'own.test', 'never.test', 'last.test', 'lua.test', 'number.test', 'broken.test'},
  SpoofAction('192.0.2.1'))
addAction({'served.test', 'long.test'}, DelayAction(40))
addResponseAction('long.test', DelayResponseAction(60))
addResponseAction('word.test', LuaResponseAction(function() return DNSResponseAction.Delay, '15' end))
addCacheHitResponseAction('later.test', DelayResponseAction(25))
addSelfAnsweredResponseAction('last.test', SetTagResponseAction('seen', 'yes'))
